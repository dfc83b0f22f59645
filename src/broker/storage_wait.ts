import type { Answer } from "../protocol/ask.ts";
import type { CommitQueue } from "./commit_queue.ts";
import type { Deadlines } from "./deadlines.ts";

// How long a client waits for the storage before it is disconnected.
const LONGEST_WAIT_MS = 30_000;

/** Connections that wait for the storage: until it keeps again what it is given, or until it has caught up. */
export class StorageWait {
  readonly #commits: CommitQueue;
  readonly #deadlines: Deadlines;
  readonly #maximumPendingBytes: number;
  readonly #waiting = new Set<(isInTime: boolean) => void>();

  constructor(commits: CommitQueue, deadlines: Deadlines, maximumPendingBytes: number) {
    this.#commits = commits;
    this.#deadlines = deadlines;
    this.#maximumPendingBytes = maximumPendingBytes;
  }

  /** Whether more changes may be made. */
  get hasRoom(): boolean {
    if (this.#commits.pendingBytes > this.#maximumPendingBytes) this.#commits.flush(); // It may keep at once.
    return this.#commits.pendingBytes <= this.#maximumPendingBytes;
  }

  /** Resolves when something was kept: look at {@linkcode hasRoom} again; false: nothing was for too long. */
  room(nowMs: number): Promise<boolean> {
    return this.#wait(nowMs);
  }

  /** Answers when the storage keeps again, or when that has taken too long. */
  async keeping(nowMs: number): Promise<Answer> {
    return { kind: "storage", isKeeping: await this.#wait(nowMs) };
  }

  /** The storage has kept what it was given. */
  kept(): void {
    for (const answer of [...this.#waiting]) answer(true);
  }

  /** Nobody is to wait any longer. */
  close(): void {
    for (const answer of [...this.#waiting]) answer(false);
  }

  #wait(nowMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const answer = (isInTime: boolean) => {
        this.#deadlines.cancel(deadline);
        this.#waiting.delete(answer);
        resolve(isInTime);
      };
      const deadline = this.#deadlines.add(nowMs + LONGEST_WAIT_MS, () => answer(false));
      this.#waiting.add(answer);
    });
  }
}
