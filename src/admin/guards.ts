import { addressOf } from "../broker/web_socket_route.ts";
import type { ForwardedAddresses } from "../transport/proxy/forwarded.ts";
import { hostRefusal, isLoopbackAddress, isLoopbackName, isSameHost } from "../transport/web_socket/origin.ts";
import type { RequestInfo } from "./options.ts";
import { Problem } from "./problems.ts";

/** Rules that requests are judged by before anything else looks at them. */

/** Largest body that is read. */
const MOST_BODY_BYTES = 1_048_576;

/** Whether the client reached the server over TLS, as far as it is known. */
export function isOverTls(request: Request, address: string, forwarded: ForwardedAddresses): boolean {
  if (forwarded.isForwarded(address, request.headers)) return forwarded.scheme(request.headers) === "https";
  return request.url.startsWith("https:");
}

/**
 * Refuses a request for another host, as a page sends it that has made its own name resolve to this machine (DNS
 * rebinding). An address cannot be such a name, so a host of other machines may ask for one.
 *
 * @param hosts names that are answered beside those of this machine
 * @throws Problem 421
 */
export function checkHost(request: Request, hosts: readonly string[], address: string): void {
  const asked = URL.parse(request.url)?.hostname ?? "";
  const own = !isLoopbackAddress(address) && isIpAddress(asked) ? [asked] : [];
  const refusal = hostRefusal(request, { hosts: [...hosts, ...own] }, true);
  if (refusal === undefined) return;
  const detail = "This server does not answer to the name in Host. The operator can allow it: it belongs in the list " +
    '"hosts" of the dashboard';
  throw new Problem(refusal.status, "Misdirected request", detail);
}

/**
 * Whether the path of a request names a folder above, in whatever form: the parser of URLs would resolve it, and the address
 * would be another one than that which was asked for.
 */
export function leadsElsewhere({ url }: Request): boolean {
  const [, path = ""] = /^[^:/]*:\/\/[^/?#\\]*([^?#]*)/.exec(url) ?? [];
  return /(?:^|[/\\])(?:\.|%2e){1,2}(?=[/\\;]|$)|\\/i.test(path);
}

/** Whether no other machine has sent a request, not even through a proxy, as far as its fields say. */
export function isOfThisMachine({ headers }: Request, info: RequestInfo): boolean {
  const isForwarded = ["x-forwarded-for", "x-forwarded-proto", "x-real-ip", "forwarded", "via"].some((name) =>
    headers.has(name)
  );
  return !isForwarded && isLoopbackAddress(addressOf(info.remoteAddr));
}

/** Names of listeners, which are those of this server. */
export function namesOf(listeners: readonly { readonly url: string }[]): string[] {
  const names = listeners.map(({ url }) => URL.parse(url)?.hostname ?? "");
  return names.filter((name) => name !== "" && !isIpAddress(name) && !isLoopbackName(name));
}

/**
 * Refuses a write that a page of another site may have made a browser send. Forms cannot send JSON, and browsers say which
 * page a request is of; a token in a header is sent by no browser by itself.
 *
 * @throws Problem 403, and 415 for a token with another type
 */
export function checkWrite(request: Request, hasToken: boolean): void {
  const { headers, body } = request;
  const type = headers.get("content-type");
  const isJson = type !== null && /^application\/json\s*(?:;|$)/i.test(type);
  if (hasToken) {
    if (isJson || (type === null && body === null)) return;
    throw new Problem(415, "Unsupported media type", "Send JSON, with Content-Type: application/json");
  }
  if (!isOfOwnPage(request)) {
    const detail = "A write has to come from a page of this server, or to carry Authorization: Bearer with a token";
    throw new Problem(403, "Request of another page", detail);
  }
  if (!isJson) throw new Problem(403, "Not JSON", "A write needs Content-Type: application/json");
}

/** Whether a browser says that the page of a request is of this server (Fetch Metadata, section 2.3; RFC 6454). */
export function isOfOwnPage(request: Request): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin";
  const page = URL.parse(request.headers.get("origin") ?? "");
  // A proxy may end TLS; the other way round, the page could have been changed on its way.
  const isOfWeb = page?.protocol === "https:" || (page?.protocol === "http:" && request.url.startsWith("http:"));
  return page !== null && isOfWeb && isSameHost(page, request);
}

/**
 * Reads JSON of 1 MiB at most; `undefined`: there is no body.
 *
 * @throws Problem 413 for a larger body, 400 for what is not JSON
 */
export async function readJson(request: Request, signal: AbortSignal): Promise<unknown> {
  if (Number(request.headers.get("content-length") ?? 0) > MOST_BODY_BYTES) throw tooLarge();
  const text = await readText(request, signal);
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem(400, "Bad request", "The body is not JSON");
  }
}

async function readText(request: Request, signal: AbortSignal): Promise<string> {
  if (request.body === null) return "";
  const reader = request.body.getReader();
  const abort = () => void reader.cancel().catch(() => {}); // The read that waits ends with it.
  signal.addEventListener("abort", abort, { once: true });
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let [text, bytes] = ["", 0];
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      bytes += read.value.length;
      if (bytes > MOST_BODY_BYTES) throw tooLarge();
      text += decoder.decode(read.value, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(400, "Bad request", "The body is not UTF-8, or was not sent to its end");
  } finally {
    signal.removeEventListener("abort", abort);
    abort();
  }
}

function tooLarge(): Problem {
  return new Problem(413, "Body too large", "The body may have 1 MiB", { headers: { connection: "close" } });
}

/**
 * Adds the header fields that every answer has: what its page may load and connect to, and that nothing keeps it, unless
 * the answer says otherwise.
 *
 * @param listeners addresses that the page may connect to beside that of its own
 */
export function guardedResponse(
  { body, status, statusText, headers: own }: Response,
  listeners: readonly { readonly url: string }[],
  hostname: string,
): Response {
  const headers = new Headers(own);
  if (!headers.has("content-security-policy")) {
    headers.set("content-security-policy", contentSecurityPolicy(listeners, hostname));
  }
  headers.set("x-content-type-options", "nosniff");
  headers.set("referrer-policy", "no-referrer");
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-resource-policy", "same-origin");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  return new Response(body, { status, statusText, headers });
}

function contentSecurityPolicy(listeners: readonly { readonly url: string }[], hostname: string): string {
  const sources = listeners.flatMap(({ url }) => sourcesOf(url, hostname));
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    ["connect-src 'self'", ...new Set(sources)].join(" "),
    "img-src data:",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

/** Sources of a listener. The grammar of CSP has no IPv6 addresses, so `localhost` stands for the one of this machine. */
function sourcesOf(url: string, hostname: string): string[] {
  const [, scheme, host, port] = /^(wss?):\/\/(\[[\da-f:.]+\]|[\w.-]+):(\d+)(?:\/|$)/i.exec(url) ?? [];
  if (scheme === undefined || host === undefined || port === undefined) return [];
  const names = host === "0.0.0.0" || host === "[::]"
    ? [hostname, "localhost"]
    : isLoopbackName(host)
    ? [host, "localhost"]
    : [host];
  // The host of a request may have characters that mean something in a policy.
  return names.filter((name) => /^[\w.-]+$/.test(name)).map((name) => `${scheme}://${name}:${port}`);
}

function isIpAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(hostname);
}
