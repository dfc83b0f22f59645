import type { AdminHost } from "../host.ts";
import { Problem } from "../problems.ts";
import { ROLES } from "../roles.ts";
import { type Route, route } from "../route_table.ts";
import { nameOf, segmentOf } from "../segments.ts";
import * as z from "../zod.js";
import { SEGMENT, TIME, timeOrNull } from "./json_values.ts";

const NAME = z.string().check(z.minLength(1), z.maxLength(100), z.regex(/^[^\p{Cc}]*$/u));
const TOKEN = z.strictObject({
  name: z.string(),
  /** Name as a segment of a path. */
  segment: z.string(),
  role: z.enum(ROLES),
  /** Whether it is in the configuration, where it has to be deleted. */
  isConfigured: z.boolean(),
  madeAt: z.nullable(TIME),
});

/** Tokens of programs. */
export const TOKEN_ROUTES: readonly Route<AdminHost>[] = [
  route({
    method: "GET",
    path: "/tokens",
    role: "admin",
    tag: "Tokens",
    summary: "Tokens of programs, without their secrets",
    answer: z.strictObject({ tokens: z.array(TOKEN) }),
    async handle(_call, { signIn }: AdminHost) {
      const tokens = signIn.tokens.list().map(async ({ name, role, isConfigured, madeAtMs }) => ({
        name,
        segment: await segmentOf(name),
        role,
        isConfigured,
        madeAt: timeOrNull(madeAtMs),
      }));
      return { tokens: await Promise.all(tokens) };
    },
  }),
  route({
    method: "POST",
    path: "/tokens",
    role: "admin",
    tag: "Tokens",
    summary: "Make a token, which holds until it is deleted or the broker ends; its secret is in this answer alone",
    body: z.strictObject({ name: NAME, role: z.enum(ROLES) }),
    answer: z.strictObject({ name: z.string(), role: z.enum(ROLES), token: z.string() }),
    status: 201,
    async handle({ body: { name, role }, note }, { signIn }: AdminHost) {
      const token = await signIn.tokens.make(name, role);
      if (token === undefined) {
        throw new Problem(409, "No token made", "There is a token of this name, or there are 1,000: delete one first");
      }
      note({ name: "makeToken", message: `made the token "${name}" with the role ${role}` });
      return { name, role, token };
    },
  }),
  route({
    method: "DELETE",
    path: "/tokens/:name",
    role: "admin",
    tag: "Tokens",
    summary: "Delete a token; its streams end",
    params: z.strictObject({ name: SEGMENT }),
    answer: z.strictObject({ name: z.string() }),
    handle({ params, note }, { signIn: { tokens } }: AdminHost) {
      const name = nameOf(params.name);
      if (tokens.list().some((token) => token.name === name && token.isConfigured)) {
        throw new Problem(409, "Token of the configuration", "Delete it there, then have the configuration read again");
      }
      if (!tokens.delete(name)) {
        throw new Problem(404, "No such token", "There is no token of this name: GET /tokens lists all");
      }
      note({ name: "deleteToken", message: `deleted the token "${name}"` });
      return { name };
    },
  }),
];
