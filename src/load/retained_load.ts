import { encodePacket } from "../codec/encoder.ts";
import { PacketType } from "../codec/packet.ts";
import { NO_PROPERTIES } from "../codec/property.ts";
import { openConnection, type PacketHandler } from "./load_connection.ts";
import { FlowLoad } from "./flow_load.ts";
import { Histogram } from "./histogram.ts";
import { Ledger } from "./ledger.ts";
import { LoadClock } from "./load_clock.ts";
import type { FlowJob, JobResult, Load, RetainedJob } from "./load_plan.ts";
import { type Deliveries, LoadSubscriber } from "./load_subscriber.ts";

const STORE_WINDOW = 100;
const LOOK_MS = 2_000;
const PINGREQ = new Uint8Array([PacketType.pingreq << 4, 0]);

/** Load of many retained messages and their subscribers: measured from SUBSCRIBE to the last message. One thread. */
export class RetainedLoad implements Load {
  readonly #job: RetainedJob;
  readonly #clock: LoadClock;
  readonly #storing: FlowLoad;
  readonly #topics: readonly string[];
  readonly #deliveries: Deliveries;
  readonly #subscribers: LoadSubscriber[];
  readonly #failed = Promise.withResolvers<never>();
  readonly #complete = Promise.withResolvers<void>();
  #fromMs = 0;

  constructor(job: RetainedJob) {
    const { target, shared, subscribers, payloadBytes } = job;
    this.#job = job;
    this.#clock = new LoadClock(shared.startMs);
    this.#failed.promise.catch(() => {}); // Reported to later waiters.
    this.#topics = Array.from({ length: job.messages }, (_, index) => `${target.run}/${`${index}`.padStart(8, "0")}`);
    this.#storing = new FlowLoad(storingJob(job, this.#topics));
    const look = { pump: () => this.#look() };
    this.#deliveries = {
      latency: new Histogram(),
      ledger: new Ledger(shared, [look]),
      clock: this.#clock,
      payloadBytes,
      count: 0,
      outOfOrder: 0,
      foreign: 0,
      lastMs: 0,
    };
    const plan = { topicFilters: [`${target.run}/#`], isStuck: false };
    this.#subscribers = Array.from(
      { length: subscribers },
      (_, index) =>
        new LoadSubscriber({ ...plan, index }, target, this.#deliveries, (error) => this.#failed.reject(error)),
    );
  }

  async open(): Promise<void> {
    await this.#storing.open();
    await this.#storing.run();
    await Promise.all(this.#subscribers.map((subscriber) => subscriber.connect()));
  }

  async run(): Promise<void> {
    this.#fromMs = this.#clock.elapsedMs();
    let seen = 0;
    const timer = setInterval(() => {
      if (seen === this.#deliveries.count) this.#complete.resolve(); // No more will arrive.
      seen = this.#deliveries.count;
    }, LOOK_MS);
    const subscribing = this.#subscribers.map((subscriber) => subscriber.subscribe(0));
    await Promise.race([Promise.all([...subscribing, this.#complete.promise]), this.#failed.promise])
      .finally(() => clearInterval(timer));
    for (const subscriber of this.#subscribers) subscriber.close();
    await this.#remove();
  }

  result(): JobResult {
    const { latency, count, foreign, lastMs } = this.#deliveries;
    const { messages, subscribers } = this.#job;
    return {
      ...this.#storing.result(),
      expected: messages * subscribers,
      delivered: count,
      outOfOrder: 0, // Retained messages have no order.
      foreign,
      connections: subscribers + 1,
      measured: { fromMs: this.#fromMs, toMs: lastMs, sent: messages, delivered: count },
      latency: latency.counts,
    };
  }

  close(): void {
    this.#storing.close();
    for (const subscriber of this.#subscribers) subscriber.close();
  }

  #look(): void {
    if (this.#deliveries.count >= this.#job.messages * this.#job.subscribers) this.#complete.resolve();
  }

  /** Removes the retained messages with empty payloads. [MQTT-3.3.1-6] */
  async #remove(): Promise<void> {
    const { target } = this.#job;
    const done = Promise.withResolvers<void>();
    const handler: PacketHandler = {
      packet: (bytes, start) => {
        if ((bytes[start] ?? 0) >> 4 === PacketType.pingresp) done.resolve();
      },
      turnEnded() {},
      written() {},
      lost: (error) => done.reject(error),
    };
    const { connection } = await openConnection(target, `${target.run}-r`, handler);
    const base = { type: "publish", dup: false, qos: 0, retain: true, packetIdentifier: 0 } as const;
    const empty = { ...base, properties: NO_PROPERTIES, payload: new Uint8Array(0) };
    for (const topic of this.#topics) connection.append(encodePacket({ ...empty, topic }, target.protocolVersion));
    connection.append(PINGREQ);
    connection.flush();
    await done.promise;
    connection.close();
  }
}

function storingJob({ target, payloadBytes, messages, shared }: RetainedJob, topics: readonly string[]): FlowJob {
  return {
    kind: "flow",
    target,
    pace: {
      qos: 1,
      payloadBytes,
      messages,
      seconds: undefined,
      warmUpSeconds: 0,
      window: STORE_WINDOW,
      rate: undefined,
    },
    publishers: [{ index: 0, topics, isRandom: false, retain: true, receivers: 0 }],
    subscribers: [],
    publisherCount: 1,
    shared,
  };
}
