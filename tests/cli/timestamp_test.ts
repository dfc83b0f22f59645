import { assertEquals } from "@std/assert";
import { isTimestampFormat, strftime, timestamp } from "../../src/cli/log/timestamp.ts";

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

// The first and the last days of years are counted wrong most easily.
const TIMES: readonly (readonly [time: string, format: string, text: string])[] = [
  ["2026-01-01T00:05:09", "%a %A %b %B %C %d %e %j %u %w %y %Y", "Thu Thursday Jan January 20 01  1 001 4 4 26 2026"],
  ["2026-01-01T00:05:09", "%U %V %W %g %G", "00 01 00 26 2026"],
  ["2027-01-01T23:59:59", "%U %V %W %g %G", "00 53 00 26 2026"],
  ["2024-12-30T12:00:00", "%U %V %W %g %G %j", "52 01 53 25 2025 365"],
  ["2026-01-04T00:00:00", "%U %V %W %u %w", "01 01 00 7 0"],
  ["2026-01-01T00:05:09", "%H %I %k %l %M %S %p %P %r", "00 12  0 12 05 09 AM am 12:05:09 AM"],
  [
    "2026-07-09T13:05:09",
    "%H %I %k %l %p %P %R %T %X %D %x %F %h",
    "13 01 13  1 PM pm 13:05 13:05:09 13:05:09 07/09/26 07/09/26 2026-07-09 Jul",
  ],
  ["2026-07-09T13:05:09", "%c|%n|%t|%%|%Q|%", "Thu Jul  9 13:05:09 2026|\n|\t|%|%Q|%"],
];
for (const [time, format, text] of TIMES) {
  Deno.test(`strftime() of ${format} at ${time} is ${JSON.stringify(text)}`, () => {
    assertEquals(strftime(format, new Date(time)), text);
  });
}

Deno.test("timestamp() writes the distance to UTC", () => {
  assertEquals(/^[+-]\d{4}$/.test(timestamp(TIME, "%z")), true);
});

for (
  const [format, isKnown] of [["%F", true], ["%", false], ["%Q", false], ["%%Q", true], ["%%%", false], ["%n", false], [
    "%c %j %Z",
    true,
  ]] as const
) {
  Deno.test(`isTimestampFormat() says ${isKnown} of "${format}"`, () =>
    assertEquals(isTimestampFormat(format), isKnown));
}
