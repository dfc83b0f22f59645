import { assertEquals } from "@std/assert";
import { Histogram } from "../../src/load/histogram.ts";
import { Seeded } from "../seeded.ts";

Deno.test("Histogram gives small values exactly", () => {
  const histogram = new Histogram();
  for (let value = 1; value <= 100; value++) histogram.record(value);
  assertEquals([0, 0.5, 0.99, 0.999, 1].map((part) => histogram.quantile(part)), [1, 50, 99, 100, 100]);
});

Deno.test("Histogram without values has no quantile", () => {
  assertEquals(new Histogram().quantile(0.5), undefined);
});

Deno.test("Histogram is at most 1 % above any value of 32 bits, and never below", () => {
  const values = [0, 255, 256, 257, 511, 512, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
  for (const value of values) {
    const histogram = new Histogram();
    histogram.record(value);
    const found = histogram.quantile(1) ?? NaN;
    assertEquals(found >= value && found <= value * 1.01, true, `${value} became ${found}`);
  }
});

Deno.test("Histogram has the quantiles of the sorted values, also when it is put together from parts", () => {
  const random = new Seeded(7);
  const values = Array.from({ length: 20_000 }, () => Math.floor(Math.exp(random.uint32() / 2 ** 32 * 20)));
  const [whole, first, second] = [new Histogram(), new Histogram(), new Histogram()];
  values.forEach((value, index) => {
    whole.record(value);
    (index % 3 === 0 ? first : second).record(value);
  });
  first.add(second.counts);
  assertEquals(first.total, values.length);
  values.sort((a, b) => a - b);
  for (const part of [0.01, 0.5, 0.9, 0.99, 0.999]) {
    const exact = values[Math.ceil(part * values.length) - 1] ?? NaN;
    const found = whole.quantile(part) ?? NaN;
    assertEquals(first.quantile(part), found);
    assertEquals(found >= exact && found <= exact * 1.01, true, `${part}: ${exact} became ${found}`);
  }
});
