import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { encodePacket, writeBatch } from "../../src/codec/encoder.ts";
import type { ConnackPacket, ConnectPacket, Packet, ProtocolVersion, PublishPacket } from "../../src/codec/packet.ts";
import { PacketEncoder } from "../../src/codec/packet_encoder.ts";
import { NO_PROPERTIES } from "../../src/codec/property.ts";
import { TopicInterner } from "../../src/codec/topic_interner.ts";
import { fromHex, toHex } from "./hex.ts";

const PUBLISH: PublishPacket = {
  type: "publish",
  dup: false,
  qos: 0,
  retain: false,
  topic: "a",
  packetIdentifier: 0,
  properties: NO_PROPERTIES,
  payload: fromHex('"hi"'),
};
const QOS_1: PublishPacket = { ...PUBLISH, qos: 1, packetIdentifier: 1 };
const CONNECT: ConnectPacket = {
  type: "connect",
  protocolVersion: 5,
  isBridge: false,
  cleanStart: true,
  keepAliveSeconds: 60,
  clientId: "a",
  will: undefined,
  userName: undefined,
  password: undefined,
  properties: NO_PROPERTIES,
};
const CONNACK: ConnackPacket = { type: "connack", sessionPresent: false, reasonCode: 0x00, properties: NO_PROPERTIES };
const PROPERTIES = { userProperties: [["k", "v"]] } as const;

/** What older versions cannot say, and the one way of several to say it. The other rows stand beside the decoder's. */
const ROWS: readonly { name: string; version: ProtocolVersion; packet: Packet; hex: string }[] = [
  {
    name: "PUBLISH without its properties",
    version: 4,
    packet: { ...PUBLISH, properties: PROPERTIES },
    hex: "30 [ 'a' \"hi\" ]",
  },
  {
    name: "PUBLISH with no property set",
    version: 5,
    packet: { ...PUBLISH, properties: {} },
    hex: "30 [ 'a' [] \"hi\" ]",
  },
  {
    name: "PUBLISH QoS 0 without its Packet Identifier [MQTT-2.2.1-2]",
    version: 5,
    packet: { ...PUBLISH, packetIdentifier: 7 },
    hex: "30 [ 'a' [] \"hi\" ]",
  },
  {
    name: "PUBACK without its Reason Code",
    version: 4,
    packet: { type: "puback", packetIdentifier: 1, reasonCode: 0x10, properties: PROPERTIES },
    hex: "40 02 00 01",
  },
  {
    name: "SUBSCRIBE with its QoS only",
    version: 4,
    packet: {
      type: "subscribe",
      packetIdentifier: 1,
      subscriptions: [{ topicFilter: "a", qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 }],
      properties: PROPERTIES,
    },
    hex: "82 [ 0001 'a' 01 ]",
  },
  {
    name: "SUBACK with 0x80 for every failure [MQTT-3.9.3-2]",
    version: 4,
    packet: { type: "suback", packetIdentifier: 1, reasonCodes: [0x02, 0x87, 0x8f], properties: PROPERTIES },
    hex: "90 05 00 01 02 80 80",
  },
  {
    name: "UNSUBACK without Reason Codes",
    version: 4,
    packet: { type: "unsuback", packetIdentifier: 1, reasonCodes: [0x11], properties: NO_PROPERTIES },
    hex: "b0 02 00 01",
  },
  {
    name: "DISCONNECT without its Reason Code",
    version: 3,
    packet: { type: "disconnect", reasonCode: 0x8b, properties: PROPERTIES },
    hex: "e0 00",
  },
  {
    name: "CONNACK without Session Present",
    version: 3,
    packet: { ...CONNACK, sessionPresent: true },
    hex: "20 02 00 00",
  },
  {
    name: "CONNACK of Banned as not authorized",
    version: 4,
    packet: { ...CONNACK, reasonCode: 0x8a },
    hex: "20 02 00 05",
  },
  {
    name: "CONNACK of Server busy as unavailable",
    version: 3,
    packet: { ...CONNACK, reasonCode: 0x89 },
    hex: "20 02 00 03",
  },
];
for (const { name, version, packet, hex } of ROWS) {
  Deno.test(`encode ${name} v${version}`, () => {
    assertEquals(toHex(encodePacket(packet, version)), toHex(fromHex(hex)));
    assertEquals(toHex(new PacketEncoder({ protocolVersion: version }).encode(packet)), toHex(fromHex(hex)));
  });
}

/** A caller's mistakes. The type of the packets allows none of those that are not here. */
const REFUSED: readonly { name: string; version: ProtocolVersion; packet: Packet }[] = [
  { name: "Packet Identifier 0 [MQTT-2.2.1-3]", version: 5, packet: { ...QOS_1, packetIdentifier: 0 } },
  { name: "Packet Identifier 65,536", version: 4, packet: { ...QOS_1, packetIdentifier: 65_536 } },
  { name: "Packet Identifier 1.5", version: 4, packet: { ...QOS_1, packetIdentifier: 1.5 } },
  { name: "Packet Identifier -1", version: 4, packet: { ...QOS_1, packetIdentifier: -1 } },
  { name: "Packet Identifier NaN", version: 4, packet: { ...QOS_1, packetIdentifier: NaN } },
  {
    name: "Packet Identifier 0 in PUBACK",
    version: 4,
    packet: { type: "puback", packetIdentifier: 0, reasonCode: 0x00, properties: NO_PROPERTIES },
  },
  { name: "DUP with QoS 0 [MQTT-3.3.1-2]", version: 4, packet: { ...PUBLISH, dup: true } },
  { name: "an empty topic [MQTT-4.7.3-1]", version: 4, packet: { ...PUBLISH, topic: "" } },
  { name: "neither topic nor Topic Alias [MQTT 3.3.2.1]", version: 5, packet: { ...PUBLISH, topic: "" } },
  {
    name: "a Topic Alias for a topic [MQTT 3.3.2.3.4]",
    version: 4,
    packet: { ...PUBLISH, topic: "", properties: { topicAlias: 1 } },
  },
  { name: "# in a topic [MQTT-3.3.2-2]", version: 5, packet: { ...PUBLISH, topic: "a/#" } },
  { name: "+ in a topic [MQTT-3.3.2-2]", version: 4, packet: { ...PUBLISH, topic: "+" } },
  { name: "U+0000 in a topic [MQTT-1.5.4-2]", version: 4, packet: { ...PUBLISH, topic: "a\0" } },
  { name: "a high surrogate alone [MQTT-1.5.4-1]", version: 4, packet: { ...PUBLISH, topic: "a\ud800" } },
  { name: "a low surrogate alone [MQTT-1.5.4-1]", version: 4, packet: { ...PUBLISH, topic: "\udc00a" } },
  { name: "two high surrogates [MQTT-1.5.4-1]", version: 4, packet: { ...PUBLISH, topic: "\ud800\ud800" } },
  { name: "a topic of 65,536 bytes [MQTT-4.7.3-3]", version: 4, packet: { ...PUBLISH, topic: "a".repeat(65_536) } },
  { name: "a topic of 65,536 bytes in UTF-8", version: 4, packet: { ...PUBLISH, topic: "\u00e9".repeat(32_768) } },
  { name: "U+0000 in a Client Identifier", version: 5, packet: { ...CONNECT, clientId: "\0" } },
  { name: "Keep Alive 65,536", version: 5, packet: { ...CONNECT, keepAliveSeconds: 65_536 } },
  { name: "Keep Alive -1", version: 5, packet: { ...CONNECT, keepAliveSeconds: -1 } },
  { name: "CONNECT of another version", version: 4, packet: CONNECT },
  {
    name: "a Password without a User Name [MQTT-3.1.2-22]",
    version: 4,
    packet: { ...CONNECT, protocolVersion: 4, password: new Uint8Array(1) },
  },
  { name: "a Password of 65,536 bytes", version: 5, packet: { ...CONNECT, password: new Uint8Array(65_536) } },
  {
    name: "a wildcard in Will Topic [MQTT-4.7.0-1]",
    version: 5,
    packet: {
      ...CONNECT,
      will: { topic: "#", payload: new Uint8Array(), qos: 0, retain: false, properties: NO_PROPERTIES },
    },
  },
  {
    name: "SUBSCRIBE without a Topic Filter [MQTT-3.8.3-2]",
    version: 4,
    packet: { type: "subscribe", packetIdentifier: 1, subscriptions: [], properties: NO_PROPERTIES },
  },
  {
    name: "UNSUBSCRIBE without a Topic Filter [MQTT-3.10.3-2]",
    version: 5,
    packet: { type: "unsubscribe", packetIdentifier: 1, topicFilters: [], properties: NO_PROPERTIES },
  },
  {
    name: "SUBACK without a Reason Code [MQTT-3.8.4-6]",
    version: 4,
    packet: { type: "suback", packetIdentifier: 1, reasonCodes: [], properties: NO_PROPERTIES },
  },
  {
    name: "SUBACK with Reason Code 0x11 [MQTT-3.9.3-2]",
    version: 5,
    packet: { type: "suback", packetIdentifier: 1, reasonCodes: [0x11], properties: NO_PROPERTIES },
  },
  {
    name: "UNSUBACK without a Reason Code [MQTT-3.11.3-2]",
    version: 5,
    packet: { type: "unsuback", packetIdentifier: 1, reasonCodes: [], properties: NO_PROPERTIES },
  },
  {
    name: "PUBREL with Reason Code 0x80 [MQTT-3.6.2-1]",
    version: 5,
    packet: { type: "pubrel", packetIdentifier: 1, reasonCode: 0x80, properties: NO_PROPERTIES },
  },
  {
    name: "DISCONNECT with Reason Code 0x84 [MQTT-3.14.2-1]",
    version: 5,
    packet: { type: "disconnect", reasonCode: 0x84, properties: NO_PROPERTIES },
  },
  { name: "CONNACK with Reason Code 0x8b [MQTT-3.2.2-8]", version: 5, packet: { ...CONNACK, reasonCode: 0x8b } },
  {
    name: "CONNACK with a Reason Code that 3.1.1 has no return code for [MQTT-3.2.2-6]",
    version: 4,
    packet: { ...CONNACK, reasonCode: 0x95 },
  },
  {
    name: "CONNACK that refuses with Session Present [MQTT-3.2.2-6]",
    version: 5,
    packet: { ...CONNACK, sessionPresent: true, reasonCode: 0x87 },
  },
  { name: "AUTH [MQTT 3.15]", version: 4, packet: { type: "auth", reasonCode: 0x00, properties: NO_PROPERTIES } },
  {
    name: "AUTH without a Method [MQTT 3.15.2.2.2]",
    version: 5,
    packet: { type: "auth", reasonCode: 0x18, properties: NO_PROPERTIES },
  },
  { name: "a property where it may not stand", version: 5, packet: { ...PUBLISH, properties: { receiveMaximum: 1 } } },
  { name: "Payload Format Indicator 2", version: 5, packet: { ...PUBLISH, properties: { payloadFormatIndicator: 2 } } },
  { name: "Message Expiry Interval -1", version: 5, packet: { ...PUBLISH, properties: { messageExpiryInterval: -1 } } },
  {
    name: "Message Expiry Interval 4,294,967,296",
    version: 5,
    packet: { ...PUBLISH, properties: { messageExpiryInterval: 4_294_967_296 } },
  },
  { name: "Topic Alias 65,536", version: 5, packet: { ...PUBLISH, properties: { topicAlias: 65_536 } } },
  { name: "Topic Alias 0.5", version: 5, packet: { ...PUBLISH, properties: { topicAlias: 0.5 } } },
  { name: "Receive Maximum 0", version: 5, packet: { ...CONNECT, properties: { receiveMaximum: 0 } } },
  { name: "Maximum Packet Size 0", version: 5, packet: { ...CONNECT, properties: { maximumPacketSize: 0 } } },
  { name: "Response Topic with a wildcard", version: 5, packet: { ...PUBLISH, properties: { responseTopic: "#" } } },
  {
    name: "Subscription Identifier 0",
    version: 5,
    packet: { ...PUBLISH, properties: { subscriptionIdentifiers: [0] } },
  },
  {
    name: "Subscription Identifier 268,435,456",
    version: 5,
    packet: { ...PUBLISH, properties: { subscriptionIdentifiers: [268_435_456] } },
  },
  {
    name: "two Subscription Identifiers in SUBSCRIBE",
    version: 5,
    packet: {
      type: "subscribe",
      packetIdentifier: 1,
      subscriptions: [{ topicFilter: "a", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
      properties: { subscriptionIdentifiers: [1, 2] },
    },
  },
];
for (const { name, version, packet } of REFUSED) {
  Deno.test(`encode refuses ${name} v${version}`, () => {
    assertThrows(() => encodePacket(packet, version), RangeError, "Cannot encode");
    const encoder = new PacketEncoder({ protocolVersion: version });
    assertThrows(() => encoder.encode(packet), RangeError);
    assertThrows(() => encoder.encodeBatch([{ type: "pingreq" }, packet]), RangeError);
    // Nothing of it is left in the buffer.
    assertEquals(toHex(encoder.encode({ type: "pingreq" })), "c000");
  });
}

Deno.test("encode refuses a packet beyond the largest Remaining Length [MQTT 2.1.4]", () => {
  // A Remaining Length of 3 bytes for topic and payload each beyond the limit: the payload alone is not.
  const payload = new Uint8Array(268_435_455 - 2);
  assertThrows(() => encodePacket({ ...PUBLISH, payload }, 4), RangeError, "Variable Byte Integer");
  assertThrows(
    () => new PacketEncoder({ protocolVersion: 4 }).encode({ ...PUBLISH, payload }),
    RangeError,
    "Variable Byte Integer",
  );
});

Deno.test("writeBatch() joins packets and frames in their order", () => {
  const frame = fromHex("d0 00");
  const batch = [PUBLISH, frame, QOS_1, frame];
  const hex = toHex(fromHex("30 [ 'a' \"hi\" ] d0 00 32 [ 'a' 0001 \"hi\" ] d0 00"));
  assertEquals(toHex(writeBatch(batch, 4)), hex);
  assertEquals(toHex(new PacketEncoder({ protocolVersion: 4 }).encodeBatch(batch)), hex);
});

Deno.test("writeBatch() passes a frame that is alone on as it is", () => {
  const frame = fromHex("d0 00");
  assertStrictEquals(writeBatch([frame], 4), frame);
});

Deno.test("writeBatch() of nothing gives no bytes", () => assertEquals(writeBatch([], 5).length, 0));

Deno.test("writeBatch() is right where its guess of the size is not", () => {
  const packets = Array.from({ length: 50 }, (_, index): Packet => ({
    ...PUBLISH,
    topic: "\u4e2d".repeat(index * 20 + 1),
    properties: { userProperties: [["k".repeat(index), "v"]], contentType: "text" },
  }));
  const each = packets.map((packet) => toHex(encodePacket(packet, 5))).join("");
  assertEquals(toHex(writeBatch(packets, 5)), each);
});

Deno.test("encoders that share a TopicInterner write the same topic", () => {
  const topics = new TopicInterner(2);
  const [four, five] = ([4, 5] as const).map((protocolVersion) => new PacketEncoder({ protocolVersion, topics }));
  for (const topic of ["a", "b", "\u4e2d", "a", "c", "\u4e2d".repeat(200), "a"]) {
    const packet = { ...PUBLISH, topic };
    assertEquals(four?.encode(packet), encodePacket(packet, 4));
    assertEquals(five?.encode(packet), encodePacket(packet, 5));
  }
});
