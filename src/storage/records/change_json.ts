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
import type { Change, CommitItem, QueuedChange, RetainedDue } from "../../protocol/change.ts";
import { ApplicationMessage } from "../../protocol/message.ts";
import type { Subscription } from "../../protocol/subscription.ts";
import { type ParsedTopicFilter, parseTopicFilter } from "../../protocol/topic_filter.ts";
import { FieldError, integerOf, JsonFields, mqttTextOf } from "./json_fields.ts";
import { plainTraits, readTraits } from "./traits_json.ts";

/**
 * A change as one line of JSON, for backups and for storages that keep text. Bytes are base64, a time that never comes is
 * `null`, an `undefined` field is left out, a Topic Filter is its text.
 *
 *   {"kind":"sessionStarted","clientId":"c"}
 *   {"kind":"clock","nowMs":1800000000000,"wallMs":1800000000000}
 *   {"kind":"completed","clientId":"c","sequence":7}
 *   {"kind":"retained","topic":"t","message":{"topic":"t","payload":"aGk=","qos":1,"retain":true,"expiresAtMs":null}}
 */

const LARGEST_PACKET_IDENTIFIER = 65_535;
const LARGEST_SUBSCRIPTION_IDENTIFIER = 268_435_455;
const LARGEST_UINT32 = 0xffff_ffff;
const LARGEST = Number.MAX_SAFE_INTEGER;
/** Properties between two peers only: no message is stored with them. */
const NOT_KEPT: readonly (keyof Properties)[] = ["topicAlias", "subscriptionIdentifiers"];
const MESSAGE_PROPERTIES = PROPERTY_DEFINITIONS.filter(({ places, name }) =>
  (places & PropertyPlace.publish) !== 0 && !NOT_KEPT.includes(name)
);
const WILL_PROPERTIES = PROPERTY_DEFINITIONS.filter(({ places }) => (places & PropertyPlace.will) !== 0);

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
    return readItem(new JsonFields(JSON.parse(text), ""));
  } catch (error) {
    if (!(error instanceof FieldError || error instanceof SyntaxError)) throw error;
    const why = error instanceof FieldError ? error.message : "it is not JSON";
    throw new SyntaxError(`Cannot read line ${line}: ${why}`, { cause: error });
  }
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
  { topic, payload, qos, retain, properties, publisher, expiresAtMs }: ApplicationMessage,
): unknown {
  const plain = plainProperties(properties);
  return { topic, payload: payload.toBase64(), qos, retain, properties: plain, publisher, expiresAtMs };
}

function plainProperties(properties: Properties): unknown {
  if (!hasProperties(properties)) return undefined;
  return { ...properties, correlationData: properties.correlationData?.toBase64() };
}

function readItem(fields: JsonFields): CommitItem {
  const kind = fields.text("kind");
  if (kind !== "transaction") return readChange(kind, fields);
  const changes = fields.list("changes", (value, path) => {
    const inner = new JsonFields(value, path);
    return readChange(inner.text("kind"), inner);
  });
  fields.end();
  return { kind, changes };
}

function readChange(kind: string, fields: JsonFields): Change {
  const change = kind === "retained"
    ? readRetained(fields)
    : kind === "clock"
    ? readClock(fields)
    : readSessionChange(kind, fields.mqttText("clientId"), fields);
  fields.end();
  return change;
}

function readClock(fields: JsonFields): Change {
  const ms = (name: string) => fields.integer(name, 0, LARGEST);
  return {
    kind: "clock",
    nowMs: ms("nowMs"),
    wallMs: ms("wallMs"),
    uptimeMs: fields.optional("uptimeMs", ms),
    bootId: fields.optional("bootId", (name) => fields.text(name)),
  };
}

function readRetained(fields: JsonFields): Change {
  const topic = topicOf(fields.mqttText("topic"), fields.path("topic"));
  const message = fields.optional("message", () => readMessage(fields, "message"));
  if (message !== undefined && message.topic !== topic) {
    throw new FieldError(fields.path("topic"), "that of its message");
  }
  const source = fields.optional("source", (name) => readTraits(fields, name));
  return {
    kind: "retained",
    topic,
    message,
    source,
    sequence: fields.optional("sequence", (name) => fields.integer(name, 1, LARGEST)),
  };
}

function readSessionChange(kind: string, clientId: string, fields: JsonFields): Change {
  const sequence = (name = "sequence", least = 1) => fields.integer(name, least, LARGEST);
  const packetIdentifier = () => fields.integer("packetIdentifier", 1, LARGEST_PACKET_IDENTIFIER);
  switch (kind) {
    case "sessionStarted":
      return {
        kind,
        clientId,
        principal: fields.optional("principal", (name) => fields.text(name)),
        network: fields.optional("network", (name) => fields.text(name)),
      };
    case "sessionExpiry": {
      const sessionExpirySeconds = fields.integer("sessionExpirySeconds", 0, LARGEST_UINT32);
      return { kind, clientId, sessionExpirySeconds, expiresAtMs: optionalTime(fields, "expiresAtMs") };
    }
    case "sessionEnded":
      return { kind, clientId };
    case "will": {
      const will = fields.optional("will", () => readWill(fields, "will"));
      const source = fields.optional("source", (name) => readTraits(fields, name));
      return { kind, clientId, will, publishAtMs: optionalTime(fields, "publishAtMs"), source };
    }
    case "subscribed": {
      const subscription = readSubscription(fields, "subscription");
      return { kind, clientId, subscription, retainedDue: fields.optional("retainedDue", () => readDue(fields)) };
    }
    case "unsubscribed":
      return { kind, clientId, topicFilter: readTopicFilter(fields).topicFilter };
    case "accepted":
    case "released":
      return { kind, clientId, packetIdentifier: packetIdentifier() };
    case "queued":
      return readQueued(clientId, fields);
    case "sent":
      return { kind, clientId, sequence: sequence(), packetIdentifier: packetIdentifier() };
    case "received":
    case "completed":
      return { kind, clientId, sequence: sequence() };
    case "backlog": {
      const lastSequence = sequence("lastSequence", 0);
      return { kind, clientId, lastSequence, messages: sequence("messages", 0), bytes: sequence("bytes", 0) };
    }
    default:
      throw new FieldError(fields.path("kind"), "a kind of change");
  }
}

/** Reads the field `retainedDue`. */
function readDue(outer: JsonFields): RetainedDue {
  const fields = inside(outer, "retainedDue");
  const due: RetainedDue = {
    after: fields.mqttText("after"),
    until: fields.integer("until", 0, LARGEST),
    passes: fields.integer("passes", 1, LARGEST),
    passesUntil: fields.integer("passesUntil", 0, LARGEST),
  };
  if (due.after !== "") topicOf(due.after, fields.path("after"));
  fields.end();
  return due;
}

function readQueued(clientId: string, fields: JsonFields): QueuedChange {
  const identifier = (value: unknown, path: string) => integerOf(value, path, 1, LARGEST_SUBSCRIPTION_IDENTIFIER);
  return {
    kind: "queued",
    clientId,
    sequence: fields.integer("sequence", 1, LARGEST),
    message: readMessage(fields, "message"),
    qos: readQoS(fields),
    retain: fields.boolean("retain"),
    subscriptionIdentifiers: fields.list("subscriptionIdentifiers", identifier),
    sharedFilter: fields.optional("sharedFilter", (name) => readTopicFilter(fields, name).topicFilter),
    packetIdentifier: fields.integer("packetIdentifier", 0, LARGEST_PACKET_IDENTIFIER),
  };
}

function readSubscription(outer: JsonFields, name: string): Subscription {
  const fields = inside(outer, name);
  const filter = readTopicFilter(fields);
  const identifier = (name: string) => fields.integer(name, 1, LARGEST_SUBSCRIPTION_IDENTIFIER);
  const subscription: Subscription = {
    filter,
    qos: readQoS(fields),
    noLocal: fields.boolean("noLocal"),
    retainAsPublished: fields.boolean("retainAsPublished"),
    retainHandling: fields.integer("retainHandling", 0, 2) as RetainHandling, // 0, 1 or 2.
    subscriptionIdentifier: fields.optional("subscriptionIdentifier", identifier),
  };
  fields.end();
  return subscription;
}

function readMessage(outer: JsonFields, name: string): ApplicationMessage {
  const fields = inside(outer, name);
  const packet = readContents(fields, MESSAGE_PROPERTIES);
  const publisher = fields.optional("publisher", (name) => fields.mqttText(name));
  const expiresAtMs = fields.timeMs("expiresAtMs");
  fields.end();
  if ((expiresAtMs === Infinity) !== (packet.properties.messageExpiryInterval === undefined)) {
    throw new FieldError(fields.path("expiresAtMs"), "there with messageExpiryInterval, or null without it");
  }
  return ApplicationMessage.restored(packet, publisher, expiresAtMs);
}

function readWill(outer: JsonFields, name: string): Will {
  const fields = inside(outer, name);
  const will = readContents(fields, WILL_PROPERTIES);
  fields.end();
  return will;
}

/** Reads the fields that a message and a Will have in common. */
function readContents(fields: JsonFields, definitions: readonly PropertyDefinition[]): Will {
  return {
    topic: topicOf(fields.mqttText("topic"), fields.path("topic")),
    payload: fields.bytes("payload"),
    qos: readQoS(fields),
    retain: fields.boolean("retain"),
    properties: fields.optional("properties", (name) => readProperties(inside(fields, name), definitions)) ??
      NO_PROPERTIES,
  };
}

function readProperties(fields: JsonFields, definitions: readonly PropertyDefinition[]): Properties {
  const properties: Record<string, unknown> = {};
  for (const definition of definitions) {
    const { name } = definition;
    if (fields.has(name)) properties[name] = readProperty(fields, definition);
  }
  fields.end();
  return properties; // The rows of the table give names and types.
}

function readProperty(fields: JsonFields, { name, type }: PropertyDefinition): unknown {
  switch (type) {
    case "flag":
      return fields.integer(name, 0, 1);
    case "uint32":
      return fields.integer(name, 0, LARGEST_UINT32);
    case "topic":
      return topicOf(fields.mqttText(name), fields.path(name));
    case "string":
      return fields.mqttText(name);
    case "binary":
      return fields.bytes(name);
    case "pair":
      return fields.list(name, readPair);
    default:
      throw new FieldError(fields.path(name), "a property of a message");
  }
}

function readPair(value: unknown, path: string): readonly [string, string] {
  if (!Array.isArray(value) || value.length !== 2) throw new FieldError(path, "a name and a value");
  return [mqttTextOf(value[0], path), mqttTextOf(value[1], path)];
}

function readQoS(fields: JsonFields): QoS {
  const value = fields.take("qos");
  if (typeof value !== "number" || !isQoS(value)) throw new FieldError(fields.path("qos"), "0, 1 or 2");
  return value;
}

function readTopicFilter(fields: JsonFields, name = "topicFilter"): ParsedTopicFilter {
  const filter = parseTopicFilter(fields.mqttText(name));
  if (filter === undefined) throw new FieldError(fields.path(name), "a Topic Filter");
  return filter;
}

function topicOf(text: string, path: string): string {
  if (!isTopicName(text)) throw new FieldError(path, "a Topic Name");
  return text;
}

function optionalTime(fields: JsonFields, name: string): number | undefined {
  return fields.optional(name, (name) => fields.timeMs(name));
}

function inside(fields: JsonFields, name: string): JsonFields {
  return new JsonFields(fields.take(name), fields.path(name));
}
