import type { HttpRequest } from "../transport.ts";
import { type AllowedOrigins, originVerdict, type PageScheme } from "./origin.ts";

/** Options of {@linkcode checkUpgrade}. */
export interface UpgradeOptions {
  /** Paths of the endpoint, compared literally; `any` if a route has chosen already. @default {["/mqtt", "/"]} */
  readonly paths?: readonly string[] | "any";
  /**
   * `false` accepts clients that offer no subprotocol; one that offers only foreign ones is refused. @default {true}
   */
  readonly requireSubprotocol?: boolean;
  /** Web pages that may connect. @default any, but `sameOrigin` with cookies or HTTP credentials */
  readonly origins?: AllowedOrigins;
}

/** Acceptance: the request becomes a WebSocket connection. */
export interface UpgradeAcceptance {
  readonly kind: "accepted";
  /** Subprotocol to answer with, one of those that were offered. */
  readonly subprotocol: string | undefined;
  /** `Sec-WebSocket-Key`, for {@linkcode acceptKey}. */
  readonly key: string;
}

/** Refusal: the answer to the request. */
export interface UpgradeRefusal {
  readonly kind: "refused";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Reason for logs. */
  readonly reason: string;
  readonly help: HandshakeHelp;
}

/** Entry of docs/troubleshooting.md about a refused handshake, by its anchor. */
export type HandshakeHelp =
  | "host"
  | "origin"
  | "scheme-of-the-origin"
  | "path"
  | "upgrade"
  | "subprotocol"
  | "http-request"
  | "wrong-protocol";

const DEFAULT_PATHS: readonly string[] = ["/mqtt", "/"];
const MOST_PATH_CHARACTERS = 100;
const PROTOCOL_VERSION = "13";
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, section 1.3
const KEY = /^[A-Za-z0-9+/]{22}==$/; // 16 bytes in base64
const MQTT_SUBPROTOCOL = /^mqtt[\w!#$%&'*+.^`|~-]*$/;
/** Words for cookies in a refusal: the author of a page cannot see those of other servers of the host, which come along. */
const COOKIES = "cookies, which a browser sends to all ports of their host";
const HOW_TO_CONNECT = `This is an MQTT endpoint over WebSocket. A client connects to it with a request like this:

  GET /mqtt HTTP/1.1
  Host: ...
  Connection: Upgrade
  Upgrade: websocket
  Sec-WebSocket-Version: 13
  Sec-WebSocket-Key: ...
  Sec-WebSocket-Protocol: mqtt

In a browser: new WebSocket("ws://host:port/mqtt", "mqtt")
`;

/**
 * Decides whether a request opens an MQTT connection over WebSocket (RFC 6455, section 4.2; MQTT 5, section 6).
 *
 * @param scheme by which the client reached the server, by default that of the request's URL
 */
export function checkUpgrade(
  request: HttpRequest,
  options: UpgradeOptions = {},
  scheme: PageScheme = schemeOf(request.url),
): UpgradeAcceptance | UpgradeRefusal {
  const { paths = DEFAULT_PATHS, requireSubprotocol = true, origins } = options;
  const { method, headers } = request;
  const { pathname } = new URL(request.url);
  if (paths !== "any" && !paths.includes(pathname)) {
    const reason = `the path "${shortened(pathname)}" is not one that is served here (${paths.join(", ")})`;
    return refusal(404, "path", reason, `Nothing is here. MQTT is at: ${paths.join(" ")}\n`);
  }
  if (isOfHttp2(request)) return http2Refusal();
  if (method !== "GET") {
    const body = "An MQTT endpoint over WebSocket takes GET only.\n";
    return refusal(405, "upgrade", "the method is not GET", body, { allow: "GET" });
  }
  if (!hasToken(headers, "upgrade", "websocket") || !hasToken(headers, "connection", "upgrade")) {
    return notAnUpgrade(headers);
  }
  if (headers.get("sec-websocket-version") !== PROTOCOL_VERSION) { // RFC 6455, section 4.4
    const body = "This endpoint speaks version 13 of the WebSocket protocol:\n\nSec-WebSocket-Version: 13\n";
    const extra = { upgrade: "websocket", "sec-websocket-version": PROTOCOL_VERSION };
    return refusal(426, "upgrade", "the version of the WebSocket protocol is not 13", body, extra);
  }
  const key = headers.get("sec-websocket-key");
  if (key === null || !KEY.test(key)) {
    const body = "Sec-WebSocket-Key must be there once, 16 random bytes in base64.\n";
    return refusal(400, "upgrade", "Sec-WebSocket-Key is missing or malformed", body);
  }
  const offered = headers.get("sec-websocket-protocol");
  const subprotocol = offered === null ? undefined : chooseSubprotocol(offered);
  if (subprotocol === undefined && (requireSubprotocol || offered !== null)) return noSubprotocol(offered);
  return originRefusal(request, origins, scheme) ?? { kind: "accepted", subprotocol, key };
}

/** Refuses a page that may not connect; `undefined`: it may, or there is none. */
function originRefusal(
  request: HttpRequest,
  origins: AllowedOrigins | undefined,
  scheme: PageScheme,
): UpgradeRefusal | undefined {
  const verdict = originVerdict(request, origins, scheme);
  if (verdict === "otherOrigin") {
    const body = "Pages of this origin may not connect here. The operator of the broker can allow it:\n" +
      'the value of the header Origin, as it is, belongs in the list "origins".\n';
    return refusal(403, "origin", "the origin is not allowed", body);
  }
  if (verdict === "credentials") { // Without them this page may connect, so its author has to know that they are there.
    const what = request.headers.has("cookie") ? COOKIES : "HTTP credentials";
    const body = `A page of another origin may not connect here with ${what}. The operator of the broker can allow\n` +
      'it: the value of the header Origin, as it is, belongs in the list "origins".\n';
    return refusal(403, "origin", `the origin is not allowed, as the request has ${what}`, body);
  }
  if (verdict === "otherScheme") {
    const body =
      `This page has another scheme than the endpoint, which was asked for with ${scheme}. Behind a proxy that\n` +
      "ends TLS, the proxy belongs in the list of trusted proxies and has to send X-Forwarded-Proto, or the value of the\n" +
      'header Origin, as it is, belongs in the list "origins".\n';
    return refusal(403, "scheme-of-the-origin", "the origin has another scheme than the request", body);
  }
  return undefined;
}

/** Path for a log line: a client may send a long one. */
export function shortened(path: string): string {
  return path.length > MOST_PATH_CHARACTERS ? `${path.slice(0, MOST_PATH_CHARACTERS)}...` : path;
}

/** Whether a proxy sent a request for WebSocket over HTTP/2, which has neither `Connection` nor `Host`. */
function isOfHttp2({ method, headers }: HttpRequest): boolean {
  if (headers.has("connection") || headers.has("host")) return false;
  const isForWebSocket = ["sec-websocket-key", "sec-websocket-version"].some((name) => headers.has(name));
  return isForWebSocket || method === "CONNECT"; // RFC 8441, section 4
}

function http2Refusal(): UpgradeRefusal {
  const body = "This request came over HTTP/2, as it has neither Connection nor Host. WebSocket needs HTTP/1.1:\n" +
    "let the proxy in front speak HTTP/1.1 to this server. In Envoy the cluster has http_protocol_options; on Cloud Run\n" +
    '"Use HTTP/2 end-to-end" is off.\n';
  return refusal(400, "upgrade", "a proxy sent the request over HTTP/2, which has no WebSocket upgrade", body);
}

function schemeOf(url: string): PageScheme {
  return new URL(url).protocol === "https:" ? "https" : "http";
}

/** `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455, section 4.2.2). */
export async function acceptKey(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + ACCEPT_GUID));
  return new Uint8Array(digest).toBase64();
}

/** Where an entry of the troubleshooting guide is, as answers and log lines name it. */
export function helpAt(entry: string): string {
  return `docs/troubleshooting.md#${entry}`;
}

/** Makes an answer of plain text that says what is wrong, and where help is. */
export function refusal(
  status: number,
  help: HandshakeHelp,
  reason: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): UpgradeRefusal {
  const common = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  const told = headers["content-type"] === undefined ? `${body}\nSee ${helpAt(help)}\n` : body;
  return { kind: "refused", status, reason, help, body: told, headers: { ...common, ...headers } };
}

/** Prefers `mqtt`, then `mqttv3.1`, then any other that begins with `mqtt` [MQTT-6.0.0-3]. */
function chooseSubprotocol(offered: string): string | undefined {
  const names = offered.split(",").map((name) => name.trim());
  return names.find((name) => name === "mqtt") ?? names.find((name) => name === "mqttv3.1") ??
    names.find((name) => MQTT_SUBPROTOCOL.test(name));
}

/** Answers a browser with a page, and other clients with text. */
function notAnUpgrade(headers: Headers): UpgradeRefusal {
  const reason = "the request is not a WebSocket upgrade";
  const isBrowser = /(?:^|,)\s*text\/html\b/i.test(headers.get("accept") ?? "");
  if (!isBrowser) return refusal(400, "upgrade", reason, HOW_TO_CONNECT, { vary: "accept" });
  const { body, contentSecurityPolicy } = connectTestPage(crypto.randomUUID());
  return refusal(400, "upgrade", reason, body, {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": contentSecurityPolicy,
    vary: "accept",
  });
}

function noSubprotocol(offered: string | null): UpgradeRefusal {
  const reason = offered === null ? "no subprotocol is offered" : "no subprotocol of MQTT is offered";
  const body = `This endpoint speaks MQTT, and ${reason}. Offer it with this line:\n\n` +
    'Sec-WebSocket-Protocol: mqtt\n\nIn a browser: new WebSocket(url, "mqtt")\n';
  return refusal(400, "subprotocol", reason, body);
}

/** Whether a list such as `Connection` or `Upgrade` has a token, in any case (RFC 9110, sections 7.6.1 and 7.8). */
function hasToken(headers: Headers, name: string, token: string): boolean {
  return headers.get(name)?.split(",").some((item) => item.trim().toLowerCase() === token) ?? false;
}

/** A page, and the policy that allows its own script and no other. */
export interface ConnectTestPage {
  readonly body: string;
  readonly contentSecurityPolicy: string;
}

/** Page for a browser that opens the endpoint: says what it is, and tests a connection to it. */
export function connectTestPage(nonce: string): ConnectTestPage {
  return {
    body: PAGE.replaceAll("NONCE", nonce),
    contentSecurityPolicy: `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; ` +
      "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  };
}

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>MQTT over WebSocket</title>
<style nonce="NONCE">body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem }
pre { background: #f3f3f3; padding: 0.75rem; overflow-x: auto }</style>
<h1>MQTT over WebSocket</h1>
<p>This address is not a page but an MQTT broker. MQTT clients connect to it with WebSocket and the subprotocol
<code>mqtt</code>. Clients of Socket.IO speak another protocol and cannot connect.</p>
<pre id="example"></pre>
<p><button id="connect">Connect test</button> <output id="result"></output></p>
<script nonce="NONCE">
const url = location.href.replace(/^http/, "ws").replace(/#.*/, "");
const show = (text) => document.getElementById("result").textContent = text;
document.getElementById("example").textContent =
  'const socket = new WebSocket("' + url + '", "mqtt");\\nsocket.binaryType = "arraybuffer";';
document.getElementById("connect").onclick = () => {
  show("connecting ...");
  const socket = new WebSocket(url, "mqtt");
  socket.binaryType = "arraybuffer";
  // CONNECT of MQTT 3.1.1: Clean Session, Keep Alive 60, an empty client identifier.
  socket.onopen = () => socket.send(new Uint8Array([16, 12, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 0]));
  socket.onmessage = ({ data }) => {
    const code = new Uint8Array(data)[3];
    show(code === 0 ? "connected: CONNACK 0" : "the broker answers, but refuses this connection: CONNACK " + code);
    socket.onclose = null;
    if (code === 0) socket.send(new Uint8Array([224, 0]));
    socket.close();
  };
  socket.onclose = ({ code, reason }) => show("not connected: close code " + code + " " + reason);
};
</script>
</html>
`;
