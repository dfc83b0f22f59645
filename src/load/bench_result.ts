import type { BenchOptions, Scenario } from "./bench_jobs.ts";
import { Histogram } from "./histogram.ts";
import type { JobResult } from "./load_plan.ts";
import { withoutPassword } from "./load_connection.ts";
import type { BrokerFigures } from "./process_watch.ts";

/** Share of its threads' time from which the program itself limits a run. */
const SATURATED_SHARE = 0.85;
/** Part of the messages that may be due when a run ends without meaning anything. */
const UNSENT_PART = 0.01;

/** Quantiles in milliseconds, with the number of values. */
export interface Quantiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Processor time that the program itself used during the load. */
export interface ClientFigures {
  readonly cpuSeconds: number;
  /** Share of all its threads' time: 1 means that no thread ever waited. */
  readonly cpuShare: number;
}

/** Output of `--json`. Counts are of the whole run, rates and latencies of the part that is measured. */
export interface BenchResult {
  readonly scenario: Scenario;
  readonly url: string;
  readonly mqtt: "3.1.1" | "5";
  readonly qos: number;
  readonly payloadBytes: number;
  readonly window: number | undefined;
  readonly rate: number | undefined;
  readonly threads: number;
  readonly connections: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly expected: number;
  readonly delivered: number;
  /** Messages that did not arrive, or arrived after later messages of their publisher. */
  readonly lost: number;
  readonly outOfOrder: number;
  readonly foreign: number;
  readonly refused: number;
  readonly stalls: number;
  readonly unsent: number;
  /** Length of the measured part. */
  readonly seconds: number;
  readonly sentPerSecond: number;
  readonly deliveredPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly connectionsPerSecond: number | undefined;
  /** Latencies from sending to delivery, to the acknowledgement, and from opening a connection to CONNACK. */
  readonly latency: Quantiles | undefined;
  readonly acknowledgement: Quantiles | undefined;
  readonly connect: Quantiles | undefined;
  readonly client: ClientFigures;
  readonly broker: BrokerFigures | undefined;
  /** Caveats to read before trusting the figures. */
  readonly warnings: readonly string[];
  /** Whether nothing was lost, duplicated, out of order or refused. */
  readonly ok: boolean;
}

/** Combines the results of the threads. */
export function benchResult(
  options: BenchOptions,
  results: readonly JobResult[],
  client: ClientFigures,
  broker: BrokerFigures | undefined,
): BenchResult {
  const { scenario, payloadBytes, rate } = options;
  const sum = (count: (result: JobResult) => number) => results.reduce((all, result) => all + count(result), 0);
  const fromMs = Math.min(...results.map(({ measured }) => measured.fromMs));
  const toMs = Math.max(...results.map(({ measured }) => measured.toMs));
  const seconds = Math.max(0.001, toMs - fromMs) / 1_000;
  const totals = totalsOf(sum);
  const deliveredPerSecond = sum(({ measured }) => measured.delivered) / seconds;
  const isConnecting = scenario === "connect" || scenario === "idle";
  return {
    scenario,
    url: withoutPassword(options.url),
    mqtt: options.protocolVersion === 5 ? "5" : "3.1.1",
    qos: options.qos,
    payloadBytes,
    window: rate === undefined ? options.window : undefined,
    rate,
    threads: results.length,
    ...totals,
    seconds,
    sentPerSecond: sum(({ measured }) => measured.sent) / seconds,
    deliveredPerSecond,
    megabytesPerSecond: deliveredPerSecond * payloadBytes / 1e6,
    connectionsPerSecond: isConnecting ? totals.connections / seconds : undefined,
    latency: quantilesOf(results.map(({ latency }) => latency)),
    acknowledgement: quantilesOf(results.map(({ acknowledgement }) => acknowledgement)),
    connect: quantilesOf(results.map(({ connect }) => connect)),
    client,
    broker,
    warnings: warningsOf(client, totals),
    ok: totals.lost + totals.outOfOrder + totals.foreign + totals.refused === 0,
  };
}

function totalsOf(sum: (count: (result: JobResult) => number) => number) {
  const expected = sum((result) => result.expected);
  const delivered = sum((result) => result.delivered);
  const outOfOrder = sum((result) => result.outOfOrder);
  return {
    connections: sum((result) => result.connections),
    sent: sum((result) => result.sent),
    acknowledged: sum((result) => result.acknowledged),
    expected,
    delivered,
    lost: Math.max(0, expected - (delivered - outOfOrder)),
    outOfOrder,
    foreign: sum((result) => result.foreign),
    refused: sum((result) => result.refused),
    stalls: sum((result) => result.stalls),
    unsent: sum((result) => result.unsent),
  };
}

function warningsOf({ cpuShare }: ClientFigures, { stalls, unsent, sent }: ReturnType<typeof totalsOf>): string[] {
  const warnings: string[] = [];
  if (cpuShare >= SATURATED_SHARE) {
    const share = Math.round(cpuShare * 100);
    warnings.push(`this program used ${share} % of its threads: it may be the limit, not the broker; try --threads`);
  }
  if (stalls > 0) warnings.push(`${stalls} times a publisher went on although messages before were missing`);
  if (unsent > sent * UNSENT_PART) {
    warnings.push(`${unsent} messages were due and could not be sent: the rate is too high`);
  }
  return warnings;
}

function quantilesOf(counts: readonly Float64Array[]): Quantiles | undefined {
  const all = new Histogram();
  for (const some of counts) all.add(some);
  const milliseconds = (part: number) => (all.quantile(part) ?? 0) / 1_000;
  if (all.total === 0) return undefined;
  return {
    count: all.total,
    p50: milliseconds(0.5),
    p99: milliseconds(0.99),
    p999: milliseconds(0.999),
    max: milliseconds(1),
  };
}
