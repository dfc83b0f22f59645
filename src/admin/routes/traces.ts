import type { AdminHost } from "../host.ts";
import { orBadRequest } from "../pages.ts";
import { Problem } from "../problems.ts";
import { type Route, route } from "../route_table.ts";
import type { Trace } from "../trace/trace.ts";
import type { TraceFacts, TracePage } from "../trace/trace_records.ts";
import * as z from "../zod.js";
import { COUNT } from "./json_values.ts";
import { TARGET, TRACE, TRACE_PAGE } from "./trace_schemas.ts";

const TRACE_PARAMS = z.strictObject({ id: z.string() });
const PCAPNG = "application/x-pcapng";

/** Live traces: the packets of a client, user, address, topic, or of the next connection. */
export const TRACE_ROUTES: readonly Route<AdminHost>[] = [
  route({
    method: "GET",
    path: "/traces",
    role: "operator",
    tag: "Traces",
    summary: "Traces, also those that have ended and are kept",
    answer: z.strictObject({ traces: z.array(TRACE) }),
    handle: (_call, { traces }: AdminHost) => ({ traces: traces.list().map(factsJson) }),
  }),
  route({
    method: "POST",
    path: "/traces",
    role: "operator",
    tag: "Traces",
    summary:
      "Trace one of a client, address, user or topic, or the next connection, for 10 minutes; passwords are hidden",
    body: z.strictObject({
      ...TARGET,
      /** Whether 64 KiB of each packet are kept, in place of 4 KiB. */
      isWide: z.optional(z.boolean()),
    }),
    answer: TRACE,
    status: 201,
    async handle({ body, note }, { traces }: AdminHost) {
      const trace = await orBadRequest(() => traces.start(body));
      if (trace === undefined) throw new Problem(409, "Too many traces", "There are 8 active traces: delete one first");
      const { facts } = trace;
      note({ name: "trace", message: `began to trace ${facts.name}`, ...clientOf(facts) });
      return factsJson(facts);
    },
  }),
  // Before the trace itself, whose id is then no `1.pcapng`.
  route({
    method: "GET",
    path: "/traces/:id.pcapng",
    role: "operator",
    tag: "Traces",
    summary:
      "Capture for Wireshark, as plain MQTT over TCP; `wire` adds WebSocket frames, `live` continues until the trace ends",
    params: TRACE_PARAMS,
    query: z.strictObject({ wire: z.optional(z.boolean()), live: z.optional(z.boolean()) }),
    answer: { contentType: PCAPNG, description: "Capture in the format pcapng" },
    handle({ params: { id }, query: { wire: isWire, live: isLive }, signal }, host: AdminHost) {
      const capture = ReadableStream.from(traceOf(id, host).pcapng({ isWire, isLive, signal }));
      const headers = { "content-type": PCAPNG, "content-disposition": `attachment; filename="trace-${id}.pcapng"` };
      return new Response(capture, { headers });
    },
  }),
  route({
    method: "GET",
    path: "/traces/:id",
    role: "operator",
    tag: "Traces",
    summary: "One trace",
    params: TRACE_PARAMS,
    answer: TRACE,
    handle: ({ params: { id } }, host: AdminHost) => factsJson(traceOf(id, host).facts),
  }),
  route({
    method: "POST",
    path: "/traces/:id/stop",
    role: "operator",
    tag: "Traces",
    summary: "End a trace; its records are kept for an hour, or until a ninth trace needs the room",
    params: TRACE_PARAMS,
    answer: TRACE,
    handle({ params: { id }, note }, host: AdminHost) {
      const trace = traceOf(id, host);
      host.traces.stop(id);
      note({ name: "stopTrace", message: `ended the trace of ${trace.facts.name}`, ...clientOf(trace.facts) });
      return factsJson(trace.facts);
    },
  }),
  route({
    method: "DELETE",
    path: "/traces/:id",
    role: "operator",
    tag: "Traces",
    summary: "End a trace and forget its records",
    params: TRACE_PARAMS,
    answer: z.strictObject({ id: z.string() }),
    handle({ params: { id }, note }, host: AdminHost) {
      const { facts } = traceOf(id, host);
      host.traces.delete(id);
      note({ name: "deleteTrace", message: `deleted the trace of ${facts.name}`, ...clientOf(facts) });
      return { id };
    },
  }),
  route({
    method: "GET",
    path: "/traces/:id/records",
    role: "operator",
    tag: "Traces",
    summary: "Records of a trace after one, the oldest first",
    params: TRACE_PARAMS,
    query: z.strictObject({
      after: z.optional(COUNT),
      limit: z.optional(z.int().check(z.minimum(1), z.maximum(5_000))),
    }),
    answer: TRACE_PAGE,
    handle: async ({ params: { id }, query }, host: AdminHost) => pageJson(await traceOf(id, host).records(query)),
  }),
];

/** Trace of an id. @throws Problem 404 where there is none */
export function traceOf(id: string, { traces }: Pick<AdminHost, "traces">): Trace {
  const trace = traces.get(id);
  if (trace !== undefined) return trace;
  throw new Problem(404, "No such trace", "There is no such trace: it was deleted, or ended an hour ago");
}

/** Facts for JSON, which leaves out what is undefined. */
function factsJson(facts: TraceFacts): z.Infer<typeof TRACE> {
  return facts as z.Infer<typeof TRACE>;
}

/** Page for JSON, which leaves out what is undefined. */
function pageJson(page: TracePage): z.Infer<typeof TRACE_PAGE> {
  return page as z.Infer<typeof TRACE_PAGE>;
}

function clientOf(
  { target: { clientId, topic } }: TraceFacts,
): { readonly clientId?: string; readonly topic?: string } {
  return { ...clientId === undefined ? {} : { clientId }, ...topic === undefined ? {} : { topic } };
}
