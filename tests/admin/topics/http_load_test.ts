/** Topics over HTTP under load, with figures. */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { Client } from "../../../src/client/mod.ts";
import { within } from "../../deadline.ts";
import { inForm } from "../../form.ts";
import { Stopwatch } from "../../stopwatch.ts";
import { served, statusOf } from "./http_server.ts";
import { EventReader, passed } from "./topics.ts";

const CONNECTIONS = 16;
const POSTS_A_SECOND = 2_000;
const STREAMS = 100;
const MESSAGES_A_SECOND = 100;
const SECONDS = inForm(1, 10);

Deno.test("2,000 messages a second are posted with QoS 1 over 16 connections", async () => {
  await served({}, async (topics, { addr: { port } }) => {
    await using durable = await Client.connect(topics.broker, { sessionExpirySeconds: 60 });
    await using messages = await durable.subscribe("plant/#", { qos: 1, maximumMessages: 100_000 });
    const stopwatch = new Stopwatch();
    const untilMs = performance.now() + SECONDS * 1_000;
    const counts = await Promise.all(
      Array.from({ length: CONNECTIONS }, (_, index) => post(port, `plant/${index}`, untilMs)),
    );
    const seconds = stopwatch.ms() / 1_000;
    const count = counts.reduce((sum, count) => sum + count, 0);
    console.log(`${Math.round(count / seconds)} POST a second, with the program that sends them`);
    for (let received = 0; received < count; received++) await within(messages.next(), `message ${received}`);
    assertGreater(count / seconds, POSTS_A_SECOND);
    assertEquals(topics.broker.metrics.connectedClients, 2);
  });
});

Deno.test("100 event streams get 100 messages a second each, and lose none", async () => {
  await served({}, async (topics, { addr: { port } }) => {
    const clients = Array.from({ length: STREAMS }, () => Deno.createHttpClient({}));
    const readers = await Promise.all(
      clients.map(async (client, index) =>
        new EventReader(await fetch(`http://127.0.0.1:${port}/topics?filter=load/%2B&qos=${index % 3}`, { client }))
      ),
    );
    const total = MESSAGES_A_SECOND * SECONDS;
    const reading = Promise.all(readers.map((reader) => reader.texts(total)));
    const stopwatch = new Stopwatch();
    const sinceMs = performance.now();
    for (let sent = 0; sent < total;) {
      const due = Math.min(total, Math.ceil((performance.now() - sinceMs) / 1_000 * MESSAGES_A_SECOND));
      for (; sent < due; sent++) await topics.broker.publish(`load/${sent % 7}`, String(sent), { qos: 2 });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const sent = Array.from({ length: total }, (_, index) => String(index));
    for (const texts of await reading) assertEquals(texts, sent);
    const lateMs = Math.max(0, stopwatch.ms() - SECONDS * 1_000);
    console.log(`the last of ${total * STREAMS} messages came ${Math.round(lateMs)} ms after its time`);
    assertLess(lateMs, 1_000);
    for (const reader of readers) await reader.cancel();
    for (const client of clients) client.close();
  });
});

Deno.test("500 connections that say nothing and 200 readers that do not read keep nothing from MQTT and other requests", async () => {
  await served({ maximumStreamsOfClient: 200 }, async (topics, { addr: { port } }) => {
    const { broker } = topics;
    const silent = await Promise.all(Array.from({ length: 500 }, () => Deno.connect({ hostname: "127.0.0.1", port })));
    const stuck = await Promise.all(Array.from({ length: 200 }, async () => {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      await connection.write(new TextEncoder().encode("GET /topics?filter=flood HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
      return connection;
    }));
    while (broker.metrics.subscriptions < 200) await passed();
    assertEquals(await statusOf(`http://127.0.0.1:${port}/topics?filter=a`), 429);
    await using client = await Client.connect(broker);
    await using mine = await client.subscribe("mine");
    const payload = new Uint8Array(50_000).fill(0x78);
    for (let round = 0; round < 20; round++) {
      await broker.publish("flood", payload, { qos: 0 });
      await client.publish("mine", String(round), { qos: 1 });
      assertEquals((await within(mine.next(), "a message")).value?.text(), String(round));
      assertEquals(await statusOf(`http://127.0.0.1:${port}/topics/b`, { method: "POST", body: "x" }), 200);
    }
    for (const connection of [...silent, ...stuck]) connection.close();
  });
});

/** Posts one message after the other over one connection until a time; gives their number. */
async function post(port: number, topic: string, untilMs: number): Promise<number> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = `POST /topics/${topic}?qos=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n\r\n21.4`;
  const request = new TextEncoder().encode(head);
  const decoder = new TextDecoder();
  const room = new Uint8Array(4_096);
  let count = 0;
  for (; performance.now() < untilMs; count++) {
    await connection.write(request);
    let answer = "";
    while (!answer.endsWith("}")) answer += decoder.decode(room.subarray(0, await connection.read(room) ?? 0));
    assertEquals(answer.slice(0, 12), "HTTP/1.1 200");
  }
  return count;
}
