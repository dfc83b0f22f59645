import type { AuthPacket, DisconnectPacket } from "../../../src/codec/packet.ts";
import { NO_PROPERTIES } from "../../../src/codec/property.ts";
import type { ReasonCode } from "../../../src/codec/reason_code.ts";
import { fromHex } from "../hex.ts";
import { ALL, BEFORE_V5, type Row, SINCE_V4, testRows, V3, V5 } from "./row.ts";

const DISCONNECT: DisconnectPacket = { type: "disconnect", reasonCode: 0x00, properties: NO_PROPERTIES };
const AUTH: AuthPacket = { type: "auth", reasonCode: 0x18, properties: { authenticationMethod: "m" } };
// 0x8c stands in the table of section 2.4 only.
const DISCONNECT_CODES: readonly ReasonCode[] = [
  0x04,
  0x80,
  0x81,
  0x82,
  0x83,
  0x87,
  0x89,
  0x8b,
  0x8c,
  0x8d,
  0x8e,
  0x8f,
  0x90,
  0x93,
  0x94,
  0x95,
  0x96,
  0x97,
  0x98,
  0x99,
  0x9a,
  0x9b,
  0x9c,
  0x9d,
  0x9e,
  0x9f,
  0xa0,
  0xa1,
  0xa2,
];

// deno-fmt-ignore
testRows([
  { name: "PINGREQ [MQTT 3.12]", versions: ALL, hex: "c0 00", packet: { type: "pingreq" } },
  { name: "PINGRESP [MQTT 3.13]", versions: ALL, hex: "d0 00", packet: { type: "pingresp" } },
  ...["c1", "c2", "c4", "c8"].map((first): Row => ({ name: `PINGREQ first byte ${first} [MQTT-2.1.3-1]`, versions: SINCE_V4, hex: `${first} 00`, reasonCode: 0x81 })),
  ...["d1", "d2", "d4", "d8"].map((first): Row => ({ name: `PINGRESP first byte ${first} [MQTT-2.1.3-1]`, versions: SINCE_V4, hex: `${first} 00`, reasonCode: 0x81 })),
  ...["c1", "c2", "c4", "c8", "cf"].map((first): Row => ({ name: `PINGREQ first byte ${first}, of which 3.1 does not use these bits [MQTT 3.1 2.1]`, versions: V3, hex: `${first} 00`, packet: { type: "pingreq" }, isLongForm: true })),
  { name: "PINGREQ with a body [MQTT 2.1.4]", versions: ALL, hex: "c0 01 00", reasonCode: 0x81 },
  { name: "PINGRESP with a body [MQTT 2.1.4]", versions: ALL, hex: "d0 01 00", reasonCode: 0x81 },

  { name: "DISCONNECT [MQTT 3.14]", versions: ALL, hex: "e0 00", packet: DISCONNECT },
  { name: "DISCONNECT with Normal disconnection said [MQTT 3.14.2.1]", versions: V5, hex: "e0 01 00", packet: DISCONNECT, isLongForm: true },
  { name: "DISCONNECT with no properties said [MQTT 3.14.2.2.1]", versions: V5, hex: "e0 02 00 00", packet: DISCONNECT, isLongForm: true },
  { name: "DISCONNECT with every property [MQTT 3.14.2.2]", versions: V5, hex: "e0 [ 00 [ 11 00000001 1c 'other' 1f 'why' 26 'k' 'v' ] ]", packet: { ...DISCONNECT, properties: { sessionExpiryInterval: 1, serverReference: "other", reasonString: "why", userProperties: [["k", "v"]] } } },
  ...DISCONNECT_CODES.map((reasonCode): Row => ({ name: `DISCONNECT Reason Code 0x${reasonCode.toString(16)} [MQTT-3.14.2-1]`, versions: V5, hex: `e0 01 ${reasonCode.toString(16).padStart(2, "0")}`, packet: { ...DISCONNECT, reasonCode } })),
  ...["01", "02", "10", "18", "7f", "84", "85", "86", "88", "8a", "91", "92", "a3", "ff"].map((code): Row => ({ name: `DISCONNECT Reason Code 0x${code} [MQTT 2.4]`, versions: V5, hex: `e0 01 ${code}`, reasonCode: 0x82 })),
  ...["e1", "e2", "e4", "e8"].map((first): Row => ({ name: `DISCONNECT first byte ${first} [MQTT-2.1.3-1]`, versions: SINCE_V4, hex: `${first} 00`, reasonCode: 0x81 })),
  ...["e1", "e2", "e4", "e8", "ef"].map((first): Row => ({ name: `DISCONNECT first byte ${first}, of which 3.1 does not use these bits [MQTT 3.1 2.1]`, versions: V3, hex: `${first} 00`, packet: DISCONNECT, isLongForm: true })),
  { name: "DISCONNECT with a body [MQTT 2.1.4]", versions: BEFORE_V5, hex: "e0 01 00", reasonCode: 0x81 },
  { name: "DISCONNECT with a byte behind its properties [MQTT 2.1.4]", versions: V5, hex: "e0 03 00 00 00", reasonCode: 0x81 },

  { name: "AUTH of Success without anything [MQTT 3.15.2.1]", versions: V5, hex: "f0 00", packet: { type: "auth", reasonCode: 0x00, properties: NO_PROPERTIES } },
  { name: "AUTH Continue authentication [MQTT-4.12.0-2]", versions: V5, hex: "f0 [ 18 [ 15 'm' ] ]", packet: AUTH },
  { name: "AUTH Re-authenticate [MQTT-4.12.1-1]", versions: V5, hex: "f0 [ 19 [ 15 'm' ] ]", packet: { ...AUTH, reasonCode: 0x19 } },
  { name: "AUTH with every property [MQTT 3.15.2.2]", versions: V5, hex: "f0 [ 00 [ 15 'm' 16 0002 00ff 1f 'why' 26 'k' 'v' ] ]", packet: { type: "auth", reasonCode: 0x00, properties: { authenticationMethod: "m", authenticationData: fromHex("00ff"), reasonString: "why", userProperties: [["k", "v"]] } } },
  { name: "AUTH without a Method [MQTT 3.15.2.2.2]", versions: V5, hex: "f0 [ 18 [ 16 'data' ] ]", reasonCode: 0x82 },
  { name: "AUTH without properties [MQTT 3.15.2.2.2]", versions: V5, hex: "f0 [ 18 ]", reasonCode: 0x82 },
  ...["01", "02", "17", "1a", "80", "8c", "ff"].map((code): Row => ({ name: `AUTH Reason Code 0x${code} [MQTT 2.4]`, versions: V5, hex: `f0 [ ${code} [ 15 'm' ] ]`, reasonCode: 0x82 })),
  ...["f1", "f2", "f4", "f8", "ff"].map((first): Row => ({ name: `AUTH first byte ${first} [MQTT-2.1.3-1]`, versions: ALL, hex: `${first} 00`, reasonCode: 0x81 })),
  { name: "AUTH with a byte behind its properties [MQTT 2.1.4]", versions: V5, hex: "f0 [ 18 [ 15 'm' ] 00 ]", reasonCode: 0x81 },
  { name: "AUTH, which only MQTT 5 has [MQTT-2.1.3-1]", versions: BEFORE_V5, hex: "f0 00", reasonCode: 0x81 },
]);
