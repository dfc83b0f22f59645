/** The inspector while a client floods: 5,000 packets a second, as many as a trace records. */

import { assert, assertLess } from "@std/assert";
import type { Page } from "playwright-core";
import { inForm } from "../form.ts";
import { AdminListeners } from "./admin_listeners.ts";
import { browserTests } from "./chromium.ts";

const browserTest = browserTests();

const SECONDS = inForm(5, 60);
const PACKETS_PER_SECOND = 4_900; // A little below what a trace records, so that a late timer loses nothing.
const MOST_HEAP_BYTES = 150_000_000;
const LEAST_FRAMES_PER_SECOND = 30;
const LONGEST_KEY_MS = 100;

browserTest.own("the inspector shows 5,000 packets a second, and keys answer meanwhile", async (chromium) => {
  await using dashboard = await AdminListeners.open();
  const page = await chromium.tab();
  await page.goto(dashboard.url("inspector"));
  await page.getByLabel("Trace", { exact: true }).selectOption("clientId");
  await page.getByLabel("Client ID").fill("flood");
  await page.getByRole("button", { name: "Start the trace" }).click();
  await page.getByRole("heading", { name: "Waiting for packets of" }).waitFor();
  const calm = await framesPerSecond(page, 1_000);
  const flood = startFlood(dashboard.tcpPort);
  await page.getByRole("row", { name: /PUBLISH plant/ }).first().waitFor();
  const keys: number[] = [];
  let sum = 0;
  for (let second = 0; second < SECONDS; second++) {
    sum += await framesPerSecond(page, 900);
    keys.push(await keyMs(page));
  }
  const sent = await flood.stop();
  const heap = await heapBytes(page);
  const frames = Math.round(sum / SECONDS);
  const median = keys.sort((one, other) => one - other)[keys.length >> 1] ?? Infinity;
  const figures = `${sent} packets in ${SECONDS} s, ${calm} frames a second before and ${frames} meanwhile, ` +
    `a key in ${median} ms, heap ${heap} B`;
  console.log(figures);
  // A machine that is busy with other things draws less before the flood, too.
  assert(frames >= Math.min(LEAST_FRAMES_PER_SECOND, calm / 2), figures);
  assertLess(median, LONGEST_KEY_MS, figures);
  assertLess(heap, MOST_HEAP_BYTES, figures);
});

/** Client that publishes until it is stopped; `stop` gives the number of its packets. */
function startFlood(port: number): { stop(): Promise<number> } {
  let isOver = false;
  const run = async () => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(bytes(0x10, 17, 0, 4, "MQTT", 4, 2, 0, 60, 0, 5, "flood"));
    await connection.read(new Uint8Array(4));
    const startMs = performance.now();
    const publish = bytes(0x30, 38, 0, 17, "plant/7/line/temp", '{"temperature":21.4');
    let sent = 0;
    while (!isOver) {
      const due = Math.floor((performance.now() - startMs) / 1_000 * PACKETS_PER_SECOND) - sent;
      const batch = new Uint8Array(due * publish.length);
      for (let index = 0; index < due; index++) batch.set(publish, index * publish.length);
      for (let written = 0; written < batch.length;) written += await connection.write(batch.subarray(written));
      sent += due;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    connection.close();
    return sent;
  };
  const running = run();
  return {
    stop() {
      isOver = true;
      return running;
    },
  };
}

function bytes(...parts: readonly (number | string)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => typeof part === "number" ? [part] : [...new TextEncoder().encode(part)]),
  );
}

/** Frames a second that the page draws for some time. */
function framesPerSecond(page: Page, forMs: number): Promise<number> {
  return page.evaluate<number>(`new Promise((resolve) => {
    let frames = 0;
    const startMs = performance.now();
    const count = () => {
      frames += 1;
      const passedMs = performance.now() - startMs;
      if (passedMs < ${forMs}) requestAnimationFrame(count);
      else resolve(Math.round(frames * 1000 / passedMs));
    };
    requestAnimationFrame(count);
  })`);
}

/** Time from a key to the frame that shows the row that it selects; the list follows the newest again after it. */
async function keyMs(page: Page): Promise<number> {
  const ms = await page.evaluate<number>(`new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("The row that a key selects is not in view")), 5_000);
    const list = document.querySelector(".inspector-packets .list");
    const startMs = performance.now();
    const look = () => {
      if (document.querySelector("tr.packet.is-selected") === null) requestAnimationFrame(look);
      else resolve(Math.round(performance.now() - startMs));
    };
    list.focus();
    list.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", bubbles: true }));
    requestAnimationFrame(look);
  })`);
  await page.getByRole("button", { name: "Follow newest" }).click();
  await page.locator("tr.packet.is-selected").waitFor({ state: "detached" });
  return ms;
}

async function heapBytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const { metrics } = await session.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "JSHeapUsedSize")?.value ?? Infinity;
}
