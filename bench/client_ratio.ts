/**
 * Prints how fast the client publishes, compared to npm's `mqtt`: `deno run -A bench/client_ratio.ts`.
 * Both publish 64 bytes to a broker in a process of its own, in turns, so that a busy machine is busy for both; the
 * medians are compared.
 */

import { connectAsync, type MqttClient } from "mqtt";
import { Buffer } from "node:buffer";
import { Client } from "../src/client/mod.ts";
import { BrokerProcess } from "../tests/interop/broker_process.ts";

const ROUNDS = 9;
const WARM_UP_ROUNDS = 2;
const WINDOW = 100;
const TIMES = 3;
const PAYLOAD = new Uint8Array(64).fill(0x62);
const BUFFER = Buffer.from(PAYLOAD);
const TOPIC = "bench/client/64";

interface Work {
  readonly name: string;
  readonly messages: number;
  readonly ours: (client: Client, messages: number) => Promise<void>;
  readonly theirs: (client: MqttClient, messages: number) => Promise<void>;
}

const WORKS: readonly Work[] = [
  {
    name: `QoS 0, ${WINDOW} at a time`,
    messages: 50_000,
    ours: (client, messages) => inGroups(messages, () => client.publish(TOPIC, PAYLOAD)),
    theirs: (client, messages) => inGroups(messages, () => client.publishAsync(TOPIC, BUFFER)),
  },
  {
    name: "QoS 0, one at a time",
    messages: 20_000,
    ours: async (client, messages) => {
      for (let sent = 0; sent < messages; sent++) await client.publish(TOPIC, PAYLOAD);
    },
    theirs: async (client, messages) => {
      for (let sent = 0; sent < messages; sent++) await client.publishAsync(TOPIC, BUFFER);
    },
  },
  {
    name: `QoS 1, window ${WINDOW}`,
    messages: 20_000,
    ours: (client, messages) => inWindow(messages, () => client.publish(TOPIC, PAYLOAD, { qos: 1 })),
    theirs: (client, messages) => inWindow(messages, () => client.publishAsync(TOPIC, BUFFER, { qos: 1 })),
  },
];

const broker = await BrokerProcess.start();
const url = `mqtt://127.0.0.1:${broker.port}`;
const missed: string[] = [];
for (const protocolVersion of [5, 4] as const) {
  await using ours = await Client.connect(url, { protocolVersion });
  const theirs = await connectAsync(url, { protocolVersion, reconnectPeriod: 0 });
  for (const work of WORKS) {
    const rates = { ours: [] as number[], theirs: [] as number[] };
    for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
      const ourRate = await rate(work.messages, async () => {
        await work.ours(ours, work.messages);
        await ours.publish(TOPIC, PAYLOAD, { qos: 1 }); // Behind all the others: the broker has them.
      });
      const theirRate = await rate(work.messages, async () => {
        await work.theirs(theirs, work.messages);
        await theirs.publishAsync(TOPIC, BUFFER, { qos: 1 });
      });
      if (round < 0) continue;
      rates.ours.push(ourRate);
      rates.theirs.push(theirRate);
    }
    const [our, their] = [median(rates.ours), median(rates.theirs)];
    const name = `MQTT ${protocolVersion === 5 ? "5" : "3.1.1"}, ${work.name}`;
    console.log(`${name}: ${thousands(our)} a second, mqtt ${thousands(their)}: ${(our / their).toFixed(1)} x`);
    if (our / their < TIMES) missed.push(name);
  }
  await theirs.endAsync();
}
await broker.stop();
console.log(`below ${TIMES} x: ${missed.length === 0 ? "none" : missed.join("; ")}`);

/** Many promises at once, and the next ones when all are done. */
async function inGroups(messages: number, publish: () => Promise<unknown>): Promise<void> {
  for (let sent = 0; sent < messages; sent += WINDOW) await Promise.all(Array.from({ length: WINDOW }, publish));
}

/** The next one when any of the window is done. */
async function inWindow(messages: number, publish: () => Promise<unknown>): Promise<void> {
  let started = 0;
  const lane = async () => {
    while (started < messages) {
      started += 1;
      await publish();
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, lane));
}

async function rate(messages: number, run: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await run();
  return messages / (performance.now() - start) * 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

function thousands(value: number): string {
  return `${Math.round(value / 1000)} k`;
}
