import { reasonCodeName } from "../../codec/reason_code.ts";
import { helpAt } from "../../transport/web_socket/upgrade.ts";
import { EVENT_KINDS, type KeptEvent, remedyOf } from "../events.ts";
import type { AdminHost } from "../host.ts";
import { PAGE_QUERY } from "../pages.ts";
import { type Route, route } from "../route_table.ts";
import * as z from "../zod.js";
import { COUNT, DROPPED, TIME, timeOf } from "./json_values.ts";
import { SESSION_PAGE, sessionPage } from "./session_rows.ts";

const EVENT = z.strictObject({
  /** Number of its last repetition: later ones are larger. */
  id: COUNT,
  /** Number that it got first, which stays the same when it is repeated. */
  firstId: COUNT,
  time: TIME,
  firstTime: TIME,
  /** Times that it happened. */
  count: COUNT,
  kind: z.enum(EVENT_KINDS),
  /** Kind of the event of the broker, such as `connectionRefused`, or of the change, such as `disconnect`. */
  name: z.string(),
  /** Event in words. */
  message: z.string(),
  clientId: z.nullable(z.string()),
  principal: z.nullable(z.string()),
  address: z.nullable(z.string()),
  listener: z.nullable(z.string()),
  topic: z.nullable(z.string()),
  reasonCode: z.nullable(COUNT),
  reasonName: z.nullable(z.string()),
  /** Clause of the specification, such as `MQTT-3.1.4-2`. */
  clause: z.nullable(z.string()),
  /** Entry of the troubleshooting guide, and what helps, in words. */
  help: z.nullable(z.string()),
  remedy: z.nullable(z.string()),
});
const EVENTS = z.strictObject({
  /** Events, the newest first. */
  events: z.array(EVENT),
  /** Number to pass as `after` for what comes later. */
  last: COUNT,
});

const DROPS = z.strictObject({
  /** Messages that were dropped since the broker was opened, by reason. */
  dropped: DROPPED,
  slow: SESSION_PAGE,
});

/** Events in words, and the clients that do not take their messages as fast as they come. */
export const EVENT_ROUTES: readonly Route<AdminHost>[] = [
  route({
    method: "GET",
    path: "/events",
    role: "viewer",
    tag: "Events",
    summary: "The last ends, refusals, denials, drops and changes, in words with clause and remedy",
    query: z.strictObject({
      kind: z.optional(z.enum(EVENT_KINDS)),
      clientId: z.optional(z.string()),
      /** Address whose connections are looked for. */
      address: z.optional(z.string()),
      /** Whether only connections from the address of the caller are looked for, such as those of its own page. */
      mine: z.optional(z.boolean()),
      after: z.optional(COUNT),
      limit: z.optional(z.int().check(z.minimum(1), z.maximum(1_000))),
    }),
    answer: EVENTS,
    handle({ query: { mine, address, limit = 100, ...filter }, caller }, { events }: AdminHost) {
      const from = mine === true ? caller.address ?? "unknown" : address;
      const isWanted = ({ kind }: KeptEvent) => mine !== true || kind !== "admin" || filter.kind === "admin";
      const found = events.find({ ...filter, address: from }).filter(isWanted).slice(0, limit);
      return { events: found.map(eventJson), last: events.lastId };
    },
  }),
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

/** Event for JSON. */
export function eventJson(event: KeptEvent): z.Infer<typeof EVENT> {
  const { id, firstId, atMs, firstAtMs, count, kind, name, message, reasonCode, help } = event;
  return {
    id,
    firstId,
    time: timeOf(atMs),
    firstTime: timeOf(firstAtMs),
    count,
    kind,
    name,
    message,
    clientId: event.clientId ?? null,
    principal: event.principal ?? null,
    address: event.address ?? null,
    listener: event.listener ?? null,
    topic: event.topic ?? null,
    reasonCode: reasonCode ?? null,
    reasonName: reasonCode === undefined ? null : reasonCodeName(reasonCode),
    clause: event.clause ?? null,
    help: help === undefined ? null : helpAt(help),
    remedy: remedyOf(event) ?? null,
  };
}
