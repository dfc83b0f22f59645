import type { BrokerKind } from "./broker_under_test.ts";
import { type ComparedRow, type Reached, REFERENCE } from "./comparison.ts";

/** All that a run of the comparison gives. */
export interface Report {
  readonly date: string;
  readonly machine: string;
  readonly brokers: readonly { readonly name: BrokerKind["name"]; readonly version: string }[];
  readonly rounds: number;
  /** Length of each load that has a time. */
  readonly seconds: number;
  readonly rows: readonly ComparedRow[];
}

/** The machine in words. */
export function machineWords(): string {
  const memory = `${Math.round(Deno.systemMemoryInfo().total / 2 ** 30)} GiB`;
  const cores = navigator.hardwareConcurrency;
  return `${processorName()}, ${cores} cores, ${memory}, ${Deno.build.os}`;
}

/** The report as a table, which GitHub shows too. */
export function markdownOf({ date, machine, brokers, rounds, seconds, rows }: Report): string {
  const names = brokers.map(({ name }) => name);
  const others = names.filter((name) => name !== REFERENCE);
  const hasReference = names.includes(REFERENCE);
  const ratios = hasReference ? others.map((name) => `${name} / ${REFERENCE}`) : [];
  const lines = rows.map((row) => {
    const name = row.measure === "" ? row.load : `${row.load}: ${row.measure}`;
    const figures = names.map((name) => figureText(row.reached[name]));
    const compared = hasReference ? others.map((name) => ratioText(row.reached[name])) : [];
    return tableLine([name, row.unit, ...figures, ...compared]);
  });
  const head = ["load", "unit", ...names, ...ratios];
  return [
    "# Brokers compared",
    "",
    `${date.slice(0, 10)}, ${machine}. ${brokers.map(({ name, version }) => `${name} ${version}`).join("; ")}.`,
    "",
    `Medians of ${rounds} rounds, in turns, ${seconds} s each; every run starts its broker anew, and the load generator,`,
    "`brooklet bench`, runs on the same machine. Payloads have 64 bytes and windows 256 messages unless it is said; MQTT",
    "3.1.1. Ratios are times as good: for what should be low, such as a time, the other one's figure is above the line. In",
    "brackets the worst and the best round.",
    "",
    tableLine(head),
    tableLine(head.map((_, index) => index < 2 ? "---" : "---:")),
    ...lines,
    "",
    ...faultLines(rows, names),
  ].join("\n");
}

function faultLines(rows: readonly ComparedRow[], names: readonly BrokerKind["name"][]): string[] {
  const faults = rows.flatMap(({ load, reached }) =>
    names.flatMap((name) => (reached[name]?.faults ?? []).map((fault) => `- ${name}, ${load}: ${fault}`))
  );
  return faults.length === 0 ? [] : ["What did not go as it should:", "", ...new Set(faults), ""];
}

function figureText(reached: Reached | undefined): string {
  if (reached === undefined || reached.median === null) return "failed";
  const value = reached.median;
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
}

function ratioText(reached: Reached | undefined): string {
  const ratio = reached?.ratio ?? null;
  if (ratio === null) return "";
  return `**${short(ratio.median)}** (${short(ratio.least)} - ${short(ratio.most)})`;
}

function short(value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toFixed(value >= 1 ? 1 : 2);
}

function tableLine(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function processorName(): string {
  try {
    const [, name] = /^model name\s*:\s*(.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo")) ?? [];
    return name ?? Deno.build.arch;
  } catch {
    return Deno.build.arch; // Another system than Linux.
  }
}
