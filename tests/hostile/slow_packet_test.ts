import { assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { connect, type ConnectOptions, publish, RawClient, subscribe, subscribeV5 } from "../interop/raw_client.ts";
import { Stopwatch } from "../stopwatch.ts";
import { BrokerChild } from "./broker_child.ts";
import { pause } from "./sockets.ts";

const PIECE_BYTES = 1_024;
const KEEP_ALIVE_SECONDS = 1;
const KEEP_ALIVE_ENDS_MS = 1_500;
const WILL = { topic: "will", payload: "stalled" };

for (const version of [4, 5] as const) {
  Deno.test(`seed 4-2: PUBLISH of 100 kB as its header and pieces of 1,024 bytes is one packet, version ${version}`, async () => {
    await using child = await BrokerChild.start();
    using subscriber = await RawClient.connect(child, { clientId: "subscriber", version });
    await subscriber.send(version === 5 ? subscribeV5(1, "big") : subscribe(1, "big"));
    await subscriber.expect(version === 5 ? "90 04 0001 00 00" : "90 03 0001 00");
    using publisher = await RawClient.connect(child, { clientId: "publisher", version });
    const payload = Array.from({ length: 20_000 }, (_, index) => String(index).padStart(5, "0")).join("");
    const whole = publish({ topic: "big", payload, ...(version === 5 ? { properties: "" } : {}) });
    const header = whole.length - payload.length * 2;
    await publisher.send(whole.slice(0, header));
    for (let at = header; at < whole.length; at += PIECE_BYTES * 2) {
      await publisher.send(whole.slice(at, at + PIECE_BYTES * 2));
    }
    assertEquals(await subscriber.packet() === whole, true);
    await publisher.expectSilence();
  });
}

Deno.test("seed 4-2: a packet whose bytes keep coming outlives its Keep Alive, one that stalls does not [MQTT-3.1.2-22]", async () => {
  await using child = await BrokerChild.start();
  using watcher = await RawClient.connect(child, { clientId: "watcher" });
  await watcher.send(subscribe(1, "#"));
  await watcher.expect("90 03 0001 00");
  const message = publish({ topic: "slow", payload: "x".repeat(1_000) });
  const options: ConnectOptions = { clientId: "", version: 5, keepAliveSeconds: KEEP_ALIVE_SECONDS };

  using stalling = await RawClient.connect(child, { ...options, clientId: "stalling", will: WILL });
  const stopwatch = new Stopwatch(child.program.pid);
  const stalledMs = performance.now();
  await stalling.send(message.slice(0, 200));
  const stalled = stalling.closed().then((said) => ({
    said,
    passedMs: performance.now() - stalledMs,
    ms: stopwatch.ms(),
  }));

  using slow = await RawClient.open(child);
  await slow.send(connect({ clientId: "slow", keepAliveSeconds: KEEP_ALIVE_SECONDS }));
  await slow.expect("20 02 00 00");
  const startedMs = performance.now();
  for (let at = 0; at < message.length; at += 256) {
    await slow.send(message.slice(at, at + 256));
    await pause(350); // That time passes is what is tested.
  }
  assertGreater(performance.now() - startedMs, KEEP_ALIVE_ENDS_MS * 1.5);
  await slow.expectSilence();

  const { said, passedMs, ms } = await stalled;
  assertMatch(said, /^e0..8d/);
  assertGreater(passedMs, KEEP_ALIVE_ENDS_MS - 100);
  assertLess(ms, KEEP_ALIVE_ENDS_MS + 1_100);
  await watcher.expect(publish(WILL), message);
});
