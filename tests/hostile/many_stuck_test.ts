/** Many clients that never read, among many that do: what they hold, and what the others get. */

import { assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { within } from "../deadline.ts";
import { Program } from "../cli/program.ts";
import { IS_LONGEST } from "../form.ts";
import { BrokerChild, printFigure } from "./broker_child.ts";

const LOOK_EVERY_MS = 500;
const LEAST_RATIO = 0.95;
const MOST_RUNS = 4;

interface Row {
  readonly readers: number;
  readonly stuck: number;
  /** Messages of 1,000 bytes a second. */
  readonly rate: number;
  readonly seconds: number;
  /** How much more memory may be in use: payloads are shared. */
  readonly mostGrowthBytes: number;
}

const ROWS: readonly Row[] = [{ readers: 20, stuck: 5, rate: 5_000, seconds: 1, mostGrowthBytes: 24_000_000 }];
const LONG_ROWS: readonly Row[] = [
  { readers: 90, stuck: 10, rate: 2_000, seconds: 20, mostGrowthBytes: 64_000_000 },
  { readers: 900, stuck: 100, rate: 100, seconds: 60, mostGrowthBytes: 64_000_000 },
];

for (const { readers, stuck, rate, seconds, mostGrowthBytes } of IS_LONGEST ? [...ROWS, ...LONG_ROWS] : ROWS) {
  Deno.test(`${stuck} stuck subscribers among ${readers + stuck} cost the others nothing`, async () => {
    // The machine may do something else in one of the runs: what others get is compared again.
    let ratio = 0;
    for (let run = 0; run < MOST_RUNS && ratio < LEAST_RATIO; run++) {
      const without = await fanOut(readers, 0, rate, seconds);
      const beside = await fanOut(readers, stuck, rate, seconds);
      printFigure(
        `${rate} messages a second of 1,000 bytes for ${seconds} s to ${readers} readers, without and beside ${stuck} stuck ` +
          `ones: ${without.perSecond} and ${beside.perSecond} delivered a second, p99 ${without.p99} and ${beside.p99} ms, ` +
          `memory in use grew by ${toMb(without.grownBytes)} and ${
            toMb(beside.grownBytes)
          } MB, ${beside.dropped} dropped`,
      );
      assertEquals([without.lost, beside.lost], [0, 0]);
      assertLess(beside.grownBytes - without.grownBytes, mostGrowthBytes);
      ratio = beside.perSecond / without.perSecond;
    }
    assertGreaterOrEqual(ratio, LEAST_RATIO);
  });
}

async function fanOut(readers: number, stuck: number, rate: number, seconds: number) {
  await using child = await BrokerChild.start();
  const before = await child.metrics();
  await using program = new Program([
    ...["bench", "fan-out", `mqtt://127.0.0.1:${child.port}`, "--json", "--subs", `${readers}`, "--stuck", `${stuck}`],
    ...["--size", "1000", "--rate", `${rate}`, "--seconds", `${seconds}`],
  ]);
  let most = 0;
  let isOver = false;
  const ending = program.ended((seconds + 60) * 1_000).finally(() => isOver = true);
  // Asking collects garbage, which takes time: as often as memory could grow by much.
  while (!isOver) {
    most = Math.max(most, (await child.metrics()).heldBytes);
    await within(ending, "the load to end", LOOK_EVERY_MS).catch(() => {}); // It goes on.
  }
  const { code, stdout, stderr } = await ending;
  if (code !== 0) throw new Error(stderr.join("\n"));
  const { lost, deliveredPerSecond, latency } = JSON.parse(stdout.at(-1) ?? "");
  const { dropped } = await child.metrics();
  await child.assertSound();
  return {
    lost,
    perSecond: Math.round(deliveredPerSecond),
    p99: Math.round(latency.p99),
    grownBytes: most - before.heldBytes,
    dropped: dropped.qos0,
  };
}

function toMb(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
