/** Messages that wait in the storage come back page by page, in order, and what arrives meanwhile lines up behind them. */

import { assertEquals } from "@std/assert";
import type { Storage } from "../../mod.ts";
import { type Change, type CommitItem, MemoryStorage } from "../../src/storage/mod.ts";
import { type Conversation, converse } from "../wire/conversation.ts";

const LIMITS = { maximumQueuedMessages: 100_000, maximumQueuedBytes: 100_000_000 };
const SUBSCRIBER = ["s connects durable", "s > 82 [ 0001 {} 'x' 01 ]", "s < 90 [ 0001 {} 01 ]"];

/** Counts what is read of a session, and what it is given. */
class CountingStorage implements Storage {
  readonly isDurable = true;
  readonly inner = new MemoryStorage();
  read = 0;
  /** Most that was read by one call. */
  mostAtOnce = 0;
  readonly committed: CommitItem[] = [];
  /** A commit waits for it. */
  slow: Promise<void> | undefined;
  /** A page of a session waits for it. */
  slowPage: Promise<void> | undefined;

  restore(): AsyncIterable<Change> {
    return this.inner.restore();
  }

  async *restoreSession(clientId: string, afterSequence?: number): AsyncIterable<Change> {
    let count = 0;
    await this.slowPage;
    for await (const change of this.inner.restoreSession(clientId, afterSequence)) {
      this.read += 1;
      this.mostAtOnce = Math.max(this.mostAtOnce, ++count);
      yield change;
    }
  }

  async commit(changes: readonly CommitItem[]): Promise<void> {
    await this.slow;
    this.committed.push(...changes);
    this.inner.commit(changes);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

Deno.test("A long queue comes back page by page, in order, while others are served and more arrives", async () => {
  const storage = new CountingStorage();
  await converse(4, { storage, limits: LIMITS }, async (conversation) => {
    await conversation.run(...SUBSCRIBER, "s disconnects", "p connects");
    await publish(conversation, 0, 6_000);
    await conversation.run("s2 resumes");
    const got: string[] = [];
    while (got.length < 6_000) {
      got.push(await takeOne(conversation, "s2"));
      if (got.length === 2_000) await publish(conversation, 6_000, 6_200);
      if (got.length === 4_000) await conversation.run("p quiet");
    }
    await publish(conversation, 6_200, 6_300);
    while (got.length < 6_300) got.push(await takeOne(conversation, "s2"));
    assertEquals(got, Array.from({ length: 6_300 }, (_, index) => `${index}`));
    assertEquals(storage.mostAtOnce < 2_200, true, `${storage.mostAtOnce} were read at once`);
    await conversation.run("s2 quiet", "s2 drops", "s3 resumes", "s3 quiet"); // Nothing is left.
  });
});

Deno.test("A message that comes while a page is read goes behind it, though it could be sent [MQTT-4.6.0-6]", async () => {
  const storage = new CountingStorage();
  await converse(4, { storage, limits: LIMITS }, async (conversation) => {
    await conversation.run(...SUBSCRIBER, "s disconnects", "p connects");
    await publish(conversation, 0, 2_100);
    await conversation.run("s2 resumes");
    const { promise, resolve } = Promise.withResolvers<void>();
    storage.slowPage = promise;
    const got: string[] = [];
    while (got.length < 2_048) got.push(await takeOne(conversation, "s2")); // The first page.
    await publish(conversation, 2_100, 2_101);
    await conversation.run("s2 quiet");
    resolve();
    while (got.length < 2_101) got.push(await takeOne(conversation, "s2"));
    assertEquals(got, Array.from({ length: 2_101 }, (_, index) => `${index}`));
  });
});

Deno.test("A connection that is lost between two pages loses and doubles nothing", async () => {
  const storage = new CountingStorage();
  await converse(4, { storage, limits: LIMITS }, async (conversation) => {
    await conversation.run(...SUBSCRIBER, "s disconnects", "p connects");
    await publish(conversation, 0, 1_500);
    const got: string[] = [];
    for (const [index, name] of ["s2", "s3", "s4"].entries()) {
      await conversation.run(`${name} resumes`);
      while (got.length < (index + 1) * 500) got.push(await takeOne(conversation, name));
      await conversation.run(`${name} drops`);
    }
    // PUBACK of the last ones may have come too late.
    assertEquals(got, Array.from({ length: 1_500 }, (_, index) => `${index}`));
  });
});

Deno.test("A message that has come before a slow storage has got it need not be kept", async () => {
  const storage = new CountingStorage();
  await converse(5, { storage }, async (conversation) => {
    await conversation.run(...SUBSCRIBER, "p connects");
    const { promise, resolve } = Promise.withResolvers<void>();
    storage.slow = promise;
    await conversation.run("p > 32 [ 'x' 0001 {} \"1\" ]", "s < 32 [ 'x' 0001 {} \"1\" ]"); // QoS 1 does not wait.
    await conversation.run(
      "p > 32 [ 'x' 0002 {} \"2\" ]",
      "s < 32 [ 'x' 0002 {} \"2\" ]",
      "s > 40 [ 0002 ]",
      "s quiet",
    );
    storage.slow = undefined;
    storage.committed.length = 0;
    resolve();
    await conversation.run("p < 40 [ 0001 ] 40 [ 0002 ]", "s > 40 [ 0001 ]", "s quiet");
    assertEquals(storage.committed.map(({ kind }) => kind), ["queued", "completed"]);
  });
});

Deno.test("A broker whose clients have no session that outlives its connection writes nothing", async () => {
  const storage = new CountingStorage();
  await converse(5, { storage }, async (conversation) => {
    await conversation.run(
      "a connects",
      "a > 82 [ 0001 {} 'x' 02 ]",
      "a < 90 [ 0001 {} 02 ]",
      "b > 10 [ @ 06 0000 {} 'b' {} 'w' 'gone' ]",
      "b < 20 [ 00 00 { LIMITS } ]",
      "b > 34 [ 'x' 0001 {} \"2\" ] 32 [ 'x' 0002 {} \"1\" ] 30 [ 'x' {} \"0\" ]",
      "b < 50 [ 0001 ] 40 [ 0002 ]",
      "a < 34 [ 'x' 0001 {} \"2\" ] 32 [ 'x' 0002 {} \"1\" ] 30 [ 'x' {} \"0\" ]",
      "a > 50 [ 0001 ] 40 [ 0002 ]",
      "a < 62 [ 0001 ]",
      "a > 70 [ 0001 ]",
      "b > 62 [ 0001 ]",
      "b < 70 [ 0001 ]",
      "b drops",
      "a > a2 [ 0002 {} 'x' ]",
      "a < b0 [ 0002 {} 00 ]",
    );
    assertEquals(conversation.broker.metrics.storage, { commits: 0, changes: 0, failedCommits: 0, pendingBytes: 0 });
  });
  assertEquals(storage.committed, []);
});

/** Publishes numbers as texts, with QoS 1. */
async function publish(conversation: Conversation, from: number, to: number): Promise<void> {
  for (let number = from; number < to; number++) {
    const packetIdentifier = (number % 60_000 + 1).toString(16).padStart(4, "0");
    await conversation.run(`p > 32 [ 'x' ${packetIdentifier} {} "${number}" ]`, `p < 40 [ ${packetIdentifier} ]`);
  }
}

/** Takes a message with QoS 1, and acknowledges it. */
async function takeOne(conversation: Conversation, name: string): Promise<string> {
  const packet = await conversation.client(name).takePacket();
  const packetIdentifier = packet.slice(5, 7);
  await conversation.run(`${name} > 40 [ ${packetIdentifier.toHex()} ]`);
  return new TextDecoder().decode(packet.slice(7));
}
