import { assertEquals, assertLess } from "@std/assert";
import type { Page } from "playwright-core";
import { DEADLINE_MS } from "../deadline.ts";
import { assertAccessible, watch } from "./admin_accessibility.ts";
import { AdminBroker, as } from "./admin_broker.ts";
import { playScene, SCENE } from "./admin_scene.ts";
import { browserTests } from "./chromium.ts";

const browserTest = browserTests();

const CLIENTS = 10_000;

browserTest("10,000 clients are listed, sorted by queue, searched and scrolled through", async (chromium) => {
  await using dashboard = await AdminBroker.open();
  for (let number = 0; number < CLIENTS; number++) await dashboard.connect({ clientId: `device-${number}` });
  for (let number = 1; number <= 3; number++) {
    const leave = await dashboard.connect({
      clientId: `away-${number}`,
      topicFilters: [`to/${number}/#`],
      sessionExpirySeconds: 600,
    });
    await leave();
    for (let times = 0; times < number; times++) await dashboard.broker.publish(`to/${number}/a`, "x", { qos: 1 });
  }
  const page = await chromium.tab();
  await as(page, "viewer");
  await page.goto(dashboard.url("/clients"));
  await page.getByText("10,000 connected").waitFor();
  // Those in view are there, and no more.
  assertLess(await page.locator("tbody tr").count(), 100);
  await page.getByLabel("State").selectOption("all");
  await page.getByRole("button", { name: "Queue" }).click();
  await page.locator("th[aria-sort=descending]", { hasText: "Queue" }).waitFor();
  await page.locator("tr[aria-rowindex='2']", { hasText: "away-3" }).waitFor();
  assertEquals(await firstRows(page, 3), ["away-3", "away-2", "away-1"]);
  await page.getByRole("searchbox", { name: "Search clients" }).fill("device-99");
  await page.getByText("10,003 sessions · 111 match").waitFor();
  await page.getByRole("searchbox", { name: "Search clients" }).fill("");
  await page.getByText("10,003 sessions", { exact: true }).waitFor();
  // Pages are loaded as their beginning comes into view.
  const height = `document.querySelector(".list").scrollHeight`;
  for (let times = 0; times < 3; times++) {
    const before = await page.evaluate(height);
    await page.evaluate(`document.querySelector(".list").scrollTop = ${before}`);
    await until(page, `${height} > ${before}`);
  }
});

browserTest("names of clients have room at any width, also beside the panel of one", async (chromium) => {
  await using dashboard = await AdminBroker.open({ broker: SCENE });
  await playScene(dashboard);
  const page = await chromium.tab();
  await as(page, "operator");
  for (const width of [1024, 1200, 1280, 1600]) {
    await page.setViewportSize({ width, height: 800 });
    for (const path of ["/clients", "/clients/curious"]) {
      await page.goto(dashboard.url(path));
      await page.locator("tr[aria-rowindex='2']").waitFor();
      const box = await page.locator("thead th").first().boundingBox();
      // 16 characters, their dot and the space around them.
      assertLess(140, box?.width ?? 0, `${path} at ${width} pixels`);
    }
  }
});

browserTest("the list and the panel of a client are used by keyboard alone", async (chromium) => {
  await using dashboard = await AdminBroker.open({ broker: SCENE });
  await playScene(dashboard);
  const page = await chromium.tab();
  await as(page, "operator");
  await page.goto(dashboard.url("/clients?sort=clientId"));
  await page.locator("tr[aria-rowindex='2']").waitFor();
  await page.getByRole("button", { name: "curious" }).focus();
  await page.keyboard.press("ArrowDown");
  await until(page, `document.activeElement.textContent.includes("device-1")`);
  await page.keyboard.press("End");
  await until(page, `document.activeElement.textContent.includes("esp32-9aab")`);
  await page.keyboard.press("Home");
  await until(page, `document.activeElement.textContent.includes("curious")`);
  await page.keyboard.press("ArrowDown");
  await until(page, `document.activeElement.textContent.includes("device-1")`);
  await page.keyboard.press("Enter");
  const panel = page.getByRole("complementary", { name: "Client" });
  await panel.getByRole("heading", { name: "device-1", exact: true }).waitFor();
  await panel.getByText("plant/1/line/+").waitFor();
  await assertAccessible(page, "panel of a client");

  await panel.getByRole("button", { name: "Disconnect…" }).press("Enter");
  const dialog = page.getByRole("dialog", { name: "Disconnect device-1?" });
  await dialog.getByText(/0x98, Administrative action/).waitFor();
  await assertAccessible(page, "question");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await until(page, `document.activeElement.textContent === "Disconnect…"`);
  await page.keyboard.press("Enter");
  await dialog.getByRole("button", { name: "Disconnect the client" }).press("Enter");
  await page.getByText("Disconnected device-1", { exact: true }).waitFor();
  await panel.getByText("No such client").first().waitFor();
  await panel.getByRole("button", { name: "Close the panel" }).press("Escape");
  await panel.waitFor({ state: "detached" });
});

browserTest("all clients of a search are disconnected, after a question with their number", async (chromium) => {
  await using dashboard = await AdminBroker.open({ broker: SCENE });
  await playScene(dashboard);
  const page = await chromium.tab();
  await as(page, "operator");
  await page.goto(dashboard.url("/clients?search=device-2"));
  await page.getByText("25 connected · 5 match").waitFor();
  await page.getByRole("button", { name: "Disconnect 5…" }).click();
  await page.getByRole("dialog", { name: "Disconnect 5 clients?" }).getByRole("button", {
    name: "Disconnect 5 clients",
  })
    .click();
  await page.getByText("Disconnected 5 of 5 clients").waitFor();
  await page.getByText("No client is like that").waitFor();
  assertEquals(dashboard.broker.metrics.connectedClients, 20);
});

browserTest("a ban is asked for, listed in Settings and lifted there", async (chromium) => {
  await using dashboard = await AdminBroker.open({ broker: SCENE });
  await dashboard.connect({ clientId: "loud", userName: "plant" });
  const page = await chromium.tab();
  await as(page, "operator");
  await page.goto(dashboard.url("/clients/loud"));
  await page.getByRole("button", { name: "Ban…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Ban", exact: true }).click();
  await page.getByText("Banned loud").waitFor();
  assertEquals(dashboard.broker.bans().map(({ who }) => who), [{ clientId: "loud" }]);
  await page.goto(dashboard.url("/settings"));
  await page.getByText("Client loud").waitFor();
  await page.getByRole("button", { name: "Lift" }).click();
  await page.getByText("Nobody is banned").waitFor();
  assertEquals(dashboard.broker.bans(), []);
});

browserTest("a viewer sees no button that it may not use", async (chromium) => {
  await using dashboard = await AdminBroker.open({ broker: SCENE });
  await playScene(dashboard);
  const page = await chromium.tab();
  await as(page, "viewer");
  for (const place of ["/clients/device-1", "/topics/plant/7/line/temp", "/settings"]) {
    await page.goto("about:blank");
    await page.goto(dashboard.url(place));
    await page.locator("dl.facts dd").first().waitFor();
    assertEquals(await page.getByRole("button", { name: /Trace|Disconnect|Ban|Publish|Delete|Lift|token/ }).count(), 0);
  }
  await page.goto(dashboard.url("/topics/plant/7/line/temp"));
  await page.getByText("A viewer does not see payloads").waitFor();
});

const IMAGE = "<img src=x onerror=alert(1)>";
const RIGHT_TO_LEFT = "\u202Eevil\u202C-\u05D0\u05D1";

browserTest("hostile names run no script and hold the layout", async (chromium) => {
  await using dashboard = await AdminBroker.open({ broker: SCENE });
  const names = [IMAGE, RIGHT_TO_LEFT, "..", "~x", "a/b?c#d%2F", `${"w".repeat(20_000)}`, "line\u0085break"];
  for (const name of names) {
    await dashboard.connect({ clientId: name, userName: name, topicFilters: [name.replaceAll("#", "")] });
    await dashboard.broker.publish(`${name.replaceAll(/[+#]/g, "")}/${IMAGE}`, `${IMAGE}${RIGHT_TO_LEFT}`, {
      retain: true,
      properties: { contentType: IMAGE, userProperties: [[IMAGE, RIGHT_TO_LEFT]] },
    });
  }
  await dashboard.connect({ clientId: IMAGE.repeat(2), userName: "mallory" });
  const page = await chromium.tab();
  const watched = await watch(page);
  await as(page, "admin");
  for (const width of [1280, 420]) {
    await page.setViewportSize({ width, height: 800 });
    for (const name of ["clients", "subscriptions", "events", "topics"]) {
      await page.goto("about:blank");
      await page.goto(dashboard.url(`/${name}`));
      await page.locator("tbody tr[aria-rowindex='2']").waitFor();
      assertEquals(await isWithin(page), true, `${name} at ${width}`);
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  for (const name of names) {
    await page.goto("about:blank");
    await page.goto(dashboard.url("/clients"));
    await page.locator(".pick").nth(names.length - 1).waitFor();
    await page.evaluate(
      `[...document.querySelectorAll(".pick")].find((pick) => pick.querySelector("bdi").title === ${
        JSON.stringify(name)
      }).click()`,
    );
    await page.getByRole("complementary", { name: "Client" }).getByText("In flight").waitFor();
    assertEquals(await isWithin(page), true, name.slice(0, 40));
  }
  await page.goto(dashboard.url(`/topics/${encodeURIComponent(IMAGE)}/${encodeURIComponent(IMAGE)}`));
  await page.getByRole("complementary", { name: "Topic" }).getByText("Content Type").waitFor();
  await page.getByRole("button", { name: "Who gets this?" }).click();
  await page.getByText(/deliver(y|ies)/).waitFor();
  assertEquals(await page.locator("img").count(), 0);
  assertEquals(watched.faults, []);
});

/** Waits until an expression holds; the policy of the page lets Playwright evaluate nothing within it again and again. */
async function until(page: Page, expression: string): Promise<void> {
  const end = performance.now() + DEADLINE_MS;
  while (!await page.evaluate(expression)) {
    if (performance.now() > end) throw new Error(`Waited in vain: ${expression}`);
  }
}

/** Whether nothing makes the page wider than the window. */
async function isWithin(page: Page): Promise<boolean> {
  return await page.evaluate("document.documentElement.scrollWidth <= innerWidth") as boolean;
}

/** Names of the first clients of the list. */
function firstRows(page: Page, rows: number): Promise<string[]> {
  return Promise.all(
    Array.from({ length: rows }, (_, row) => page.locator(`tr[aria-rowindex='${row + 2}'] bdi`).first().innerText()),
  );
}
