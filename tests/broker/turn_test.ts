/** A turn in which much is to be done for many does not keep the others from having theirs. */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import type { ConnectionHandle } from "../../src/broker/connection/connections.ts";
import { CommitQueue } from "../../src/broker/commits.ts";
import { Deadlines } from "../../src/broker/deadlines.ts";
import { EventLoopStalls } from "../../src/broker/counters.ts";
import { Turn, TurnBudget } from "../../src/broker/turn.ts";
import { memoryTransport } from "../../mod.ts";
import { MemoryStorage } from "../../src/storage/memory.ts";
import { within } from "../deadline.ts";
import { converse } from "../wire/conversation.ts";

const BUDGET_MS = 5;
const WRITE_MS = 0.05;
const MANY = 2_000;

Deno.test("Writes to many connections take the budgets of many turns, and are waited for to the last", async () => {
  const budget = new TurnBudget(BUDGET_MS);
  const turn = new Turn({
    commits: new CommitQueue(new MemoryStorage(), { durable: () => {}, failed: () => {} }),
    deadlines: new Deadlines(),
    stalls: new EventLoopStalls(),
    fanOutBudget: budget,
    clock: () => 0,
    unexpectedError: (error) => {
      throw error;
    },
  });
  let written = 0;
  const done = Promise.withResolvers<void>();
  const served = {
    flush() {
      const endMs = performance.now() + WRITE_MS;
      while (performance.now() < endMs);
      if (++written === MANY) done.resolve();
    },
    // Nothing else of it is called.
  } as Partial<ConnectionHandle> as ConnectionHandle;
  for (let count = 0; count < MANY; count++) turn.flushLater(served);
  let isThrough = false;
  turn.fanOutWritten()?.then(() => isThrough = true);
  turn.end();
  // As many as the budget has room for, and the slice that overdraws it.
  assertGreater(written, 0);
  assertLess(written, BUDGET_MS / WRITE_MS + 65);
  let turns = 0;
  const others = setInterval(() => turns += 1, 0);
  await within(done.promise, "the writes");
  clearInterval(others);
  assertGreater(turns, 3);
  await Promise.resolve();
  assertEquals([written, isThrough], [MANY, true]); // No write told that it had begun: none is waited for.
  budget.close();
});

Deno.test("A batch of messages to many lets others have their turn, and goes to each of the many in one write", () =>
  converse(4, {}, async (conversation) => {
    const messages = 1_200;
    const many = 300;
    const subscribers = await Promise.all(Array.from({ length: many }, async (_, index) => {
      const pair = memoryTransport(1);
      const served = conversation.broker.serve(pair.server);
      const writer = pair.client.writable.getWriter();
      const reader = pair.client.readable.getReader();
      await writer.write(conversation.bytes(`10 [ @ 02 0000 's${index}' ]`));
      await reader.read();
      await writer.write(conversation.bytes("82 [ 0001 'a' 00 ]"));
      await reader.read();
      return { reader, leave: () => (pair.client.close(), served) };
    }));
    await conversation.run("p connects", "w connects");
    const batch = conversation.bytes("30 [ 'a' \"1\" ]".repeat(messages) + "c0 00");
    const order: string[] = [];
    conversation.client("p").send(batch);
    conversation.client("w").send(conversation.bytes("c0 00"));
    await Promise.all(["p", "w"].map(async (name) => {
      await conversation.client(name).expect(conversation.bytes("d0 00"));
      order.push(name);
    }));
    assertEquals(order, ["w", "p"]);
    for (const { reader, leave } of subscribers) {
      const { value } = await within(reader.read(), "messages");
      assertEquals(value?.length, messages * 6);
      await leave();
    }
  }));
