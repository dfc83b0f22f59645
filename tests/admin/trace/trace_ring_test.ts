import { assertEquals, assertThrows } from "@std/assert";
import { type NewRecord, TraceRing } from "../../../src/admin/trace/trace_ring.ts";
import type { Seeded } from "../../../src/testing/storage_suite/random_changes.ts";
import { inForm } from "../../form.ts";
import { seededTest } from "../../seeded.ts";

function below(random: Seeded, bound: number): number {
  return random.integer(0, bound - 1);
}

/** A record of random contents. */
function record(random: Seeded, index: number): NewRecord {
  const bytes = Uint8Array.from({ length: below(random, 40) }, () => below(random, 256));
  const end = below(random, bytes.length + 1);
  const hasFrame = below(random, 2) === 0;
  const frame = {
    opcode: below(random, 16),
    isFinal: below(random, 2) === 0,
    isMasked: below(random, 2) === 0,
    length: index,
  };
  return {
    kind: below(random, 5),
    isSent: below(random, 2) === 0,
    timeMs: index + 0.25,
    connection: below(random, 1_000),
    lostBefore: below(random, 10),
    bytes,
    start: below(random, end + 1),
    end,
    wireBytes: below(random, 1_000_000),
    pieces: Array.from(
      { length: below(random, 3) },
      (_, at) => ({ source: index, start: at, end: at + 1, ...hasFrame && { frame } }),
    ),
    facts: below(random, 4) === 0 ? { reason: "ä".repeat(below(random, 5)) } : undefined,
  };
}

seededTest("TraceRing gives the newest records as they went in, and forgets the oldest", (random) => {
  const ring = new TraceRing(600, 8);
  const all: NewRecord[] = [];
  for (let count = 0; count < 50; count++) {
    all.push(record(random, count));
    ring.add(all[count] as NewRecord);
    if (below(random, 10) === 0) ring.forget(ring.first + below(random, 3));
    assertEquals(ring.last, count + 1);
    for (let number = ring.first; number <= ring.last; number++) {
      const { start, end, ...expected } = all[number - 1] as NewRecord;
      assertEquals(ring.get(number), { ...expected, number, bytes: expected.bytes.slice(start, end) });
    }
    assertThrows(() => ring.get(ring.first - 1), RangeError, "is not kept");
  }
}, inForm(100, 2_000));
