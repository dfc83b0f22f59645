import type { LogLine } from "./log.ts";

const WINDOW_MS = 10_000;
const MOST_LINES = 50;

/**
 * A log for lines that anybody can cause: of many within 10 s the first ones are written, and the others are counted in one
 * line when the next one comes.
 *
 * @param now milliseconds that never go back
 */
export function summarizedLog(log: LogLine, now: () => number = () => performance.now()): LogLine {
  let sinceMs = -Infinity;
  let lines = 0;
  let left = 0;
  return (line, type, fields) => {
    const nowMs = now();
    if (nowMs >= sinceMs + WINDOW_MS) {
      if (left > 0) log(`${left} more lines like the last ones were left out`, type);
      sinceMs = nowMs;
      lines = left = 0;
    }
    lines += 1;
    if (lines <= MOST_LINES) log(line, type, fields);
    else left += 1;
  };
}
