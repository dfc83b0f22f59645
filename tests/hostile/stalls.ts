import { waitedMs } from "../stopwatch.ts";

const PERIOD_MS = 2;
// Of the thread that runs the event loop.
const SCHEDULED = "/proc/self/schedstat";

/** How long the event loop of this process is held, without the time that the machine gave to other processes. */
export class Stalls {
  readonly #timer = setInterval(() => this.#look(), PERIOD_MS);
  #longestMs = 0;
  #lastMs = performance.now();
  #lastWaitedMs = waitedMs(SCHEDULED) ?? 0;

  /** The longest since it was asked last. */
  takeMs(): number {
    this.#look();
    const longestMs = this.#longestMs;
    this.#longestMs = 0;
    return longestMs;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    const waited = waitedMs(SCHEDULED) ?? 0;
    const heldMs = nowMs - this.#lastMs - PERIOD_MS - (waited - this.#lastWaitedMs);
    this.#longestMs = Math.max(this.#longestMs, heldMs);
    this.#lastMs = nowMs;
    this.#lastWaitedMs = waited;
  }
}
