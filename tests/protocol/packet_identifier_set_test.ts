import { assertEquals, assertLess } from "@std/assert";
import { PacketIdentifierSet } from "../../src/protocol/inflight.ts";
import { collectedHeapBytes } from "../broker/collected_heap.ts";
import { seededTest } from "../seeded.ts";

seededTest("PacketIdentifierSet has what a Set has, few or many", (random) => {
  const identifiers = new PacketIdentifierSet();
  const expected = new Set<number>();
  const highest = random.pick([8, 200, 65_535]);
  for (let step = 0; step < 1_000; step++) {
    const identifier = random.integer(1, highest);
    // It grows for a while, and then shrinks to nothing.
    if (random.oneIn(step < 600 ? 4 : 2)) assertEquals(identifiers.delete(identifier), expected.delete(identifier));
    else if (step < 600) (identifiers.add(identifier), expected.add(identifier));
    assertEquals([identifiers.has(identifier), identifiers.size], [expected.has(identifier), expected.size]);
  }
  const inOrder = (values: Iterable<number>) => [...values].toSorted((left, right) => left - right);
  assertEquals(inOrder(identifiers), inOrder(expected));
  for (const identifier of expected) assertEquals(identifiers.delete(identifier), true);
  assertEquals([identifiers.size, [...identifiers]], [0, []]);
});

Deno.test("PacketIdentifierSet of all identifiers holds 8 KiB, and nothing when they are released", () => {
  const sets = Array.from({ length: 50 }, () => new PacketIdentifierSet());
  const each = (use: (set: PacketIdentifierSet, identifier: number) => void) => {
    for (const set of sets) for (let identifier = 1; identifier <= 65_535; identifier++) use(set, identifier);
  };
  each((set) => set.has(1)); // Compiled.
  const before = collectedHeapBytes();
  each((set, identifier) => set.add(identifier));
  assertLess(collectedHeapBytes() - before, sets.length * 20_000);
  each((set, identifier) => set.delete(identifier));
  assertLess(collectedHeapBytes() - before, sets.length * 4_000);
});
