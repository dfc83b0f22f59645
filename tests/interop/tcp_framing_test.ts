import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { Stopwatch } from "../stopwatch.ts";
import vectors from "../vectors.json" with { type: "json" };
import { interopTests } from "./interop_tests.ts";
import {
  bytes,
  CONNACK,
  connect,
  DISCONNECT,
  packet,
  PINGREQ,
  PINGRESP,
  publish,
  RawClient,
  subscribe,
  text,
} from "./raw_client.ts";

const test = interopTests([]);
const VECTORS = vectors.vectors;

test("seed 0-3, 0-4: an empty client identifier with Clean Session 1 is accepted", async (broker) => {
  using client = await RawClient.open(broker);
  await client.send(VECTORS["000-connect"].hex);
  await client.expect(CONNACK);
  await client.send(VECTORS["000-pingreq"].hex);
  await client.expect(VECTORS["000-pingresp"].hex);
});

test("seed 0-4: an empty client identifier with Clean Session 0 is refused [MQTT-3.1.3-8]", async (broker) => {
  using client = await RawClient.open(broker);
  await client.send("10 0c 0004 4d515454 04 00 0005 0000");
  assertEquals(await client.closed(), "20020002");
});

for (const name of ["001-connect", "002-connect"] as const) {
  test(`seed 1-6, 2-2, 2-4: ${name} is accepted in its frames, byte by byte and whole`, async (broker) => {
    const whole = VECTORS[name].frames.join("");
    for (const pieces of [VECTORS[name].frames, whole.match(/../g) ?? [], [whole]]) {
      using client = await RawClient.open(broker);
      for (const piece of pieces) await client.send(piece);
      await client.expect(VECTORS["001-connack"].hex);
      await client.send(DISCONNECT);
      assertEquals(await client.closed(), "");
    }
  });
}

test("seed 1-10 to 1-12: what the article shows on the wire, in its frames", async (broker) => {
  using client = await RawClient.open(broker);
  for (const frame of VECTORS["001-connect"].frames) await client.send(frame);
  await client.expect(VECTORS["001-connack"].hex);
  for (const frame of VECTORS["001-subscribe"].frames) await client.send(frame);
  await client.expect(VECTORS["001-suback"].hex);
  for (const frame of VECTORS["001-publish"].frames) await client.send(frame);
  await client.expect(VECTORS["001-publish"].hex);
  await client.send(VECTORS["001-disconnect"].hex);
  assertEquals(await client.closed(), "");
});

test("seed 1-10: /World is matched by +/World, # and /+, not by World", async (broker) => {
  const filters = { "/World": true, "+/World": true, "#": true, "/+": true, "World": false, "+": false };
  for (const [filter, isMatch] of Object.entries(filters)) {
    using client = await RawClient.connect(broker, { clientId: "matcher" });
    await client.send(subscribe(1, filter), VECTORS["001-publish"].hex, PINGREQ);
    await client.expect("90 03 0001 00", ...(isMatch ? [VECTORS["001-publish"].hex] : []), PINGRESP);
  }
});

test("seed 1-13: packets of one segment are answered in order", async (broker) => {
  using client = await RawClient.open(broker);
  await client.send(
    VECTORS["002-connect"].hex,
    VECTORS["001-subscribe"].hex,
    VECTORS["001-publish"].hex,
    PINGREQ,
  );
  await client.expect(
    VECTORS["002-connack"].hex,
    VECTORS["001-suback"].hex,
    VECTORS["001-publish"].hex,
    PINGRESP,
  );
});

test("seed 2-9: what follows a packet that is cut anywhere is the same", async (broker) => {
  const conversation = VECTORS["000-connect"].hex + VECTORS["001-subscribe"].hex + VECTORS["001-publish"].hex;
  const answers = [CONNACK, VECTORS["001-suback"].hex, VECTORS["001-publish"].hex];
  for (let cut = 2; cut < conversation.length; cut += 2) {
    using client = await RawClient.open(broker);
    await client.send(conversation.slice(0, cut));
    await client.send(conversation.slice(cut));
    await client.expect(...answers);
  }
});

test.own(
  "seed 2-9: a malformed packet ends its connection, is logged with its peer, and the broker lives",
  async (broker) => {
    using bystander = await RawClient.connect(broker, { clientId: "bystander" });
    using client = await RawClient.connect(broker, { clientId: "guest" });
    await client.send(packet("36", text("a"), "0001"));
    assertEquals(await client.closed(), "");
    const [line = ""] = await broker.stderr.matching(/(?=.*malformed)/i);
    assertMatch(line, /guest|127\.0\.0\.1:\d+/);
    await bystander.expectSilence();
  },
  ["-v"],
);

for (
  const { level, answer } of [{ level: "02", answer: /^20020001$/ }, { level: "06", answer: /^20(?:020001$|..0084)/ }]
) {
  test(`seed 2-10: protocol level ${level} is refused as unknown [MQTT-3.1.2-2]`, async (broker) => {
    using client = await RawClient.open(broker);
    await client.send(packet("10", text("MQTT"), level, "02 003c", text("c")));
    assertMatch(await client.closed(), answer);
  });
}

test("seed 4-2: a header and its payload of 100,000 bytes in pieces of 1,024 is one PUBLISH", async (broker) => {
  using subscriber = await RawClient.connect(broker, { clientId: "subscriber" });
  await subscriber.send(subscribe(1, "big"));
  await subscriber.expect("90 03 0001 00");
  using publisher = await RawClient.connect(broker, { clientId: "publisher" });
  const whole = publish({ topic: "big", payload: "0123456789".repeat(10_000) });
  const headerLength = whole.length - 200_000;
  await publisher.send(whole.slice(0, headerLength));
  for (let at = headerLength; at < whole.length; at += 2_048) {
    await publisher.send(whole.slice(at, at + 2_048));
  }
  assertEquals(await subscriber.packet() === whole, true);
});

const MALFORMED = {
  "seed 4-3: PUBLISH with QoS 3 [MQTT-3.3.1-4]": packet("36", text("a"), "0001"),
  "seed 4-3: SUBSCRIBE without its reserved flag [MQTT-3.8.1-1]": packet("80", "0001", text("a"), "00"),
  "seed 4-3: SUBSCRIBE with a reserved flag [MQTT-3.8.1-1]": packet("83", "0001", text("a"), "00"),
  "seed 4-3: PINGREQ with a reserved flag [MQTT-2.1.3-1]": "c1 00",
  "seed 4-3: a second CONNECT [MQTT-3.1.0-2]": connect({ clientId: "again" }),
  "seed 4-4: a Remaining Length of five bytes": "30 ff ff ff ff 01",
  "seed 4-5: PINGREQ with a body": "c0 01 00",
  "seed 3-15: PINGRESP from a client": PINGRESP,
  "packet type 0": "00 00",
  "SUBSCRIBE without a filter [MQTT-3.8.3-3]": "82 02 0001",
  "SUBSCRIBE with packet identifier 0 [MQTT-2.3.1-1]": packet("82", "0000", text("a"), "00"),
  "PUBLISH to a topic with a wildcard [MQTT-3.3.2-2]": packet("30", text("a/#")),
  "PUBLISH with U+0000 in the topic [MQTT-1.5.3-2]": "30 03 0001 00",
  "PUBLISH with a topic that is not UTF-8 [MQTT-1.5.3-1]": "30 04 0002 c080",
};

for (const [name, hex] of Object.entries(MALFORMED)) {
  test(`${name} ends the connection`, async (broker) => {
    using client = await RawClient.connect(broker, { clientId: "c" });
    await client.send(hex);
    assertEquals(await client.closed(), "");
  });
}

test("a first packet that is not CONNECT ends the connection [MQTT-3.1.0-1]", async (broker) => {
  for (const hex of [PINGREQ, publish({ topic: "a" }), DISCONNECT, subscribe(1, "a"), "f0 00"]) {
    using client = await RawClient.open(broker);
    await client.send(hex);
    assertEquals(await client.closed(), "", hex);
  }
});

test("seed 4-3 in MQTT 5: DISCONNECT says why before the end [MQTT-4.13.1-1]", async (broker) => {
  const reasons = { "c1 00": "e00181", "30 ff ff ff ff 01": "e00181", "c0 80 00": "e00181" };
  for (const [hex, disconnect] of Object.entries(reasons)) {
    using client = await RawClient.connect(broker, { clientId: "c", version: 5 });
    await client.send(hex);
    const said = await client.closed();
    assertEquals(disconnectReason(said), disconnect, `${hex} was answered with ${said}`);
  }
});

for (const remainingLength of [127, 128, 16_383, 16_384, 300_000]) {
  test(`seed 4-4: a Remaining Length of ${remainingLength} is read and written`, async (broker) => {
    using client = await RawClient.connect(broker, { clientId: "c" });
    await client.send(subscribe(1, "t"));
    await client.expect("90 03 0001 00");
    const message = publish({ topic: "t", payload: "x".repeat(remainingLength - 3) });
    await client.send(message);
    assertEquals(await client.packet() === message, true);
  });
}

test("seed 4-4: a Remaining Length of 268,435,455 is refused before its body comes [MQTT-3.2.2-15]", async (broker) => {
  using v4 = await RawClient.connect(broker, { clientId: "v4" });
  await v4.send("30 ff ff ff 7f 0001 61");
  assertEquals(await v4.closed(), "");
  using v5 = await RawClient.connect(broker, { clientId: "v5", version: 5 });
  await v5.send("30 ff ff ff 7f 0001 61");
  assertEquals(disconnectReason(await v5.closed()), "e00195");
});

test("seed 4-6: PINGRESP comes within a second under load and with a stuck subscriber", async (broker) => {
  using stuck = await RawClient.connect(broker, { clientId: "stuck" });
  await stuck.send(subscribe(1, "load"));
  await stuck.expect("90 03 0001 00");
  using publisher = await RawClient.connect(broker, { clientId: "publisher" });
  using pinger = await RawClient.connect(broker, { clientId: "pinger" });
  const batch = bytes(publish({ topic: "load", payload: "x".repeat(1_000) }).repeat(100));
  let slowestMs = 0;
  for (let round = 0; round < 100; round++) {
    const stopwatch = new Stopwatch(broker.pid);
    await pinger.send(PINGREQ);
    await publisher.sendBytes(batch);
    await pinger.expect(PINGRESP);
    slowestMs = Math.max(slowestMs, stopwatch.ms());
  }
  assertLess(slowestMs, 1_000);
});

/** DISCONNECT with the reason code alone: a reason string may stand behind it. */
function disconnectReason(hex: string): string {
  return hex.startsWith("e0") && hex.length > 4 ? `e001${hex.slice(4, 6)}` : hex;
}
