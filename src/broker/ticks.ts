import type { BrokerParts } from "./assembly.ts";

const TICK_MS = 100;
// A timer that is later than this was not only held up: the process stood still.
const PAUSE_MS = 1_000;
// Time after a pause to read what has come in meanwhile, before anybody is judged to have been silent.
const CATCH_UP_MS = 1_000;

/** Ticks of a broker: they serve the deadlines that are due, notice that the clock was set, and that the process stood still. */
export class Ticks {
  readonly #parts: BrokerParts;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Monotonic time from which deadlines are served again after the process stood still. */
  #deadlinesFromMs = -Infinity;
  #areDeadlinesServed = true;
  /** Whether deadlines that are due wait for the next budget of a turn. */
  #isTickingAgain = false;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  /** Ticks by the clock of the machine from now on. */
  start(): void {
    const { stalls, clock } = this.#parts;
    stalls.timerFired(clock(), TICK_MS); // The process may be stopped before it fires for the first time.
    this.#timer = setInterval(() => this.#timerFired(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Serves what is due. */
  tick(monotonicMs: number): void {
    const nowMs = this.#parts.timeline.at(monotonicMs);
    const { turn, backlogWait, dropped, sessionQuota, sysTopics, commits, review, hooks } = this.#parts;
    turn.begin(nowMs); // A deadline that is set anew must not be due at once.
    this.#lookAtWallClock();
    this.#serveDeadlines(nowMs);
    backlogWait.tick(nowMs);
    dropped.tell(nowMs);
    sessionQuota.tell(nowMs);
    sysTopics.tick(nowMs);
    commits.tick(nowMs);
    if (!Object.is(review.version, hooks.rulesVersion)) review.begin(); // NaN is no other NaN.
    turn.end(); // Deadlines may have written changes.
  }

  /** Hears that the wall clock was set by some time. */
  wallClockSet(byMs: number): void {
    if (byMs === 0) return;
    const { connections, onEvent } = this.#parts;
    onEvent({ kind: "wallClockSet", byMs });
    for (const served of connections) served.wallClockSet();
  }

  #timerFired(): void {
    const { stalls, clock, timeline } = this.#parts;
    const lateMs = stalls.timerFired(clock(), TICK_MS);
    if (lateMs >= PAUSE_MS) this.#stoodStill(lateMs);
    this.tick(timeline.monotonicMs());
  }

  /** Puts deadlines off, once: under a load that makes each tick late they must be served all the same. */
  #stoodStill(ms: number): void {
    this.#parts.onEvent({ kind: "stoodStill", ms });
    const nowMs = this.#parts.timeline.monotonicMs();
    if (this.#areDeadlinesServed) this.#deadlinesFromMs = nowMs + CATCH_UP_MS;
    this.#areDeadlinesServed = false;
  }

  /** Runs some deadlines at a time: many sessions may end together, and each may have a Will for everyone. */
  #serveDeadlines(nowMs: number): void {
    const { deadlines, turn: { budget }, unexpectedError, timeline, isClosing } = this.#parts;
    if (timeline.monotonicMs() < this.#deadlinesFromMs) return;
    this.#areDeadlinesServed = true;
    let sinceMs = performance.now();
    const isSpent = () => {
      const ms = performance.now();
      if (ms - sinceMs >= 1) { // Less is no delay for others, but would add up over ticks.
        budget.spend(ms - sinceMs);
        sinceMs = ms;
      }
      return budget.isSpent;
    };
    try {
      if (!deadlines.tick(nowMs, isSpent) || this.#isTickingAgain) return;
    } catch (error) {
      unexpectedError(error); // The rest is run with the next tick.
      return;
    }
    this.#isTickingAgain = true;
    budget.later(() => {
      this.#isTickingAgain = false;
      if (!isClosing()) this.tick(Math.max(timeline.monotonicOf(nowMs), timeline.monotonicMs()));
    });
  }

  /** Checks whether the wall clock was set: stored times then mean another time of day, and tokens end at another time. */
  #lookAtWallClock(): void {
    const { timeline, commits } = this.#parts;
    this.wallClockSet(timeline.look());
    const moment = timeline.momentToKeepAgain();
    if (moment !== undefined) commits.write(moment);
  }
}
