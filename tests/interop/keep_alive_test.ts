import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { testsAtOnce } from "../at_once.ts";
import { Stopwatch } from "../stopwatch.ts";
import { withBroker } from "./broker_process.ts";
import { interopTests } from "./interop_tests.ts";
import { CONNACK, packet, PINGREQ, PINGRESP, publish, RawClient, subscribe, text } from "./raw_client.ts";

const test = interopTests([], [], testsAtOnce);
const KEEP_ALIVE = { keepAliveSeconds: 1 };
/** A busy machine that adds so much makes a PINGREQ late that is sent in time: another one is tried. */
const LATE_MS = 50;
const ATTEMPTS = 5;

test("seed 0-9, 3-12: silence ends a connection at 1.5 times its Keep Alive, with its Will [MQTT-3.1.2-24]", async (broker) => {
  using watcher = await RawClient.connect(broker, { clientId: broker.named("watcher") });
  const will = { topic: broker.named("will"), payload: "silent" };
  await watcher.send(subscribe(1, will.topic));
  await watcher.expect("90 03 0001 00");
  using silent = await RawClient.connect(broker, { clientId: broker.named("silent"), will, ...KEEP_ALIVE });
  const silentSince = performance.now();
  const stopwatch = new Stopwatch(broker.pid);
  assertEquals(await silent.closed(), "");
  assertLess(stopwatch.ms(), 2_600);
  assertGreater(performance.now() - silentSince, 1_400);
  await watcher.expect(publish(will));
});

test("seed 0-5: a PINGREQ on its way when 1.5 times the Keep Alive are over is in time", async (broker) => {
  // paho.mqtt.golang sends it at that very moment, whenever its check at 1 times the Keep Alive came a hair too early.
  for (let attempt = 1;; attempt++) {
    using late = await RawClient.connect(broker, { clientId: broker.named(`late ${attempt}`), ...KEEP_ALIVE });
    const since = performance.now();
    const stopwatch = new Stopwatch(broker.pid);
    await new Promise((resolve) => setTimeout(resolve, 1_650));
    try {
      return await late.expectSilence();
    } catch (error) {
      const addedMs = performance.now() - since - stopwatch.ms();
      if (attempt === ATTEMPTS || addedMs < LATE_MS) throw error;
    }
  }
});

test("A broker that stood still reads what has come in before it judges who was silent [MQTT-3.1.2-24]", () =>
  withBroker(async (broker) => {
    const will = { topic: "will", payload: "silent" };
    using watcher = await RawClient.connect(broker, { clientId: "watcher" });
    await watcher.send(subscribe(1, will.topic));
    await watcher.expect("90 03 0001 00");
    const keepAliveSeconds = 3;
    const connected = await Promise.all(
      Array.from(
        { length: 20 },
        (_, index) => RawClient.connect(broker, { clientId: `${index}`, will, keepAliveSeconds }),
      ),
    );
    using pinging = new DisposableStack();
    const clients = connected.map((client) => pinging.use(client));
    using silent = await RawClient.connect(broker, { clientId: "silent", will, keepAliveSeconds: 1 });
    Deno.kill(broker.pid, "SIGSTOP");
    try {
      for (let round = 0; round < 12; round++) { // Longer than one and a half Keep Alives.
        await halfASecond();
        for (const client of clients) await client.send(PINGREQ);
      }
    } finally {
      Deno.kill(broker.pid, "SIGCONT");
    }
    for (const client of clients) {
      await client.expect(...Array(12).fill(PINGRESP));
      await client.send(publish({ topic: "will", payload: "alive" }));
    }
    for (const _ of clients) await watcher.expect(publish({ topic: "will", payload: "alive" }));
    assertEquals(await silent.closed(), "");
    await watcher.expect(publish(will)); // Of the silent one, after whom the others have pinged no more.
    await broker.stderr.matching(/stood still for \d+\.\d s/);
    await broker.stderr.matching(/silent has exceeded timeout/);
  }));

test("seed 0-9: an MQTT 5 client is told that its Keep Alive is over", async (broker) => {
  using silent = await RawClient.connect(broker, { clientId: broker.named("silent"), version: 5, ...KEEP_ALIVE });
  assertEquals((await silent.closed()).slice(4, 6), "8d");
});

test("seed 4-2: a packet that stalls does not outlive the Keep Alive", async (broker) => {
  using stalled = await RawClient.connect(broker, { clientId: broker.named("stalled"), ...KEEP_ALIVE });
  const stopwatch = new Stopwatch(broker.pid);
  await stalled.send(publish({ topic: broker.named("t"), payload: "x".repeat(1_000) }).slice(0, 200));
  assertEquals(await stalled.closed(), "");
  assertLess(stopwatch.ms(), 2_600);
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
