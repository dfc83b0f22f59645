import type { AdminHost } from "../host.ts";
import { PAGE_QUERY } from "../pages.ts";
import { type Route, route } from "../route_table.ts";
import * as z from "../zod.js";
import { COUNT } from "./json_values.ts";
import { SESSION_PAGE, sessionPage } from "./session_rows.ts";

const DROPS = z.strictObject({
  /** Messages that were dropped since the broker was opened, by reason. */
  dropped: z.strictObject({ qos0: COUNT, queueFull: COUNT, tooLarge: COUNT, expired: COUNT }),
  slow: SESSION_PAGE,
});

/** Clients that do not take their messages as fast as they come. */
export const DROP_ROUTES: readonly Route<AdminHost>[] = [
  route({
    method: "GET",
    path: "/drops",
    role: "viewer",
    tag: "Events",
    summary: "Messages that were dropped, and the clients that cause it: messages wait for them or were dropped",
    query: z.strictObject(PAGE_QUERY),
    answer: DROPS,
    async handle({ query }, host: AdminHost) {
      const slow = await sessionPage(
        { ...query, state: "all", sort: "-dropped" },
        host,
        ({ dropped, queued, isConnected }) => dropped > 0 || (isConnected && queued > 0),
      );
      return { dropped: { ...host.broker.metrics.dropped }, slow };
    },
  }),
];
