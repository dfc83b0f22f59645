import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Locator, Page } from "playwright-core";
import type { BrokerOptions } from "../../mod.ts";
import { refused } from "../../src/auth/authentication.ts";
import { ReasonCode } from "../../src/codec/mod.ts";
import { assertAccessible, watch } from "./admin_accessibility.ts";
import { AdminListeners } from "./admin_listeners.ts";
import { browserTests } from "./chromium.ts";

const browserTest = browserTests();

const OPTIONS: BrokerOptions = {
  authenticator: {
    authenticate: ({ connect: { userName } }) =>
      userName === "libaineu2004"
        ? refused("the user name or the password is wrong", { reasonCode: ReasonCode.BadUserNameOrPassword })
        : { isAccepted: true },
  },
};

/** Opens the tool with a number of connections; gives their cards. */
async function openTool(page: Page, dashboard: AdminListeners, connections = 1): Promise<Locator[]> {
  await page.goto(dashboard.url("tool"));
  await page.locator(".tool-card").first().waitFor();
  for (let number = 2; number <= connections; number++) await button(page, "Add connection").click();
  return await page.locator(".tool-card").all();
}

function button(place: Page | Locator, name: string): Locator {
  return place.getByRole("button", { name, exact: true });
}

async function connect(card: Locator): Promise<void> {
  await button(card, "Connect").click();
  await button(card, "Disconnect").waitFor();
}

function only<Value>(value: Value | undefined): Value {
  assert(value !== undefined);
  return value;
}

browserTest("two clients of the tool, of MQTT 5 and 3.1.1: a message goes from one to the other", async (chromium) => {
  await using dashboard = await AdminListeners.open();
  const page = await chromium.tab();
  const [one, two] = (await openTool(page, dashboard, 2)).map((card) => only(card));
  await only(one).getByLabel("Version").selectOption("4");
  await connect(only(one));
  await connect(only(two));
  await only(one).getByLabel("Topic Filter").fill("plant/+/line");
  await button(only(one), "Subscribe").click();
  await only(one).getByText("Subscribed to plant/+/line, QoS 1 granted").waitFor();
  await only(two).getByLabel("Topic", { exact: true }).fill("plant/7/line");
  await button(only(two), "Hex").click();
  await only(two).getByLabel("Payload", { exact: true }).fill("00 ff fe");
  await button(only(two), "Publish").click();
  await only(two).getByText(/^The broker has it \(/).waitFor();
  const message = only(one).locator(".tool-message");
  await message.getByText("00 ff fe").waitFor();
  assertMatch(await message.innerText(), /^plant\/7\/line\s+QoS 1\s+3 B · \d\d:\d\d:\d\d\.\d{3}/);
  await message.getByRole("button", { name: "plant/7/line" }).click();
  await button(message, "Base64").click();
  await message.getByText("AP/+").waitFor();
  await button(only(two), "Text").click();
  await only(two).getByText("These bytes are not UTF-8: as text they would change. Write them as hex.").waitFor();
  await button(only(one), "Unsubscribe plant/+/line").click();
  await only(one).getByText("Unsubscribed plant/+/line").waitFor();
});

browserTest("the tool says in words why a password was refused, with the remedy", async (chromium) => {
  await using dashboard = await AdminListeners.open(OPTIONS);
  const page = await chromium.tab();
  const card = only((await openTool(page, dashboard))[0]);
  await card.getByLabel("User name").fill("libaineu2004");
  await card.getByLabel("Password").fill("12345");
  await button(card, "Connect").click();
  const banner = card.getByRole("alert");
  await banner.getByText("The broker refused the user name or the password").waitFor();
  const text = await banner.innerText();
  assert(text.includes("CONNACK 0x86 Bad User Name or Password."), text);
  assert(text.includes("brooklet passwd FILE USER sets the password again"), text);
  const clause = banner.getByRole("link", { name: /MQTT-3\.1\.4-2/ });
  assertMatch(await clause.getAttribute("href") ?? "", /^https:\/\/docs\.oasis-open\.org\/.*#_Toc\d+$/);
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert(kept.includes("libaineu2004") && !kept.includes("12345"), kept);
  await button(card, "Try again and show its packets").click();
  await page.getByRole("row", { name: /CONNECT v5/ }).click();
  await page.getByRole("treeitem", { name: "Password: *****" }).waitFor();
  await page.getByRole("row", { name: /CONNACK Bad User Name or Password/ }).waitFor();
});

browserTest("the tool says in words why a WebSocket could not be opened", async (chromium) => {
  await using dashboard = await AdminListeners.open();
  const page = await chromium.tab();
  const card = only((await openTool(page, dashboard))[0]);
  await card.locator("option", { hasText: dashboard.webSocket.url }).waitFor({ state: "attached" });
  await card.getByRole("combobox", { name: "Address", exact: true }).selectOption("other");
  await card.getByRole("textbox", { name: /^Another address/ }).fill(dashboard.webSocket.url.replace("/mqtt", "/nope"));
  await button(card, "Connect").click();
  const banner = card.getByRole("alert");
  await banner.getByText("The broker refused the connection").waitFor();
  const text = await banner.innerText();
  assertMatch(text, /\/nope/);
  assert(text.includes("Use a path that the log and the answer name."), text);
  await card.getByRole("textbox", { name: /^Another address/ }).fill(dashboard.webSocket.url);
  await connect(card);
});

browserTest("the tool shows an ended connection with the reason, and keeps the messages", async (chromium) => {
  await using dashboard = await AdminListeners.open();
  const page = await chromium.tab();
  const card = only((await openTool(page, dashboard))[0]);
  const clientId = await card.getByLabel("Client ID").inputValue();
  await connect(card);
  await button(card, "Subscribe").click();
  await card.getByText("granted").waitFor();
  await button(card, "Publish").click();
  await card.locator(".tool-message").waitFor();
  await page.getByRole("link", { name: "Inspector" }).click();
  dashboard.broker.disconnect({ clientId });
  await page.getByRole("link", { name: "WebSocket tool" }).click();
  await card.getByText("An operator disconnected this client").waitFor();
  assertEquals(await card.locator(".tool-message").count(), 1);
  await connect(card);
});

browserTest("the tool works by keyboard alone", async (chromium) => {
  await using dashboard = await AdminListeners.open();
  const page = await chromium.tab();
  const card = only((await openTool(page, dashboard))[0]);
  await card.getByLabel("User name").focus();
  await page.keyboard.press("Enter");
  await button(card, "Disconnect").waitFor();
  await card.getByLabel("Topic Filter").focus();
  await page.keyboard.press("Enter");
  await card.getByText("granted").waitFor();
  for (let step = 0; step < 20; step++) {
    await page.keyboard.press("Tab");
    if (await button(card, "Publish").and(page.locator(":focus")).count() > 0) break;
  }
  await page.keyboard.press("Enter");
  await card.locator(".tool-message").getByText("test/hello").waitFor();
});

browserTest("the tool is accessible in each phase, in both schemes, and asks nothing of others", async (chromium) => {
  await using dashboard = await AdminListeners.open(OPTIONS);
  const page = await chromium.tab();
  const watched = await watch(page);
  const [one, two] = (await openTool(page, dashboard, 2)).map((card) => only(card));
  await only(one).getByText("Will, keep alive, session and user properties").click();
  await only(one).getByText("Will: a message that the broker publishes").click();
  await assertAccessible(page, "WebSocket tool, not connected");
  await only(one).getByText("Will: a message that the broker publishes").click();
  await only(one).getByLabel("User name").fill("libaineu2004");
  await button(only(one), "Connect").click();
  await only(one).getByRole("alert").waitFor();
  await connect(only(two));
  await assertAccessible(page, "WebSocket tool, refused and connected");
  await button(only(two), "Subscribe").click();
  await only(two).getByText("granted").waitFor();
  await button(only(two), "Publish").click();
  await only(two).locator(".tool-message").getByRole("button", { name: "test/hello" }).click();
  await only(two).getByText("No local, retain as published, retained messages").click();
  await only(two).getByText("Content type, response topic, expiry and user properties").click();
  await assertAccessible(page, "WebSocket tool, with a message");
  await page.setViewportSize({ width: 420, height: 860 });
  await assertAccessible(page, "WebSocket tool, narrow");
  assertEquals(watched.faults, []);
});
