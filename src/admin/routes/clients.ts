import type { QueuedEntry, SessionDetails } from "../../broker/inspection.ts";
import type { SubscriptionRow } from "../../broker/list_rows.ts";
import type { AdminHost } from "../host.ts";
import { PAGE_QUERY } from "../pages.ts";
import { includes, type Role } from "../roles.ts";
import { type Route, route } from "../route_table.ts";
import { clientIdOf, noClient } from "../segments.ts";
import * as z from "../zod.js";
import { COUNT, MESSAGE, messageJson, QOS, SEGMENT } from "./json_values.ts";
import { detailsJson, SESSION_DETAILS, SESSION_PAGE, SESSION_QUERY, sessionPage } from "./session_rows.ts";

const CLIENT_PARAMS = z.strictObject({ clientId: SEGMENT });
const REASON_QUERY = z.strictObject({
  /** Reason for the client, as Reason String of MQTT 5, and for events. */
  reason: z.optional(z.string().check(z.maxLength(200), z.regex(/^[^\p{Cc}]*$/u))),
});

/** Subscription of a client, for JSON. */
export const SUBSCRIPTION = {
  topicFilter: z.string(),
  shareName: z.nullable(z.string()),
  qos: QOS,
  noLocal: z.boolean(),
  retainAsPublished: z.boolean(),
  retainHandling: z.int().check(z.minimum(0), z.maximum(2)),
  subscriptionIdentifier: z.nullable(COUNT),
} as const;
const SUBSCRIPTION_OBJECT = z.strictObject(SUBSCRIPTION);
const SUBSCRIPTIONS = z.strictObject({
  subscriptions: z.array(SUBSCRIPTION_OBJECT),
  total: COUNT,
  after: z.nullable(z.string()),
});

const HELD_MESSAGE = z.strictObject({
  /** `inflight`: sent and not acknowledged; `queued`: it waits. */
  state: z.enum(["inflight", "queued"]),
  qos: QOS,
  packetIdentifier: z.nullable(COUNT),
  /** `null`: it was sent, and memory has it no longer. */
  message: z.nullable(z.strictObject(MESSAGE)),
});
const MESSAGES = z.strictObject({ messages: z.array(HELD_MESSAGE), queued: COUNT, inflight: COUNT });
const MESSAGES_QUERY = z.strictObject({ limit: z.optional(z.int().check(z.minimum(1), z.maximum(100))) });

/** Clients: those that are connected, one of them, its end, and what its session holds. */
export const CLIENT_ROUTES: readonly Route<AdminHost>[] = [
  route({
    method: "GET",
    path: "/clients",
    role: "viewer",
    tag: "Clients",
    summary: "Clients in the order of any column, a page at a time; without `state` those that are connected",
    query: SESSION_QUERY,
    answer: SESSION_PAGE,
    handle: ({ query }, host: AdminHost) => sessionPage(query, host),
  }),
  route({
    method: "GET",
    path: "/clients/:clientId",
    role: "viewer",
    tag: "Clients",
    summary: "One client with its session, its Will, and what was dropped for it",
    params: CLIENT_PARAMS,
    answer: SESSION_DETAILS,
    handle: async ({ params }, host: AdminHost) => detailsJson(await detailsOf(params.clientId, host, 0)),
  }),
  route({
    method: "DELETE",
    path: "/clients/:clientId",
    role: "operator",
    tag: "Clients",
    summary: "Disconnect a client with 0x98 Administrative action; its Will is published, and its session stays",
    params: CLIENT_PARAMS,
    query: REASON_QUERY,
    answer: z.strictObject({ clientId: z.string(), disconnected: COUNT }),
    async handle({ params, query: { reason }, note }, { broker }: AdminHost) {
      const clientId = await clientIdOf(params.clientId, broker);
      const disconnected = broker.disconnect({ clientId }, reason === undefined || reason === "" ? {} : { reason });
      if (disconnected === 0) throw noClient();
      note({ name: "disconnect", message: `disconnected the client "${clientId}"`, clientId });
      return { clientId, disconnected };
    },
  }),
  route({
    method: "GET",
    path: "/clients/:clientId/subscriptions",
    role: "viewer",
    tag: "Clients",
    summary: "Subscriptions of one client in the order of their Topic Filters",
    params: CLIENT_PARAMS,
    query: z.strictObject(PAGE_QUERY),
    answer: SUBSCRIPTIONS,
    handle: async ({ params, query }, host: AdminHost) => {
      const { subscriptionRows } = await detailsOf(params.clientId, host, 0);
      return subscriptionsJson(subscriptionRows, host.cursors.full(query.after), query.limit, host);
    },
  }),
  route({
    method: "GET",
    path: "/clients/:clientId/messages",
    role: "viewer",
    tag: "Clients",
    summary: "First messages that wait for one client or are in flight; an operator sees payloads and properties",
    params: CLIENT_PARAMS,
    query: MESSAGES_QUERY,
    answer: MESSAGES,
    async handle({ params, query: { limit = 20 }, caller }, host: AdminHost) {
      const { messages, queued, inflight } = await detailsOf(params.clientId, host, limit);
      return { messages: messages.map((entry) => heldJson(entry, caller.role)), queued, inflight };
    },
  }),
];

async function detailsOf(segment: string, { broker }: AdminHost, messages: number): Promise<SessionDetails> {
  const details = await broker.session(await clientIdOf(segment, broker), { messages });
  if (details === undefined) throw noClient();
  return details;
}

function subscriptionsJson(
  rows: readonly SubscriptionRow[],
  after: string | undefined,
  limit = 100,
  { cursors }: Pick<AdminHost, "cursors">,
): z.Infer<typeof SUBSCRIPTIONS> {
  const left = rows.filter(({ topicFilter }) => after === undefined || topicFilter > after)
    .sort((one, other) => one.topicFilter < other.topicFilter ? -1 : 1);
  const page = left.slice(0, limit);
  const last = left.length > limit ? page.at(-1)?.topicFilter : undefined;
  return { subscriptions: page.map(subscriptionJson), total: rows.length, after: cursors.shortened(last) };
}

/** Subscription for JSON. */
export function subscriptionJson(
  { topicFilter, shareName, qos, noLocal, retainAsPublished, retainHandling, subscriptionIdentifier }: SubscriptionRow,
): z.Infer<typeof SUBSCRIPTION_OBJECT> {
  return {
    topicFilter,
    shareName: shareName ?? null,
    qos,
    noLocal,
    retainAsPublished,
    retainHandling,
    subscriptionIdentifier: subscriptionIdentifier ?? null,
  };
}

function heldJson({ message, qos, packetIdentifier }: QueuedEntry, role: Role): z.Infer<typeof HELD_MESSAGE> {
  return {
    state: packetIdentifier === 0 ? "queued" : "inflight",
    qos,
    packetIdentifier: packetIdentifier === 0 ? null : packetIdentifier,
    message: message === undefined ? null : messageJson(message, includes(role, "operator")),
  };
}
