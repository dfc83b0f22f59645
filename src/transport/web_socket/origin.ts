import type { HttpRequest } from "../transport.ts";

/**
 * Host names that a server answers to. A web page can make its own name resolve to a loopback address (DNS rebinding);
 * a server there is then of the same origin, and only `Host` reveals that the request is for another server. Every HTTP
 * server here calls {@linkcode hostRefusal} before anything else.
 */

/** Options of an HTTP server. */
export interface HostOptions {
  /**
   * Host names, without ports, that `Host` may have in addition to those of loopback addresses; `*` for any.
   *
   * @default none at a loopback address, any at others
   */
  readonly hosts?: readonly string[];
}

/** Answer to a request for another server. */
export interface HostRefusal {
  /** Misdirected Request (RFC 9110, section 15.5.20). */
  readonly status: 421;
  /** Reason for logs. */
  readonly reason: string;
  readonly body: string;
}

const MOST_SHOWN = 80;

/**
 * Refuses a request that names another host; `undefined`: the request may be answered.
 *
 * @param isLoopback whether the request arrived at an address that only this machine can reach
 */
export function hostRefusal(
  { url, headers }: HttpRequest,
  { hosts }: HostOptions,
  isLoopback: boolean,
): HostRefusal | undefined {
  if (hosts === undefined ? !isLoopback : hosts.includes("*")) return undefined;
  const allowed = hosts?.map((host) => nameOf(`http://${host}`)) ?? [];
  // The request target may contain a host, and HTTP/2 has no Host.
  const header = headers.get("host");
  const asked = [nameOf(url), ...header === null ? [] : [nameOf(`http://${header}`)]];
  const wrong = asked.find((name) => !isLoopbackName(name) && (name === "" || !allowed.includes(name)));
  if (wrong === undefined) return undefined;
  return {
    status: 421,
    reason: `the host "${wrong.slice(0, MOST_SHOWN)}" is not one that is answered here`,
    body:
      'This server does not answer to the name in Host. The operator can allow it: it belongs in the list "hosts".\n',
  };
}

/** Whether a host, written as in the URL standard and without a trailing dot, can only be this machine. */
export function isLoopbackName(hostname: string): boolean {
  return /^(?:(?:.+\.)?localhost|127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\])$/.test(hostname);
}

/** Whether an address with its port, such as `[::1]:40312`, can only be of this machine. */
export function isLoopbackAddress(address: string): boolean {
  return isLoopbackName(URL.parse(`http://${address}`)?.hostname ?? "");
}

/** Host name of a URL without a trailing dot; "" for text that is not a URL. */
function nameOf(url: string): string {
  return URL.parse(url)?.hostname.replace(/\.$/, "") ?? "";
}

/**
 * Web pages that may connect, by their `Origin`: `https://app.example.org`, `null`, `*` for any, `sameOrigin` for the
 * scheme, host and port that the request itself asks for, and `loopback` for pages of this machine, at any port. A
 * request without `Origin` does not come from a page and is allowed.
 */
export type AllowedOrigins = readonly string[];

/** Scheme by which the client reached the server; `unknown`: a proxy in between does not say whether it ends TLS. */
export type PageScheme = "http" | "https" | "unknown";

/**
 * Verdict on a request, as far as its page matters. `credentials`: a page of another origin would be allowed without the
 * cookies or HTTP credentials of the request.
 */
export type OriginVerdict = "allowed" | "otherOrigin" | "otherScheme" | "credentials";

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
  return isOwn ? "otherScheme" : allowed === undefined ? "credentials" : "otherOrigin";
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
