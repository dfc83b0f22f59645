const LONGEST_TURN_MS = 15;

/**
 * Fairness among the connections of a listener. While reads of a flood are ready at once, the runtime does not check
 * which other sockets have become readable or writable (measured: PINGRESP of another client after 600 ms); a pause for
 * one timer makes it check, turns of `setImmediate` do not. Only flooding connections pause.
 *
 * ```text
 * flood   | reads, 15 ms | pause: no flooding connection reads | reads, 15 ms
 * others  |              | what was ready | read or write: seen |
 * ```
 *
 * The timer takes 2 ms, mostly idle. So the pause also ends when a read or write of another connection completes that
 * was not ready at once: the runtime has checked. (10 pairs with 64 KiB: a tenth more; Deno 2.9, 2026-11)
 */
export class ReadFairness {
  readonly #longestTurnMs: number;
  #sinceMs = 0;
  #pause: Promise<void> | undefined;
  /** Whether everything that was ready when the pause began has been handled. */
  #isQuiet = false;
  /** Ends the pause. */
  #end: (() => void) | undefined;

  /** @param longestTurnMs time after which floods pause; `Infinity`: never */
  constructor(longestTurnMs = LONGEST_TURN_MS) {
    this.#longestTurnMs = longestTurnMs;
  }

  /** Pause that a flooding read must wait for, if any. */
  pause(): Promise<void> | undefined {
    if (this.#pause !== undefined) return this.#pause;
    const nowMs = performance.now();
    if (nowMs - this.#sinceMs < this.#longestTurnMs) return undefined;
    this.#pause = new Promise((resolve) => {
      const immediate = setImmediate(() => this.#isQuiet = true);
      const timer = setTimeout(() => this.end(), 0);
      this.#end = () => {
        clearImmediate(immediate);
        clearTimeout(timer);
        this.#isQuiet = false;
        this.#pause = undefined;
        this.#end = undefined;
        this.#sinceMs = performance.now();
        resolve();
      };
    });
    return this.#pause;
  }

  /** Called when a read or a write has completed. */
  progress(): void {
    if (this.#isQuiet) this.end();
  }

  /** Ends the pause when a waiting connection is closed, so that no timer is left. */
  end(): void {
    this.#end?.();
  }
}
