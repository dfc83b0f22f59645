import { assertEquals } from "@std/assert";
import { Backlog, ENTRY_BYTES, Qos0Backlog } from "../../src/protocol/backlog.ts";
import { limitsWith } from "../../src/protocol/limit_table.ts";
import type { Limits } from "../../src/protocol/limits.ts";
import { messageOf } from "./session_parts.ts";

/** Bytes of a message with topic `x` and a text of one character, with its entry. */
const BYTES = 2 + ENTRY_BYTES;

function backlogWith(limits: Partial<Limits> = {}): Backlog {
  return new Backlog(limitsWith(limits));
}

Deno.test("A message counts once in the backlog of all sessions, until the last of them has it", () => {
  const backlog = backlogWith();
  const [one, other] = [messageOf("x", "1"), messageOf("x", "12")];
  for (const message of [one, one, other]) backlog.add(message);
  assertEquals([backlog.bytes, one.waiting, other.waiting], [2 * BYTES + 1, 2, 1]);
  backlog.delete(one);
  assertEquals(backlog.bytes, 2 * BYTES + 1);
  backlog.delete(one);
  assertEquals([backlog.bytes, one.waiting], [BYTES + 1, 0]);
});

Deno.test("maximumBacklogBytes bounds one session, to the byte", () => {
  const backlog = backlogWith({ maximumBacklogBytes: 2 * BYTES });
  const message = messageOf("x", "1");
  assertEquals(backlog.limitFor(message, BYTES), undefined);
  assertEquals(backlog.limitFor(message, BYTES + 1), "maximumBacklogBytes");
});

Deno.test("maximumTotalBacklogBytes bounds all sessions, to the byte, and not a message that waits already", () => {
  for (
    const [maximumTotalBacklogBytes, limit] of [[2 * BYTES, undefined], [
      2 * BYTES - 1,
      "maximumTotalBacklogBytes",
    ]] as const
  ) {
    const backlog = backlogWith({ maximumTotalBacklogBytes });
    const waiting = messageOf("x", "1");
    backlog.add(waiting);
    assertEquals(backlog.limitFor(messageOf("x", "1"), 0), limit);
    assertEquals(backlog.limitFor(waiting, 0), undefined);
  }
});

Deno.test("Publishers wait above half of maximumBacklogBytes", () => {
  const backlog = backlogWith({ maximumBacklogBytes: 100 * BYTES });
  assertEquals(backlog.mark, 50 * BYTES);
});

Deno.test("Publishers wait above half of maximumTotalBacklogBytes where that is less", () => {
  const backlog = backlogWith({ maximumBacklogBytes: 100 * BYTES, maximumTotalBacklogBytes: 10 * BYTES });
  assertEquals(backlog.mark, 5 * BYTES);
});

Deno.test("Publishers wait from a sixteenth of that on while all backlogs are above half of their bound", () => {
  const backlog = backlogWith({ maximumBacklogBytes: 64 * BYTES, maximumTotalBacklogBytes: 4 * BYTES });
  for (let count = 0; count < 2; count++) backlog.add(messageOf("x", "1"));
  assertEquals(backlog.mark, 2 * BYTES);
  backlog.add(messageOf("x", "1"));
  assertEquals(backlog.mark, 2 * BYTES / 16);
});

Deno.test("Backlog.isLarge says whether any session can be above the mark", () => {
  const backlog = backlogWith({ maximumBacklogBytes: 2 * BYTES });
  backlog.add(messageOf("x", "1"));
  assertEquals(backlog.isLarge, false);
  backlog.add(messageOf("x", "1"));
  assertEquals(backlog.isLarge, true);
  const without = backlogWith({ maximumBacklogBytes: 0 });
  without.add(messageOf("x", "1"));
  assertEquals(without.isLarge, false, "there is no backlog to wait for");
});

for (
  const [writeTimeoutMs, stalledMs, isTaking, isTakingSteadily] of [
    [60_000, 0, true, true],
    [60_000, 999, true, true],
    [60_000, 1_000, true, false],
    [60_000, 5_999, true, false],
    [60_000, 6_000, false, false],
    [5_000, 499, true, true],
    [5_000, 500, false, false],
  ] as const
) {
  Deno.test(`A client that has taken nothing for ${stalledMs} ms of ${writeTimeoutMs} has ${isTaking ? "" : "no "}claim to a backlog, and publishers ${isTakingSteadily ? "may wait" : "do not wait"} for it`, () => {
    const backlog = backlogWith({ writeTimeoutMs });
    assertEquals([backlog.isTaking(stalledMs), backlog.isTakingSteadily(stalledMs)], [isTaking, isTakingSteadily]);
  });
}

Deno.test("A Qos0Backlog counts its messages for one client, and in the backlog of all", () => {
  const backlog = backlogWith();
  const [one, other] = [new Qos0Backlog(backlog), new Qos0Backlog(backlog)];
  const message = messageOf("x", "1");
  const waiting = { message, retain: false, subscriptionIdentifiers: [] };
  for (const each of [one, other, other]) each.push(waiting);
  assertEquals([one.bytes, one.length, other.bytes, other.length, backlog.bytes], [BYTES, 1, 2 * BYTES, 2, BYTES]);
  assertEquals([one.shift(), one.shift(), one.bytes, backlog.bytes], [waiting, undefined, 0, BYTES]);
  other.clear();
  assertEquals([other.bytes, other.length, backlog.bytes], [0, 0, 0]);
});
