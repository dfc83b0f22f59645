import { assertEquals } from "@std/assert";
import { MemoryStorage } from "../../src/storage/mod.ts";
import { KvStorage } from "../../src/storage/deno_kv/deno_kv_storage.ts";
import { everything, RandomChanges, randomTest } from "./kv_changes.ts";

randomTest("KvStorage gives back what MemoryStorage does, whatever the lists are", 10, async (random) => {
  const kv = await Deno.openKv(":memory:");
  const storage = await KvStorage.over(kv);
  const memory = new MemoryStorage();
  const changes = new RandomChanges(random);
  for (let round = 0; round < 30; round++) {
    const list = changes.list(random.integer(1, 40));
    memory.commit(list);
    await storage.commit(list);
    if (random.oneIn(3)) assertEquals(await everything(storage), await everything(memory));
  }
  assertEquals(await everything(storage), await everything(memory));
  assertEquals(await everything(await KvStorage.over(kv)), await everything(memory));
  await storage.close();
});
