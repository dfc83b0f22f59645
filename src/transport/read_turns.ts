const LONGEST_TURN_MS = 15;

/**
 * Lets all connections of a listener be seen. While reads of a flood are ready at once, the runtime does not look which
 * other sockets have become readable (measured: PINGRESP of another client after 600 ms); a pause of one timer lets it.
 * Only connections that flood pay for it.
 */
export class ReadTurns {
  #sinceMs = 0;
  #pause: Promise<void> | undefined;
  /** Ends the pause. */
  #end: (() => void) | undefined;

  /** What a read of a flood has to wait for, if anything. */
  pause(): Promise<void> | undefined {
    if (this.#pause !== undefined) return this.#pause;
    const nowMs = performance.now();
    if (nowMs - this.#sinceMs < LONGEST_TURN_MS) return undefined;
    this.#pause = new Promise((resolve) => {
      const timer = setTimeout(() => this.end(), 0);
      this.#end = () => {
        clearTimeout(timer);
        this.#pause = undefined;
        this.#end = undefined;
        this.#sinceMs = performance.now();
        resolve();
      };
    });
    return this.#pause;
  }

  /** Lets those that wait go on: one of them is closed, and no timer must be left of it. */
  end(): void {
    this.#end?.();
  }
}
