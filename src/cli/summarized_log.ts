import type { LogFields, LogLine } from "./log.ts";
import type { LogType } from "./config/logging_schema.ts";

const WINDOW_MS = 10_000;
const MOST_LINES = 50;

/** When it is, and something later. */
export interface SummaryClock {
  /** Milliseconds that never go back. */
  now(): number;
  /** Does it once; gives what prevents it. */
  later(run: () => void, inMs: number): () => void;
}

/**
 * A log for lines that anybody can cause: of many within 10 s the first ones are written. The others are counted in one
 * line, when the 10 s are over or the log is closed.
 */
export class SummarizedLog {
  readonly #log: LogLine;
  readonly #clock: SummaryClock;
  readonly #mostLines: number;
  #sinceMs = -Infinity;
  #lines = 0;
  /** Of lines that were left out: how many, and the kind of the last one. */
  #left = 0;
  #type: LogType | undefined;
  #area: LogFields["area"];
  #preventTelling: (() => void) | undefined;

  constructor(log: LogLine, mostLines: number = MOST_LINES, clock: SummaryClock = SYSTEM_CLOCK) {
    this.#log = log;
    this.#mostLines = mostLines;
    this.#clock = clock;
  }

  readonly line: LogLine = (line, type, fields) => {
    const nowMs = this.#clock.now();
    if (nowMs >= this.#sinceMs + WINDOW_MS) {
      this.close();
      this.#sinceMs = nowMs;
      this.#lines = 0;
    }
    this.#lines += 1;
    if (this.#lines <= this.#mostLines) {
      this.#log(line, type, fields);
      return;
    }
    this.#left += 1;
    this.#type = type;
    this.#area = fields?.area;
    this.#preventTelling ??= this.#clock.later(() => this.close(), this.#sinceMs + WINDOW_MS - nowMs);
  };

  /** Says what was left out until now. */
  close(): void {
    this.#preventTelling?.();
    this.#preventTelling = undefined;
    if (this.#left === 0) return;
    const area = this.#area === undefined ? {} : { area: this.#area };
    this.#log(`${this.#left} more lines like the last ones were left out`, this.#type, area);
    this.#left = 0;
  }
}

const SYSTEM_CLOCK: SummaryClock = {
  now: () => performance.now(),
  later(run, inMs) {
    const timer = setTimeout(run, inMs);
    Deno.unrefTimer(timer); // A program that has nothing else to do ends.
    return () => clearTimeout(timer);
  },
};
