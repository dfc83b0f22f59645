import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { Buffer } from "node:buffer";
import type { IClientOptions } from "mqtt";
import { within } from "../deadline.ts";
import { inForm } from "../form.ts";
import { Stopwatch } from "../stopwatch.ts";
import type { TestBroker } from "./broker_process.ts";
import { interopTests } from "./interop_tests.ts";
import { MqttJsClient } from "./mqttjs_client.ts";

const test = interopTests([]);
const MESSAGES = inForm(2_000, 10_000);
const V5 = { protocolVersion: 5 } as const;

for (const protocolVersion of [4, 5] as const) {
  const V = { protocolVersion };
  const version = protocolVersion === 4 ? "3.1.1" : "5";

  for (const qos of [0, 1, 2] as const) {
    test(`MQTT.js: a message of QoS ${qos} arrives with it, MQTT ${version}`, async (broker) => {
      await using subscriber = await MqttJsClient.subscribed(broker, V, broker.named("test/+"), 2);
      await using publisher = await MqttJsClient.open(broker, V);
      await publisher.mqtt.publishAsync(broker.named("test/a"), "abc", { qos });
      assertEquals(await subscriber.received(1), [{
        topic: broker.named("test/a"),
        payload: "abc",
        qos,
        retain: false,
      }]);
    });
  }

  // In parts: a queue has a limit. MQTT.js does not keep to a Receive Maximum with QoS 2: by default there is none to speak of.
  for (const { qos, part } of [{ qos: 1, part: 500 }, { qos: 2, part: 500 }] as const) {
    test(`MQTT.js: ${MESSAGES} messages of QoS ${qos} arrive once and in order, MQTT ${version}`, async (broker) => {
      const payloads = Array.from({ length: MESSAGES }, (_, index) => `${index}`);
      await using subscriber = await MqttJsClient.subscribed(broker, V, broker.named("many"), qos);
      await using publisher = await MqttJsClient.open(broker, V);
      for (let sent = 0; sent < payloads.length; sent += part) {
        const next = payloads.slice(sent, sent + part);
        const published = Promise.all(
          next.map((payload) => publisher.mqtt.publishAsync(broker.named("many"), payload, { qos })),
        );
        await within(published, `acknowledgements behind message ${sent}`);
        await subscriber.received(sent + next.length);
      }
      await publisher.mqtt.publishAsync(broker.named("many"), "end", { qos });
      await subscriber.received(payloads.length + 1);
      assertEquals(subscriber.payloads(), [...payloads, "end"]);
    });
  }

  test(`MQTT.js: a retained message is kept, replaced and cleared, MQTT ${version}`, async (broker) => {
    await using publisher = await MqttJsClient.open(broker, V);
    for (const payload of ["first", "second"]) {
      await publisher.mqtt.publishAsync(broker.named("kept"), payload, { qos: 1, retain: true });
      await using subscriber = await MqttJsClient.subscribed(broker, V, broker.named("kept"), 1);
      assertEquals(await subscriber.received(1), [{ topic: broker.named("kept"), payload, qos: 1, retain: true }]);
    }
    await publisher.mqtt.publishAsync(broker.named("kept"), "", { qos: 1, retain: true });
    await using subscriber = await MqttJsClient.subscribed(broker, V, broker.named("kept"), 1);
    await publisher.mqtt.publishAsync(broker.named("kept"), "live", { qos: 1 });
    assertEquals(await subscriber.received(1), [{
      topic: broker.named("kept"),
      payload: "live",
      qos: 1,
      retain: false,
    }]);
  });

  test(`MQTT.js: a client that comes back with clean false gets what it missed, MQTT ${version}`, async (broker) => {
    const durable: IClientOptions = {
      ...V,
      clientId: broker.named("durable"),
      clean: false,
      ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
    };
    {
      await using first = await MqttJsClient.subscribed(broker, durable, broker.named("queue"), 1);
      assertEquals(first.sessionPresent, false);
    }
    await using publisher = await MqttJsClient.open(broker, V);
    for (const payload of ["one", "two", "three"]) {
      await publisher.mqtt.publishAsync(broker.named("queue"), payload, { qos: 1 });
    }
    await using second = await MqttJsClient.open(broker, durable);
    assertEquals(second.sessionPresent, true);
    await second.received(3);
    assertEquals(second.payloads(), ["one", "two", "three"]);
  });

  test(`MQTT.js: the Will is sent when the socket dies, MQTT ${version}`, async (broker) => {
    await using watcher = await MqttJsClient.subscribed(broker, V, broker.named("will"), 1);
    await using client = await MqttJsClient.open(broker, { ...V, will: will(broker, "gone") });
    client.mqtt.stream.destroy();
    assertEquals(await watcher.received(1), [{ topic: broker.named("will"), payload: "gone", qos: 1, retain: false }]);
  });

  test(`MQTT.js: a second client of the same name takes over, MQTT ${version}`, async (broker) => {
    await using first = await MqttJsClient.open(broker, { ...V, clientId: broker.named("same") });
    const closed = new Promise<void>((resolve) => first.mqtt.once("close", resolve));
    await using second = await MqttJsClient.open(broker, { ...V, clientId: broker.named("same") });
    await within(closed, "the first connection to be closed");
    await second.mqtt.publishAsync("test", "served", { qos: 1 });
  });
}

test("MQTT.js: topic aliases of the client are understood [MQTT-3.3.2-12]", async (broker) => {
  await using subscriber = await MqttJsClient.subscribed(broker, V5, broker.named("aliased/#"), 1);
  await using publisher = await MqttJsClient.open(broker, V5);
  const options = { qos: 1, properties: { topicAlias: 1 } } as const;
  for (const topic of [broker.named("aliased/topic"), "", broker.named("aliased/other"), ""]) {
    await publisher.mqtt.publishAsync(topic, "", options);
  }
  const messages = await subscriber.received(4);
  assertEquals(messages.map(({ topic }) => topic), [
    ...["aliased/topic", "aliased/topic", "aliased/other", "aliased/other"].map(broker.named),
  ]);
});

test("MQTT.js: the topic aliases of the broker resolve to the topic [MQTT-3.1.2-26]", async (broker) => {
  const options = { ...V5, properties: { topicAliasMaximum: 2 } };
  await using subscriber = await MqttJsClient.subscribed(broker, options, broker.named("alias/+"), 1);
  await using publisher = await MqttJsClient.open(broker, V5);
  const topics = ["a", "a", "b", "c", "a", "b", "c"].map((level) => broker.named(`alias/${level}`));
  for (const topic of topics) await publisher.mqtt.publishAsync(topic, "", { qos: 1 });
  const messages = await subscriber.received(topics.length);
  assertEquals(messages.map(({ topic }) => topic), topics);
});

test("MQTT.js: Subscription Identifiers come back with the messages [MQTT-3.3.4-3]", async (broker) => {
  await using client = await MqttJsClient.open(broker, V5);
  await client.mqtt.subscribeAsync(broker.named("id/+"), { qos: 0, properties: { subscriptionIdentifier: 7 } });
  await client.mqtt.subscribeAsync(broker.named("other/#"), {
    qos: 0,
    properties: { subscriptionIdentifier: 268_435_455 },
  });
  await client.mqtt.publishAsync(broker.named("id/a"), "x", { qos: 1 });
  await client.mqtt.publishAsync(broker.named("other/a"), "y", { qos: 1 });
  await client.received(2);
  assertEquals(
    client.packets.map(({ properties }) => properties?.subscriptionIdentifier),
    [7, 268_435_455],
  );
});

test("MQTT.js: No Local and Retain As Published [MQTT-3.8.3-3] [MQTT-3.3.1-13]", async (broker) => {
  await using own = await MqttJsClient.open(broker, V5);
  await own.mqtt.subscribeAsync(broker.named("t"), { qos: 1, nl: true });
  await using other = await MqttJsClient.open(broker, V5);
  await other.mqtt.subscribeAsync(broker.named("t"), { qos: 1, rap: true });
  await own.mqtt.publishAsync(broker.named("t"), "own", { qos: 1, retain: true });
  await other.mqtt.publishAsync(broker.named("t"), "other", { qos: 1 });
  await Promise.all([own.received(1), other.received(2)]);
  assertEquals(own.payloads(), ["other"]);
  assertEquals(other.messages.map(({ retain }) => retain), [true, false]);
});

test("MQTT.js: the Will waits for its delay and is dropped when the client is back [MQTT-3.1.3-9]", async (broker) => {
  await using watcher = await MqttJsClient.subscribed(broker, V5, broker.named("will"), 1);
  const withWill = (clientId: string): IClientOptions => ({
    ...V5,
    clientId: broker.named(clientId),
    clean: false,
    properties: { sessionExpiryInterval: 60 },
    will: { ...will(broker, clientId), properties: { willDelayInterval: 1 } },
  });
  await using back = await MqttJsClient.open(broker, withWill("back"));
  await using away = await MqttJsClient.open(broker, withWill("away"));
  const diedAt = performance.now();
  const stopwatch = new Stopwatch(broker.pid);
  back.mqtt.stream.destroy();
  away.mqtt.stream.destroy();
  await using again = await MqttJsClient.open(broker, withWill("back"));
  assertEquals(again.sessionPresent, true);
  await watcher.received(1);
  assertLess(stopwatch.ms(), 3_000);
  assertGreater(performance.now() - diedAt, 900);
  await watcher.mqtt.publishAsync(broker.named("will"), "end", { qos: 1 });
  await watcher.received(2);
  assertEquals(watcher.payloads(), ["away", "end"]);
});

test("MQTT.js: a session without expiry ends with its connection [MQTT-3.1.2-23]", async (broker) => {
  for (const [sessionExpiryInterval, isPresent] of [[0, false], [60, true]] as const) {
    const clientId = broker.named(`expiry ${sessionExpiryInterval}`);
    const options: IClientOptions = { ...V5, clientId, clean: false, properties: { sessionExpiryInterval } };
    {
      await using first = await MqttJsClient.open(broker, options);
      assertEquals(first.sessionPresent, false);
    }
    await using second = await MqttJsClient.open(broker, options);
    assertEquals(second.sessionPresent, isPresent, clientId);
  }
});

function will(broker: TestBroker, payload: string) {
  return { topic: broker.named("will"), payload: Buffer.from(payload), qos: 1, retain: false } as const;
}
