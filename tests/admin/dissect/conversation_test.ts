import { assertEquals } from "@std/assert";
import { Conversation, dissectEntry, type Entry } from "../../../src/admin/dissect/conversation.ts";
import { treeText } from "../../../src/admin/dissect/dissector.ts";
import { fromHex } from "../../codec/hex.ts";
import vectors from "../../vectors.json" with { type: "json" };

const CONNECT_5 = "▸ 10 [ 'MQTT' 05 02 003c 00 'a' ]";

/** Lines of a conversation: `number direction packet details`, and what it answers after how many milliseconds. */
function lines(packets: readonly string[], conversation = new Conversation()): string[] {
  return entries(packets, conversation).map(({ number, isSent, summary, answers, timeMs }) => {
    const answer = answers === undefined ? "" : ` (answers ${answers.number} after ${timeMs - answers.timeMs} ms)`;
    return `${number} ${isSent ? "◂" : "▸"} ${`${summary.packet} ${summary.details}`.trimEnd()}${answer}`;
  });
}

function entries(packets: readonly string[], conversation = new Conversation()): Entry[] {
  return packets.map((packet, index) =>
    conversation.add({ timeMs: 1_000 + index * 10, isSent: packet.startsWith("◂"), bytes: fromHex(packet.slice(1)) })
  );
}

Deno.test("session of an article: each packet in a line, and what answers it", () => {
  const { vectors: all } = vectors;
  assertEquals(
    lines([
      `▸${all["002-connect"].hex}`,
      `◂${all["002-connack"].hex}`,
      `▸${all["001-subscribe"].hex}`,
      `◂${all["001-suback"].hex}`,
      `▸${all["001-publish"].hex}`,
      `▸${all["004-pingreq"].hex}`,
      `◂${all["000-pingresp"].hex}`,
      `▸${all["001-disconnect"].hex}`,
    ]),
    [
      '1 ▸ CONNECT v3.1.1 "861694030142473" keep alive 60 s',
      "2 ◂ CONNACK Connection Accepted (answers 1 after 10 ms)",
      "3 ▸ SUBSCRIBE /World (QoS 0) · id 42418",
      "4 ◂ SUBACK QoS 0 · id 42418 (answers 3 after 10 ms)",
      "5 ▸ PUBLISH /World · 5 B · QoS 0",
      "6 ▸ PINGREQ",
      "7 ◂ PINGRESP (answers 6 after 10 ms)",
      "8 ▸ DISCONNECT",
    ],
  );
});

Deno.test("QoS 2 of both sides with one Packet Identifier are two exchanges", () => {
  assertEquals(
    lines([
      CONNECT_5,
      "▸ 34 [ 'up' 0007 00 61 ]",
      "◂ 34 [ 'down' 0007 00 61 ]",
      "◂ 50 02 0007",
      "▸ 50 02 0007",
      "▸ 62 02 0007",
      "◂ 62 02 0007",
      "▸ 70 02 0007",
      "◂ 70 02 0007",
      "◂ 3d [ 'again' 0007 00 ]",
      "▸ 40 [ 0007 87 ]",
    ]).slice(1),
    [
      "2 ▸ PUBLISH up · 1 B · QoS 2 · id 7",
      "3 ◂ PUBLISH down · 1 B · QoS 2 · id 7",
      "4 ◂ PUBREC id 7 (answers 2 after 20 ms)",
      "5 ▸ PUBREC id 7 (answers 3 after 20 ms)",
      "6 ▸ PUBREL id 7 (answers 4 after 20 ms)",
      "7 ◂ PUBREL id 7 (answers 5 after 20 ms)",
      "8 ▸ PUBCOMP id 7 (answers 7 after 10 ms)",
      "9 ◂ PUBCOMP id 7 (answers 6 after 30 ms)",
      "10 ◂ PUBLISH again · 0 B · QoS 2 · retain · DUP · id 7",
      "11 ▸ PUBACK Not authorized · id 7 (answers 10 after 10 ms)",
    ],
  );
});

Deno.test("a PUBREC that refuses ends its exchange [MQTT-4.3.3-4]", () => {
  assertEquals(lines([CONNECT_5, "▸ 34 [ 'up' 0007 00 ]", "◂ 50 [ 0007 87 ]", "▸ 62 02 0007"]).slice(2), [
    "3 ◂ PUBREC Not authorized · id 7 (answers 2 after 10 ms)",
    "4 ▸ PUBREL id 7",
  ]);
});

Deno.test("Topic Aliases are those of their side, and of their connection", () => {
  const packets = [
    CONNECT_5,
    "▸ 30 [ 'up' [ 23 0001 ] 61 ]",
    "◂ 30 [ 'down' [ 23 0001 ] 61 ]",
    "▸ 30 [ '' [ 23 0001 ] 61 ]",
    "◂ 30 [ '' [ 23 0001 ] 61 ]",
    "▸ 30 [ 'new' [ 23 0001 ] 61 ]",
    "▸ 30 [ '' [ 23 0001 ] 61 ]",
    "▸ 30 [ '' [ 23 0002 ] 61 ]",
  ];
  assertEquals(lines(packets).slice(1).map((line) => line.split(" ·")[0]), [
    "2 ▸ PUBLISH up (alias 1)",
    "3 ◂ PUBLISH down (alias 1)",
    "4 ▸ PUBLISH up (alias 1)",
    "5 ◂ PUBLISH down (alias 1)",
    "6 ▸ PUBLISH new (alias 1)",
    "7 ▸ PUBLISH new (alias 1)",
    "8 ▸ PUBLISH (alias 2)",
  ]);
  const fourth = entries(packets)[3];
  assertEquals(fourth && treeText(dissectEntry(fourth)).includes("[Topic: up]"), true); // Long after the alias has changed.
});

Deno.test("enhanced authentication: each AUTH answers the packet before it, CONNACK the last", () => {
  assertEquals(
    lines([
      "▸ 10 [ 'MQTT' 05 02 003c [ 15 'm' ] 'a' ]",
      "◂ f0 [ 18 [ 15 'm' ] ]",
      "▸ f0 [ 18 [ 15 'm' ] ]",
      "◂ 20 [ 01 00 [ 15 'm' ] ]",
      "▸ f0 [ 19 [ 15 'm' ] ]",
      "◂ f0 [ 00 [ 15 'm' ] ]",
      "▸ f0 [ 19 [ 15 'm' ] ]",
    ]),
    [
      '1 ▸ CONNECT v5 "a" keep alive 60 s',
      "2 ◂ AUTH Continue authentication (answers 1 after 10 ms)",
      "3 ▸ AUTH Continue authentication (answers 2 after 10 ms)",
      "4 ◂ CONNACK Success · session present (answers 3 after 10 ms)",
      "5 ▸ AUTH Re-authenticate",
      "6 ◂ AUTH (answers 5 after 10 ms)",
      "7 ▸ AUTH Re-authenticate",
    ],
  );
});

Deno.test("lines of other packets: a Will, several filters, refusals, and what is malformed", () => {
  assertEquals(
    lines([
      "▸ 10 [ 'MQTT' 05 06 0000 00 'a' 00 'gone' 'x' ]",
      "▸ 82 [ 0001 00 'a/+' 02 'b' 01 ]",
      "◂ 90 [ 0001 00 02 87 ]",
      "▸ a2 [ 0002 00 'a/+' 'b' ]",
      "◂ b0 [ 0002 00 00 11 ]",
      "◂ e0 [ 8e 00 ]",
    ]),
    [
      '1 ▸ CONNECT v5 "a" keep alive 0 s · Will gone',
      "2 ▸ SUBSCRIBE a/+ (QoS 2), b (QoS 1) · id 1",
      "3 ◂ SUBACK QoS 2, Not authorized · id 1 (answers 2 after 10 ms)",
      "4 ▸ UNSUBSCRIBE a/+, b · id 2",
      "5 ◂ UNSUBACK Success, No subscription existed · id 2 (answers 4 after 10 ms)",
      "6 ◂ DISCONNECT Session taken over",
    ],
  );
  assertEquals(lines(["▸ 30 [ 'a' ]"]), [
    "1 ▸ PUBLISH malformed: The first packet is not CONNECT (ProtocolError) [MQTT-3.1.0-1]",
  ]);
  assertEquals(lines(["▸ 20 02 00 05"], new Conversation(false, 4)), [
    "1 ▸ CONNACK Connection Refused: not authorized",
  ]);
});

Deno.test("a conversation knows its Client Identifier, stated or assigned", () => {
  const clientIds = (...packets: string[]) => {
    const conversation = new Conversation();
    lines(packets, conversation);
    return conversation.clientId;
  };
  assertEquals(clientIds(CONNECT_5), "a");
  assertEquals(clientIds("▸ 10 [ 'MQTT' 05 02 003c 00 '' ]"), undefined);
  assertEquals(clientIds("▸ 10 [ 'MQTT' 05 02 003c 00 '' ]", "◂ 20 [ 00 00 [ 1f 'why' 12 'given' ] ]"), "given");
  assertEquals(clientIds(CONNECT_5, "◂ 20 [ 00 00 [ 1f 'why' ] ]"), "a");
});

Deno.test("a packet of which only the first bytes were kept has the size of its payload", () => {
  const bytes = fromHex(`30 [ 'a' ${"61".repeat(1_000)} ]`);
  const conversation = new Conversation(false, 4);
  const { summary } = conversation.add({
    timeMs: 0,
    isSent: false,
    bytes: bytes.subarray(0, 40),
    wireBytes: bytes.length,
  });
  assertEquals(summary.details, "a · 1000 B · QoS 0");
});
