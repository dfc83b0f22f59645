import { assert } from "@std/assert";
import { Broker, type Listener, listenTcp, listenTls, listenWebSocket } from "../../../mod.ts";
import type { Trace } from "../../../src/admin/trace/trace.ts";
import { Traces } from "../../../src/admin/trace/traces.ts";
import { concatenated } from "../../../src/transport/concatenated.ts";
import { authority, identity } from "../../certificates/certificates.ts";
import { within } from "../../deadline.ts";
import { BINARY, clientFrame, closeFrame, fromHex, joined, PING } from "../../transport/web_socket_client_frames.ts";
import vectors from "../../vectors.json" with { type: "json" };
import { settled, started } from "./traced.ts";

/** Kind of connection. */
export interface Way {
  readonly name: string;
  readonly listen: () => Listener;
  readonly connect: (port: number) => Promise<Deno.Conn>;
  readonly bytes: Uint8Array;
  readonly transport: string;
}

const { hex, frames } = vectors.vectors["002-connect"];
const { key } = vectors.vectors["001-accept"];
const REQUEST = "GET /mqtt?token=secret HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: mqtt\r\nCookie: id=secret\r\n\r\n`;

/** The CONNECT of an article in 13 frames, a PINGREQ with a Ping between, and DISCONNECT with a PUBLISH before in one frame. */
const WEB_SOCKET_BYTES = joined([
  new TextEncoder().encode(REQUEST),
  ...frames.map((payload) => clientFrame({ opcode: BINARY, payload })),
  clientFrame({ opcode: PING, payload: "2a" }),
  clientFrame({ opcode: BINARY, payload: "c000", isFinal: true }),
  clientFrame({ opcode: BINARY, payload: "3004000178" + "68" + "e000" }),
  closeFrame(1000),
]);
const PLAIN_BYTES = fromHex(`${hex}c0003004000178` + "68e000");

/** Packets of a connection, in any order of the two sides. */
export const PACKETS = [
  '▸ CONNECT v3.1.1 "861694030142473" keep alive 60 s',
  "◂ CONNACK Connection Accepted",
  "▸ PINGREQ",
  "◂ PINGRESP",
  "▸ PUBLISH x · 1 B · QoS 0",
  "▸ DISCONNECT",
];

/** Trace of a connection over a listener that sends these bytes. */
export async function tracedWay({ listen, connect, bytes }: Way): Promise<Trace> {
  const listener = listen();
  await using broker = await Broker.open();
  const traces = new Traces(broker);
  const trace = started(traces, { clientId: "861694030142473" });
  const { promise: served, resolve } = Promise.withResolvers<void>();
  const accepting = (async () => {
    for await (const transport of listener) resolve(broker.serve(transport));
  })();
  const conn = await connect(Number(new URL(listener.url.replace(/^[a-z]+/, "http")).port));
  const writer = conn.writable.getWriter();
  await writer.write(bytes);
  await received(conn);
  await within(served, "the end of the connection");
  await settled();
  traces.close();
  listener.close();
  await accepting;
  return trace;
}

/** Reads until the broker closes. */
async function received(conn: Deno.Conn): Promise<void> {
  try {
    for await (const _ of conn.readable);
  } catch (error) {
    if (!(error instanceof Deno.errors.UnexpectedEof)) throw error; // The end of TLS without a close_notify.
  }
}

const secured = (port: number) => Deno.connectTls({ hostname: "localhost", port, caCerts: [authority()] });
const plain = (port: number) => Deno.connect({ port });
const loopback = { hostname: "127.0.0.1", port: 0 };

/** Connections of every kind, and the bytes that one of them sends. */
export const WAYS: readonly Way[] = [
  { name: "TCP", listen: () => listenTcp(loopback), connect: plain, bytes: PLAIN_BYTES, transport: "tcp" },
  {
    name: "TLS",
    listen: () => listenTls({ ...identity("server"), ...loopback }),
    connect: secured,
    bytes: PLAIN_BYTES,
    transport: "tls",
  },
  {
    name: "WebSocket",
    listen: () => listenWebSocket(listenTcp(loopback)),
    connect: plain,
    bytes: WEB_SOCKET_BYTES,
    transport: "ws",
  },
  {
    name: "WebSocket over TLS",
    listen: () => listenWebSocket(listenTls({ ...identity("server"), ...loopback })),
    connect: secured,
    bytes: WEB_SOCKET_BYTES,
    transport: "wss",
  },
];

/** Way of a transport. */
export function wayOf(transport: string): Way {
  const way = WAYS.find((way) => way.transport === transport);
  assert(way !== undefined, transport);
  return way;
}

/** Bytes of a capture. */
export async function bytesOf(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  assert(all.length > 1, "there are records");
  return concatenated(all);
}
