import type { Change, ClockChange } from "../../protocol/change.ts";
import type { StoredMessage } from "../../protocol/message.ts";
import { plainTraits } from "../../storage/records/change_json.ts";
import type { Storage } from "../../storage/storage.ts";

/** Stored session, in a form that can be compared. */
interface ComparedSession {
  readonly principal: string | undefined;
  readonly network: string | undefined;
  expiry: unknown;
  will: unknown;
  readonly subscriptions: Map<string, unknown>;
  /** Packet Identifiers, sorted. */
  accepted: number[];
  /** Messages in the order in which they are read. */
  readonly messages: ComparedMessage[];
  readonly backlog: { messages: number; bytes: number };
}

interface ComparedMessage {
  readonly sequence: number;
  readonly isReceived: boolean;
  readonly rest: unknown;
}

/** Contents of a storage, in a form that can be compared; Maps, because names come from the wire. */
export interface Kept {
  readonly sessions: Map<string, ComparedSession>;
  readonly retained: Map<string, unknown>;
  clock: ClockChange | undefined;
  /** Values of `backlog` by Client Identifier. */
  readonly lastSequences: Map<string, number>;
}

/** Reads the contents of a storage; throws an Error for anything that the contract does not allow. */
export async function readKept(storage: Storage): Promise<Kept> {
  const kept = emptyKept();
  let isFirst = true;
  for await (const change of storage.restore()) {
    if (change.kind === "clock" && !isFirst) throw new Error('restore() gives "clock" after something else');
    isFirst = false;
    if (change.kind === "backlog") takeBacklog(kept, change);
    else if (IN_RESTORE.includes(change.kind)) takeChange(kept, change);
    else throw new Error(`restore() gives "${change.kind}", which is for restoreSession()`);
  }
  for (const [clientId, session] of kept.sessions) {
    let bytes = 0;
    for await (const change of storage.restoreSession(clientId)) {
      takeSessionChange(clientId, session, change);
      if (change.kind === "queued") bytes += change.message.size;
    }
    if (session.backlog.bytes !== bytes) {
      throw new Error(`backlog.bytes of ${named(clientId)} is ${session.backlog.bytes}, its messages have ${bytes}`);
    }
    session.accepted.sort((a, b) => a - b);
    const last = Math.max(0, ...session.messages.slice(-1).map(({ sequence }) => sequence));
    if ((kept.lastSequences.get(clientId) ?? 0) < last) {
      throw new Error(
        `backlog.lastSequence of ${named(clientId)} is less than ${last}, which is a message that it keeps`,
      );
    }
  }
  return kept;
}

/** Contents expected for changes, which state what is stored in the order of {@linkcode Storage.restoreSession}. */
export function keptOf(changes: readonly Change[]): Kept {
  const kept = emptyKept();
  for (const change of changes) {
    const session = "clientId" in change ? kept.sessions.get(change.clientId) : undefined;
    if (session === undefined || IN_RESTORE.includes(change.kind)) {
      takeChange(kept, change);
      continue;
    }
    takeSessionChange("clientId" in change ? change.clientId : "", session, change);
    if (change.kind !== "queued") continue;
    session.backlog.messages += 1;
    session.backlog.bytes += change.message.size;
  }
  for (const { accepted } of kept.sessions.values()) accepted.sort((a, b) => a - b);
  return kept;
}

/** Throws an Error that names the first difference. `lastSequences` are not compared. */
export function compareKept(actual: Kept, expected: Kept, when = ""): void {
  const difference = firstDifference(actual.sessions, expected.sessions, "sessions") ??
    firstDifference(actual.retained, expected.retained, "retained") ??
    firstDifference(actual.clock, expected.clock, "clock");
  if (difference !== undefined) throw new Error(`${when}${difference}`);
}

/** Quotes a name, shortened to fit into an error. */
export function named(name: string): string {
  return JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}...` : name);
}

const IN_RESTORE: readonly Change["kind"][] = [
  "sessionStarted",
  "sessionExpiry",
  "will",
  "subscribed",
  "retained",
  "clock",
];

function emptyKept(): Kept {
  return { sessions: new Map(), retained: new Map(), clock: undefined, lastSequences: new Map() };
}

function takeChange(kept: Kept, change: Change): void {
  const { sessions, retained } = kept;
  if (change.kind === "clock") {
    kept.clock = change;
    return;
  }
  if (change.kind === "retained") {
    if (retained.has(change.topic)) {
      throw new Error(`restore() gives the retained message of ${named(change.topic)} twice`);
    }
    if (change.message === undefined) throw new Error(`restore() gives no retained message for ${named(change.topic)}`);
    const { message, sequence } = change;
    retained.set(change.topic, { message: plainMessage(message), source: plainTraits(change.source), sequence });
    return;
  }
  const { clientId } = change;
  if (change.kind === "sessionStarted") {
    if (sessions.has(clientId)) throw new Error(`restore() begins the session of ${named(clientId)} twice`);
    sessions.set(clientId, emptySession(change));
    return;
  }
  const session = sessions.get(clientId);
  if (session === undefined) throw new Error(`"${change.kind}" comes before the session of ${named(clientId)} begins`);
  switch (change.kind) {
    case "sessionExpiry":
      session.expiry = { seconds: change.sessionExpirySeconds, expiresAtMs: change.expiresAtMs };
      return;
    case "will":
      if (change.will === undefined) throw new Error(`restore() gives a Will of ${named(clientId)} that is none`);
      session.will = { ...change.will, publishAtMs: change.publishAtMs, source: plainTraits(change.source) };
      return;
    case "subscribed": {
      const { topicFilter } = change.subscription.filter;
      if (session.subscriptions.has(topicFilter)) {
        throw new Error(`restore() gives the subscription of ${named(clientId)} to ${named(topicFilter)} twice`);
      }
      session.subscriptions.set(topicFilter, { ...change.subscription, retainedDue: change.retainedDue });
    }
  }
}

function takeBacklog({ sessions, lastSequences }: Kept, change: Extract<Change, { kind: "backlog" }>): void {
  const session = sessions.get(change.clientId);
  if (session === undefined) throw new Error(`"backlog" comes before the session of ${named(change.clientId)} begins`);
  if (lastSequences.has(change.clientId)) {
    throw new Error(`restore() gives the backlog of ${named(change.clientId)} twice`);
  }
  lastSequences.set(change.clientId, change.lastSequence);
  session.backlog.messages = change.messages;
  session.backlog.bytes = change.bytes;
}

function takeSessionChange(clientId: string, session: ComparedSession, change: Change): void {
  const { messages, accepted } = session;
  if (!("clientId" in change) || change.clientId !== clientId) {
    throw new Error(`restoreSession() of ${named(clientId)} gives what is not of this session`);
  }
  const last = messages.at(-1);
  switch (change.kind) {
    case "accepted":
      if (last !== undefined) throw new Error(`"accepted" of ${named(clientId)} comes after messages`);
      if (accepted.includes(change.packetIdentifier)) throw new Error(`"accepted" of ${named(clientId)} comes twice`);
      accepted.push(change.packetIdentifier);
      return;
    case "queued": {
      const { sequence, message, ...rest } = change;
      if (last !== undefined && last.sequence >= sequence) {
        throw new Error(`Message ${sequence} of ${named(clientId)} comes after message ${last.sequence}`);
      }
      messages.push({ sequence, isReceived: false, rest: { ...rest, message: plainMessage(message) } });
      return;
    }
    case "received":
      if (last?.sequence !== change.sequence || last.isReceived) {
        throw new Error(`"received" ${change.sequence} of ${named(clientId)} does not follow its message`);
      }
      messages[messages.length - 1] = { ...last, isReceived: true };
      return;
    default:
      throw new Error(`restoreSession() of ${named(clientId)} gives "${change.kind}"`);
  }
}

function emptySession({ principal, network }: Extract<Change, { kind: "sessionStarted" }>): ComparedSession {
  return {
    principal,
    network,
    expiry: { seconds: 0, expiresAtMs: undefined },
    will: undefined,
    subscriptions: new Map(),
    accepted: [],
    messages: [],
    backlog: { messages: 0, bytes: 0 },
  };
}

/** Fields of a message that matter, without what it has encoded so far. */
function plainMessage(message: StoredMessage): unknown {
  const { topic, payload, qos, retain, properties, publisher, expiresAtMs } = message;
  return { topic, payload, qos, retain, properties, publisher, expiresAtMs };
}

/** First difference between two values, in words; `undefined`: none. A field that is `undefined` counts as missing. */
export function firstDifference(actual: unknown, expected: unknown, path: string): string | undefined {
  const found = difference(actual, expected);
  return found === undefined ? undefined : path + found;
}

/** Path of the values with words after it; the words are made only when there is a difference. */
function difference(actual: unknown, expected: unknown): string | undefined {
  if (Object.is(actual, expected)) return undefined;
  if (actual instanceof Uint8Array && expected instanceof Uint8Array) return bytesDifference(actual, expected);
  if (actual instanceof Map && expected instanceof Map) return mapDifference(actual, expected);
  if (Array.isArray(actual) && Array.isArray(expected)) {
    return mapDifference(new Map(actual.entries()), new Map(expected.entries()));
  }
  if (isPlain(actual) && isPlain(expected)) return mapDifference(definedFields(actual), definedFields(expected));
  return ` is ${shown(actual)}, expected ${shown(expected)}`;
}

function mapDifference(actual: Map<unknown, unknown>, expected: Map<unknown, unknown>): string | undefined {
  for (const [key, value] of expected) {
    if (!actual.has(key)) return `[${shown(key)}] is missing, expected ${shown(value)}`;
    const found = difference(actual.get(key), value);
    if (found !== undefined) return `[${shown(key)}]${found}`;
  }
  for (const [key, value] of actual) {
    if (!expected.has(key)) return `[${shown(key)}] is ${shown(value)}, expected nothing`;
  }
  return undefined;
}

function bytesDifference(actual: Uint8Array, expected: Uint8Array): string | undefined {
  if (actual.length !== expected.length) return ` has ${actual.length} bytes, expected ${expected.length}`;
  for (let index = 0; index < actual.length; index++) {
    if (actual[index] !== expected[index]) return ` differs at byte ${index}`;
  }
  return undefined;
}

function definedFields(value: object): Map<unknown, unknown> {
  return new Map(Object.entries(value).filter(([, field]) => field !== undefined));
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array) && !(value instanceof Map) &&
    !Array.isArray(value);
}

function shown(value: unknown): string {
  const text = typeof value === "number" ? String(value) : JSON.stringify(value) ?? String(value);
  return text.length > 120 ? `${text.slice(0, 120)}...` : text;
}
