import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { chartOf } from "../../bench/brokers/chart.ts";
import { comparedRows, median, type Round } from "../../bench/brokers/comparison.ts";
import { LOADS } from "../../bench/brokers/loads.ts";
import { markdownOf, type Report } from "../../bench/brokers/report.ts";
import { SCENARIOS } from "../../src/load/bench_jobs.ts";
import { Program } from "../cli/program.ts";
import { brooklet } from "../cli/test_io.ts";

const RUN_WITHIN_MS = 120_000;
const RATE = { name: "", unit: "messages/s", isHigherBetter: true, value: () => undefined };
const TIME = { name: "99 %", unit: "ms", isHigherBetter: false, value: () => undefined };
const LOAD = { name: "a < b & c", scheme: "mqtt", args: [], isTimed: true, measures: [RATE, TIME] } as const;

function rounds(...values: readonly (readonly [number, number] | undefined)[]): Round[] {
  return values.map((pair) => ({ values: pair ?? [undefined, undefined], fault: pair ? undefined : "it ended" }));
}

const ROWS = comparedRows(
  LOAD,
  new Map([
    ["Brooklet", rounds([300, 2], [200, 1], [800, 8])],
    ["mosquitto", rounds([100, 4], [200, 4], [100, 4])],
    ["Aedes", rounds(undefined, [50, 8], undefined)],
  ]),
);
const REPORT: Report = {
  date: "2026-11-20T10:00:00.000Z",
  machine: "a machine",
  brokers: [{ name: "Brooklet", version: "1" }, { name: "mosquitto", version: "2" }, { name: "Aedes", version: "3" }],
  rounds: 3,
  seconds: 2,
  rows: ROWS,
};

Deno.test("A ratio compares brokers within a round, and is above 1 for what is better, be it more or less", () => {
  const [rate, time] = ROWS;
  assertEquals(rate?.reached.Brooklet?.ratio, { median: 3, least: 1, most: 8 });
  assertEquals(time?.reached.Brooklet?.ratio, { median: 2, least: 0.5, most: 4 });
  assertEquals(rate?.reached.mosquitto?.ratio, { median: 1, least: 1, most: 1 });
  assertEquals(rate?.reached.Brooklet?.median, 300);
});

Deno.test("A run that fails is left out of the ratios and told", () => {
  const aedes = ROWS[0]?.reached.Aedes;
  assertEquals(aedes?.values, [null, 50, null]);
  assertEquals(aedes?.ratio, { median: 0.25, least: 0.25, most: 0.25 });
  assertEquals(aedes?.faults, ["it ended"]);
  assertStringIncludes(markdownOf(REPORT), "- Aedes, a < b & c: it ended");
});

Deno.test("median() is the middle of the values, or between the two in the middle", () => {
  assertEquals([median([3, 1, 2]), median([4, 1, 2, 3]), median([])], [2, 2.5, null]);
});

Deno.test("The table has a line for each measure, with figures, ratios and their spread", () => {
  const lines = markdownOf(REPORT).split("\n").filter((line) => line.startsWith("| a"));
  assertEquals(lines, [
    "| a < b & c | messages/s | 300 | 100 | 50.0 | **3.0** (1.0 - 8.0) | **0.25** (0.25 - 0.25) |",
    "| a < b & c: 99 % | ms | 2.00 | 4.00 | 8.00 | **2.0** (0.50 - 4.0) | **0.50** (0.50 - 0.50) |",
  ]);
});

Deno.test("The chart has a bar and a spread for each ratio, within its width, and escapes its words", () => {
  const chart = chartOf(REPORT);
  assertStringIncludes(chart, "a &lt; b &amp; c");
  const bars = [...chart.matchAll(/<rect x="(\d+)" y="\d+" width="(\d+)" height="10" /g)];
  assertEquals(bars.length, 4);
  for (const [, x, width] of bars) assert(Number(x) + Number(width) <= 900, `${x} ${width}`);
  assertEquals(chart.match(/stroke="#111827" fill="none"\/>\n/g)?.length, 4);
  assertEquals(chart.match(/<(?!\/|\w+[^<>]*\/>)/g)?.length, chart.match(/<\//g)?.length, "every tag is closed");
});

Deno.test("Every load is a load of brooklet bench, with a name of its own", async () => {
  assertEquals(new Set(LOADS.map(({ name }) => name)).size, LOADS.length);
  const nowhere = "unix:/nowhere"; // The command looks for a broker once it has understood its arguments.
  for (const { name, args: [scenario = "", ...options] } of LOADS) {
    assert(SCENARIOS.some((known) => known === scenario), name);
    const { stderr } = await brooklet(["bench", scenario, nowhere, ...options]);
    assertStringIncludes(stderr, "Cannot connect to unix:/nowhere", name);
  }
});

Deno.test("bench:brokers runs a load against the brokers and writes its three files", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const args = ["--only", "1 pair", "--rounds", "1", "--seconds", "0.1", "--out", folder];
    await using program = new Program(args, { script: "bench/brokers.ts" });
    const { code, stdout, stderr } = await program.ended(RUN_WITHIN_MS);
    assertEquals(code, 0, stderr.join("\n"));
    const report: Report = JSON.parse(await Deno.readTextFile(`${folder}/brokers.json`));
    assertEquals(report.rows.map(({ load }) => load), ["1 pair"]);
    for (const { name } of report.brokers) {
      const reached = report.rows[0]?.reached[name];
      assert((reached?.median ?? 0) > 0, `${name}: ${reached?.faults}`);
    }
    assert(report.brokers.length >= 2, "Brooklet and Aedes are always there");
    assertEquals(stdout.join("\n").trim(), (await Deno.readTextFile(`${folder}/brokers.md`)).trim());
    assertStringIncludes(await Deno.readTextFile(`${folder}/brokers.svg`), "<svg ");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
