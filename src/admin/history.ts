import type { HistogramSnapshot } from "../broker/counters.ts";
import type { BrokerMetrics } from "../broker/metrics.ts";

/** Ranges of the history, each with the seconds of one point; a range has 600 points. */
export const HISTORY_STEPS_SECONDS = { "10m": 1, "2h": 12, "24h": 144 } as const;
/** Range of the history. */
export type HistoryRange = keyof typeof HISTORY_STEPS_SECONDS;

/** Columns of a point: how it is read, and how the points of a longer step are made of those of a second. */
const SERIES = {
  receivedMessagesPerSecond: "mean",
  sentMessagesPerSecond: "mean",
  droppedMessagesPerSecond: "mean",
  receivedBytesPerSecond: "mean",
  sentBytesPerSecond: "mean",
  connections: "largest",
  queuedMessages: "largest",
  queuedBytes: "largest",
  memoryBytes: "largest",
  commitP99Ms: "own",
} as const;
/** Name of a column. */
export type HistorySeries = keyof typeof SERIES;
/** Names of all columns. */
export const HISTORY_SERIES = Object.keys(SERIES) as readonly HistorySeries[]; // These are all its keys.

/** Points of a range, a step apart, as columns; `null`: nothing is known of that time. */
export interface HistoryPoints {
  readonly range: HistoryRange;
  readonly stepSeconds: number;
  /** Time of the last point, in epoch milliseconds. */
  readonly endsAtMs: number;
  readonly series: Readonly<Record<HistorySeries, readonly (number | null)[]>>;
}

const POINTS = 600;
const SECOND_MS = 1_000;
// Timers may fire a little early.
const EARLY_MS = 1;

/** Clocks of a history. */
export interface HistoryClock {
  /** Milliseconds that never go back. */
  monotonicMs(): number;
  /** Epoch milliseconds. */
  wallMs(): number;
}

/**
 * Numbers of a broker in the last 24 hours, read once a second. It holds 150 kB.
 */
export class History {
  readonly #read: () => BrokerMetrics;
  readonly #clock: HistoryClock;
  readonly #startedMs: number;
  readonly #rings: Readonly<Record<HistoryRange, Ring>>;
  #last: { readonly metrics: BrokerMetrics; readonly atMs: number } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param read gives the numbers of this moment */
  constructor(read: () => BrokerMetrics, clock: HistoryClock) {
    this.#read = read;
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
    const { "10m": short, "2h": middle, "24h": long } = HISTORY_STEPS_SECONDS;
    this.#rings = { "10m": new Ring(short), "2h": new Ring(middle), "24h": new Ring(long) };
  }

  /** Records once a second from now on, until it is closed. */
  start(): void {
    this.record();
    if (this.#last?.metrics.isClosing === true) return; // A timer would hold the process.
    const sinceMs = this.#clock.monotonicMs() - this.#startedMs;
    this.#timer = setTimeout(() => this.start(), SECOND_MS - sinceMs % SECOND_MS);
  }

  /** Records a point. */
  record(): void {
    const atMs = this.#clock.monotonicMs();
    const metrics = this.#read();
    const last = this.#last;
    this.#last = { metrics, atMs };
    if (last === undefined || atMs <= last.atMs) return;
    const second = Math.floor((atMs - this.#startedMs + EARLY_MS) / SECOND_MS);
    const values = valuesOf(metrics, last.metrics, (atMs - last.atMs) / SECOND_MS);
    for (const range in this.#rings) {
      const ring = this.#rings[range as HistoryRange]; // Its own keys.
      ring.add(second, values, metrics.histograms.commits, last.metrics.histograms.commits);
    }
  }

  /** Points of a range, the oldest first: as many as there were since it began, 600 at most. */
  points(range: HistoryRange): HistoryPoints {
    const stepSeconds = HISTORY_STEPS_SECONDS[range];
    const ring = this.#rings[range];
    return { range, stepSeconds, endsAtMs: this.#endsAtMs(range), series: ring.series() };
  }

  /** Newest point of a second, and its time in epoch milliseconds. */
  latest(): { readonly endsAtMs: number; readonly values: Readonly<Record<HistorySeries, number | null>> } {
    const { "10m": ring } = this.#rings;
    return { endsAtMs: this.#endsAtMs("10m"), values: ring.latest() };
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #endsAtMs(range: HistoryRange): number {
    const atMs = this.#startedMs + Math.max(0, this.#rings[range].lastSlot) * HISTORY_STEPS_SECONDS[range] * SECOND_MS;
    return Math.round(this.#clock.wallMs() - (this.#clock.monotonicMs() - atMs));
  }
}

/** The last points of one step, with the one that is being made. */
class Ring {
  /** Number of the newest point since the beginning; -1: there is none. */
  lastSlot = -1;
  readonly #stepSeconds: number;
  readonly #columns: readonly { readonly name: HistorySeries; readonly values: Float64Array }[];
  #firstSlot = 0;
  /** Points of a second in the newest one. */
  #count = 0;
  /** Commits before the newest point began. */
  #commitsBefore: HistogramSnapshot | undefined;

  constructor(stepSeconds: number) {
    this.#stepSeconds = stepSeconds;
    this.#columns = HISTORY_SERIES.map((name) => ({ name, values: new Float64Array(POINTS).fill(NaN) }));
  }

  add(
    second: number,
    values: Readonly<Record<HistorySeries, number>>,
    commits: HistogramSnapshot,
    commitsBefore: HistogramSnapshot,
  ): void {
    const slot = Math.floor(second / this.#stepSeconds);
    if (slot !== this.lastSlot) this.#begin(slot, commitsBefore);
    this.#count += 1;
    const place = slot % POINTS;
    const count = this.#count;
    for (const { name, values: points } of this.#columns) {
      const value = values[name];
      const before = points[place] ?? NaN; // Below the length; NaN: the first of this point.
      switch (SERIES[name]) {
        case "mean":
          points[place] = count === 1 ? value : before + (value - before) / count;
          break;
        case "largest":
          points[place] = count === 1 ? value : Math.max(before, value);
          break;
        case "own":
          points[place] = percentile(commits, this.#commitsBefore, 0.99);
      }
    }
  }

  series(): HistoryPoints["series"] {
    const first = Math.max(this.#firstSlot, this.lastSlot - POINTS + 1);
    const length = this.lastSlot < 0 ? 0 : this.lastSlot - first + 1;
    const series = {} as Record<HistorySeries, (number | null)[]>; // Each gets its column below.
    for (const { name, values } of this.#columns) {
      series[name] = Array.from({ length }, (_, index) => rounded(values[(first + index) % POINTS]));
    }
    return series;
  }

  latest(): Record<HistorySeries, number | null> {
    const point = {} as Record<HistorySeries, number | null>; // Each gets its value below.
    for (const { name, values } of this.#columns) point[name] = rounded(values[Math.max(0, this.lastSlot) % POINTS]);
    return point;
  }

  /** Begins a point; those between it and the last one stay unknown. */
  #begin(slot: number, commitsBefore: HistogramSnapshot): void {
    if (this.lastSlot < 0) this.#firstSlot = slot;
    const passed = this.lastSlot < 0 ? 1 : Math.min(POINTS, slot - this.lastSlot);
    for (const { values } of this.#columns) {
      for (let index = 0; index < passed; index++) values[(slot - index) % POINTS] = NaN;
    }
    this.lastSlot = slot;
    this.#count = 0;
    this.#commitsBefore = commitsBefore;
  }
}

function valuesOf(now: BrokerMetrics, before: BrokerMetrics, seconds: number): Record<HistorySeries, number> {
  const rate = (count: (metrics: BrokerMetrics) => number) => (count(now) - count(before)) / seconds;
  return {
    receivedMessagesPerSecond: rate(({ received }) => received.publishes),
    sentMessagesPerSecond: rate(({ sent }) => sent.publishes),
    droppedMessagesPerSecond: rate(({ dropped }) =>
      dropped.qos0 + dropped.queueFull + dropped.tooLarge + dropped.expired
    ),
    receivedBytesPerSecond: rate(({ received }) => received.bytes),
    sentBytesPerSecond: rate(({ sent }) => sent.bytes),
    connections: now.connectedClients,
    queuedMessages: now.queuedMessages,
    queuedBytes: now.queuedBytes,
    memoryBytes: now.heapBytes ?? NaN,
    commitP99Ms: NaN, // Each ring reads its own.
  };
}

/**
 * Duration that a share of the durations between two snapshots did not exceed; within a bucket they are taken to be spread
 * evenly. NaN: there were none.
 */
export function percentile(now: HistogramSnapshot, before: HistogramSnapshot | undefined, share: number): number {
  const counts = now.counts.map((count, bucket) => count - (before?.counts[bucket] ?? 0));
  const wanted = (now.count - (before?.count ?? 0)) * share;
  if (wanted <= 0) return NaN;
  let below = 0;
  for (const [bucket, count] of counts.entries()) {
    const from = now.boundsMs[bucket - 1] ?? 0;
    const to = now.boundsMs[bucket] ?? from; // The last bucket has no upper bound.
    if (count > 0 && below + count >= wanted) return from + (to - from) * (wanted - below) / count;
    below += count;
  }
  return now.boundsMs.at(-1) ?? NaN;
}

/** Number with three digits behind the point, as JSON has it; `null` for one that is not known. */
function rounded(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : Math.round(value * 1_000) / 1_000;
}
