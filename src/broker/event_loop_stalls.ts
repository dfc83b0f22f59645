/**
 * How long the event loop was held, and nobody was served: by the work of one turn, or by turns behind each other in which
 * the runtime did not look for timers and sockets, which makes a timer late.
 */
export class EventLoopStalls {
  /** Since the broker was opened, in milliseconds. */
  longestMs = 0;
  #recentMs = 0;
  #timerDueMs = Infinity;

  /** Called with the time that a turn took. */
  held(ms: number): void {
    if (ms > this.#recentMs) this.#recentMs = ms;
    if (ms > this.longestMs) this.longestMs = ms;
  }

  /** Called by a timer that fires every `periodMs`. */
  timerFired(nowMs: number, periodMs: number): void {
    this.held(nowMs - this.#timerDueMs);
    this.#timerDueMs = nowMs + periodMs;
  }

  /** The longest since this was asked last, in milliseconds. */
  takeRecentMs(): number {
    const recentMs = this.#recentMs;
    this.#recentMs = 0;
    return recentMs;
  }
}
