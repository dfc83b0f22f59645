/**
 * Runs tests lane by lane: `deno run -A tests/run.ts LANE,… [--junit=FOLDER] [PATH…] [OPTION…]`. Lanes are those of
 * `tests/lanes.ts`, and `long`. Paths leave out all other files; options, such as `--filter=WORD`, are for `deno test`. The
 * last line is `N passed, N failed`, with `, N ignored` where there are such.
 */

import { fits, type Lane, laneOf, LANES, LONG, testFiles } from "./lanes.ts";
import { isFile } from "./installed.ts";
import { type Counts, countsOf, FileNames, plus, textOf, withFileNames } from "./run_output.ts";

const ROOT = new URL("../", import.meta.url);
const CONFIG = "--config=tests/deno.json"; // Its packages are no business of a broker that starts.
const FLAGS = ["-A", CONFIG, "--sanitize-ops", "--sanitize-resources", "--permit-no-files"];
// A leak fails its test without these as well, but does not say where it began. They cost a tenth of the time of the
// processor, of files with many operations the half (2026-11-30): where nobody can run it again.
if (Deno.env.has("BROOKLET_CI")) FLAGS.push("--trace-leaks");

type LaneName = Lane | "long";

/** Files side by side: one more than there are processors, because some wait. */
const jobs = Deno.env.get("DENO_JOBS") ?? `${navigator.hardwareConcurrency + 1}`;

const [names = "", ...rest] = Deno.args;
const junitFolder = rest.find((arg) => arg.startsWith("--junit="))?.slice("--junit=".length);
const options = rest.filter((arg) => arg.startsWith("-") && !arg.startsWith("--junit="));
const paths = rest.filter((arg) => !arg.startsWith("-")).map((path) => path.replace(/^\.\//, ""));

const files = testFiles();
const rows: string[] = [];
let total: Counts = { passed: 0, failed: 0, ignored: 0 };
for (const lane of names.split(",")) {
  if (!isLaneName(lane)) throw new RangeError(`Cannot run tests: there is no lane "${lane}"`);
  const startedMs = performance.now();
  const counts = await outcome(lane);
  rows.push(`${lane}: ${textOf(counts)} (${Math.round((performance.now() - startedMs) / 1_000)} s)`);
  total = plus(total, counts);
}
console.log([...rows, textOf(total)].join("\n"));
const isAny = total.passed + total.failed + total.ignored > 0;
Deno.exitCode = total.failed === 0 && isAny ? 0 : 1;

function isLaneName(name: string): name is LaneName {
  return name === "long" || Object.keys(LANES).includes(name);
}

/** Runs a lane, with its output on ours. */
async function outcome(lane: LaneName): Promise<Counts> {
  const chosen = chosenArgs(lane);
  if (chosen === undefined) return { passed: 0, failed: 0, ignored: 0 };
  const junit = junitFolder === undefined ? undefined : `${junitFolder}/${lane}.xml`;
  if (junitFolder !== undefined) await Deno.mkdir(junitFolder, { recursive: true });
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", ...FLAGS, ...(junit === undefined ? [] : [`--junit-path=${junit}`]), ...chosen, ...options],
    cwd: ROOT,
    env: { DENO_JOBS: jobs, ...(lane === "long" ? { TEST_FORM: "long" } : {}) },
    stdout: "piped",
  }).spawn();
  const names = new FileNames();
  let summary: Counts | undefined;
  let begun = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    for (let written = 0; written < chunk.length;) written += Deno.stdout.writeSync(chunk.subarray(written));
    const lines = (begun + decoder.decode(chunk, { stream: true })).split("\n");
    begun = lines.pop() ?? "";
    for (const line of lines) {
      names.read(line);
      summary = countsOf(line) ?? summary;
    }
  }
  const { success } = await child.status;
  if (junit !== undefined && isFile(junit)) { // No report is written of what cannot be compiled.
    await Deno.writeTextFile(junit, withFileNames(await Deno.readTextFile(junit), names));
  }
  const { passed, failed, ignored } = summary ?? { passed: 0, failed: 0, ignored: 0 };
  // A run can fail without a failed test, for example by an uncaught error.
  return { passed, failed: success ? failed : Math.max(1, failed), ignored };
}

/** Arguments for `deno test` that choose the files of a lane; `undefined`: there are none. */
function chosenArgs(lane: LaneName): string[] | undefined {
  const isOfLane = (path: string) => lane === "long" ? LONG.some((row) => fits(path, row)) : laneOf(path) === lane;
  const isGiven = (path: string) => paths.length === 0 || paths.some((given) => fits(path, given));
  const chosen = files.filter((path) => isOfLane(path) && isGiven(path));
  if (lane === "parallel") {
    // The config of the tests is below the root, so that Deno finds nothing outside of `tests` by itself.
    chosen.push(...(paths.length === 0 ? documented() : paths.filter((path) => !fits(path, "tests"))));
  }
  if (chosen.length === 0) return undefined;
  return lane === "parallel"
    ? ["--parallel", "--doc", ...chosen]
    : lane === "interop"
    ? ["--parallel", ...chosen]
    : chosen;
}

/** Files and folders at the root, other than `tests`, whose documentation has examples. */
function documented(): string[] {
  const entries = Array.from(Deno.readDirSync(ROOT)).filter(({ name }) => name !== "tests" && !name.startsWith("."));
  return entries.filter(({ name, isDirectory }) => isDirectory || /\.(?:md|ts)$/.test(name)).map(({ name }) => name)
    .sort();
}
