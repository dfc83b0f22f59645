import { assertEquals } from "@std/assert";
import { assertAccessible } from "./admin_accessibility.ts";
import { AdminBroker, as } from "./admin_broker.ts";
import { playScene, SCENE } from "./admin_scene.ts";
import { browserTests } from "./chromium.ts";

const browserTest = browserTests();

const TOPIC = "plant/7/line/temp";

browserTest(
  "a topic is found level by level, with its value in four forms, its difference and its chart",
  async (chromium) => {
    await using dashboard = await AdminBroker.open({ broker: SCENE });
    await playScene(dashboard);
    const page = await chromium.tab();
    await as(page, "operator");
    await page.goto(dashboard.url("/topics"));
    for (const level of TOPIC.split("/")) {
      await page.locator(".leaf", { has: page.getByText(level, { exact: true }) }).first().click();
    }
    const panel = page.getByRole("complementary", { name: "Topic" });
    const value = panel.getByLabel("Payload", { exact: true });
    await value.waitFor();
    assertEquals(JSON.parse(await value.innerText()), { temperature: 23.5, unit: "°C", line: 7 });
    await panel.getByRole("button", { name: "Hex" }).click();
    await panel.getByText("7b 22 74 65").waitFor();
    await panel.getByRole("button", { name: "Base64" }).click();
    assertEquals(atob(await value.innerText()).startsWith('{"temperature"'), true);
    await assertAccessible(page, "topic");

    await panel.getByRole("button", { name: "Diff to last" }).click();
    await panel.getByText("There is one value so far").waitFor();
    await dashboard.broker.publish(TOPIC, JSON.stringify({ temperature: 24, unit: "°C", line: 7 }), { retain: true });
    await panel.locator("del", { hasText: "23.5" }).waitFor();
    assertEquals(await panel.locator("ins").allInnerTexts(), ['+   "temperature": 24,\n']);
    await assertAccessible(page, "difference");
    await panel.getByRole("button", { name: "Chart" }).click();
    await panel.getByRole("img", { name: /^\$\.temperature\. value: now 24, at most 24$/ }).waitFor();
    await panel.getByRole("button", { name: "Who gets this?" }).click();
    await panel.getByText("later: not connected").first().waitFor();
    await panel.getByText("readwrite plant/#").first().waitFor();
  },
);

browserTest(
  "a message is published, deleted and restored; a filter says first how many it deletes",
  async (chromium) => {
    await using dashboard = await AdminBroker.open({ broker: SCENE });
    await playScene(dashboard);
    const { broker } = dashboard;
    const page = await chromium.tab();
    await as(page, "operator");
    await page.goto(dashboard.url("/topics/new/topic"));
    await page.getByText("No such message").waitFor();
    await page.locator(".panel").getByRole("button", { name: "Publish…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Payload as").selectOption("hex");
    await dialog.getByRole("textbox", { name: "Payload" }).fill("00 fz");
    await dialog.getByRole("button", { name: "Publish" }).click();
    await dialog.getByRole("alert").waitFor();
    await assertAccessible(page, "message that cannot be published");
    await dialog.getByRole("textbox", { name: "Payload" }).fill("00 ff 7f");
    await dialog.getByRole("button", { name: "Publish" }).click();
    await page.getByText("Published to new/topic: 0 receivers").waitFor();
    assertEquals(broker.retained("new/topic")?.message.payload, Uint8Array.of(0, 255, 127));

    await page.locator(".panel").getByRole("button", { name: "Delete…" }).click();
    await dialog.getByRole("button", { name: "Delete the message" }).click();
    await page.getByText("Deleted new/topic").waitFor();
    assertEquals(broker.retained("new/topic"), undefined);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("Deleted new/topic").waitFor({ state: "detached" });
    assertEquals(broker.retained("new/topic")?.message.payload, Uint8Array.of(0, 255, 127));

    await page.getByRole("button", { name: "Delete by filter…" }).click();
    await dialog.getByLabel("Topic filter").fill("plant/+/line/#");
    await dialog.getByRole("button", { name: "Count them" }).click();
    assertEquals(broker.metrics.retainedMessages, 27);
    await page.getByRole("dialog", { name: "Delete 24 retained messages?" }).waitFor();
    await dialog.getByRole("button", { name: "Delete 24 retained messages" }).click();
    await page.getByText("Deleted 24 retained messages").waitFor();
    assertEquals(broker.metrics.retainedMessages, 3);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("Deleted 24 retained messages").waitFor({ state: "detached" });
    assertEquals(broker.metrics.retainedMessages, 27);
  },
);

browserTest("the tree of topics opens and closes by the arrow keys", async (chromium) => {
  await using dashboard = await AdminBroker.open({ broker: SCENE });
  await playScene(dashboard);
  const page = await chromium.tab();
  await as(page, "viewer");
  await page.goto(dashboard.url("/topics"));
  const level = (name: string, expanded: boolean) => page.getByRole("button", { name, expanded });
  await level("house", false).focus();
  await page.keyboard.press("ArrowDown");
  await page.locator(".pick:focus", { hasText: "plant" }).waitFor();
  await page.keyboard.press("ArrowRight");
  await level("plant", true).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.locator(".pick:focus", { hasText: "1/ (2)" }).waitFor();
  await page.keyboard.press("ArrowUp");
  await page.locator(".pick:focus", { hasText: "plant" }).waitFor();
  await page.keyboard.press("ArrowLeft");
  await level("plant", false).waitFor();
});
