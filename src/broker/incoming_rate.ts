import type { Limits } from "../protocol/limits.ts";

// What a client may send at once when it was silent before: that of a second.
const BURST_MS = 1_000;
// It has slowed down when it could send that of half a second at once.
const RECOVERED_MS = 500;

/**
 * How fast one client may send: what comes too fast waits, and a client that goes on for too long is to be disconnected.
 * Each message, and each byte, moves the time forward by when one more may come.
 */
export class IncomingRate {
  readonly #messageMs: number;
  readonly #byteMs: number;
  readonly #maximumExcessMs: number;
  #messagesAtMs = -Infinity;
  #bytesAtMs = -Infinity;
  #excessSinceMs: number | undefined;

  constructor({ maximumMessagesPerSecond, maximumBytesPerSecond, maximumExcessMs }: RateLimits) {
    this.#messageMs = 1_000 / maximumMessagesPerSecond;
    this.#byteMs = 1_000 / maximumBytesPerSecond;
    this.#maximumExcessMs = maximumExcessMs;
  }

  /** `undefined` where nothing is limited: then nothing is counted. */
  static of(limits: RateLimits): IncomingRate | undefined {
    const isLimited = limits.maximumMessagesPerSecond < Infinity || limits.maximumBytesPerSecond < Infinity;
    return isLimited ? new IncomingRate(limits) : undefined;
  }

  /** Counts what came; gives how long it has to wait. */
  take(messages: number, bytes: number, nowMs: number): number {
    if (this.#allowedAtMs <= nowMs - RECOVERED_MS) this.#excessSinceMs = undefined;
    const leastMs = nowMs - BURST_MS;
    this.#messagesAtMs = Math.max(this.#messagesAtMs, leastMs) + messages * this.#messageMs;
    this.#bytesAtMs = Math.max(this.#bytesAtMs, leastMs) + bytes * this.#byteMs;
    const waitMs = this.waitMs(nowMs);
    if (waitMs > 0) this.#excessSinceMs ??= nowMs;
    return waitMs;
  }

  /** How long what was counted has to wait; 0: not any longer. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#allowedAtMs - nowMs);
  }

  /** How long the client may still be too fast; 0: it was for too long. */
  patienceMs(nowMs: number): number {
    return Math.max(0, (this.#excessSinceMs ?? nowMs) + this.#maximumExcessMs - nowMs);
  }

  get #allowedAtMs(): number {
    return Math.max(this.#messagesAtMs, this.#bytesAtMs);
  }
}

type RateLimits = Pick<Limits, "maximumMessagesPerSecond" | "maximumBytesPerSecond" | "maximumExcessMs">;
