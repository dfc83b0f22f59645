import { assertEquals, assertMatch } from "@std/assert";
import type { Page, Request } from "playwright-core";
import { assertAccessible, watch } from "./admin_accessibility.ts";
import { AdminBroker, as } from "./admin_broker.ts";
import { playScene, SCENE } from "./admin_scene.ts";
import { type Brokers, open, type PageName, PAGES, type State, STATES } from "./admin_states.ts";
import { browserTests, type Chromium } from "./chromium.ts";

const browserTest = browserTests();

/** Words that each page shows when there is something, and when there is nothing; a busy machine may stand still. */
const WORDS: Readonly<Record<PageName, { readonly full: string | RegExp; readonly empty: string | RegExp }>> = {
  overview: { full: /3 refusals in 10 min: 3 bad user name or password/, empty: /All well|The broker stood still/ },
  clients: { full: "device-24", empty: "No client is connected" },
  topics: { full: "plant", empty: "No message is retained" },
  subscriptions: { full: "$share/store/plant/+/line/temp", empty: "No client has subscribed" },
  events: { full: /Client intruder .* disconnected/, empty: "Nothing like that has happened" },
  settings: { full: "maximumQueuedMessages", empty: "Nobody is banned" },
};

// Two tabs at a time: a machine with two cores is no faster with six.
const TABS: readonly (readonly PageName[])[] = [["overview", "clients", "topics"], [
  "subscriptions",
  "events",
  "settings",
]];

for (const names of TABS) {
  const titles = names.map((name) => PAGES[name]).join(", ");
  browserTest(
    `each state of ${titles} is accessible in both schemes, and says what is there`,
    (chromium) =>
      withBrokers(chromium, async (page, brokers) => {
        const watched = await watch(page);
        await as(page, "admin");
        for (const name of names) {
          for (const state of STATES) await checkState(page, brokers, name, state);
        }
        assertEquals(watched.faults, []);
      }),
  );
}

async function checkState(page: Page, brokers: Brokers, name: PageName, state: State): Promise<void> {
  await open(page, brokers, name, state);
  const { full, empty } = WORDS[name];
  if (state === "full" || state === "stale") await page.getByText(full).first().waitFor();
  // A broker that nobody has used may have stood still on a busy machine, which is an event of the kind "broker".
  if (state === "empty" && name === "events") await page.getByLabel("Kind").selectOption("denied");
  if (state === "empty") await page.getByText(empty).first().waitFor();
  await assertAccessible(page, `${PAGES[name]}, ${state}`, state === "full" ? "document" : '"main"');
  if (state !== "error") return;
  await page.unrouteAll({ behavior: "ignoreErrors" });
  // At once: one that succeeds takes others away.
  await page.evaluate(`[...document.querySelectorAll("main button")].filter((button) => button.textContent === "Retry")
    .forEach((button) => button.click())`);
  await page.getByText(full).first().waitFor();
}

browserTest(
  "the overview follows the broker by one stream, which is closed while the tab is hidden",
  (chromium) =>
    withBrokers(chromium, async (page, { empty }) => {
      const open = new Set<Request>();
      page.on("request", (request) => request.url().includes("/live") && open.add(request));
      page.on("requestfailed", (request) => open.delete(request));
      page.on("requestfinished", (request) => open.delete(request));
      await as(page, "viewer");
      await page.goto(empty.url());
      const connected = page.getByRole("link", { name: /connected$/ });
      await connected.getByText("0", { exact: true }).waitFor();
      await page.getByRole("link", { name: "No client is connected" }).waitFor();
      await empty.connect({ clientId: "new" });
      await connected.getByText("1", { exact: true }).waitFor();
      assertEquals(open.size, 1);
      await hide(page, true);
      while (open.size > 0) await page.waitForEvent("requestfailed");
      await empty.connect({ clientId: "another" });
      await hide(page, false);
      await connected.getByText("2", { exact: true }).waitFor();
      assertEquals(open.size, 1);
      assertMatch((await [...open][0]?.allHeaders())?.["last-event-id"] ?? "", /^\d+-\d+$/);
      await page.getByRole("link", { name: "Settings" }).click();
      while (open.size > 0) await page.waitForEvent("requestfailed");
    }),
);

/** Tells a page that its tab is hidden or seen. */
async function hide(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(`Object.defineProperty(document, "hidden", { configurable: true, get: () => ${isHidden} });
    document.dispatchEvent(new Event("visibilitychange"))`);
}

/** Gives a tab and both brokers to a test. */
async function withBrokers(
  chromium: Chromium,
  run: (page: Page, brokers: Brokers) => Promise<void>,
): Promise<void> {
  await using full = await AdminBroker.open({ broker: SCENE });
  await using empty = await AdminBroker.open();
  await playScene(full);
  await run(await chromium.tab(), { full, empty });
}
