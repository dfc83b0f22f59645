import type { HttpRequest } from "../transport.ts";
import { isLoopbackName } from "./http_host.ts";

/**
 * Web pages that may connect, by their `Origin`: `https://app.example.org`, `null`, `*` for any, `sameOrigin` for the
 * scheme, host and port that the request itself asks for, and `loopback` for pages of this machine, at any port. A
 * request without `Origin` does not come from a page and is allowed.
 */
export type AllowedOrigins = readonly string[];

/** Scheme by which the client reached the server; `unknown`: a proxy in between does not say whether it ends TLS. */
export type PageScheme = "http" | "https" | "unknown";

/** Verdict on a request, as far as its page matters. */
export type OriginVerdict = "allowed" | "otherOrigin" | "otherScheme";

/**
 * Judges a request by its `Origin`. Without a list, a request with credentials that a browser adds by itself, cookies
 * or HTTP credentials, must come from a page of the same origin, because any page can make a browser send it (RFC 6455,
 * section 10.2).
 */
export function originVerdict(
  request: HttpRequest,
  allowed: AllowedOrigins | undefined,
  scheme: PageScheme,
): OriginVerdict {
  const origin = request.headers.get("origin");
  if (origin === null) return "allowed";
  const list = allowed ?? (carriesCredentials(request.headers) ? ["sameOrigin"] : ["*"]);
  const page = URL.parse(origin);
  const isOwn = list.includes("sameOrigin") && page !== null && isSameHost(page, request);
  const isAllowed = list.includes("*") || list.includes(origin) ||
    (list.includes("loopback") && page !== null && isLoopbackPage(page)) ||
    (isOwn && (scheme === "unknown" || page.protocol === `${scheme}:`));
  if (isAllowed) return "allowed";
  return isOwn ? "otherScheme" : "otherOrigin";
}

/** Whether a request asks for the host and port of a page, whatever its scheme is. */
export function isSameHost(page: URL, { url, headers }: HttpRequest): boolean {
  if (page.host === "") return false;
  const asked = headers.get("host") ?? new URL(url).host;
  return URL.parse(`${page.protocol}//${asked}`)?.host === page.host; // With the default port of the page's scheme.
}

function carriesCredentials(headers: Headers): boolean {
  return headers.has("cookie") || headers.has("authorization");
}

function isLoopbackPage({ protocol, hostname }: URL): boolean {
  return (protocol === "http:" || protocol === "https:") && isLoopbackName(hostname.replace(/\.$/, ""));
}
