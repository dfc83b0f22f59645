/**
 * Fails when the codec or the fan-out has become slow: `deno task bench:guard`. What is compared with the committed
 * baseline is not a time but how many times as fast as npm's `mqtt-packet` it is in the same run, which hardly depends on
 * the machine. A measure that falls short is measured again: only one that does so each time is a loss.
 */

import { parseArgs } from "@std/cli";
import { Stopwatch } from "../tests/stopwatch.ts";
import { type CodecWork, codecWork } from "./codec_work.ts";
import { type Traffic, trafficName } from "./corpus.ts";
import { fanOutWork } from "./fan_out_work.ts";

const BASELINE = new URL("./guard_baseline.json", import.meta.url).pathname;
const LARGEST_LOSS = 0.2;
const ATTEMPTS = 4;
const WARM_UP_ROUNDS = 1;
const TURNS_A_ROUND = 10;
const BYTES_A_TURN = 262_144;
const TRAFFIC: readonly Traffic[] = [
  { protocolVersion: 4, qos: 0, payloadBytes: 64 },
  { protocolVersion: 5, qos: 1, payloadBytes: 64 },
];
const SUBSCRIBERS = 100;
const FAN_OUT_MESSAGES = 200;

/** One thing that is measured: both do the same number of packets or deliveries in a run. */
interface Measure {
  readonly name: string;
  readonly ours: () => unknown;
  readonly theirs: () => unknown;
}

const { baseline: path = BASELINE, rounds = "9", update } = parseArgs(Deno.args, {
  string: ["baseline", "rounds"],
  boolean: ["update"],
});
const fanOut = await fanOutWork(SUBSCRIBERS, FAN_OUT_MESSAGES);
const works = TRAFFIC.map((traffic) => ({ traffic, work: codecWork(traffic, BYTES_A_TURN) }));
const measures = [...works.flatMap(({ traffic, work }) => codecMeasures(traffic, work)), fanOutMeasure(works[0]?.work)];
if (update) {
  const ratios: Record<string, number> = {};
  for (const measure of measures) {
    ratios[measure.name] = Number((await ratioOf(measure, Number(rounds))).toPrecision(3));
  }
  await Deno.writeTextFile(path, `${JSON.stringify(ratios, null, 2)}\n`);
  console.log(ratios);
} else {
  const lost = await losses(measures, JSON.parse(await Deno.readTextFile(path)), Number(rounds));
  if (lost.length > 0) {
    console.error(`Slower than the baseline by more than ${LARGEST_LOSS * 100} %: ${lost.join("; ")}`);
  }
  Deno.exitCode = lost.length > 0 ? 1 : 0;
}
await fanOut.close();

/** Measures that have lost too much, by name. */
async function losses(
  measures: readonly Measure[],
  baseline: Readonly<Record<string, number>>,
  rounds: number,
): Promise<string[]> {
  const lost: string[] = [];
  for (const measure of measures) {
    const wanted = baseline[measure.name];
    if (wanted === undefined) throw new Error(`The baseline has no "${measure.name}": run it with --update`);
    const least = wanted * (1 - LARGEST_LOSS);
    let best = 0;
    for (let attempt = 0; attempt < ATTEMPTS && best < least; attempt++) {
      best = Math.max(best, await ratioOf(measure, rounds));
    }
    console.log(`${measure.name}: ${best.toFixed(1)} times mqtt-packet, ${wanted} in the baseline`);
    if (best < least) lost.push(measure.name);
  }
  return lost;
}

/**
 * How many times as fast as theirs ours is: median of rounds, each of which measures both in turns and takes the fastest
 * of each, which is the one that nothing else has disturbed.
 */
async function ratioOf({ ours, theirs }: Measure, rounds: number): Promise<number> {
  const ratios: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    let [ourMs, theirMs] = [Infinity, Infinity];
    for (let turn = 0; turn < TURNS_A_ROUND; turn++) {
      ourMs = Math.min(ourMs, await msOf(ours));
      theirMs = Math.min(theirMs, await msOf(theirs));
    }
    if (round >= 0) ratios.push(theirMs / ourMs);
  }
  return ratios.sort((a, b) => a - b)[ratios.length >> 1] ?? 0;
}

async function msOf(run: () => unknown): Promise<number> {
  const stopwatch = new Stopwatch();
  await run();
  return stopwatch.ms();
}

function codecMeasures(traffic: Traffic, work: CodecWork): Measure[] {
  const name = trafficName(traffic);
  return [
    { name: `decode ${name}`, ours: () => work.decode(), theirs: () => work.decodeMqttPacket() },
    { name: `encode ${name}`, ours: () => work.encode(), theirs: () => work.encodeMqttPacketGenerate() },
  ];
}

/** Against mqtt-packet encoding as many packets as there are deliveries. */
function fanOutMeasure(work: CodecWork | undefined): Measure {
  if (work === undefined) throw new Error("There is no traffic to compare with");
  const repeats = Math.ceil(fanOut.deliveries / work.packets);
  return {
    name: `fan-out to ${SUBSCRIBERS} subscribers`,
    ours: () => fanOut.run(),
    theirs: () => {
      for (let repeat = 0; repeat < repeats; repeat++) work.encodeMqttPacketGenerate();
    },
  };
}
