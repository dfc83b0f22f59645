import { ConfigError } from "../config_error.ts";
import type { ListenerDraft } from "./mosquitto_draft.ts";

/** Refuses what would let in somebody who is not meant, or nobody at all. */
export function checkListener(listener: ListenerDraft): void {
  const { certificate, key, authority, requireCertificate = false, isWebSocket, host, hasProxy } = listener;
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
  if (isWebSocket) throw errorAt(listener, ["protocol"], '"protocol" websockets is not possible at a Unix socket');
  if (certificate !== undefined) throw errorAt(listener, ["certfile"], '"certfile" is not possible at a Unix socket');
  if (hasProxy) {
    throw errorAt(listener, ["enable_proxy_protocol"], '"enable_proxy_protocol" is not possible at a Unix socket');
  }
}

/** What says that the certificate names the user. */
export function nameKeyOf({ usesIdentity, usesSubject }: ListenerDraft): string | undefined {
  if (usesIdentity === true) return "use_identity_as_username";
  return usesSubject === true ? "use_subject_as_username" : undefined;
}

/** At the line of one of the keys. */
export function errorAt({ lines }: ListenerDraft, keys: readonly string[], why: string): ConfigError {
  const place = lines.findLast(({ key }) => keys.includes(key))?.place;
  return new ConfigError(place === undefined ? why : `${place}: ${why}`);
}
