import { assertEquals } from "@std/assert";
import type { connectAsync } from "mqtt";
import type { Page } from "playwright-core";
import { MqttJsSession } from "../examples/mqttjs_session.ts";
import { browserTests, PageApp } from "./chromium.ts";
import { WAYS_IN } from "./ways_in.ts";

const browserTest = browserTests().own;

declare const mqtt: { connectAsync: typeof connectAsync }; // In the page: its script makes it.

for (const way of WAYS_IN) {
  const name = `a tab that is closed, one that crashes and a browser that is killed publish their Wills, ${way.name}`;
  browserTest(`${name}`, async (chromium) => {
    await using app = new PageApp();
    await using program = way.start();
    const url = await way.url(program);
    await using watcher = await MqttJsSession.open(url);
    await watcher.mqtt.subscribeAsync("will/+", { qos: 1 });
    const tabs = {
      closed: await chromium.tabOf(app),
      crashed: await chromium.tabOf(app),
      killed: await chromium.tabOf(app),
    };
    for (const [name, page] of Object.entries(tabs)) await connectWithWill(page, url, name);
    await tabs.closed.close();
    assertEquals(await watcher.message(), "will/closed: gone");
    await crash(tabs.crashed);
    assertEquals(await watcher.message(), "will/crashed: gone");
    await chromium.kill();
    assertEquals(await watcher.message(), "will/killed: gone");
    // The process lives: who was there before is served, and so is who comes now.
    await using later = await MqttJsSession.open(url);
    await later.mqtt.publishAsync("will/none", "still here", { qos: 1 });
    assertEquals(await watcher.message(), "will/none: still here");
  });
}

async function connectWithWill(page: Page, url: string, name: string): Promise<void> {
  await page.evaluate(async ({ url, name }) => {
    await mqtt.connectAsync(url, { will: { topic: `will/${name}`, payload: "gone", qos: 1, retain: false } }, false);
  }, { url, name });
}

/** Ends the process of a tab. */
async function crash(page: Page): Promise<void> {
  const crashed = page.waitForEvent("crash");
  const session = await page.context().newCDPSession(page);
  session.send("Page.crash").catch(() => {}); // There is nobody left to answer.
  await crashed;
}
