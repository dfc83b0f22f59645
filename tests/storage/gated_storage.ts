import type { Storage } from "../../mod.ts";
import { type Change, type CommitItem, MemoryStorage } from "../../src/storage/mod.ts";
import { within } from "../deadline.ts";

/** A commit that waits for its test. */
export interface PendingCommit {
  readonly changes: readonly CommitItem[];
  /** Keeps the changes, and says that they are durable. */
  keep(): void;
  /** Says that they are not. */
  fail(): void;
}

/** A storage in memory whose commits and reads take as long as its test wants. */
export class GatedStorage implements Storage {
  readonly isDurable = true;
  /** Whether commits wait for {@linkcode nextCommit}; otherwise they are kept at once, without a promise. */
  isGated = false;
  isClosed = false;
  /** A session is not restored before this resolves; a rejection is what reading gives. */
  restoring: Promise<void> = Promise.resolve();
  /** How often a session was read. */
  restored = 0;
  readonly #inner: MemoryStorage;
  readonly #pending: PendingCommit[] = [];
  #whenPending = Promise.withResolvers<void>();

  constructor(inner: MemoryStorage = new MemoryStorage()) {
    this.#inner = inner;
  }

  restore(): AsyncIterable<Change> {
    return this.#inner.restore();
  }

  async *restoreSession(clientId: string, afterSequence?: number): AsyncIterable<Change> {
    this.restored += 1;
    for await (const change of this.#inner.restoreSession(clientId, afterSequence)) {
      yield change;
      await this.restoring;
    }
    await this.restoring;
  }

  commit(changes: readonly CommitItem[]): void | Promise<void> {
    if (!this.isGated) return this.#inner.commit(changes);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#pending.push({
      changes,
      keep: () => {
        this.#inner.commit(changes);
        resolve();
      },
      fail: () => reject(new Error("the disk is full")),
    });
    this.#whenPending.resolve();
    return promise;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.#inner.close();
  }

  /** The commit that waits longest, as soon as there is one. */
  async nextCommit(): Promise<PendingCommit> {
    await within(this.#whenPending.promise, "there is no commit");
    const commit = this.#pending.shift() as PendingCommit; // There is one, or the promise is a new one.
    if (this.#pending.length === 0) this.#whenPending = Promise.withResolvers();
    return commit;
  }

  /** How many commits wait. */
  get pendingCommits(): number {
    return this.#pending.length;
  }

  /** Keeps what waits; from now on nothing waits. */
  open(): void {
    this.isGated = false;
    for (let commit = this.#pending.shift(); commit !== undefined; commit = this.#pending.shift()) commit.keep();
    this.#whenPending = Promise.withResolvers();
  }
}
