import type { ConnackPacket } from "../../../src/codec/packet.ts";
import { NO_PROPERTIES } from "../../../src/codec/property.ts";
import type { ReasonCode } from "../../../src/codec/reason_code.ts";
import { fromHex } from "../hex.ts";
import { ALL, BEFORE_V5, type Row, SINCE_V4, testRows, V3, V4, V5 } from "./row.ts";

const CONNACK: ConnackPacket = {
  type: "connack",
  sessionPresent: false,
  reasonCode: 0x00,
  properties: NO_PROPERTIES,
};
const PRESENT: ConnackPacket = { ...CONNACK, sessionPresent: true };

/** CONNACK return codes of 3.1.1 and the Reason Codes that they are inside. */
const RETURN_CODES: readonly [string, ReasonCode][] = [
  ["01", 0x84],
  ["02", 0x85],
  ["03", 0x88],
  ["04", 0x86],
  ["05", 0x87],
];
const REASON_CODES: readonly ReasonCode[] = [
  0x80,
  0x81,
  0x82,
  0x83,
  0x84,
  0x85,
  0x86,
  0x87,
  0x88,
  0x89,
  0x8a,
  0x8c,
  0x90,
  0x95,
  0x97,
  0x99,
  0x9a,
  0x9b,
  0x9c,
  0x9d,
  0x9f,
];
const WRONG_CODES = ["01", "02", "04", "10", "18", "7f", "8b", "8d", "8e", "91", "94", "9e", "a0", "a2", "ff"];

// deno-fmt-ignore
testRows([
  { name: "CONNACK [MQTT 3.2]", versions: BEFORE_V5, hex: "20 02 00 00", packet: CONNACK },
  { name: "CONNACK [MQTT 3.2]", versions: V5, hex: "20 03 00 00 00", packet: CONNACK },
  { name: "CONNACK whose first byte is not used [MQTT 3.1 3.2]", versions: V3, hex: "20 02 ff 00", packet: CONNACK, isLongForm: true },
  { name: "CONNACK with Session Present [MQTT-3.2.2-3]", versions: V4, hex: "20 02 01 00", packet: PRESENT },
  { name: "CONNACK with Session Present [MQTT-3.2.2-3]", versions: V5, hex: "20 03 01 00 00", packet: PRESENT },
  {
    name: "CONNACK with every property [MQTT 3.2.2.3]",
    versions: V5,
    hex: `20 [ 00 00 [ 11 ffffffff 12 'id' 13 001e 15 'SCRAM' 16 'data' 1a 'info' 1c 'other' 1f 'why' 21 0001
      22 ffff 24 01 25 00 26 'k' 'v' 26 'k' 'v' 27 00000001 28 00 29 01 2a 01 ] ]`,
    packet: {
      ...CONNACK,
      properties: {
        sessionExpiryInterval: 4_294_967_295,
        assignedClientIdentifier: "id",
        serverKeepAlive: 30,
        authenticationMethod: "SCRAM",
        authenticationData: fromHex('"data"'),
        responseInformation: "info",
        serverReference: "other",
        reasonString: "why",
        receiveMaximum: 1,
        topicAliasMaximum: 65_535,
        maximumQos: 1,
        retainAvailable: 0,
        userProperties: [["k", "v"], ["k", "v"]],
        maximumPacketSize: 1,
        wildcardSubscriptionAvailable: 0,
        subscriptionIdentifiersAvailable: 1,
        sharedSubscriptionAvailable: 1,
      },
    },
  },
  ...RETURN_CODES.map(([code, reasonCode]): Row => ({
    name: `CONNACK return code ${code} [MQTT 3.1.1 3.2.2.3]`,
    versions: BEFORE_V5,
    hex: `20 02 00 ${code}`,
    packet: { ...CONNACK, reasonCode },
  })),
  ...REASON_CODES.map((reasonCode): Row => ({
    name: `CONNACK Reason Code 0x${reasonCode.toString(16)} [MQTT-3.2.2-8]`,
    versions: V5,
    hex: `20 03 00 ${reasonCode.toString(16)} 00`,
    packet: { ...CONNACK, reasonCode },
  })),
  ...WRONG_CODES.map((code): Row => ({
    name: `CONNACK Reason Code 0x${code} [MQTT 2.4]`,
    versions: V5,
    hex: `20 03 00 ${code} 00`,
    reasonCode: 0x82,
  })),
  { name: "CONNACK return code 6 [MQTT 3.1.1 3.2.2.3]", versions: BEFORE_V5, hex: "20 02 00 06", reasonCode: 0x81 },
  { name: "CONNACK return code 0x80 [MQTT 3.1.1 3.2.2.3]", versions: BEFORE_V5, hex: "20 02 00 80", reasonCode: 0x81 },
  { name: "CONNACK flags 0001 [MQTT-2.1.3-1]", versions: SINCE_V4, hex: "21 02 00 00", reasonCode: 0x81 },
  { name: "CONNACK reserved acknowledge flag [MQTT-3.2.2-1]", versions: V4, hex: "20 02 02 00", reasonCode: 0x81 },
  { name: "CONNACK reserved acknowledge flag [MQTT-3.2.2-1]", versions: V5, hex: "20 03 80 00 00", reasonCode: 0x81 },
  { name: "CONNACK that refuses with Session Present [MQTT-3.2.2-6]", versions: V4, hex: "20 02 01 05", reasonCode: 0x82 },
  { name: "CONNACK that refuses with Session Present [MQTT-3.2.2-6]", versions: V5, hex: "20 03 01 87 00", reasonCode: 0x82 },
  { name: "CONNACK without a body [MQTT 2.1.4]", versions: ALL, hex: "20 00", reasonCode: 0x81 },
  { name: "CONNACK without a return code [MQTT 2.1.4]", versions: ALL, hex: "20 01 00", reasonCode: 0x81 },
  { name: "CONNACK without a Property Length [MQTT 2.1.4]", versions: V5, hex: "20 02 00 00", reasonCode: 0x81 },
  { name: "CONNACK with a byte behind it [MQTT 2.1.4]", versions: BEFORE_V5, hex: "20 03 00 00 00", reasonCode: 0x81 },
  { name: "CONNACK with a byte behind its properties [MQTT 2.1.4]", versions: V5, hex: "20 04 00 00 00 00", reasonCode: 0x81 },
]);
