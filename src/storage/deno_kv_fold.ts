/** Changes into a draft: what they change in memory, and which rows will have to be written. */

import { unreachable } from "../codec/packet.ts";
import type { Change, RetainedChange } from "../protocol/change.ts";
import type { Draft, Touched } from "./deno_kv_draft.ts";
import {
  CLOCK_KEY,
  endedKey,
  hashOf,
  isLong,
  retainedKey,
  sessionKey,
  subscriptionKey,
  willKey,
} from "./deno_kv_keys.ts";
import type { Contents } from "./deno_kv_scan.ts";
import { type KeptSession, keptSession, type KvSessionReader, SessionState } from "./deno_kv_sessions.ts";
import { encodeClock, encodeSubscription, type MessageRecords } from "./records.ts";
import { SessionProgress } from "./session_progress.ts";

/** Facts about messages on their way, for which the state of the session must be known. */
type ProgressChange = Extract<
  Change,
  { kind: "accepted" | "released" | "queued" | "sent" | "received" | "completed" }
>;
type SequenceChange = Extract<Change, { kind: "sent" | "received" | "completed" }>;

const NOTHING = new Uint8Array(0);

export class KvFold {
  readonly #contents: Contents;
  readonly #reader: KvSessionReader;
  readonly #messages: MessageRecords;

  constructor(contents: Contents, reader: KvSessionReader, messages: MessageRecords) {
    this.#contents = contents;
    this.#reader = reader;
    this.#messages = messages;
  }

  /** Puts a fact into a draft; a promise where something must be read first. */
  put(draft: Draft, fact: Change): void | Promise<void> {
    switch (fact.kind) {
      case "sessionStarted":
        return this.#begin(draft, fact);
      case "retained":
        return this.#putRetained(draft, fact);
      case "clock":
        draft.put(CLOCK_KEY, encodeClock(fact));
        return;
      case "backlog": // Follows from the rest.
        return;
    }
    const session = this.#contents.sessions.get(fact.clientId);
    if (session === undefined) return;
    switch (fact.kind) {
      case "sessionEnded":
        this.#end(draft, session);
        this.#contents.sessions.delete(fact.clientId);
        return;
      case "sessionExpiry":
        session.sessionExpirySeconds = fact.sessionExpirySeconds;
        session.expiresAtMs = fact.expiresAtMs;
        draft.touch(session).isRecordChanged = true;
        return;
      case "will": {
        const { will, publishAtMs, source } = fact;
        draft.put(willKey(session.number), will && this.#messages.encodeWill({ will, publishAtMs, source }));
        return;
      }
      case "subscribed": {
        const { topicFilter } = fact.subscription.filter;
        return this.#putSubscription(draft, session, topicFilter, encodeSubscription(fact));
      }
      case "unsubscribed":
        return this.#putSubscription(draft, session, fact.topicFilter, undefined);
      default:
        return this.#putProgress(draft, session, fact);
    }
  }

  #begin(draft: Draft, { clientId, principal, network }: Extract<Change, { kind: "sessionStarted" }>): void {
    const { sessions } = this.#contents;
    const old = sessions.get(clientId);
    if (old !== undefined) this.#end(draft, old);
    const record = { clientId, principal, network, sessionExpirySeconds: 0, expiresAtMs: undefined };
    const session = keptSession(this.#contents.nextNumber++, record, 0);
    session.state = new SessionState(new SessionProgress());
    sessions.set(clientId, session);
    draft.touch(session).isRecordChanged = true;
    draft.mayHave(clientId, session.number);
  }

  /** The row that says who it is goes with the change; all others go later, and meanwhile say nothing. */
  #end(draft: Draft, session: KeptSession): void {
    const touched = draft.touch(session);
    touched.isRecordChanged = false;
    touched.queued.clear(); // But not its progress: what is released by it must not be counted again.
    draft.put(sessionKey(session.number), undefined);
    draft.put(endedKey(session.number), NOTHING);
    draft.ended.push(session.number);
    draft.mayHave(session.clientId, session.number);
  }

  #putSubscription(draft: Draft, { number }: KeptSession, filter: string, record: Uint8Array | undefined) {
    if (!isLong(filter)) return draft.put(subscriptionKey(number, filter, undefined), record);
    return hashOf(filter).then((hash) => draft.put(subscriptionKey(number, filter, hash), record));
  }

  #putRetained(draft: Draft, { topic, message, source, sequence }: RetainedChange): void | Promise<void> {
    const record = message && this.#messages.encode(message, source, sequence);
    if (!isLong(topic)) return draft.put(retainedKey(topic, undefined), record);
    return hashOf(topic).then((hash) => draft.put(retainedKey(topic, hash), record));
  }

  #putProgress(draft: Draft, session: KeptSession, fact: ProgressChange): void | Promise<void> {
    if (fact.kind === "queued") {
      if (fact.sequence <= session.lastSequence) return; // It is there, or was completed.
      if (fact.packetIdentifier === 0) {
        session.lastSequence = fact.sequence;
        return draft.queue(session, fact);
      }
    }
    const { state } = session;
    if (state === undefined || !isKnown(draft, session, state, fact)) {
      return this.#know(draft, session, fact).then((known) => applyProgress(draft, session, known, fact));
    }
    applyProgress(draft, session, state, fact);
  }

  /** Reads what a fact is about. */
  async #know(draft: Draft, session: KeptSession, fact: ProgressChange): Promise<SessionState> {
    const state = session.state ??= new SessionState(await this.#reader.progress(session.number));
    if (!isKnown(draft, session, state, fact) && "sequence" in fact) {
      await this.#reader.know(session, state, Math.min(fact.sequence, session.keptSequence));
    }
    return state;
  }
}

/** Whether all messages are known that a fact is about. */
function isKnown(draft: Draft, session: KeptSession, state: SessionState, fact: ProgressChange): boolean {
  const { pages, progress, knownUntil } = state;
  const { keptSequence } = session;
  switch (fact.kind) {
    case "accepted":
    case "released":
      return true;
    case "queued":
      return knownUntil >= keptSequence;
    case "sent":
    case "received": // What was passed over counts as sent.
      return knownUntil >= Math.min(fact.sequence, keptSequence) ||
        (progress.inflight.has(fact.sequence) && pages.has(fact.sequence));
    case "completed": {
      const { sequence } = fact;
      if (knownUntil >= Math.min(sequence, keptSequence) || pages.has(sequence)) return true;
      return progress.isCompleted(sequence) || draft.sessions.get(session)?.queued.has(sequence) === true;
    }
    default:
      return unreachable(fact);
  }
}

function applyProgress(draft: Draft, session: KeptSession, state: SessionState, fact: ProgressChange): void {
  const touched = draft.touch(session);
  const { progress } = state;
  switch (fact.kind) {
    case "accepted":
      progress.accepted.add(fact.packetIdentifier);
      break;
    case "released":
      progress.accepted.delete(fact.packetIdentifier);
      break;
    case "queued":
      session.lastSequence = fact.sequence;
      draft.queue(session, fact);
      progress.send(fact.sequence, fact.packetIdentifier, kept(touched, state));
      break;
    default:
      if (!kept(touched, state).has(fact.sequence)) return; // It is completed, or never was.
      applySequence(draft, session, touched, state, fact);
  }
  touched.isProgressChanged = true;
}

function applySequence(
  draft: Draft,
  session: KeptSession,
  touched: Touched,
  state: SessionState,
  fact: SequenceChange,
): void {
  const { progress } = state;
  const { sequence } = fact;
  switch (fact.kind) {
    case "sent":
      progress.send(sequence, fact.packetIdentifier, kept(touched, state));
      return;
    case "received":
      progress.send(sequence, undefined, kept(touched, state)).isReceived = true;
      return;
    case "completed":
      progress.complete(sequence);
      if (touched.queued.delete(sequence)) progress.gone.delete(sequence); // It will not be kept.
      else completeKept(draft, session, state, sequence);
      return;
    default:
      return unreachable(fact);
  }
}

function completeKept(draft: Draft, session: KeptSession, state: SessionState, sequence: number): void {
  const page = state.pages.get(sequence);
  if (page === undefined) return;
  state.pages.delete(sequence);
  page.live -= 1;
  const body = page.bodies?.get(sequence);
  if (body !== undefined) draft.released.push(body);
  if (page.live > 0) return;
  draft.deletePage(session, page.firstSequence);
  const { gone } = state.progress;
  for (const one of gone) if (one >= page.firstSequence && one <= page.lastSequence) gone.delete(one);
}

/** Sequences of messages that are not completed. */
function kept({ queued }: Touched, { pages }: SessionState): ReadonlySetLike<number> {
  return {
    size: queued.size + pages.size,
    has: (sequence) => pages.has(sequence) || queued.has(sequence),
    keys: () => [...pages.keys(), ...queued.keys()].values(),
  };
}
