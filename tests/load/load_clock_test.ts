import { assertEquals } from "@std/assert";
import { Schedule, TICK_MS } from "../../src/load/load_clock.ts";

Deno.test("Schedule spaces the messages of all publishers evenly", () => {
  const schedules = [0, 1, 2, 3].map((publisher) => new Schedule(1_000, publisher, 4, 100));
  // 1,000 a second over 4 publishers: each has one every 4 ms, one publisher 1 ms after the other.
  assertEquals(schedules.map((schedule) => schedule.due(99.9)), [0, 0, 0, 0]);
  assertEquals(schedules.map((schedule) => schedule.due(102.1)), [1, 1, 1, 0]);
  assertEquals(schedules.map((schedule) => schedule.due(1_099.9)), [250, 250, 250, 250]);
});

Deno.test("Schedule dates a message with the tick in which it is due, and never before", () => {
  const schedule = new Schedule(20_000, 3, 7, 41.37);
  let before = -1;
  for (let sequence = 0; sequence < 500; sequence++) {
    const exactMs = 41.37 + 7 / 20 * (sequence + 3 / 7);
    const dueMs = schedule.dueMs(sequence);
    assertEquals(dueMs >= exactMs - 1e-6 && dueMs < exactMs + TICK_MS + 1e-6, true, `message ${sequence}`);
    assertEquals(schedule.due(dueMs + 1e-6) > sequence, true, `message ${sequence} is due when its tick has come`);
    assertEquals(dueMs >= before, true);
    before = dueMs;
  }
});
