import type { Change, ClockChange } from "../../protocol/change.ts";
import type { ApplicationMessage } from "../../protocol/message.ts";
import type { Storage } from "../storage.ts";
import { plainTraits } from "../traits_json.ts";
import { firstDifference } from "./difference.ts";

/** What a storage keeps of a session, to be compared. */
interface ComparedSession {
  readonly principal: string | undefined;
  readonly network: string | undefined;
  expiry: unknown;
  will: unknown;
  readonly subscriptions: Map<string, unknown>;
  /** Sorted. */
  accepted: number[];
  /** In the order in which they come. */
  readonly messages: ComparedMessage[];
  readonly backlog: { messages: number; bytes: number };
}

interface ComparedMessage {
  readonly sequence: number;
  readonly isReceived: boolean;
  readonly rest: unknown;
}

/** What a storage keeps, to be compared; Maps, because names come from the wire. */
export interface Kept {
  readonly sessions: Map<string, ComparedSession>;
  readonly retained: Map<string, unknown>;
  clock: ClockChange | undefined;
  /** By Client Identifier: what `backlog` said. */
  readonly lastSequences: Map<string, number>;
}

/** Reads all that a storage keeps; throws an Error for what the contract does not allow. */
export async function readKept(storage: Storage): Promise<Kept> {
  const kept = emptyKept();
  let isFirst = true;
  for await (const fact of storage.restore()) {
    if (fact.kind === "clock" && !isFirst) throw new Error('restore() gives "clock" behind something else');
    isFirst = false;
    if (fact.kind === "backlog") takeBacklog(kept, fact);
    else if (IN_RESTORE.includes(fact.kind)) takeChange(kept, fact);
    else throw new Error(`restore() gives "${fact.kind}", which is for restoreSession()`);
  }
  for (const [clientId, session] of kept.sessions) {
    let bytes = 0;
    for await (const fact of storage.restoreSession(clientId)) {
      takeSessionChange(clientId, session, fact);
      if (fact.kind === "queued") bytes += fact.message.size;
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

/** The facts as what a storage should keep: each says what is there, in the order of {@linkcode Storage.restoreSession}. */
export function keptOf(facts: readonly Change[]): Kept {
  const kept = emptyKept();
  for (const fact of facts) {
    const session = "clientId" in fact ? kept.sessions.get(fact.clientId) : undefined;
    if (session === undefined || IN_RESTORE.includes(fact.kind)) {
      takeChange(kept, fact);
      continue;
    }
    takeSessionChange("clientId" in fact ? fact.clientId : "", session, fact);
    if (fact.kind !== "queued") continue;
    session.backlog.messages += 1;
    session.backlog.bytes += fact.message.size;
  }
  for (const { accepted } of kept.sessions.values()) accepted.sort((a, b) => a - b);
  return kept;
}

/** Throws an Error that says where they differ. `lastSequences` are not compared. */
export function compareKept(actual: Kept, expected: Kept, when = ""): void {
  const difference = firstDifference(actual.sessions, expected.sessions, "sessions") ??
    firstDifference(actual.retained, expected.retained, "retained") ??
    firstDifference(actual.clock, expected.clock, "clock");
  if (difference !== undefined) throw new Error(`${when}${difference}`);
}

/** Text that fits into an error, whatever the name is. */
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

function takeChange(kept: Kept, fact: Change): void {
  const { sessions, retained } = kept;
  if (fact.kind === "clock") {
    kept.clock = fact;
    return;
  }
  if (fact.kind === "retained") {
    if (retained.has(fact.topic)) throw new Error(`restore() gives the retained message of ${named(fact.topic)} twice`);
    if (fact.message === undefined) throw new Error(`restore() gives no retained message for ${named(fact.topic)}`);
    const { message, sequence } = fact;
    retained.set(fact.topic, { message: plainMessage(message), source: plainTraits(fact.source), sequence });
    return;
  }
  const { clientId } = fact;
  if (fact.kind === "sessionStarted") {
    if (sessions.has(clientId)) throw new Error(`restore() begins the session of ${named(clientId)} twice`);
    sessions.set(clientId, emptySession(fact));
    return;
  }
  const session = sessions.get(clientId);
  if (session === undefined) throw new Error(`"${fact.kind}" comes before the session of ${named(clientId)} begins`);
  switch (fact.kind) {
    case "sessionExpiry":
      session.expiry = { seconds: fact.sessionExpirySeconds, expiresAtMs: fact.expiresAtMs };
      return;
    case "will":
      if (fact.will === undefined) throw new Error(`restore() gives a Will of ${named(clientId)} that is none`);
      session.will = { ...fact.will, publishAtMs: fact.publishAtMs, source: plainTraits(fact.source) };
      return;
    case "subscribed": {
      const { topicFilter } = fact.subscription.filter;
      if (session.subscriptions.has(topicFilter)) {
        throw new Error(`restore() gives the subscription of ${named(clientId)} to ${named(topicFilter)} twice`);
      }
      session.subscriptions.set(topicFilter, { ...fact.subscription, retainedDue: fact.retainedDue });
    }
  }
}

function takeBacklog({ sessions, lastSequences }: Kept, fact: Extract<Change, { kind: "backlog" }>): void {
  const session = sessions.get(fact.clientId);
  if (session === undefined) throw new Error(`"backlog" comes before the session of ${named(fact.clientId)} begins`);
  if (lastSequences.has(fact.clientId)) throw new Error(`restore() gives the backlog of ${named(fact.clientId)} twice`);
  lastSequences.set(fact.clientId, fact.lastSequence);
  session.backlog.messages = fact.messages;
  session.backlog.bytes = fact.bytes;
}

function takeSessionChange(clientId: string, session: ComparedSession, fact: Change): void {
  const { messages, accepted } = session;
  if (!("clientId" in fact) || fact.clientId !== clientId) {
    throw new Error(`restoreSession() of ${named(clientId)} gives what is not of this session`);
  }
  const last = messages.at(-1);
  switch (fact.kind) {
    case "accepted":
      if (last !== undefined) throw new Error(`"accepted" of ${named(clientId)} comes behind messages`);
      if (accepted.includes(fact.packetIdentifier)) throw new Error(`"accepted" of ${named(clientId)} comes twice`);
      accepted.push(fact.packetIdentifier);
      return;
    case "queued": {
      const { sequence, message, ...rest } = fact;
      if (last !== undefined && last.sequence >= sequence) {
        throw new Error(`Message ${sequence} of ${named(clientId)} comes behind message ${last.sequence}`);
      }
      messages.push({ sequence, isReceived: false, rest: { ...rest, message: plainMessage(message) } });
      return;
    }
    case "received":
      if (last?.sequence !== fact.sequence || last.isReceived) {
        throw new Error(`"received" ${fact.sequence} of ${named(clientId)} is not right behind its message`);
      }
      messages[messages.length - 1] = { ...last, isReceived: true };
      return;
    default:
      throw new Error(`restoreSession() of ${named(clientId)} gives "${fact.kind}"`);
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

/** Its fields that matter; not what it has encoded so far. */
function plainMessage(message: ApplicationMessage): unknown {
  const { topic, payload, qos, retain, properties, publisher, expiresAtMs } = message;
  return { topic, payload, qos, retain, properties, publisher, expiresAtMs };
}
