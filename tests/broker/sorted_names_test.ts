import { assertEquals, assertGreater } from "@std/assert";
import { SortedNames } from "../../src/broker/sorted_names.ts";
import { seededTest } from "../seeded.ts";

/** All of them, after as many pauses. */
function all(generator: Generator<undefined, readonly string[]>): { names: readonly string[]; pauses: number } {
  for (let pauses = 0;; pauses++) {
    const { value, done } = generator.next();
    if (done) return { names: value, pauses };
  }
}

seededTest("SortedNames gives all names in order that are there, while some come and go", (random) => {
  const there = new Set<string>();
  const name = () => `${random.integer(0, 9_999)}`;
  for (let count = random.integer(0, 6_000); count > 0; count--) there.add(name());
  const sorted = new SortedNames(there);
  const begun: Generator<undefined, readonly string[]>[] = [];
  for (let round = 0; round < 8; round++) {
    for (let count = random.integer(0, 2_000); count > 0; count--) {
      const one = name();
      if (random.oneIn(3)) there.delete(one);
      else if (!there.has(one)) sorted.add(one, there.add(one).size);
    }
    // Others begin, and go on later or never.
    if (random.oneIn(2)) begun.push(sorted.all((one) => there.has(one)));
    for (const other of begun) if (random.oneIn(2)) other.next();
    const { names } = all(sorted.all((one) => there.has(one)));
    assertEquals(names.filter((one) => there.has(one)), [...there].sort());
  }
});

Deno.test("SortedNames lets others have their turn, and sorts what it has sorted no more", () => {
  const names = Array.from({ length: 100_000 }, (_, index) => `${(index * 7_919) % 100_000}`);
  const sorted = new SortedNames(names);
  const first = all(sorted.all(() => true));
  assertEquals(first.names, names.toSorted());
  assertGreater(first.pauses, 100);
  assertEquals(all(sorted.all(() => true)).pauses, 0);
  assertEquals(sorted.add("0a", 100_001), true);
  const second = all(sorted.all(() => true));
  assertEquals(second.names.length, 100_001);
  assertEquals(second.pauses, 12); // One pass through all.
});

Deno.test("SortedNames says when more names were added than it is worth", () => {
  const sorted = new SortedNames(["a"]);
  assertEquals([sorted.add("b", 1), sorted.add("c", 1)], [true, false]);
});
