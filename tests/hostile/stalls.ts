const PERIOD_MS = 2;
// Second number: nanoseconds for which the thread that runs the event loop was ready and had to wait for a processor.
const SCHEDULED = "/proc/self/schedstat";

/** How long the event loop of this process is held, without the time that the machine gave to other processes. */
export class Stalls {
  readonly #timer = setInterval(() => this.#look(), PERIOD_MS);
  #longestMs = 0;
  #lastMs = performance.now();
  #lastWaitedMs = waitedMs();

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
    const waited = waitedMs();
    const heldMs = nowMs - this.#lastMs - PERIOD_MS - (waited - this.#lastWaitedMs);
    this.#longestMs = Math.max(this.#longestMs, heldMs);
    this.#lastMs = nowMs;
    this.#lastWaitedMs = waited;
  }
}

function waitedMs(): number {
  if (Deno.build.os !== "linux") return 0;
  const [, waitedNs = "0"] = Deno.readTextFileSync(SCHEDULED).split(" ");
  return Number(waitedNs) / 1e6;
}
