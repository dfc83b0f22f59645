import type { AdminHost } from "../host.ts";
import { type Route, route } from "../route_table.ts";
import { clientIdOf, noClient } from "../segments.ts";
import * as z from "../zod.js";
import { SEGMENT } from "./json_values.ts";
import { detailsJson, SESSION_DETAILS, SESSION_PAGE, SESSION_QUERY, sessionPage } from "./session_rows.ts";

const CLIENT_PARAMS = z.strictObject({ clientId: SEGMENT });

/** Sessions, with a connection or without. */
export const SESSION_STATE_ROUTES: readonly Route<AdminHost>[] = [
  route({
    method: "GET",
    path: "/sessions",
    role: "viewer",
    tag: "Sessions",
    summary: "Sessions, also those without a connection: when they expire, and their Will",
    query: SESSION_QUERY,
    answer: SESSION_PAGE,
    handle: ({ query }, host: AdminHost) => sessionPage({ ...query, state: query.state ?? "all" }, host),
  }),
  route({
    method: "GET",
    path: "/sessions/:clientId",
    role: "viewer",
    tag: "Sessions",
    summary: "One session",
    params: CLIENT_PARAMS,
    answer: SESSION_DETAILS,
    async handle({ params }, { broker }: AdminHost) {
      const details = await broker.session(await clientIdOf(params.clientId, broker), { messages: 0 });
      if (details === undefined) throw noClient();
      return detailsJson(details);
    },
  }),
  route({
    method: "DELETE",
    path: "/sessions/:clientId",
    role: "operator",
    tag: "Sessions",
    summary: "End a session with its subscriptions and messages, as if it had expired; its client is disconnected",
    params: CLIENT_PARAMS,
    answer: z.strictObject({ clientId: z.string(), wasConnected: z.boolean() }),
    async handle({ params, note }, { broker }: AdminHost) {
      const clientId = await clientIdOf(params.clientId, broker);
      const details = await broker.session(clientId, { messages: 0 });
      if (details === undefined || !await broker.endSession(clientId)) throw noClient();
      note({ name: "endSession", message: `ended the session of the client "${clientId}"`, clientId });
      return { clientId, wasConnected: details.isConnected };
    },
  }),
];
