/** Figures of storage in a file. `FULL=1` in the environment: those that are promised, otherwise a small part of them. */

import { assert, assertEquals } from "@std/assert";
import { type CommitItem, DenoKvStorage } from "../../src/storage/mod.ts";
import { collectedHeapBytes } from "../broker/collected_heap.ts";
import { completed, message, queued, started, subscription } from "./kv_changes.ts";

const IS_FULL = Deno.env.has("FULL");
const HUNDRED_BYTES = "x".repeat(100);

Deno.test("Messages that wait for an offline session are in the file, and come back in order", async () => {
  const count = IS_FULL ? 1_000_000 : 50_000;
  await withStorage(async (storage, path) => {
    await storage.commit([
      started("c"),
      { kind: "sessionExpiry", clientId: "c", sessionExpirySeconds: 60, expiresAtMs: 1e15 },
    ]);
    const heapBefore = collectedHeapBytes();
    const rssBefore = Deno.memoryUsage().rss;
    const begin = performance.now();
    for (let sequence = 1; sequence <= count;) {
      const list: CommitItem[] = [];
      for (const end = sequence + 2000; sequence < end; sequence++) {
        list.push(queued("c", sequence, message(HUNDRED_BYTES)));
      }
      await storage.commit(list);
    }
    const committed = performance.now();
    const heap = collectedHeapBytes() - heapBefore;
    const rss = Deno.memoryUsage().rss - rssBefore;
    assert(heap < 5_000_000, `${heap} bytes are held`);
    const collected = performance.now();
    let last = 0;
    for await (const change of storage.restoreSession("c")) {
      if (change.kind === "queued") assertEquals(change.sequence, ++last);
    }
    const end = performance.now();
    assertEquals(last, count);
    await storage.close();
    const again = await DenoKvStorage.open(path);
    for await (const change of again.restore()) if (change.kind === "backlog") assertEquals(change.messages, count);
    const restoring = performance.now() - end;
    await again.close();
    console.log(
      `${count} messages: kept ${rate(count, committed - begin)}, heap +${megabytes(heap)} MB, RSS +${
        megabytes(rss)
      } MB; ` +
        `restored ${rate(count, end - collected)}; started in ${Math.round(restoring)} ms`,
    );
  });
});

Deno.test("Sessions with three Subscriptions are restored from a file", async () => {
  const count = IS_FULL ? 100_000 : 5_000;
  await withStorage(async (storage, path) => {
    for (let index = 0; index < count;) {
      const list: CommitItem[] = [];
      for (const end = index + 1000; index < end; index++) list.push(...session(`client ${index}`));
      await storage.commit(list);
    }
    await storage.close();
    const begin = performance.now();
    const again = await DenoKvStorage.open(path);
    let changes = 0;
    for await (const _ of again.restore()) changes += 1;
    console.log(`${count} sessions restored in ${Math.round(performance.now() - begin)} ms`);
    assertEquals(changes, count * 6);
    await again.close();
  });
});

Deno.test("Messages are kept and completed by many in one commit", async () => {
  const count = IS_FULL ? 500_000 : 20_000;
  const clientIds = Array.from({ length: 50 }, (_, index) => `c${index}`);
  const payload = "x".repeat(64);
  await withStorage(async (storage) => {
    await storage.commit(clientIds.map(started));
    for (const length of [1000, 5000]) {
      const begin = performance.now();
      let sequence = length * count;
      for (let done = 0; done < count; done += length / 2) {
        const list: CommitItem[] = [];
        for (let each = 0; each < length / 100; each++, sequence++) {
          for (const clientId of clientIds) {
            list.push(completed(clientId, sequence - length / 100)); // Of the list before.
            list.push(queued(clientId, sequence, message(payload), 1 + sequence % 65_535));
          }
        }
        await storage.commit(list);
      }
      console.log(`${length} changes a list: ${rate(count, performance.now() - begin)} kept and completed`);
      assert(sequence > 0);
    }
  });
});

function session(clientId: string): CommitItem[] {
  return [
    started(clientId),
    { kind: "sessionExpiry", clientId, sessionExpirySeconds: 60, expiresAtMs: 1e15 },
    ...["in", "out", "all"].map((name): CommitItem => (
      { kind: "subscribed", clientId, subscription: subscription(`devices/${clientId}/${name}`) }
    )),
  ];
}

function rate(count: number, ms: number): string {
  return `${Math.round(count / ms)} k/s`;
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}

async function withStorage(use: (storage: DenoKvStorage, path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/brooklet.kv`;
  const storage = await DenoKvStorage.open(path);
  try {
    await use(storage, path);
  } finally {
    await storage.close().catch(() => {}); // It may be closed.
    await Deno.remove(directory, { recursive: true });
  }
}
