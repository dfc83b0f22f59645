import type { Pace } from "./load_plan.ts";

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

/** Interval at which publishers are woken to send messages that are due. */
export const TICK_MS = 0.2;

/**
 * Due times of one publisher's messages at a given rate: evenly spaced, publishers after each other, in the next tick.
 * A message counts from its due time, even if it could not be sent by then.
 */
export class Schedule {
  readonly #intervalMs: number;
  readonly #firstMs: number;

  constructor(rate: number, publisher: number, publisherCount: number, startMs: number) {
    this.#intervalMs = publisherCount * 1_000 / rate;
    this.#firstMs = startMs + this.#intervalMs * publisher / publisherCount;
  }

  /** Schedule of a publisher, if the pace has a rate. */
  static of({ rate }: Pace, publisher: number, publisherCount: number, startMs: number): Schedule | undefined {
    return rate === undefined ? undefined : new Schedule(rate, publisher, publisherCount, startMs);
  }

  /** Number of messages that are due at a time. */
  due(nowMs: number): number {
    return Math.max(0, Math.floor((tickOf(nowMs) - this.#firstMs) / this.#intervalMs) + 1);
  }

  /** Due time of a message, in milliseconds. */
  dueMs(sequence: number): number {
    return Math.ceil((this.#firstMs + sequence * this.#intervalMs) / TICK_MS) * TICK_MS;
  }
}

/** Last tick at or before a time. */
function tickOf(nowMs: number): number {
  return Math.floor(nowMs / TICK_MS) * TICK_MS;
}
