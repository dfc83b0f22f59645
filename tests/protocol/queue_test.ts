import { assertEquals } from "@std/assert";
import { Queue } from "../../src/protocol/queue.ts";
import { seededTest } from "../seeded.ts";

seededTest("Queue gives first what came first, however it grows and shrinks", (random) => {
  const queue = new Queue<number>();
  const expected: number[] = [];
  for (let step = 0; step < 40; step++) {
    const count = random.pick([1, 2, 100, 3_000]);
    if (random.oneIn(2)) {
      for (let item = 0; item < count; item++) {
        queue.push(step * 10_000 + item);
        expected.push(step * 10_000 + item);
      }
    } else {
      const taken = Array.from({ length: Math.min(count, expected.length) }, () => queue.shift());
      assertEquals(taken, expected.splice(0, taken.length));
    }
    assertEquals([queue.peek(), queue.length], [expected[0], expected.length]);
  }
});

Deno.test("An empty Queue gives undefined, and takes items again", () => {
  const queue = new Queue<string>();
  assertEquals(queue.shift(), undefined);
  queue.push("a");
  assertEquals([queue.shift(), queue.shift(), queue.length], ["a", undefined, 0]);
  queue.push("b");
  queue.push("c");
  queue.clear();
  assertEquals([queue.length, queue.shift()], [0, undefined]);
  queue.push("d");
  assertEquals([queue.length, queue.shift()], [1, "d"]);
});
