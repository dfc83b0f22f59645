import type { UnsubackPacket, UnsubscribePacket } from "../../../src/codec/packet.ts";
import { NO_PROPERTIES } from "../../../src/codec/property.ts";
import { ALL, BEFORE_V5, type Row, SINCE_V4, testRows, V3, V4, V5 } from "./row.ts";

const UNSUBSCRIBE: UnsubscribePacket = {
  type: "unsubscribe",
  packetIdentifier: 10,
  topicFilters: ["a"],
  properties: NO_PROPERTIES,
};
const UNSUBACK: UnsubackPacket = {
  type: "unsuback",
  packetIdentifier: 10,
  reasonCodes: [],
  properties: NO_PROPERTIES,
};

// deno-fmt-ignore
testRows([
  { name: "UNSUBSCRIBE in plain hex [MQTT 3.10]", versions: BEFORE_V5, hex: "a2 05 00 0a 00 01 61", packet: UNSUBSCRIBE },
  { name: "UNSUBSCRIBE in plain hex [MQTT 3.10]", versions: V5, hex: "a2 06 00 0a 00 00 01 61", packet: UNSUBSCRIBE },
  { name: "UNSUBSCRIBE from several Topic Filters [MQTT-3.10.3-2]", versions: BEFORE_V5, hex: "a2 [ ffff 'a' '#' '+/b' ]", packet: { ...UNSUBSCRIBE, packetIdentifier: 65_535, topicFilters: ["a", "#", "+/b"] } },
  { name: "UNSUBSCRIBE with User Properties [MQTT 3.10.2.1.2]", versions: V5, hex: "a2 [ 000a [ 26 'k' 'v' ] 'a' ]", packet: { ...UNSUBSCRIBE, properties: { userProperties: [["k", "v"]] } } },
  { name: "UNSUBSCRIBE with DUP, which 3.1 sets when it sends it once more [MQTT 3.1 2.1]", versions: V3, hex: "aa [ 000a 'a' ]", packet: UNSUBSCRIBE, isLongForm: true },
  { name: "UNSUBSCRIBE with DUP [MQTT-2.1.3-1]", versions: V4, hex: "aa [ 000a 'a' ]", reasonCode: 0x81 },
  { name: "UNSUBSCRIBE with DUP [MQTT-2.1.3-1]", versions: V5, hex: "aa [ 000a [] 'a' ]", reasonCode: 0x81 },
  ...["a3", "ab"].map((first): Row => ({ name: `UNSUBSCRIBE first byte ${first}, of which 3.1 does not use the last bit [MQTT 3.1 2.1]`, versions: V3, hex: `${first} [ 000a 'a' ]`, packet: UNSUBSCRIBE, isLongForm: true })),
  { name: "UNSUBSCRIBE first byte a3 [MQTT-2.1.3-1]", versions: SINCE_V4, hex: "a3 [ 000a 'a' ]", reasonCode: 0x81 },
  ...["a0", "a1", "a4", "a6", "af"].map((first): Row => ({ name: `UNSUBSCRIBE first byte ${first} [MQTT-2.1.3-1]`, versions: ALL, hex: `${first} [ 000a 'a' ]`, reasonCode: 0x81 })),
  { name: "UNSUBSCRIBE Packet Identifier 0 [MQTT-2.3.1-1]", versions: ALL, hex: "a2 [ 0000 'a' ]", reasonCode: 0x82 },
  { name: "UNSUBSCRIBE without a Topic Filter [MQTT-3.10.3-2]", versions: BEFORE_V5, hex: "a2 [ 000a ]", reasonCode: 0x82 },
  { name: "UNSUBSCRIBE without a Topic Filter [MQTT-3.10.3-2]", versions: V5, hex: "a2 [ 000a [] ]", reasonCode: 0x82 },
  { name: "UNSUBSCRIBE without a body [MQTT 2.1.4]", versions: ALL, hex: "a2 00", reasonCode: 0x81 },
  { name: "UNSUBSCRIBE without a Property Length [MQTT 2.1.4]", versions: V5, hex: "a2 [ 000a ]", reasonCode: 0x81 },
  { name: "UNSUBSCRIBE that ends within a Topic Filter [MQTT 2.1.4]", versions: BEFORE_V5, hex: "a2 [ 000a 'a' 0003 61 ]", reasonCode: 0x81 },
  { name: "UNSUBSCRIBE that ends within the length of a Topic Filter [MQTT 2.1.4]", versions: BEFORE_V5, hex: "a2 [ 000a 'a' 00 ]", reasonCode: 0x81 },
  { name: "UNSUBSCRIBE with ill-formed UTF-8 in a Topic Filter [MQTT-1.5.4-1]", versions: BEFORE_V5, hex: "a2 [ 000a 0001 ff ]", reasonCode: 0x81 },

  { name: "UNSUBACK [MQTT 3.11]", versions: BEFORE_V5, hex: "b0 02 00 0a", packet: UNSUBACK },
  { name: "UNSUBACK with every Reason Code [MQTT-3.11.3-2]", versions: V5, hex: "b0 [ 000a [] 00 11 80 83 87 8f 91 ]", packet: { ...UNSUBACK, reasonCodes: [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91] } },
  { name: "UNSUBACK with its properties [MQTT 3.11.2.1]", versions: V5, hex: "b0 [ 000a [ 1f 'why' 26 'k' 'v' ] 00 ]", packet: { ...UNSUBACK, reasonCodes: [0x00], properties: { reasonString: "why", userProperties: [["k", "v"]] } } },
  { name: "UNSUBACK flags 0010 [MQTT-2.1.3-1]", versions: SINCE_V4, hex: "b2 02 00 0a", reasonCode: 0x81 },
  { name: "UNSUBACK Packet Identifier 0 [MQTT-2.3.1-1]", versions: BEFORE_V5, hex: "b0 02 00 00", reasonCode: 0x82 },
  { name: "UNSUBACK Packet Identifier 0 [MQTT-2.3.1-1]", versions: V5, hex: "b0 04 00 00 00 00", reasonCode: 0x82 },
  { name: "UNSUBACK without a body [MQTT 2.1.4]", versions: ALL, hex: "b0 00", reasonCode: 0x81 },
  { name: "UNSUBACK with a byte behind it [MQTT 2.1.4]", versions: BEFORE_V5, hex: "b0 03 00 0a 00", reasonCode: 0x81 },
  { name: "UNSUBACK without a Property Length [MQTT 2.1.4]", versions: V5, hex: "b0 02 00 0a", reasonCode: 0x81 },
  { name: "UNSUBACK without a Reason Code [MQTT-3.8.4-6]", versions: V5, hex: "b0 03 00 0a 00", reasonCode: 0x82 },
  ...["01", "02", "10", "12", "81", "97", "a2", "ff"].map((code): Row => ({ name: `UNSUBACK Reason Code 0x${code} [MQTT 2.4]`, versions: V5, hex: `b0 05 00 0a 00 00 ${code}`, reasonCode: 0x82 })),
]);
