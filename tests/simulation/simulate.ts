/**
 * Many simulations, one behind the other: `deno task simulate [--runs N] [--seed S] [--storage memory|kv]
 * [--fault NAME] [--verbose]`. A finding ends it and names its seed, with which `--runs 1 --seed S --verbose` tells all that happens.
 */

import { parseArgs } from "@std/cli";
import type { Fault } from "./crashing_storage.ts";
import { simulate, type SimulatedKind } from "./simulation.ts";

const FAULTS: readonly Fault[] = ["notHeld", "torn", "disordered"];
const STORAGES: readonly SimulatedKind[] = ["memory", "kv"];
const LINE_EVERY_MS = 10_000;

const given = parseArgs(Deno.args, { string: ["runs", "seed", "storage", "fault"], boolean: ["verbose"] });
const runs = wholeNumber("runs", given.runs) ?? 20_000;
const first = wholeNumber("seed", given.seed) ?? Date.now() >>> 0;
const options = {
  storage: oneOf(STORAGES, "storage", given.storage),
  fault: oneOf(FAULTS, "fault", given.fault),
  log: given.verbose ? console.log : undefined,
};

const startedMs = Date.now();
let nextLineMs = startedMs + LINE_EVERY_MS;
for (let run = 0; run < runs; run++) {
  const seed = first + run >>> 0;
  try {
    await simulate(seed, options);
  } catch (error) {
    console.error(error);
    console.error(`again: deno task simulate --runs 1 --seed ${seed} --verbose`);
    Deno.exit(1);
  }
  if (Date.now() < nextLineMs) continue;
  nextLineMs += LINE_EVERY_MS;
  console.log(`${run + 1} of ${runs} runs, last seed ${seed}`);
}
console.log(`${runs} runs from seed ${first}, nothing found, ${Math.round((Date.now() - startedMs) / 1000)} s`);

function wholeNumber(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (Number.isInteger(number) && number >= 0) return number;
  throw new RangeError(`Cannot simulate: --${name} "${value}" is not a whole number`);
}

function oneOf<Value extends string>(
  values: readonly Value[],
  name: string,
  given: string | undefined,
): Value | undefined {
  const value = values.find((each) => each === given);
  if (value !== undefined || given === undefined) return value;
  throw new RangeError(`Cannot simulate: --${name} "${given}" is none of ${values.join(", ")}`);
}
