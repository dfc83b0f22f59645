import type { AdminHost } from "../host.ts";
import type { Route } from "../route_table.ts";
import { BROKER_ROUTES } from "./broker.ts";
import { SESSION_ROUTES } from "./session.ts";

/** All routes of the API. */
export const ROUTES: readonly Route<AdminHost>[] = [
  ...SESSION_ROUTES,
  ...BROKER_ROUTES,
];
