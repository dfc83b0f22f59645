/**
 * HTTP API and dashboard of a broker, for an app to mount below a path of its own, with its own way to sign in.
 *
 * @example
 * ```ts ignore
 * import { Broker } from "@brooklet/brooklet";
 * import { adminHandler } from "@brooklet/brooklet/admin";
 *
 * const broker = await Broker.open();
 * const admin = adminHandler(broker, {
 *   basePath: "/mqtt-admin",
 *   authorize: (request) => request.headers.get("x-user") === "ann" ? { name: "ann", role: "admin" } : undefined,
 * });
 * Deno.serve((request, info) => {
 *   const { pathname } = new URL(request.url);
 *   if (pathname === "/mqtt") return broker.upgrade(request, info);
 *   return pathname.startsWith("/mqtt-admin") ? admin.fetch(request, info) : new Response("hello");
 * });
 * ```
 *
 * @module
 */

export { type AdminHandler, adminHandler } from "./admin_handler.ts";
export { metricsResponse } from "./open_metrics.ts";
export type { ProcessFigures } from "./metric_families.ts";
export type {
  InstrumentOptions,
  Meter,
  Observed,
  Span,
  SpanOptions,
  SpanScope,
  TelemetryApi,
  Tracer,
} from "./open_telemetry.ts";
export { startTelemetry, type TelemetryOptions } from "./telemetry.ts";
export type { SpanContext } from "./trace_context.ts";
export type {
  AdminAccess,
  AdminChange,
  AdminEvent,
  AdminHandlerOptions,
  AdminToken,
  AdminUser,
  Authorize,
  AuthorizedUser,
  ConfigurationAccess,
  ConfigurationCheck,
  ConfigurationMistake,
  ListenerFacts,
  RequestInfo,
} from "./options.ts";
export type { Role } from "./roles.ts";
