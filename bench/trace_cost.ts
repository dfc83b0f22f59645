/**
 * Cost of a live trace: pairs of a publisher and a subscriber at full speed over TCP, of which one client is traced every
 * other time. Prints how fast the traced pair and the others are against the time without a trace, and the memory.
 *
 *     deno run -A --v8-flags=--expose-gc --config tests/deno.json bench/trace_cost.ts [rounds] [seconds] [pairs]
 */

import { Traces } from "../src/admin/trace/traces.ts";
import { Broker, listenTcp } from "../mod.ts";
import type { LoadRequest, PairCounts } from "./trace_load_worker.ts";

const WARM_UP_SECONDS = 3;
const SETTLE_SECONDS = 0.5;
const MIB = 1_048_576;

/** Rates of one phase, in messages a second. */
interface Rates {
  readonly traced: number;
  /** Of one of the other pairs, on average. */
  readonly others: number;
}

/** Measures with the publisher or the subscriber of the first pair traced. */
async function measured(
  side: "publisher" | "subscriber",
  rounds: number,
  seconds: number,
  pairs: number,
): Promise<string> {
  await using broker = await Broker.open();
  const listener = listenTcp({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const transport of listener) broker.serve(transport);
  })();
  const load = new Load(listener.port, pairs);
  await load.counts(WARM_UP_SECONDS);
  const traces = new Traces(broker);
  const phases: { readonly off: Rates; readonly on: Rates }[] = [];
  const lost: number[] = [];
  const moreBytes: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const off = ratesOf(await load.counts(seconds), seconds);
    const bytesBefore = usedBytes();
    const trace = traces.start({ clientId: `${side}-0` });
    await load.counts(SETTLE_SECONDS);
    const on = ratesOf(await load.counts(seconds), seconds);
    moreBytes.push(usedBytes() - bytesBefore);
    if (trace === undefined) throw new Error("Cannot measure: there are too many traces");
    lost.push(trace.facts.lost / (trace.facts.lost + trace.facts.records));
    traces.close();
    phases.push({ off, on });
    await load.counts(SETTLE_SECONDS);
  }
  load.close();
  listener.close();
  await accepting;
  const share = (rate: (rates: Rates) => number) => median(phases.map(({ off, on }) => rate(on) / rate(off)));
  return [
    `${side} of 1 of ${pairs} pairs traced, ${rounds} rounds of ${seconds} s, medians:`,
    `traced pair ${percent(share(({ traced }) => traced))} of ${
      rounded(median(phases.map(({ off }) => off.traced)))
    } msg/s,`,
    `others ${percent(share(({ others }) => others))}, ${percent(median(lost))} lost,`,
    `${(median(moreBytes) / MIB).toFixed(1)} MiB more`,
  ].join(" ");
}

/** Load in a thread of its own. */
class Load {
  readonly #worker = new Worker(new URL("./trace_load_worker.ts", import.meta.url), { type: "module" });

  constructor(readonly port: number, readonly pairs: number) {}

  /** Messages that each subscriber gets in some time; connects the clients first. */
  counts(seconds: number): Promise<PairCounts> {
    const { promise, resolve, reject } = Promise.withResolvers<PairCounts>();
    this.#worker.onmessage = ({ data }: MessageEvent<PairCounts>) => resolve(data);
    this.#worker.onerror = (event) => reject(new Error(event.message));
    const request: LoadRequest = { port: this.port, pairs: this.pairs, seconds };
    this.#worker.postMessage(request);
    return promise;
  }

  close(): void {
    this.#worker.terminate();
  }
}

/** Bytes of objects and buffers that are in use. */
function usedBytes(): number {
  (globalThis as { readonly gc?: () => void }).gc?.();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

function ratesOf(counts: PairCounts, seconds: number): Rates {
  const [traced = 0, ...others] = counts;
  return { traced: traced / seconds, others: others.reduce((sum, count) => sum + count, 0) / others.length / seconds };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function rounded(value: number): string {
  return Math.round(value).toLocaleString("en");
}

if (import.meta.main) {
  const [rounds = 5, seconds = 3, pairs = 50] = Deno.args.map(Number);
  for (const side of ["publisher", "subscriber"] as const) console.log(await measured(side, rounds, seconds, pairs));
}
