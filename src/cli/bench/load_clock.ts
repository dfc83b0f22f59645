/** Microseconds of 32 bits, the same in all threads of a run: they fit into payloads, and differences hold across their end. */
export class LoadClock {
  readonly #offsetMs: number;

  /** `startMs` is the time of the run's start in epoch milliseconds. */
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
