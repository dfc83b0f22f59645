import { assert, assertEquals, assertMatch } from "@std/assert";
import { within } from "../deadline.ts";
import { browserTests } from "./chromium.ts";
import { startListeners } from "./ways_in.ts";

const browserTest = browserTests();

const BUNDLE_WITHIN_MS = 60_000;

/** The client as one file for a page; what it loads only for a scheme is in it too. */
async function bundle(): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      "--platform",
      "browser",
      new URL("../../src/client/client.ts", import.meta.url).pathname,
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const { code, stdout, stderr } = await within(child.output(), "the bundle", BUNDLE_WITHIN_MS);
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

browserTest("the client runs in a page, over WebSocket and over WebSocket with TLS", async (chromium) => {
  const script = await bundle();
  assert(!/\bfrom\s*"node:|import\("node:/.test(script), "nothing of Node is in it");
  await using program = startListeners();
  await using app = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const isScript = new URL(request.url).pathname === "/client.js";
    const headers = { "content-type": isScript ? "text/javascript" : "text/html" };
    return new Response(isScript ? script : "<!doctype html>", { headers });
  });
  const page = await chromium.tab({ ignoreHTTPSErrors: true });
  await page.goto(`http://127.0.0.1:${app.addr.port}/`);
  for (const scheme of ["ws", "wss"] as const) {
    const url = await program.listening(scheme);
    const run = page.evaluate(async (url) => {
      const path = "/client.js";
      // It is the bundle of that file.
      const { Client } = await import(path) as typeof import("../../src/client/client.ts");
      await using client = await Client.connect(url);
      const subscription = await client.subscribe("page/#");
      for (const qos of [0, 1, 2] as const) await client.publish(`page/${qos}`, `grüße ${qos}`, { qos });
      await client.publish("page/large", new Uint8Array(200_000).fill(1), { qos: 1 });
      const received: string[] = [];
      for await (const { topic, payload, qos } of subscription) {
        received.push(`${topic} ${qos} ${payload.length > 1000 ? payload.length : new TextDecoder().decode(payload)}`);
        if (received.length === 4) break;
      }
      const refusals = await Promise.all(
        ["mqtt://127.0.0.1", "ws+unix:/run/a"].map((url) => Client.connect(url).catch((error) => String(error))),
      );
      return { received, refusals: refusals.map(String), isDeno: "Deno" in globalThis };
    }, url);
    const { received, refusals, isDeno } = await within(run, "the page", 15_000);
    assertEquals(received, ["page/0 0 grüße 0", "page/1 1 grüße 1", "page/2 2 grüße 2", "page/large 1 200000"]);
    assertMatch(
      refusals.join("\n"),
      /^TypeError: Cannot connect to "mqtt:".*\nTypeError: Cannot connect to "ws\+unix:"/,
    );
    assertEquals(isDeno, false);
  }
});
