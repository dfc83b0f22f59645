import type { RetainedEntry } from "../../broker/inspection.ts";
import type { AdminHost } from "../host.ts";
import { orBadRequest, PAGE_QUERY } from "../pages.ts";
import { Problem } from "../problems.ts";
import type { Collecting } from "../retained_undo.ts";
import { includes } from "../roles.ts";
import { type Route, route } from "../route_table.ts";
import { nameOf, segmentOf } from "../segments.ts";
import * as z from "../zod.js";
import { COUNT, MESSAGE, messageJson, QOS, SEGMENT, TIME, timeOf, timeOrNull } from "./json_values.ts";
import { byteLength, MESSAGE_BODY, orRefused, payloadOf, publishOptionsOf } from "./message_body.ts";

const TOPIC_PARAMS = z.strictObject({ topic: SEGMENT });

const RETAINED = {
  /** Client Identifier of the publisher; `null`: the process of the broker, or not known. */
  publisher: z.nullable(z.string()),
  principal: z.nullable(z.string()),
  /** `null`: before the broker was opened. */
  retainedAt: z.nullable(TIME),
  expiresAt: z.nullable(TIME),
} as const;
const VALUE = z.strictObject({ ...MESSAGE, ...RETAINED });
const CHILD = z.strictObject({
  /** Level of a topic. */
  name: z.string(),
  topic: z.string(),
  /** Topic as a segment of a path. */
  segment: z.string(),
  /** Retained messages of this topic and of those below it. */
  count: COUNT,
  /** Message of this very topic, without its contents. */
  retained: z.nullable(z.strictObject({ qos: QOS, payloadBytes: COUNT, ...RETAINED })),
});
const LEVEL = z.strictObject({
  /** Topic whose children these are; `null`: the first levels. */
  level: z.nullable(z.string()),
  children: z.array(CHILD),
  after: z.nullable(z.string()),
});

const DELETION = z.strictObject({
  /** Messages that were deleted, or that would be, with `dryRun`. */
  deleted: COUNT,
  dryRun: z.boolean(),
  /** Way to bring them back, by POST /retained/restore; `null`: there is none, as there are none or too many. */
  restore: z.nullable(z.strictObject({ id: z.string(), until: TIME })),
});

/** Retained messages: level by level, one of them, deleting and restoring. */
export const RETAINED_ROUTES: readonly Route<AdminHost>[] = [
  route({
    method: "GET",
    path: "/retained",
    role: "viewer",
    tag: "Retained messages",
    summary: "One level of the tree of retained messages, in the order of names",
    query: z.strictObject({
      /** Topic whose children are asked for, such as `plant/7`. */
      level: z.optional(z.string()),
      ...PAGE_QUERY,
    }),
    answer: LEVEL,
    handle: ({ query: { level, limit = 200, after } }, host: AdminHost) => levelOf(level, limit, after, host),
  }),
  route({
    method: "DELETE",
    path: "/retained",
    role: "operator",
    tag: "Retained messages",
    summary: "Delete the retained messages of all topics that a Topic Filter matches; subscribers are not told",
    query: z.strictObject({ filter: z.string(), dryRun: z.optional(z.boolean()) }),
    answer: DELETION,
    isChange: ({ query: { dryRun } }) => dryRun !== true,
    async handle({ query: { filter, dryRun = false }, note }, host: AdminHost) {
      const undo = host.retainedUndo.collect();
      const deleted = await orBadRequest(() => host.broker.deleteRetained(filter, { dryRun, onDeleted: undo.add }));
      if (!dryRun) {
        note({ name: "deleteRetained", message: `deleted ${deleted} retained messages of "${filter}"`, topic: filter });
      }
      return { deleted, dryRun, restore: restoreOf(undo) };
    },
  }),
  route({
    method: "POST",
    path: "/retained/restore",
    role: "operator",
    tag: "Retained messages",
    summary: "Bring back what a deletion took away, within 30 seconds; topics that have another message keep it",
    body: z.strictObject({ id: z.string() }),
    answer: z.strictObject({ restored: COUNT, kept: COUNT }),
    async handle({ body: { id }, note }, { broker, retainedUndo }: AdminHost) {
      const entries = retainedUndo.take(id);
      if (entries === undefined) {
        throw new Problem(
          404,
          "Nothing to restore",
          "What was deleted is kept for 30 seconds, and can be restored once",
        );
      }
      const restored = await broker.restoreRetained(entries);
      note({ name: "restoreRetained", message: `restored ${restored} retained messages` });
      return { restored, kept: entries.length - restored };
    },
  }),
  route({
    method: "GET",
    path: "/retained/:topic",
    role: "viewer",
    tag: "Retained messages",
    summary: "Retained message of one topic; an operator sees payload and properties",
    params: TOPIC_PARAMS,
    answer: VALUE,
    handle({ params, caller: { role } }, { broker }: AdminHost) {
      const entry = broker.retained(nameOf(params.topic));
      if (entry === undefined) throw noMessage();
      return { ...messageJson(entry.message, includes(role, "operator")), ...factsOf(entry) };
    },
  }),
  route({
    method: "PUT",
    path: "/retained/:topic",
    role: "operator",
    tag: "Retained messages",
    summary: "Publish a message that is retained; subscribers get it too",
    params: TOPIC_PARAMS,
    body: z.strictObject(MESSAGE_BODY),
    answer: z.strictObject({ topic: z.string(), payloadBytes: COUNT, replaced: z.boolean() }),
    async handle({ params, body, note }, { broker }: AdminHost) {
      const topic = nameOf(params.topic);
      const payload = payloadOf(body);
      if (payload.length === 0) {
        throw new Problem(400, "Bad request", "An empty payload retains nothing: use DELETE to take the message away");
      }
      const replaced = broker.retained(topic) !== undefined;
      await orRefused(broker.publish(topic, payload, publishOptionsOf(body, true)));
      note({ name: "retain", message: `retained a message of "${topic}"`, topic });
      return { topic, payloadBytes: byteLength(payload), replaced };
    },
  }),
  route({
    method: "DELETE",
    path: "/retained/:topic",
    role: "operator",
    tag: "Retained messages",
    summary: "Delete the retained message of one topic; subscribers are not told",
    params: TOPIC_PARAMS,
    answer: DELETION,
    async handle({ params, note }, host: AdminHost) {
      const topic = nameOf(params.topic);
      if (/[+#]/.test(topic)) throw new Problem(400, "Bad request", "Wildcards go into ?filter=, not into the path");
      const undo = host.retainedUndo.collect();
      const deleted = await orBadRequest(() => host.broker.deleteRetained(topic, { onDeleted: undo.add }));
      if (deleted === 0) throw noMessage();
      note({ name: "deleteRetained", message: `deleted the retained message of "${topic}"`, topic });
      return { deleted, dryRun: false, restore: restoreOf(undo) };
    },
  }),
];

async function levelOf(
  level: string | undefined,
  limit: number,
  after: string | undefined,
  { broker, cursors }: AdminHost,
): Promise<z.Infer<typeof LEVEL>> {
  const levels = level === undefined ? [] : level.split("/");
  const from = cursors.full(after);
  const page = await broker.retainedLevel(levels, { limit, ...from === undefined ? {} : { after: from } });
  const children = page.children.map(async ({ name, count, retained }) => {
    const topic = level === undefined ? name : `${level}/${name}`;
    const facts = retained && {
      qos: retained.message.qos,
      payloadBytes: retained.message.payload.length,
      ...factsOf(retained),
    };
    return { name, topic, segment: await segmentOf(topic), count, retained: facts ?? null };
  });
  return { level: level ?? null, children: await Promise.all(children), after: cursors.shortened(page.after) };
}

function factsOf({ publisher, principal, retainedAtMs, expiresAtMs }: RetainedEntry) {
  return {
    publisher: publisher ?? null,
    principal: principal ?? null,
    retainedAt: timeOrNull(retainedAtMs),
    expiresAt: timeOrNull(expiresAtMs),
  };
}

function restoreOf(undo: Collecting): z.Infer<typeof DELETION>["restore"] {
  const kept = undo.keep();
  return kept === undefined ? null : { id: kept.id, until: timeOf(kept.untilMs) };
}

function noMessage(): Problem {
  return new Problem(404, "No such message", "The topic has no retained message: it was deleted, or has expired");
}
