import { assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { assertAccessible } from "./admin_accessibility.ts";
import { AdminBroker, as } from "./admin_broker.ts";
import { browserTests } from "./chromium.ts";

const browserTest = browserTests();

browserTest("a scheme that was chosen stays, and 'as the system' follows the system again", async (chromium) => {
  await using dashboard = await AdminBroker.open();
  const page = await chromium.tab();
  await as(page, "viewer");
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto(dashboard.url("/settings"));
  await page.getByRole("button", { name: "Dark" }).click();
  assertEquals(await background(page), "rgb(14, 20, 24)");
  await page.reload();
  await page.getByRole("button", { name: "Dark", pressed: true }).waitFor();
  assertEquals(await background(page), "rgb(14, 20, 24)");
  await page.getByRole("button", { name: "As the system" }).click();
  assertEquals(await background(page), "rgb(244, 246, 248)");
});

browserTest("a token is shown once, works, and is refused after it was deleted", async (chromium) => {
  await using dashboard = await AdminBroker.open();
  const page = await chromium.tab();
  await as(page, "admin");
  await page.goto(dashboard.url("/settings"));
  await page.getByRole("button", { name: "New token…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name of the program").fill("grafana <b>");
  await dialog.getByRole("button", { name: "Make the token" }).click();
  const token = await page.locator(".command code").innerText();
  await assertAccessible(page, "token");
  const asked = () => fetch(`${dashboard.url()}api/v1/broker`, { headers: { authorization: `Bearer ${token}` } });
  const [before, facts] = await asked().then(async (response) => [response.status, await response.json()]);
  assertEquals([before, facts.storage.name], [200, "memory"]);
  await page.reload();
  await page.getByText("grafana <b>").waitFor();
  assertEquals(await page.getByText(token).count(), 0);
  await page.getByRole("button", { name: "Delete…" }).click();
  await dialog.getByRole("button", { name: "Delete the token" }).click();
  await page.getByText("No program has a token").waitFor();
  const after = await asked();
  await after.body?.cancel();
  assertEquals(after.status, 401);
});

browserTest("mistakes of a configuration are shown with line and key; a good one is read again", async (chromium) => {
  const mistake = { message: 'is "abc", not a number', file: "/etc/brooklet.yaml", line: 7, key: "limits.maximumQos" };
  let mistakes = [mistake];
  let reloads = 0;
  const configuration = {
    yaml: () => "listeners:\n  - url: mqtt://*\n",
    check: () => Promise.resolve({ mistakes, warnings: ["listener 1: no TLS"] }),
    reload: () => {
      reloads++;
      return Promise.resolve({ mistakes, warnings: [], disconnected: 0 });
    },
  };
  await using dashboard = await AdminBroker.open({ admin: { configuration } });
  const page = await chromium.tab();
  await as(page, "admin");
  await page.goto(dashboard.url("/settings"));
  await page.getByText("url: mqtt://*").waitFor();
  await page.getByRole("button", { name: "Check the file" }).click();
  assertMatch(await page.getByRole("alert").first().innerText(), /brooklet\.yaml line 7: limits\.maximumQos is "abc"/);
  await page.getByText("listener 1: no TLS").waitFor();
  await assertAccessible(page, "mistakes");
  const reload = async () => {
    await page.getByRole("button", { name: "Reload…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Reload the configuration" }).click();
  };
  await reload();
  assertMatch(await page.getByRole("dialog").getByRole("alert").innerText(), /Everything stays as it was/);
  await page.keyboard.press("Escape");
  mistakes = [];
  await reload();
  await page.getByText("The configuration is in force").waitFor();
  assertEquals(reloads, 2);
});

async function background(page: Page): Promise<string> {
  return await page.evaluate("getComputedStyle(document.body).backgroundColor") as string;
}
