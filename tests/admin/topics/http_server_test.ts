/** Topics over real sockets: bodies that lie or do not come, and readers that do not read. */

import { assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { within } from "../../deadline.ts";
import { served, statusOf } from "./http_server.ts";
import { passed } from "./topics.ts";

/** Bodies that are not what their header says, or not in time. */
const BODIES: readonly {
  readonly name: string;
  readonly head: string;
  readonly body: string;
  readonly answer: RegExp;
}[] = [
  { name: "no length", head: "", body: "", answer: /^HTTP\/1.1 200 / },
  { name: "a length and less", head: "Content-Length: 10\r\n", body: "12345", answer: /^HTTP\/1.1 408 / },
  {
    name: "a length and more",
    head: "Content-Length: 2\r\n",
    body: "12GARBAGE\r\n\r\n",
    answer: /^HTTP\/1.1 200 .*HTTP\/1.1 400/s,
  },
  { name: "a length beyond the limit", head: "Content-Length: 1001\r\n", body: "", answer: /^HTTP\/1.1 413 / },
  {
    name: "a length beyond numbers",
    head: "Content-Length: 99999999999999999999\r\n",
    body: "",
    answer: /^HTTP\/1.1 400 /,
  },
  { name: "a negative length", head: "Content-Length: -1\r\n", body: "", answer: /^HTTP\/1.1 400 / },
  { name: "two lengths", head: "Content-Length: 1\r\nContent-Length: 2\r\n", body: "12", answer: /^HTTP\/1.1 400 / },
  {
    name: "chunks beyond the limit",
    head: "Transfer-Encoding: chunked\r\n",
    body: `1f4\r\n${"x".repeat(500)}\r\n`.repeat(3),
    answer: /^HTTP\/1.1 413 /,
  },
  {
    name: "a chunk that does not end",
    head: "Transfer-Encoding: chunked\r\n",
    body: "10\r\nx",
    answer: /^HTTP\/1.1 408 /,
  },
  {
    name: "a chunk of no length",
    head: "Transfer-Encoding: chunked\r\n",
    body: "zz\r\nx\r\n",
    answer: /^$/, // The runtime closes the connection.
  },
  {
    name: "chunks",
    head: "Transfer-Encoding: chunked\r\n",
    body: "1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
    answer: /^HTTP\/1.1 200 /,
  },
];

for (const { name, head, body, answer } of BODIES) {
  Deno.test(`A POST with ${name} is answered, and published only if it is whole`, async () => {
    await served({ requestTimeoutMs: 200 }, async (topics, { addr: { port } }) => {
      const published: string[] = [];
      await using messages = topics.broker.subscribe("a");
      void (async () => {
        for await (const message of messages) published.push(message.text());
      })();
      using connection = await Deno.connect({ hostname: "127.0.0.1", port });
      const text = `POST /topics/a HTTP/1.1\r\nHost: 127.0.0.1\r\n${head}\r\n${body}`;
      await connection.write(new TextEncoder().encode(text));
      const decoder = new TextDecoder();
      const room = new Uint8Array(4_096);
      let received = "";
      while (received === "" || !answer.test(received)) {
        const length = await within(connection.read(room), `an answer after ${received}`);
        if (length === null) break;
        received += decoder.decode(room.subarray(0, length));
      }
      assertMatch(received, answer);
      await passed();
      const isPublished = /^HTTP\/1.1 200 /.test(received);
      assertEquals(published.length, isPublished ? 1 : 0);
      assertEquals(await (await fetch(`http://127.0.0.1:${port}/topics/b`, { method: "POST", body: "x" })).json(), {
        reasonCode: 0x10,
        reason: "NoMatchingSubscribers",
      });
    }, { maximumPayloadBytes: 1_000 });
  });
}

Deno.test("A body whose sender is gone is not published", async () => {
  await served({}, async (topics, { addr: { port } }) => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const text = "POST /topics/a?retain HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n12345";
    await connection.write(new TextEncoder().encode(text));
    while (topics.broker.metrics.connectedClients === 0) await passed();
    connection.close();
    assertEquals(await statusOf(`http://127.0.0.1:${port}/topics/a`), 404);
    assertEquals(topics.broker.metrics.retainedMessages, 0);
  });
});

for (const qos of [0, 1]) {
  Deno.test(`A reader that does not read QoS ${qos} has the bounds of the broker, and ends after the time of a write`, async () => {
    const limits = { maximumBacklogBytes: 1_000_000, maximumOutboxBytes: 100_000, maximumQueuedBytes: 1_000_000 };
    const options = { ring: { maximumEvents: 10, maximumBytes: 100_000, maximumAgeMs: 100 } };
    await served(options, async ({ broker }, { addr: { port } }) => {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port });
      const head = `GET /topics?filter=flood&qos=${qos} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
      await connection.write(new TextEncoder().encode(head));
      while (broker.metrics.subscriptions < 1) await passed();
      const payload = new Uint8Array(100_000).fill(0x78);
      for (let sent = 0; sent < 300; sent++) {
        await broker.publish("flood", payload, { qos: 1 });
        if (sent % 10 === 0) await passed();
      }
      const { backlogBytes, dropped } = broker.metrics;
      assertLess(backlogBytes, 3_000_000);
      assertGreater(dropped.qos0 + dropped.queueFull, 50);
      while (broker.metrics.connections > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    }, { ...limits, maximumBacklogWaitMs: 0, writeTimeoutMs: 300 });
  });
}
