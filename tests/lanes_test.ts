import { assert, assertEquals } from "@std/assert";
import { fits, laneOf, LANES, LONG, testFiles } from "./lanes.ts";
import { countsOf, FileNames, secondsByFile, withFileNames } from "./run_output.ts";

const FILES = testFiles();
const ROWS = Object.values(LANES).flat();

Deno.test("Each file of tests is in exactly one lane", () => {
  assert(FILES.length > 200);
  assertEquals(FILES.filter((path) => laneOf(path) === undefined), []);
  assertEquals(ROWS.filter((row, index) => ROWS.indexOf(row) !== index), []);
});

Deno.test("Each row of a lane and of the long forms is there, and is a file of tests or a folder with some", () => {
  assertEquals([...ROWS, ...LONG].filter((row) => !FILES.some((path) => fits(path, row))), []);
});

Deno.test("Each file that asks for a long form is in the list of those, and no other", () => {
  const asks = (path: string) => {
    const source = Deno.readTextFileSync(new URL(`../${path}`, import.meta.url));
    return /^seededTest\(/m.test(source) ||
      Array.from(source.matchAll(/\binForm\(([^,]+), ([^,)]+)/g)).some(([, short, long]) => short !== long);
  };
  assertEquals(FILES.filter(asks), LONG.toSorted());
});

Deno.test("The longest row that fits a file is its lane", () => {
  assertEquals(laneOf("tests/wire/a_new_test.ts"), "parallel");
  assertEquals(laneOf("tests/hostile/a_new_test.ts"), "serial");
  assertEquals(laneOf("tests/browser/a_new_test.ts"), "interop");
  assertEquals(laneOf("src/a_test.ts"), undefined);
});

Deno.test("A run is counted by its last line, with and without colours", () => {
  const [passed, failed, ignored] = [12, 3, 1];
  assertEquals(countsOf("ok | 12 passed (3 steps) | 0 failed (5s)"), { passed, failed: 0, ignored: 0 });
  assertEquals(
    countsOf("\x1b[0m\x1b[31mFAILED\x1b[0m | 12 passed | 3 failed (1 step) | 1 ignored \x1b[0m\x1b[38;5;245m(2m5s)"),
    { passed, failed, ignored },
  );
  assertEquals(countsOf("a test of 12 passed | 3 failed ... ok (1ms)"), undefined);
});

Deno.test("Times of tests go to their files, of a run one by one and side by side", () => {
  const names = new FileNames();
  const lines = [
    "running 2 tests from ./tests/a_test.ts",
    "same ... ok (1ms)",
    'says "<no>" ...',
    "------- post-test output -------",
    "other ... not a result",
    'says "<no>" ... FAILED (1s)',
    "\x1b[0m\x1b[38;5;245m./tests/b_test.ts => \x1b[0msame ... \x1b[0m\x1b[32mok\x1b[0m (2ms)",
  ];
  for (const line of lines) names.read(line);
  const cases = ["same", "says &quot;&lt;no&gt;&quot;", "same", "same &gt; step", "of no file"];
  const report = cases.map((name, index) =>
    `<testcase name="${name}" classname="./tests/helper.ts" time="${index + 1}" line="1" col="1"/>`
  ).join("\n");
  assertEquals(secondsByFile([withFileNames(report, names), ""]), [
    ["./tests/helper.ts", 5],
    ["tests/a_test.ts", 3],
    ["tests/b_test.ts", 3],
  ]);
});
