import { assertEquals, assertLess, assertRejects } from "@std/assert";
import type { Storage } from "../../mod.ts";
import type { Change, CommitItem } from "../../src/storage/mod.ts";
import { CommitQueue } from "../../src/broker/commits.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { within } from "../deadline.ts";
import { heapGrowthBytes } from "./collected_heap.ts";

/** A queue over a storage, and what it told. */
function queueOver(storage: Storage): { readonly queue: CommitQueue; readonly told: string[] } {
  const told: string[] = [];
  const queue: CommitQueue = new CommitQueue(storage, {
    durable: () => told.push(`durable ${queue.durableSequence}`),
    failed: (error, after, until) => told.push(`failed ${after} ${until} ${error instanceof Error && error.message}`),
  });
  return { queue, told };
}

Deno.test("CommitQueue with a storage that keeps at once: durable when flush() returns", () => {
  const { queue } = queueOver(new GatedStorage());
  queue.write(change("a"));
  queue.write(change("b"));
  assertEquals([queue.writtenSequence, queue.durableSequence], [2, 0]);
  queue.flush();
  assertEquals(queue.durableSequence, 2);
  queue.flush();
  assertEquals(queue.durableSequence, 2);
});

Deno.test("CommitQueue gives one group at a time, in order; what comes meanwhile is the next group", async () => {
  const storage = gated();
  const { queue, told } = queueOver(storage);
  queue.write(change("a"));
  queue.flush();
  for (const clientId of ["b", "c", "d"]) {
    queue.write(change(clientId));
    queue.flush();
  }
  const first = await storage.nextCommit();
  assertEquals(names(first.changes), ["a"]);
  assertEquals(storage.pendingCommits, 0);
  assertEquals([queue.writtenSequence, queue.durableSequence], [4, 0]);
  first.keep();
  const second = await storage.nextCommit();
  assertEquals(names(second.changes), ["b", "c", "d"]);
  assertEquals(queue.durableSequence, 1);
  second.keep();
  await queue.settled();
  assertEquals(queue.durableSequence, 4);
  assertEquals(told, ["durable 1", "durable 4"]);
});

Deno.test("CommitQueue.settled() flushes and waits for what was written by then, and for nothing else", async () => {
  const storage = gated();
  const { queue } = queueOver(storage);
  await queue.settled();
  queue.write(change("a"));
  queue.flush();
  queue.write(change("b"));
  let isSettled = false;
  const settled = queue.settled().then(() => isSettled = true);
  queue.write(change("c"));
  (await storage.nextCommit()).keep();
  const second = await storage.nextCommit();
  assertEquals(isSettled, false);
  queue.write(change("d"));
  second.keep(); // What waited when it began.
  await within(settled, "it is not settled");
  assertEquals(queue.durableSequence, 3);
  (await storage.nextCommit()).keep();
});

Deno.test("A commit that fails says which changes are not kept, and they come again before the next ones", async () => {
  const storage = gated();
  const { queue, told } = queueOver(storage);
  queue.write(change("a"));
  queue.flush();
  queue.write(change("b"));
  queue.write(change("c"));
  const settled = assertRejects(() => queue.settled(), Error, "the storage failed");
  (await storage.nextCommit()).fail();
  await settled;
  assertEquals(told, ["failed 0 1 the disk is full"]);
  assertEquals([queue.isFailing, queue.durableSequence], [true, 0]);
  queue.flush();
  assertEquals(storage.pendingCommits, 0); // Not before it is asked to.
  queue.retry();
  const again = await storage.nextCommit();
  assertEquals(names(again.changes), ["a", "b", "c"]);
  assertEquals(queue.isFailing, true); // Nobody knows yet.
  again.fail();
  await assertRejects(() => queue.settled(), Error, "the storage failed");
  assertEquals(told[1], "failed 0 3 the disk is full");
  queue.retry();
  (await storage.nextCommit()).keep();
  await queue.settled();
  assertEquals([queue.isFailing, queue.durableSequence, queue.pendingBytes], [false, 3, 0]);
  assertEquals(told.at(-1), "durable 3");
});

Deno.test("CommitQueue.takeBack() leaves out what no storage has got yet", async () => {
  const storage = gated();
  const { queue, told } = queueOver(storage);
  const a = queue.write(change("a"));
  queue.flush();
  const b = queue.write(change("b"));
  queue.write(change("c"));
  assertEquals([queue.takeBack(a), queue.takeBack(b), queue.takeBack(b)], [false, true, false]);
  (await storage.nextCommit()).keep();
  const second = await storage.nextCommit();
  assertEquals(names(second.changes), ["c"]);
  const d = queue.write(change("d"));
  assertEquals(queue.takeBack(d), true);
  second.keep();
  await queue.settled();
  assertEquals(storage.pendingCommits, 0); // Nothing was left of the third group, so it is durable.
  assertEquals([queue.durableSequence, queue.pendingBytes, told.at(-1)], [4, 0, "durable 4"]);
});

Deno.test("CommitQueue.begin() and end() leave nothing behind where no change was written", async () => {
  const { queue } = queueOver(new GatedStorage());
  const comeAndGo = () => {
    for (let time = 0; time < 200_000; time++) { // Clients without a session that lives on, over days.
      queue.begin();
      queue.end();
      queue.flush();
    }
  };
  assertLess(await heapGrowthBytes(comeAndGo), 400_000);
  assertEquals(queue.writtenSequence, 0);
});

Deno.test("CommitQueue.begin() and end() put together what is all or nothing", () => {
  const given: CommitItem[] = [];
  const storage = new GatedStorage();
  storage.commit = (changes) => void given.push(...changes);
  const { queue } = queueOver(storage);
  queue.write(change("a"));
  queue.begin();
  queue.write(change("b"));
  const c = queue.write(change("c"));
  queue.end();
  queue.begin();
  queue.write(change("d"));
  queue.end();
  queue.begin();
  queue.end();
  queue.write(change("e"));
  queue.takeBack(c);
  queue.flush();
  assertEquals(given, [
    change("a"),
    { kind: "transaction", changes: [change("b")] },
    { kind: "transaction", changes: [change("d")] },
    change("e"),
  ]);
  assertEquals(queue.pendingBytes, 0);
});

Deno.test("CommitQueue gives nothing to the storage while what is all or nothing is not complete", async () => {
  const storage = gated();
  const { queue } = queueOver(storage);
  queue.write(change("a"));
  queue.begin();
  queue.write(change("b"));
  queue.flush(); // As who looks whether there is room does.
  assertEquals(storage.pendingCommits, 0);
  queue.begin(); // A part of it.
  queue.write(change("c"));
  queue.end();
  queue.flush();
  assertEquals(storage.pendingCommits, 0);
  queue.write(change("d"));
  queue.end();
  queue.flush();
  const group = await storage.nextCommit();
  const together = { kind: "transaction", changes: [change("b"), change("c"), change("d")] } as const;
  assertEquals(group.changes, [change("a"), together]);
  queue.write(change("e"));
  group.fail();
  await assertRejects(() => queue.settled());
  queue.begin();
  queue.write(change("f"));
  queue.retry();
  assertEquals(storage.pendingCommits, 0);
  queue.write(change("g"));
  queue.end();
  queue.retry();
  const again = await storage.nextCommit();
  assertEquals(again.changes.slice(2), [change("e"), { kind: "transaction", changes: [change("f"), change("g")] }]);
  again.keep();
  await queue.settled();
});

Deno.test("A Will that was replaced does not come again with a commit that failed", async () => {
  const storage = gated();
  const { queue } = queueOver(storage);
  const will = { topic: "w", payload: new Uint8Array(), qos: 0, retain: false, properties: {} } as const;
  const set = (clientId: string): Change => ({ kind: "will", clientId, will, publishAtMs: undefined });
  const unset: Change = { kind: "will", clientId: "a", will: undefined, publishAtMs: undefined };
  queue.write(set("a"));
  queue.write(set("b"));
  queue.begin();
  queue.write(unset);
  queue.write(change("c"));
  queue.end();
  queue.flush();
  (await storage.nextCommit()).fail();
  await assertRejects(() => queue.settled());
  queue.retry();
  const again = await storage.nextCommit();
  assertEquals(again.changes, [set("b"), { kind: "transaction", changes: [unset, change("c")] }]);
  again.keep();
  await queue.settled();
  assertEquals(queue.pendingBytes, 0);
});

Deno.test("A storage that throws instead of rejecting is the same", async () => {
  const storage = new GatedStorage();
  storage.commit = () => {
    throw new Error("the disk is gone");
  };
  const { queue, told } = queueOver(storage);
  queue.write(change("a"));
  await assertRejects(() => queue.settled(), Error, "the storage failed");
  assertEquals(told, ["failed 0 1 the disk is gone"]);
  storage.commit = () => {};
  queue.retry();
  assertEquals(told.at(-1), "durable 1");
});

Deno.test("Who waits is told also when a storage that took its time keeps the next group at once", async () => {
  const storage = gated();
  const { queue, told } = queueOver(storage);
  queue.write(change("a"));
  queue.flush();
  queue.write(change("b"));
  const first = await storage.nextCommit();
  storage.isGated = false;
  first.keep();
  await queue.settled();
  assertEquals(queue.durableSequence, 2);
  assertEquals(told.at(-1), "durable 2");
});

Deno.test("CommitQueue.tick() tries a storage that fails again once a second", async () => {
  const storage = gated();
  const { queue } = queueOver(storage);
  queue.write(change("a"));
  queue.flush();
  queue.tick(5_000);
  (await storage.nextCommit()).fail();
  await assertRejects(() => queue.settled(), Error, "the storage failed");
  queue.tick(5_000);
  (await storage.nextCommit()).fail();
  await assertRejects(() => queue.settled(), Error, "the storage failed");
  queue.tick(5_999);
  assertEquals(storage.pendingCommits, 0);
  queue.tick(6_000);
  (await storage.nextCommit()).keep();
  await queue.settled();
  assertEquals([queue.isFailing, queue.failedCommits, queue.commits], [false, 2, 1]);
});

Deno.test("CommitQueue.hasRoom gives the storage what was written before it says no", async () => {
  const storage = gated();
  const queue = new CommitQueue(storage, { durable: () => {}, failed: () => {} }, 500);
  queue.write(change("a"));
  assertEquals([queue.hasRoom, storage.pendingCommits], [true, 0]);
  queue.write(change("b"));
  assertEquals([queue.hasRoom, storage.pendingCommits], [false, 1]);
  (await storage.nextCommit()).keep();
  await queue.settled();
  assertEquals([queue.hasRoom, queue.pendingBytes], [true, 0]);
  storage.isGated = false;
  for (const clientId of ["c", "d", "e"]) queue.write(change(clientId));
  assertEquals([queue.hasRoom, queue.durableSequence], [true, 5]);
});

Deno.test("CommitQueue begins a group with a change that nothing waits for", () => {
  const storage = new GatedStorage();
  const firsts = [change("first")];
  const queue = new CommitQueue(storage, { durable: () => {}, failed: () => {} }, Infinity, () => firsts.pop());
  for (const clientId of ["a", "b"]) {
    queue.write(change(clientId));
    queue.flush();
  }
  assertEquals([queue.writtenSequence, queue.durableSequence, queue.changes], [2, 2, 3]);
});

function gated(): GatedStorage {
  const storage = new GatedStorage();
  storage.isGated = true;
  return storage;
}

function change(clientId: string): Change {
  return { kind: "sessionStarted", clientId, principal: undefined };
}

function names(changes: readonly CommitItem[]): string[] {
  return changes.map((each) => "clientId" in each ? each.clientId : "");
}
