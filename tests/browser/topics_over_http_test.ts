/** Topics over HTTP from pages, as a browser lets them. */

import { assertEquals } from "@std/assert";
import { Broker } from "../../mod.ts";
import { adminHandler, type AdminHandlerOptions } from "../../src/admin/mod.ts";
import { browserTests, PageApp } from "./chromium.ts";

const browserTest = browserTests();

browserTest(
  "A page of a listed origin publishes with a password and properties, and reads an event stream",
  async (chromium) => {
    await using pages = new PageApp();
    const seen: (string | undefined)[] = [];
    await withTopics({ topicOrigins: [pages.origin()] }, async (url) => {
      const page = await chromium.tabOf(pages);
      const told = await page.evaluate(async (topics) => {
        const events = new EventSource(`${topics}?filter=plant/%2B`);
        await new Promise((resolve) => events.onopen = resolve);
        const message = new Promise<string>((resolve) => events.onmessage = ({ data }) => resolve(data));
        const posted = await fetch(`${topics}/plant/7?retain=true`, {
          method: "POST",
          headers: {
            authorization: `Basic ${btoa("ann:secret")}`,
            "mqtt-user-property": "k=v",
            "content-type": "text/plain",
          },
          body: "21.4",
        });
        const got = await fetch(`${topics}/plant/7`);
        const again = await fetch(`${topics}/plant/7`, { headers: { "if-none-match": got.headers.get("etag") ?? "" } });
        const data = JSON.parse(await message);
        events.close();
        const { reasonCode } = await posted.json();
        return [
          reasonCode,
          await got.text(),
          got.headers.get("mqtt-user-property"),
          again.status,
          data.topic,
          data.text,
          data.userProperties,
        ];
      }, url);
      assertEquals(told, [0, "21.4", "k=v", 304, "plant/7", "21.4", [["k", "v"]]]);
    }, seen);
    assertEquals(new Set(seen), new Set([undefined, "ann"]));
  },
);

browserTest(
  "A page of another origin cannot publish, not even without reading the answer, nor subscribe",
  async (chromium) => {
    await using pages = new PageApp();
    const seen: (string | undefined)[] = [];
    await withTopics({}, async (url, broker) => {
      await broker.publish("plant/7", "secret", { retain: true });
      const page = await chromium.tabOf(pages);
      const told = await page.evaluate(async (topics) => {
        const statusOf = async (init: RequestInit) => {
          try {
            const { status, type } = await fetch(`${topics}/plant/8?retain=true`, {
              method: "POST",
              body: "evil",
              ...init,
            });
            return `${type} ${status}`;
          } catch {
            return "failed";
          }
        };
        const events = new EventSource(`${topics}?filter=%23`);
        const opened = await new Promise((resolve) => {
          events.onopen = () => resolve("opened");
          events.onerror = () => resolve("failed");
        });
        events.close();
        return [await statusOf({}), await statusOf({ mode: "no-cors", credentials: "include" }), opened];
      }, url);
      assertEquals(told, ["failed", "failed", "failed"]);
      await page.setContent(
        `<form action="${url}/plant/8?retain=true" method="post" target="frame"><button></button></form>
      <iframe name="frame"></iframe>`,
      );
      const answered = page.waitForResponse((response) => response.url().startsWith(url));
      await page.locator("button").click();
      assertEquals((await answered).status(), 403);
      assertEquals(broker.retained("plant/8"), undefined);
    }, seen);
    assertEquals(seen, []);
  },
);

browserTest(
  "Retained HTML runs nothing in a browser that shows it, and is no script of a page of the same origin",
  async (chromium) => {
    await withTopics({}, async (url, broker) => {
      const script = "document.title = 'run'; fetch('/api/v1/session')";
      const html = { retain: true, properties: { contentType: "text/html" } };
      await broker.publish(
        "page",
        `<title>harmless</title><script>${script}</script><img src=x onerror="${script}">`,
        html,
      );
      await broker.publish("script", script, { retain: true, properties: { contentType: "text/javascript" } });
      const page = await chromium.tab();
      const answered: string[] = [];
      page.on("response", (response) => answered.push(new URL(response.url()).pathname));
      await page.goto(`${url}/page`);
      assertEquals(await page.title(), "harmless");
      assertEquals(answered.filter((path) => path !== "/favicon.ico"), ["/topics/page"]);
      await page.goto(new URL("/", url).href);
      const loaded = await page.evaluate(`new Promise((resolve) => {
        const element = document.createElement("script");
        element.onload = () => resolve("loaded");
        element.onerror = () => resolve("failed");
        element.src = ${JSON.stringify(`${url}/script`)};
        document.head.append(element);
      })`);
      assertEquals(loaded, "failed");
    });
  },
);

/** Topics on a port of this machine. @param seen gets the User Name of each client */
async function withTopics(
  options: AdminHandlerOptions,
  test: (url: string, broker: Broker) => Promise<void>,
  seen: (string | undefined)[] = [],
): Promise<void> {
  await using broker = await Broker.open({
    authenticator: {
      authenticate: ({ connect: { userName } }) => {
        seen.push(userName);
        return { isAccepted: true };
      },
    },
  });
  const admin = adminHandler(broker, { topics: true, ...options });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request, info) => admin.fetch(request, info),
  );
  try {
    await test(`http://127.0.0.1:${server.addr.port}/topics`, broker);
  } finally {
    admin.close();
    await server.shutdown();
  }
}
