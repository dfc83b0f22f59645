import type { AdminConfiguration } from "../config/admin_settings.ts";
import { type Configuration, type ListenerConfiguration, listenerSchema } from "../config/settings.ts";

/** Path of a dashboard without a slash at its end. */
export function basePathOf({ url }: AdminConfiguration): string {
  return new URL(url).pathname.replace(/\/$/, "");
}

/** Host and port at which a dashboard listens. */
export function addressOf({ url }: AdminConfiguration): { readonly hostname: string; readonly port: number } {
  const { protocol, hostname, port } = new URL(url);
  const fallback = protocol === "https:" ? 443 : 80;
  return { hostname: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? fallback : Number(port) };
}

/** Listener for MQTT over WebSocket that a dashboard has, as if it were one of the configuration. */
export function dashboardListener(admin: AdminConfiguration, { port } = addressOf(admin)): ListenerConfiguration {
  const { protocol, hostname } = new URL(admin.url);
  const scheme = protocol === "https:" ? "wss" : "ws";
  const url = `${scheme}://${hostname}:${port}${basePathOf(admin)}/mqtt`;
  return listenerSchema.parse({ url, trustedProxies: admin.trustedProxies });
}

/** All listeners of a configuration, that of the dashboard as the last one. */
export function listenersOf({ listeners, admin }: Configuration): readonly ListenerConfiguration[] {
  return admin ? [...listeners, dashboardListener(admin)] : listeners;
}
