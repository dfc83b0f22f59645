import { assertEquals } from "@std/assert";
import axe from "axe-core/axe.min.js" with { type: "text" };
import type { Page } from "playwright-core";

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/**
 * Checks what a page shows by all rules in the light scheme, and by those of colours in the dark one.
 *
 * @param part expression for the part that is checked
 */
export async function assertAccessible(page: Page, what: string, part = "document"): Promise<void> {
  await page.evaluate(axe); // Not by a script element, which the policy of the page refuses.
  for (const [colorScheme, options] of [["light", "{}"], ["dark", '{ runOnly: ["color-contrast"] }']] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const { violations }: { violations: readonly Violation[] } = await page.evaluate(`axe.run(${part}, ${options})`);
    const found = violations.map(({ id, help, nodes }) => [id, help, ...nodes.slice(0, 3).map(({ html }) => html)]);
    assertEquals(found, [], `${what}, ${colorScheme}`);
  }
}

/** Watches a tab for violations of its policy and requests that go elsewhere. */
export async function watch(page: Page): Promise<{ readonly files: string[]; readonly faults: string[] }> {
  const watched = { files: [] as string[], faults: [] as string[] };
  page.on("pageerror", ({ message }) => watched.faults.push(message));
  page.on("dialog", (dialog) => watched.faults.push(`dialog: ${dialog.message()}`));
  page.on("request", (request) => {
    const { hostname, pathname } = new URL(request.url());
    if (hostname !== "127.0.0.1" && !request.url().startsWith("data:")) watched.faults.push(request.url());
    if (!pathname.includes("/api/")) watched.files.push(pathname.replace(/^.*\//, ""));
  });
  await page.exposeFunction("noteViolation", (text: string) => watched.faults.push(text));
  await page.addInitScript(`addEventListener("securitypolicyviolation", (event) => {
    noteViolation(event.violatedDirective + " " + event.blockedURI + " " + event.sample);
  })`);
  return watched;
}
