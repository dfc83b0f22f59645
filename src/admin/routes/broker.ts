import type { BrokerMetrics } from "../../broker/metrics.ts";
import { HISTORY_SERIES, HISTORY_STEPS_SECONDS, type HistorySeries } from "../history.ts";
import type { AdminHost } from "../host.ts";
import { type Route, route } from "../route_table.ts";
import * as z from "../zod.js";
import { COUNT, DROPPED, TIME, timeOf } from "./json_values.ts";

const TRAFFIC = z.strictObject({ bytes: COUNT, packets: COUNT, publishes: COUNT });

const NUMBERS = z.strictObject({
  connections: COUNT,
  connectedClients: COUNT,
  sessions: COUNT,
  durableSessions: COUNT,
  subscriptions: COUNT,
  retainedMessages: COUNT,
  retainedBytes: COUNT,
  queuedMessages: COUNT,
  queuedBytes: COUNT,
  received: TRAFFIC,
  sent: TRAFFIC,
  dropped: DROPPED,
  denied: z.strictObject({ publish: COUNT, subscribe: COUNT }),
});

const FACTS = z.strictObject({
  version: z.string(),
  startedAt: TIME,
  uptimeSeconds: z.number(),
  readiness: z.enum(["ready", "failing", "closing"]),
  listeners: z.array(z.strictObject({ url: z.string() })),
  storage: z.strictObject({
    name: z.string(),
    isDurable: z.boolean(),
    isFailing: z.boolean(),
    bytes: z.optional(COUNT),
    freeBytes: z.optional(COUNT),
  }),
  limits: z.record(z.string(), z.union([z.number(), z.literal("unlimited")])),
  numbers: NUMBERS,
});

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

/** Facts about the broker, and its numbers of the last 24 hours. */
export const BROKER_ROUTES: readonly Route<AdminHost>[] = [
  route({
    method: "GET",
    path: "/broker",
    role: "viewer",
    tag: "Broker",
    summary: "Version, uptime, listeners, storage, limits, and the numbers of this moment",
    answer: FACTS,
    handle: (_call, host: AdminHost) => factsOf(host),
  }),
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

function factsOf({ broker, options: { listeners, storageName = "storage", now = Date.now } }: AdminHost) {
  const { metrics, readiness, limits } = broker;
  const { version, uptimeMs, isStorageDurable: isDurable, isStorageFailing: isFailing, storage } = metrics;
  return {
    version,
    startedAt: timeOf(now() - uptimeMs),
    uptimeSeconds: uptimeMs / 1_000,
    readiness,
    listeners: (listeners?.() ?? []).map(({ url }) => ({ url })),
    storage: {
      name: storageName,
      isDurable,
      isFailing,
      ...storage.bytes === undefined ? {} : { bytes: storage.bytes },
      ...storage.freeBytes === undefined ? {} : { freeBytes: storage.freeBytes },
    },
    limits: Object.fromEntries(
      // JSON has no Infinity.
      Object.entries(limits).map(([name, value]) => [name, value === Infinity ? "unlimited" as const : value]),
    ),
    numbers: numbersOf(metrics),
  };
}

/** Numbers of this moment, for JSON. */
export function numbersOf(metrics: BrokerMetrics): z.Infer<typeof NUMBERS> {
  const { connections, connectedClients, sessions, durableSessions, subscriptions } = metrics;
  const { retainedMessages, retainedBytes, queuedMessages, queuedBytes, received, sent, dropped, denied } = metrics;
  return {
    connections,
    connectedClients,
    sessions,
    durableSessions,
    subscriptions,
    retainedMessages,
    retainedBytes,
    queuedMessages,
    queuedBytes,
    received: trafficOf(received),
    sent: trafficOf(sent),
    dropped,
    denied,
  };
}

function trafficOf({ bytes, packets, publishes }: z.Infer<typeof TRAFFIC>): z.Infer<typeof TRAFFIC> {
  return { bytes, packets, publishes };
}
