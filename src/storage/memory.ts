import type {
  Change,
  ClockChange,
  CommitItem,
  QueuedChange,
  RetainedChange,
  SubscribedChange,
} from "../protocol/change.ts";
import { PacketIdentifierSet } from "../protocol/inflight.ts";
import type { Storage } from "./storage.ts";

interface StoredMessage {
  readonly queued: QueuedChange;
  packetIdentifier: number;
  isReceived: boolean;
}

interface StoredSession {
  readonly principal: string | undefined;
  readonly network: string | undefined;
  sessionExpirySeconds: number;
  expiresAtMs: number | undefined;
  will: Extract<Change, { kind: "will" }> | undefined;
  lastSequence: number;
  // Made on first use: most sessions have few of these.
  subscriptions: Map<string, SubscribedChange> | undefined;
  /** Messages by sequence, which is also their order. */
  messages: Map<number, StoredMessage> | undefined;
  accepted: PacketIdentifierSet | undefined;
}

/** Keeps everything in memory: all is lost when the process ends, and commits never wait. */
export class MemoryStorage implements Storage {
  readonly isDurable = false;
  readonly #sessions = new Map<string, StoredSession>();
  readonly #retained = new Map<string, RetainedChange>();
  #clock: ClockChange | undefined;

  async *restore(): AsyncIterable<Change> {
    if (this.#clock !== undefined) yield this.#clock;
    for (const [clientId, session] of this.#sessions) {
      const { principal, network, sessionExpirySeconds, expiresAtMs, lastSequence } = session;
      yield { kind: "sessionStarted", clientId, principal, network };
      yield { kind: "sessionExpiry", clientId, sessionExpirySeconds, expiresAtMs };
      if (session.will !== undefined) yield session.will;
      if (session.subscriptions !== undefined) yield* session.subscriptions.values();
      const messages = session.messages ?? new Map<number, StoredMessage>();
      let bytes = 0;
      for (const { queued } of messages.values()) bytes += queued.message.size;
      yield { kind: "backlog", clientId, lastSequence, messages: messages.size, bytes };
    }
    yield* this.#retained.values();
  }

  async *restoreSession(clientId: string, afterSequence = 0): AsyncIterable<Change> {
    const session = this.#sessions.get(clientId);
    if (session === undefined) return;
    if (afterSequence === 0) {
      for (const packetIdentifier of session.accepted ?? []) yield { kind: "accepted", clientId, packetIdentifier };
    }
    for (const { queued, packetIdentifier, isReceived } of session.messages?.values() ?? []) {
      if (queued.sequence <= afterSequence) continue;
      yield { ...queued, packetIdentifier };
      if (isReceived) yield { kind: "received", clientId, sequence: queued.sequence };
    }
  }

  commit(changes: readonly CommitItem[]): void {
    for (const change of changes) this.#apply(change);
  }

  /** Does nothing: its contents stay as long as the object. */
  async close(): Promise<void> {}

  #apply(change: CommitItem): void {
    switch (change.kind) {
      case "transaction":
        for (const part of change.changes) this.#apply(part);
        return;
      case "sessionStarted":
        this.#sessions.set(change.clientId, {
          principal: change.principal,
          network: change.network,
          sessionExpirySeconds: 0,
          expiresAtMs: undefined,
          will: undefined,
          lastSequence: 0,
          subscriptions: undefined,
          messages: undefined,
          accepted: undefined,
        });
        return;
      case "sessionEnded":
        this.#sessions.delete(change.clientId);
        return;
      case "retained":
        if (change.message === undefined) this.#retained.delete(change.topic);
        else this.#retained.set(change.topic, change);
        return;
      case "clock":
        this.#clock = change;
        return;
      case "backlog": // Follows from the rest.
        return;
      default: {
        const session = this.#sessions.get(change.clientId);
        if (session !== undefined) applyToSession(session, change);
      }
    }
  }
}

function applyToSession(
  session: StoredSession,
  change: Exclude<Change, { kind: "sessionStarted" | "sessionEnded" | "retained" | "clock" | "backlog" }>,
): void {
  switch (change.kind) {
    case "sessionExpiry":
      session.sessionExpirySeconds = change.sessionExpirySeconds;
      session.expiresAtMs = change.expiresAtMs;
      return;
    case "will":
      session.will = change.will === undefined ? undefined : change;
      return;
    case "subscribed":
      (session.subscriptions ??= new Map()).set(change.subscription.filter.topicFilter, change);
      return;
    case "unsubscribed":
      session.subscriptions?.delete(change.topicFilter);
      return;
    case "accepted":
      (session.accepted ??= new PacketIdentifierSet()).add(change.packetIdentifier);
      return;
    case "released":
      session.accepted?.delete(change.packetIdentifier);
      return;
    case "queued": {
      const { packetIdentifier, sequence } = change;
      if (sequence <= session.lastSequence) return; // It is stored already, or was completed.
      (session.messages ??= new Map()).set(sequence, { queued: change, packetIdentifier, isReceived: false });
      session.lastSequence = sequence;
      return;
    }
    case "sent": {
      const message = session.messages?.get(change.sequence);
      if (message !== undefined) message.packetIdentifier = change.packetIdentifier;
      return;
    }
    case "received": {
      const message = session.messages?.get(change.sequence);
      if (message !== undefined) message.isReceived = true;
      return;
    }
    case "completed":
      session.messages?.delete(change.sequence);
      return;
  }
}
