import { Queue } from "../protocol/queue.ts";
import type { CommitQueue } from "./commits.ts";
import type { ConnectionHandle } from "./connection/connections.ts";
import type { EventLoopStalls } from "./counters.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";

const MANY_WRITES = 256;
// Below a millisecond, so that the budget is not overdrawn by much.
const WRITES_A_SLICE = 64;
// Share of the fan-out writes that may be under way when publishers are read again, and the longest that they wait: some
// peers do not read.
const MOST_UNDER_WAY = 1 / 8;
const LONGEST_WAIT_MS = 50;
// Longest wait of others, besides work that is ready itself.
const BUDGET_MS = 8;
// Half of the longest time for which one message to 10,000 clients may hold the event loop.
const FAN_OUT_MS = 25;

/**
 * A turn of the event loop: all that is done before its microtasks run happens at one time, is committed together, and is
 * then written, with one write for each connection that has something to say.
 */
export class Turn {
  /** For long work of connections. */
  readonly budget = new TurnBudget();
  /** For messages to many, which take longer for each pause: a pause is not worth it for 1,000 writes. */
  readonly fanOutBudget: TurnBudget;
  /** Writes to many that this turn is beginning; a connection that begins a write counts it here. */
  fanOutWrites: FanOutWrites | undefined;
  readonly #commits: CommitQueue;
  readonly #deadlines: Deadlines;
  readonly #stalls: EventLoopStalls;
  readonly #clock: () => number;
  readonly #unexpectedError: (error: unknown) => void;
  /** One time for all of a turn: asking the clock costs as much as routing a message. */
  #nowMs: number | undefined;
  #isEndDue = false;
  /** Connections that write when the turn ends. */
  #dirty: ConnectionHandle[] = [];
  /** Writes of the end of this turn, where a publisher waits for them. */
  #awaited: FanOutWrites | undefined;

  constructor({ commits, deadlines, stalls, fanOutBudget = new TurnBudget(FAN_OUT_MS), clock, unexpectedError }: {
    readonly commits: CommitQueue;
    readonly deadlines: Deadlines;
    readonly stalls: EventLoopStalls;
    readonly fanOutBudget?: TurnBudget;
    readonly clock: () => number;
    readonly unexpectedError: (error: unknown) => void;
  }) {
    this.#commits = commits;
    this.#deadlines = deadlines;
    this.#stalls = stalls;
    this.fanOutBudget = fanOutBudget;
    this.#clock = clock;
    this.#unexpectedError = unexpectedError;
  }

  /** Time of the turn, which begins if there is none. */
  now(): number {
    if (this.#nowMs === undefined) {
      this.#nowMs = this.#clock();
      this.#endLater();
    }
    return this.#nowMs;
  }

  /** Begins a turn at a time; the caller ends it with {@linkcode end}. */
  begin(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** Flushes a connection when the turn ends. */
  flushLater(served: ConnectionHandle): void {
    this.#endLater();
    this.#dirty.push(served);
  }

  /** Resolves when most of this turn's fan-out writes are done; undefined if there are few. */
  fanOutWritten(): Promise<void> | undefined {
    if (this.#dirty.length < MANY_WRITES) return undefined;
    return (this.#awaited ??= new FanOutWrites(this.#deadlines, this.now())).through;
  }

  /** Number of connections that write when the turn ends. */
  get writers(): number {
    return this.#dirty.length;
  }

  /** Takes out the connections after the first `from`: they write after {@linkcode resumeWrites}. */
  holdWrites(from: number): ConnectionHandle[] {
    return this.#dirty.splice(from);
  }

  /** Has held connections write when this turn ends, with what has come for them since; gives how many are before them. */
  resumeWrites(held: readonly ConnectionHandle[]): number {
    const from = this.#dirty.length;
    if (held.length > 0) this.#endLater();
    for (const served of held) this.#dirty.push(served);
    return from;
  }

  // Bound: it is a microtask of each turn.
  /** Commits the changes of the turn first; then connections write. */
  readonly end = (): void => {
    this.#isEndDue = false;
    this.#commits.flush();
    while (this.#dirty.length > 0) {
      const dirty = this.#dirty;
      const writes = this.#awaited;
      this.#dirty = [];
      this.#awaited = undefined;
      this.#flushAll(dirty, 0, writes);
      this.#commits.flush();
    }
    if (this.#nowMs !== undefined) this.#stalls.turnEnded(this.#clock() - this.#nowMs);
    this.#nowMs = undefined;
  };

  /** Resumes all that waits for a budget, and leaves no timer. */
  close(): void {
    this.budget.close();
    this.fanOutBudget.close();
  }

  #endLater(): void {
    if (this.#isEndDue) return;
    this.#isEndDue = true;
    queueMicrotask(this.end);
  }

  /** Begins the writes of a turn, many of them in several turns: 10,000 writes take 100 ms. (2 cores, Deno 2.9, 2026-11) */
  #flushAll(dirty: readonly ConnectionHandle[], from: number, writes: FanOutWrites | undefined): void {
    if (dirty.length < MANY_WRITES) {
      this.#flush(dirty, writes);
    } else {
      for (let at = from; at < dirty.length; at += WRITES_A_SLICE) {
        if (this.fanOutBudget.isSpent) return this.fanOutBudget.later(() => this.#flushAll(dirty, at, writes));
        const startMs = performance.now();
        this.#flush(dirty.slice(at, at + WRITES_A_SLICE), writes);
        this.fanOutBudget.spend(performance.now() - startMs);
      }
    }
    writes?.allBegun();
  }

  /** Closes a connection that cannot be flushed, by a defect of ours; the others are flushed all the same. */
  #flush(connections: readonly ConnectionHandle[], writes: FanOutWrites | undefined): void {
    this.fanOutWrites = writes;
    for (const served of connections) {
      try {
        served.flush();
      } catch (error) {
        this.#unexpectedError(error);
        served.close();
      }
    }
    this.fanOutWrites = undefined;
  }
}

/**
 * Writes of a turn in which many connections write. The runtime takes a hundred or so at a time, and looks for input in
 * between: a publisher to many that is read in between brings little, which then needs as many writes. So it is read when
 * these are done, and what has come by then leaves with one write each. (1 to 1,000, 64 bytes, QoS 0: 2.8 times as many
 * messages, in two thirds of the time; Deno 2.9, 2026-11)
 */
export class FanOutWrites {
  /** Resolves when most of them are done, or have taken too long. */
  readonly through: Promise<void>;
  readonly #resume: () => void;
  readonly #deadlines: Deadlines;
  readonly #deadline: Deadline;
  #begun = 0;
  #underWay = 0;
  #most = -1;

  constructor(deadlines: Deadlines, nowMs: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.through = promise;
    this.#resume = resolve;
    this.#deadlines = deadlines;
    this.#deadline = deadlines.add(nowMs + LONGEST_WAIT_MS, () => resolve());
  }

  begin(): void {
    this.#begun += 1;
    this.#underWay += 1;
  }

  /** Counts one that is done, or broken. */
  end(): void {
    this.#underWay -= 1;
    this.#look();
  }

  /** Takes note that no more will begin. */
  allBegun(): void {
    this.#most = this.#begun * MOST_UNDER_WAY;
    this.#look();
  }

  #look(): void {
    if (this.#underWay > this.#most) return;
    this.#deadlines.cancel(this.#deadline);
    this.#resume();
  }
}

/**
 * Time for long work, such as large packets and many retained messages: one budget for all connections of the broker,
 * because the others wait for the sum. When it is spent, what is left waits until the runtime has looked for other input.
 */
export class TurnBudget {
  /** Number of times that some of it was spent. */
  spendings = 0;
  #ms: number;
  #spentMs = 0;
  readonly #waiting = new Queue<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(budgetMs = BUDGET_MS) {
    this.#ms = budgetMs;
  }

  /** Length, in milliseconds. */
  get ms(): number {
    return this.#ms;
  }

  get isSpent(): boolean {
    return this.#spentMs >= this.#ms;
  }

  spend(ms: number): void {
    this.#spentMs += ms;
    this.spendings += 1;
  }

  /** Calls `run`, which must not throw, in a later turn, after all that waits already. */
  later(run: () => void): void {
    this.#waiting.push(run);
    this.#timer ??= setTimeout(this.#renew, 0);
  }

  /** Resolves in a later turn; by then others may have spent the budget again. */
  renewed(): Promise<void> {
    return new Promise((resolve) => this.later(resolve));
  }

  /** Resumes all that waits, and leaves no timer; it is never spent again. */
  close(): void {
    this.#ms = Infinity;
    clearTimeout(this.#timer);
    this.#renew();
  }

  readonly #renew = (): void => {
    this.#spentMs = 0;
    this.#runNext();
  };

  /** Runs one, and the next after the microtasks of this one: these spend too. */
  readonly #runNext = (): void => {
    this.#waiting.shift()?.();
    if (this.#waiting.length === 0) this.#timer = undefined;
    else if (this.isSpent) this.#timer = setTimeout(this.#renew, 0);
    else queueMicrotask(this.#runNext);
  };
}

/**
 * One task that may take long, counted in a budget. It pauses when the budget is spent, or when the last pause is as long ago
 * as the budget lasts: a hook that answers with a promise may have worked all that time.
 */
export class BudgetedWork {
  readonly #budget: TurnBudget;
  /** Time of the last count. */
  #countedMs: number;
  #pauseDueMs: number;

  constructor(budget: TurnBudget) {
    this.#budget = budget;
    this.#countedMs = performance.now();
    this.#pauseDueMs = this.#countedMs + budget.ms;
  }

  /** Whether others should have their turn before more is done; counts what was done since the last look. */
  get isLong(): boolean {
    const nowMs = performance.now();
    this.#budget.spend(nowMs - this.#countedMs);
    this.#countedMs = nowMs;
    return nowMs > this.#pauseDueMs || this.#budget.isSpent;
  }

  /** Counts nothing for the time since the last look: waiting is no work. */
  waited(): void {
    this.#countedMs = performance.now();
  }

  /** Resolves when others have had their turn, and the budget is not spent. */
  async pause(): Promise<void> {
    do await this.#budget.renewed(); while (this.#budget.isSpent);
    this.#countedMs = performance.now();
    this.#pauseDueMs = this.#countedMs + this.#budget.ms;
  }
}
