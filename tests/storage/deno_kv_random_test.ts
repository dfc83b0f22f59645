import { assertEquals } from "@std/assert";
import { MemoryStorage } from "../../src/storage/mod.ts";
import { DenoKvStorage } from "../../src/storage/deno_kv/deno_kv_storage.ts";
import { everything, RandomChanges, randomTest } from "./kv_changes.ts";

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
