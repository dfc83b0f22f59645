import { Queue } from "../protocol/message_queue.ts";
import type { CommitQueue } from "./commits.ts";
import type { ServedConnection } from "./connection/served_connection.ts";
import type { EventLoopStalls } from "./counters.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";

const MANY_WRITES = 256;
// Below a millisecond, so that the budget is not overdrawn by much.
const WRITES_A_SLICE = 64;

/** What the turn needs of its broker. */
export interface TurnHost {
  readonly commits: CommitQueue;
  readonly deadlines: Deadlines;
  readonly fanOutBudget: TurnBudget;
  readonly stalls: EventLoopStalls;
  clock(): number;
  unexpectedError(error: unknown): void;
}

/**
 * All that is done until the microtasks have their turn happens at one time, is kept together, and is then written: each
 * connection that has something to say says it in one write.
 */
export class Turn {
  readonly #host: TurnHost;
  /** One time for all of a turn: asking the clock costs as much as routing a message. */
  #nowMs: number | undefined;
  #isEndDue = false;
  /** Connections that have something to write when the turn ends. */
  #dirty: ServedConnection[] = [];
  #fanOutWrites: FanOutWrites | undefined;

  constructor(host: TurnHost) {
    this.#host = host;
  }

  // Bound, here and below: connections call them for each message, and get them without a call between.
  /** The time of the turn, which begins if there is none. */
  readonly now = (): number => {
    if (this.#nowMs === undefined) {
      this.#nowMs = this.#host.clock();
      this.#endLater();
    }
    return this.#nowMs;
  };

  readonly flushLater = (served: ServedConnection): void => {
    this.#endLater();
    this.#dirty.push(served);
  };

  /** What whoever publishes to many has to wait for, if the turn is going to write to so many. */
  readonly fanOutWritten = (): Promise<void> | undefined => {
    if (this.#dirty.length < MANY_WRITES) return undefined;
    return (this.#fanOutWrites ??= new FanOutWrites(this.#host.deadlines, this.now())).through;
  };

  /** Begins one at a time; whoever calls it calls {@linkcode end}. */
  begin(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** What the turn has written is kept first; then connections write. */
  readonly end = (): void => {
    const { commits, clock, stalls } = this.#host;
    this.#isEndDue = false;
    commits.flush();
    while (this.#dirty.length > 0) {
      const dirty = this.#dirty;
      const writes = this.#fanOutWrites;
      this.#dirty = [];
      this.#fanOutWrites = undefined;
      this.#flushAll(dirty, 0, writes);
      commits.flush();
    }
    if (this.#nowMs !== undefined) stalls.held(clock() - this.#nowMs);
    this.#nowMs = undefined;
  };

  /** How many connections wait for the end of the turn. */
  get writers(): number {
    return this.#dirty.length;
  }

  /** Takes out the connections that have come behind so many: they write after {@linkcode resumeWrites}. */
  holdWrites(from: number): ServedConnection[] {
    return this.#dirty.splice(from);
  }

  /** Has them write when this turn ends, with what has come for them since; gives how many others are before them. */
  resumeWrites(held: readonly ServedConnection[]): number {
    const from = this.#dirty.length;
    if (held.length > 0) this.#endLater();
    for (const served of held) this.#dirty.push(served);
    return from;
  }

  /** Begins the writes of a turn, many of them in several turns: 10,000 writes take 100 ms. (2 cores, Deno 2.9, 2026-11) */
  #flushAll(dirty: readonly ServedConnection[], from: number, writes: FanOutWrites | undefined): void {
    if (dirty.length < MANY_WRITES) {
      this.flush(dirty, writes);
    } else {
      const { fanOutBudget: budget } = this.#host;
      for (let at = from; at < dirty.length; at += WRITES_A_SLICE) {
        if (budget.isSpent) return budget.later(() => this.#flushAll(dirty, at, writes));
        const startMs = performance.now();
        this.flush(dirty.slice(at, at + WRITES_A_SLICE), writes);
        budget.spend(performance.now() - startMs);
      }
    }
    writes?.allBegun();
  }

  /** A connection that cannot be flushed, by a defect of ours, is closed; the others go on. */
  flush(connections: Iterable<ServedConnection>, writes?: FanOutWrites): void {
    for (const served of connections) {
      try {
        served.flush(writes);
      } catch (error) {
        this.#host.unexpectedError(error);
        served.close();
      }
    }
  }

  #endLater(): void {
    if (this.#isEndDue) return;
    this.#isEndDue = true;
    queueMicrotask(this.end);
  }
}

// Some peers do not read, and nobody should wait for them.
const MOST_UNDER_WAY = 1 / 8;
const LONGEST_WAIT_MS = 50;

/**
 * The writes of a turn in which many connections write. The runtime takes a hundred or so at a time, and looks for what has
 * come before it goes on: whoever publishes to many and is read in between brings little, which then needs as many writes.
 * So it is read when these are through, and what has come by then leaves with one write each. (1 to 1,000, 64 bytes, QoS 0:
 * 2.8 times as many messages, in two thirds of the time; Deno 2.9, 2026-11)
 */
export class FanOutWrites {
  /** Resolves when most of them are through, or have taken too long. */
  readonly through: Promise<void>;
  readonly #goOn: () => void;
  readonly #deadlines: Deadlines;
  readonly #deadline: Deadline;
  #underWay = 0;
  #most = -1;

  constructor(deadlines: Deadlines, nowMs: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.through = promise;
    this.#goOn = resolve;
    this.#deadlines = deadlines;
    this.#deadline = deadlines.add(nowMs + LONGEST_WAIT_MS, () => resolve());
  }

  begin(): void {
    this.#underWay += 1;
  }

  /** One is through, or broken. */
  end(): void {
    this.#underWay -= 1;
    this.#look();
  }

  /** All that there will be have begun. */
  allBegun(): void {
    this.#most = this.#underWay * MOST_UNDER_WAY;
    this.#look();
  }

  #look(): void {
    if (this.#underWay > this.#most) return;
    this.#deadlines.cancel(this.#deadline);
    this.#goOn();
  }
}

// Longest wait of others, besides work that is ready itself.
const BUDGET_MS = 8;

/**
 * Time for long work, such as large packets and many retained messages: one budget for all connections of the broker,
 * because the others wait for the sum. When it is spent, what is left waits until the runtime has seen what else has come.
 */
export class TurnBudget {
  /** How often some of it was spent. */
  spendings = 0;
  readonly #budgetMs: number;
  #spentMs = 0;
  readonly #waiting = new Queue<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(budgetMs = BUDGET_MS) {
    this.#budgetMs = budgetMs;
  }

  get isSpent(): boolean {
    return this.#spentMs >= this.#budgetMs;
  }

  spend(ms: number): void {
    this.#spentMs += ms;
    this.spendings += 1;
  }

  /** Calls `run`, which must not throw, in a later turn, behind what waits already. */
  later(run: () => void): void {
    this.#waiting.push(run);
    this.#timer ??= setTimeout(this.#renew, 0);
  }

  /** Resolves in a later turn; by then others may have spent the budget again. */
  renewed(): Promise<void> {
    return new Promise((resolve) => this.later(resolve));
  }

  /** Lets all that waits go on, and leaves no timer. */
  close(): void {
    clearTimeout(this.#timer);
    this.#renew();
  }

  readonly #renew = (): void => {
    this.#spentMs = 0;
    this.#runNext();
  };

  /** One by one, and each behind the microtasks of the one before: these spend too. */
  readonly #runNext = (): void => {
    this.#waiting.shift()?.();
    if (this.#waiting.length === 0) this.#timer = undefined;
    else if (this.isSpent) this.#timer = setTimeout(this.#renew, 0);
    else queueMicrotask(this.#runNext);
  };
}
