import { assertEquals } from "@std/assert";
import { isTimestampFormat, timestamp } from "../../src/cli/log/timestamp.ts";

const TIME = new Date(2026, 0, 5, 13, 7, 9); // Local time, a Monday.

const ROWS: readonly (readonly [format: string, text: string])[] = [
  ["%Y-%m-%dT%H:%M:%S", "2026-01-05T13:07:09"],
  ["%F %T", "2026-01-05 13:07:09"],
  ["%a %A %b %B %e %y", "Mon Monday Jan January  5 26"],
  ["%I %p", "01 PM"],
  ["100 %%, %s", `100 %, ${TIME.getTime() / 1_000}`],
  ["%%Y", "%Y"],
  ["iso", TIME.toISOString().replace(".000Z", "Z")],
];

for (const [format, text] of ROWS) {
  Deno.test(`timestamp() writes "${format}" as strftime does`, () => assertEquals(timestamp(TIME, format), text));
}

Deno.test("timestamp() writes the distance to UTC", () => {
  assertEquals(/^[+-]\d{4}$/.test(timestamp(TIME, "%z")), true);
});

for (const [format, isKnown] of [["%F", true], ["%", false], ["%Q", false], ["%%Q", true], ["%%%", false]] as const) {
  Deno.test(`isTimestampFormat() says ${isKnown} of "${format}"`, () =>
    assertEquals(isTimestampFormat(format), isKnown));
}
