import type { Broker } from "../../broker/broker.ts";
import { Trace } from "./trace.ts";
import type { TraceFacts, TraceOptions } from "./trace_records.ts";

const MOST_TRACES = 8;
/** Time for which the records of a trace are kept after its end. */
const KEPT_MS = 3_600_000;
const TICK_MS = 1_000;

/** Live traces of a broker. While there is none, nothing is watched, and no timer runs. */
export class Traces {
  readonly #broker: Broker;
  readonly #now: () => number;
  readonly #hasOwnClock: boolean;
  readonly #traces = new Map<string, Trace>();
  #started = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param options.now clock in epoch milliseconds, in place of that of the machine: then call {@linkcode Traces.tick} too
   */
  constructor(broker: Broker, { now }: { readonly now?: (() => number) | undefined } = {}) {
    this.#broker = broker;
    this.#hasOwnClock = now !== undefined;
    this.#now = now ?? (() => performance.timeOrigin + performance.now()); // Its fractions tell the order within a millisecond.
  }

  /**
   * Starts a trace; `undefined` when 8 are active. The oldest that has ended gives its place to a new one.
   *
   * @throws RangeError for a target that is none
   */
  start(options: TraceOptions): Trace | undefined {
    this.tick();
    const kept = [...this.#traces.values()].map(({ facts }) => facts);
    if (kept.filter(({ isActive }) => isActive).length >= MOST_TRACES) return undefined;
    const id = `${this.#started + 1}`;
    const trace = new Trace(id, this.#broker, options, this.#now);
    const ended = kept.find(({ isActive }) => !isActive);
    if (kept.length >= MOST_TRACES && ended !== undefined) this.#traces.delete(ended.id);
    this.#started += 1;
    this.#traces.set(id, trace);
    if (!this.#hasOwnClock) this.#timer ??= setInterval(() => this.tick(), TICK_MS);
    return trace;
  }

  /** All traces, also those that have ended and are kept. */
  list(): TraceFacts[] {
    return [...this.#traces.values()].map(({ facts }) => facts);
  }

  /** A trace by its id. */
  get(id: string): Trace | undefined {
    return this.#traces.get(id);
  }

  /** Ends a trace, whose records stay for an hour; returns whether there is one. */
  stop(id: string): boolean {
    const trace = this.#traces.get(id);
    trace?.end();
    return trace !== undefined;
  }

  /** Ends a trace and forgets its records; returns whether there was one. */
  delete(id: string): boolean {
    this.stop(id);
    const wasThere = this.#traces.delete(id);
    this.#stopTimer();
    return wasThere;
  }

  /** Ends traces whose ten minutes are over, and forgets those that ended an hour ago. */
  tick(): void {
    const nowMs = this.#now();
    for (const [id, trace] of this.#traces) {
      const { isActive, endsAtMs } = trace.facts;
      if (isActive && endsAtMs <= nowMs) trace.end();
      else if (!isActive && endsAtMs + KEPT_MS <= nowMs) this.#traces.delete(id);
    }
    this.#stopTimer();
  }

  /** Ends all traces and forgets them. */
  close(): void {
    for (const trace of this.#traces.values()) trace.end();
    this.#traces.clear();
    this.#stopTimer();
  }

  #stopTimer(): void {
    if (this.#traces.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
