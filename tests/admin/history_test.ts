import { assertEquals } from "@std/assert";
import { Broker, type BrokerMetrics } from "../../mod.ts";
import { History, HISTORY_SERIES, percentile } from "../../src/admin/history.ts";

const WALL_MS = Date.UTC(2026, 10, 30, 12);
await using broker = await Broker.open();
const ZERO = broker.metrics;

/** History of a broker whose numbers and time the test says. */
class Recorded {
  ms = 0;
  metrics: BrokerMetrics = ZERO;
  readonly history = new History(() => this.metrics, { monotonicMs: () => this.ms, wallMs: () => WALL_MS + this.ms });

  /** Records once a second, with so many received messages in each. */
  seconds(count: number, publishes: number, gauges: Partial<BrokerMetrics> = {}): void {
    for (let second = 0; second < count; second++) {
      const { received } = this.metrics;
      this.ms += 1_000;
      this.metrics = {
        ...this.metrics,
        ...gauges,
        received: { ...received, publishes: received.publishes + publishes },
      };
      this.history.record();
    }
  }
}

Deno.test("History gives rates a second, and the time of its last point", () => {
  const recorded = new Recorded();
  recorded.history.record();
  assertEquals(recorded.history.points("10m").series.connections, []);
  recorded.seconds(2, 5, { connectedClients: 3, heapBytes: 1_000 });
  recorded.seconds(1, 7, { connectedClients: 4 });
  const { series, stepSeconds, endsAtMs } = recorded.history.points("10m");
  assertEquals([stepSeconds, endsAtMs], [1, WALL_MS + 3_000]);
  assertEquals(series.receivedMessagesPerSecond, [5, 5, 7]);
  assertEquals(series.connections, [3, 3, 4]);
  assertEquals(series.memoryBytes, [1_000, 1_000, 1_000]);
  assertEquals(series.commitP99Ms, [null, null, null]); // There was no commit.
});

Deno.test("History keeps 600 points of each step: 10 minutes, 2 hours and 24 hours", () => {
  const recorded = new Recorded();
  recorded.history.record();
  recorded.seconds(11, 0);
  for (let step = 1; step < 8_400; step++) recorded.seconds(12, step); // The load grows by 1 every 12 seconds.
  for (
    const [range, stepSeconds, first, last] of [
      ["10m", 1, 8_350, 8_399],
      ["2h", 12, 7_800, 8_399],
      ["24h", 144, 1_205.5, 8_393.5], // Means of twelve.
    ] as const
  ) {
    const { series, stepSeconds: step } = recorded.history.points(range);
    assertEquals(step, stepSeconds);
    assertEquals(HISTORY_SERIES.map((name) => series[name].length), HISTORY_SERIES.map(() => 600));
    const points = series.receivedMessagesPerSecond;
    assertEquals([points[0], points[599]], [first, last]);
    assertEquals(points.includes(null), false);
  }
});

Deno.test("A point of a longer step has the mean of rates and the largest of what waits", () => {
  const recorded = new Recorded();
  recorded.history.record();
  recorded.seconds(11, 4, { queuedMessages: 1 }); // Seconds 1 to 11, of the first 12.
  recorded.seconds(6, 10, { queuedMessages: 50 });
  recorded.seconds(6, 20, { queuedMessages: 2 });
  const { series } = recorded.history.points("2h");
  assertEquals(series.receivedMessagesPerSecond, [4, 15]);
  assertEquals(series.queuedMessages, [1, 50]);
});

Deno.test("A time in which the process stood still has no points", () => {
  const recorded = new Recorded();
  recorded.history.record();
  recorded.seconds(1, 1);
  recorded.ms += 2_000;
  recorded.seconds(1, 9);
  assertEquals(recorded.history.points("10m").series.receivedMessagesPerSecond, [1, null, null, 3]);
  recorded.ms += 3_600_000;
  recorded.seconds(1, 0);
  const { series } = recorded.history.points("10m");
  assertEquals(series.receivedMessagesPerSecond.filter((point) => point !== null).length, 1);
});

Deno.test("The 99th percentile of commits lies within its bucket", () => {
  const boundsMs = [1, 10, 100];
  const of = (...counts: number[]) => ({ boundsMs, counts, count: counts.reduce((sum, one) => sum + one), sumMs: 0 });
  assertEquals(percentile(of(100, 0, 0, 0), undefined, 0.99), 0.99);
  assertEquals(percentile(of(90, 10, 0, 0), undefined, 0.99), 9.1);
  assertEquals(percentile(of(90, 20, 0, 0), of(90, 10, 0, 0), 0.5), 5.5);
  assertEquals(percentile(of(0, 0, 0, 1), undefined, 0.99), 100); // Longer than the last bound.
  assertEquals(percentile(of(5, 0, 0, 0), of(5, 0, 0, 0), 0.99), NaN);
});

Deno.test("History records by itself once it is started, until it is closed", async () => {
  let ms = 0;
  const clock = { monotonicMs: () => ms += 999, wallMs: () => WALL_MS };
  const { promise, resolve } = Promise.withResolvers<void>();
  let reads = 0;
  const history = new History(() => {
    if (++reads === 3) resolve();
    return ZERO;
  }, clock);
  history.start();
  await promise;
  history.close(); // Otherwise the sanitizer complains about a timer.
});
