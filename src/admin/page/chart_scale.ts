/** Scales of a chart: whole steps that a person reads, and the path of a line. */

/** Mark of an axis. */
export interface Tick {
  readonly value: number;
  readonly label: string;
}

/** Steps of time between labels, in seconds. */
const TIME_STEPS = [1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400] as const;
const DAY_SECONDS = 86_400;

/** Lowest and highest value of the scale: from 0, or a little beyond the values. */
export function rangeOf(values: readonly (number | null)[], isFromZero: boolean): readonly [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (high === -Infinity) return [0, 4];
  // Less would divide 1 into parts, which clients and messages do not have.
  if (isFromZero) return [0, Math.max(high * 1.1, 4)];
  const room = high > low ? (high - low) * 0.08 : Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

/** Marks at 1, 2 or 5 times a power of ten, at most `most` of them. */
export function valueTicks(low: number, high: number, most: number, format: (value: number) => string): Tick[] {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const ticks: Tick[] = [];
  for (let index = Math.ceil(low / step); index * step <= high; index++) {
    const value = index * step;
    const label = format(value);
    // A small step of large numbers would give the same label twice.
    if (ticks.at(-1)?.label !== label) ticks.push({ value, label });
  }
  return ticks;
}

/**
 * Marks at whole minutes or hours of this place, at most `most` of them.
 *
 * @param first epoch seconds, as `last`
 * @param offsetSeconds how far the clock of this place is before UTC
 */
export function timeTicks(first: number, last: number, most: number, offsetSeconds: number): Tick[] {
  const step = TIME_STEPS.find((seconds) => (last - first) / seconds <= most) ?? DAY_SECONDS;
  const ticks: Tick[] = [];
  for (let local = Math.ceil((first + offsetSeconds) / step) * step; local <= last + offsetSeconds; local += step) {
    const clock = new Date(local * 1000).toISOString();
    const label = step < 60 ? clock.slice(11, 19) : step < DAY_SECONDS ? clock.slice(11, 16) : clock.slice(5, 10);
    ticks.push({ value: local - offsetSeconds, label });
  }
  return ticks;
}

/** Path of a line through its points; where a value is missing, it breaks off. */
export function linePath(points: Iterable<readonly [number, number] | undefined>): string {
  let path = "";
  let isDrawing = false;
  for (const point of points) {
    if (point !== undefined) {
      path += `${isDrawing ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
      if (!isDrawing) path += "h0"; // A point alone is a dot.
    }
    isDrawing = point !== undefined;
  }
  return path;
}

/** Index of the time that is nearest; the times rise. */
export function nearestIndex(times: readonly number[], time: number): number {
  let [low, high] = [0, times.length - 1];
  while (high - low > 1) {
    const middle = low + high >> 1;
    if ((times[middle] ?? Infinity) < time) low = middle;
    else high = middle;
  }
  return Math.abs((times[high] ?? Infinity) - time) < Math.abs((times[low] ?? Infinity) - time) ? high : low;
}
