import { assertEquals } from "@std/assert";
import { IncomingRate } from "../../src/broker/connection/timers.ts";
import { DEFAULT_LIMITS } from "../../mod.ts";

const TICK_MS = 100;

Deno.test("IncomingRate lets a client that always has more through at its rate, however coarsely time goes on", () => {
  const rate = new IncomingRate({ ...DEFAULT_LIMITS, maximumMessagesPerSecond: 64, maximumExcessMs: Infinity });
  let messages = 0;
  for (let nowMs = 0; nowMs < 60_000; nowMs += TICK_MS) {
    while (rate.waitMs(nowMs) === 0) {
      rate.take(1, 0, nowMs);
      messages += 1;
    }
  }
  // A second's worth at once, then 59.9 s of it, and the one that waits.
  assertEquals(messages, 64 + Math.floor(64 * 59.9) + 1);
});

Deno.test("IncomingRate.patienceMs() counts from the first excess on, and anew when the client has slowed down", () => {
  const rate = new IncomingRate({ ...DEFAULT_LIMITS, maximumBytesPerSecond: 1_000, maximumExcessMs: 5_000 });
  assertEquals(rate.take(0, 3_000, 0), 2_000);
  assertEquals(rate.patienceMs(1_000), 4_000);
  assertEquals(rate.take(0, 1_000, 2_499), 501);
  assertEquals(rate.patienceMs(2_499), 2_501);
  assertEquals(rate.take(0, 2_000, 3_500), 1_500);
  assertEquals(rate.patienceMs(3_500), 5_000);
});

Deno.test("IncomingRate.of() gives none where nothing is limited", () => {
  assertEquals(IncomingRate.of(DEFAULT_LIMITS), undefined);
});
