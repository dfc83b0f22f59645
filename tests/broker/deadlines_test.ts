import { assertEquals, assertThrows } from "@std/assert";
import type { BrokerEvent } from "../../mod.ts";
import { type Deadline, Deadlines } from "../../src/broker/deadlines.ts";
import { seededTest } from "../seeded.ts";
import { type Conversation, converse } from "../wire/conversation.ts";

Deno.test("Deadlines.tick() runs what is due, earliest first", () => {
  const deadlines = new Deadlines();
  const ran: number[] = [];
  for (const dueMs of [5, 1, 4, 2, 3]) deadlines.add(dueMs, () => ran.push(dueMs));
  deadlines.tick(0);
  assertEquals(ran, []);
  deadlines.tick(3);
  assertEquals(ran, [1, 2, 3]);
  deadlines.tick(3);
  deadlines.tick(100);
  assertEquals(ran, [1, 2, 3, 4, 5]);
  assertEquals(deadlines.size, 0);
});

seededTest("Deadlines run in order of time, once, and never when they are cancelled", (random) => {
  const deadlines = new Deadlines();
  const waiting = new Map<number, { readonly dueMs: number; readonly deadline: Deadline }>();
  let nowMs = 0;
  for (let step = 0; step < 80; step++) {
    const kind = random.integer(1, 4);
    if (kind <= 2) {
      const dueMs = nowMs + random.integer(-2, 20);
      const deadline = deadlines.add(dueMs, () => {
        if (!waiting.delete(step)) throw new Error("it has run, or is cancelled");
        for (const other of waiting.values()) {
          if (other.dueMs < dueMs) throw new Error("an earlier one has not run yet");
        }
      });
      waiting.set(step, { dueMs, deadline });
    } else if (kind === 3 && waiting.size > 0) {
      const key = random.pick([...waiting.keys()]);
      deadlines.cancel(waiting.get(key)?.deadline);
      waiting.delete(key);
    } else {
      nowMs += random.integer(0, 10);
      deadlines.tick(nowMs);
      for (const { dueMs } of waiting.values()) if (dueMs <= nowMs) throw new Error(`${dueMs} has not run at ${nowMs}`);
    }
    assertEquals(deadlines.size, waiting.size);
  }
});

Deno.test("A deadline that throws keeps no other from running; what it threw comes at the end", () => {
  const deadlines = new Deadlines();
  const ran: number[] = [];
  for (const dueMs of [1, 2, 3, 4]) {
    deadlines.add(dueMs, () => {
      ran.push(dueMs);
      if (dueMs % 2 === 1) throw new Error(`no ${dueMs}`);
    });
  }
  const error = assertThrows(() => deadlines.tick(10), AggregateError);
  assertEquals(error.errors.map(({ message }) => message), ["no 1", "no 3"]);
  assertEquals(ran, [1, 2, 3, 4]);
  deadlines.tick(20);
});

Deno.test("A deadline that is added by another runs in the same tick when it is due", () => {
  const deadlines = new Deadlines();
  const ran: string[] = [];
  deadlines.add(1, (nowMs) => {
    deadlines.add(nowMs, () => ran.push("due"));
    deadlines.add(nowMs + 1, () => ran.push("later"));
  });
  deadlines.tick(5);
  assertEquals(ran, ["due"]);
  deadlines.tick(6);
  assertEquals(ran, ["due", "later"]);
});

Deno.test("A deadline that another cancels in the same tick does not run", () => {
  const deadlines = new Deadlines();
  const ran: string[] = [];
  const second = deadlines.add(2, () => ran.push("second"));
  deadlines.add(1, () => deadlines.cancel(second));
  deadlines.tick(2);
  assertEquals(ran, []);
  assertEquals(deadlines.size, 0);
});

Deno.test("Deadlines.cancel() twice, or behind its run, changes nothing", () => {
  const deadlines = new Deadlines();
  const first = deadlines.add(1, () => {});
  deadlines.add(9, () => {});
  deadlines.tick(1);
  deadlines.cancel(first);
  deadlines.cancel(first);
  deadlines.cancel(undefined);
  assertEquals(deadlines.size, 1);
});

Deno.test("Deadlines.set() lets one wait until another time, and once more when it has run", () => {
  const deadlines = new Deadlines();
  const ran: number[] = [];
  const moved = deadlines.add(5, (nowMs) => ran.push(nowMs));
  deadlines.add(7, () => ran.push(NaN));
  deadlines.set(moved, 9);
  deadlines.set(moved, 6);
  assertEquals(deadlines.size, 2);
  deadlines.tick(6);
  assertEquals(ran, [6]);
  deadlines.set(moved, 8);
  deadlines.tick(8);
  assertEquals(ran, [6, NaN, 8]);
  assertEquals(deadlines.size, 0);
});

Deno.test("Many deadlines that are cancelled leave those that wait in order", () => {
  const deadlines = new Deadlines();
  const ran: number[] = [];
  const cancelled: Deadline[] = [];
  for (let count = 0; count < 10_000; count++) {
    const dueMs = count * 7919 % 10_007;
    if (count % 100 === 0) deadlines.add(dueMs, () => ran.push(dueMs));
    else cancelled.push(deadlines.add(dueMs, () => ran.push(NaN)));
  }
  for (const deadline of cancelled) deadlines.cancel(deadline);
  assertEquals(deadlines.size, 100);
  deadlines.tick(20_000);
  assertEquals(ran.length, 100);
  assertEquals(ran, ran.toSorted((a, b) => a - b));
});

Deno.test("A tick within a turn that began long before sets deadlines anew from its own time", async () => {
  let conversation: Conversation | undefined;
  const onEvent = ({ kind, ...event }: BrokerEvent) => {
    if (kind !== "clientConnected" || !("clientId" in event) || event.clientId !== "b") return;
    conversation?.pass(4_000); // Within the turn of CONNECT.
  };
  await converse(5, { onEvent }, async (opened) => {
    conversation = opened;
    await opened.run(
      "a > 10 [ @ 02 0004 {} 'a' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "3000 ms pass",
      "a > c0 00",
      "a < d0 00",
    );
    await opened.run("b connects", "2249 ms pass", "b quiet", "1 ms pass", "a told e0 8d");
  });
});

Deno.test("Deadlines.tick() runs some of what is due, the earliest first, and says whether something is left", () => {
  const deadlines = new Deadlines();
  const ran: number[] = [];
  for (const dueMs of [4, 2, 9, 1, 3]) deadlines.add(dueMs, () => ran.push(dueMs));
  assertEquals(deadlines.tick(5, () => ran.length % 2 === 0), true);
  assertEquals(ran, [1, 2]);
  assertEquals(deadlines.tick(5, () => ran.length % 2 === 0), false); // The last one that is due.
  assertEquals(deadlines.tick(5), false);
  assertEquals(ran, [1, 2, 3, 4]);
});
