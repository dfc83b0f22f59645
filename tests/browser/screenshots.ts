/**
 * Writes a picture of each page of the dashboard in each state, light and dark, for a desktop and for a telephone, into
 * the folder `screenshots`, to be looked at.
 */

import { chromium, type Page } from "playwright-core";
import { AdminBroker, as } from "./admin_broker.ts";
import { AdminListeners } from "./admin_listeners.ts";
import { playScene, SCENE } from "./admin_scene.ts";
import { type Brokers, open, type PageName, PAGES, STATES } from "./admin_states.ts";
import { CLIENT_ID, playArticles } from "./article_clients.ts";

const FOLDER = new URL("../../screenshots/", import.meta.url);
const SIZES = { desktop: { width: 1440, height: 900 }, narrow: { width: 420, height: 860 } } as const;

/** More to see of a page that is full, by what somebody does there. */
const VIEWS: readonly { readonly name: string; readonly page: PageName; show(page: Page): Promise<void> }[] = [
  { name: "clients-panel", page: "clients", show: (page) => page.getByRole("button", { name: "device-7" }).click() },
  {
    name: "clients-ban",
    page: "clients",
    async show(page) {
      await page.getByRole("button", { name: "device-7" }).click();
      await page.getByRole("button", { name: "Ban…" }).click();
    },
  },
  {
    name: "topics-tree",
    page: "topics",
    async show(page) {
      for (const level of ["plant", "7", "line", "temp"]) {
        await page.locator(".leaf", { has: page.getByText(level, { exact: true }) }).first().click();
      }
      await page.getByRole("heading", { name: "plant/7/line/temp" }).waitFor();
    },
  },
  {
    name: "topics-hex",
    page: "topics",
    async show(page) {
      await page.getByRole("textbox", { name: "Topic" }).fill("plant/7/picture");
      await page.getByRole("button", { name: "Show" }).click();
      await page.getByRole("button", { name: "Hex" }).waitFor();
    },
  },
  {
    name: "topics-publish",
    page: "topics",
    show: (page) => page.getByRole("button", { name: "Publish…" }).first().click(),
  },
  {
    name: "subscriptions-who",
    page: "subscriptions",
    async show(page) {
      await page.getByRole("textbox", { name: "Topic", exact: true }).fill("plant/7/line/temp");
      await page.getByRole("button", { name: "Show" }).click();
      await page.getByRole("heading", { name: /Who would get/ }).waitFor();
    },
  },
  {
    name: "events-panel",
    page: "events",
    show: (page) => page.getByText(/intruder .* disconnected/).click(),
  },
];

/** WebSocket tool and inspector, whose states are those of connections and traces. */
async function takeLive(page: Page, dashboard: AdminListeners, name: string): Promise<void> {
  const take = async (what: string) => {
    await page.waitForTimeout(300);
    await page.screenshot({ path: new URL(`${what}-${name}.png`, FOLDER).pathname });
  };
  await page.goto(dashboard.url("tool"));
  await page.getByRole("button", { name: "Add connection" }).click();
  await take("tool-empty");
  const [one, two] = [page.locator(".tool-card").nth(0), page.locator(".tool-card").nth(1)];
  await one.getByRole("button", { name: "Connect", exact: true }).click();
  await one.getByRole("button", { name: "Subscribe" }).click();
  await one.getByText("granted").waitFor();
  for (const payload of ['{"temperature": 21.4}', '{"temperature": 21.6, "unit": "°C"}']) {
    await one.getByLabel("Payload", { exact: true }).fill(payload);
    await one.getByRole("button", { name: "Publish" }).click();
    await one.getByText(/^The broker has it/).waitFor();
  }
  await two.getByLabel("User name").fill("mallory");
  await two.getByLabel("Password").fill("12345");
  await two.getByRole("button", { name: "Connect", exact: true }).click();
  await two.getByRole("alert").waitFor();
  await take("tool-full");
  await one.locator(".tool-message .pick").first().click();
  await two.getByText("Will, keep alive, session and user properties").click();
  await take("tool-open");
  await page.goto(dashboard.url("inspector"));
  await take("inspector-empty");
  await page.getByLabel("Trace", { exact: true }).selectOption("address");
  await take("inspector-ask");
  await page.getByRole("dialog").getByRole("textbox").fill("127.0.0.1");
  await page.getByRole("button", { name: "Start the trace" }).click();
  await page.getByRole("heading", { name: "Waiting for packets of" }).waitFor();
  await take("inspector-waiting");
  await playArticles(dashboard);
  await page.getByRole("row", { name: /CONNECT v3/ }).nth(1).click(); // The one in 13 frames.
  await page.getByRole("treeitem", { name: `Client ID: ${CLIENT_ID}` }).click();
  await take("inspector-full");
  await page.getByRole("row", { name: /PUBLISH malformed/ }).click();
  await take("inspector-malformed");
  await page.getByLabel("Filter").fill("typ:publish");
  await take("inspector-mistake");
}

async function takeAll(page: Page, brokers: Brokers, name: string): Promise<void> {
  const take = async (what: string) => {
    await page.waitForTimeout(500); // Charts and fonts.
    await page.screenshot({ path: new URL(`${what}-${name}.png`, FOLDER).pathname });
  };
  for (const pageName of Object.keys(PAGES) as PageName[]) { // Its own keys.
    for (const state of STATES) {
      await open(page, brokers, pageName, state);
      await take(`${pageName}-${state}`);
    }
  }
  for (const { name: view, page: pageName, show } of VIEWS) {
    await open(page, brokers, pageName, "full");
    await show(page);
    await take(view);
  }
}

if (import.meta.main) {
  await Deno.mkdir(FOLDER, { recursive: true });
  await using full = await AdminBroker.open({ broker: SCENE });
  await using empty = await AdminBroker.open();
  await playScene(full);
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"] as const) {
      const context = await browser.newContext({ viewport, colorScheme });
      context.setDefaultTimeout(10_000);
      const page = await context.newPage();
      await page.goto(full.url());
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      await page.screenshot({ path: new URL(`sign-in-${size}-${colorScheme}.png`, FOLDER).pathname });
      await as(page, "admin");
      await takeAll(page, { full, empty }, `${size}-${colorScheme}`);
      await using live = await AdminListeners.open(SCENE); // With no trace of the last time.
      await takeLive(page, live, `${size}-${colorScheme}`);
      await context.close();
    }
  }
  await browser.close();
}
