/** Traces over every carrier: their captures hold plain MQTT, or the upgrade and the frames as they were on the wire. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { capturedItems } from "../../../src/admin/dissect/captured_connections.ts";
import { readCapture } from "../../../src/admin/dissect/capture_reader.ts";
import vectors from "../../vectors.json" with { type: "json" };
import { itemsOf, linesOf } from "./traced.ts";
import { bytesOf, PACKETS, tracedWay, wayOf, WAYS } from "./traced_ways.ts";

const { frames } = vectors.vectors["002-connect"];
const { accept } = vectors.vectors["001-accept"];

for (const way of WAYS) {
  Deno.test(`a trace over ${way.name} has its packets, and its capture has them as plain MQTT`, async () => {
    const trace = await tracedWay(way);
    const lines = (await linesOf(trace)).map((line) => line.slice(2));
    assertEquals(lines.filter((line) => PACKETS.includes(line)).sort(), [...PACKETS].sort());
    const { connections: [connection] } = await trace.records();
    assertEquals(connection?.transport, way.transport);
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
  const trace = await tracedWay(wayOf("ws"));
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
  assertEquals(
    (await linesOf(trace)).filter((line) => line.startsWith("1 ▸")).map((line) =>
      line.split(" ").slice(2, 4).join(" ")
    ),
    [
      "connection opened:",
      "CONNECT v3.1.1",
      "Ping, 1",
      "PINGREQ",
      "PUBLISH x",
      "DISCONNECT",
      "Connection Close",
      "connection closed",
    ],
  );
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
  const trace = await tracedWay(wayOf("ws"));
  const captured = capturedItems(readCapture(await bytesOf(trace.pcapng({ isWire: true }))) ?? []);
  assertEquals(captured[0]?.connection.carrier, "webSocket");
  assertEquals(captured[0]?.note, "GET /mqtt?token=****** HTTP/1.1");
  const connect = captured.find(({ entry }) => entry !== undefined)?.entry;
  assertEquals([connect?.summary.packet, connect?.pieces?.length], ["CONNECT", 13]);
  const packets = captured.map(({ entry }) => entry?.summary.packet).filter((packet) => packet !== undefined);
  assertEquals(packets.toSorted(), ["CONNACK", "CONNECT", "DISCONNECT", "PINGREQ", "PINGRESP", "PUBLISH"]);
  assertEquals(captured.filter(({ note }) => note?.startsWith("Connection Close")).length, 2);
});
