import type { Query } from "./api.ts";
import { ApiError } from "./api.ts";
import type { App } from "./app.ts";
import { listOf } from "./lists.ts";
import type { ClientRow } from "./shapes.ts";
import { count, counted } from "./text.ts";

/** Clients of one page, and requests at a time: the API answers 64 at once, for everybody. */
const PAGE_ROWS = 1000;
const AT_A_TIME = 8;

/** Asks before all clients of a filter are disconnected. */
export function disconnectAll(app: App, filter: Query, matching: number, onDone: () => void): void {
  const clients = counted(matching, "client");
  app.ask({
    title: `Disconnect ${clients}?`,
    effect: "All that match the search and the filters get DISCONNECT with 0x98. They may connect again at once, and " +
      "their sessions stay as long as they asked for.",
    action: `Disconnect ${clients}`,
    isDangerous: true,
    run: async () => {
      const segments = await segmentsOf(app, filter);
      let ended = 0;
      const next = async () => {
        for (let segment = segments.pop(); segment !== undefined; segment = segments.pop()) {
          if (await disconnect(app, segment)) ended++;
        }
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, next));
      app.say({ text: `Disconnected ${count(ended)} of ${clients}` });
      onDone();
    },
  });
}

/** All clients of a filter at this moment: a list that is read while clients leave would skip some. */
async function segmentsOf(app: App, filter: Query): Promise<string[]> {
  const segments: string[] = [];
  let after: string | undefined;
  do {
    const page = await listOf<ClientRow>(app.api, {
      path: ["clients"],
      rows: "sessions",
      query: { ...filter, limit: PAGE_ROWS, after },
      signal: AbortSignal.timeout(30_000),
    });
    segments.push(...page.rows.map(({ segment }) => segment));
    after = page.after ?? undefined;
  } while (after !== undefined);
  return segments;
}

/** Gives whether it was there; one that has left meanwhile needs nothing. */
async function disconnect(app: App, encoded: string): Promise<boolean> {
  try {
    await app.api.delete(["clients", { encoded }]);
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false;
    throw error;
  }
}
