import process from "node:process";
import { type BenchOptions, jobsOf } from "./bench_jobs.ts";
import { type BenchResult, benchResult } from "./bench_result.ts";
import { loadOf, ThreadLoad } from "./thread_load.ts";
import type { SharedCounters } from "./load_plan.ts";
import type { PacerRequest } from "./pacer_worker.ts";
import { ProcessWatch } from "./process_watch.ts";

const PROGRESS_MS = 1_000;

/** Called once a second with the messages sent and delivered since the start. */
export type OnProgress = (sent: number, delivered: number) => void;

/** Runs the load of the options. Throws {@linkcode LoadError} if a connection is refused or lost. */
export async function runBench(options: BenchOptions, onProgress: OnProgress): Promise<BenchResult> {
  const { jobs, shared } = jobsOf(options);
  const loads = jobs.map((job) => jobs.length === 1 ? loadOf(job) : new ThreadLoad(job));
  const watch = await ProcessWatch.start(options.pid);
  const timer = setInterval(() => onProgress(...progressOf(shared)), PROGRESS_MS);
  let pacer: Worker | undefined;
  try {
    await Promise.all(loads.map((load) => load.open()));
    if (options.rate !== undefined) pacer = startPacer(shared);
    await watch.opened();
    const own = { cpuSeconds: ownCpuSeconds(), ms: performance.now() };
    await Promise.all(loads.map((load) => load.run()));
    const cpuSeconds = ownCpuSeconds() - own.cpuSeconds;
    const cpuShare = cpuSeconds / ((performance.now() - own.ms) / 1_000) / jobs.length;
    const broker = await watch.ended();
    const results = await Promise.all(loads.map((load) => load.result()));
    return benchResult(options, results, { cpuSeconds, cpuShare }, broker);
  } finally {
    clearInterval(timer);
    watch.close();
    pacer?.terminate();
    for (const load of loads) load.close();
  }
}

function startPacer({ wake, startMs }: Omit<SharedCounters, "thread">): Worker {
  const pacer = new Worker(new URL("./pacer_worker.ts", import.meta.url), { type: "module" });
  pacer.postMessage({ wake, startMs } satisfies PacerRequest);
  return pacer;
}

function progressOf({ progress }: Omit<SharedCounters, "thread">): [number, number] {
  const sum = (parity: number) => progress.reduce((all, count, index) => index % 2 === parity ? all + count : all, 0);
  return [sum(0), sum(1)];
}

function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000;
}
