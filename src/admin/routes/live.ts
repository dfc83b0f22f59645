import type { AdminHost } from "../host.ts";
import { liveStream } from "../live_stream.ts";
import { Problem } from "../problems.ts";
import { includes } from "../roles.ts";
import { type Route, route } from "../route_table.ts";
import * as z from "../zod.js";
import { numbersOf } from "./broker.ts";
import { eventJson } from "./events.ts";
import { timeOf } from "./json_values.ts";
import { traceOf } from "./traces.ts";

/** One event stream for all that a page shows live. */
export const LIVE_ROUTES: readonly Route<AdminHost>[] = [
  route({
    method: "GET",
    path: "/live",
    role: "viewer",
    tag: "Live",
    summary: "Server-sent events: numbers once a second, events, and the records of a trace; Last-Event-ID resumes",
    query: z.strictObject({
      stats: z.optional(z.boolean()),
      events: z.optional(z.boolean()),
      /** Id of a trace, which needs the role operator. */
      trace: z.optional(z.string()),
    }),
    answer: { contentType: "text/event-stream", description: "Events `stats`, `event`, `records`, `gap` and `end`" },
    handle({ query: { stats, events, trace }, caller, request, signal }, host: AdminHost) {
      if (trace !== undefined && !includes(caller.role, "operator")) {
        throw new Problem(403, "Not allowed", `A trace needs the role operator; you have ${caller.role}`);
      }
      const stream = liveStream({
        stats: stats === true ? () => statsJson(host) : undefined,
        events: events === true ? { ring: host.events, toJson: eventJson } : undefined,
        trace: trace === undefined ? undefined : traceOf(trace, host),
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
