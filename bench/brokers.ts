/**
 * Compares Brooklet with the brokers that are installed, mosquitto and Aedes: `deno task bench:brokers`.
 * Each round runs a load against all of them, one after the other, so that a busy machine is busy for all. What it finds
 * goes to `bench/results/`: JSON, a table and a chart. The run that is shown to readers is in `docs/benchmarks/`.
 */

import { parseArgs } from "@std/cli";
import type { BenchResult } from "../src/load/bench_result.ts";
import { type BrokerKind, brokerKinds } from "./brokers/broker_under_test.ts";
import { chartOf } from "./brokers/chart.ts";
import { type ComparedRow, comparedRows, type Round } from "./brokers/comparison.ts";
import { type LoadRow, LOADS } from "./brokers/loads.ts";
import { machineWords, markdownOf, type Report } from "./brokers/report.ts";

const REPOSITORY = new URL("../", import.meta.url);
const LONGEST_RUN_MS = 120_000;
const WARM_UP_PART = 0.5;
const HELP = `Usage: deno task bench:brokers [options]

  --only WORDS   loads with these words in their name alone; may be repeated
  --rounds N     how often each load runs against each broker; 3 by default
  --seconds S    how long a load that has a time is measured; 2 by default, half as much before it
  --out FOLDER   where to write brokers.json, brokers.md and brokers.svg; bench/results by default
`;

if (import.meta.main) {
  const parsed = parseArgs(Deno.args, {
    string: ["only", "rounds", "seconds", "out"],
    collect: ["only"],
    boolean: ["help"],
    alias: { help: "h" },
    unknown: (argument) => {
      console.error(`Unknown argument "${argument}"\n\n${HELP}`);
      Deno.exit(2);
    },
  });
  if (parsed.help) {
    console.log(HELP);
    Deno.exit(0);
  }
  const loads = LOADS.filter(({ name }) =>
    parsed.only.length === 0 || parsed.only.some((words) => name.includes(words))
  );
  const report = await compare(loads, Number(parsed.rounds ?? 3), Number(parsed.seconds ?? 2));
  const folder = parsed.out ?? new URL("bench/results", REPOSITORY).pathname;
  await writeReport(report, folder);
  console.log(markdownOf(report));
}

/** Runs all loads against all brokers, round by round. */
export async function compare(loads: readonly LoadRow[], rounds: number, seconds: number): Promise<Report> {
  const kinds = await brokerKinds();
  const rows: ComparedRow[] = [];
  for (const load of loads) {
    const reached = new Map<BrokerKind["name"], Round[]>(kinds.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const kind of kinds) {
        const outcome = await runRound(kind, load, seconds);
        reached.get(kind.name)?.push(outcome);
        const figures = outcome.values.map((value) => value?.toPrecision(4) ?? "failed").join(", ");
        console.error(`${load.name}, round ${round + 1}, ${kind.name}: ${figures} ${outcome.fault ?? ""}`);
      }
    }
    rows.push(...comparedRows(load, reached));
  }
  const brokers = kinds.map(({ name, version }) => ({ name, version }));
  return { date: new Date().toISOString(), machine: machineWords(), brokers, rounds, seconds, rows };
}

/** Writes the three files. */
export async function writeReport(report: Report, folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/brokers.json`, `${JSON.stringify(report, null, 2)}\n`);
  await Deno.writeTextFile(`${folder}/brokers.md`, markdownOf(report));
  await Deno.writeTextFile(`${folder}/brokers.svg`, chartOf(report));
}

/** One load against one broker that is started for it. What fails is a value: the others go on. */
async function runRound(kind: BrokerKind, load: LoadRow, seconds: number): Promise<Round> {
  await using broker = await kind.start();
  const time = load.isTimed ? ["--seconds", `${seconds}`, "--warmup", `${seconds * WARM_UP_PART}`] : [];
  const [scenario = "", ...options] = load.args;
  const args = [scenario, broker.url(load.scheme), ...options, ...time, "-V", "3.1.1", "--pid", `${broker.pid}`];
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "mod.ts", "bench", ...args, "--json"],
    cwd: REPOSITORY,
    stdin: "null",
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(LONGEST_RUN_MS),
  });
  const { stdout, stderr } = await command.output();
  const line = new TextDecoder().decode(stdout).trim();
  const nothing = load.measures.map(() => undefined);
  if (line === "") return { values: nothing, fault: new TextDecoder().decode(stderr).trim() || "it took too long" };
  const result: BenchResult = JSON.parse(line);
  return { values: load.measures.map(({ value }) => value(result)), fault: faultOf(result) };
}

function faultOf({ ok, lost, outOfOrder, foreign, refused, stalls, unsent, sent, client }: BenchResult) {
  if (!ok) return `${lost} lost, ${outOfOrder} twice or out of order, ${foreign} damaged, ${refused} refused`;
  if (stalls > 0) return `${stalls} stalls`;
  if (unsent > sent / 100) return `${unsent} messages could not be sent at the rate`;
  return client.cpuShare > 0.95 ? "the load generator was the limit" : undefined;
}
