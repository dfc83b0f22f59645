import type { Limits } from "../../protocol/limits.ts";
import type { Deadline, Deadlines } from "../deadlines.ts";

// A client that was silent before may send at once what it may send in a second.
const BURST_MS = 1_000;
// It has slowed down when it could send that of half a second at once.
const RECOVERED_MS = 500;

type RateLimits = Pick<Limits, "maximumMessagesPerSecond" | "maximumBytesPerSecond" | "maximumExcessMs">;

/** Something that can be due for a connection. */
export const Due = { Connect: 0, KeepAlive: 1, Expiry: 2, Write: 3, Pause: 4, Close: 5 } as const;
export type Due = typeof Due[keyof typeof Due];

/**
 * Times when something is due for one connection, in the broker's own time; Infinity: never. All of them together are one
 * deadline, which is set to the earliest: a connection that is idle should hold little.
 */
export class ConnectionTimers implements Deadline {
  dueMs = Infinity;
  place = -1;
  readonly #deadlines: Deadlines;
  readonly #isDue: (what: Due, nowMs: number) => void;
  readonly #times = [Infinity, Infinity, Infinity, Infinity, Infinity, Infinity];

  constructor(deadlines: Deadlines, isDue: (what: Due, nowMs: number) => void) {
    this.#deadlines = deadlines;
    this.#isDue = isDue;
  }

  of(what: Due): number {
    return this.#times[what] as number; // There is one for each.
  }

  set(what: Due, dueMs: number): void {
    this.#times[what] = dueMs;
    // One that is later now wakes it up for nothing, once: most are only ever put off.
    if (dueMs < Infinity && (this.place < 0 || dueMs < this.dueMs)) this.#deadlines.set(this, dueMs);
  }

  /** Takes all of it back. */
  clear(): void {
    this.#times.fill(Infinity);
    this.#deadlines.cancel(this);
  }

  run(nowMs: number): void {
    try {
      for (const what of Object.values(Due)) {
        if (this.of(what) > nowMs) continue;
        this.#times[what] = Infinity;
        this.#isDue(what, nowMs);
      }
    } finally {
      const nextMs = Math.min(...this.#times);
      if (nextMs < Infinity) this.#deadlines.set(this, nextMs);
    }
  }
}

/**
 * Bounds how fast one client may send: what comes too fast waits, and a client that is too fast for too long is to be
 * disconnected. Each message, and each byte, moves the time forward when one more may come.
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

  /** Gives `undefined` where nothing is limited: then nothing is counted. */
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

  /** Time that what was counted has to wait; 0: not any longer. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#allowedAtMs - nowMs);
  }

  /** Time for which the client may still be too fast; 0: it was for too long. */
  patienceMs(nowMs: number): number {
    return Math.max(0, (this.#excessSinceMs ?? nowMs) + this.#maximumExcessMs - nowMs);
  }

  get #allowedAtMs(): number {
    return Math.max(this.#messagesAtMs, this.#bytesAtMs);
  }
}
