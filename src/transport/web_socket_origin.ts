import type { HttpRequest } from "./transport.ts";

/**
 * Which web pages may connect, by the values of `Origin`: `https://app.example.org`, `null`, `*` for any, `sameOrigin` for
 * the page's own host and port, and `loopback` for pages of this machine, at any port. A request without `Origin` does not
 * come from a page and is allowed.
 */
export type AllowedOrigins = readonly string[];

const LOOPBACK_ORIGIN = /^https?:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/;

/**
 * Without a list, a request that carries what a browser adds by itself, cookies or HTTP credentials, must come from a
 * page of the same origin, because any page can make a browser send it (RFC 6455, section 10.2).
 */
export function isOriginAllowed(request: HttpRequest, allowed: AllowedOrigins | undefined): boolean {
  const origin = request.headers.get("origin");
  if (origin === null) return true;
  const list = allowed ?? (carriesCredentials(request.headers) ? ["sameOrigin"] : ["*"]);
  return list.some((entry) =>
    entry === "*" || (entry === "sameOrigin" ? isSameOrigin(request, origin) : entry === origin) ||
    (entry === "loopback" && LOOPBACK_ORIGIN.test(origin))
  );
}

function carriesCredentials(headers: Headers): boolean {
  return headers.has("cookie") || headers.has("authorization");
}

/** Host and port only: behind a proxy that ends TLS, the scheme that arrives here is not the one of the page. */
function isSameOrigin(request: HttpRequest, origin: string): boolean {
  const page = URL.parse(origin);
  if (page === null || page.host === "") return false;
  const asked = request.headers.get("host") ?? new URL(request.url).host;
  return URL.parse(`${page.protocol}//${asked}`)?.host === page.host; // With the default port of the page's scheme.
}
