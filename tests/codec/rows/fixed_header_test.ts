import type { PublishPacket } from "../../../src/codec/packet.ts";
import { NO_PROPERTIES } from "../../../src/codec/property.ts";
import { ALL, type Row, SINCE_V4, testRows, V4 } from "./row.ts";

/** PUBLISH of an empty payload has a Remaining Length of 3 with this topic. */
const PUBLISH: PublishPacket = {
  type: "publish",
  dup: false,
  qos: 0,
  retain: false,
  topic: "a",
  packetIdentifier: 0,
  properties: NO_PROPERTIES,
  payload: new Uint8Array(),
};
/** Remaining Lengths at the edges of the sizes of a Variable Byte Integer, and as they are written. */
const REMAINING_LENGTHS: readonly [number, string][] = [
  [3, "03"],
  [127, "7f"],
  [128, "80 01"],
  [16_383, "ff 7f"],
  [16_384, "80 80 01"],
  [2_097_151, "ff ff 7f"],
  [2_097_152, "80 80 80 01"],
];

testRows([
  ...REMAINING_LENGTHS.map(([length, hex]): Row => ({
    name: `Remaining Length ${length} [MQTT 2.1.4]`,
    versions: V4,
    hex: `30 ${hex} 'a' ${"61".repeat(length - 3)}`,
    packet: { ...PUBLISH, payload: new Uint8Array(length - 3).fill(0x61) },
  })),
  // deno-fmt-ignore
  ...[
    { name: "packet type 0 [MQTT-2.1.3-1]", versions: ALL, hex: "00 00", reasonCode: 0x81 },
    { name: "packet type 0 with flags [MQTT-2.1.3-1]", versions: ALL, hex: "0f 00", reasonCode: 0x81 },
    { name: "Remaining Length 0 in two bytes [MQTT-1.5.5-1]", versions: ALL, hex: "c0 80 00", reasonCode: 0x81 },
    { name: "Remaining Length 3 in two bytes [MQTT-1.5.5-1]", versions: ALL, hex: "30 83 00 'a'", reasonCode: 0x81 },
    { name: "Remaining Length 3 in three bytes [MQTT-1.5.5-1]", versions: ALL, hex: "30 83 80 00 'a'", reasonCode: 0x81 },
    { name: "Remaining Length 3 in four bytes [MQTT-1.5.5-1]", versions: ALL, hex: "30 83 80 80 00 'a'", reasonCode: 0x81 },
    { name: "Remaining Length in five bytes [MQTT 2.1.4]", versions: ALL, hex: "30 80 80 80 80 01", reasonCode: 0x81 },
    { name: "Remaining Length whose fourth byte goes on [MQTT 2.1.4]", versions: ALL, hex: "30 ff ff ff ff", reasonCode: 0x81 },
    { name: "wrong flags of a packet that is not whole [MQTT-2.1.3-1]", versions: SINCE_V4, hex: "41 ff ff ff 7f", reasonCode: 0x81 },
  ] satisfies readonly Row[],
]);
