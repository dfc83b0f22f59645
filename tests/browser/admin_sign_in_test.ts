import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { formatPasswordHash, hashPassword } from "../../src/auth/mod.ts";
import { assertAccessible, watch } from "./admin_accessibility.ts";
import { AdminBroker } from "./admin_broker.ts";
import { browserTests } from "./chromium.ts";

const browserTest = browserTests();

browserTest("a link signs in once, and its token leaves the address", async (chromium) => {
  await using dashboard = await AdminBroker.open();
  const link = await dashboard.link();
  const page = await chromium.tab();
  const watched = await watch(page);
  await page.goto(link);
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  assertEquals(page.url(), dashboard.url());
  assertEquals(watched, { files: ["", "page.css", "page.js"], faults: [] });
  const [cookie, ...others] = await page.context().cookies(dashboard.url("").replace(/$/, "api/v1/session"));
  assertEquals(others, []);
  assertEquals([cookie?.httpOnly, cookie?.sameSite, cookie?.path], [true, "Strict", "/ops/mqtt/api/v1"]);
  // The token is nowhere that a script, a bookmark or the Back button finds it.
  const token = link.replace(/^.*=/, "");
  const kept = await page.evaluate(
    "JSON.stringify([location.href, document.cookie, { ...localStorage }, history.state])",
  );
  assert(!String(kept).includes(token));
  await page.goBack().catch(() => {}); // To the empty page.
  assert(!page.url().includes(token));

  const late = await chromium.tab();
  await late.goto(link);
  assertMatch(await refusalIn(late), /link/i);
  assertEquals(late.url(), dashboard.url());
});

browserTest("the tool connects beside the page at first, also where that is below a path", async (chromium) => {
  await using dashboard = await AdminBroker.open();
  const page = await chromium.tab();
  await page.goto(await dashboard.link());
  await page.getByRole("link", { name: "WebSocket tool" }).click();
  const own = page.locator("option", { hasText: "(this page)" });
  assertEquals(await own.textContent(), `${dashboard.url().replace("http:", "ws:")}mqtt (this page)`);
});

browserTest("a token that never was one is refused in words; a whole link may be pasted", async (chromium) => {
  await using dashboard = await AdminBroker.open();
  const page = await chromium.tab();
  await page.goto(`${dashboard.url()}#token=${"A".repeat(43)}`);
  assertMatch(await refusalIn(page), /link/i);
  assertEquals(await page.getByLabel("User name").count(), 0);
  await page.getByLabel("Link, or the token at its end").fill(await dashboard.link());
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
});

browserTest(
  "a person signs in with a password and out again; a wrong password is refused in words",
  async (chromium) => {
    const passwordHash = formatPasswordHash(await hashPassword("right", 1000));
    await using dashboard = await AdminBroker.open({
      admin: { users: [{ name: "ann", passwordHash, role: "viewer" }] },
    });
    const page = await chromium.tab();
    await page.goto(dashboard.url("/events"));
    await page.getByLabel("User name").fill("ann");
    await page.getByLabel("Password").fill("wrong");
    await page.keyboard.press("Enter");
    assertMatch(await refusalIn(page), /password/i);
    await assertAccessible(page, "sign-in");
    await page.getByLabel("Password").fill("right");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("heading", { name: "Events" }).waitFor();
    await page.getByText("viewer", { exact: true }).waitFor();
    // Also where nothing has been refused before, the form takes a password after signing out.
    await page.reload();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("User name").fill("ann");
    await page.getByLabel("Password").fill("right");
    await page.keyboard.press("Enter");
    // A session that ends while the page is open leads to the form, and then back to the same place.
    await page.getByText("viewer", { exact: true }).waitFor();
    await page.context().clearCookies();
    await page.getByRole("link", { name: "Clients" }).click();
    await page.getByLabel("User name").fill("ann");
    await page.getByLabel("Password").fill("right");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Clients" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  },
);

/** Title and remedy of the refusal that a tab shows. */
function refusalIn(page: Page): Promise<string> {
  return page.getByRole("alert").innerText();
}
