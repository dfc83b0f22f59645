import { assertEquals } from "@std/assert";
import { EventRing, streamEvent } from "../../../src/admin/topics/event_ring.ts";

const BOUNDS = { maximumEvents: 3, maximumBytes: 1_000, maximumAgeMs: 100 };

Deno.test("EventRing.after() gives what follows an event, and nothing once an event between is lost", () => {
  const ring = new EventRing(BOUNDS, { bytes: 0, maximumBytes: Infinity });
  for (const id of [1, 3, 5]) ring.push(streamEvent(id, "0"), 0);
  const idsAfter = (id: number, nowMs = 0) => ring.after(id, nowMs)?.map(({ id }) => id);
  assertEquals([idsAfter(1), idsAfter(3), idsAfter(5), idsAfter(4), idsAfter(0)], [
    [3, 5],
    [5],
    [],
    undefined,
    undefined,
  ]);
  ring.push(streamEvent(7, "0"), 50);
  assertEquals([idsAfter(1), ring.mayHaveSent(1), ring.mayHaveSent(0)], [[3, 5, 7], true, false]);
  ring.push(streamEvent(9, "0"), 50);
  assertEquals([idsAfter(1), idsAfter(3)], [undefined, [5, 7, 9]]);
  assertEquals([idsAfter(3, 101), idsAfter(5, 101)], [undefined, [7, 9]]); // The 5 is too old, but nothing after it is lost.
});

Deno.test("Rings hold no more together than their pool, and give back what they forget", () => {
  const { bytes: { length } } = streamEvent(1, "0");
  const pool = { bytes: 0, maximumBytes: 4 * length };
  const [one, other] = [new EventRing(BOUNDS, pool), new EventRing(BOUNDS, pool)];
  for (const id of [1, 2, 3]) one.push(streamEvent(id, "0"), 0);
  for (const id of [4, 5]) other.push(streamEvent(id, "0"), 0);
  assertEquals([one.all().length, other.all().map(({ id }) => id), pool.bytes], [3, [5], 4 * length]);
  one.clear();
  assertEquals(pool.bytes, length);
  other.forgetOld(101);
  assertEquals(pool.bytes, 0);
});
