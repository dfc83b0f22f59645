import type { AdminConfiguration } from "../config/admin_settings.ts";
import { type Configuration, type ListenerConfiguration, listenerSchema } from "../config/settings.ts";
import { ConfigError } from "../config_error.ts";
import { readPem } from "../files.ts";

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

/** Certificate as `Deno.serve` takes it. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Reads the certificate; `undefined`: the URL has no TLS. Throws {@linkcode ConfigError}. */
export function certificateOf({ url, tls: own }: AdminConfiguration, { tls }: Configuration): Certificate | undefined {
  if (!url.startsWith("https:")) return undefined;
  const files = own ?? tls;
  if (files === undefined) throw new ConfigError('The dashboard needs a certificate: set "admin.tls"'); // Refused before.
  return { cert: readPem("certificate", files.certificate), key: readPem("key", files.key) };
}
