import type { Ban, BanTarget } from "../../broker/access/bans.ts";
import type { AdminHost } from "../host.ts";
import { orBadRequest } from "../pages.ts";
import { Problem } from "../problems.ts";
import { type Route, route } from "../route_table.ts";
import { nameOf, segmentOf } from "../segments.ts";
import * as z from "../zod.js";
import { COUNT, SEGMENT, TIME, timeOrNull } from "./json_values.ts";

const BAN = z.strictObject({
  /** Key of the ban, such as `clientId:a`, and the same as a segment of a path. */
  key: z.string(),
  segment: z.string(),
  clientId: z.optional(z.string()),
  user: z.optional(z.string()),
  address: z.optional(z.string()),
  /** `null`: it does not end. */
  until: z.nullable(TIME),
  reason: z.string(),
});
const BAN_BODY = z.strictObject({
  clientId: z.optional(z.string().check(z.minLength(1))),
  user: z.optional(z.string().check(z.minLength(1))),
  /** Without a port; of IPv6 its /64 network is banned. */
  address: z.optional(z.string()),
  /** End of the ban. */
  until: z.optional(TIME),
  /** Reason for the client and for events. */
  reason: z.optional(z.string().check(z.maxLength(200), z.regex(/^[^\p{Cc}]*$/u))),
});

/** Bans. They end with the broker, and hold beside those of the configuration. */
export const BAN_ROUTES: readonly Route<AdminHost>[] = [
  route({
    method: "GET",
    path: "/bans",
    role: "viewer",
    tag: "Bans",
    summary: "Bans that are in force",
    answer: z.strictObject({ bans: z.array(BAN) }),
    handle: async (_call, { broker }: AdminHost) => ({ bans: await Promise.all(broker.bans().map(banJson)) }),
  }),
  route({
    method: "POST",
    path: "/bans",
    role: "operator",
    tag: "Bans",
    summary:
      "Ban a client, a user or an address until the broker ends; its connections end, and CONNECT is refused with 0x8A",
    body: BAN_BODY,
    answer: z.strictObject({ ban: BAN, disconnected: COUNT }),
    status: 201,
    async handle({ body, note }, { broker, options: { now = Date.now } }: AdminHost) {
      const who = targetOf(body);
      const untilMs = body.until === undefined ? Infinity : Date.parse(body.until);
      if (untilMs <= now()) throw new Problem(400, "Bad request", '"until" of the body is over already');
      const reason = body.reason === undefined || body.reason === "" ? {} : { reason: body.reason };
      const disconnected = await orBadRequest(() => broker.ban(who, { untilMs, ...reason }));
      note({ name: "ban", message: `banned ${wordsOf(who)}`, ...clientOf(who) });
      const ban = broker.bans().find((one) => keyOf(one.who) === keyOf(who));
      return { ban: await banJson(ban ?? { who, untilMs, reason: body.reason ?? "" }), disconnected };
    },
  }),
  route({
    method: "DELETE",
    path: "/bans/:key",
    role: "operator",
    tag: "Bans",
    summary: "Lift a ban",
    params: z.strictObject({ key: SEGMENT }),
    answer: z.strictObject({ key: z.string() }),
    async handle({ params, note }, { broker }: AdminHost) {
      const asked = params.key.startsWith("~~") ? params.key : nameOf(params.key);
      const bans = await Promise.all(
        broker.bans().map(async (ban) => ({ ban, segment: await segmentOf(keyOf(ban.who)) })),
      );
      const found = bans.find(({ ban, segment }) => keyOf(ban.who) === asked || segment === asked)?.ban;
      if (found === undefined || !broker.unban(found.who)) {
        throw new Problem(404, "No such ban", "There is no such ban in force: GET /bans lists them with their keys");
      }
      note({ name: "unban", message: `lifted the ban of ${wordsOf(found.who)}`, ...clientOf(found.who) });
      return { key: keyOf(found.who) };
    },
  }),
];

function targetOf({ clientId, user, address }: z.Infer<typeof BAN_BODY>): BanTarget {
  const given = [clientId, user, address].filter((value) => value !== undefined);
  if (given.length === 1) {
    if (clientId !== undefined) return { clientId };
    if (user !== undefined) return { principal: user };
    if (address !== undefined) return { address };
  }
  throw new Problem(400, "Bad request", 'Say whom to ban with one of "clientId", "user" and "address"');
}

function keyOf(who: BanTarget): string {
  if ("clientId" in who) return `clientId:${who.clientId}`;
  return "principal" in who ? `user:${who.principal}` : `address:${who.address}`;
}

function wordsOf(who: BanTarget): string {
  if ("clientId" in who) return `the client "${who.clientId}"`;
  return "principal" in who ? `the user "${who.principal}"` : `the address "${who.address}"`;
}

function clientOf(who: BanTarget): { readonly clientId?: string } {
  return "clientId" in who ? { clientId: who.clientId } : {};
}

async function banJson({ who, untilMs, reason }: Ban): Promise<z.Infer<typeof BAN>> {
  const key = keyOf(who);
  return {
    key,
    segment: await segmentOf(key),
    ..."clientId" in who
      ? { clientId: who.clientId }
      : "principal" in who
      ? { user: who.principal }
      : { address: who.address },
    until: timeOrNull(untilMs),
    reason,
  };
}
