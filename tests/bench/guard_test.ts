import { assert, assertEquals } from "@std/assert";
import { Program } from "../cli/program.ts";

const BASELINE = new URL("../../bench/guard_baseline.json", import.meta.url);
const RUN_WITHIN_MS = 120_000;

/** Runs the guard against the committed baseline with other figures in it. */
async function guarded(change: (name: string, ratio: number) => number) {
  const baseline: Record<string, number> = JSON.parse(await Deno.readTextFile(BASELINE));
  const changed = Object.entries(baseline).map(([name, ratio]) => [name, change(name, ratio)]);
  const path = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(path, JSON.stringify(Object.fromEntries(changed)));
    await using program = new Program(["--baseline", path, "--rounds", "1"], { script: "bench/guard.ts" });
    return { names: Object.keys(baseline), ...await program.ended(RUN_WITHIN_MS) };
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("bench:guard fails and names what is slower than its baseline, and nothing else", async () => {
  const { code, stdout, stderr, names } = await guarded((name, ratio) =>
    /^decode .* v4|^fan-out/.test(name) ? ratio * 10 : ratio / 10
  );
  assertEquals(code, 1);
  const lost = "decode PUBLISH QoS 0 of 64 B, v4; fan-out to 100 subscribers";
  assertEquals(stderr, [`Slower than the baseline by more than 20 %: ${lost}`]);
  assertEquals(stdout.length, names.length);
});

Deno.test("bench:guard passes while everything is as fast as its baseline or faster", async () => {
  const { code, stdout, stderr, names } = await guarded((_, ratio) => ratio / 10);
  assertEquals([code, stderr], [0, []]);
  for (const name of names) assert(stdout.some((line) => line.startsWith(`${name}: `)), name);
});

Deno.test("bench:guard is part of the full run", async () => {
  const run = await Deno.readTextFile(new URL("../../.ci/run", import.meta.url));
  assert(/^run_tests test:long\n(?:.*\n)*gate task bench:guard$/m.test(run), "after the tests");
});
