import type { Storage } from "../../mod.ts";
import type { Change, CommitItem } from "../../src/storage/mod.ts";

/** What it has been given. */
export interface SlowStorageFigures {
  readonly commits: number;
  readonly changes: number;
  /** Bytes of messages in one commit, at most. */
  readonly mostBytes: number;
}

/** A storage that takes only so many changes in a second, and now and then none at all; it forgets them at once. */
export class SlowStorage implements Storage {
  readonly isDurable = true;
  readonly #changesPerSecond: number;
  #stalled: Promise<void> = Promise.resolve();
  #figures = { commits: 0, changes: 0, mostBytes: 0 };

  constructor(changesPerSecond = Infinity) {
    this.#changesPerSecond = changesPerSecond;
  }

  get figures(): SlowStorageFigures {
    return this.#figures;
  }

  /** No commit comes through before so much time has passed. */
  stall(ms: number): void {
    this.#stalled = after(ms);
  }

  async *restore(): AsyncIterable<Change> {}

  async *restoreSession(): AsyncIterable<Change> {}

  async commit(changes: readonly CommitItem[]): Promise<void> {
    const { commits, changes: before, mostBytes } = this.#figures;
    const bytes = changes.reduce((sum, change) => sum + (change.kind === "queued" ? change.message.size : 0), 0);
    this.#figures = {
      commits: commits + 1,
      changes: before + changes.length,
      mostBytes: Math.max(mostBytes, bytes),
    };
    await this.#stalled;
    await after(changes.length / this.#changesPerSecond * 1_000);
  }

  async close(): Promise<void> {}
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
