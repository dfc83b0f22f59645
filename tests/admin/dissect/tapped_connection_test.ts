import { assertEquals } from "@std/assert";
import { Broker, type WatchedConnection } from "../../../mod.ts";
import { Conversation, type Entry } from "../../../src/admin/dissect/conversation.ts";
import { withoutSecrets } from "../../../src/admin/dissect/dissector.ts";
import { PacketAssembler } from "../../../src/admin/dissect/frames.ts";
import { concatenated } from "../../../src/transport/concatenated.ts";
import { Opcode } from "../../../src/transport/web_socket/frames.ts";
import { within } from "../../deadline.ts";
import { BINARY, clientFrame, closeFrame } from "../../transport/web_socket_client_frames.ts";
import { webSocketPair } from "../../transport/web_socket_servers.ts";
import vectors from "../../vectors.json" with { type: "json" };

/** Entries of a connection as they come. */
function traced(connection: WatchedConnection, entries: Entry[]): void {
  const conversation = new Conversation();
  const received = new PacketAssembler();
  const sent = new PacketAssembler(); // A write is a frame.
  connection.watchFrames(({ isSent, opcode, length }) => {
    if (!isSent && opcode < Opcode.Close) received.announce(length);
  });
  connection.tap((bytes, isSent) => {
    for (const packet of (isSent ? sent : received).add(bytes.slice())) {
      const { protocolVersion } = conversation;
      const hidden = withoutSecrets(packet.bytes, { protocolVersion, isSent });
      entries.push(conversation.add({ ...packet, ...hidden, timeMs: 0, isSent }));
    }
  });
}

Deno.test("a tapped connection gives a CONNECT in 13 frames, its answer, and what is malformed", async () => {
  const { server, client } = webSocketPair();
  await using broker = await Broker.open();
  const entries: Entry[] = [];
  const stop = broker.watchConnections((connection) => traced(connection, entries));
  const served = broker.serve(server);
  stop();
  const writer = client.writable.getWriter();
  const frames = [...vectors.vectors["002-connect"].frames, "c00036", "0300016101"];
  await writer.write(concatenated(frames.map((payload) => clientFrame({ opcode: BINARY, payload }))));
  await writer.write(closeFrame(1000));
  for await (const _ of client.readable);
  await within(served, "the end of the connection");
  const lines = entries.map(({ isSent, summary: { packet, details }, answers, pieces }) =>
    `${isSent ? "◂" : "▸"} ${packet} ${details} | ${answers?.summary.packet} | ${pieces?.length}`
  );
  assertEquals(lines.filter((line) => line.startsWith("▸")), [
    '▸ CONNECT v3.1.1 "861694030142473" keep alive 60 s | undefined | 13',
    "▸ PINGREQ  | undefined | 1",
    "▸ PUBLISH malformed: PUBLISH has QoS 3 (MalformedPacket) [MQTT-3.3.1-4] | undefined | 2",
  ]);
  assertEquals(lines.filter((line) => line.startsWith("◂")).slice(0, 1), [
    "◂ CONNACK Connection Accepted | CONNECT | 1",
  ]);
  assertEquals(new TextDecoder().decode(entries[0]?.bytes.slice(-8)), "********");
});
