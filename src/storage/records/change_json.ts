import { isQoS, type QoS, type RetainHandling, type Will } from "../../codec/packet.ts";
import {
  hasProperties,
  NO_PROPERTIES,
  type Properties,
  PROPERTY_DEFINITIONS,
  type PropertyDefinition,
  PropertyPlace,
} from "../../codec/property.ts";
import { isTopicName } from "../../codec/topic_name.ts";
import { utf8Length } from "../../codec/utf8.ts";
import { type AccessAttributes, GRANT_ACCESS } from "../../protocol/access.ts";
import type { Change, CommitItem, Transaction } from "../../protocol/change.ts";
import { type StoredMessage, storedMessage } from "../../protocol/message.ts";
import { type ParsedTopicFilter, parseTopicFilter } from "../../protocol/topic_filter.ts";

/**
 * A change as one line of JSON, for backups and for storages that keep text. Bytes are base64, a time that never comes is
 * `null`, an `undefined` field is left out, a Topic Filter is its text.
 *
 *   {"kind":"sessionStarted","clientId":"c"}
 *   {"kind":"clock","nowMs":1800000000000,"wallMs":1800000000000}
 *   {"kind":"completed","clientId":"c","sequence":7}
 *   {"kind":"retained","topic":"t","message":{"topic":"t","payload":"aGk=","qos":1,"retain":true,"expiresAtMs":null}}
 */

/** A change as one line of JSON, without its line end. */
export function changeToJson(change: CommitItem): string {
  return JSON.stringify(plainItem(change));
}

/**
 * The change of one line.
 *
 * @param line number of the line, for the error
 * @throws SyntaxError for anything that is not a change, whole and with nothing beside it
 */
export function changeFromJson(text: string, line: number): CommitItem {
  try {
    return readItem(JSON.parse(text), "");
  } catch (error) {
    throw unreadable(error, line);
  }
}

/**
 * The change of one line that a later version may have written: fields that are not known are left out, and a change of
 * an unknown kind is `undefined`. What may be left out is what the `needs` of its format promises.
 *
 * @throws SyntaxError as {@linkcode changeFromJson}
 */
export function laterChangeFromJson(text: string, line: number): CommitItem | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const kind = kindOf(value, "");
    if (kind !== "transaction" && !Object.hasOwn(CHANGES, kind)) return undefined;
    return readWithout(value);
  } catch (error) {
    throw unreadable(error, line);
  }
}

/** Reads a change after removing the fields that are not known from the value. */
function readWithout(value: unknown): CommitItem {
  for (;;) {
    try {
      return readItem(value, "");
    } catch (error) {
      if (!(error instanceof UnknownFieldError)) throw error;
      delete error.fields[error.field];
    }
  }
}

function unreadable(error: unknown, line: number): unknown {
  if (!(error instanceof FieldError || error instanceof SyntaxError)) return error;
  const why = error instanceof FieldError ? error.message : "it is not JSON";
  return new SyntaxError(`Cannot read line ${line}: ${why}`, { cause: error });
}

function plainItem(change: CommitItem): unknown {
  switch (change.kind) {
    case "transaction":
      return { ...change, changes: change.changes.map(plainItem) };
    case "will":
      return { ...change, will: change.will && plainWill(change.will), source: plainTraits(change.source) };
    case "subscribed": {
      const { filter, ...options } = change.subscription;
      return { ...change, subscription: { topicFilter: filter.topicFilter, ...options } };
    }
    case "queued":
      return { ...change, message: plainMessage(change.message) };
    case "retained":
      return {
        ...change,
        message: change.message && plainMessage(change.message),
        source: plainTraits(change.source),
      };
    default:
      return change;
  }
}

function plainWill({ topic, payload, qos, retain, properties }: Will): unknown {
  return { topic, payload: payload.toBase64(), qos, retain, properties: plainProperties(properties) };
}

function plainMessage(
  { topic, payload, qos, retain, properties, publisher, expiresAtMs }: StoredMessage,
): unknown {
  const plain = plainProperties(properties);
  return { topic, payload: payload.toBase64(), qos, retain, properties: plain, publisher, expiresAtMs };
}

function plainProperties(properties: Properties): unknown {
  if (!hasProperties(properties)) return undefined;
  return { ...properties, correlationData: properties.correlationData?.toBase64() };
}

/**
 * Access attributes without the Client Identifier, which is stored elsewhere, and without other fields of the object.
 */
export function plainTraits(traits: AccessAttributes | undefined): AccessAttributes | undefined {
  if (traits === undefined) return undefined;
  const { principal, roles, grants, listener } = traits;
  return { principal, roles, grants, listener };
}

/** Reads a value of JSON; `path` says where it is. Throws {@linkcode FieldError} for anything else. */
type Reader<T> = (value: unknown, path: string) => T;

/** Reports a value that is not as expected. */
class FieldError extends Error {
  constructor(path: string, wanted: string) {
    super(`"${path}" is not ${wanted}`);
  }
}

/** Reports a field that no reader is there for. */
class UnknownFieldError extends FieldError {
  constructor(readonly fields: Record<string, unknown>, readonly field: string, path: string) {
    super(pathOf(path, field.slice(0, 50)), "a known field");
  }
}

/** Reader of an object with exactly these fields: a field that is not read would be lost. */
function object<Shape extends Readonly<Record<string, Reader<unknown>>>>(
  shape: Shape,
): Reader<{ [Name in keyof Shape]: ReturnType<Shape[Name]> }> {
  const readers = Object.entries(shape);
  return (value, path) => {
    const fields = fieldsOf(value, path);
    const read: Record<string, unknown> = {};
    for (const [name, reader] of readers) read[name] = reader(fields[name], pathOf(path, name));
    for (const name of Object.keys(fields)) { // `__proto__` and the like are own keys in the result of JSON.parse.
      if (!Object.hasOwn(shape, name)) throw new UnknownFieldError(fields, name, path);
    }
    return read as { [Name in keyof Shape]: ReturnType<Shape[Name]> }; // Names and types are those of the shape.
  };
}

function fieldsOf(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new FieldError(path, "an object");
  return value as Record<string, unknown>; // Not null and not a list.
}

function pathOf(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** Reader of a field that may be missing: JSON has no other `undefined`. */
function optional<T>(read: Reader<T>): Reader<T | undefined> {
  return (value, path) => value === undefined ? undefined : read(value, path);
}

function list<T>(read: Reader<T>): Reader<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new FieldError(path, "a list");
    return value.map((item, index) => read(item, `${path}[${index}]`));
  };
}

function integer(least: number, most: number): Reader<number> {
  return (value, path) => {
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least || value > most) {
      throw new FieldError(path, `an integer from ${least} to ${most}`);
    }
    return value;
  };
}

function text(value: unknown, path: string): string {
  if (typeof value !== "string") throw new FieldError(path, "a text");
  return value;
}

/** Reads a UTF-8 Encoded String (section 1.5.4). */
function mqttText(value: unknown, path: string): string {
  const read = text(value, path);
  try {
    utf8Length(read);
  } catch {
    throw new FieldError(path, "a text that MQTT can carry"); // It throws for nothing else.
  }
  return read;
}

function topicName(value: unknown, path: string): string {
  const read = mqttText(value, path);
  if (!isTopicName(read)) throw new FieldError(path, "a Topic Name");
  return read;
}

function topicFilter(value: unknown, path: string): ParsedTopicFilter {
  const filter = parseTopicFilter(mqttText(value, path));
  if (filter === undefined) throw new FieldError(path, "a Topic Filter");
  return filter;
}

function topicFilterText(value: unknown, path: string): string {
  return topicFilter(value, path).topicFilter;
}

function boolean(value: unknown, path: string): boolean {
  if (typeof value !== "boolean") throw new FieldError(path, "true or false");
  return value;
}

function qos(value: unknown, path: string): QoS {
  if (typeof value !== "number" || !isQoS(value)) throw new FieldError(path, "0, 1 or 2");
  return value;
}

/** Reads a time; `null` is Infinity, as JSON.stringify() writes it. */
function timeMs(value: unknown, path: string): number {
  if (value === null) return Infinity;
  if (typeof value !== "number" || !(value >= 0)) throw new FieldError(path, "a time in milliseconds or null");
  return value;
}

function bytes(value: unknown, path: string): Uint8Array {
  const read = text(value, path);
  try {
    return Uint8Array.fromBase64(read, { lastChunkHandling: "strict" });
  } catch {
    throw new FieldError(path, "base64"); // It throws for nothing else.
  }
}

function pair(value: unknown, path: string): readonly [string, string] {
  if (!Array.isArray(value) || value.length !== 2) throw new FieldError(path, "a name and a value");
  return [mqttText(value[0], path), mqttText(value[1], path)];
}

function access(value: unknown, path: string): typeof GRANT_ACCESS[number] {
  const known = GRANT_ACCESS.find((name) => name === value);
  if (known === undefined) throw new FieldError(path, "read, write, readwrite or deny");
  return known;
}

const uint32 = integer(0, 0xffff_ffff);
const count = integer(0, Number.MAX_SAFE_INTEGER);
const sequence = integer(1, Number.MAX_SAFE_INTEGER);
const packetIdentifier = integer(1, 65_535);
const subscriptionIdentifier = integer(1, 268_435_455);

/** Readers of properties by type; a property of any other type is in no message and no Will. */
const PROPERTY_READERS: Readonly<Partial<Record<PropertyDefinition["type"], Reader<unknown>>>> = {
  flag: integer(0, 1),
  uint32,
  topic: topicName,
  string: mqttText,
  binary: bytes,
  pair: list(pair),
};

/** Reader of properties; missing: there are none. */
function properties(definitions: readonly PropertyDefinition[]): Reader<Properties> {
  const shape = definitions.flatMap(({ name, type }) => {
    const read = PROPERTY_READERS[type];
    return read === undefined ? [] : [[name, optional(read)] as const];
  });
  const read = object(Object.fromEntries(shape));
  return (value, path) => {
    if (value === undefined) return NO_PROPERTIES;
    return Object.fromEntries(Object.entries(read(value, path)).filter(([, property]) => property !== undefined));
  };
}

/** Properties between two peers only: no message is stored with them. */
const NOT_KEPT: readonly (keyof Properties)[] = ["topicAlias", "subscriptionIdentifiers"];
const MESSAGE_PROPERTIES = PROPERTY_DEFINITIONS.filter(({ places, name }) =>
  (places & PropertyPlace.publish) !== 0 && !NOT_KEPT.includes(name)
);
const WILL_PROPERTIES = PROPERTY_DEFINITIONS.filter(({ places }) => (places & PropertyPlace.will) !== 0);

const CONTENTS = { topic: topicName, payload: bytes, qos, retain: boolean };
const will = object({ ...CONTENTS, properties: properties(WILL_PROPERTIES) });
const messageFields = object({
  ...CONTENTS,
  properties: properties(MESSAGE_PROPERTIES),
  publisher: optional(mqttText),
  expiresAtMs: timeMs,
});

function message(value: unknown, path: string): StoredMessage {
  const { publisher, expiresAtMs, ...packet } = messageFields(value, path);
  if ((expiresAtMs === Infinity) !== (packet.properties.messageExpiryInterval === undefined)) {
    throw new FieldError(pathOf(path, "expiresAtMs"), "there with messageExpiryInterval, or null without it");
  }
  return storedMessage(packet, publisher, expiresAtMs);
}

const traits: Reader<AccessAttributes> = object({
  principal: optional(text),
  roles: list(text),
  grants: list(object({ access, topicFilter: text })),
  listener: optional(text),
});

const subscriptionFields = object({
  topicFilter,
  qos,
  noLocal: boolean,
  retainAsPublished: boolean,
  retainHandling: integer(0, 2) as Reader<RetainHandling>, // 0, 1 or 2.
  subscriptionIdentifier: optional(subscriptionIdentifier),
});

const retainedDue = object({
  after: (value, path) => value === "" ? "" : topicName(value, path),
  until: count,
  passes: sequence,
  passesUntil: count,
});

const retainedFields = object({
  kind: text,
  topic: topicName,
  message: optional(message),
  source: optional(traits),
  sequence: optional(sequence),
});

/** Reader of a change of a session. */
function ofSession<Shape extends Readonly<Record<string, Reader<unknown>>>>(shape: Shape) {
  return object({ kind: text, clientId: mqttText, ...shape });
}

/** Fields of each kind of change. */
const CHANGES: { readonly [Kind in Change["kind"]]: Reader<Omit<Extract<Change, { kind: Kind }>, "kind">> } = {
  sessionStarted: ofSession({ principal: optional(text), network: optional(text) }),
  sessionExpiry: ofSession({ sessionExpirySeconds: uint32, expiresAtMs: optional(timeMs) }),
  sessionEnded: ofSession({}),
  will: ofSession({ will: optional(will), publishAtMs: optional(timeMs), source: optional(traits) }),
  subscribed: ofSession({
    subscription: (value, path) => {
      const { topicFilter: filter, ...options } = subscriptionFields(value, path);
      return { filter, ...options };
    },
    retainedDue: optional(retainedDue),
  }),
  unsubscribed: ofSession({ topicFilter: topicFilterText }),
  accepted: ofSession({ packetIdentifier }),
  released: ofSession({ packetIdentifier }),
  queued: ofSession({
    sequence,
    message,
    qos,
    retain: boolean,
    subscriptionIdentifiers: list(subscriptionIdentifier),
    sharedFilter: optional(topicFilterText),
    packetIdentifier: integer(0, 65_535),
  }),
  sent: ofSession({ sequence, packetIdentifier }),
  received: ofSession({ sequence }),
  completed: ofSession({ sequence }),
  backlog: ofSession({ lastSequence: count, messages: count, bytes: count }),
  retained: (value, path) => {
    const change = retainedFields(value, path);
    if (change.message !== undefined && change.message.topic !== change.topic) {
      throw new FieldError(pathOf(path, "topic"), "that of its message");
    }
    return change;
  },
  clock: object({ kind: text, nowMs: count, wallMs: count, uptimeMs: optional(count), bootId: optional(text) }),
};

const transaction = object({ kind: text, changes: list(readChange) });

function readItem(value: unknown, path: string): CommitItem {
  if (kindOf(value, path) !== "transaction") return readChange(value, path);
  return transaction(value, path) as Transaction; // Its kind was looked at.
}

function readChange(value: unknown, path: string): Change {
  const kind = kindOf(value, path);
  if (!Object.hasOwn(CHANGES, kind)) throw new FieldError(pathOf(path, "kind"), "a kind of change");
  return CHANGES[kind as Change["kind"]](value, path) as Change; // Its kind is that of the row.
}

function kindOf(value: unknown, path: string): string {
  const { kind } = fieldsOf(value, path);
  return text(kind, pathOf(path, "kind"));
}
