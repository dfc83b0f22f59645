/** Randomness that can be repeated: every failure names its seed, and `SEED=...` in the environment gives it again. */

import { Seeded } from "../src/testing/storage_suite/random_changes.ts";
import { inForm } from "./form.ts";

export { Seeded };

/**
 * A test that runs `check` again and again for some time, each time with another seed; `SEED` in the environment runs that
 * one seed only. A failure names its seed.
 */
export function seededTest(
  name: string,
  check: (random: Seeded) => void,
  durationMs: number = inForm(300, 1_000),
): void {
  Deno.test(name, () => {
    const given = Deno.env.get("SEED");
    if (given !== undefined) return checkSeed(Number(given), check);
    const end = Date.now() + durationMs;
    for (let seed = Date.now() >>> 0; Date.now() < end; seed = seed + 1 >>> 0) checkSeed(seed, check);
  });
}

/** Runs a check with one seed, which the error names. */
export function checkSeed(seed: number, check: (random: Seeded) => void): void {
  try {
    check(new Seeded(seed));
  } catch (cause) {
    throw new Error(`SEED=${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/** The seed that the environment gives, for what takes one as an option. */
export function givenSeed(): { readonly seed?: number } {
  const seed = Deno.env.get("SEED");
  return seed === undefined ? {} : { seed: Number(seed) };
}
