/** A session that is away for long: what waits for it is in the file, and has a bound. */

import { assertEquals, assertLess } from "@std/assert";
import { within } from "../deadline.ts";
import { BrokerChild, printFigure } from "../hostile/broker_child.ts";
import { DurableClient } from "./durable_client.ts";
import { KvFile } from "./kv_file.ts";
import { inForm } from "../form.ts";
import { Stopwatch } from "../stopwatch.ts";

const MESSAGES = inForm(25_000, 50_000, 1_000_000);
const MOST_GROWTH_BYTES = 50_000_000;
const WARM = 10_000;
const WINDOW = 500;
const TOPIC = "away";
const MOST_WAIT_P99_MS = 50;
// A machine that does something else now and then.
const MOST_WAIT_MS = 500;
const LIMIT = 1_000;
const PUBLISHED_ROUNDS = 3;
const MOST_FILE_BYTES = 16_000_000;
const PAYLOAD_BYTES = 100;

Deno.test("Messages of a session that is away wait in the file, not in memory, and come in order, page by page", async () => {
  await using file = await KvFile.create();
  const limits = { maximumQueuedMessages: Number.MAX_SAFE_INTEGER, maximumQueuedBytes: Number.MAX_SAFE_INTEGER };
  await using broker = await BrokerChild.start(limits, file.path);
  const { port } = broker;
  let next = 0;
  let isInOrder = true;
  const all = Promise.withResolvers<void>();
  const subscriber = new DurableClient("subscriber", 5, {
    message: ({ payload }) => {
      if (new DataView(payload.buffer, payload.byteOffset).getUint32(0) !== next) isInOrder = false;
      next += 1;
      if (next === MESSAGES) all.resolve();
    },
  });
  await subscribeAndLeave(subscriber, port);
  await publishAll(port, 0, WARM);
  const before = (await broker.metrics()).heldBytes;
  const startedMs = performance.now();
  await publishAll(port, WARM, MESSAGES);
  const publishedMs = performance.now() - startedMs;
  const grown = (await broker.metrics()).heldBytes - before;
  const returnedMs = performance.now();
  await subscriber.connect(port);
  const waits = await pingsMs(broker, within(all.promise, "all messages", 600_000));
  const p99Ms = waits[Math.floor(waits.length * 0.99)] ?? Infinity;
  const slowestMs = waits.at(-1) ?? Infinity;
  const deliveredMs = performance.now() - returnedMs;
  await subscriber.drop();
  printFigure(
    `${MESSAGES} messages for a session that is away: ${perSecond(MESSAGES - WARM, publishedMs)} published/s, ` +
      `memory in use grew by ${(grown / 1_000_000).toFixed(1)} MB; ${perSecond(MESSAGES, deliveredMs)} delivered/s ` +
      `when it came back, PINGRESP of another client after ${p99Ms.toFixed(1)} ms (p99), ` +
      `${Math.round(slowestMs)} ms at most`,
  );
  assertEquals(next, MESSAGES);
  assertEquals(isInOrder, true);
  assertLess(grown, MOST_GROWTH_BYTES);
  assertLess(p99Ms, MOST_WAIT_P99_MS);
  assertLess(slowestMs, MOST_WAIT_MS);
});

Deno.test("The queue of a session that is away has a bound on disk; beyond it messages are dropped and counted", async () => {
  await using file = await KvFile.create();
  await using broker = await BrokerChild.start({}, file.path);
  const { port } = broker;
  let came = 0;
  const subscriber = new DurableClient("subscriber", 5, { message: () => came += 1 });
  const sizes: number[] = [];
  for (let round = 0; round < PUBLISHED_ROUNDS; round++) {
    await subscribeAndLeave(subscriber, port);
    came = 0;
    await publishAll(port, 0, 5 * LIMIT); // All are acknowledged.
    await subscriber.connect(port);
    await subscriber.ping();
    while (came < LIMIT) await subscriber.ping();
    sizes.push((await file.files()).reduce((sum, { bytes }) => sum + bytes, 0));
  }
  await subscriber.drop();
  const { dropped } = await broker.metrics();
  printFigure(
    `${PUBLISHED_ROUNDS} times ${
      5 * LIMIT
    } messages for a session that is away: ${dropped.queueFull} dropped and counted, ` +
      `files of ${sizes.map((bytes) => (bytes / 1_000_000).toFixed(1)).join(", ")} MB`,
  );
  assertEquals(came, LIMIT);
  assertEquals(dropped.queueFull, PUBLISHED_ROUNDS * 4 * LIMIT);
  assertLess(Math.max(...sizes), MOST_FILE_BYTES);
});

async function subscribeAndLeave(subscriber: DurableClient, port: number): Promise<void> {
  if (!subscriber.isConnected) await subscriber.connect(port);
  await subscriber.subscribe(TOPIC, 1);
  await subscriber.drop();
}

/** Publishes messages with these numbers, and waits until all are acknowledged. */
async function publishAll(port: number, from: number, to: number): Promise<void> {
  const all = Promise.withResolvers<void>();
  let number = from;
  const publish = () => {
    const payload = new Uint8Array(PAYLOAD_BYTES);
    new DataView(payload.buffer).setUint32(0, number++);
    publisher.publish(TOPIC, payload, 1);
  };
  const publisher = new DurableClient("publisher", 4, {
    acknowledged: () => {
      if (number < to) publish();
      else if (publisher.unacknowledged === 0) all.resolve();
    },
  });
  await publisher.connect(port, { cleanStart: true });
  while (number < Math.min(from + WINDOW, to)) publish();
  await within(all.promise, "all PUBACK", 600_000);
  await publisher.drop();
}

/** How long another client waits for each PINGRESP meanwhile, the shortest first. */
async function pingsMs({ port, program }: BrokerChild, done: Promise<void>): Promise<number[]> {
  const client = new DurableClient("another", 4);
  await client.connect(port);
  const all: number[] = [];
  let isDone = false;
  const ending = done.finally(() => isDone = true);
  while (!isDone) {
    const stopwatch = new Stopwatch(program.pid);
    await client.ping();
    all.push(stopwatch.ms());
  }
  await client.drop();
  await ending;
  return all.sort((one, other) => one - other);
}

function perSecond(count: number, ms: number): number {
  return Math.round(count / ms * 1_000);
}
