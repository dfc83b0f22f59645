const LONGEST_TURN_MS = 15;

/**
 * Lets all connections of a listener be seen. While reads of a flood are ready at once, the runtime does not look which
 * other sockets have become readable or writable (measured: PINGRESP of another client after 600 ms); a pause of one
 * timer lets it, turns of `setImmediate` do not. Only connections that flood pay for it.
 *
 * ```text
 * flood   | reads, 15 ms | pause: nobody who floods reads       | reads, 15 ms
 * others  |              | what was ready | read or write: seen |
 * ```
 *
 * The timer takes 2 ms, and much of that nothing is done. So the pause is over when a read or a write of the others is
 * through that was not ready at once: the runtime has looked. (10 pairs with 64 KiB: a tenth more; Deno 2.9, 2026-11)
 */
export class ReadFairness {
  #sinceMs = 0;
  #pause: Promise<void> | undefined;
  /** Whether all that was ready when the pause began is done with. */
  #isQuiet = false;
  /** Ends the pause. */
  #end: (() => void) | undefined;

  /** What a read of a flood has to wait for, if anything. */
  pause(): Promise<void> | undefined {
    if (this.#pause !== undefined) return this.#pause;
    const nowMs = performance.now();
    if (nowMs - this.#sinceMs < LONGEST_TURN_MS) return undefined;
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

  /** Called when a read or a write is through. */
  progress(): void {
    if (this.#isQuiet) this.end();
  }

  /** Lets those that wait go on: one of them is closed, and no timer must be left of it. */
  end(): void {
    this.#end?.();
  }
}
