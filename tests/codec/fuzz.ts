/**
 * The checks of `properties_test.ts` until the process is ended, or for so many seconds:
 * `deno run --allow-env tests/codec/fuzz.ts [seconds]`. A finding ends it and names its seed.
 */

import { checkSeed } from "../seeded.ts";
import { checkAnyBytes, checkEncoders, checkRoundTrip } from "./fuzzing.ts";

const seconds = Number(Deno.args[0] ?? Infinity);
const given = Deno.env.get("SEED");
const end = Date.now() + seconds * 1000;
let runs = 0;
let nextLine = Date.now() + 10_000;
for (let seed = given === undefined ? Date.now() >>> 0 : Number(given); Date.now() < end; seed = seed + 1 >>> 0) {
  checkSeed(seed, checkRoundTrip);
  checkSeed(seed, checkAnyBytes);
  if (runs % 10 === 0) checkSeed(seed, checkEncoders);
  runs += 1;
  if (given !== undefined) break;
  if (Date.now() < nextLine) continue;
  console.log(`${runs} runs, last SEED=${seed}`);
  nextLine += 10_000;
}
console.log(`${runs} runs, nothing found`);
