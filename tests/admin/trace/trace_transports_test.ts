/** Traces over every carrier: their captures hold plain MQTT, or the upgrade and the frames as they were on the wire. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Broker, type Listener, listenTcp, listenTls, listenWebSocket } from "../../../mod.ts";
import { capturedItems } from "../../../src/admin/dissect/captured_connections.ts";
import { readCapture } from "../../../src/admin/dissect/capture_reader.ts";
import type { Trace } from "../../../src/admin/trace/trace.ts";
import { Traces } from "../../../src/admin/trace/traces.ts";
import { authority, identity } from "../../certificates/certificates.ts";
import { concatenated } from "../../../src/transport/concatenated.ts";
import { BINARY, clientFrame, closeFrame, fromHex, joined, PING } from "../../transport/web_socket_client_frames.ts";
import vectors from "../../vectors.json" with { type: "json" };
import { within } from "../../deadline.ts";
import { itemsOf, linesOf, settled, started } from "./traced.ts";

const { hex, frames } = vectors.vectors["002-connect"];
const { key, accept } = vectors.vectors["001-accept"];
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

const PACKETS = [
  '▸ CONNECT v3.1.1 "861694030142473" keep alive 60 s',
  "◂ CONNACK Connection Accepted",
  "▸ PINGREQ",
  "◂ PINGRESP",
  "▸ PUBLISH x · 1 B · QoS 0",
  "▸ DISCONNECT",
];

/** Trace of a connection over a listener that sends these bytes. */
async function traced(
  listener: Listener,
  connect: (port: number) => Promise<Deno.Conn>,
  bytes: Uint8Array,
): Promise<Trace> {
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

const WAYS = [
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
] as const;

for (const { name, listen, connect, bytes, transport } of WAYS) {
  Deno.test(`a trace over ${name} has its packets, and its capture has them as plain MQTT`, async () => {
    const trace = await traced(listen(), connect, bytes);
    const lines = (await linesOf(trace)).map((line) => line.slice(2));
    assertEquals(lines.filter((line) => PACKETS.includes(line)).sort(), [...PACKETS].sort());
    const { connections: [connection] } = await trace.records();
    assertEquals(connection?.transport, transport);
    const captured = capturedItems(readCapture(await bytesOf(trace.pcapng())) ?? []);
    assertEquals(
      captured.map(({ isSent, entry }) =>
        `${isSent ? "◂" : "▸"} ${entry?.summary.packet} ${entry?.summary.details}`.trimEnd()
      ),
      lines.filter((line) => PACKETS.includes(line)),
    );
    assertEquals(captured[0]?.connection.carrier, "tcp");
  });
}

Deno.test("a trace over WebSocket has the upgrade, the 13 frames of a CONNECT, two packets of one frame, and control frames", async () => {
  const trace = await traced(listenWebSocket(listenTcp(loopback)), plain, WEB_SOCKET_BYTES);
  const { connections: [connection], records } = await trace.records();
  assertStringIncludes(connection?.upgrade?.request ?? "", "GET /mqtt?token=****** HTTP/1.1\r\n");
  assertStringIncludes(connection?.upgrade?.request ?? "", "Cookie: *********\r\n");
  assertStringIncludes(connection?.upgrade?.response ?? "", `Sec-WebSocket-Accept: ${accept}\r\n`);
  const pieces = records.filter((record) => record.kind === "packet" && !record.isSent)
    .map((record) => record.kind === "packet" ? record.pieces : []);
  assertEquals(pieces[0]?.map(({ start, end }) => end - start), frames.map(({ length }) => length / 2));
  assertEquals(pieces[0]?.[12]?.frame, {
    opcode: 2,
    isFinal: true,
    isMasked: true,
    length: (frames[12]?.length ?? 0) / 2,
  });
  assertEquals([pieces[2]?.[0]?.source, pieces[3]?.[0]?.source], [14, 14]);
  assertEquals([pieces[2]?.[0]?.frame?.length, pieces[3]?.[0]?.frame?.length], [8, 8]);
  const notes = (await itemsOf(trace)).filter(({ note }) => note !== undefined)
    .map(({ record: { isSent }, note }) => `${isSent ? "◂" : "▸"} ${note}`);
  assertEquals(notes.toSorted(), [
    "▸ Connection Close 1000 Normal Closure",
    "▸ Ping, 1 B",
    "▸ connection closed by the client: the client disconnected",
    "▸ connection opened: GET /mqtt?token=****** HTTP/1.1",
    "◂ Connection Close 1000 Normal Closure",
    "◂ Pong, 1 B",
  ]);
});

Deno.test("a capture as on the wire has the upgrade and the frames, with what each of them held", async () => {
  const trace = await traced(listenWebSocket(listenTcp(loopback)), plain, WEB_SOCKET_BYTES);
  const captured = capturedItems(readCapture(await bytesOf(trace.pcapng({ isWire: true }))) ?? []);
  assertEquals(captured[0]?.connection.carrier, "webSocket");
  assertEquals(captured[0]?.note, "GET /mqtt?token=****** HTTP/1.1");
  const connect = captured.find(({ entry }) => entry !== undefined)?.entry;
  assertEquals([connect?.summary.packet, connect?.pieces?.length], ["CONNECT", 13]);
  const packets = captured.map(({ entry }) => entry?.summary.packet).filter((packet) => packet !== undefined);
  assertEquals(packets.toSorted(), ["CONNACK", "CONNECT", "DISCONNECT", "PINGREQ", "PINGRESP", "PUBLISH"]);
  assertEquals(captured.filter(({ note }) => note?.startsWith("Connection Close")).length, 2);
});

async function bytesOf(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  assert(all.length > 1, "there are records");
  return concatenated(all);
}
