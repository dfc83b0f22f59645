import type { Page } from "playwright-core";
import type { AdminBroker } from "./admin_broker.ts";

/** Pages of the sidebar by their names in the address, with their titles. */
export const PAGES = {
  overview: "Overview",
  clients: "Clients",
  topics: "Topics",
  subscriptions: "Subscriptions",
  events: "Events",
  settings: "Settings",
} as const;

export type PageName = keyof typeof PAGES;

/** States that each page has. `full` and `empty` are those of the broker. */
export const STATES = ["full", "loading", "empty", "error", "stale"] as const;

export type State = typeof STATES[number];

/** Brokers of both kinds. */
export interface Brokers {
  readonly full: AdminBroker;
  readonly empty: AdminBroker;
}

/** Reads of data; the session is none, and without it there is no page. */
const DATA = /\/api\/v1\/(?!session|live)/;

/** Opens a page in a state. */
export async function open(page: Page, brokers: Brokers, name: PageName, state: State): Promise<void> {
  await page.unrouteAll({ behavior: "ignoreErrors" });
  if (state === "loading") await page.route(DATA, () => {}); // No answer comes.
  if (state === "error") await page.route(DATA, (route) => route.fulfill(FAILURE));
  await page.goto("about:blank");
  await page.goto(brokers[state === "empty" ? "empty" : "full"].url(`/${name}`));
  await page.getByRole("heading", { name: PAGES[name], level: 1 }).waitFor();
  if (state === "loading") await page.locator("[aria-busy=true]").first().waitFor();
  else await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
  if (state === "error") await page.getByText("Storage is broken").first().waitFor();
  if (state !== "stale") return;
  await page.route(DATA, (route) => route.abort());
  // A tab that can be seen again renews what it shows.
  await page.evaluate(`document.dispatchEvent(new Event("visibilitychange"))`);
  await page.getByText(/^Paused (?:just now|\d+ s ago)$/).first().waitFor();
}

const FAILURE = {
  status: 503,
  contentType: "application/problem+json",
  body: JSON.stringify({ title: "Storage is broken", status: 503, detail: "Mend the disk, then try again" }),
};
