import { Queue } from "../protocol/queue.ts";

/** Limits expensive work to a few at a time; the others wait, but not forever. */
export class Semaphore {
  readonly #most: number;
  readonly #mostWaiting: number;
  readonly #longestWaitMs: number;
  readonly #waiting = new Queue<{ readonly sinceMs: number; begin(isInTime: boolean): void }>();
  #running = 0;

  constructor(most: number, mostWaiting: number, longestWaitMs: number) {
    this.#most = most;
    this.#mostWaiting = mostWaiting;
    this.#longestWaitMs = longestWaitMs;
  }

  /** Does the work when its turn comes; `undefined`: too many wait, or it had to wait too long. */
  async run<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    if (this.#running >= this.#most) {
      if (this.#waiting.length >= this.#mostWaiting) return undefined;
      const turn = Promise.withResolvers<boolean>();
      this.#waiting.push({ sinceMs: performance.now(), begin: turn.resolve });
      if (!await turn.promise) return undefined;
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  /** Passes the turn on. */
  #next(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const isInTime = performance.now() - next.sinceMs <= this.#longestWaitMs;
      next.begin(isInTime);
      if (isInTime) return;
    }
    this.#running -= 1;
  }
}
