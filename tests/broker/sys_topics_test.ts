import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Authenticator, Broker, type BrokerOptions, type BrokerSubscription, type Message } from "../../mod.ts";
import { MemoryStorage } from "../../src/storage/mod.ts";
import { converse } from "../wire/conversation.ts";

const SECOND_MS = 1_000;

Deno.test("$SYS tells nothing unless an interval is set", async () => {
  await using broker = await Broker.open(stopped());
  broker.tick(60_000);
  assertEquals(await told(broker, broker.subscribe("$SYS/#"), "$SYS/end"), []);
});

Deno.test("$SYS refuses an interval that would flood", async () => {
  const message = 'Cannot set sysIntervalMs: "50" is not 0 or an integer of at least 100';
  await assertRejects(() => Broker.open({ sysIntervalMs: 50 }), RangeError, message);
});

Deno.test("$SYS is there at SUBSCRIBE, with RETAIN, and tells what has changed once in an interval", async () => {
  const clock = { nowMs: 0 };
  await using broker = await Broker.open({ clock: () => clock.nowMs, sysIntervalMs: 10 * SECOND_MS });
  broker.tick(0);
  const uptime = broker.subscribe("$SYS/broker/uptime");
  assertEquals(await next(uptime), { text: "0 seconds", retain: true });
  for (const nowMs of [9_999, 10_000, 15_000, 20_000]) broker.tick(clock.nowMs = nowMs);
  assertEquals(await next(uptime), { text: "10 seconds", retain: true });
  assertEquals(await next(uptime), { text: "20 seconds", retain: true });
});

Deno.test("$SYS counts clients, messages, subscriptions and retained messages as mosquitto does", () =>
  converse(5, { sysIntervalMs: 10 * SECOND_MS }, async (conversation) => {
    const { broker } = conversation;
    await conversation.run(
      "a connects",
      "b connects",
      "a > 82 [ 0001 {} 'x' 00 ]",
      "a < 90 [ 0001 {} 00 ]",
      "b > 31 [ 'x' {} \"123\" ] 30 [ 'y' {} \"1\" ]",
      "a < 30 [ 'x' {} \"123\" ]",
      "b quiet",
      "10 s pass",
    );
    const said = await texts(broker);
    assertEquals(said["clients/connected"], "2");
    assertEquals(said["clients/total"], "2");
    assertEquals(said["clients/disconnected"], "0");
    assertEquals(said["publish/messages/received"], "2");
    assertEquals(said["publish/bytes/received"], "4");
    assertEquals(said["publish/messages/sent"], "1");
    assertEquals(said["publish/bytes/sent"], "3");
    assertEquals(said["retained messages/count"], "1"); // Its own are not counted.
    assertEquals(said["subscriptions/count"], "1");
    // CONNECT, SUBSCRIBE; CONNECT, PUBLISH twice, PINGREQ of "quiet".
    assertEquals(said["messages/received"], "6");
    assertEquals(said["messages/sent"], "5"); // CONNACK, SUBACK, PUBLISH; CONNACK, PINGRESP.
    assert(Number(said["bytes/received"]) > 40);
    assert(Number(said["load/messages/received/1min"]) > Number(said["load/messages/received/5min"]));
    assertEquals(said["load/sockets/15min"]?.match(/^\d+\.\d\d$/)?.length, 1);
  }));

Deno.test("$SYS and the metrics tell the size of a storage that has a file, and its free part", async () => {
  const unexpected: unknown[] = [];
  const storage = Object.assign(new MemoryStorage(), { size: () => ({ bytes: 8_192, freeBytes: 4_096 }) });
  const clock = { nowMs: 0 };
  await using broker = await Broker.open({
    storage,
    sysIntervalMs: 10 * SECOND_MS,
    clock: () => clock.nowMs,
    onEvent: (event) => event.kind === "unexpectedError" && unexpected.push(event.error),
  });
  broker.tick(0);
  const said = await texts(broker);
  assertEquals([said["store/file/bytes"], said["store/file/free bytes"]], ["8192", "4096"]);
  assertEquals([broker.metrics.storage.bytes, broker.metrics.storage.freeBytes], [8_192, 4_096]);
  storage.size = () => {
    throw new Error("no size");
  };
  broker.tick(clock.nowMs = 10_000);
  assertEquals(unexpected.map(String), ["Error: no size"]);
  await using other = await Broker.open({ sysIntervalMs: 10 * SECOND_MS });
  other.tick(0);
  assertEquals((await texts(other))["store/file/bytes"], undefined);
  assertEquals(other.metrics.storage.bytes, undefined);
});

Deno.test("$SYS counts CONNECT packets that are refused as connections too, as mosquitto does", () => {
  const authenticator: Authenticator = {
    authenticate: () => ({ isAccepted: false, reasonCode: 0x87, reason: "nobody gets in" }),
  };
  return converse(4, { authenticator, sysIntervalMs: 10 * SECOND_MS }, async (conversation) => {
    await conversation.run("a > 10 [ @ 02 003c 'a' ]", "a < 20 [ 00 05 ]", "a closed", "10 s pass");
    const { "load/connections/1min": perMinute } = await texts(conversation.broker, /^load\/connections\/1min$/);
    assert(Number(perMinute) > 0, perMinute);
  });
});

Deno.test("$SYS counts what is retained, waits and is in flight as stored messages", () =>
  converse(5, { sysIntervalMs: 10 * SECOND_MS }, async (conversation) => {
    const { broker } = conversation;
    await conversation.run(
      "a connects durable",
      "a > 82 [ 0001 {} 'x' 01 ]",
      "a < 90 [ 0001 {} 01 ]",
      "a disconnects",
      "b connects",
      "b > 33 [ 'x' 0001 {} \"123\" ]",
      "b < 40 [ 0001 ]",
      "10 s pass",
    );
    assertEquals(await texts(broker, /stor/), {
      "messages/stored": "2",
      "store/messages/count": "2",
      "store/messages/bytes": "7", // 3 of the payload that is retained, and 4 of payload and topic that wait.
    });
    await conversation.run("a resumes", "a < 32 [ 'x' 0001 {} \"123\" ]", "10 s pass");
    assertEquals((await texts(broker, /store.*count/))["store/messages/count"], "2");
    await conversation.run("a > 40 [ 0001 ]", "b > 31 [ 'x' {} ]", "a < 30 [ 'x' {} ]", "10 s pass");
    assertEquals(await texts(broker, /stor/), {
      "messages/stored": "0",
      "store/messages/count": "0",
      "store/messages/bytes": "0",
    });
  }));

Deno.test("$SYS tells the memory in use and the most of it where somebody knows, and all others where that fails", async () => {
  const [clock, said, failures] = [{ nowMs: 0 }, [3_000, 5_000, 4_000], [] as unknown[]];
  const heapBytes = () => {
    const bytes = said.shift();
    if (bytes === undefined) throw new Error("nobody knows");
    return bytes;
  };
  const onEvent: BrokerOptions["onEvent"] = (event) => {
    if (event.kind === "unexpectedError") failures.push(event.error);
  };
  await using broker = await Broker.open({ clock: () => clock.nowMs, sysIntervalMs: SECOND_MS, heapBytes, onEvent });
  for (const [current, maximum] of [[3_000, 3_000], [5_000, 5_000], [4_000, 5_000]]) {
    const expected = { "heap/current": String(current), "heap/maximum": String(maximum) };
    broker.tick(clock.nowMs);
    assertEquals(await texts(broker, /^heap/), expected);
    clock.nowMs += SECOND_MS;
  }
  broker.tick(clock.nowMs);
  assertEquals(await texts(broker, /^heap|uptime/), {
    "heap/current": "4000",
    "heap/maximum": "5000",
    "uptime": "3 seconds",
  });
  assertEquals(failures.map(String), ["Error: nobody knows"]);
  await using without = await Broker.open({ ...stopped(), sysIntervalMs: SECOND_MS });
  without.tick(0);
  assertEquals(await texts(without, /heap/), {});
});

Deno.test("$SYS is matched by no filter that begins with a wildcard [MQTT-4.7.2-1]", async () => {
  await using broker = await Broker.open({ ...stopped(), sysIntervalMs: SECOND_MS });
  const everything = broker.subscribe("#");
  const anything = broker.subscribe("+/broker/uptime");
  broker.tick(0);
  broker.tick(5_000);
  assertEquals(await told(broker, everything, "end"), []);
  assertEquals(await told(broker, anything, "end/broker/uptime"), []);
});

Deno.test("$SYS is for clients to read, and for nobody to write", () =>
  converse(5, { sysIntervalMs: SECOND_MS }, (conversation) =>
    conversation.run(
      "a connects",
      "a > 32 [ '$SYS/broker/uptime' 0001 {} \"1\" ]",
      "a < 40 [ 0001 87 ]",
      "a > 82 [ 0001 {} '$SYS/broker/version' 02 ]",
      "a < 90 [ 0001 {} 02 ] 31 [ '$SYS/broker/version' {} \"brooklet version 0.1.0\" ]",
    )));

Deno.test("Broker.reload() changes the interval of $SYS, and nothing when a limit is out of its range", async () => {
  const clock = { nowMs: 0 };
  await using broker = await Broker.open({ clock: () => clock.nowMs, sysIntervalMs: SECOND_MS });
  broker.tick(0);
  assertThrows(() => broker.reload({ limits: { maximumQos: 3 }, sysIntervalMs: 0 }), RangeError, "maximumQos");
  const uptime = broker.subscribe("$SYS/broker/uptime");
  broker.tick(clock.nowMs = 2_000);
  broker.reload({ sysIntervalMs: 0 });
  broker.tick(clock.nowMs = 9_000);
  assertEquals((await told(broker, uptime, "$SYS/broker/uptime")).length, 2);
});

Deno.test("Broker.reload() changes limits for the next connection, and what a client was told holds on", () =>
  converse(5, { limits: { maximumQos: 2 } }, async (conversation) => {
    await conversation.run("a connects");
    conversation.broker.reload({ limits: { maximumQos: 0 } });
    await conversation.run(
      "a > 32 [ 'x' 0001 {} ]",
      "a < 40 [ 0001 10 ]",
      "b > 10 [ @ 02 003c {} 'b' ]",
      "b < 20 [ 00 00 { 21 ffff 22 000a 24 00 27 01000000 } ]",
    );
  }));

/** A clock that stands still. */
function stopped(): BrokerOptions {
  return { clock: () => 0 };
}

/** What is told below `$SYS/broker`, by the names that match. */
async function texts(broker: Broker, names = /.*/): Promise<Record<string, string>> {
  const all = await told(broker, broker.subscribe("$SYS/broker/#"), "$SYS/broker/end");
  const named = all.map(({ topic, payload }): [string, string] => [
    topic.slice("$SYS/broker/".length),
    new TextDecoder().decode(payload),
  ]);
  return Object.fromEntries(named.filter(([name]) => names.test(name)));
}

/** What waits for a reader in front of an empty message that is published now. */
async function told(broker: Broker, subscription: BrokerSubscription, topic: string): Promise<Message[]> {
  await broker.publish(topic, "");
  const messages: Message[] = [];
  for await (const message of subscription) {
    if (message.topic === topic && message.payload.length === 0) break;
    messages.push(message);
  }
  return messages;
}

async function next(subscription: BrokerSubscription): Promise<{ text: string; retain: boolean }> {
  const { value } = await subscription.next();
  return { text: new TextDecoder().decode(value?.payload), retain: value?.retain ?? false };
}
