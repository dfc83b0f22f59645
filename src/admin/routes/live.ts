import type { AdminHost } from "../host.ts";
import { liveStream } from "../live_stream.ts";
import { type Route, route } from "../route_table.ts";
import * as z from "../zod.js";
import { numbersOf } from "./broker.ts";
import { eventJson } from "./events.ts";
import { timeOf } from "./json_values.ts";

/** One event stream for all that a page shows live. */
export const LIVE_ROUTES: readonly Route<AdminHost>[] = [
  route({
    method: "GET",
    path: "/live",
    role: "viewer",
    tag: "Live",
    summary: "Server-sent events: numbers once a second, and events as they happen; Last-Event-ID resumes",
    query: z.strictObject({
      stats: z.optional(z.boolean()),
      events: z.optional(z.boolean()),
    }),
    answer: { contentType: "text/event-stream", description: "Events `stats`, `event`, `gap` and `end`" },
    handle({ query: { stats, events }, request, signal }, host: AdminHost) {
      const stream = liveStream({
        stats: stats === true ? () => statsJson(host) : undefined,
        events: events === true ? { ring: host.events, toJson: eventJson } : undefined,
        lastEventId: request.headers.get("last-event-id") ?? undefined,
        signal,
      });
      return new Response(stream, { headers: { "content-type": "text/event-stream", "cache-control": "no-store" } });
    },
  }),
];

/** Numbers of this moment, and the last point of the history, which a chart appends. */
function statsJson({ broker, history }: AdminHost) {
  const { endsAtMs, values } = history.latest();
  return { time: timeOf(endsAtMs), numbers: numbersOf(broker.metrics), latest: values };
}
