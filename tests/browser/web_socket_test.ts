import { assertEquals, assertMatch } from "@std/assert";
import { RouteApp } from "../broker/route_app.ts";
import { CONNACK, connect } from "../interop/raw_client.ts";
import { browserTests, type Chromium, PageApp, REBOUND } from "./chromium.ts";
import { openWebSocket } from "./page_web_socket.ts";
import { startListeners, WAYS_IN } from "./ways_in.ts";

const browserTest = browserTests();

const CONNECT = { hex: connect({ clientId: "page" }) };
const ACCEPTED = CONNACK.replaceAll(" ", "");
const FAILED = { opened: undefined, answer: undefined, closeCode: 1006 };
const OPENED = { opened: { protocol: "mqtt", extensions: "" }, answer: ACCEPTED, closeCode: undefined };

for (const way of WAYS_IN) {
  browserTest(
    `a page's WebSocket and its subprotocols, ${way.name}, seeds 1-3, 2-7 [MQTT-6.0.0-3]`,
    async (chromium) => {
      await using app = new PageApp();
      await using program = way.start();
      const url = await way.url(program);
      const page = await chromium.tabOf(app);
      assertEquals(await openWebSocket(page, url, "mqtt", CONNECT), OPENED);
      assertEquals(await openWebSocket(page, url, ["chat", "mqttv3.1", "mqtt"], CONNECT), OPENED);
      assertEquals((await openWebSocket(page, url, "mqttv3.1", CONNECT)).opened?.protocol, "mqttv3.1");
      assertEquals(await openWebSocket(page, url, "chat", CONNECT), FAILED);
      assertEquals(await openWebSocket(page, url, [], CONNECT), FAILED);
      assertEquals(await openWebSocket(page, `${url}x`, "mqtt", CONNECT), FAILED);
    },
  );

  browserTest(`a page that sends text is closed with 1003, ${way.name} [MQTT-6.0.0-1]`, async (chromium) => {
    await using app = new PageApp();
    await using program = way.start();
    const page = await chromium.tabOf(app);
    const { opened, closeCode } = await openWebSocket(page, await way.url(program), "mqtt", { text: "hello" });
    assertEquals([opened?.protocol, closeCode], ["mqtt", 1003]);
  });

  browserTest(`the page that a browser gets at the endpoint connects, ${way.name}`, async (chromium) => {
    await using program = way.start();
    const url = (await way.url(program)).replace("ws", "http");
    assertEquals(await connectTest(chromium, url), "connected: CONNACK 0");
  });
}

for (const way of WAYS_IN) {
  browserTest(`a page at a name of the web that leads to this machine is refused, ${way.name}`, async (chromium) => {
    await using program = way.start();
    const url = await way.url(program);
    for (const [host, isOpened] of [["localhost", true], ["127.0.0.1", true], [REBOUND, false]] as const) {
      const page = await chromium.tab();
      const own = url.replace("127.0.0.1", host);
      const { origin } = new URL(own.replace("ws", "http"));
      // In an attack its content comes from another server, before the name leads here; its origin is the same.
      await page.goto(origin);
      assertEquals(await page.evaluate(() => location.origin), origin);
      assertEquals(await openWebSocket(page, own, "mqtt", CONNECT), isOpened ? OPENED : FAILED);
      const status = await page.evaluate(async (url) => (await fetch(url)).status, own.replace("ws", "http"));
      assertEquals(status === 421, !isOpened && way === WAYS_IN[0]);
    }
  });
}

browserTest("the page that a browser gets at the endpoint connects over TLS", async (chromium) => {
  await using broker = startListeners();
  const url = (await broker.listening("wss")).replace("wss", "https");
  assertEquals(await connectTest(chromium, url), "connected: CONNACK 0");
});

browserTest("the page that a browser gets at the endpoint says when nobody is let in", async (chromium) => {
  const authenticator = { authenticate: () => ({ isAccepted: false, reasonCode: 0x87 } as const) };
  await using app = await RouteApp.start({ broker: { authenticator } });
  const result = await connectTest(chromium, `http://127.0.0.1:${app.port}/mqtt`);
  assertMatch(result, /refuses this connection: CONNACK 5$/);
});

/** Opens the endpoint as a page and presses its button; gives the result that it shows. */
async function connectTest(chromium: Chromium, url: string): Promise<string> {
  const page = await chromium.tab({ ignoreHTTPSErrors: true });
  const response = await page.goto(url);
  assertEquals(response?.status(), 400);
  await page.click("#connect");
  const result = page.locator("#result", { hasText: /connected|CONNACK/ });
  return await result.textContent() ?? "";
}
