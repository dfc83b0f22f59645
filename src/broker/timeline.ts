import type { ClockChange } from "../protocol/change.ts";

/** Clocks that a broker reads. */
export interface Clock {
  /** Milliseconds from any origin, which never go back; for all durations. */
  monotonicMs(): number;
  /** Epoch milliseconds of the machine; for the ends of tokens and bans. */
  wallMs(): number;
}

/** Clock of the machine: shows how long no broker ran, even if the wall clock was set meanwhile. */
export interface MachineClock {
  /** Milliseconds since the machine booted, sleep included, such as `Deno.osUptime() * 1_000`. */
  uptimeMs(): number;
  /** Identifier of the boot, such as the content of `/proc/sys/kernel/random/boot_id`; `undefined`: not known. */
  readonly bootId?: string | undefined;
}

const RUNTIME_CLOCK: Clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() };

// With more against the monotonic clock, the wall clock was set; with less, what is stored is as much wrong.
const SET_MS = 1_000;
// An uptime is in whole seconds, and the moment that is kept is up to SET_MS wrong.
const UPTIME_ERROR_MS = 2_000;
// A wall clock that goes back while no broker runs lets the time resume at the last moment that was kept, at least.
const KEPT_FOR_MS = 60_000;

/**
 * The broker's own time, in milliseconds that only go forward. All deadlines are in it, and all times in the storage. It
 * begins as what the wall clock shows, and does not follow when that is set. A broker that is opened again resumes it
 * from a moment that the storage has kept, and adds the time for which none ran.
 */
export class Timeline {
  readonly #clock: Clock;
  readonly #machine: MachineClock | undefined;
  /** Offset to add to the monotonic clock. */
  #originMs: number;
  /** Offset of the wall clock, as it was seen last. */
  #seenAheadMs = 0;
  /** Offset of the wall clock that the storage has, or that is on its way there. */
  #keptAheadMs = 0;
  /** Time when that was; `undefined`: the storage has none. */
  #keptAtMs: number | undefined;

  constructor(clock: Clock | (() => number) = RUNTIME_CLOCK, machine?: MachineClock) {
    this.#clock = typeof clock === "function" ? { monotonicMs: clock, wallMs: clock } : clock;
    this.#machine = machine;
    this.#originMs = this.#clock.wallMs() - this.#clock.monotonicMs();
  }

  // Bound: turns ask for it, and get it without a call between.
  readonly now = (): number => this.#originMs + this.#clock.monotonicMs();

  readonly monotonicMs = (): number => this.#clock.monotonicMs();

  readonly wallMs = (): number => this.#clock.wallMs();

  /** Converts a moment of the monotonic clock into the broker's own time. */
  at(monotonicMs: number): number {
    return this.#originMs + monotonicMs;
  }

  /** Converts a moment of the broker's own time into one of the monotonic clock. */
  monotonicOf(nowMs: number): number {
    return nowMs - this.#originMs;
  }

  /** Resumes from a moment that the storage has kept; gives by how much the wall clock was set meanwhile; 0: it was not. */
  resume(kept: ClockChange): number {
    const wallMs = this.wallMs();
    const passedMs = Math.max(0, this.#passedMs(kept, wallMs));
    this.#originMs = kept.nowMs + passedMs - this.#clock.monotonicMs();
    this.#keptAtMs = kept.nowMs;
    this.#keptAheadMs = kept.wallMs - kept.nowMs;
    this.#seenAheadMs = wallMs - this.now();
    const setByMs = this.#seenAheadMs - this.#keptAheadMs;
    return Math.abs(setByMs) > SET_MS ? setByMs : 0;
  }

  /** Gives by how much the wall clock was set since it was looked at last; 0: it was not. */
  look(): number {
    const aheadMs = this.#aheadMs;
    const setByMs = aheadMs - this.#seenAheadMs;
    if (Math.abs(setByMs) <= SET_MS) return 0;
    this.#seenAheadMs = aheadMs;
    return setByMs;
  }

  /** Gives this moment where what the storage has of it is wrong or old; then it counts as kept. */
  momentToKeep(): ClockChange | undefined {
    const isGood = this.#keptAtMs !== undefined && this.now() - this.#keptAtMs < KEPT_FOR_MS &&
      Math.abs(this.#aheadMs - this.#keptAheadMs) <= SET_MS;
    return isGood ? undefined : this.#moment();
  }

  /** Gives it for a storage that has one already: a storage that has nothing else need not have this. */
  momentToKeepAgain(): ClockChange | undefined {
    return this.#keptAtMs === undefined ? undefined : this.momentToKeep();
  }

  /** The last moment of a broker, for a storage that has one already. */
  lastMoment(): ClockChange | undefined {
    return this.#keptAtMs === undefined ? undefined : this.#moment();
  }

  get #aheadMs(): number {
    return this.wallMs() - this.now();
  }

  #moment(): ClockChange {
    const [nowMs, wallMs, uptimeMs] = [this.now(), this.wallMs(), this.#uptimeMs];
    this.#keptAtMs = nowMs;
    this.#keptAheadMs = wallMs - nowMs;
    return {
      kind: "clock",
      nowMs: Math.round(nowMs),
      wallMs: Math.round(wallMs),
      ...uptimeMs === undefined ? {} : { uptimeMs, bootId: this.#machine?.bootId },
    };
  }

  /** Gives for how long no broker ran. */
  #passedMs(kept: ClockChange, wallMs: number): number {
    const byWallMs = wallMs - kept.wallMs;
    const uptimeMs = this.#uptimeMs;
    if (uptimeMs === undefined || kept.uptimeMs === undefined) return byWallMs;
    const byUptimeMs = uptimeMs - kept.uptimeMs;
    if (byUptimeMs < 0 || Math.abs(byWallMs - byUptimeMs) <= UPTIME_ERROR_MS) return byWallMs; // It has booted, or agrees.
    const bootId = this.#machine?.bootId;
    if (bootId !== undefined && kept.bootId !== undefined) return bootId === kept.bootId ? byUptimeMs : byWallMs;
    return Math.min(byWallMs, byUptimeMs); // One is wrong: with the lesser one nothing that was acknowledged is lost.
  }

  get #uptimeMs(): number | undefined {
    try {
      const uptimeMs = Math.round(this.#machine?.uptimeMs() ?? NaN);
      return uptimeMs >= 0 ? uptimeMs : undefined;
    } catch {
      return undefined; // The wall clock alone tells it.
    }
  }
}
