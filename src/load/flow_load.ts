import { Histogram } from "./histogram.ts";
import { inLanes } from "./load_connection.ts";
import { Ledger } from "./ledger.ts";
import { LoadClock } from "./load_clock.ts";
import type { FlowJob, JobResult, Load } from "./load_plan.ts";
import { LoadPublisher, type Publications } from "./load_publisher.ts";
import { type Deliveries, LoadSubscriber } from "./load_subscriber.ts";

/** Connections opened at the same time. */
const OPENED_AT_ONCE = 50;
const STALL_MS = 2_000;
const PROGRESS_MS = 200;

/** Load of messages from publishers to subscribers, the share of one thread. */
export class FlowLoad implements Load {
  readonly #job: FlowJob;
  readonly #clock: LoadClock;
  readonly #deliveries: Deliveries;
  readonly #publications: Publications;
  readonly #ledger: Ledger;
  readonly #publishers: LoadPublisher[];
  readonly #subscribers: LoadSubscriber[];
  #measuredFrom = { fromMs: 0, sent: 0, delivered: 0 };
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  readonly #failed = Promise.withResolvers<never>();

  constructor(job: FlowJob) {
    this.#job = job;
    this.#clock = new LoadClock(job.shared.startMs);
    this.#failed.promise.catch(() => {}); // Reported to later waiters.
    const { target, pace, shared } = job;
    const fail = (error: Error) => this.#failed.reject(error);
    const clock = this.#clock;
    const byIndex: (LoadPublisher | undefined)[] = new Array(job.publisherCount).fill(undefined);
    this.#ledger = new Ledger(shared, byIndex);
    this.#deliveries = {
      latency: new Histogram(),
      ledger: this.#ledger,
      clock,
      payloadBytes: pace.payloadBytes,
      count: 0,
      outOfOrder: 0,
      foreign: 0,
      lastMs: 0,
    };
    this.#publications = {
      acknowledgement: new Histogram(),
      clock,
      shared,
      pace,
      sent: 0,
      expected: 0,
      acknowledged: 0,
      refused: 0,
      stalls: 0,
      unsent: 0,
      lastMs: 0,
    };
    this.#subscribers = job.subscribers.map((plan) => new LoadSubscriber(plan, target, this.#deliveries, fail));
    this.#publishers = job.publishers.map((plan) => new LoadPublisher(plan, target, this.#publications, fail));
    job.publishers.forEach(({ index }, place) => byIndex[index] = this.#publishers[place]);
  }

  async open(): Promise<void> {
    const { qos } = this.#job.pace;
    const opening = [
      ...this.#subscribers.map((subscriber) => () => subscriber.connect().then(() => subscriber.subscribe(qos))),
      ...this.#publishers.map((publisher) => () => publisher.open()),
    ];
    await Promise.race([inLanes(opening, OPENED_AT_ONCE), this.#failed.promise]);
  }

  async run(): Promise<void> {
    const { pace, publisherCount } = this.#job;
    const warmUpMs = pace.warmUpSeconds * 1_000;
    // Messages of publishers in other threads, which may have begun earlier, are counted.
    this.#measuredFrom.fromMs = this.#clock.elapsedMs();
    this.#timers.push(
      setInterval(() => this.#publishers.forEach((publisher) => publisher.lookForStall()), STALL_MS),
      setInterval(() => this.#showProgress(), PROGRESS_MS),
    );
    if (pace.seconds !== undefined) {
      const stop = () => this.#publishers.forEach((publisher) => publisher.stop());
      this.#timers.push(setTimeout(stop, warmUpMs + pace.seconds * 1_000));
    }
    if (warmUpMs > 0) this.#timers.push(setTimeout(() => this.#measureFromHere(), warmUpMs));
    const finished = this.#publishers.map((publisher) => publisher.publish(publisherCount));
    this.#ledger.listen();
    await Promise.race([Promise.all(finished), this.#failed.promise]);
  }

  result(): JobResult {
    const { fromMs, ...before } = this.#measuredFrom;
    const { latency, count, outOfOrder, foreign, lastMs } = this.#deliveries;
    const { acknowledgement, sent, expected, acknowledged, refused, stalls, unsent, lastMs: sentMs } =
      this.#publications;
    const toMs = this.#job.subscribers.length > 0 ? lastMs : sentMs;
    return {
      sent,
      expected,
      delivered: count,
      acknowledged,
      refused,
      outOfOrder,
      foreign,
      stalls,
      unsent,
      connections: this.#publishers.length + this.#subscribers.length,
      measured: { fromMs, toMs, sent: sent - before.sent, delivered: count - before.delivered },
      latency: latency.counts,
      acknowledgement: acknowledgement.counts,
      connect: new Histogram().counts,
    };
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#ledger.close();
    for (const one of [...this.#publishers, ...this.#subscribers]) one.close();
  }

  /** Starts the measured part; the part before was only the warm-up. */
  #measureFromHere(): void {
    const { sent } = this.#publications;
    this.#measuredFrom = { fromMs: this.#clock.elapsedMs(), sent, delivered: this.#deliveries.count };
    this.#deliveries.latency.clear();
    this.#publications.acknowledgement.clear();
  }

  #showProgress(): void {
    const { thread, progress } = this.#job.shared;
    progress[thread * 2] = this.#publications.sent;
    progress[thread * 2 + 1] = this.#deliveries.count;
  }
}
