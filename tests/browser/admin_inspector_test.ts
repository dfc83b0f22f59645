import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import vectors from "../vectors.json" with { type: "json" };
import { tshark } from "../interop/tshark.ts";
import { assertAccessible, watch } from "./admin_accessibility.ts";
import { AdminListeners } from "./admin_listeners.ts";
import { bytesOf, CLIENT_ID, closed, CONNECT, connectInFrames } from "./article_clients.ts";
import { browserTests } from "./chromium.ts";

const browserTest = browserTests();

/** Opens the inspector and begins to trace a client. */
async function trace(page: Page, dashboard: AdminListeners, clientId: string): Promise<void> {
  await page.goto(dashboard.url("inspector"));
  await page.getByLabel("Trace", { exact: true }).selectOption("clientId");
  await page.getByLabel("Client ID").fill(clientId);
  await page.getByRole("button", { name: "Start the trace" }).click();
  await page.getByRole("heading", { name: "Waiting for packets of" }).waitFor();
}

browserTest("the CONNECT of an article, in 13 frames, is one packet whose bytes are explained", async (chromium) => {
  await using dashboard = await AdminListeners.open();
  const page = await chromium.tab();
  await trace(page, dashboard, CLIENT_ID);
  const socket = await connectInFrames(dashboard.webSocket.url);
  const row = page.getByRole("row", { name: /CONNECT v3\.1\.1/ });
  await row.click();
  assertMatch(
    await row.innerText(),
    /▸.*to the broker.*CONNECT v3\.1\.1 "861694030142473" keep alive 60 s\s+53\s+13$/s,
  );
  assertEquals(await page.getByRole("row", { name: /CONNECT v3/ }).count(), 1);
  const frames = page.locator(".piece");
  assertEquals(await frames.allInnerTexts(), CONNECT.frames.map((hex, index) => `${index + 1} ${hex.length / 2} B`));
  await page.getByRole("treeitem", { name: `Client ID: ${CLIENT_ID}` }).click();
  assertEquals((await page.locator(".hex-byte.is-marked").allInnerTexts()).join(""), CONNECT.frames[8] ?? "");
  assertEquals(await page.locator(".piece.is-marked").allInnerTexts(), ["9 15 B"]);
  assertEquals(await page.locator(".hex-byte.is-border").count(), 12);
  await page.getByText("Client ID, bytes 14–28, 15 B").waitFor();
  assertMatch(
    await page.getByRole("link", { name: /MQTT 3\.1\.1 3\.1\.3\.1/ }).getAttribute("href") ?? "",
    /^https:\/\/docs\.oasis-open\.org\/mqtt\/mqtt\/v3\.1\.1\/os\/mqtt-v3\.1\.1-os\.html#_Toc\d+$/,
  );
  await frames.nth(6).click();
  assertEquals((await page.locator(".hex-byte.is-marked").allInnerTexts()).join(""), "003c");
  assertEquals(await page.getByRole("treeitem", { selected: true }).allInnerTexts(), ["Keep Alive: 60"]);
  await page.locator(".hex-byte").nth(9).click();
  await page.getByText("Connect Flags, byte 9").waitFor();
  await page.getByRole("treeitem", { name: "Password: ********" }).waitFor();
  await page.getByRole("button", { name: "CONNACK in row 3" }).click();
  await page.getByText(/^Answers\s+CONNECT in row 2\s+after \d/).waitFor();
  await page.getByRole("row", { name: /Connected/ }).first().click();
  await page.getByText(/GET \/mqtt HTTP\/1\.1[^]*Sec-WebSocket-Protocol: mqtt/).first().waitFor();
  await closed(socket);
  await page.getByRole("row", { name: /WebSocket Close/ }).first().waitFor();
});

browserTest("what the inspector copies is what Wireshark copies", async (chromium) => {
  await using dashboard = await AdminListeners.open();
  const page = await chromium.tab();
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await trace(page, dashboard, CLIENT_ID);
  const socket = await connectInFrames(dashboard.webSocket.url);
  await page.getByRole("row", { name: /CONNECT v3\.1\.1/ }).click();
  const copied = async (name: string) => {
    const pane = page.locator(".pane", { has: page.getByRole("button", { name }) });
    const button = await pane.getByRole("button", { name }).elementHandle();
    await button?.click();
    await page.waitForFunction((element) => element?.textContent === "Copied", button);
    return await page.evaluate<string>("navigator.clipboard.readText()");
  };
  const tree = await copied("Copy tree");
  assertEquals(tree.split("\n").slice(0, 7), [
    "MQ Telemetry Transport Protocol, Connect Command",
    "    Header Flags: 0x10, Message Type: Connect Command",
    "        0001 .... = Message Type: Connect Command (1)",
    "        .... 0000 = Reserved: 0",
    "    Msg Len: 51",
    "    Protocol Name Length: 4",
    "    Protocol Name: MQTT",
  ]);
  const hex = await copied("Copy hex");
  assertEquals(hex.split("\n")[0], "0000   10 33 00 04 4d 51 54 54 04 c2 00 3c 00 0f 38 36   .3..MQTT...<..86");
  await closed(socket);
});

browserTest("tshark opens what the inspector saves, and finds nothing malformed in it", async (chromium) => {
  await using dashboard = await AdminListeners.open();
  const page = await chromium.tab();
  await trace(page, dashboard, CLIENT_ID);
  const socket = await connectInFrames(dashboard.webSocket.url);
  socket.send(bytesOf(vectors.vectors["001-subscribe"].hex));
  await page.getByRole("row", { name: /SUBACK/ }).waitFor();
  for (const [form, wanted] of [["Plain MQTT", "1 2 8 9"], ["With WebSocket frames", ""]] as const) {
    await page.getByRole("button", { name: "Save as pcapng" }).click();
    await page.getByRole("radio", { name: new RegExp(`^${form}`) }).check();
    const downloading = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    const download = await downloading;
    assertMatch(download.suggestedFilename(), /^trace-\d+\.pcapng$/);
    const capture = await Array.fromAsync(await download.createReadStream(), (chunk) => new Uint8Array(chunk));
    const field = (name: string) => tshark(capture, ["-T", "fields", "-e", name]);
    if (wanted !== "") {
      assertEquals((await field("mqtt.msgtype")).match(/\d+/g)?.join(" "), wanted);
      assertMatch(await field("mqtt.clientid"), new RegExp(CLIENT_ID));
      assertEquals(await tshark(capture, ["-Y", "_ws.malformed"]), "");
    } else {
      assertMatch(await field("http.request.uri"), /\/mqtt/);
      assertEquals((await field("websocket.opcode")).match(/\b2\b/g)?.length, CONNECT.frames.length + 3);
    }
  }
  await closed(socket);
});

browserTest("a malformed packet is explained by its byte, clause and our answer", async (chromium) => {
  await using dashboard = await AdminListeners.open();
  const page = await chromium.tab();
  await trace(page, dashboard, "a");
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: dashboard.tcpPort });
  await connection.write(bytesOf("100e00044d5154540502003c00000161"));
  await connection.read(new Uint8Array(64));
  await connection.write(bytesOf("36050001610001"));
  await page.getByRole("row", { name: /PUBLISH malformed: PUBLISH has QoS 3/ }).click();
  const banner = page.getByRole("alert");
  const text = await banner.innerText();
  assert(text.includes("byte 0: 36"), text);
  assert(text.includes("Answer of the broker: DISCONNECT 0x81 (Malformed Packet), then the connection closes"), text);
  await banner.getByRole("link", { name: /MQTT-3\.3\.1-4/ }).waitFor();
  assertEquals(await page.locator(".hex-byte.is-wrong").allInnerTexts(), ["36"]);
  await page.getByRole("row", { name: /DISCONNECT Malformed Packet/ }).waitFor();
  connection.close();
});

browserTest("the inspector works by keyboard: filter, packets, fields, bytes, pause", async (chromium) => {
  await using dashboard = await AdminListeners.open();
  const page = await chromium.tab();
  await trace(page, dashboard, CLIENT_ID);
  const socket = await connectInFrames(dashboard.webSocket.url);
  socket.send(bytesOf(vectors.vectors["001-subscribe"].hex));
  socket.send(bytesOf(vectors.vectors["001-publish"].hex));
  await page.getByRole("row", { name: /PUBLISH \/World/ }).nth(1).waitFor();
  const selected = page.locator("tr.packet.is-selected");
  await page.locator("body").press("/");
  await page.keyboard.type("type:publish,connect topic:/World");
  await page.keyboard.press("Escape");
  await page.locator(".inspector-packets .list").focus();
  await page.keyboard.press("ArrowDown");
  assertMatch(await selected.innerText(), /PUBLISH \/World · 5 B · QoS 0/);
  await page.keyboard.press("End");
  assertMatch(await selected.innerText(), /from the broker/);
  await page.getByRole("treeitem").first().focus();
  for (const key of ["ArrowLeft", "ArrowDown", "ArrowDown", "ArrowDown"]) await page.keyboard.press(key);
  await page.getByText("Topic, bytes 4–9, 6 B").waitFor();
  await page.locator(".hex").focus();
  await page.keyboard.press("ArrowRight");
  await page.getByText("Message, bytes 10–14, 5 B").waitFor();
  await page.locator(".inspector-packets .list").focus();
  await page.keyboard.press("Space");
  await page.getByText(/^Paused/).waitFor();
  socket.send(bytesOf(vectors.vectors["001-publish"].hex));
  await page.keyboard.press("Space");
  await page.getByText(/4 packets of/).waitFor();
  await closed(socket);
});

browserTest(
  "the inspector is accessible in each state, in both schemes, and asks nothing of others",
  async (chromium) => {
    await using dashboard = await AdminListeners.open();
    const page = await chromium.tab();
    const watched = await watch(page);
    await page.goto(dashboard.url("inspector"));
    await page.getByRole("heading", { name: "No trace yet" }).waitFor();
    await assertAccessible(page, "Inspector, empty");
    await trace(page, dashboard, CLIENT_ID);
    await assertAccessible(page, "Inspector, waiting");
    const socket = await connectInFrames(dashboard.webSocket.url);
    await page.getByRole("row", { name: /CONNECT v3\.1\.1/ }).click();
    await page.getByRole("treeitem", { name: `Client ID: ${CLIENT_ID}` }).click();
    await assertAccessible(page, "Inspector, full");
    socket.send(bytesOf("36050001610001"));
    await page.getByRole("row", { name: /PUBLISH malformed/ }).click();
    await page.getByLabel("Filter").fill("type:nothing");
    await page.getByText('There is no packet "nothing".').waitFor();
    await assertAccessible(page, "Inspector, malformed, with a mistake in the filter");
    await page.getByLabel("Filter").fill("nothing-of-this");
    await page.getByRole("heading", { name: "No packet fits the filter" }).waitFor();
    await page.getByRole("button", { name: "Save as pcapng" }).click();
    await assertAccessible(page, "Inspector, dialog");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByLabel("Filter").fill("");
    await page.route(/\/live\?/, (route) => route.abort());
    await page.getByRole("link", { name: "Events" }).click();
    await page.getByRole("link", { name: "Inspector" }).click();
    await page.getByText(/^Paused .* ago: the broker does not answer/).waitFor();
    await page.getByRole("row", { name: /Connected/ }).first().click();
    await assertAccessible(page, "Inspector, stale");
    await page.route(/\/traces/, (route) => route.abort());
    await page.getByLabel("Trace", { exact: true }).selectOption("next");
    await page.getByRole("alert").getByText("The broker does not answer").waitFor();
    await page.setViewportSize({ width: 420, height: 860 });
    await assertAccessible(page, "Inspector, error, narrow");
    assertEquals(watched.faults, []);
    await closed(socket);
  },
);
