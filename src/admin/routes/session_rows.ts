import type { SessionDetails } from "../../broker/inspection.ts";
import { SESSION_COLUMNS, type SessionRow } from "../../broker/list_rows.ts";
import type { ListPage, ListQuery } from "../../broker/listing.ts";
import type { AdminHost } from "../host.ts";
import { orBadRequest, PAGE_QUERY, sortOf } from "../pages.ts";
import { segmentOf } from "../segments.ts";
import * as z from "../zod.js";
import { COUNT, DROPPED, QOS, TIME, timeOrNull } from "./json_values.ts";

/** Session as lists have it, and its connection, whose values are `null` without one. */
const SESSION = {
  clientId: z.string(),
  /** Client Identifier as a segment of a path. */
  segment: z.string(),
  principal: z.nullable(z.string()),
  isConnected: z.boolean(),
  isDurable: z.boolean(),
  sessionExpirySeconds: COUNT,
  expiresAt: z.nullable(TIME),
  willTopic: z.nullable(z.string()),
  subscriptions: COUNT,
  queued: COUNT,
  queuedBytes: COUNT,
  inflight: COUNT,
  dropped: COUNT,
  address: z.nullable(z.string()),
  listener: z.nullable(z.string()),
  transport: z.nullable(z.string()),
  protocolVersion: z.nullable(z.int().check(z.minimum(3), z.maximum(5))),
  connectedAt: z.nullable(TIME),
  keepAliveSeconds: z.nullable(COUNT),
  receivedBytes: z.nullable(COUNT),
  sentBytes: z.nullable(COUNT),
  receivedPackets: z.nullable(COUNT),
  sentPackets: z.nullable(COUNT),
  outboxBytes: z.nullable(COUNT),
} as const;
const SESSION_OBJECT = z.strictObject(SESSION);

/** Session with what it holds. */
export const SESSION_DETAILS = z.strictObject({
  ...SESSION,
  isRetainedDue: z.boolean(),
  will: z.nullable(z.strictObject({
    topic: z.string(),
    qos: QOS,
    retain: z.boolean(),
    payloadBytes: COUNT,
    delaySeconds: COUNT,
  })),
  droppedByReason: DROPPED,
});

/** Page of sessions. */
export const SESSION_PAGE = z.strictObject({
  sessions: z.array(SESSION_OBJECT),
  /** Sessions that the query wants, on whatever page. */
  matching: COUNT,
  /** Sessions that there are. */
  total: COUNT,
  /** Cursor of the next page; `null`: this is the last one. */
  after: z.nullable(z.string()),
});

/** Columns to sort by, under the names that they have in answers. */
const COLUMNS = SESSION_COLUMNS.map((column) =>
  column === "expiresAtMs" ? "expiresAt" : column === "connectedAtMs" ? "connectedAt" : column
);

/** Parameters of lists of sessions. */
export const SESSION_QUERY = z.strictObject({
  /** Text within Client Identifier, user or address. */
  search: z.optional(z.string()),
  state: z.optional(z.enum(["connected", "away", "all"])),
  version: z.optional(z.enum(["3.1", "3.1.1", "5"])),
  listener: z.optional(z.string()),
  hasQueue: z.optional(z.boolean()),
  hasDrops: z.optional(z.boolean()),
  sort: z.optional(z.string()),
  ...PAGE_QUERY,
});

const PROTOCOL_LEVELS = { "3.1": 3, "3.1.1": 4, "5": 5 } as const;

/**
 * Lists sessions.
 *
 * @param isAlsoWanted further condition on a session
 * @throws Problem 400 for a column or cursor that is none
 */
export async function sessionPage(
  { state, version, listener, hasQueue, hasDrops, sort, after, search, limit }: z.Infer<typeof SESSION_QUERY>,
  { broker, cursors }: Pick<AdminHost, "broker" | "cursors">,
  isAlsoWanted?: (row: SessionRow) => boolean,
): Promise<z.Infer<typeof SESSION_PAGE>> {
  const { sort: column, descending } = sortOf(sort, COLUMNS);
  const level = version && PROTOCOL_LEVELS[version];
  const isWanted = (row: SessionRow) =>
    (state !== "away" || !row.isConnected) &&
    (level === undefined || row.protocolVersion === level) &&
    (listener === undefined || row.listener === listener) &&
    (hasQueue === undefined || row.queued > 0 === hasQueue) &&
    (hasDrops === undefined || row.dropped > 0 === hasDrops) &&
    isAlsoWanted?.(row) !== false;
  const from = cursors.full(after);
  const query: ListQuery<SessionRow> = {
    where: isWanted,
    ...column === undefined ? {} : { sort: columnOf(column) },
    ...descending === undefined ? {} : { descending },
    ...search === undefined || search === "" ? {} : { search },
    ...limit === undefined ? {} : { limit },
    ...from === undefined ? {} : { after: from },
  };
  const { metrics } = broker;
  const isOfClients = state === undefined || state === "connected";
  const page: ListPage<SessionRow> = await orBadRequest(() =>
    isOfClients ? broker.list("clients", query) : broker.list("sessions", query)
  );
  return {
    sessions: await Promise.all(page.rows.map(sessionJson)),
    matching: page.total,
    total: isOfClients ? metrics.connectedClients : metrics.sessions,
    after: cursors.shortened(page.after),
  };
}

/** Session for JSON. */
async function sessionJson(row: SessionRow): Promise<z.Infer<typeof SESSION_OBJECT>> {
  return {
    clientId: row.clientId,
    segment: await segmentOf(row.clientId),
    principal: row.principal ?? null,
    isConnected: row.isConnected,
    isDurable: row.isDurable,
    sessionExpirySeconds: row.sessionExpirySeconds,
    expiresAt: timeOrNull(row.expiresAtMs),
    willTopic: row.willTopic ?? null,
    subscriptions: row.subscriptions,
    queued: row.queued,
    queuedBytes: row.queuedBytes,
    inflight: row.inflight,
    dropped: row.dropped,
    address: row.address ?? null,
    listener: row.listener ?? null,
    transport: row.transport ?? null,
    protocolVersion: row.protocolVersion ?? null,
    connectedAt: timeOrNull(row.connectedAtMs),
    keepAliveSeconds: row.keepAliveSeconds ?? null,
    receivedBytes: row.receivedBytes ?? null,
    sentBytes: row.sentBytes ?? null,
    receivedPackets: row.receivedPackets ?? null,
    sentPackets: row.sentPackets ?? null,
    outboxBytes: row.outboxBytes ?? null,
  };
}

/** Session with what it holds for JSON. */
export async function detailsJson(details: SessionDetails): Promise<z.Infer<typeof SESSION_DETAILS>> {
  const { will, droppedByReason, isRetainedDue } = details;
  return {
    ...await sessionJson(details),
    isRetainedDue,
    will: will === undefined ? null : {
      topic: will.topic,
      qos: will.qos,
      retain: will.retain,
      payloadBytes: will.payload.length,
      delaySeconds: will.properties.willDelayInterval ?? 0,
    },
    droppedByReason: droppedByReason ?? { qos0: 0, queueFull: 0, tooLarge: 0, expired: 0 },
  };
}

function columnOf(name: typeof COLUMNS[number]): keyof SessionRow {
  return name === "expiresAt" ? "expiresAtMs" : name === "connectedAt" ? "connectedAtMs" : name;
}
