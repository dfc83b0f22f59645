import type { ProtocolVersion, QoS } from "../codec/packet.ts";
import type { TlsClientOptions } from "../transport/tls/connect_tls.ts";
import { preciseNowMs } from "./load_clock.ts";
import type { Job, LoadTarget, Pace, PublisherPlan, SharedCounters, SubscriberPlan } from "./load_plan.ts";

export const SCENARIOS = ["pairs", "fan-in", "fan-out", "subscriptions", "retained", "connect", "idle"] as const;
export type Scenario = typeof SCENARIOS[number];

/** Load that a run makes. */
export interface BenchOptions {
  readonly scenario: Scenario;
  readonly url: string;
  readonly tls: TlsClientOptions | undefined;
  readonly protocolVersion: ProtocolVersion;
  readonly qos: QoS;
  readonly payloadBytes: number;
  readonly seconds: number | undefined;
  readonly messages: number | undefined;
  readonly warmUpSeconds: number;
  readonly window: number;
  readonly rate: number | undefined;
  readonly threads: number;
  readonly publishers: number;
  readonly subscribers: number;
  readonly stuck: number;
  readonly subscriptions: number;
  readonly connections: number;
  readonly concurrency: number;
  readonly pid: number | undefined;
}

/** Jobs of all threads, and the counters that they share. */
export interface Jobs {
  readonly jobs: readonly Job[];
  readonly shared: Omit<SharedCounters, "thread">;
}

interface Flow {
  readonly publishers: readonly PublisherPlan[];
  readonly subscribers: readonly SubscriberPlan[];
}

/** Distributes the work of a run over its threads. A publisher and the subscriber of the same number share a thread. */
export function jobsOf(options: BenchOptions): Jobs {
  const target: LoadTarget = {
    url: options.url,
    tls: options.tls,
    protocolVersion: options.protocolVersion,
    run: `b${crypto.getRandomValues(new Uint8Array(4)).toHex()}`,
  };
  const threads = options.scenario === "retained" ? 1 : options.threads;
  const shared = sharedCounters(threads, options.publishers);
  const jobOf = jobMaker(options, target);
  return { jobs: times(threads, (thread) => jobOf({ ...shared, thread })), shared };
}

function jobMaker(options: BenchOptions, target: LoadTarget): (shared: SharedCounters) => Job {
  const { scenario, connections, concurrency, seconds = 0, payloadBytes, messages = 10_000, subscribers } = options;
  switch (scenario) {
    case "connect":
    case "idle":
      return ({ thread, threads }) => ({
        kind: scenario,
        target,
        thread,
        connections: shareOf(connections, thread, threads),
        concurrency: Math.max(1, shareOf(concurrency, thread, threads)),
        seconds,
      });
    case "retained":
      return (shared) => ({
        kind: "retained",
        target,
        payloadBytes,
        messages,
        subscribers: Math.max(1, subscribers),
        shared,
      });
    default: {
      const { publishers, subscribers } = flowOf(options, target.run);
      const isOf = ({ thread, threads }: SharedCounters) => ({ index }: { index: number }) =>
        index % threads === thread;
      return (shared) => ({
        kind: "flow",
        target,
        pace: paceOf(options),
        publishers: publishers.filter(isOf(shared)),
        subscribers: subscribers.filter(isOf(shared)),
        publisherCount: publishers.length,
        shared,
      });
    }
  }
}

/** Share of one thread. */
function shareOf(all: number, thread: number, threads: number): number {
  return Math.floor(all / threads) + (thread < all % threads ? 1 : 0);
}

function flowOf(options: BenchOptions, run: string): Flow {
  const { publishers: publisherCount, subscribers: subscriberCount, stuck } = options;
  const publisher = { isRandom: false, retain: false };
  switch (options.scenario) {
    case "fan-in":
      return {
        publishers: times(publisherCount, (index) => (
          { ...publisher, index, topics: [`${run}/${index}/t`], receivers: subscriberCount }
        )),
        subscribers: times(subscriberCount, (index) => ({ index, topicFilters: [`${run}/#`], isStuck: false })),
      };
    case "fan-out":
      return {
        publishers: times(publisherCount, (index) => (
          { ...publisher, index, topics: [`${run}/t`], receivers: subscriberCount }
        )),
        subscribers: times(subscriberCount + stuck, (index) => (
          { index, topicFilters: [`${run}/t`], isStuck: index >= subscriberCount }
        )),
      };
    case "subscriptions":
      return subscriptionFlow(options, run);
    default:
      return {
        publishers: times(publisherCount, (index) => (
          { ...publisher, index, topics: [`${run}/${index}/t`], receivers: 1 }
        )),
        subscribers: times(subscriberCount, (index) => (
          { index, topicFilters: [`${run}/${index}/t`], isStuck: false }
        )),
      };
  }
}

/**
 * Subscriptions of which a third is exact, a third has a `+`, and a third ends in `#`; each topic matches one of them.
 */
function subscriptionFlow({ publishers, subscribers, subscriptions }: BenchOptions, run: string): Flow {
  const place = (index: number) => `${run}/${`${index}`.padStart(7, "0")}`;
  const topics = times(subscriptions, (index) => `${place(index)}/device/t`);
  const filterOf = (index: number) => `${place(index)}/${["device/t", "+/t", "device/#"][index % 3]}`;
  return {
    publishers: times(publishers, (index) => ({ index, topics, isRandom: true, retain: false, receivers: 1 })),
    subscribers: times(subscribers, (index) => ({
      index,
      topicFilters: times(
        Math.ceil((subscriptions - index) / subscribers),
        (turn) => filterOf(index + turn * subscribers),
      ),
      isStuck: false,
    })),
  };
}

function paceOf({ qos, payloadBytes, messages, seconds, warmUpSeconds, window, rate }: BenchOptions): Pace {
  return { qos, payloadBytes, messages, seconds, warmUpSeconds, window, rate };
}

function sharedCounters(threads: number, publishers: number): Omit<SharedCounters, "thread"> {
  return {
    threads,
    startMs: preciseNowMs(),
    delivered: new Int32Array(new SharedArrayBuffer(4 * publishers)),
    wake: new Int32Array(new SharedArrayBuffer(4 * threads)),
    progress: new Float64Array(new SharedArrayBuffer(16 * threads)),
  };
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
