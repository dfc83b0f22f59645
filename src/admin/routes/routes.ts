import type { AdminHost } from "../host.ts";
import type { Route } from "../route_table.ts";
import { BAN_ROUTES } from "./bans.ts";
import { BROKER_ROUTES } from "./broker.ts";
import { CLIENT_ROUTES } from "./clients.ts";
import { CONFIGURATION_ROUTES } from "./configuration.ts";
import { EVENT_ROUTES } from "./events.ts";
import { LIVE_ROUTES } from "./live.ts";
import { MESSAGE_ROUTES } from "./messages.ts";
import { RETAINED_ROUTES } from "./retained.ts";
import { SESSION_ROUTES } from "./session.ts";
import { SESSION_STATE_ROUTES } from "./sessions.ts";
import { SUBSCRIPTION_ROUTES } from "./subscriptions.ts";
import { TOKEN_ROUTES } from "./tokens.ts";
import { TRACE_ROUTES } from "./traces.ts";

/** All routes of the API. */
export const ROUTES: readonly Route<AdminHost>[] = [
  ...SESSION_ROUTES,
  ...BROKER_ROUTES,
  ...CLIENT_ROUTES,
  ...SESSION_STATE_ROUTES,
  ...SUBSCRIPTION_ROUTES,
  ...RETAINED_ROUTES,
  ...MESSAGE_ROUTES,
  ...EVENT_ROUTES,
  ...LIVE_ROUTES,
  ...TRACE_ROUTES,
  ...BAN_ROUTES,
  ...CONFIGURATION_ROUTES,
  ...TOKEN_ROUTES,
];
