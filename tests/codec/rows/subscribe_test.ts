import type { SubackPacket, SubscribeEntry, SubscribePacket } from "../../../src/codec/packet.ts";
import { NO_PROPERTIES } from "../../../src/codec/property.ts";
import type { ReasonCode } from "../../../src/codec/reason_code.ts";
import { ALL, BEFORE_V5, type Row, SINCE_V4, testRows, V3, V4, V5 } from "./row.ts";

const ENTRY: SubscribeEntry = {
  topicFilter: "a",
  qos: 0,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0,
};
const SUBSCRIBE: SubscribePacket = {
  type: "subscribe",
  packetIdentifier: 10,
  subscriptions: [ENTRY],
  properties: NO_PROPERTIES,
};
const SUBACK: SubackPacket = {
  type: "suback",
  packetIdentifier: 10,
  reasonCodes: [0x00],
  properties: NO_PROPERTIES,
};
const SUBACK_CODES: readonly ReasonCode[] = [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2];

// deno-fmt-ignore
testRows([
  { name: "SUBSCRIBE in plain hex [MQTT 3.8]", versions: BEFORE_V5, hex: "82 06 00 0a 00 01 61 00", packet: SUBSCRIBE },
  { name: "SUBSCRIBE in plain hex [MQTT 3.8]", versions: V5, hex: "82 07 00 0a 00 00 01 61 00", packet: SUBSCRIBE },
  { name: "SUBSCRIBE to several Topic Filters [MQTT-3.8.3-2]", versions: BEFORE_V5, hex: "82 [ ffff 'a' 00 '#' 01 '+/b' 02 ]", packet: { ...SUBSCRIBE, packetIdentifier: 65_535, subscriptions: [ENTRY, { ...ENTRY, topicFilter: "#", qos: 1 }, { ...ENTRY, topicFilter: "+/b", qos: 2 }] } },
  { name: "SUBSCRIBE with No Local [MQTT-3.8.3-3]", versions: V5, hex: "82 [ 000a [] 'a' 04 ]", packet: { ...SUBSCRIBE, subscriptions: [{ ...ENTRY, noLocal: true }] } },
  { name: "SUBSCRIBE with Retain As Published [MQTT 3.8.3.1]", versions: V5, hex: "82 [ 000a [] 'a' 08 ]", packet: { ...SUBSCRIBE, subscriptions: [{ ...ENTRY, retainAsPublished: true }] } },
  { name: "SUBSCRIBE with Retain Handling 1 [MQTT 3.8.3.1]", versions: V5, hex: "82 [ 000a [] 'a' 10 ]", packet: { ...SUBSCRIBE, subscriptions: [{ ...ENTRY, retainHandling: 1 }] } },
  { name: "SUBSCRIBE with every option [MQTT 3.8.3.1]", versions: V5, hex: "82 [ 000a [] 'a' 2e ]", packet: { ...SUBSCRIBE, subscriptions: [{ topicFilter: "a", qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 }] } },
  { name: "SUBSCRIBE with its properties [MQTT 3.8.2.1]", versions: V5, hex: "82 [ 000a [ 0b 8001 26 'k' 'v' ] 'a' 01 ]", packet: { ...SUBSCRIBE, subscriptions: [{ ...ENTRY, qos: 1 }], properties: { subscriptionIdentifiers: [128], userProperties: [["k", "v"]] } } },
  { name: "SUBSCRIBE to a Topic Filter that is not one, which is for the connection to refuse [MQTT-4.7.1-1]", versions: BEFORE_V5, hex: "82 [ 000a 'a#' 00 '' 00 ]", packet: { ...SUBSCRIBE, subscriptions: [{ ...ENTRY, topicFilter: "a#" }, { ...ENTRY, topicFilter: "" }] } },
  { name: "SUBSCRIBE with DUP, which 3.1 sets when it sends it once more [MQTT 3.1 2.1]", versions: V3, hex: "8a [ 000a 'a' 00 ]", packet: SUBSCRIBE, isLongForm: true },
  { name: "SUBSCRIBE with DUP [MQTT-2.1.3-1]", versions: V4, hex: "8a [ 000a 'a' 00 ]", reasonCode: 0x81 },
  { name: "SUBSCRIBE with DUP [MQTT-2.1.3-1]", versions: V5, hex: "8a [ 000a [] 'a' 00 ]", reasonCode: 0x81 },
  ...["83", "8b"].map((first): Row => ({ name: `SUBSCRIBE first byte ${first}, of which 3.1 does not use the last bit [MQTT 3.1 2.1]`, versions: V3, hex: `${first} [ 000a 'a' 00 ]`, packet: SUBSCRIBE, isLongForm: true })),
  { name: "SUBSCRIBE first byte 83 [MQTT-2.1.3-1]", versions: SINCE_V4, hex: "83 [ 000a 'a' 00 ]", reasonCode: 0x81 },
  ...["80", "81", "86", "84", "8f"].map((first): Row => ({ name: `SUBSCRIBE first byte ${first} [MQTT-2.1.3-1]`, versions: ALL, hex: `${first} [ 000a 'a' 00 ]`, reasonCode: 0x81 })),
  { name: "SUBSCRIBE Packet Identifier 0 [MQTT-2.3.1-1]", versions: BEFORE_V5, hex: "82 [ 0000 'a' 00 ]", reasonCode: 0x82 },
  { name: "SUBSCRIBE Packet Identifier 0 [MQTT-2.3.1-1]", versions: V5, hex: "82 [ 0000 [] 'a' 00 ]", reasonCode: 0x82 },
  { name: "SUBSCRIBE without a Topic Filter [MQTT-3.8.3-2]", versions: BEFORE_V5, hex: "82 [ 000a ]", reasonCode: 0x82 },
  { name: "SUBSCRIBE without a Topic Filter [MQTT-3.8.3-2]", versions: V5, hex: "82 [ 000a [] ]", reasonCode: 0x82 },
  { name: "SUBSCRIBE without a body [MQTT 2.1.4]", versions: ALL, hex: "82 00", reasonCode: 0x81 },
  { name: "SUBSCRIBE without a Property Length [MQTT 2.1.4]", versions: V5, hex: "82 [ 000a ]", reasonCode: 0x81 },
  { name: "SUBSCRIBE without Subscription Options [MQTT 2.1.4]", versions: BEFORE_V5, hex: "82 [ 000a 'a' ]", reasonCode: 0x81 },
  { name: "SUBSCRIBE without the second Subscription Options [MQTT 2.1.4]", versions: V5, hex: "82 [ 000a [] 'a' 00 'b' ]", reasonCode: 0x81 },
  { name: "SUBSCRIBE that ends within a Topic Filter [MQTT 2.1.4]", versions: BEFORE_V5, hex: "82 [ 000a 0003 61 ]", reasonCode: 0x81 },
  { name: "SUBSCRIBE with U+0000 in a Topic Filter [MQTT-1.5.4-2]", versions: BEFORE_V5, hex: "82 [ 000a 0002 6100 00 ]", reasonCode: 0x81 },
  { name: "SUBSCRIBE QoS 3 [MQTT-3-8.3-4]", versions: BEFORE_V5, hex: "82 [ 000a 'a' 03 ]", reasonCode: 0x81 },
  { name: "SUBSCRIBE QoS 3 [MQTT 3.8.3.1]", versions: V5, hex: "82 [ 000a [] 'a' 03 ]", reasonCode: 0x82 },
  { name: "SUBSCRIBE Retain Handling 3 [MQTT 3.8.3.1]", versions: V5, hex: "82 [ 000a [] 'a' 30 ]", reasonCode: 0x82 },
  ...["04", "08", "10", "20", "40", "80", "fd"].map((options): Row => ({ name: `SUBSCRIBE options ${options} [MQTT-3-8.3-4]`, versions: BEFORE_V5, hex: `82 [ 000a 'a' ${options} ]`, reasonCode: 0x81 })),
  ...["40", "80", "c3"].map((options): Row => ({ name: `SUBSCRIBE options ${options} [MQTT-3.8.3-5]`, versions: V5, hex: `82 [ 000a [] 'a' ${options} ]`, reasonCode: 0x81 })),

  { name: "SUBACK [MQTT 3.9]", versions: BEFORE_V5, hex: "90 03 00 0a 00", packet: SUBACK },
  { name: "SUBACK [MQTT 3.9]", versions: V5, hex: "90 04 00 0a 00 00", packet: SUBACK },
  { name: "SUBACK with every return code [MQTT-3.9.3-2]", versions: BEFORE_V5, hex: "90 06 00 0a 00 01 02 80", packet: { ...SUBACK, reasonCodes: [0x00, 0x01, 0x02, 0x80] } },
  { name: "SUBACK with every Reason Code [MQTT-3.9.3-2]", versions: V5, hex: "90 [ 000a [] 00 01 02 80 83 87 8f 91 97 9e a1 a2 ]", packet: { ...SUBACK, reasonCodes: SUBACK_CODES } },
  { name: "SUBACK with its properties [MQTT 3.9.2.1]", versions: V5, hex: "90 [ 000a [ 1f 'why' 26 'k' 'v' ] 87 ]", packet: { ...SUBACK, reasonCodes: [0x87], properties: { reasonString: "why", userProperties: [["k", "v"]] } } },
  { name: "SUBACK flags 0010 [MQTT-2.1.3-1]", versions: SINCE_V4, hex: "92 03 00 0a 00", reasonCode: 0x81 },
  { name: "SUBACK Packet Identifier 0 [MQTT-2.3.1-1]", versions: ALL, hex: "90 04 00 00 00 00", reasonCode: 0x82 },
  { name: "SUBACK without a return code [MQTT-3.8.4-6]", versions: BEFORE_V5, hex: "90 02 00 0a", reasonCode: 0x82 },
  { name: "SUBACK without a Reason Code [MQTT-3.8.4-6]", versions: V5, hex: "90 03 00 0a 00", reasonCode: 0x82 },
  { name: "SUBACK without a body [MQTT 2.1.4]", versions: ALL, hex: "90 00", reasonCode: 0x81 },
  ...["03", "7f", "81", "87", "ff"].map((code): Row => ({ name: `SUBACK return code ${code} [MQTT-3.9.3-2]`, versions: BEFORE_V5, hex: `90 04 00 0a 00 ${code}`, reasonCode: 0x81 })),
  ...["03", "04", "10", "11", "7f", "81", "82", "90", "92", "ff"].map((code): Row => ({ name: `SUBACK Reason Code 0x${code} [MQTT 2.4]`, versions: V5, hex: `90 05 00 0a 00 00 ${code}`, reasonCode: 0x82 })),
]);
