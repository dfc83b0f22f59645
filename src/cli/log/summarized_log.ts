import type { LogType } from "../config/logging_settings.ts";
import type { LogFields, LogLine } from "./log.ts";

const WINDOW_MS = 10_000;
const MOST_LINES = 50;

/** Clock with a timer. */
export interface SummaryClock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls `run` once, later; gives a function that prevents it. */
  later(run: () => void, inMs: number): () => void;
}

/**
 * Log for lines that anyone can cause: of many within 10 s the first ones are written. The others are counted in one
 * line, after the 10 s or when the log is closed.
 */
export class SummarizedLog {
  readonly #log: LogLine;
  readonly #clock: SummaryClock;
  readonly #mostLines: number;
  #sinceMs = -Infinity;
  #lines = 0;
  /** Number of omitted lines, and the type of the last one. */
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

  /** Writes the summary of lines omitted until now. */
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
