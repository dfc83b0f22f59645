import { Seeded } from "../seeded.ts";

/** Runs a check that waits for others with a seed, which the error names; `SEED` in the environment gives it again. */
export async function withSeed(check: (random: Seeded) => Promise<void>): Promise<void> {
  const seed = Number(Deno.env.get("SEED") ?? Date.now()) >>> 0;
  try {
    await check(new Seeded(seed));
  } catch (cause) {
    throw new Error(`SEED=${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
