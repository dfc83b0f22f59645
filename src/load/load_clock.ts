/** Clock of 32-bit microseconds, the same in all threads: it fits into payloads, and differences survive overflow. */
export class LoadClock {
  readonly #offsetMs: number;

  /** @param startMs start of the run in epoch milliseconds */
  constructor(startMs: number) {
    this.#offsetMs = performance.timeOrigin - startMs;
  }

  /** Milliseconds since the start of the run. */
  elapsedMs(): number {
    return this.#offsetMs + performance.now();
  }

  microseconds(): number {
    return (this.elapsedMs() * 1_000) >>> 0;
  }
}

/** Epoch milliseconds with their fraction. */
export function preciseNowMs(): number {
  return performance.timeOrigin + performance.now();
}
