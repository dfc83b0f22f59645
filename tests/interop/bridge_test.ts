/**
 * mosquitto as a bridge to Brooklet. "Here" is mosquitto's side, "there" is Brooklet's.
 *
 * MQTT 5 has No Local and Retain As Published for bridges. Those of 3.1 and 3.1.1 set the upper bit of the Protocol Level
 * instead (mosquitto: `try_private`), and expect the same from a broker that accepts it.
 */

import { assertEquals } from "@std/assert";
import { testsAtOnce } from "../at_once.ts";
import { BridgeLink } from "./bridge_link.ts";
import { BRIDGE_CLIENT_ID, BridgeMosquitto } from "./bridge_mosquitto.ts";
import type { TestBroker } from "./broker_process.ts";
import { interopTests } from "./interop_tests.ts";
import { MosquittoSub, publish } from "./mosquitto_clients.ts";

const NEEDS = ["mosquitto", "stdbuf", "mosquitto_pub", "mosquitto_sub"] as const;
const test = interopTests(NEEDS);
const testAtOnce = interopTests(NEEDS, [], testsAtOnce);

interface Kind {
  readonly name: string;
  readonly settings: readonly string[];
  /** Whether the broker can know that it is a bridge: by the bit, or by the options of its subscriptions. */
  readonly isKnown: boolean;
  /** The session lives on without the connection. mosquitto 2.0 does not ask for that in MQTT 5, which needs an expiry. */
  readonly isDurable: boolean;
}

const KINDS: readonly Kind[] = [
  kind("mqttv31", true),
  kind("mqttv311", true),
  kind("mqttv311", false),
  kind("mqttv50", true),
];

const QOS = [0, 1, 2] as const;

for (const { name, settings, isKnown } of KINDS) {
  test(`a bridge carries messages both ways, with prefixes and its own QoS, ${name}`, async (broker) => {
    const there = broker.named("there");
    await using bridge = await BridgeMosquitto.start(broker, [
      ...settings,
      ...QOS.map((qos) => `topic # out ${qos} here/out/${qos}/ ${there}/from/${qos}/`),
      ...QOS.map((qos) => `topic # in ${qos} here/in/${qos}/ ${there}/to/${qos}/`),
      ...QOS.map((qos) => `topic # both ${qos} here/both/${qos}/ ${there}/both/${qos}/`),
    ], bridgeOf(broker));
    const format = "%q %t %p";
    await using here = await MosquittoSub.start(broker, [...bridge.here, "-q", "2", "-t", "here/#"], format);
    await using subscriber = await MosquittoSub.start(broker, ["-q", "2", "-t", `${there}/#`], format);
    for (const qos of QOS) {
      await publish(broker, ["-q", "2", "-t", `${there}/to/${qos}/a/b`, "-m", "in"]);
      await publish(broker, ["-q", "2", "-t", `${there}/both/${qos}/`, "-m", "both in"]);
    }
    assertEquals(
      (await here.messages(6)).toSorted(),
      QOS.flatMap((qos) => [`${qos} here/both/${qos}/ both in`, `${qos} here/in/${qos}/a/b in`]),
    );
    for (const qos of QOS) {
      await publish(broker, [...bridge.here, "-q", "2", "-t", `here/out/${qos}/a/b`, "-m", "out"]);
      await publish(broker, [...bridge.here, "-q", "2", "-t", `here/both/${qos}/`, "-m", "both out"]);
    }
    const carried = (await subscriber.messages(12)).filter((message) => message.endsWith("out"));
    assertEquals(
      carried.toSorted(),
      QOS.flatMap((qos) => [`${qos} ${there}/both/${qos}/ both out`, `${qos} ${there}/from/${qos}/a/b out`]),
    );
  });

  test(`a bridge carries many messages of QoS 2 in order, once each, ${name}`, async (broker) => {
    const [from, to] = [broker.named("from"), broker.named("to")];
    await using bridge = await BridgeMosquitto.start(broker, [
      ...settings,
      ...[`topic # out 2 here/ ${from}/`, `topic # in 2 from/ ${to}/`],
      // mosquitto loses QoS 2 messages beyond this, and cannot say so before MQTT 5: 20, for a broker that knows.
      ...(isKnown ? [] : ["max_inflight_messages 100"]),
    ], bridgeOf(broker));
    // In MQTT 5 mosquitto 2.0.11 sends more QoS 2 messages than the Receive Maximum of 100 allows, when there are more.
    const count = name.includes("mqttv50") ? 90 : 300;
    const lines = Array.from({ length: count }, (_, index) => `line ${index}`);
    await using here = await MosquittoSub.start(broker, [...bridge.here, "-q", "2", "-t", "from/#"]);
    await using there = await MosquittoSub.start(broker, ["-q", "2", "-t", `${from}/#`]);
    const ways = [{ args: ["-t", `${to}/x`], subscriber: here }, {
      args: [...bridge.here, "-t", "here/x"],
      subscriber: there,
    }];
    await Promise.all(ways.map(async ({ args, subscriber }) => {
      await publish(broker, ["-q", "2", "-l", ...args], lines.join("\n"));
      await publish(broker, ["-q", "2", "-m", "end", ...args]);
      assertEquals(await subscriber.until("end"), lines);
    }));
  });

  const times = isKnown ? 1 : 2;
  const sayingOnce = isKnown ? "does not come back" : "comes back once, as 3.1.1 has it for any client";
  // It is a bridge for all topics.
  test.own(`a message that came through a bridge ${sayingOnce}, and there is no loop, ${name}`, async (broker) => {
    await using bridge = await BridgeMosquitto.start(broker, [...settings, "topic # both 1"]);
    await using here = await MosquittoSub.start(broker, [...bridge.here, "-q", "1", "-t", "#"]);
    await using there = await MosquittoSub.start(broker, ["-q", "1", "-t", "#"]);
    await publish(broker, [...bridge.here, "-q", "1", "-t", "x", "-m", "from here"]);
    await there.messages(1);
    await publish(broker, ["-q", "1", "-t", "x", "-m", "from there"]);
    await here.messages(times + 1);
    // What went back would be in front of these.
    await publish(broker, ["-q", "1", "-t", "x", "-m", "end here"]);
    await publish(broker, [...bridge.here, "-q", "1", "-t", "x", "-m", "end there"]);
    const comeHere = await here.until("end here");
    const comeThere = await there.until("end there");
    assertEquals(comeHere.filter((message) => message === "from here").length, times);
    assertEquals(comeHere.filter((message) => message === "from there").length, 1);
    assertEquals(comeThere.slice(0, 2), ["from here", "from there"]);
    assertEquals(comeThere.filter((message) => message.startsWith("from")).length, 2);
  });

  const keptHere = isKnown ? ["1 here/before in", "1 here/later in", "1 here/own out"] : [
    ...["1 here/before in", "1 here/own out"], // 3.1.1 sends what is new without RETAIN. [MQTT-3.3.1-9]
  ];
  test(`retained messages of both sides are kept on the other side, ${name}`, async (broker) => {
    const thereTopic = broker.named("there");
    await publish(broker, ["-r", "-q", "1", "-t", `${thereTopic}/before`, "-m", "in"]);
    await using bridge = await BridgeMosquitto.start(
      broker,
      [...settings, `topic # both 1 here/ ${thereTopic}/`],
      bridgeOf(broker),
    );
    const hereArgs = [...bridge.here, "-q", "1", "-t", "here/#"];
    const thereArgs = ["-q", "1", "-t", `${thereTopic}/#`];
    await using here = await MosquittoSub.start(broker, hereArgs);
    await using there = await MosquittoSub.start(broker, thereArgs);
    await publish(broker, ["-r", "-q", "1", "-t", `${thereTopic}/later`, "-m", "in"]);
    await publish(broker, [...bridge.here, "-r", "-q", "1", "-t", "here/own", "-m", "out"]);
    await here.messages(isKnown ? 3 : 4);
    await there.messages(3);
    await using lateHere = await MosquittoSub.start(broker, hereArgs, "%r %t %p");
    await using lateThere = await MosquittoSub.start(broker, thereArgs, "%r %t %p");
    await publish(broker, [...bridge.here, "-q", "1", "-t", "here/end", "-m", "here"]);
    await publish(broker, ["-q", "1", "-t", `${thereTopic}/end`, "-m", "there"]);
    const isRetained = (message: string) => message.startsWith("1 ");
    assertEquals((await lateHere.until("0 here/end here")).filter(isRetained).toSorted(), keptHere);
    assertEquals((await lateThere.until(`0 ${thereTopic}/end there`)).filter(isRetained).toSorted(), [
      ...["before in", "later in", "own out"].map((kept) => `1 ${thereTopic}/${kept}`),
    ]);
  });

  test(`a bridge tells whether it is connected, with a retained message and its Will, ${name}`, async (broker) => {
    const clientId = bridgeOf(broker);
    const state = stateOf(clientId);
    await using there = await MosquittoSub.start(broker, ["-q", "1", "-t", state], "%r %p");
    await using bridge = await BridgeMosquitto.start(
      broker,
      [...settings, "notifications true", "topic # in 0"],
      clientId,
    );
    assertEquals(await there.messages(1), ["0 1"]);
    await using late = await MosquittoSub.start(broker, ["-q", "1", "-t", state], "%r %p");
    assertEquals(await late.messages(1), ["1 1"]);
    bridge.kill();
    assertEquals(await there.messages(2), ["0 1", "0 0"]);
    await using last = await MosquittoSub.start(broker, ["-q", "1", "-t", state], "%r %p");
    assertEquals(await last.messages(1), ["1 0"]);
  });
}

// It takes mosquitto some seconds to try again, so all wait at the same time.
for (const isClean of [false, true]) {
  const outcome = isClean ? "is lost with cleansession true" : "arrives when it is back with cleansession false";
  testAtOnce(`what is published while a bridge is down ${outcome}`, async (broker) => {
    const outages = KINDS.map((kind) => outage(broker, kind, isClean));
    assertEquals((await Promise.allSettled(outages)).filter(({ status }) => status === "rejected"), []);
  });
}

test.own("a bridge connects with all that mosquitto takes for granted", async (broker) => {
  await using bridge = await BridgeMosquitto.start(broker, ["topic # both"]);
  await using here = await MosquittoSub.start(broker, [...bridge.here, "-t", "x"]);
  await publish(broker, ["-t", "x", "-m", "hello"]);
  assertEquals(await here.messages(1), ["hello"]);
});

async function outage(broker: TestBroker, { name, settings, isDurable }: Kind, isClean: boolean): Promise<void> {
  const clientId = bridgeOf(broker, name);
  const thereX = `${clientId}/x`;
  await using link = new BridgeLink(broker);
  await using bridge = await BridgeMosquitto.start(link, [
    ...settings,
    ...[`cleansession ${isClean}`, `topic # both 1 here/ ${clientId}/`],
  ], clientId);
  await using here = await MosquittoSub.start(broker, [...bridge.here, "-q", "1", "-t", "here/#"]);
  await using there = await MosquittoSub.start(broker, ["-q", "1", "-t", thereX, "-t", stateOf(clientId)]);
  link.cut();
  await bridge.disconnected();
  assertEquals(await there.messages(2), ["1", "0"], name);
  await publish(broker, ["-q", "1", "-t", thereX, "-m", "in"]);
  await publish(broker, [...bridge.here, "-q", "1", "-t", "here/x", "-m", "out"]);
  link.restore();
  await bridge.connected(2);
  await publish(broker, ["-q", "1", "-t", thereX, "-m", "end in"]);
  await publish(broker, [...bridge.here, "-q", "1", "-t", "here/x", "-m", "end out"]);
  const comeHere = await here.until("end in");
  const comeThere = await there.until("end out");
  if (isClean || isDurable) {
    assertEquals(comeHere.filter((message) => message === "in"), isClean ? [] : ["in"], name);
  }
  assertEquals(comeThere.filter((message) => message === "out"), isClean ? [] : ["out"], name);
}

/** A Client Identifier of the test, which is one level of the topic of its state. */
function bridgeOf(broker: TestBroker, name = BRIDGE_CLIENT_ID): string {
  return broker.named(name).replaceAll(/[ /]/g, "-");
}

/** Where a bridge says whether it is connected. */
function stateOf(clientId: string): string {
  return `$SYS/broker/connection/${clientId}/state`;
}

function kind(version: "mqttv31" | "mqttv311" | "mqttv50", isPrivate: boolean): Kind {
  return {
    name: version === "mqttv50" ? version : `${version} with${isPrivate ? "" : "out"} the bridge bit`,
    isKnown: isPrivate,
    isDurable: version !== "mqttv50",
    settings: [`bridge_protocol_version ${version}`, `try_private ${isPrivate}`],
  };
}
