import type { BenchResult, Quantiles } from "../../src/load/bench_result.ts";

/** One figure of a run. */
export interface Measure {
  /** Behind the name of the load, where it has several. */
  readonly name: string;
  readonly unit: string;
  readonly isHigherBetter: boolean;
  /** Whether a ratio says something. @default {true} */
  readonly isCompared?: boolean;
  readonly value: (result: BenchResult) => number | undefined;
}

/** One load, the same for all brokers: arguments of `brooklet bench`. */
export interface LoadRow {
  readonly name: string;
  readonly scheme: "mqtt" | "ws";
  readonly args: readonly string[];
  /** Whether it has a time, and so a warm-up before it; others have a count. */
  readonly isTimed: boolean;
  readonly measures: readonly Measure[];
}

const IDLE_CONNECTIONS = 5_000;
const RATE: Measure = {
  name: "",
  unit: "messages/s",
  isHigherBetter: true,
  value: ({ deliveredPerSecond }) => deliveredPerSecond,
};
const MEGABYTES: Measure = {
  name: "",
  unit: "MB/s",
  isHigherBetter: true,
  value: ({ megabytesPerSecond }) => megabytesPerSecond,
};
const BYTES_EACH: Measure = {
  name: "memory of each",
  unit: "KiB",
  isHigherBetter: false,
  value: ({ broker }) => broker && (broker.bytesOpened - broker.bytesBefore) / IDLE_CONNECTIONS / 1_024,
};
const GROWTH: Measure = {
  name: "memory on top",
  unit: "MiB",
  isHigherBetter: false,
  isCompared: false, // Of something and nearly nothing.
  value: ({ broker }) => broker && (broker.bytesHighest - broker.bytesOpened) / 1_048_576,
};
const QUANTILES = { p50: "50 %", p99: "99 %", p999: "99.9 %" } as const;
const LATENCIES = (Object.keys(QUANTILES) as (keyof typeof QUANTILES & keyof Quantiles)[]) // Keys of a constant.
  .map((part): Measure => ({
    name: QUANTILES[part],
    unit: "ms",
    isHigherBetter: false,
    value: ({ latency }) => latency?.[part],
  }));

/** All loads. Payloads have 64 bytes and windows 256 messages unless it is said. */
export const LOADS: readonly LoadRow[] = [
  timed("1 pair", "pairs --pairs 1"),
  timed("50 pairs", "pairs --pairs 50"),
  timed("50 to 1", "fan-in --pubs 50"),
  timed("1 to 100", "fan-out --subs 100"),
  timed("1 to 1,000", "fan-out --subs 1000 --window 64"),
  timed("50 pairs, window 1", "pairs --pairs 50 --window 1"),
  timed("QoS 1, 50 pairs, window 1", "pairs --pairs 50 -q 1 --window 1"),
  timed("QoS 1, 50 pairs, window 20", "pairs --pairs 50 -q 1 --window 20"),
  timed("QoS 2, 50 pairs, window 1", "pairs --pairs 50 -q 2 --window 1"),
  timed("QoS 2, 50 pairs, window 20", "pairs --pairs 50 -q 2 --window 20"),
  timed("100 B, 10 pairs", "pairs --size 100", MEGABYTES),
  timed("1 KiB, 10 pairs", "pairs --size 1024", MEGABYTES),
  timed("64 KiB, 10 pairs", "pairs --size 65536", MEGABYTES),
  { ...timed("WebSocket, 50 pairs", "pairs --pairs 50"), scheme: "ws" },
  { ...timed("WebSocket, 1 to 100", "fan-out --subs 100"), scheme: "ws" },
  counted("100,000 retained, then #", "retained --messages 100000", {
    name: "",
    unit: "s",
    isHigherBetter: false,
    value: ({ seconds }) => seconds,
  }),
  timed("100,000 subscriptions of 1,000 clients", "subscriptions --subscriptions 100000 --subs 1000"),
  timed("1,000 subscriptions of 1,000 clients", "subscriptions --subscriptions 1000 --subs 1000"),
  timed("10 subscriptions of 10 clients", "subscriptions --subscriptions 10 --subs 10"),
  counted("connect and disconnect", "connect --connections 5000", {
    name: "",
    unit: "connections/s",
    isHigherBetter: true,
    value: ({ connectionsPerSecond }) => connectionsPerSecond,
  }),
  counted("5,000 idle", `idle --connections ${IDLE_CONNECTIONS} --seconds 1`, BYTES_EACH),
  {
    ...counted("5,000 idle, WebSocket", `idle --connections ${IDLE_CONNECTIONS} --seconds 1`, BYTES_EACH),
    scheme: "ws",
  },
  timed("20,000 messages/s over 100 pairs", "pairs --pairs 100 --rate 20000", ...LATENCIES),
  timed("1 to 100, one of them stuck", "fan-out --subs 99 --stuck 1", RATE, GROWTH),
];

function timed(name: string, args: string, ...measures: readonly Measure[]): LoadRow {
  return {
    name,
    scheme: "mqtt",
    args: args.split(" "),
    isTimed: true,
    measures: measures.length > 0 ? measures : [RATE],
  };
}

function counted(name: string, args: string, ...measures: readonly Measure[]): LoadRow {
  return { name, scheme: "mqtt", args: args.split(" "), isTimed: false, measures };
}
