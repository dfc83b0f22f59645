import { assertEquals } from "@std/assert";
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
