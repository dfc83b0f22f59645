import type { Packet } from "../../../src/codec/packet.ts";
import { NO_PROPERTIES } from "../../../src/codec/property.ts";
import type { ReasonCode } from "../../../src/codec/reason_code.ts";
import { ALL, BEFORE_V5, type Row, SINCE_V4, testRows, V3, V4, V5 } from "./row.ts";

interface Kind {
  readonly type: "puback" | "pubrec" | "pubrel" | "pubcomp";
  /** First byte of the fixed header. */
  readonly first: string;
  readonly wrongFlags: readonly string[];
  readonly reasonCodes: readonly ReasonCode[];
  readonly wrongCodes: readonly string[];
}

const PUBLISH_CODES: readonly ReasonCode[] = [0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const NOT_PUBLISH_CODES = ["01", "11", "18", "7f", "81", "82", "92", "95", "9b", "ff"];
const KINDS: readonly Kind[] = [
  {
    type: "puback",
    first: "40",
    wrongFlags: ["41", "42", "44", "48", "4f"],
    reasonCodes: PUBLISH_CODES,
    wrongCodes: NOT_PUBLISH_CODES,
  },
  {
    type: "pubrec",
    first: "50",
    wrongFlags: ["51", "52", "54", "58", "5f"],
    reasonCodes: PUBLISH_CODES,
    wrongCodes: NOT_PUBLISH_CODES,
  },
  {
    type: "pubrel",
    first: "62",
    wrongFlags: ["60", "61", "63", "66", "6f"],
    reasonCodes: [0x92],
    wrongCodes: ["01", "10", "80", "91", "93", "ff"],
  },
  {
    type: "pubcomp",
    first: "70",
    wrongFlags: ["71", "72", "74", "78", "7f"],
    reasonCodes: [0x92],
    wrongCodes: ["01", "10", "80", "91", "93", "ff"],
  },
];

for (const { type, first, wrongFlags, reasonCodes, wrongCodes } of KINDS) {
  const NAME = type.toUpperCase();
  const unusedFlags = type === "pubrel" ? ["63", "6a", "6b"] : wrongFlags;
  const plain = { type, packetIdentifier: 10, reasonCode: 0x00, properties: NO_PROPERTIES } satisfies Packet;
  // deno-fmt-ignore
  testRows([
    { name: `${NAME} [MQTT 2.2.1]`, versions: ALL, hex: `${first} 02 00 0a`, packet: plain },
    { name: `${NAME} of the largest Packet Identifier [MQTT 2.2.1]`, versions: ALL, hex: `${first} 02 ff ff`, packet: { ...plain, packetIdentifier: 65_535 } },
    { name: `${NAME} with Success said [MQTT 3.4.2.1]`, versions: V5, hex: `${first} 03 00 0a 00`, packet: plain, isLongForm: true },
    { name: `${NAME} with no properties said [MQTT 3.4.2.2.1]`, versions: V5, hex: `${first} 04 00 0a 00 00`, packet: plain, isLongForm: true },
    { name: `${NAME} with Success and a Reason String [MQTT 3.4.2.2.2]`, versions: V5, hex: `${first} [ 000a 00 [ 1f 'why' 26 'a' 'b' ] ]`, packet: { ...plain, properties: { reasonString: "why", userProperties: [["a", "b"]] } } },
    { name: `${NAME} Packet Identifier 0 [MQTT-2.3.1-1]`, versions: ALL, hex: `${first} 02 00 00`, reasonCode: 0x82 },
    { name: `${NAME} without a body [MQTT 2.1.4]`, versions: ALL, hex: `${first} 00`, reasonCode: 0x81 },
    { name: `${NAME} with half a Packet Identifier [MQTT 2.1.4]`, versions: ALL, hex: `${first} 01 00`, reasonCode: 0x81 },
    { name: `${NAME} with a byte behind it [MQTT 2.1.4]`, versions: BEFORE_V5, hex: `${first} 03 00 0a 00`, reasonCode: 0x81 },
    { name: `${NAME} with a byte behind its properties [MQTT 2.1.4]`, versions: V5, hex: `${first} 05 00 0a 00 00 00`, reasonCode: 0x81 },
    { name: `${NAME} that ends within its properties [MQTT 2.2.2.1]`, versions: V5, hex: `${first} 05 00 0a 00 02 1f`, reasonCode: 0x81 },
    ...unusedFlags.map((flags): Row => ({ name: `${NAME} first byte ${flags}, of which 3.1 does not use these bits [MQTT 3.1 2.1]`, versions: V3, hex: `${flags} 02 00 0a`, packet: plain, isLongForm: true })),
    ...wrongFlags.map((flags): Row => ({ name: `${NAME} first byte ${flags} [MQTT-2.1.3-1]`, versions: type === "pubrel" && !unusedFlags.includes(flags) ? ALL : SINCE_V4, hex: `${flags} 02 00 0a`, reasonCode: 0x81 })),
    ...reasonCodes.map((reasonCode): Row => ({ name: `${NAME} Reason Code 0x${reasonCode.toString(16)} [MQTT 2.4]`, versions: V5, hex: `${first} 03 00 0a ${reasonCode.toString(16)}`, packet: { ...plain, reasonCode } })),
    ...wrongCodes.map((code): Row => ({ name: `${NAME} Reason Code 0x${code} [MQTT 2.4]`, versions: V5, hex: `${first} 03 00 0a ${code}`, reasonCode: 0x82 })),
  ]);
}

testRows([
  {
    name: "PUBREL with DUP, which 3.1 sets when it sends it once more [MQTT 3.1 2.1]",
    versions: V3,
    hex: "6a 02 00 0a",
    packet: { type: "pubrel", packetIdentifier: 10, reasonCode: 0x00, properties: NO_PROPERTIES },
    isLongForm: true,
  },
  { name: "PUBREL with DUP [MQTT-2.1.3-1]", versions: V4, hex: "6a 02 00 0a", reasonCode: 0x81 },
  { name: "PUBREL with DUP [MQTT-2.1.3-1]", versions: V5, hex: "6a 02 00 0a", reasonCode: 0x81 },
]);
