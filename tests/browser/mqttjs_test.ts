import { assertEquals, assertRejects } from "@std/assert";
import type { connectAsync } from "mqtt";
import type { Page } from "playwright-core";
import { within } from "../deadline.ts";
import { browserTests, PageApp } from "./chromium.ts";
import { startListeners } from "./ways_in.ts";

const browserTest = browserTests();

declare const mqtt: { connectAsync: typeof connectAsync }; // In the page: its script makes it.

const LARGE_BYTES = 100_000;

for (const scheme of ["ws", "wss"] as const) {
  for (const protocolVersion of [4, 5] as const) {
    const name = `MQTT.js in a page gets what it sends, of every QoS and of 100 kB, ${scheme} v${protocolVersion}`;
    browserTest(name, async (chromium) => {
      await using app = new PageApp();
      await using broker = startListeners();
      const url = await broker.listening(scheme);
      const page = await chromium.tabOf(app, { ignoreHTTPSErrors: true });
      assertEquals(await within(roundTrip(page, url, protocolVersion), "the messages"), [
        "page/0 qos 0: hello",
        "page/1 qos 1: hello",
        "page/2 qos 2: hello",
        `page/large qos 2: ${"x".repeat(LARGE_BYTES)}`,
      ]);
    });
  }
}

browserTest("MQTT.js in a page that does not trust the certificate does not connect", async (chromium) => {
  await using app = new PageApp();
  await using broker = startListeners();
  const page = await chromium.tabOf(app);
  const url = await broker.listening("wss");
  await assertRejects(() => within(roundTrip(page, url, 4), "the refusal"), Error, "Couldn't connect to server");
  await broker.stderr.matching(/Connection from 127\.0\.0\.1:\d+ refused: /);
});

/** Subscribes and publishes in the page; gives what came back. */
function roundTrip(page: Page, url: string, protocolVersion: 4 | 5): Promise<string[]> {
  return page.evaluate(async ({ url, protocolVersion, bytes }) => {
    const client = await mqtt.connectAsync(url, { protocolVersion, reconnectPeriod: 0 }, false);
    const received: string[] = [];
    const all = Promise.withResolvers<void>();
    client.on("message", (topic, payload, { qos }) => {
      if (received.push(`${topic} qos ${qos}: ${payload}`) === 4) all.resolve();
    });
    await client.subscribeAsync("page/#", { qos: 2 });
    for (const qos of [0, 1, 2] as const) await client.publishAsync(`page/${qos}`, "hello", { qos });
    await client.publishAsync("page/large", "x".repeat(bytes), { qos: 2 });
    await all.promise;
    await client.endAsync();
    return received;
  }, { url, protocolVersion, bytes: LARGE_BYTES });
}
