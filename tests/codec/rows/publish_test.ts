import type { PublishPacket } from "../../../src/codec/packet.ts";
import { NO_PROPERTIES } from "../../../src/codec/property.ts";
import { fromHex } from "../hex.ts";
import { ALL, BEFORE_V5, type Row, testRows, V4, V5 } from "./row.ts";

const PUBLISH: PublishPacket = {
  type: "publish",
  dup: false,
  qos: 0,
  retain: false,
  topic: "a/b",
  packetIdentifier: 0,
  properties: NO_PROPERTIES,
  payload: fromHex('"hi"'),
};
const QOS_1: PublishPacket = { ...PUBLISH, qos: 1, packetIdentifier: 10 };
const QOS_2: PublishPacket = { ...PUBLISH, qos: 2, packetIdentifier: 65_535 };
const EMPTY = new Uint8Array();

// deno-fmt-ignore
const GOOD: readonly Row[] = [
  { name: "PUBLISH in plain hex [MQTT 3.3]", versions: BEFORE_V5, hex: "30 07 00 03 61 2f 62 68 69", packet: PUBLISH },
  { name: "PUBLISH in plain hex [MQTT 3.3]", versions: V5, hex: "30 08 00 03 61 2f 62 00 68 69", packet: PUBLISH },
  { name: "PUBLISH QoS 1 [MQTT 3.3.2.2]", versions: BEFORE_V5, hex: "32 [ 'a/b' 000a \"hi\" ]", packet: QOS_1 },
  { name: "PUBLISH QoS 1 [MQTT 3.3.2.2]", versions: V5, hex: "32 [ 'a/b' 000a [] \"hi\" ]", packet: QOS_1 },
  { name: "PUBLISH QoS 2 [MQTT 3.3.2.2]", versions: BEFORE_V5, hex: "34 [ 'a/b' ffff \"hi\" ]", packet: QOS_2 },
  { name: "PUBLISH QoS 2 [MQTT 3.3.2.2]", versions: V5, hex: "34 [ 'a/b' ffff [] \"hi\" ]", packet: QOS_2 },
  { name: "PUBLISH RETAIN [MQTT-3.3.1-5]", versions: BEFORE_V5, hex: "31 [ 'a/b' \"hi\" ]", packet: { ...PUBLISH, retain: true } },
  { name: "PUBLISH DUP QoS 1 [MQTT-3.3.1-1]", versions: BEFORE_V5, hex: "3a [ 'a/b' 000a \"hi\" ]", packet: { ...QOS_1, dup: true } },
  { name: "PUBLISH DUP QoS 2 RETAIN [MQTT-3.3.1-1]", versions: V5, hex: "3d [ 'a/b' ffff [] \"hi\" ]", packet: { ...QOS_2, dup: true, retain: true } },
  { name: "PUBLISH without a payload [MQTT 3.3.3]", versions: BEFORE_V5, hex: "30 [ 'a/b' ]", packet: { ...PUBLISH, payload: EMPTY } },
  { name: "PUBLISH without a payload [MQTT 3.3.3]", versions: V5, hex: "30 [ 'a/b' [] ]", packet: { ...PUBLISH, payload: EMPTY } },
  { name: "PUBLISH whose payload is no text [MQTT 3.3.3]", versions: BEFORE_V5, hex: "30 [ 'a/b' 00ff80 ]", packet: { ...PUBLISH, payload: fromHex("00ff80") } },
  { name: "PUBLISH to a topic of one separator [MQTT 4.7.3]", versions: V4, hex: "30 [ '/' \"hi\" ]", packet: { ...PUBLISH, topic: "/" } },
  { name: "PUBLISH to a topic with a space [MQTT 4.7.3]", versions: V4, hex: "30 [ 'a b' \"hi\" ]", packet: { ...PUBLISH, topic: "a b" } },
  { name: "PUBLISH to a topic beginning with $ [MQTT 4.7.2]", versions: V4, hex: "30 [ '$x' \"hi\" ]", packet: { ...PUBLISH, topic: "$x" } },
  {
    name: "PUBLISH to the longest topic [MQTT-4.7.3-3]",
    versions: V4,
    hex: `30 [ ffff ${"78".repeat(65_535)} ]`,
    packet: { ...PUBLISH, topic: "x".repeat(65_535), payload: EMPTY },
  },
  {
    name: "PUBLISH with every property [MQTT 3.3.2.3]",
    versions: V5,
    hex: `32 [ 'a/b' 000a [ 01 00 02 00000000 03 '' 08 'r' 09 0001 00 0b 01 0b ffffff7f 23 0001 26 '' '' 26 'b' 'c' ]
      "hi" ]`,
    packet: {
      ...QOS_1,
      properties: {
        payloadFormatIndicator: 0,
        messageExpiryInterval: 0,
        contentType: "",
        responseTopic: "r",
        correlationData: fromHex("00"),
        subscriptionIdentifiers: [1, 268_435_455],
        topicAlias: 1,
        userProperties: [["", ""], ["b", "c"]],
      },
    },
  },
  {
    name: "PUBLISH with a Topic Alias for its topic [MQTT 3.3.2.3.4]",
    versions: V5,
    hex: "30 [ '' [ 23 ffff ] \"hi\" ]",
    packet: { ...PUBLISH, topic: "", properties: { topicAlias: 65_535 } },
  },
  {
    name: "PUBLISH with Topic Alias 0, which is for the connection to refuse [MQTT-3.3.2-8]",
    versions: V5,
    hex: "30 [ '' [ 23 0000 ] \"hi\" ]",
    packet: { ...PUBLISH, topic: "", properties: { topicAlias: 0 } },
  },
];

// deno-fmt-ignore
const BAD: readonly Row[] = [
  { name: "PUBLISH QoS 3 [MQTT-3.3.1-4]", versions: BEFORE_V5, hex: "36 [ 'a' 0001 ]", reasonCode: 0x81 },
  { name: "PUBLISH QoS 3 [MQTT-3.3.1-4]", versions: V5, hex: "36 06 0001 61 0001 00", reasonCode: 0x81 },
  { name: "PUBLISH DUP QoS 3 RETAIN [MQTT-3.3.1-4]", versions: ALL, hex: "3f [ 'a' 0001 00 ]", reasonCode: 0x81 },
  { name: "PUBLISH DUP with QoS 0 [MQTT-3.3.1-2]", versions: BEFORE_V5, hex: "38 03 0001 61", reasonCode: 0x81 },
  { name: "PUBLISH DUP with QoS 0 [MQTT-3.3.1-2]", versions: V5, hex: "39 04 0001 61 00", reasonCode: 0x81 },
  { name: "PUBLISH Packet Identifier 0 with QoS 1 [MQTT-2.3.1-1]", versions: BEFORE_V5, hex: "32 [ 'a' 0000 ]", reasonCode: 0x82 },
  { name: "PUBLISH Packet Identifier 0 with QoS 2 [MQTT-2.3.1-1]", versions: V5, hex: "34 [ 'a' 0000 [] ]", reasonCode: 0x82 },
  { name: "PUBLISH QoS 1 without a Packet Identifier [MQTT-2.3.1-1]", versions: ALL, hex: "32 [ 'a' ]", reasonCode: 0x81 },
  { name: "PUBLISH QoS 2 with half a Packet Identifier [MQTT-2.3.1-1]", versions: ALL, hex: "34 [ 'a' 00 ]", reasonCode: 0x81 },
  { name: "PUBLISH without a body [MQTT-3.3.2-1]", versions: ALL, hex: "30 00", reasonCode: 0x81 },
  { name: "PUBLISH with half the length of a topic [MQTT-3.3.2-1]", versions: ALL, hex: "30 01 00", reasonCode: 0x81 },
  { name: "PUBLISH that ends within its topic [MQTT-3.3.2-1]", versions: ALL, hex: "30 [ 0004 6162 63 ]", reasonCode: 0x81 },
  { name: "PUBLISH with an empty topic [MQTT-4.7.3-1]", versions: BEFORE_V5, hex: "30 [ '' \"hi\" ]", reasonCode: 0x81 },
  { name: "PUBLISH with neither topic nor Topic Alias [MQTT 3.3.2.1]", versions: V5, hex: "30 [ '' [] \"hi\" ]", reasonCode: 0x82 },
  { name: "PUBLISH to a topic of # [MQTT-3.3.2-2]", versions: BEFORE_V5, hex: "30 [ '#' ]", reasonCode: 0x90 },
  { name: "PUBLISH to a topic with + [MQTT-3.3.2-2]", versions: BEFORE_V5, hex: "30 [ 'a/+/b' ]", reasonCode: 0x90 },
  { name: "PUBLISH to a topic with # inside a level [MQTT-3.3.2-2]", versions: V5, hex: "30 [ 'a#' [] ]", reasonCode: 0x90 },
  { name: "PUBLISH to a topic with + inside a level [MQTT-3.3.2-2]", versions: V5, hex: "30 [ 'a+b' [] ]", reasonCode: 0x90 },
  {
    name: "PUBLISH to a long topic with # at its end [MQTT-3.3.2-2]",
    versions: V4,
    hex: `30 [ 012d ${"78".repeat(300)} 23 ]`,
    reasonCode: 0x90,
  },
  { name: "PUBLISH without a Property Length [MQTT 2.1.4]", versions: V5, hex: "30 [ 'a' ]", reasonCode: 0x81 },
  { name: "PUBLISH QoS 1 without a Property Length [MQTT 2.1.4]", versions: V5, hex: "32 [ 'a' 0001 ]", reasonCode: 0x81 },
];

testRows([...GOOD, ...BAD]);
