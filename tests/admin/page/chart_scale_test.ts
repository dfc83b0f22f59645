import { assertEquals } from "@std/assert";
import { linePath, nearestIndex, rangeOf, timeTicks, valueTicks } from "../../../src/admin/page/chart_scale.ts";

Deno.test("rangeOf() begins at 0 or near the values, and leaves room", () => {
  assertEquals(rangeOf([null, 0, 100], true), [0, 110.00000000000001]);
  assertEquals(rangeOf([0, 0], true), [0, 4]);
  assertEquals(rangeOf([0, 1], true), [0, 4]);
  assertEquals(rangeOf([20, 45], false), [18, 47]);
  assertEquals(rangeOf([7, 7], false), [6.3, 7.7]);
  assertEquals(rangeOf([null], false), [0, 4]);
});

Deno.test("valueTicks() are 1, 2 or 5 times a power of ten, each label once", () => {
  const labels = (low: number, high: number) => valueTicks(low, high, 4, String).map(({ label }) => label);
  assertEquals(labels(0, 110), ["0", "50", "100"]);
  assertEquals(labels(0, 1), ["0", "0.5", "1"]);
  assertEquals(labels(18, 47), ["20", "30", "40"]);
  assertEquals(valueTicks(0, 1, 4, (value) => value.toFixed(0)).map(({ label }) => label), ["0", "1"]);
});

Deno.test("timeTicks() are whole minutes or hours of the place", () => {
  const start = Date.UTC(2026, 11, 1, 10, 3, 20) / 1000;
  const labels = (seconds: number, offset = 0) =>
    timeTicks(start, start + seconds, 6, offset).map(({ label }) => label);
  assertEquals(labels(600), ["10:04", "10:06", "10:08", "10:10", "10:12"]);
  assertEquals(labels(60), ["10:03:20", "10:03:30", "10:03:40", "10:03:50", "10:04:00", "10:04:10", "10:04:20"]);
  assertEquals(labels(86_400, 5.5 * 3_600), ["16:00", "20:00", "00:00", "04:00", "08:00", "12:00"]);
});

Deno.test("linePath() breaks off where a value is missing, and a value alone is a dot", () => {
  assertEquals(linePath([[0, 1], [1, 2.25], undefined, [3, 4]]), "M0.0 1.0h0L1.0 2.3M3.0 4.0h0");
});

Deno.test("nearestIndex() is that of the time next to the pointer", () => {
  const times = [10, 20, 30, 40];
  assertEquals([-5, 14, 16, 99].map((time) => nearestIndex(times, time)), [0, 0, 1, 3]);
});
