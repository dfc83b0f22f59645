import { assertEquals } from "@std/assert";
import { parseRequestHead, requestHeadLength } from "../../src/transport/web_socket/http_head.ts";

function head(requestLine: string, ...lines: readonly string[]): Uint8Array {
  return Uint8Array.from([requestLine, ...lines, "", ""].join("\r\n"), (char) => char.charCodeAt(0));
}

const GET = "GET /mqtt HTTP/1.1";
const HOST = "Host: broker.example:8083";

interface Refused {
  readonly name: string;
  readonly head: Uint8Array;
  /** @default {400} */
  readonly status?: number;
}

const REFUSED: readonly Refused[] = [
  { name: "no Host [RFC 9112, 3.2]", head: head(GET, "Upgrade: websocket") },
  { name: "two Hosts [RFC 9112, 3.2]", head: head(GET, HOST, HOST) },
  { name: "an empty Host", head: head(GET, "Host: ") },
  { name: "a Host with a user", head: head(GET, "Host: user@broker.example") },
  { name: "a Host with a path", head: head(GET, "Host: broker.example/x") },
  { name: "a Host with a port that is none", head: head(GET, "Host: broker.example:99999") },
  { name: "a folded header [RFC 9112, 5.2]", head: head(GET, HOST, "X: 1", " folded") },
  { name: "a first header that is folded [RFC 9112, 5.2]", head: head(GET, " folded", HOST) },
  { name: "a space before the colon [RFC 9112, 5.1]", head: head(GET, HOST, "Content-Length : 0") },
  { name: "a header without a colon", head: head(GET, HOST, "nonsense") },
  { name: "a header without a name", head: head(GET, HOST, ": nonsense") },
  { name: "a bare line feed between headers", head: head(GET, HOST + "\nX: 1") },
  { name: "a bare carriage return in a header", head: head(GET, HOST, "X: 1\rY: 2") },
  { name: "a zero byte in a header", head: head(GET, HOST, "X: \0") },
  { name: "a body by its length [RFC 9112, 6]", head: head(GET, HOST, "Content-Length: 5") },
  { name: "a length that is none", head: head(GET, HOST, "Content-Length: +0") },
  { name: "two lengths [RFC 9112, 6.3]", head: head(GET, HOST, "Content-Length: 0", "Content-Length: 0") },
  { name: "a chunked body [RFC 9112, 6]", head: head(GET, HOST, "Transfer-Encoding: chunked") },
  { name: "two keys", head: head(GET, HOST, "Sec-WebSocket-Key: a", "sec-websocket-key: a") },
  { name: "two origins", head: head(GET, HOST, "Origin: https://a.example", "Origin: https://b.example") },
  { name: "two credentials", head: head(GET, HOST, "Authorization: a", "Authorization: b") },
  { name: "two spaces in the request line [RFC 9112, 3]", head: head("GET  /mqtt HTTP/1.1", HOST) },
  { name: "a request line without a target", head: head("GET HTTP/1.1", HOST) },
  { name: "a target that is not a path [RFC 9112, 3.2]", head: head("GET mqtt HTTP/1.1", HOST) },
  { name: "a target with a fragment", head: head("GET /mqtt#a HTTP/1.1", HOST) },
  { name: "the authority form [RFC 9112, 3.2.3]", head: head("CONNECT broker.example:1883 HTTP/1.1", HOST) },
  { name: "the asterisk form [RFC 9112, 3.2.4]", head: head("OPTIONS * HTTP/1.1", HOST) },
  { name: "HTTP/1.0", head: head("GET /mqtt HTTP/1.0", HOST), status: 505 },
  { name: "HTTP/2 with prior knowledge", head: head("PRI * HTTP/2.0"), status: 505 },
];

for (const { name, head, status = 400 } of REFUSED) {
  Deno.test(`parseRequestHead() refuses ${name} with ${status}`, () => {
    const refused = parseRequestHead(head, "http");
    assertEquals("kind" in refused && refused.status, status);
  });
}

interface Taken {
  readonly name: string;
  readonly head: Uint8Array;
  readonly scheme?: "https";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

const TAKEN: readonly Taken[] = [
  {
    name: "names in any case, and spaces around values",
    head: head(GET, "HOST:broker.example:8083 ", "X-a: \t b c \t"),
    url: "http://broker.example:8083/mqtt",
    headers: { "host": "broker.example:8083", "x-a": "b c" },
  },
  {
    name: "a list over several lines [RFC 9110, 5.3]",
    head: head(GET, HOST, "Sec-WebSocket-Protocol: mqttv3.1", "sec-websocket-protocol: mqtt"),
    url: "http://broker.example:8083/mqtt",
    headers: { "sec-websocket-protocol": "mqttv3.1, mqtt" },
  },
  {
    name: "a query, over TLS",
    head: head("GET /mqtt?a=b&c HTTP/1.1", "Host: [::1]"),
    scheme: "https",
    url: "https://[::1]/mqtt?a=b&c",
    headers: {},
  },
  {
    name: "two slashes, which are not a host",
    head: head("GET //evil.example/mqtt HTTP/1.1", HOST),
    url: "http://broker.example:8083//evil.example/mqtt",
    headers: {},
  },
  {
    name: "the absolute form [RFC 9112, 3.2.2]",
    head: head("GET ws://other.example/mqtt HTTP/1.1", HOST),
    url: "http://broker.example:8083/mqtt",
    headers: {},
  },
  {
    name: "the absolute form without a path [RFC 9112, 3.2.2]",
    head: head("GET http://other.example?a HTTP/1.1", HOST),
    url: "http://broker.example:8083/?a",
    headers: {},
  },
  {
    name: "bytes that are not ASCII in a value",
    head: head(GET, HOST, "X-a: gr\xfc\xdf\x80"),
    url: "http://broker.example:8083/mqtt",
    headers: { "x-a": "gr\xfc\xdf\x80" },
  },
  {
    name: "an empty body",
    head: head(GET, HOST, "Content-Length: 0"),
    url: "http://broker.example:8083/mqtt",
    headers: {},
  },
];

for (const { name, head, scheme = "http", url, headers } of TAKEN) {
  Deno.test(`parseRequestHead() takes ${name}`, () => {
    const request = parseRequestHead(head, scheme);
    if ("kind" in request) throw new Error(`It was refused: ${request.reason}`);
    assertEquals([request.method, request.url], ["GET", url]);
    for (const [name, value] of Object.entries(headers)) assertEquals(request.headers.get(name), value);
  });
}

Deno.test("requestHeadLength() finds the empty line, wherever a chunk ends", () => {
  const whole = head(GET, HOST);
  const bytes = Uint8Array.of(...whole, 0x82, 0x0d, 0x0a, 0x0d, 0x0a);
  for (let from = 0; from < whole.length; from++) {
    assertEquals(requestHeadLength(bytes.subarray(0, from), 0), 0);
    assertEquals(requestHeadLength(bytes, from), whole.length);
  }
});

Deno.test("requestHeadLength() takes no bare line feeds for the end", () => {
  assertEquals(requestHeadLength(new TextEncoder().encode("GET / HTTP/1.1\n\nX\r\n\nY\n\r\n"), 0), 0);
});
