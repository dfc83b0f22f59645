import type { Answer } from "../protocol/ask.ts";
import type { CommitQueue } from "./commit_queue.ts";
import type { Deadlines } from "./deadlines.ts";

// How long a client of 3.1 or 3.1.1 waits for an acknowledgement before it is disconnected.
const LONGEST_WAIT_MS = 30_000;

/** Connections that wait for the storage: until it keeps again what it is given, or until it has caught up. */
export class StorageWait {
  readonly #commits: CommitQueue;
  readonly #deadlines: Deadlines;
  readonly #maximumPendingBytes: number;
  #whenKeeping = new Set<(isKeeping: boolean) => void>();
  #whenRoom: PromiseWithResolvers<void> | undefined;

  constructor(commits: CommitQueue, deadlines: Deadlines, maximumPendingBytes: number) {
    this.#commits = commits;
    this.#deadlines = deadlines;
    this.#maximumPendingBytes = maximumPendingBytes;
  }

  /** Whether more changes may be made. */
  get hasRoom(): boolean {
    return this.#commits.pendingBytes <= this.#maximumPendingBytes;
  }

  /** Resolves when something was kept: look at {@linkcode hasRoom} again. */
  async room(): Promise<void> {
    this.#commits.flush();
    if (this.hasRoom) return; // It keeps at once.
    this.#whenRoom ??= Promise.withResolvers();
    await this.#whenRoom.promise;
  }

  /** Answers when the storage keeps again, or when that has taken too long. */
  keeping(nowMs: number): Promise<Answer> {
    return new Promise((resolve) => {
      const answer = (isKeeping: boolean) => {
        this.#deadlines.cancel(deadline);
        this.#whenKeeping.delete(answer);
        resolve({ kind: "storage", isKeeping });
      };
      const deadline = this.#deadlines.add(nowMs + LONGEST_WAIT_MS, () => answer(false));
      this.#whenKeeping.add(answer);
    });
  }

  /** The storage has kept what it was given. */
  kept(): void {
    for (const answer of [...this.#whenKeeping]) answer(true);
    this.#whenRoom?.resolve();
    this.#whenRoom = undefined;
  }

  /** Nobody is to wait any longer. */
  close(): void {
    for (const answer of [...this.#whenKeeping]) answer(false);
    this.#whenRoom?.resolve();
  }
}
