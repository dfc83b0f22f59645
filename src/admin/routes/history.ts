import { HISTORY_SERIES, HISTORY_STEPS_SECONDS, type HistorySeries } from "../history.ts";
import type { AdminHost } from "../host.ts";
import { type Route, route } from "../route_table.ts";
import * as z from "../zod.js";
import { COUNT, TIME, timeOf } from "./json_values.ts";

const POINTS = z.array(z.nullable(z.number()));
const RANGE = z.enum(Object.keys(HISTORY_STEPS_SECONDS) as (keyof typeof HISTORY_STEPS_SECONDS)[]); // All of its keys.

const HISTORY = z.strictObject({
  range: RANGE,
  stepSeconds: COUNT,
  /** Time of the last point; each one before it is a step earlier. */
  endsAt: TIME,
  /** Points by their names, the oldest first; `null`: nothing is known of that time. */
  series: z.strictObject(
    Object.fromEntries(HISTORY_SERIES.map((name) => [name, POINTS])) as Record<HistorySeries, typeof POINTS>, // All names.
  ),
});

/** Numbers of the last 24 hours. */
export const HISTORY_ROUTES: readonly Route<AdminHost>[] = [
  route({
    method: "GET",
    path: "/history",
    role: "viewer",
    tag: "Broker",
    summary: "Rates and sizes of the last 10 minutes, 2 hours or 24 hours, 600 points at most",
    query: z.strictObject({ range: z.optional(RANGE) }),
    answer: HISTORY,
    handle({ query: { range = "10m" } }, { history }: AdminHost) {
      const { endsAtMs, ...points } = history.points(range);
      return { ...points, endsAt: timeOf(endsAtMs) };
    },
  }),
];
