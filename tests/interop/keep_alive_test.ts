import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { testsAtOnce } from "../at_once.ts";
import { interopTests } from "./interop_tests.ts";
import { CONNACK, packet, PINGREQ, PINGRESP, publish, RawClient, subscribe, text } from "./raw_client.ts";

const test = interopTests([], [], testsAtOnce);
const KEEP_ALIVE = { keepAliveSeconds: 1 };

test("seed 0-9, 3-12: silence ends a connection at 1.5 times its Keep Alive, with its Will [MQTT-3.1.2-24]", async (broker) => {
  using watcher = await RawClient.connect(broker, { clientId: broker.named("watcher") });
  const will = { topic: broker.named("will"), payload: "silent" };
  await watcher.send(subscribe(1, will.topic));
  await watcher.expect("90 03 0001 00");
  using silent = await RawClient.connect(broker, { clientId: broker.named("silent"), will, ...KEEP_ALIVE });
  const silentSince = performance.now();
  assertEquals(await silent.closed(), "");
  const silentMs = performance.now() - silentSince;
  await watcher.expect(publish(will));
  assertGreater(silentMs, 1_400);
  assertLess(silentMs, 2_600);
});

test("seed 0-5: a PINGREQ on its way when 1.5 times the Keep Alive are over is in time", async (broker) => {
  // paho.mqtt.golang sends it at that very moment, whenever its check at 1 times the Keep Alive came a hair too early.
  using late = await RawClient.connect(broker, { clientId: broker.named("late"), ...KEEP_ALIVE });
  await new Promise((resolve) => setTimeout(resolve, 1_650));
  await late.expectSilence();
});

test("seed 0-9: an MQTT 5 client is told that its Keep Alive is over", async (broker) => {
  using silent = await RawClient.connect(broker, { clientId: broker.named("silent"), version: 5, ...KEEP_ALIVE });
  assertEquals((await silent.closed()).slice(4, 6), "8d");
});

test("seed 4-2: a packet that stalls does not outlive the Keep Alive", async (broker) => {
  using stalled = await RawClient.connect(broker, { clientId: broker.named("stalled"), ...KEEP_ALIVE });
  const stalledSince = performance.now();
  await stalled.send(publish({ topic: broker.named("t"), payload: "x".repeat(1_000) }).slice(0, 200));
  assertEquals(await stalled.closed(), "");
  assertLess(performance.now() - stalledSince, 2_600);
});

test("seed 3-14, 3-15, 0-5: PINGREQ or PUBLISH keeps a connection, and no PINGREQ comes from here", async (broker) => {
  using pinging = await RawClient.connect(broker, { clientId: broker.named("pinging"), ...KEEP_ALIVE });
  using publishing = await RawClient.connect(broker, { clientId: broker.named("publishing"), ...KEEP_ALIVE });
  for (let round = 0; round < 7; round++) {
    await halfASecond();
    await pinging.send(PINGREQ);
    await pinging.expect(PINGRESP);
    await publishing.send(publish({ topic: broker.named("alive") }));
  }
  await publishing.expectSilence();
});

test("seed 4-2: a slow packet keeps its connection while its bytes come", async (broker) => {
  using slow = await RawClient.connect(broker, { clientId: broker.named("slow"), ...KEEP_ALIVE });
  const message = publish({ topic: broker.named("t"), payload: "slowly" });
  for (const half of [message.slice(0, 10), message.slice(10)]) {
    await halfASecond();
    await slow.send(half);
  }
  await slow.expectSilence();
});

test("Keep Alive 0 is no limit", async (broker) => {
  using quiet = await RawClient.open(broker);
  await quiet.send(packet("10", text("MQTT"), "04 02 0000", text(broker.named("quiet"))));
  await quiet.expect(CONNACK);
  for (let round = 0; round < 5; round++) await halfASecond();
  await quiet.expectSilence();
});

/** Here the passing of time itself is what is tested. */
function halfASecond(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 500));
}
