import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Storage } from "../../mod.ts";
import { type CommitItem, MemoryStorage } from "../../src/storage/mod.ts";
import { KvStorage } from "../../src/storage/deno_kv/deno_kv_storage.ts";
import { Seeded } from "../seeded.ts";
import { type Fault, FaultyKv } from "./faulty_kv.ts";
import { everything, message, queued, RandomChanges, randomTest, started, subscription } from "./kv_changes.ts";

randomTest("KvStorage has a prefix of what was committed after a crash at any atomic", 3, async (random) => {
  await withKv(async (kv) => {
    const changes = new RandomChanges(random, 90_000);
    const kept: CommitItem[] = [];
    for (let round = 0; round < 8; round++) {
      const storage = await KvStorage.over(kv);
      const before = changes.list(random.integer(0, 30));
      await storage.commit(before);
      kept.push(...before);
      const list = changes.list(random.integer(1, 60));
      failAt(kv, kv.atomics + random.integer(0, 4), random.pick<Fault>(["lost", "unknown"]));
      const isKept = await storage.commit(list).then(() => true, () => false);
      await storage.close(); // As if it had not been: nothing of it is asked again.
      kv.fault = () => "none";
      const length = await prefixLength(await KvStorage.over(kv), kept, list);
      assert(length !== undefined, "what is there is no prefix");
      assert(!isKept || length === list.length, "what was said to be kept is not there");
      const rest = list.slice(length);
      await (await KvStorage.over(kv)).commit(rest);
      kept.push(...list);
    }
    await assertSame(await KvStorage.over(kv), kept);
  });
});

randomTest("KvStorage takes a list again that failed at any atomic, with others after it", 3, async (random) => {
  await withKv(async (kv) => {
    const changes = new RandomChanges(random, 90_000);
    const storage = await KvStorage.over(kv);
    const kept: CommitItem[] = [];
    for (let round = 0; round < 8; round++) {
      let list = changes.list(random.integer(1, 60));
      for (let times = random.integer(0, 4); times > 0; times--) {
        failAt(kv, kv.atomics + random.integer(0, 3), random.pick<Fault>(["lost", "unknown"]));
        const isKept = await storage.commit(list).then(() => true, () => false);
        kv.fault = () => "none";
        if (isKept) {
          kept.push(...list);
          list = [];
        } else if (random.oneIn(2)) {
          assert(await prefixLength(storage, kept, list) !== undefined, "what is there is no prefix");
        }
        list.push(...changes.list(random.integer(1, 20)));
      }
      await storage.commit(list);
      kept.push(...list);
      await assertSame(storage, kept);
    }
    await assertSame(await KvStorage.over(kv), kept);
    await storage.close();
  });
});

randomTest("Lists and prefixes of them that KvStorage gets twice are the same as once", 4, async (random) => {
  await withKv(async (kv) => {
    const changes = new RandomChanges(random);
    const kept: CommitItem[] = [];
    const storage = await KvStorage.over(kv);
    for (let round = 0; round < 10; round++) {
      const list = changes.list(random.integer(1, 40));
      await storage.commit(list.slice(0, random.integer(0, list.length)));
      await storage.commit(list);
      kept.push(...list);
      await assertSame(storage, kept);
    }
    await storage.close();
  });
});

for (const isReopened of [true, false]) {
  const how = isReopened ? "after a crash" : "after a failure";
  Deno.test(`A change that is larger than an atomic is all or nothing in DenoKvStorage ${how}`, async () => {
    await tryLargeChange(isReopened);
  });
}

async function tryLargeChange(isReopened: boolean): Promise<void> {
  const random = new Seeded(1);
  const clientIds = Array.from({ length: 600 }, (_, index) => `client ${index}`);
  const setUp: CommitItem[] = clientIds.map(started);
  const shared = message("shared");
  const large = message("", { payload: random.bytes(300_000) });
  const together: CommitItem = {
    kind: "transaction",
    changes: clientIds.flatMap((clientId, index) => [
      queued(clientId, 1, shared),
      queued(clientId, 2, message(`for ${index}`), 7),
      queued(clientId, 3, index < 3 ? large : shared),
      { kind: "accepted", clientId, packetIdentifier: 9 },
    ]),
  };
  const lengths = new Set<number>();
  let atomics = 0;
  for (let isKept = false; !isKept; atomics++) {
    await withKv(async (kv) => {
      const storage = await KvStorage.over(kv);
      await storage.commit(setUp);
      failAt(kv, kv.atomics + atomics, atomics % 2 === 0 ? "lost" : "unknown");
      isKept = await storage.commit([together]).then(() => true, () => false);
      kv.fault = () => "none";
      const length = await prefixLength(isReopened ? await KvStorage.over(kv) : storage, setUp, [together]);
      assert(length !== undefined, `it is neither all nor nothing after ${atomics} atomics`);
      lengths.add(length);
      if (!isKept) await storage.commit([together]);
      const later: CommitItem[] = clientIds.map((clientId) => ({ kind: "released", clientId, packetIdentifier: 9 }));
      await storage.commit(later);
      // Nothing of the change is written over what came after it.
      await assertSame(await KvStorage.over(kv), [...setUp, together, ...later]);
      await storage.close();
    });
  }
  assertEquals(lengths, new Set([0, 1]));
  assert(atomics > 3, "it fits one");
}

Deno.test("DenoKvStorage says nothing of a session as long as it does not know what it has", async () => {
  await withKv(async (kv) => {
    const storage = await KvStorage.over(kv);
    await storage.commit([started("c"), queued("c", 1, message("one"))]);
    kv.fault = () => "unknown";
    await assertRejects(() => storage.commit([queued("c", 2, message("two"))]), Error, "disk I/O error");
    kv.isUnreadable = true;
    await assertRejects(() => Array.fromAsync(storage.restoreSession("c")), Error, "Cannot read");
    kv.isUnreadable = false;
    kv.fault = () => "none";
    assertEquals((await Array.fromAsync(storage.restoreSession("c"))).length, 2);
    await storage.close();
  });
});

Deno.test("DenoKvStorage leaves no rows of what ended, was completed, or failed", async () => {
  for (const fault of ["none", "lost", "unknown"] as const) {
    await withKv(async (kv, real) => {
      const storage = await KvStorage.over(kv);
      const body = message("", { payload: new Uint8Array(200_000) });
      const list: CommitItem[] = ["a", "b", "c"].flatMap((clientId) => [started(clientId), queued(clientId, 1, body)]);
      for (const clientId of ["a", "b"]) list.push({ kind: "completed", clientId, sequence: 1 });
      list.push({ kind: "retained", topic: "t", message: body });
      failAt(kv, kv.atomics, fault);
      await storage.commit(list).catch(() => {});
      kv.fault = () => "none";
      await storage.commit(list);
      await storage.commit([{ kind: "retained", topic: "t", message: undefined }]);
      await storage.commit(["a", "b", "c"].map((clientId) => ({ kind: "sessionEnded", clientId })));
      await storage.close();
      const again = await KvStorage.over(kv);
      for await (const change of again.restore()) throw new Error(`there is ${change.kind}`);
      await again.commit([started("d")]);
      await again.swept();
      await again.close();
      const keys = await Array.fromAsync(real.list({ prefix: [] }), ({ key }) => String(key));
      assertEquals(keys.filter((key) => !/^(format|session,\d+)$/.test(key)), [], fault);
    });
  }
});

for (const fault of ["lost", "unknown"] as const) {
  Deno.test(`DenoKvStorage clears up after an atomic that failed (${fault}), without a restart`, async () => {
    await withKv(async (kv, real) => {
      const storage = await KvStorage.over(kv);
      const large = message("", { payload: new Uint8Array(200_000) });
      await storage.commit([started("c"), { kind: "retained", topic: "t", message: large }]);
      assertEquals((await keysOf(real)).filter(isOfBody).length, 5); // Its parts and itself.
      await storage.commit([{ kind: "retained", topic: "t", message: undefined }]); // They go with the next atomic.
      failAt(kv, kv.atomics, fault);
      const next: CommitItem[] = [{ kind: "accepted", clientId: "c", packetIdentifier: 1 }];
      await assertRejects(() => storage.commit(next));
      kv.fault = () => "none";
      await storage.commit(next);
      assertEquals((await keysOf(real)).filter(isOfBody), []);
      await storage.close();
    });
  });

  Deno.test(`DenoKvStorage clears up after a large message whose garbage could not be written (${fault})`, async () => {
    await withKv(async (kv, real) => {
      const storage = await KvStorage.over(kv);
      const large = message("", { payload: new Uint8Array(7_000_000) }); // More than 100 rows.
      await storage.commit([started("c"), queued("c", 1, large)]);
      // The atomic that completes it is kept, the one after it that clears up is not.
      failAt(kv, kv.atomics + 1, fault);
      const completed: CommitItem[] = [{ kind: "completed", clientId: "c", sequence: 1 }];
      await assertRejects(() => storage.commit(completed));
      kv.fault = () => "none";
      await storage.commit([...completed, queued("c", 2, message("two"))]);
      await storage.commit([{ kind: "accepted", clientId: "c", packetIdentifier: 1 }]);
      assertEquals((await keysOf(real)).filter(isOfBody), []);
      await storage.close();
    });
  });
}

Deno.test("DenoKvStorage clears up a session that has ended while it is open, not at its next start", async () => {
  await withKv(async (kv, real) => {
    const storage = await KvStorage.over(kv);
    const large = message("", { payload: new Uint8Array(200_000) });
    const messages = Array.from(
      { length: 300 },
      (_, index) => queued("c", index + 1, index % 50 === 0 ? large : message("m")),
    );
    const subscribed: CommitItem = { kind: "subscribed", clientId: "c", subscription: subscription("a/+", 1) };
    await storage.commit([started("c"), subscribed, ...messages, started("d"), queued("d", 1, large)]);
    await storage.commit([{ kind: "sessionEnded", clientId: "c" }]);
    await storage.swept();
    const rows = (await keysOf(real)).filter((key) => !key.startsWith("format"));
    assertEquals(rows.filter((key) => key.startsWith("session,1") || key.startsWith("ended")), []);
    assertEquals(rows.filter(isOfBody).length, 5); // The other one has it still.
    await storage.commit([started("d")]); // Begins anew.
    await storage.swept();
    await storage.commit([{ kind: "accepted", clientId: "d", packetIdentifier: 1 }]); // Takes garbage with it.
    assertEquals((await keysOf(real)).filter((key) => !key.startsWith("format")).length, 2); // A session, and how far it is.
    await storage.close();
  });
});

function isOfBody(key: string): boolean {
  return /^(body|part),/.test(key);
}

async function keysOf(kv: Deno.Kv): Promise<string[]> {
  return await Array.fromAsync(kv.list({ prefix: [] }), ({ key }) => String(key));
}

async function withKv(use: (kv: FaultyKv, real: Deno.Kv) => Promise<void>): Promise<void> {
  const kv = await Deno.openKv(":memory:");
  try {
    await use(new FaultyKv(kv), kv);
  } finally {
    kv.close();
  }
}

function failAt(kv: FaultyKv, number: number, fault: Fault): void {
  kv.fault = (atomic) => atomic < number ? "none" : atomic === number ? fault : "lost";
}

/** Number of the changes after the kept ones that are there; `undefined`: what is there is no prefix. */
async function prefixLength(storage: Storage, kept: readonly CommitItem[], list: readonly CommitItem[]) {
  const found = String(await everything(storage));
  const memory = new MemoryStorage();
  memory.commit(kept);
  for (let length = 0;; length++) {
    if (String(await everything(memory)) === found) {
      // Changes that change nothing count as kept.
      if (length === list.length || !await changesNothing(memory, list.slice(length), found)) return length;
      return list.length;
    }
    const next = list[length];
    if (next === undefined) return undefined;
    memory.commit([next]);
  }
}

async function changesNothing(memory: MemoryStorage, rest: readonly CommitItem[], found: string): Promise<boolean> {
  memory.commit(rest);
  return String(await everything(memory)) === found;
}

async function assertSame(storage: Storage, changes: readonly CommitItem[]): Promise<void> {
  const memory = new MemoryStorage();
  memory.commit(changes);
  const [actual, expected] = [await everything(storage), await everything(memory)];
  assertEquals([...new Set(actual).difference(new Set(expected))], [], "is there and should not be");
  assertEquals([...new Set(expected).difference(new Set(actual))], [], "should be there");
}
