import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { Broker } from "../../mod.ts";
import { Client } from "../../src/client/mod.ts";
import { EventLoopStalls } from "../../src/broker/counters.ts";

const BUSY_MS = 60;

Deno.test("EventLoopStalls has the longest time that a turn took or a timer was late, in all and since it was asked", () => {
  const stalls = new EventLoopStalls();
  stalls.timerFired(1_000, 100);
  assertEquals(stalls.longestMs, 0);
  stalls.timerFired(1_130, 100); // It was due at 1,100.
  stalls.held(20);
  assertEquals([stalls.longestMs, stalls.takeRecentMs()], [30, 30]);
  stalls.held(10);
  assertEquals([stalls.longestMs, stalls.takeRecentMs(), stalls.takeRecentMs()], [30, 10, 0]);
});

Deno.test("metrics and $SYS tell how long the event loop was held", async () => {
  await using broker = await Broker.open({
    sysIntervalMs: 100,
    authenticator: {
      authenticate() {
        const endMs = performance.now() + BUSY_MS;
        while (performance.now() < endMs);
        return { isAccepted: true };
      },
    },
  });
  const client = await Client.connect(broker);
  await client.close();
  assertGreaterOrEqual(broker.metrics.longestStallMs, BUSY_MS);
  for await (const { payload } of broker.subscribe("$SYS/broker/event loop/stall/maximum")) {
    if (Number(new TextDecoder().decode(payload)) >= BUSY_MS) break;
  }
});
