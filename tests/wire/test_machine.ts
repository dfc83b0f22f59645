import type { Clock, MachineClock } from "../../mod.ts";

/** A machine whose time passes when it is told to, and whose wall clock can be set. */
export class TestMachine implements MachineClock {
  #realMs = 0;
  #bootedMs = -1_000_000;
  #boots = 0;
  /** What the wall clock has more than the real time. */
  #aheadMs: number;
  readonly #hasUptime: boolean;

  /** @param startMs what the wall clock shows first */
  constructor(startMs: number, hasUptime = false) {
    this.#aheadMs = startMs;
    this.#hasUptime = hasUptime;
  }

  /** Really, since it was made. */
  get realMs(): number {
    return this.#realMs;
  }

  get wallMs(): number {
    return this.#realMs + this.#aheadMs;
  }

  /** In whole seconds, as systems give it. */
  uptimeMs(): number {
    return this.#hasUptime ? Math.floor((this.#realMs - this.#bootedMs) / 1_000) * 1_000 : NaN;
  }

  get bootId(): string {
    return `boot ${this.#boots}`;
  }

  pass(ms: number): void {
    this.#realMs += ms;
  }

  /** Sets the wall clock, back if it is below 0. */
  set(byMs: number): void {
    this.#aheadMs += byMs;
  }

  boot(): void {
    this.#bootedMs = this.#realMs;
    this.#boots += 1;
  }

  /** Clocks as a process sees them that begins now. */
  process(): Clock {
    const startedMs = this.#realMs;
    return { monotonicMs: () => this.#realMs - startedMs, wallMs: () => this.wallMs };
  }
}
