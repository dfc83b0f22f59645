import { assertEquals, assertThrows } from "@std/assert";
import { fromHex, toHex } from "./hex.ts";

const ROWS: readonly [string, string][] = [
  ["c0 00", "c000"],
  ["30 [ 'a' \"hi\" ]", "300500016168" + "69"],
  ["'\u00e9'", "0002c3a9"],
  ["[ [] 'MQTT' ]", "07" + "00" + "00044d515454"],
  [`[ ${"00".repeat(128)} ]`, "8001" + "00".repeat(128)],
];
for (const [notation, hex] of ROWS) {
  Deno.test(`fromHex() reads ${notation.slice(0, 40)}`, () => assertEquals(toHex(fromHex(notation)), hex));
}

for (const notation of ["3", "zz", "[ 00", "00 ]]", "'a"]) {
  Deno.test(`fromHex() refuses ${notation}`, () => void assertThrows(() => fromHex(notation), SyntaxError));
}
