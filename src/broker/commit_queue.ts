import type { Change, ChangeLog } from "../protocol/change.ts";
import type { Storage } from "../storage/storage.ts";

/** What the queue tells the broker. */
export interface CommitEvents {
  /** All changes up to {@linkcode CommitQueue.durableSequence} are durable: outboxes may be released. */
  durable(): void;
  /** Changes behind `after`, up to `until`, are not kept: whoever waits for one of them must not be told that it is. */
  failed(error: unknown, after: number, until: number): void;
}

/**
 * Collects changes and gives them to the storage in groups: the next group goes when the last one is durable, so groups
 * grow by themselves under load. With a storage in memory nothing ever waits.
 */
export class CommitQueue implements ChangeLog {
  /** Sequence of the last change that was written. */
  writtenSequence = 0;
  /** Sequence up to which changes are durable. */
  durableSequence = 0;
  readonly #storage: Storage;
  readonly #events: CommitEvents;
  #changes: Change[] = [];
  /** The group on its way; it never rejects. */
  #committing: Promise<void> | undefined;
  #lastFailure: { readonly error: unknown } | undefined;

  constructor(storage: Storage, events: CommitEvents) {
    this.#storage = storage;
    this.#events = events;
  }

  write(change: Change): void {
    this.#changes.push(change);
    this.writtenSequence += 1;
  }

  /** Gives what was written to the storage, at the end of a turn. */
  flush(): void {
    if (this.#changes.length === 0 || this.#committing !== undefined) return;
    const changes = this.#changes;
    const sequence = this.writtenSequence;
    this.#changes = [];
    const committed = this.#commit(changes);
    if (committed === undefined) this.durableSequence = sequence;
    else this.#committing = this.#wait(committed, sequence);
  }

  /** Resolves when all that was written is with the storage; rejects when some of it could not be kept. */
  async settled(): Promise<void> {
    const lastFailure = this.#lastFailure;
    this.flush();
    while (this.#committing !== undefined) {
      await this.#committing;
      this.flush();
    }
    if (this.#lastFailure !== lastFailure) {
      throw new Error("Cannot keep all changes: the storage failed", { cause: this.#lastFailure?.error });
    }
  }

  #commit(changes: readonly Change[]): Promise<void> | undefined {
    try {
      return this.#storage.commit(changes) ?? undefined;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #wait(committed: Promise<void>, sequence: number): Promise<void> {
    try {
      await committed;
    } catch (error) {
      this.#lastFailure = { error };
      this.#events.failed(error, this.durableSequence, sequence); // Whoever waits for them is closed by it.
    }
    this.durableSequence = sequence;
    this.#committing = undefined;
    this.flush();
    this.#events.durable();
  }
}
