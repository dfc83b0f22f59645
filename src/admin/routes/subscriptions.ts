import type { TopicSubscriber } from "../../broker/inspection.ts";
import { SUBSCRIPTION_COLUMNS, type SubscriptionRow } from "../../broker/list_rows.ts";
import type { AdminHost } from "../host.ts";
import { orBadRequest, PAGE_QUERY, sortOf } from "../pages.ts";
import { Problem } from "../problems.ts";
import { type Route, route } from "../route_table.ts";
import { segmentOf } from "../segments.ts";
import * as z from "../zod.js";
import { SUBSCRIPTION, subscriptionJson } from "./clients.ts";
import { COUNT, QOS } from "./json_values.ts";

const CLIENT_SUBSCRIPTION = z.strictObject({
  clientId: z.string(),
  segment: z.string(),
  principal: z.nullable(z.string()),
  isConnected: z.boolean(),
  ...SUBSCRIPTION,
});
const SUBSCRIPTION_PAGE = z.strictObject({
  subscriptions: z.array(CLIENT_SUBSCRIPTION),
  matching: COUNT,
  after: z.nullable(z.string()),
});

const RECEIVER = z.strictObject({
  /** `null`: a reader in the process of the broker. */
  clientId: z.nullable(z.string()),
  segment: z.nullable(z.string()),
  principal: z.nullable(z.string()),
  isConnected: z.boolean(),
  topicFilter: z.string(),
  /** Shared Subscription: one of its members gets the message. */
  shareName: z.nullable(z.string()),
  qos: QOS,
  noLocal: z.boolean(),
  isAllowed: z.boolean(),
  /** Rule that decides, such as `read plant/#`, where the authorizer can name one. */
  rule: z.nullable(z.string()),
});
const RECEIVERS = z.strictObject({
  topic: z.string(),
  /** The first 1,000 subscriptions that match. */
  subscribers: z.array(RECEIVER),
  /** Subscriptions that match. */
  total: COUNT,
  /** Deliveries: a Shared Subscription has one, and those that are not allowed have none. */
  receivers: COUNT,
});

const QUERY = z.strictObject({
  /** Topic whose receivers are asked for; without it, subscriptions are listed. */
  topic: z.optional(z.string()),
  /** Topic Filter as it was subscribed. */
  filter: z.optional(z.string()),
  clientId: z.optional(z.string()),
  /** Text within Topic Filter, Client Identifier or user. */
  search: z.optional(z.string()),
  sort: z.optional(z.string()),
  ...PAGE_QUERY,
});
type Query = z.Infer<typeof QUERY>;

/** Subscriptions of all clients, and who would get a topic. */
export const SUBSCRIPTION_ROUTES: readonly Route<AdminHost>[] = [
  route({
    method: "GET",
    path: "/subscriptions",
    role: "viewer",
    tag: "Subscriptions",
    summary:
      "Subscriptions of all clients; with `topic`, who would get a message of that topic, and which rule lets them",
    query: QUERY,
    answer: z.union([SUBSCRIPTION_PAGE, RECEIVERS]),
    handle: ({ query }, host: AdminHost) =>
      query.topic === undefined ? subscriptionPage(query, host) : receiversOf(query.topic, query, host),
  }),
];

async function subscriptionPage(
  { filter, clientId, search, sort, limit, after }: Query,
  { broker, cursors }: AdminHost,
): Promise<z.Infer<typeof SUBSCRIPTION_PAGE>> {
  const from = cursors.full(after);
  const page = await orBadRequest(() =>
    broker.list("subscriptions", {
      where: (row) =>
        (filter === undefined || row.topicFilter === filter) && (clientId === undefined || row.clientId === clientId),
      ...sortOf(sort, SUBSCRIPTION_COLUMNS),
      ...search === undefined || search === "" ? {} : { search },
      ...limit === undefined ? {} : { limit },
      ...from === undefined ? {} : { after: from },
    })
  );
  return {
    subscriptions: await Promise.all(page.rows.map(rowJson)),
    matching: page.total,
    after: cursors.shortened(page.after),
  };
}

async function rowJson(row: SubscriptionRow): Promise<z.Infer<typeof CLIENT_SUBSCRIPTION>> {
  const { clientId, principal, isConnected } = row;
  const segment = await segmentOf(clientId);
  return { clientId, segment, principal: principal ?? null, isConnected, ...subscriptionJson(row) };
}

async function receiversOf(topic: string, query: Query, { broker }: AdminHost): Promise<z.Infer<typeof RECEIVERS>> {
  const { filter, clientId, search, sort, after, limit } = query;
  if ([filter, clientId, search, sort, after].some((value) => value !== undefined)) {
    throw new Problem(400, "Bad request", '"topic" stands alone, or with "limit": other parameters are for the list');
  }
  const found = await orBadRequest(() => broker.subscribersOf(topic, limit === undefined ? {} : { limit }));
  return { topic, ...found, subscribers: await Promise.all(found.subscribers.map(receiverJson)) };
}

async function receiverJson(
  { clientId, principal, isConnected, topicFilter, shareName, qos, noLocal, isAllowed, rule }: TopicSubscriber,
): Promise<z.Infer<typeof RECEIVER>> {
  return {
    clientId: clientId ?? null,
    segment: clientId === undefined ? null : await segmentOf(clientId),
    principal: principal ?? null,
    isConnected,
    topicFilter,
    shareName: shareName ?? null,
    qos,
    noLocal,
    isAllowed,
    rule: rule ?? null,
  };
}
