import type { Deadline, Deadlines } from "./deadlines.ts";

/** What can be due for a connection. */
export const Due = { Connect: 0, KeepAlive: 1, Expiry: 2, Write: 3, Pause: 4, Close: 5 } as const;
export type Due = typeof Due[keyof typeof Due];

/** Told when something is due. */
export interface DueTimesOwner {
  isDue(what: Due, nowMs: number): void;
}

/**
 * When something is due for one connection, in epoch milliseconds; Infinity: never. All of it together is one deadline,
 * which is set to the earliest: a connection that is idle should hold little.
 */
export class DueTimes implements Deadline {
  dueMs = Infinity;
  place = -1;
  readonly #deadlines: Deadlines;
  readonly #owner: DueTimesOwner;
  readonly #times = [Infinity, Infinity, Infinity, Infinity, Infinity, Infinity];

  constructor(deadlines: Deadlines, owner: DueTimesOwner) {
    this.#deadlines = deadlines;
    this.#owner = owner;
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
        this.#owner.isDue(what, nowMs);
      }
    } finally {
      const nextMs = Math.min(...this.#times);
      if (nextMs < Infinity) this.#deadlines.set(this, nextMs);
    }
  }
}
