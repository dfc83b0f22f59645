import { assertEquals, assertRejects } from "@std/assert";
import type { Change, Storage } from "../../mod.ts";
import { CommitQueue } from "../../src/broker/commit_queue.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { within } from "../deadline.ts";

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

Deno.test("CommitQueue.settled() flushes and waits for all, and for nothing when nothing was written", async () => {
  const storage = gated();
  const { queue } = queueOver(storage);
  await queue.settled();
  queue.write(change("a"));
  let isSettled = false;
  const settled = queue.settled().then(() => isSettled = true);
  (await storage.nextCommit()).keep();
  queue.write(change("b"));
  const second = await storage.nextCommit().catch(() => undefined);
  assertEquals(isSettled, false);
  second?.keep();
  await within(settled, "it is not settled");
  assertEquals(queue.durableSequence, 2);
});

Deno.test("A commit that fails says which changes are lost, and the next ones go on", async () => {
  const storage = gated();
  const { queue, told } = queueOver(storage);
  queue.write(change("a"));
  queue.flush();
  queue.write(change("b"));
  queue.write(change("c"));
  const settled = assertRejects(() => queue.settled(), Error, "the storage failed");
  (await storage.nextCommit()).fail();
  const second = await storage.nextCommit();
  assertEquals(names(second.changes), ["b", "c"]);
  second.keep();
  await settled;
  assertEquals(told[0], "failed 0 1 the disk is full");
  assertEquals(told.at(-1), "durable 3");
  await queue.settled(); // That failure was said.
});

Deno.test("A storage that throws instead of rejecting is the same", async () => {
  const storage = new GatedStorage();
  storage.commit = () => {
    throw new Error("the disk is gone");
  };
  const { queue, told } = queueOver(storage);
  queue.write(change("a"));
  await assertRejects(() => queue.settled(), Error, "the storage failed");
  assertEquals(told[0], "failed 0 1 the disk is gone");
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

function gated(): GatedStorage {
  const storage = new GatedStorage();
  storage.isGated = true;
  return storage;
}

function change(clientId: string): Change {
  return { kind: "sessionStarted", clientId, principal: undefined };
}

function names(changes: readonly Change[]): string[] {
  return changes.map((each) => "clientId" in each ? each.clientId : "");
}
