import { assertEquals } from "@std/assert";
import { encodePacket, type Packet } from "../../src/codec/mod.ts";
import { connackReasonCode, connackReturnCode, ReasonCode, reasonCodeName } from "../../src/codec/reason_code.ts";

/** Return code of CONNACK before MQTT 5 for each Reason Code of CONNACK; `undefined`: close without a word. */
const RETURN_CODES: readonly [ReasonCode, number | undefined][] = [
  [0x00, 0],
  [0x80, undefined],
  [0x81, undefined],
  [0x82, undefined],
  [0x83, undefined],
  [0x84, 1],
  [0x85, 2],
  [0x86, 4],
  [0x87, 5],
  [0x88, 3],
  [0x89, 3],
  [0x8a, 5],
  [0x8c, 5],
  [0x90, undefined],
  [0x95, undefined],
  [0x97, 3],
  [0x99, undefined],
  [0x9a, undefined],
  [0x9b, undefined],
  [0x9c, 3],
  [0x9d, 3],
  [0x9f, 3],
];
for (const [reasonCode, returnCode] of RETURN_CODES) {
  const name = reasonCodeName(reasonCode);
  Deno.test(`connackReturnCode() of ${name} is ${returnCode ?? "none"} [MQTT-3.2.2-6]`, () => {
    assertEquals(connackReturnCode(reasonCode), returnCode);
  });
}

Deno.test("connackReasonCode() knows the return codes of 3.1.1 and no other [MQTT 3.1.1 3.2.2.3]", () => {
  assertEquals([0, 1, 2, 3, 4, 5, 6, 255].map(connackReasonCode), [
    0x00,
    0x84,
    0x85,
    0x88,
    0x86,
    0x87,
    undefined,
    undefined,
  ]);
  for (let returnCode = 0; returnCode <= 5; returnCode++) {
    const reasonCode = connackReasonCode(returnCode);
    assertEquals(reasonCode === undefined ? undefined : connackReturnCode(reasonCode), returnCode);
  }
});

Deno.test("reasonCodeName() names every Reason Code, and others by their number", () => {
  for (const [name, code] of Object.entries(ReasonCode)) assertEquals(reasonCodeName(code), name);
  assertEquals(reasonCodeName(0xf0), "0xf0");
  assertEquals(reasonCodeName(0x03), "0x03");
});

Deno.test("ReasonCode has no number twice", () => {
  const numbers = Object.values(ReasonCode);
  assertEquals(new Set(numbers).size, numbers.length);
  assertEquals(numbers.length, 43);
});

/** Reason Codes of each packet, from the table of its section. */
const CODES_OF: readonly (readonly [clause: string, codes: string, packet: (reasonCode: ReasonCode) => Packet])[] = [
  [
    "MQTT-3.2.2-8",
    "00 80 81 82 83 84 85 86 87 88 89 8a 8c 90 95 97 99 9a 9b 9c 9d 9f",
    (reasonCode) => ({ type: "connack", sessionPresent: false, reasonCode, properties: {} }),
  ],
  ["MQTT-3.4.2-1", "00 10 80 83 87 90 91 97 99", acknowledgement("puback")],
  ["MQTT-3.5.2-1", "00 10 80 83 87 90 91 97 99", acknowledgement("pubrec")],
  ["MQTT-3.6.2-1", "00 92", acknowledgement("pubrel")],
  ["MQTT-3.7.2-1", "00 92", acknowledgement("pubcomp")],
  [
    "MQTT-3.9.3-2",
    "00 01 02 80 83 87 8f 91 97 9e a1 a2",
    (reasonCode) => ({ type: "suback", packetIdentifier: 1, reasonCodes: [reasonCode], properties: {} }),
  ],
  [
    "MQTT-3.11.3-2",
    "00 11 80 83 87 8f 91",
    (reasonCode) => ({ type: "unsuback", packetIdentifier: 1, reasonCodes: [reasonCode], properties: {} }),
  ],
  [
    "MQTT-3.14.2-1",
    "00 04 80 81 82 83 87 89 8b 8c 8d 8e 8f 90 93 94 95 96 97 98 99 9a 9b 9c 9d 9e 9f a0 a1 a2",
    (reasonCode) => ({ type: "disconnect", reasonCode, properties: {} }),
  ],
  [
    "MQTT-3.15.2-1",
    "00 18 19",
    (reasonCode) => ({ type: "auth", reasonCode, properties: { authenticationMethod: "M" } }),
  ],
];
for (const [clause, codes, packet] of CODES_OF) {
  const { type } = packet(0x00);
  Deno.test(`encode gives ${type.toUpperCase()} the Reason Codes that it has, and refuses all others [${clause}]`, () => {
    const given = Array.from({ length: 256 }, (_, code) => code).filter((code) => {
      try {
        encodePacket(packet(code as ReasonCode), 5); // Whether it is one is what is asked.
        return true;
      } catch {
        return false;
      }
    });
    assertEquals(given.map((code) => code.toString(16).padStart(2, "0")).join(" "), codes);
  });
}

function acknowledgement(type: "puback" | "pubrec" | "pubrel" | "pubcomp"): (reasonCode: ReasonCode) => Packet {
  return (reasonCode) => ({ type, packetIdentifier: 1, reasonCode, properties: {} });
}
