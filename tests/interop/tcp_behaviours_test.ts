import { assertEquals, assertMatch } from "@std/assert";
import { connect as connectSocket } from "node:net";
import vectors from "../vectors.json" with { type: "json" };
import type { TestBroker } from "./broker_process.ts";
import { interopTests } from "./interop_tests.ts";
import { deliver, inOneConnection, packetIdentifierOf, publishOnce, subscribed } from "./raw_exchanges.ts";
import {
  bytes,
  CONNACK,
  connect,
  DISCONNECT,
  packet,
  publish,
  RawClient,
  subscribe,
  subscribeV5,
  text,
  uint16,
} from "./raw_client.ts";

const test = interopTests([]);
const SESSION_PRESENT = "20 02 01 00";

test("seed 3-5: QoS 2 from a publisher that loses every answer is exactly once [MQTT-4.3.3-2]", async (broker) => {
  using subscriber = await subscribed(broker, broker.named("t"), 2);
  const publisher = { clientId: broker.named("publisher"), cleanStart: false };
  const message = { topic: broker.named("t"), payload: "once", qos: 2, packetIdentifier: 7 } as const;
  await inOneConnection(broker, publisher, CONNACK, async (client) => {
    await client.send(publish(message));
    await client.expect("50 02 0007");
  });
  await inOneConnection(broker, publisher, SESSION_PRESENT, async (client) => {
    await client.send(publish({ ...message, dup: true }));
    await client.expect("50 02 0007");
    await client.send("62 02 0007");
    await client.expect("70 02 0007");
  });
  assertEquals(await deliver(subscriber, 2), "once");
  await inOneConnection(broker, publisher, SESSION_PRESENT, async (client) => {
    await client.send("62 02 0007");
    await client.expect("70 02 0007");
    // The identifier is free again: the same bytes are a new message.
    await client.send(publish({ ...message, payload: "next" }), "62 02 0007");
    await client.expect("50 02 0007", "70 02 0007");
  });
  assertEquals(await deliver(subscriber, 2), "next");
  await subscriber.expectSilence();
});

test("seed 3-5: QoS 2 to a subscriber that loses every answer is exactly once [MQTT-4.4.0-1]", async (broker) => {
  const subscriber = { clientId: broker.named("subscriber"), cleanStart: false };
  let identifier = "";
  await inOneConnection(broker, subscriber, CONNACK, async (client) => {
    await client.send(subscribe(1, broker.named("t"), 2));
    await client.expect("90 03 0001 02");
    await publishOnce(broker, { topic: broker.named("t"), payload: "once", qos: 2 });
    identifier = packetIdentifierOf(await client.packet());
  });
  await inOneConnection(broker, subscriber, SESSION_PRESENT, async (client) => {
    assertEquals(await client.packet(), packet("3c", text(broker.named("t")), identifier, "6f6e6365"));
    await client.send(`5002${identifier}`);
    await client.expect(`6202${identifier}`);
  });
  await inOneConnection(broker, subscriber, SESSION_PRESENT, async (client) => {
    await client.expect(`6202${identifier}`);
    await client.send(`7002${identifier}`);
    await client.expectSilence();
  });
  await inOneConnection(broker, subscriber, SESSION_PRESENT, (client) => client.expectSilence());
});

test("seed 3-5: QoS 1 without PUBACK comes again, with DUP and its identifier [MQTT-3.3.1-1]", async (broker) => {
  const subscriber = { clientId: broker.named("subscriber"), cleanStart: false };
  let first = "";
  await inOneConnection(broker, subscriber, CONNACK, async (client) => {
    await client.send(subscribe(1, broker.named("t"), 1));
    await client.expect("90 03 0001 01");
    await publishOnce(broker, { topic: broker.named("t"), payload: "again", qos: 1 });
    first = await client.packet();
  });
  await inOneConnection(broker, subscriber, SESSION_PRESENT, async (client) => {
    assertEquals(await client.packet(), `3a${first.slice(2)}`);
    await client.send(`4002${packetIdentifierOf(first)}`);
    await client.expectSilence();
  });
  await inOneConnection(broker, subscriber, SESSION_PRESENT, (client) => client.expectSilence());
});

test("seed 3-6: what was missed comes before any SUBSCRIBE, QoS 0 was not kept", async (broker) => {
  const subscriber = { clientId: broker.named("client01"), cleanStart: false };
  await inOneConnection(broker, subscriber, CONNACK, async (client) => {
    await client.send(subscribe(1, broker.named("test"), 1));
    await client.expect("90 03 0001 01");
    await client.send(DISCONNECT);
    assertEquals(await client.closed(), "");
  });
  await publishOnce(broker, { topic: broker.named("test"), payload: "one", qos: 1 });
  await publishOnce(broker, { topic: broker.named("test"), payload: "zero", qos: 0 });
  await publishOnce(broker, { topic: broker.named("test"), payload: "two", qos: 1 });
  await inOneConnection(broker, subscriber, SESSION_PRESENT, async (client) => {
    assertEquals(await deliver(client, 1), "one");
    assertEquals(await deliver(client, 1), "two");
    await client.expectSilence();
  });
});

test("seed 3-8: CONNECT, PUBLISH and DISCONNECT sent before anything is read deliver the message", async (broker) => {
  using subscriber = await subscribed(broker, "test", 1);
  using publisher = await RawClient.open(broker);
  for (const segment of vectors.vectors["pipelined-paho-python"].frames) await publisher.send(segment);
  assertEquals(await deliver(subscriber, 1), "abc");
  assertEquals(await publisher.closed(), "2002000040020001");
});

test("seed 3-8: a pipelined PUBLISH and its Will are delivered in order", async (broker) => {
  using subscriber = await subscribed(broker, "test", 0);
  using publisher = await RawClient.open(broker);
  await publisher.send(vectors.vectors["pipelined-paho-python-will"].hex);
  await publisher.finish();
  assertEquals(await deliver(subscriber, 0), "abc");
  assertEquals(await deliver(subscriber, 0), "will");
});

test("seed 3-9: RETAIN is 1 for a new subscription and 0 for a live one [MQTT-3.3.1-9]", async (broker) => {
  using live = await subscribed(broker, broker.named("test"), 1);
  await publishOnce(broker, { topic: broker.named("test"), payload: "kept", qos: 1, retain: true });
  assertEquals((await live.packet()).slice(0, 2), "32");
  using recent = await subscribed(broker, broker.named("test"), 0);
  await recent.expect(publish({ topic: broker.named("test"), payload: "kept", retain: true }));
  await publishOnce(broker, { topic: broker.named("test"), qos: 1, retain: true });
  using late = await subscribed(broker, broker.named("test"), 0);
  await late.expectSilence();
});

test("seed 3-10: a repeated SUBSCRIBE brings the retained message again, another filter does not", async (broker) => {
  const kept = publish({ topic: broker.named("test"), payload: "kept", retain: true });
  await publishOnce(broker, { topic: broker.named("test"), payload: "kept", qos: 1, retain: true });
  using client = await RawClient.connect(broker, { clientId: broker.named("client") });
  await client.send(subscribe(1, broker.named("test")));
  await client.expect("90 03 0001 00", kept);
  await client.send(subscribe(2, broker.named("other")));
  await client.expect("90 03 0002 00");
  await client.expectSilence();
  await client.send(subscribe(3, broker.named("test")));
  await client.expect("90 03 0003 00", kept);
  await client.expectSilence();
});

test("seed 3-10: Retain Handling 0, 1 and 2 of MQTT 5 [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]", async (broker) => {
  const kept = publish({ topic: broker.named("test"), payload: "kept", retain: true, properties: "" });
  await publishOnce(broker, { topic: broker.named("test"), payload: "kept", qos: 1, retain: true });
  const handlings = [
    { option: 0x00, whenNew: true, whenRepeated: true },
    { option: 0x10, whenNew: true, whenRepeated: false },
    { option: 0x20, whenNew: false, whenRepeated: false },
  ];
  for (const { option, whenNew, whenRepeated } of handlings) {
    using client = await RawClient.connect(broker, { clientId: broker.named("client"), version: 5 });
    for (const [index, isSent] of [whenNew, whenRepeated].entries()) {
      await client.send(subscribeV5(index + 1, broker.named("test"), option));
      await client.expect(`90 04 ${uint16(index + 1)} 00 00`, ...(isSent ? [kept] : []));
      await client.expectSilence();
    }
  }
});

test("seed 3-11, 3-12: the Will is sent at once after FIN without DISCONNECT", async (broker) => {
  using watcher = await subscribed(broker, broker.named("will"), 0);
  using client = await RawClient.connect(broker, { clientId: broker.named("client"), will: willOf(broker) });
  await client.finish();
  await watcher.expect(publish(willOf(broker)));
});

test("seed 3-11: the Will is sent at once after RST", async (broker) => {
  using watcher = await subscribed(broker, broker.named("will"), 0);
  const socket = connectSocket(broker.port, "127.0.0.1");
  const answered = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  socket.on("data", () => answered.resolve()).on("close", () => closed.resolve());
  socket.on("error", answered.reject);
  socket.write(bytes(connect({ clientId: broker.named("client"), will: willOf(broker) })));
  await answered.promise;
  socket.resetAndDestroy();
  await closed.promise;
  await watcher.expect(publish(willOf(broker)));
});

test("seed 3-11: the Will is not sent after DISCONNECT [MQTT-3.14.4-3]", async (broker) => {
  using watcher = await subscribed(broker, broker.named("will"), 0);
  using client = await RawClient.connect(broker, { clientId: broker.named("client"), will: willOf(broker) });
  await client.send(DISCONNECT);
  assertEquals(await client.closed(), "");
  await watcher.expectSilence();
});

test("seed 3-11: the Will is sent after a protocol error", async (broker) => {
  using watcher = await subscribed(broker, broker.named("will"), 0);
  using client = await RawClient.connect(broker, { clientId: broker.named("client"), will: willOf(broker) });
  await client.send(packet("36", text("a"), "0001"));
  assertEquals(await client.closed(), "");
  await watcher.expect(publish(willOf(broker)));
});

test("seed 3-16: takeover closes the old connection, sends its Will and serves the new one [MQTT-3.1.4-2]", async (broker) => {
  using watcher = await subscribed(broker, broker.named("will"), 0);
  using old = await RawClient.connect(broker, { clientId: broker.named("client"), will: willOf(broker) });
  using recent = await RawClient.connect(broker, { clientId: broker.named("client") });
  assertEquals(await old.closed(), "");
  await watcher.expect(publish(willOf(broker)));
  await recent.expectSilence();
});

test("seed 3-16: takeover tells an MQTT 5 client so [MQTT-3.1.4-3]", async (broker) => {
  using old = await RawClient.connect(broker, { clientId: broker.named("client"), version: 5 });
  using recent = await RawClient.connect(broker, { clientId: broker.named("client") });
  assertMatch(await old.closed(), /^e0..8e/);
  await recent.expectSilence();
});

test("seed 3-16: takeover of a session goes on with what is in flight", async (broker) => {
  const client = { clientId: broker.named("client"), cleanStart: false };
  using old = await RawClient.connect(broker, client);
  await old.send(subscribe(1, broker.named("t"), 1));
  await old.expect("90 03 0001 01");
  await publishOnce(broker, { topic: broker.named("t"), payload: "waits", qos: 1 });
  const first = await old.packet();
  using recent = await RawClient.open(broker);
  await recent.send(connect(client));
  await recent.expect(SESSION_PRESENT);
  assertEquals(await recent.packet(), `3a${first.slice(2)}`);
});

test("UNSUBSCRIBE stops delivery [MQTT-3.10.4-2]", async (broker) => {
  using client = await subscribed(broker, broker.named("t"), 1);
  await client.send(packet("a2", "0002", text(broker.named("t"))));
  await client.expect("b0 02 0002");
  await publishOnce(broker, { topic: broker.named("t"), payload: "late", qos: 1 });
  await client.expectSilence();
});

test("overlapping filters deliver once with the highest QoS in 3.1.1 [MQTT-3.3.5-1]", async (broker) => {
  using client = await RawClient.connect(broker, { clientId: broker.named("client") });
  await client.send(packet("82", "0001", text("sport/#"), "00", text("+"), "02", text("sport"), "01"));
  await client.expect("90 05 0001 00 02 01");
  await publishOnce(broker, { topic: "sport", payload: "x", qos: 2 });
  assertEquals(await deliver(client, 2), "x");
  await client.expectSilence();
});

test.own("$-topics are not matched by a filter that begins with a wildcard [MQTT-4.7.2-1]", async (broker) => {
  using client = await RawClient.connect(broker, { clientId: "client" });
  await client.send(packet("82", "0001", text("#"), "00", text("+/a"), "00"));
  await client.expect("90 04 0001 00 00");
  await client.send(publish({ topic: "$private/a" }));
  await client.expectSilence();
});

test("a client identifier of MQTT 5 is assigned and told [MQTT-3.2.2-16]", async (broker) => {
  using client = await RawClient.open(broker);
  await client.send(connect({ clientId: "", version: 5 }));
  // Flags 0, Success, the length of the properties, among them 0x12 with a name that is not empty.
  assertMatch(await client.packet(), /^20..0000..(?:..)*?1200[^0]?[^0](?:..)+/);
});

test.own("SIGTERM tells an MQTT 5 client 0x8B before the end [MQTT-4.13.1-1]", async (broker) => {
  using client = await RawClient.connect(broker, { clientId: "client", version: 5 });
  const [said] = await Promise.all([client.closed(), broker.stop()]);
  assertMatch(said, /^e0..8b/);
});

test.own(
  "a client that goes on with QoS 2 above Receive Maximum reads all answers up to DISCONNECT 0x93 [MQTT-3.3.4-7]",
  async (broker) => {
    using client = await RawClient.connect(broker, { clientId: "client", version: 5 });
    const identifiers = Array.from({ length: 21 }, (_, index) => index + 1);
    await client.send(
      ...identifiers.map((packetIdentifier) => publish({ topic: "t", qos: 2, packetIdentifier, properties: "" })),
    );
    // The broker has ended it by now: what is still sent must not destroy what it said and nobody has read yet.
    for (const packetIdentifier of identifiers.slice(0, -1)) {
      await client.expect(`50 03 ${uint16(packetIdentifier)} 10`);
      await client.send(`62 02 ${uint16(packetIdentifier)}`);
    }
    assertMatch(await client.closed(), /^e0..93/);
  },
  ["--limit", "receiveMaximum=20"],
);

function willOf({ named }: TestBroker): { topic: string; payload: string } {
  return { topic: named("will"), payload: "gone" };
}
