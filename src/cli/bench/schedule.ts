import type { Pace } from "./load_plan.ts";

/** How often publishers are woken to send what is due. */
export const TICK_MS = 0.2;

/**
 * When the messages of one publisher are due at a given rate: evenly spaced, publishers after each other, in the next tick.
 * A message counts from then on, also when it could not be sent by then.
 */
export class Schedule {
  readonly #intervalMs: number;
  readonly #firstMs: number;

  constructor(rate: number, publisher: number, publisherCount: number, startMs: number) {
    this.#intervalMs = publisherCount * 1_000 / rate;
    this.#firstMs = startMs + this.#intervalMs * publisher / publisherCount;
  }

  /** The schedule of a publisher, where the pace has a rate. */
  static of({ rate }: Pace, publisher: number, publisherCount: number, startMs: number): Schedule | undefined {
    return rate === undefined ? undefined : new Schedule(rate, publisher, publisherCount, startMs);
  }

  /** How many messages are due by then. */
  due(nowMs: number): number {
    return Math.max(0, Math.floor((tickOf(nowMs) - this.#firstMs) / this.#intervalMs) + 1);
  }

  /** When the message is due, in milliseconds. */
  dueMs(sequence: number): number {
    return Math.ceil((this.#firstMs + sequence * this.#intervalMs) / TICK_MS) * TICK_MS;
  }
}

/** The last tick by then. */
function tickOf(nowMs: number): number {
  return Math.floor(nowMs / TICK_MS) * TICK_MS;
}
