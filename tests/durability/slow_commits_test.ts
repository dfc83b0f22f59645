/** A storage that is slow, or does not answer for some time. */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { within } from "../deadline.ts";
import { printFigure } from "../hostile/broker_child.ts";
import { pause } from "../hostile/sockets.ts";
import { DurableClient } from "./durable_client.ts";
import { Flood } from "./flood.ts";
import { inForm } from "../form.ts";
import { Stopwatch } from "../stopwatch.ts";
import { SlowBroker } from "./slow_broker.ts";

const STALLS = inForm(1, 3, 20);
const STALL_MS = inForm(1_000, 1_000, 2_000);
const PUBLISHERS = 20;
const MESSAGES = 1_500;
// Limits.maximumPendingBytes, and what each connection may have read when that was reached.
const MOST_PENDING_BYTES = 16_000_000 + PUBLISHERS * 131_072;
const MOST_P99_MS = 50;
const ACKNOWLEDGED_WITHIN_MS = 2_000;
const CHANGES_PER_SECOND = 1_000;
const FLOODERS = inForm(20, 20, 100);
const FLOOD_MS = inForm(2_000, 4_000, 60_000);
const MOST_GROWTH_BYTES = 48_000_000;

Deno.test("While commits stall nothing is acknowledged, QoS 0 goes on, and reading stops when too much waits", async () => {
  await using broker = await SlowBroker.start(Infinity);
  await using others = await Others.start(broker);
  await using flood = await Flood.start(broker.port, PUBLISHERS, MESSAGES);
  let early = 0;
  let slowestMs = 0;
  const delays: number[] = [];
  for (let stall = 0; stall < STALLS; stall++) {
    const acknowledged = flood.acknowledged;
    const beginsMs = performance.now();
    const endsMs = await broker.stall(STALL_MS) + STALL_MS;
    const sent = flood.send();
    while (performance.now() < beginsMs + STALL_MS - 2 * MOST_P99_MS) {
      delays.push(await others.roundMs());
      await pause(2);
    }
    if (performance.now() < beginsMs + STALL_MS) early += flood.acknowledged - acknowledged;
    await sent;
    await within(flood.allAcknowledged(), "all PUBACK", 20_000);
    slowestMs = Math.max(slowestMs, performance.now() - endsMs);
  }
  const { mostBytes } = await broker.figures();
  delays.sort((one, other) => one - other);
  const p99 = delays[Math.floor(delays.length * 0.99)] ?? Infinity;
  printFigure(
    `${STALLS} stalls of ${STALL_MS} ms: ${early} PUBACK too early, QoS 0 of others p99 ${p99.toFixed(1)} ms ` +
      `(${delays.length} messages), ${(mostBytes / 1_000_000).toFixed(1)} MB pending at most, ` +
      `all acknowledged ${Math.round(slowestMs)} ms after`,
  );
  assertEquals(early, 0);
  assertLess(p99, MOST_P99_MS);
  assertGreater(mostBytes, 10_000_000, "the stall was not felt");
  assertLess(mostBytes, MOST_PENDING_BYTES);
  assertLess(slowestMs, ACKNOWLEDGED_WITHIN_MS);
});

Deno.test("Publishers that are faster than the storage are read from as fast as it keeps, and none is closed", async () => {
  await using broker = await SlowBroker.start(CHANGES_PER_SECOND);
  await using flood = await Flood.start(broker.port, FLOODERS, MESSAGES);
  const before = (await broker.figures()).heldBytes;
  let grown = 0;
  const sent = flood.send();
  for (const endMs = performance.now() + FLOOD_MS; performance.now() < endMs;) {
    await pause(FLOOD_MS / 20);
    grown = Math.max(grown, (await broker.figures()).heldBytes - before);
  }
  const { connections, mostBytes } = await broker.figures();
  printFigure(
    `${FLOODERS} publishers offer ${
      FLOODERS * MESSAGES
    } messages of 1 kB to a storage that keeps ${CHANGES_PER_SECOND} ` +
      `changes/s for ${FLOOD_MS / 1_000} s: memory in use grew by ${(grown / 1_000_000).toFixed(1)} MB, ` +
      `${(mostBytes / 1_000_000).toFixed(1)} MB pending at most, ${FLOODERS - connections} closed`,
  );
  assertEquals(connections, FLOODERS);
  assertLess(grown, MOST_GROWTH_BYTES);
  broker.kill();
  await sent;
});

/** Two clients that have nothing to do with the storage. */
class Others implements AsyncDisposable {
  readonly #brokerPid: number;
  #came = Promise.withResolvers<void>();
  readonly #publisher = new DurableClient("publisher of QoS 0", 4);
  readonly #subscriber = new DurableClient("subscriber of QoS 0", 4, { message: () => this.#came.resolve() });

  private constructor(brokerPid: number) {
    this.#brokerPid = brokerPid;
  }

  static async start({ port, pid }: SlowBroker): Promise<Others> {
    const others = new Others(pid);
    await others.#publisher.connect(port, { cleanStart: true });
    await others.#subscriber.connect(port, { cleanStart: true });
    await others.#subscriber.subscribe("others", 0);
    return others;
  }

  /** How long a message takes. */
  async roundMs(): Promise<number> {
    this.#came = Promise.withResolvers();
    const stopwatch = new Stopwatch(this.#brokerPid);
    this.#publisher.publish("others", "hello", 0);
    await within(this.#came.promise, "a QoS 0 message", 10_000);
    return stopwatch.ms();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#publisher.drop();
    await this.#subscriber.drop();
  }
}
