import { channelOf, ChannelTransport } from "../channel_transport.ts";
import { concatenated } from "../concatenated.ts";
import type { ByteChannel, Transport } from "../transport.ts";
import { CloseCode, Masks, Slab } from "./frames.ts";
import { parseFields, requestHeadLength } from "./http_head.ts";
import { acceptKey } from "./upgrade.ts";
import { WebSocketChannel } from "./web_socket_transport.ts";

const MOST_HEAD_BYTES = 16_384;
const KEY_BYTES = 16;
const SUBPROTOCOL = "mqtt";
const STATUS_LINE = /^HTTP\/1\.1 (\d{3})(?: ([\x20-\x7e]*))?$/;

/**
 * Opens a WebSocket connection on a connection to its server. The runtime's `WebSocket` cannot be paused, and sends a
 * message above 1,024 bytes in two parts, the second up to 40 ms later (Nagle's algorithm; Deno 2.9, 2026-11-30). Throws
 * Error if the server does not accept, the reason of an aborted signal, and what connecting throws.
 *
 * @param url of the server, without credentials
 * @param request URL that the request names
 */
export async function connectWebSocketOver(
  connecting: Promise<Transport>,
  url: string,
  signal?: AbortSignal,
  request = new URL(url),
): Promise<Transport> {
  const inner = await connecting;
  const close = () => inner.close();
  signal?.addEventListener("abort", close);
  try {
    return await openWebSocket(inner, request, url);
  } catch (error) {
    close();
    if (signal?.aborted) throw signal.reason;
    throw new Error(`Cannot connect to ${url}: ${error instanceof Error ? error.message : error}`);
  } finally {
    signal?.removeEventListener("abort", close);
  }
}

/** Opens a WebSocket connection on a connection to its server (RFC 6455, section 4.1). */
async function openWebSocket(inner: Transport, request: URL, url: string): Promise<Transport> {
  const below = channelOf(inner);
  const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES)).toBase64();
  await below.write(encodeRequest(request, key));
  const { head, rest } = await readHead(below);
  const complaint = await complaintAbout(head, key);
  if (complaint !== undefined) throw new Error(complaint);
  const peer = { ...inner.peer, transport: request.protocol === "wss:" ? "wss" : "ws", listener: url } as const;
  const closeCode = () => CloseCode.Normal;
  return new ChannelTransport(
    new WebSocketChannel({ below, rest, peer, slab: new Slab(), masks: new Masks(), closeCode }),
    peer,
  );
}

function encodeRequest(url: URL, key: string): Uint8Array {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`, // [MQTT-6.0.0-3]
  ];
  return new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
}

async function readHead(below: ByteChannel): Promise<{ head: Uint8Array; rest: Uint8Array }> {
  let bytes = new Uint8Array(0);
  for (;;) {
    const chunk = await below.read();
    if (chunk === undefined) throw new Error("the server closed the connection within the WebSocket handshake");
    const from = bytes.length;
    bytes = concatenated([bytes, chunk]);
    const length = requestHeadLength(bytes, from);
    if ((length > 0 ? length : bytes.length) > MOST_HEAD_BYTES) {
      throw new Error("the server answered the WebSocket handshake with something else");
    }
    if (length > 0) return { head: bytes.subarray(0, length), rest: bytes.subarray(length) };
  }
}

/** Reason why a response does not open the connection (RFC 6455, section 4.1). */
async function complaintAbout(head: Uint8Array, key: string): Promise<string | undefined> {
  const [statusLine = "", ...lines] = String.fromCharCode(...head.subarray(0, head.length - 4)).split("\r\n");
  const [, status, text = ""] = STATUS_LINE.exec(statusLine) ?? [];
  if (status === undefined) return "the server does not speak HTTP/1.1";
  if (status !== "101") return `the server answered the WebSocket handshake with "${`${status} ${text}`.trim()}"`;
  const headers = parseFields(lines);
  if (typeof headers === "string") return `the server answered the WebSocket handshake, but ${headers}`;
  const connection = (headers.get("connection") ?? "").toLowerCase().split(",").map((token) => token.trim());
  if (headers.get("upgrade")?.toLowerCase() !== "websocket" || !connection.includes("upgrade")) {
    return "the server did not switch to WebSocket";
  }
  if (headers.get("sec-websocket-accept") !== await acceptKey(key)) {
    return "the server has sent a wrong Sec-WebSocket-Accept";
  }
  if (headers.has("sec-websocket-extensions")) return "the server uses a WebSocket extension that was not offered";
  const subprotocol = headers.get("sec-websocket-protocol");
  if (subprotocol !== null && subprotocol !== SUBPROTOCOL) { // [MQTT-6.0.0-4]
    return `the server speaks the subprotocol "${subprotocol}", not "${SUBPROTOCOL}"`;
  }
  return undefined;
}
