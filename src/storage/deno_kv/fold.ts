import { unreachable } from "../../codec/packet.ts";
import type { Change, RetainedChange } from "../../protocol/change.ts";
import { encodeClock, encodeSubscription, type MessageRecords } from "../records/records.ts";
import { SessionProgress } from "../records/session_queue.ts";
import type { Draft, Touched } from "./draft.ts";
import { CLOCK_KEY, endedKey, hashOf, isLong, retainedKey, sessionKey, subscriptionKey, willKey } from "./keys.ts";
import type { Contents } from "./scan.ts";
import { type KeptSession, keptSession, type KvSessionReader, SessionState } from "./sessions.ts";

/** Folds changes into a draft: updates memory and collects the rows to be written. */

/** Changes to messages in delivery, which need the state of the session. */
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

  /** Puts a change into a draft; returns a promise if something must be read first. */
  put(draft: Draft, change: Change): void | Promise<void> {
    switch (change.kind) {
      case "sessionStarted":
        return this.#begin(draft, change);
      case "retained":
        return this.#putRetained(draft, change);
      case "clock":
        draft.put(CLOCK_KEY, encodeClock(change));
        return;
      case "backlog": // Follows from the rest.
        return;
    }
    const session = this.#contents.sessions.get(change.clientId);
    if (session === undefined) return;
    switch (change.kind) {
      case "sessionEnded":
        this.#end(draft, session);
        this.#contents.sessions.delete(change.clientId);
        return;
      case "sessionExpiry":
        session.sessionExpirySeconds = change.sessionExpirySeconds;
        session.expiresAtMs = change.expiresAtMs;
        draft.touch(session).isRecordChanged = true;
        return;
      case "will": {
        const { will, publishAtMs, source } = change;
        draft.put(willKey(session.number), will && this.#messages.encodeWill({ will, publishAtMs, source }));
        return;
      }
      case "subscribed": {
        const { topicFilter } = change.subscription.filter;
        return this.#putSubscription(draft, session, topicFilter, encodeSubscription(change));
      }
      case "unsubscribed":
        return this.#putSubscription(draft, session, change.topicFilter, undefined);
      default:
        return this.#putProgress(draft, session, change);
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

  /** Ends a session: its first row is deleted with the change; the others go later and have no meaning until then. */
  #end(draft: Draft, session: KeptSession): void {
    const touched = draft.touch(session);
    touched.isRecordChanged = false;
    touched.queued.clear(); // Progress is kept: messages that it released must not be counted again.
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

  #putProgress(draft: Draft, session: KeptSession, change: ProgressChange): void | Promise<void> {
    if (change.kind === "queued") {
      if (change.sequence <= session.lastSequence) return; // It is stored already, or was completed.
      if (change.packetIdentifier === 0) {
        session.lastSequence = change.sequence;
        return draft.queue(session, change);
      }
    }
    const { state } = session;
    if (state === undefined || !isKnown(draft, session, state, change)) {
      return this.#know(draft, session, change).then((known) => applyProgress(draft, session, known, change));
    }
    applyProgress(draft, session, state, change);
  }

  /** Reads the state that a change needs. */
  async #know(draft: Draft, session: KeptSession, change: ProgressChange): Promise<SessionState> {
    const state = session.state ??= new SessionState(await this.#reader.progress(session.number));
    if (!isKnown(draft, session, state, change) && "sequence" in change) {
      await this.#reader.know(session, state, Math.min(change.sequence, session.keptSequence));
    }
    return state;
  }
}

/** Whether all messages that a change concerns are known. */
function isKnown(draft: Draft, session: KeptSession, state: SessionState, change: ProgressChange): boolean {
  const { pages, progress, knownUntil } = state;
  const { keptSequence } = session;
  switch (change.kind) {
    case "accepted":
    case "released":
      return true;
    case "queued":
      return knownUntil >= keptSequence;
    case "sent":
    case "received": // A skipped message counts as sent.
      return knownUntil >= Math.min(change.sequence, keptSequence) ||
        (progress.inflight.has(change.sequence) && pages.has(change.sequence));
    case "completed": {
      const { sequence } = change;
      if (knownUntil >= Math.min(sequence, keptSequence) || pages.has(sequence)) return true;
      return progress.isCompleted(sequence) || draft.sessions.get(session)?.queued.has(sequence) === true;
    }
    default:
      return unreachable(change);
  }
}

function applyProgress(draft: Draft, session: KeptSession, state: SessionState, change: ProgressChange): void {
  const touched = draft.touch(session);
  const { progress } = state;
  switch (change.kind) {
    case "accepted":
      progress.accepted.add(change.packetIdentifier);
      break;
    case "released":
      progress.accepted.delete(change.packetIdentifier);
      break;
    case "queued":
      session.lastSequence = change.sequence;
      draft.queue(session, change);
      progress.send(change.sequence, change.packetIdentifier, kept(touched, state));
      break;
    default:
      if (!kept(touched, state).has(change.sequence)) return; // It is completed, or never existed.
      applySequence(draft, session, touched, state, change);
  }
  touched.isProgressChanged = true;
}

function applySequence(
  draft: Draft,
  session: KeptSession,
  touched: Touched,
  state: SessionState,
  change: SequenceChange,
): void {
  const { progress } = state;
  const { sequence } = change;
  switch (change.kind) {
    case "sent":
      progress.send(sequence, change.packetIdentifier, kept(touched, state));
      return;
    case "received":
      progress.send(sequence, undefined, kept(touched, state)).isReceived = true;
      return;
    case "completed":
      progress.complete(sequence);
      if (touched.queued.delete(sequence)) progress.gone.delete(sequence); // It will not be stored.
      else completeKept(draft, session, state, sequence);
      return;
    default:
      return unreachable(change);
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
