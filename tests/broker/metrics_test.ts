/** Numbers that a broker has of itself. */

import { assertEquals, assertGreaterOrEqual, assertRejects } from "@std/assert";
import { Broker } from "../../mod.ts";
import { Histogram, HISTOGRAM_BOUNDS_MS, Loads } from "../../src/broker/counters.ts";
import { converse } from "../wire/conversation.ts";
import { GatedStorage } from "../storage/gated_storage.ts";

Deno.test("broker.metrics counts packets, bytes and PUBLISH by QoS, both ways", () =>
  converse(5, {}, async (conversation) => {
    const { broker } = conversation;
    await conversation.run("s connects", "s > 82 [ 0001 [] 'x' 01 ]", "s < 90 [ 0001 [] 01 ]", "p connects");
    const { received, sent } = broker.metrics;
    assertEquals([received.packets, received.publishes, sent.packets, sent.publishes], [3, 0, 3, 0]);
    await conversation.run(
      "p > 30 [ 'x' [] 01 ]",
      "s < 30 [ 'x' [] 01 ]",
      "p > 32 [ 'x' 0001 [] 02 03 ]",
      "p < 40 [ 0001 ]",
      "s < 32 [ 'x' 0001 [] 02 03 ]",
      "s > 40 [ 0001 ]",
      "p > 34 [ 'y' 0002 [] 04 ]",
      "p < 50 [ 0002 10 ]",
    );
    const metrics = broker.metrics;
    assertEquals(metrics.received.publishesByQos, [1, 1, 1]);
    assertEquals([metrics.received.publishes, metrics.received.payloadBytes], [3, 4]);
    assertEquals([metrics.sent.publishes, metrics.sent.payloadBytes], [2, 3]);
    assertEquals(metrics.sent.publishesByQos, [1, 1, 0]);
    assertEquals(metrics.received.bytes - received.bytes, 7 + 10 + 9 + 4);
    assertEquals(metrics.sent.bytes - sent.bytes, 7 + 4 + 10 + 5);
    assertEquals([metrics.connectedClients, metrics.mostSessions, metrics.subscriptions], [2, 2, 1]);
    assertEquals([metrics.connectionsOpened, metrics.connectPackets], [2, 2]);
  }));

Deno.test("broker.metrics counts what waits for sessions, without $SYS", () =>
  converse(5, {}, async (conversation) => {
    const { broker } = conversation;
    await conversation.run(
      "s connects v5 durable",
      "s > 82 [ 0001 [] 'x' 01 ]",
      "s < 90 [ 0001 [] 01 ]",
      "s disconnects",
    );
    await broker.publish("x", "1234", { qos: 1 });
    const { queuedMessages, queuedBytes, connectedClients, sessions, version } = broker.metrics;
    assertEquals([queuedMessages, queuedBytes, connectedClients, sessions], [1, 5, 0, 1]);
    assertEquals(version, "0.1.0");
  }));

Deno.test("broker.metrics counts connections that were refused, before MQTT and by Reason Code", () =>
  converse(5, {
    authenticator: { authenticate: () => ({ isAccepted: false, reasonCode: 0x86 }) },
  }, async (conversation) => {
    await conversation.run("a > 10 [ @ 02 0000 [] 'a' ]", "a told 20 00 86");
    const peer = { transport: "tls", address: "", listener: "" } as const;
    for (const help of [undefined, "path", "path"] as const) {
      conversation.broker.noteRefusal("", "a reason", help, peer);
    }
    assertEquals(conversation.broker.metrics.refusedConnections, {
      beforeMqtt: 3,
      beforeMqttByHelp: { other: 1, path: 2 },
      byReasonCode: { "134": 1 },
    });
  }));

Deno.test("broker.metrics measures loads and the time since the broker was opened, without $SYS", () =>
  converse(5, {}, async (conversation) => {
    await conversation.run("a connects", "60000 ms pass");
    const { loads, uptimeMs } = conversation.broker.metrics;
    assertEquals(uptimeMs, 60_000);
    assertEquals(loads.connectPackets[0].toFixed(3), (1 - Math.exp(-1)).toFixed(3));
    assertEquals(loads.connectPackets[2].toFixed(3), (1 - Math.exp(-1 / 15)).toFixed(3));
  }));

Deno.test("broker.metrics has the times of turns, and of commits that a storage did not keep at once", () => {
  const storage = new GatedStorage();
  return converse(5, { storage }, async (conversation) => {
    const { broker } = conversation;
    storage.isGated = true;
    const published = broker.publish("x", "1", { retain: true });
    (await storage.nextCommit()).keep();
    await published;
    storage.isGated = false;
    const { commits, turns } = broker.metrics.histograms;
    assertEquals([commits.count, commits.counts.length], [1, commits.boundsMs.length + 1]);
    assertGreaterOrEqual(turns.count, 1);
  });
});

Deno.test("Histogram counts a duration in the first bucket that has it, the largest in the last", () => {
  const histogram = new Histogram();
  for (const ms of [0, 0.1, 0.11, 100, 60_000]) histogram.add(ms);
  const { counts, count, sumMs, boundsMs } = histogram.snapshot;
  const expected = HISTOGRAM_BOUNDS_MS.map((bound) => bound === 0.1 ? 2 : bound === 0.25 || bound === 100 ? 1 : 0);
  assertEquals(counts, [...expected, 1]);
  assertEquals([count, boundsMs], [5, HISTOGRAM_BOUNDS_MS]);
  assertEquals(sumMs.toFixed(3), (60_100.21).toFixed(3));
});

Deno.test("Loads forget: of what grew a minute ago, the mean of a minute has 1/e", () => {
  const loads = new Loads<"x">();
  assertEquals(loads.of("x"), [0, 0, 0]);
  loads.look({ x: 10 }, 0);
  loads.look({ x: 70 }, 60_000);
  loads.look({ x: 70 }, 60_000);
  assertEquals(loads.of("x")[0].toFixed(3), (60 * (1 - Math.exp(-1)) * Math.exp(-1)).toFixed(3));
});

Deno.test("broker.metrics counts PUBLISH that are sent with QoS 2, alone and to many", () =>
  converse(5, {}, async (conversation) => {
    const { broker } = conversation;
    for (const name of ["a", "b"]) {
      await conversation.run(`${name} connects`, `${name} > 82 [ 0001 [] 'x' 02 ]`, `${name} < 90 [ 0001 [] 02 ]`);
    }
    await broker.publish("x", "1", { qos: 2 });
    for (const name of ["a", "b"]) await conversation.run(`${name} < 34 [ 'x' 0001 [] 31 ]`);
    assertEquals(broker.metrics.sent.publishesByQos, [0, 0, 2]);
  }));

Deno.test("broker.metrics says whether the storage keeps what it is given, and whether the broker is closed", async () => {
  const storage = new GatedStorage();
  const broker = await Broker.open({ storage });
  assertEquals([broker.metrics.isStorageDurable, broker.metrics.isStorageFailing], [true, false]);
  storage.isGated = true;
  const published = broker.publish("x", "1", { retain: true });
  (await storage.nextCommit()).fail();
  await assertRejects(() => published);
  assertEquals([broker.metrics.isStorageFailing, broker.metrics.isClosing], [true, false]);
  storage.isGated = false;
  await broker.close();
  assertEquals(broker.metrics.isClosing, true);
});
