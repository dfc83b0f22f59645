import { ConfigError } from "../config_error.ts";
import type { MosquittoLine } from "./line.ts";

/** Security options in mosquitto's words: of all listeners, or with `per_listener_settings` of each. */
export interface SecurityDraft {
  allowAnonymous?: boolean;
  passwordFile?: string;
  aclFile?: string;
  allowEmptyClientId?: boolean;
}

/** Listener as the lines of a mosquitto.conf describe it, or the default one. */
export interface ListenerDraft {
  readonly place: string | undefined;
  /** Lines about it. */
  readonly lines: MosquittoLine[];
  port?: number;
  host?: string;
  isWebSocket?: boolean;
  httpDir?: string;
  origins?: readonly string[];
  versions?: readonly ("3.1" | "3.1.1" | "5")[];
  hasProxy?: boolean;
  domain?: "ipv4" | "ipv6";
  certificate?: string;
  key?: string;
  authority?: string;
  requireCertificate?: boolean;
  minimumVersion?: "1.2" | "1.3";
  usesIdentity?: boolean;
  usesSubject?: boolean;
  maximumConnections?: number;
  maximumQos?: number;
  topicAliasMaximum?: number;
  /** Replaces that of the security options. */
  allowAnonymous?: boolean;
  readonly security: SecurityDraft;
}

/** Refuses a listener that would accept unintended clients, or none at all. */
export function checkListener(listener: ListenerDraft): void {
  const { certificate, key, authority, requireCertificate = false, host, hasProxy } = listener;
  if ((certificate === undefined) !== (key === undefined)) {
    throw errorAt(listener, ["certfile", "keyfile"], '"certfile" and "keyfile" belong together');
  }
  if (requireCertificate && certificate === undefined && hasProxy) {
    const why = "is not possible with a proxy that ends TLS: what it says of certificates is not looked at";
    throw errorAt(listener, ["require_certificate"], `"require_certificate" ${why}`);
  }
  if (requireCertificate && certificate === undefined) {
    throw errorAt(listener, ["require_certificate"], '"require_certificate" needs "certfile" and "keyfile"');
  }
  if (requireCertificate && authority === undefined) {
    throw errorAt(listener, ["require_certificate"], '"require_certificate" needs "cafile" or "capath"');
  }
  const nameKey = nameKeyOf(listener);
  if (nameKey !== undefined && !requireCertificate) {
    throw errorAt(listener, [nameKey], `"${nameKey}" needs "require_certificate true"`);
  }
  if (!host?.includes("/")) return;
  if (certificate !== undefined) throw errorAt(listener, ["certfile"], '"certfile" is not possible at a Unix socket');
  if (hasProxy) {
    throw errorAt(listener, ["enable_proxy_protocol"], '"enable_proxy_protocol" is not possible at a Unix socket');
  }
}

/** Key that makes the certificate name the user. */
export function nameKeyOf({ usesIdentity, usesSubject }: ListenerDraft): string | undefined {
  if (usesIdentity === true) return "use_identity_as_username";
  return usesSubject === true ? "use_subject_as_username" : undefined;
}

/** Error at the line of one of the keys. */
export function errorAt({ lines }: ListenerDraft, keys: readonly string[], why: string): ConfigError {
  const place = lines.findLast(({ key }) => keys.includes(key))?.place;
  return new ConfigError(place === undefined ? why : `${place}: ${why}`);
}
