/**
 * Prints how fast the client publishes, compared to npm's `mqtt`: `deno run -A bench/client_ratio.ts`.
 * Both publish to a broker in a process of its own, in turns, so that a busy machine is busy for both; the medians are
 * compared. First 64 bytes over TCP, in several ways; then one message at a time over each transport, in several sizes:
 * what is sent in two parts may wait for an acknowledgement of the first.
 */

import { connectAsync, type MqttClient } from "mqtt";
import { Buffer } from "node:buffer";
import { Client } from "../src/client/mod.ts";
import { BrokerProcess } from "../tests/interop/broker_process.ts";
import { AUTHORITY, SECURE_WEB_SOCKET, WEB_SOCKET } from "../tests/interop/listeners.ts";

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

/** One message at a time: its acknowledgement lets the next one go. */
const ONE_BY_ONE: readonly Work[] = [64, 2_000, 20_000].map((bytes) => {
  const payload = new Uint8Array(bytes).fill(0x62);
  const buffer = Buffer.from(payload);
  return {
    name: `QoS 1, one at a time, ${bytes} bytes`,
    messages: 100,
    ours: async (client, messages) => {
      for (let sent = 0; sent < messages; sent++) await client.publish(TOPIC, payload, { qos: 1 });
    },
    theirs: async (client, messages) => {
      for (let sent = 0; sent < messages; sent++) await client.publishAsync(TOPIC, buffer, { qos: 1 });
    },
  };
});

const broker = await BrokerProcess.start([...WEB_SOCKET, ...SECURE_WEB_SOCKET]);
const ca = await Deno.readTextFile(AUTHORITY);
const missed: string[] = [];
for (const protocolVersion of [5, 4] as const) {
  await compare(`MQTT ${protocolVersion === 5 ? "5" : "3.1.1"}`, "mqtt", protocolVersion, WORKS, TIMES);
}
for (const scheme of ["mqtt", "mqtts", "ws", "wss"] as const) await compare(scheme, scheme, 5, ONE_BY_ONE, 1);
await broker.stop();
console.log(`missed: ${missed.length === 0 ? "none" : missed.join("; ")}`);

/** Has both do each work in turns, and prints what came of it. */
async function compare(
  title: string,
  scheme: "mqtt" | "mqtts" | "ws" | "wss",
  protocolVersion: 5 | 4,
  works: readonly Work[],
  times: number,
): Promise<void> {
  const url = scheme === "mqtt" ? `mqtt://127.0.0.1:${broker.port}` : await broker.url(scheme);
  await using ours = await Client.connect(url, { protocolVersion, tls: { caCerts: [ca] } });
  const theirs = await connectAsync(url, { protocolVersion, reconnectPeriod: 0, ca });
  for (const work of works) {
    const rates = { ours: [] as number[], theirs: [] as number[] };
    for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
      const ourRate = await rate(work.messages, async () => {
        await work.ours(ours, work.messages);
        await ours.publish(TOPIC, PAYLOAD, { qos: 1 }); // After all the others: the broker has them.
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
    const name = `${title}, ${work.name}`;
    console.log(`${name}: ${short(our)} a second, mqtt ${short(their)}: ${(our / their).toFixed(1)} x`);
    if (our / their < times) missed.push(`${name}: ${times} x`);
  }
  await theirs.endAsync();
}

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

function short(value: number): string {
  return value < 10_000 ? `${Math.round(value)}` : `${Math.round(value / 1000)} k`;
}
