import type { CommitEvents, CommitQueue } from "./commit_queue.ts";
import type { BrokerEvent } from "./events.ts";
import type { ServedConnection } from "./served_connection.ts";
import type { StorageWait } from "./storage_wait.ts";
import type { Turn } from "./turn.ts";

const RETRY_MS = 1_000;
const FAILURE_TOLD_EVERY_MS = 60_000;

/** What it needs of its broker. */
export interface CommitOutcomeHost {
  readonly commits: CommitQueue;
  readonly storageWait: StorageWait;
  readonly turn: Turn;
  readonly connections: Iterable<ServedConnection>;
  clock(): number;
  onEvent(event: BrokerEvent): void;
}

/** What follows when the storage has kept changes, or could not: for connections that wait for that, and in events. */
export class CommitOutcome implements CommitEvents {
  readonly #host: CommitOutcomeHost;
  /** Connections that wait for the storage. */
  #held = new Set<ServedConnection>();
  #retriedMs = 0;
  /** When it is time to say again that the storage fails; 0: it does not. */
  #failureTellMs = 0;

  constructor(host: CommitOutcomeHost) {
    this.#host = host;
  }

  // Bound: connections get it without a call between.
  readonly flushWhenDurable = (served: ServedConnection): void => {
    this.#held.add(served);
  };

  /** It waits no longer: it is over. */
  ended(served: ServedConnection): void {
    this.#held.delete(served);
  }

  durable(): void {
    const { storageWait, turn, onEvent } = this.#host;
    storageWait.kept();
    if (this.#failureTellMs > 0) onEvent({ kind: "commitRecovered" });
    this.#failureTellMs = 0;
    const held = this.#held;
    this.#held = new Set();
    turn.flush(held);
  }

  failed(error: unknown, after: number, until: number): void {
    const { connections, clock, onEvent } = this.#host;
    const nowMs = clock();
    if (nowMs >= this.#failureTellMs) { // It is tried again every second.
      this.#failureTellMs = nowMs + FAILURE_TOLD_EVERY_MS;
      onEvent({ kind: "commitFailed", error });
    }
    for (const served of connections) {
      if (served.connection.outbox.isHeldBetween(after, until)) served.refuseHeld();
    }
  }

  /** Gives the storage once in a while again what it could not keep. */
  retry(nowMs: number): void {
    const { commits } = this.#host;
    if (!commits.isFailing || nowMs < this.#retriedMs + RETRY_MS) return;
    this.#retriedMs = nowMs;
    commits.retry();
  }
}
