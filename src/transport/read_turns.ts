const LONGEST_TURN_MS = 15;

/**
 * Lets all connections of a listener be seen. While reads of a flood are ready at once, the runtime does not look which
 * other sockets have become readable (measured: PINGRESP of another client after 600 ms); a pause of one timer lets it.
 * Only connections that flood pay for it.
 */
export class ReadTurns {
  #sinceMs = 0;
  #pause: Promise<void> | undefined;

  /** What a read of a flood has to wait for, if anything. */
  pause(): Promise<void> | undefined {
    if (this.#pause !== undefined) return this.#pause;
    const nowMs = performance.now();
    if (nowMs - this.#sinceMs < LONGEST_TURN_MS) return undefined;
    this.#pause = new Promise((resolve) => setTimeout(resolve, 0)).then(() => {
      this.#pause = undefined;
      this.#sinceMs = performance.now();
    });
    return this.#pause;
  }
}
