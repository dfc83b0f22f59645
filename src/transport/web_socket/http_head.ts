import type { HttpRequest } from "../transport.ts";
import { acceptKey, refusal, type UpgradeAcceptance, type UpgradeRefusal } from "./upgrade.ts";

/**
 * Heads of HTTP/1.1. The one of a request is parsed strictly (RFC 9112): anything ambiguous is refused, because a proxy
 * in front may have understood it in the other way.
 */

const REQUEST_LINE = /^([\w!#$%&'*+.^`|~-]+) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/;
const FIELD_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
// deno-lint-ignore no-control-regex -- It matches control characters on purpose.
const FORBIDDEN = /[\x00-\x08\x0a-\x1f\x7f]/;
const HOST = /^[\w.~!$&'()*+,;=%:[\]-]+$/;
const SINGLE: ReadonlySet<string> = new Set([
  "authorization",
  "content-length",
  "host",
  "origin",
  "sec-websocket-key",
  "sec-websocket-version",
]);
const STATUS_TEXTS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  421: "Misdirected Request",
  426: "Upgrade Required",
  431: "Request Header Fields Too Large",
  505: "HTTP Version Not Supported",
};
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Length of the head with its empty line; 0 if its end is missing. The end is not searched before `from`. */
export function requestHeadLength(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(LINE_FEED, Math.max(from, 3)); at !== -1; at = bytes.indexOf(LINE_FEED, at + 1)) {
    if (bytes[at - 1] === CARRIAGE_RETURN && bytes[at - 2] === LINE_FEED && bytes[at - 3] === CARRIAGE_RETURN) {
      return at + 1;
    }
  }
  return 0;
}

/** Parses a head, its empty line included; refuses at once a head that cannot be an upgrade. */
export function parseRequestHead(head: Uint8Array, scheme: "http" | "https"): HttpRequest | UpgradeRefusal {
  const [requestLine = "", ...lines] = String.fromCharCode(...head.subarray(0, head.length - 4)).split("\r\n");
  const [, method, target, major, minor] = REQUEST_LINE.exec(requestLine) ?? [];
  if (method === undefined || target === undefined) return malformedHead("the request line is malformed");
  if (major !== "1" || minor !== "1") {
    return refusal(505, "http-request", "the version of HTTP is not 1.1", "This endpoint speaks HTTP/1.1.\n");
  }
  const headers = parseFields(lines);
  if (typeof headers === "string") return malformedHead(headers);
  const host = headers.get("host");
  if (host === null || !HOST.test(host)) return malformedHead("Host is missing or malformed"); // RFC 9112, section 3.2
  if (headers.has("transfer-encoding") || (headers.get("content-length") ?? "0") !== "0") {
    return malformedHead("there is a body");
  }
  const path = pathOf(target);
  const url = path === undefined ? null : URL.parse(`${scheme}://${host}${path}`);
  if (url === null) return malformedHead("the target or Host is malformed");
  return { method, url: url.href, headers };
}

/** Head that accepts an upgrade. */
export async function encodeAcceptance({ key, subprotocol }: UpgradeAcceptance): Promise<Uint8Array> {
  return encodeHead("101 Switching Protocols", {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Accept": await acceptKey(key),
    ...subprotocol !== undefined && { "Sec-WebSocket-Protocol": subprotocol },
  }, "");
}

/** Answer that refuses a request, without its body for a HEAD. */
export function encodeRefusal({ status, headers, body }: UpgradeRefusal, hasBody: boolean): Uint8Array {
  return encodeHead(`${status} ${STATUS_TEXTS[status] ?? ""}`, {
    ...headers,
    "connection": "upgrade" in headers ? "upgrade, close" : "close",
    "content-length": String(new TextEncoder().encode(body).length),
  }, hasBody ? body : "");
}

/** Head of an answer, and its body if it is short. */
export function encodeHead(status: string, headers: Readonly<Record<string, string>>, body: string): Uint8Array {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return new TextEncoder().encode(`HTTP/1.1 ${status}\r\n${lines.join("")}\r\n${body}`);
}

/** Headers, or what is wrong with them. */
export function parseFields(lines: readonly string[]): Headers | string {
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    // An empty name is a line without a colon. A name that begins or ends with a space is smuggling or obs-fold.
    if (!FIELD_NAME.test(name)) return "a header line is malformed";
    const value = line.slice(colon + 1);
    if (FORBIDDEN.test(value)) return "a header has a control character";
    if (SINGLE.has(name) && headers.has(name)) return "a header that stands for itself is there twice";
    headers.append(name, value);
  }
  return headers;
}

/** Path and query of the origin form or the absolute form (RFC 9112, section 3.2). */
function pathOf(target: string): string | undefined {
  if (target.includes("#")) return undefined;
  if (target.startsWith("/")) return target;
  const absolute = /^(?:http|ws)s?:\/\/[^/?]+(.*)$/i.exec(target)?.[1];
  return absolute === undefined ? undefined : absolute.startsWith("/") ? absolute : `/${absolute}`;
}

function malformedHead(reason: string): UpgradeRefusal {
  return refusal(400, "http-request", reason, `The request is malformed: ${reason}.\n`);
}
