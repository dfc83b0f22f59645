import { assertEquals } from "@std/assert";
import { MemoryStorage } from "../../mod.ts";
import { DenoKvStorage } from "../../src/storage/deno_kv.ts";
import { Seeded } from "../seeded.ts";
import { everything, RandomChanges } from "./kv_changes.ts";

/** Runs `check` with some seeds, or with the one in `SEED`; a failure names its seed. */
export function randomTest(name: string, runs: number, check: (random: Seeded) => Promise<void>): void {
  Deno.test(name, async () => {
    const given = Deno.env.get("SEED");
    const first = given === undefined ? Date.now() >>> 0 : Number(given);
    for (let seed = first; seed < first + (given === undefined ? runs : 1); seed++) {
      try {
        await check(new Seeded(seed));
      } catch (cause) {
        throw new Error(`SEED=${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
      }
    }
  });
}

randomTest("DenoKvStorage gives back what MemoryStorage does, whatever the lists are", 10, async (random) => {
  const kv = await Deno.openKv(":memory:");
  const storage = await DenoKvStorage.over(kv);
  const memory = new MemoryStorage();
  const changes = new RandomChanges(random);
  for (let round = 0; round < 30; round++) {
    const list = changes.list(random.integer(1, 40));
    memory.commit(list);
    await storage.commit(list);
    if (random.oneIn(3)) assertEquals(await everything(storage), await everything(memory));
  }
  assertEquals(await everything(storage), await everything(memory));
  assertEquals(await everything(await DenoKvStorage.over(kv)), await everything(memory));
  await storage.close();
});
