import { connect, packet, text, uint16, uint8 } from "../interop/raw_client.ts";

export type Version = 4 | 5;

/** Something hostile that a client says once it is connected. */
export interface Row {
  readonly name: string;
  readonly hex: string | ((version: Version) => string);
  /** Without it: both. */
  readonly version?: Version;
  /** The connection ends: MQTT 5 says DISCONNECT with this Reason Code first, 3.1.1 says nothing. */
  readonly ends?: number;
  /** It is answered, in this version, and the connection goes on. "" is no answer. */
  readonly answer?: { readonly [version in Version]?: RegExp };
}

const NOTHING = /^$/;
/** Properties, or nothing for 3.1.1. */
const properties = (version: Version, hex = "") => version === 5 ? uint8(hex.replaceAll(" ", "").length / 2) + hex : "";
const v5Publish = (topic: string, propertiesHex: string) => packet("30", text(topic), properties(5, propertiesHex));
const subscribeTo = (version: Version, filter: string, options = "00", propertiesHex = "") =>
  packet("82", "0001", properties(version, propertiesHex), text(filter), options);
const ACKNOWLEDGEMENTS = [["PUBACK", "40"], ["PUBREC", "50"], ["PUBREL", "62"], ["PUBCOMP", "70"]] as const;

export const ROWS: readonly Row[] = [
  // CONNECT, and what only a server sends.
  { name: "a second CONNECT [MQTT-3.1.0-2]", hex: (version) => connect({ clientId: "again", version }), ends: 0x82 },
  {
    name: "a second CONNECT of an unknown level [MQTT-3.1.0-2]",
    hex: packet("10", text("MQTT"), "06 02 003c 00", text("again")),
    ends: 0x82,
  },
  { name: "CONNACK", hex: (version) => packet("20", "0000", properties(version)), ends: 0x82 },
  { name: "SUBACK", hex: (version) => packet("90", "0001", properties(version), "00"), ends: 0x82 },
  { name: "UNSUBACK 3.1.1", hex: "b0 02 0001", version: 4, ends: 0x82 },
  { name: "UNSUBACK 5", hex: "b0 04 0001 00 00", version: 5, ends: 0x82 },
  { name: "PINGRESP", hex: "d0 00", ends: 0x82 },
  { name: "packet type 0 [MQTT-2.1.2-1]", hex: "00 00", ends: 0x81 },
  { name: "AUTH in 3.1.1, where it is reserved", hex: "f0 00", version: 4, ends: 0x81 },
  // Fixed header.
  { name: "a Remaining Length of five bytes", hex: "30 ff ff ff ff 01", ends: 0x81 },
  { name: "a Remaining Length that is longer than needed [MQTT-1.5.5-1]", hex: "c0 80 00", version: 5, ends: 0x81 },
  { name: "a packet above the maximum [MQTT-3.2.2-15]", hex: "30 81 80 80 01 0001 61", ends: 0x95 },
  // PUBLISH
  { name: "PUBLISH with QoS 3 [MQTT-3.3.1-4]", hex: (v) => packet("36", text("t"), "0001", properties(v)), ends: 0x81 },
  { name: "PUBLISH with DUP and QoS 0 [MQTT-3.3.1-2]", hex: (v) => packet("38", text("t"), properties(v)), ends: 0x81 },
  {
    name: "PUBLISH with Packet Identifier 0 [MQTT-2.2.1-3]",
    hex: (v) => packet("32", text("t"), "0000", properties(v)),
    ends: 0x82,
  },
  {
    name: "PUBLISH with # in its topic [MQTT-3.3.2-2]",
    hex: (v) => packet("30", text("t/#"), properties(v)),
    ends: 0x90,
  },
  {
    name: "PUBLISH with + in its topic [MQTT-3.3.2-2]",
    hex: (v) => packet("30", text("+"), properties(v)),
    ends: 0x90,
  },
  {
    name: "PUBLISH with U+0000 in its topic [MQTT-1.5.4-2]",
    hex: (v) => packet("30", "0001 00", properties(v)),
    ends: 0x81,
  },
  {
    name: "PUBLISH with over-long UTF-8 in its topic [MQTT-1.5.4-1]",
    hex: (v) => packet("30", "0002 c0af", properties(v)),
    ends: 0x81,
  },
  {
    name: "PUBLISH with a surrogate in its topic [MQTT-1.5.4-1]",
    hex: (v) => packet("30", "0003 eda080", properties(v)),
    ends: 0x81,
  },
  { name: "PUBLISH with a topic longer than the packet", hex: "30 03 ffff 61", ends: 0x81 },
  { name: "PUBLISH without a topic", hex: "30 00", ends: 0x81 },
  { name: "PUBLISH with an empty topic 3.1.1 [MQTT-4.7.3-1]", hex: "30 02 0000", version: 4, ends: 0x81 },
  { name: "PUBLISH with neither topic nor alias", hex: "30 03 0000 00", version: 5, ends: 0x82 },
  { name: "PUBLISH without a Packet Identifier", hex: "32 03 0001 61", ends: 0x81 },
  {
    name: "PUBLISH with 129 topic levels",
    hex: (v) => packet("30", text("a" + "/a".repeat(128)), properties(v)),
    ends: 0x90,
  },
  {
    name: "PUBLISH with 10,000 topic levels",
    hex: (v) => packet("30", text("/".repeat(10_000)), properties(v)),
    ends: 0x90,
  },
  { name: "PUBLISH with Topic Alias 0 [MQTT-3.3.2-8]", hex: v5Publish("t", "23 0000"), version: 5, ends: 0x94 },
  {
    name: "PUBLISH with a Topic Alias above the maximum [MQTT-3.3.2-9]",
    hex: v5Publish("t", "23 ffff"),
    version: 5,
    ends: 0x94,
  },
  { name: "PUBLISH with a Topic Alias that was not set", hex: v5Publish("", "23 0003"), version: 5, ends: 0x82 },
  {
    name: "PUBLISH with a Subscription Identifier [MQTT-3.3.4-6]",
    hex: v5Publish("t", "0b 01"),
    version: 5,
    ends: 0x82,
  },
  { name: "PUBLISH with Payload Format Indicator 2", hex: v5Publish("t", "01 02"), version: 5, ends: 0x82 },
  { name: "PUBLISH with a property twice", hex: v5Publish("t", "02 00000001 02 00000001"), version: 5, ends: 0x82 },
  {
    name: "PUBLISH with a property of CONNECT [MQTT-2.2.2-1]",
    hex: v5Publish("t", "11 00000001"),
    version: 5,
    ends: 0x81,
  },
  { name: "PUBLISH with a property that does not exist", hex: v5Publish("t", "7f 00"), version: 5, ends: 0x81 },
  {
    name: "PUBLISH with properties longer than the packet",
    hex: packet("30", text("t"), "7f 01 00"),
    version: 5,
    ends: 0x81,
  },
  { name: "PUBLISH with a property that is cut off", hex: v5Publish("t", "02 0000"), version: 5, ends: 0x81 },
  {
    name: "PUBLISH with a wildcard in its Response Topic [MQTT-3.3.2-14]",
    hex: v5Publish("t", `08 ${text("a/#")}`),
    version: 5,
    ends: 0x82,
  },
  {
    name: "101 PUBLISH with QoS 2 and no PUBREL [MQTT-3.3.4-9]",
    hex: Array.from({ length: 101 }, (_, id) => packet("34", text("t"), uint16(id + 1), "00")).join(""),
    version: 5,
    ends: 0x93,
  },
  {
    name: "PUBLISH with QoS 2 twice [MQTT-4.3.3-10]",
    hex: (v) => packet("34", text("t"), "0007", properties(v)) + packet("3c", text("t"), "0007", properties(v)),
    answer: {
      4: /^5002000750020007$/,
      5: /^5003000710(50020007|5003000710)$/,
    },
  },
  {
    name: "PUBLISH to a $-topic of nobody",
    hex: (v) => packet("30", text("$SYS/broker/uptime"), properties(v), "ff"),
    answer: { 4: NOTHING, 5: NOTHING },
  },
  // Acknowledgements
  { name: "PUBACK that nothing was sent for", hex: "40 02 0001", answer: { 4: NOTHING, 5: NOTHING } },
  { name: "PUBREC that nothing was sent for", hex: "50 02 0001", answer: { 4: /^62020001$/, 5: /^6203000192$/ } },
  { name: "PUBREL that nothing was sent for", hex: "62 02 0001", answer: { 4: /^70020001$/, 5: /^7003000192$/ } },
  { name: "PUBCOMP that nothing was sent for", hex: "70 02 0001", answer: { 4: NOTHING, 5: NOTHING } },
  ...ACKNOWLEDGEMENTS.flatMap(([type, first]): Row[] => [
    { name: `${type} without a Packet Identifier`, hex: `${first} 00`, ends: 0x81 },
    { name: `${type} with half a Packet Identifier`, hex: `${first} 01 00`, ends: 0x81 },
    { name: `${type} with Packet Identifier 0 [MQTT-2.2.1-3]`, hex: `${first} 02 0000`, ends: 0x82 },
    {
      name: `${type} with wrong flags [MQTT-2.1.3-1]`,
      hex: `${uint8(Number.parseInt(first, 16) ^ 0x01)} 02 0001`,
      ends: 0x81,
    },
    { name: `${type} with more bytes than it may have in 3.1.1`, hex: `${first} 03 0001 00`, version: 4, ends: 0x81 },
    { name: `${type} with a Reason Code that is not its own`, hex: `${first} 03 0001 8b`, version: 5, ends: 0x82 },
    { name: `${type} with a property of PUBLISH`, hex: `${first} 06 0001 00 02 01 01`, version: 5, ends: 0x81 },
  ]),
  { name: "PUBREL with flags 0000 [MQTT-3.6.1-1]", hex: "60 02 0001", ends: 0x81 },
  // SUBSCRIBE
  {
    name: "SUBSCRIBE with flags 0000 [MQTT-3.8.1-1]",
    hex: (v) => packet("80", "0001", properties(v), text("a"), "00"),
    ends: 0x81,
  },
  {
    name: "SUBSCRIBE with flags 0011 [MQTT-3.8.1-1]",
    hex: (v) => packet("83", "0001", properties(v), text("a"), "00"),
    ends: 0x81,
  },
  {
    name: "SUBSCRIBE with Packet Identifier 0 [MQTT-2.2.1-3]",
    hex: (v) => packet("82", "0000", properties(v), text("a"), "00"),
    ends: 0x82,
  },
  { name: "SUBSCRIBE without a filter [MQTT-3.8.3-2]", hex: (v) => packet("82", "0001", properties(v)), ends: 0x82 },
  { name: "SUBSCRIBE without options", hex: (v) => packet("82", "0001", properties(v), text("a")), ends: 0x81 },
  {
    name: "SUBSCRIBE with a filter longer than the packet",
    hex: (v) => packet("82", "0001", properties(v), "ffff 61 00"),
    ends: 0x81,
  },
  {
    name: "SUBSCRIBE with a filter that is not UTF-8 [MQTT-3.8.3-1]",
    hex: (v) => packet("82", "0001", properties(v), "0001 ff 00"),
    ends: 0x81,
  },
  { name: "SUBSCRIBE with QoS 3 in 3.1.1 [MQTT-3.8.3-4]", hex: subscribeTo(4, "a", "03"), version: 4, ends: 0x81 },
  { name: "SUBSCRIBE with QoS 3 in 5", hex: subscribeTo(5, "a", "03"), version: 5, ends: 0x82 },
  {
    name: "SUBSCRIBE with reserved bits in 3.1.1 [MQTT-3.8.3-4]",
    hex: subscribeTo(4, "a", "04"),
    version: 4,
    ends: 0x81,
  },
  { name: "SUBSCRIBE with reserved bits in 5 [MQTT-3.8.3-5]", hex: subscribeTo(5, "a", "40"), version: 5, ends: 0x81 },
  { name: "SUBSCRIBE with Retain Handling 3", hex: subscribeTo(5, "a", "30"), version: 5, ends: 0x82 },
  {
    name: "SUBSCRIBE with No Local and a shared filter [MQTT-3.8.3-4]",
    hex: subscribeTo(5, "$share/g/a", "04"),
    version: 5,
    ends: 0x82,
  },
  { name: "SUBSCRIBE with Subscription Identifier 0", hex: subscribeTo(5, "a", "00", "0b 00"), version: 5, ends: 0x82 },
  {
    name: "SUBSCRIBE with Subscription Identifier twice",
    hex: subscribeTo(5, "a", "00", "0b 01 0b 02"),
    version: 5,
    ends: 0x82,
  },
  // It may also be refused in SUBACK; one that is well-formed and too deep is.
  ...["a#", "#/a", "a/#/b", "a+", "+a/b", ""].map((filter): Row => ({
    name: `SUBSCRIBE to "${filter}" [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1]`,
    hex: (version) => subscribeTo(version, filter),
    ends: 0x8f,
  })),
  ...["$share/", "$share/g", "$share/g/", "$share//a", "$share/g+/a", "$share/#"].map((filter): Row => ({
    name: `SUBSCRIBE to "${filter}" [MQTT-4.8.2-1] [MQTT-4.8.2-2]`,
    hex: subscribeTo(5, filter),
    version: 5,
    ends: 0x8f,
  })),
  ...[129, 10_000].map((levels): Row => ({
    name: `SUBSCRIBE to ${levels} levels`,
    hex: (version) => subscribeTo(version, "/".repeat(levels - 1)),
    answer: { 4: /^9003000180$/, 5: /^90..0001.*8f$/ },
  })),
  // UNSUBSCRIBE
  {
    name: "UNSUBSCRIBE with flags 0000 [MQTT-3.10.1-1]",
    hex: (v) => packet("a0", "0001", properties(v), text("a")),
    ends: 0x81,
  },
  {
    name: "UNSUBSCRIBE with Packet Identifier 0 [MQTT-2.2.1-3]",
    hex: (v) => packet("a2", "0000", properties(v), text("a")),
    ends: 0x82,
  },
  { name: "UNSUBSCRIBE without a filter [MQTT-3.10.3-2]", hex: (v) => packet("a2", "0001", properties(v)), ends: 0x82 },
  {
    name: "UNSUBSCRIBE with a filter that is not UTF-8 [MQTT-3.10.3-1]",
    hex: (v) => packet("a2", "0001", properties(v), "0001 ff"),
    ends: 0x81,
  },
  {
    name: "UNSUBSCRIBE from what was not subscribed to [MQTT-3.10.4-5]",
    hex: (v) => packet("a2", "0001", properties(v), text("never")),
    answer: { 4: /^b0020001$/, 5: /^b00400010011$/ },
  },
  // PINGREQ, DISCONNECT, AUTH
  { name: "PINGREQ with flags 0001 [MQTT-2.1.3-1]", hex: "c1 00", ends: 0x81 },
  { name: "PINGREQ with a body", hex: "c0 01 00", ends: 0x81 },
  { name: "DISCONNECT with flags 0001 [MQTT-3.14.1-1]", hex: "e1 00", ends: 0x81 },
  { name: "DISCONNECT with a body in 3.1.1", hex: "e0 01 00", version: 4, ends: 0x81 },
  { name: "DISCONNECT with a Reason Code that does not exist", hex: "e0 01 01", version: 5, ends: 0x82 },
  {
    name: "DISCONNECT with a Session Expiry Interval that was 0",
    hex: "e0 07 00 05 11 00000001",
    version: 5,
    ends: 0x82,
  },
  { name: "DISCONNECT with a property of PUBLISH", hex: "e0 04 00 02 01 01", version: 5, ends: 0x81 },
  { name: "AUTH without a method in CONNECT [MQTT-4.12.0-7]", hex: "f0 00", version: 5, ends: 0x82 },
  { name: "AUTH with flags 0001 [MQTT-3.15.1-1]", hex: "f1 00", version: 5, ends: 0x81 },
  { name: "AUTH with a Reason Code that is not its own", hex: "f0 02 87 00", version: 5, ends: 0x82 },
];
