import { packet, publish, text, uint8 } from "../interop/raw_client.ts";

/** A first packet that is refused, and what may be heard before the end. */
export interface FirstRow {
  readonly name: string;
  readonly hex: string;
  readonly heard: RegExp;
}

const NOTHING = /^$/;
const CONNECT_HEAD = text("MQTT");
/** CONNACK with this Reason Code (MQTT 5, section 4.13.1). */
const mustRefuse = (reasonCode: number) => new RegExp(`^20..00${uint8(reasonCode)}`);

const connectWith = (rest: {
  level?: string;
  flags?: string;
  properties?: string;
  payload?: string;
}) =>
  packet(
    "10",
    CONNECT_HEAD,
    rest.level ?? "05",
    rest.flags ?? "02",
    "003c",
    rest.properties ?? "00",
    rest.payload ?? text("c"),
  );
const connectV4 = (flags: string, payload: string) => packet("10", CONNECT_HEAD, "04", flags, "003c", payload);

export const FIRST_ROWS: readonly FirstRow[] = [
  { name: "PUBLISH [MQTT-3.1.0-1]", hex: publish({ topic: "t" }), heard: NOTHING },
  { name: "PUBACK [MQTT-3.1.0-1]", hex: "40 02 0001", heard: NOTHING },
  { name: "PUBREC [MQTT-3.1.0-1]", hex: "50 02 0001", heard: NOTHING },
  { name: "PUBREL [MQTT-3.1.0-1]", hex: "62 02 0001", heard: NOTHING },
  { name: "PUBCOMP [MQTT-3.1.0-1]", hex: "70 02 0001", heard: NOTHING },
  { name: "SUBSCRIBE [MQTT-3.1.0-1]", hex: "82 06 0001 0001 61 00", heard: NOTHING },
  { name: "UNSUBSCRIBE [MQTT-3.1.0-1]", hex: "a2 05 0001 0001 61", heard: NOTHING },
  { name: "PINGREQ [MQTT-3.1.0-1]", hex: "c0 00", heard: NOTHING },
  { name: "DISCONNECT [MQTT-3.1.0-1]", hex: "e0 00", heard: NOTHING },
  { name: "AUTH [MQTT-3.1.0-1]", hex: "f0 00", heard: NOTHING },
  { name: "CONNACK", hex: "20 02 0000", heard: NOTHING },
  { name: "SUBACK", hex: "90 03 0001 00", heard: NOTHING },
  { name: "UNSUBACK", hex: "b0 02 0001", heard: NOTHING },
  { name: "PINGRESP", hex: "d0 00", heard: NOTHING },
  { name: "packet type 0", hex: "00 00", heard: NOTHING },
  {
    name: "an HTTP request",
    hex: new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n").toHex(),
    heard: NOTHING,
  },
  { name: "a TLS ClientHello", hex: "16 03 01 00 05 01 00 00 01 00", heard: NOTHING },
  { name: "CONNECT with flags 0001 [MQTT-2.1.3-1]", hex: "11 0c 0004 4d515454 04 02 003c 0000", heard: NOTHING },
  { name: "CONNECT with a length of five bytes", hex: "10 ff ff ff ff 01", heard: NOTHING },
  { name: "CONNECT without a body", hex: "10 00", heard: NOTHING },
  {
    name: "CONNECT with a protocol name of another protocol [MQTT-3.1.2-1]",
    hex: packet("10", text("AMQP"), "00 01 00 00"),
    heard: /^(20.*)?$/,
  },
  { name: "CONNECT of level 6 [MQTT-3.1.2-2]", hex: connectWith({ level: "06" }), heard: mustRefuse(0x84) },
  {
    name: "CONNECT of level 0 [MQTT-3.1.2-2]",
    hex: connectV4("02", text("c")).replace("4d51545404", "4d51545400"),
    heard: /^20020001$/,
  },
  { name: "CONNECT 3.1.1 with the reserved flag [MQTT-3.1.2-3]", hex: connectV4("03", text("c")), heard: NOTHING },
  {
    name: "CONNECT 3.1.1 with a password and no user name [MQTT-3.1.2-22]",
    hex: connectV4("42", text("c") + text("p")),
    heard: NOTHING,
  },
  {
    name: "CONNECT 3.1.1 with Will QoS 3 [MQTT-3.1.2-14]",
    hex: connectV4("1e", text("c") + text("w") + text("")),
    heard: NOTHING,
  },
  { name: "CONNECT 3.1.1 with Will QoS and no Will [MQTT-3.1.2-13]", hex: connectV4("0a", text("c")), heard: NOTHING },
  {
    name: "CONNECT 3.1.1 with Will Retain and no Will [MQTT-3.1.2-15]",
    hex: connectV4("22", text("c")),
    heard: NOTHING,
  },
  { name: "CONNECT 3.1.1 with a Will and no Will Topic", hex: connectV4("06", text("c")), heard: NOTHING },
  { name: "CONNECT 3.1.1 without a Client Identifier [MQTT-3.1.3-3]", hex: connectV4("02", ""), heard: NOTHING },
  {
    name: "CONNECT 3.1.1 with an empty Client Identifier and Clean Session 0 [MQTT-3.1.3-8]",
    hex: connectV4("00", text("")),
    heard: /^20020002$/,
  },
  {
    name: "CONNECT 3.1.1 with a Client Identifier of 65,535 bytes",
    hex: connectV4("02", text("c".repeat(65_535))),
    heard: /^20020002$/,
  },
  {
    name: "CONNECT 3.1.1 with a Client Identifier that is not UTF-8 [MQTT-3.1.3-4]",
    hex: connectV4("02", "0002 c0af"),
    heard: NOTHING,
  },
  {
    name: "CONNECT 3.1.1 with U+0000 in the Client Identifier [MQTT-1.5.3-2]",
    hex: connectV4("02", "0001 00"),
    heard: NOTHING,
  },
  {
    name: "CONNECT 3.1.1 with a wildcard in the Will Topic",
    hex: connectV4("06", text("c") + text("w/#") + text("")),
    heard: NOTHING,
  },
  { name: "CONNECT 3.1.1 with bytes behind its payload", hex: connectV4("02", text("c") + "00"), heard: NOTHING },
  {
    name: "CONNECT 5 with the reserved flag [MQTT-3.1.2-3]",
    hex: connectWith({ flags: "03" }),
    heard: mustRefuse(0x81),
  },
  {
    name: "CONNECT 5 with Will QoS 3 [MQTT-3.1.2-12]",
    hex: connectWith({ flags: "1e", payload: text("c") + "00" + text("w") + "0000" }),
    heard: mustRefuse(0x81),
  },
  {
    name: "CONNECT 5 with Will QoS and no Will [MQTT-3.1.2-11]",
    hex: connectWith({ flags: "0a" }),
    heard: mustRefuse(0x81),
  },
  {
    name: "CONNECT 5 with bytes behind its payload",
    hex: connectWith({ payload: text("c") + "00" }),
    heard: mustRefuse(0x81),
  },
  { name: "CONNECT 5 with Receive Maximum 0", hex: connectWith({ properties: "03 21 0000" }), heard: mustRefuse(0x82) },
  {
    name: "CONNECT 5 with Receive Maximum twice",
    hex: connectWith({ properties: "06 21 0001 21 0001" }),
    heard: mustRefuse(0x82),
  },
  {
    name: "CONNECT 5 with Maximum Packet Size 0",
    hex: connectWith({ properties: "05 27 00000000" }),
    heard: mustRefuse(0x82),
  },
  {
    name: "CONNECT 5 with Request Problem Information 2",
    hex: connectWith({ properties: "02 17 02" }),
    heard: mustRefuse(0x82),
  },
  {
    name: "CONNECT 5 with Request Response Information 2",
    hex: connectWith({ properties: "02 19 02" }),
    heard: mustRefuse(0x82),
  },
  {
    name: "CONNECT 5 with Authentication Data and no method",
    hex: connectWith({ properties: "03 16 0000" }),
    heard: mustRefuse(0x82),
  },
  {
    name: "CONNECT 5 with an unknown Authentication Method [MQTT-4.12.0-1]",
    hex: connectWith({ properties: "04 15 0001 78" }),
    heard: mustRefuse(0x8c),
  },
  {
    name: "CONNECT 5 with a property of PUBLISH [MQTT-2.2.2-1]",
    hex: connectWith({ properties: "03 23 0001" }),
    heard: mustRefuse(0x81),
  },
  {
    name: "CONNECT 5 with a property that does not exist",
    hex: connectWith({ properties: "02 7f 00" }),
    heard: mustRefuse(0x81),
  },
  {
    name: "CONNECT 5 with properties longer than the packet",
    hex: connectWith({ properties: "7f" }),
    heard: mustRefuse(0x81),
  },
  {
    name: "CONNECT 5 with a Will Delay Interval among its own properties",
    hex: connectWith({ properties: "05 18 00000001" }),
    heard: mustRefuse(0x81),
  },
  {
    name: "CONNECT 5 with a Client Identifier of 65,535 bytes",
    hex: connectWith({ payload: text("c".repeat(65_535)) }),
    heard: mustRefuse(0x85),
  },
  {
    name: "CONNECT 5 with an empty Will Topic",
    hex: connectWith({ flags: "06", payload: text("c") + "00 0000 0000" }),
    heard: /^(20..00(81|82|90).*)?$/,
  },
  {
    name: "CONNECT 5 with a wildcard in the Will Topic",
    hex: connectWith({ flags: "06", payload: text("c") + "00" + text("w/+") + "0000" }),
    heard: /^(20..00(81|82|90).*)?$/,
  },
  {
    name: "CONNECT 5 with a user name that is not UTF-8",
    hex: connectWith({ flags: "82", payload: text("c") + "0003 eda080" }),
    heard: mustRefuse(0x81),
  },
];
