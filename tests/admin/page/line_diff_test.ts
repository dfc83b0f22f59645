import { assertEquals } from "@std/assert";
import { lineDiff } from "../../../src/admin/page/line_diff.ts";
import { numberAt, numberPaths } from "../../../src/admin/page/json_numbers.ts";

interface Row {
  readonly before: string;
  readonly after: string;
  /** Lines with "-" and "+" before those that are gone or new. */
  readonly lines: string;
}

const ROWS: readonly Row[] = [
  { before: "a b c", after: "a b c", lines: " a  b  c" },
  { before: "a b c", after: "a x c", lines: " a -b +x  c" },
  { before: "a b", after: "a b c", lines: " a  b +c" },
  { before: "a b c", after: "b c", lines: "-a  b  c" },
  { before: "a b c d", after: "b x d", lines: "-a  b -c +x  d" },
  { before: "a a", after: "a", lines: " a -a" },
  { before: "a", after: "b", lines: "-a +b" },
];

for (const { before, after, lines } of ROWS) {
  Deno.test(`lineDiff() of "${before}" and "${after}" is "${lines}"`, () => {
    const marks = { same: " ", gone: "-", new: "+" } as const;
    const rows = lineDiff(before.split(" "), after.split(" ")).map(({ kind, text }) => marks[kind] + text);
    assertEquals(rows.join(" "), lines);
  });
}

Deno.test("lineDiff() compares thousands of other lines as a whole", () => {
  const many = (word: string) => Array.from({ length: 5000 }, (_, index) => `${word}${index}`);
  const rows = lineDiff(["head", ...many("a"), "foot"], ["head", ...many("b"), "foot"]);
  assertEquals(rows.length, 10_002);
  assertEquals(rows.filter(({ kind }) => kind === "same").map(({ text }) => text), ["head", "foot"]);
});

Deno.test("numberPaths() names each number of a JSON value, and numberAt() gives it", () => {
  const value = { temperature: 21.4, unit: "°C", "a b": [1, { "c.d": 2 }], "grün": 3, "__proto__x": null, '"': 4 };
  const paths = numberPaths(value);
  assertEquals(paths, ["$.temperature", '$["a b"][0]', '$["a b"][1]["c.d"]', "$.grün", '$["\\""]']);
  assertEquals(paths.map((path) => numberAt(value, path)), [21.4, 1, 2, 3, 4]);
  assertEquals(numberPaths(7), ["$"]);
  assertEquals(numberAt(7, "$"), 7);
});

Deno.test("numberAt() gives nothing where there is no number, and looks at no prototype", () => {
  assertEquals(numberAt({ a: "1" }, "$.a"), null);
  assertEquals(numberAt({ a: 1 }, "$.b.c"), null);
  assertEquals(numberAt([], "$.constructor.length"), null);
  assertEquals(numberAt("text", "$.length"), null);
});
