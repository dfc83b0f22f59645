/** What a peer can make the broker hold is bounded, whatever it sends; and what it holds is counted. */

import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { Broker, type BrokerEvent, memoryTransport } from "../../mod.ts";
import { ApplicationMessage } from "../../src/protocol/message.ts";
import { RetainedMessages } from "../../src/broker/retained.ts";
import { within } from "../deadline.ts";
import { conversationTests, converse } from "../wire/conversation.ts";
import { collectedHeapBytes } from "./collected_heap.ts";

Deno.test("What waits for a subscriber that does not read takes little more than its bytes, in however small parts", () =>
  converse(4, {}, async (conversation) => {
    const pair = memoryTransport(1);
    const served = conversation.broker.serve(pair.server);
    const writer = pair.client.writable.getWriter();
    await writer.write(conversation.bytes("10 [ @ 02 0000 's' ] 82 [ 0001 'a' 00 ]"));
    await conversation.run("p connects");
    // Only every second one is for it: no two of them lie side by side.
    const wanted = conversation.bytes("30 [ 'a' \"xx\" ]");
    const unwanted = conversation.bytes("30 [ 'b' \"xx\" ]");
    const pairs = 4_680;
    const chunk = new Uint8Array(pairs * 14);
    for (let index = 0; index < pairs; index++) {
      chunk.set(wanted, index * 14);
      chunk.set(unwanted, index * 14 + 7);
    }
    const rounds = 12;
    const publish = async (count: number) => {
      for (let round = 0; round < count; round++) {
        conversation.client("p").send(chunk);
        await conversation.run("p quiet");
      }
    };
    await publish(2); // What fills the transport, and warms.
    const before = collectedHeapBytes();
    await publish(rounds - 2);
    assertLess(collectedHeapBytes() - before, 4 * (rounds - 2) * pairs * wanted.length);
    assertEquals(conversation.broker.metrics.dropped.qos0, 0);

    const expected = new Uint8Array(9 + rounds * pairs * wanted.length);
    expected.set(conversation.bytes("20 02 00 00 90 [ 0001 00 ]"));
    for (let at = 9; at < expected.length; at += wanted.length) expected.set(wanted, at);
    const received = await within(readBytes(pair.client.readable, expected.length), "all that waited");
    assertEquals(Buffer.compare(received, expected), 0);
    pair.client.close();
    await served;
  }));

Deno.test("Packet Identifiers that a client never releases hold a few bytes each, and go with its session", () =>
  converse(4, {}, async (conversation) => {
    const clients = ["a", "b", "c", "d"];
    await conversation.run(...clients.map((name) => `${name} connects durable`));
    const acceptAll = async (name: string) => {
      const { client, bytes } = { client: conversation.client(name), bytes: conversation.bytes("34 [ 'x' 0000 ]") };
      const acknowledged = conversation.bytes("50 [ 0000 ]");
      for (let first = 1; first <= 65_535; first += 4_369) { // 15 times as many.
        const sent = new Uint8Array(4_369 * bytes.length);
        const expected = new Uint8Array(4_369 * acknowledged.length);
        for (let index = 0; index < 4_369; index++) {
          const identifier = [first + index >> 8, first + index & 255];
          sent.set([...bytes.subarray(0, 5), ...identifier], index * bytes.length);
          expected.set([...acknowledged.subarray(0, 2), ...identifier], index * acknowledged.length);
        }
        client.send(sent);
        await client.expect(expected);
      }
    };
    const before = collectedHeapBytes();
    for (const name of clients) await acceptAll(name);
    assertLess(collectedHeapBytes() - before, clients.length * 65_535 * 20);
    await conversation.run(...clients.map((name) => `${name} drops`), "1 s pass");
    const { broker } = conversation;
    broker.reload({ limits: { maximumSessionExpirySeconds: 1 } }); // Clients of 3.1.1 cannot say when theirs end.
    for (const name of clients) {
      await conversation.run(`${name}2 resumes`, `${name}2 > 62 [ ffff ]`, `${name}2 < 70 [ ffff ]`, `${name}2 drops`);
    }
    await conversation.run("2 s pass");
    // Some of them end in a later turn: each has much to forget.
    const ended = async () => {
      while (broker.metrics.sessions > 0) await new Promise((resolve) => setTimeout(resolve, 0));
    };
    await within(ended(), "all sessions to expire");
    assertLess(collectedHeapBytes() - before, 1_000_000);
  }));

const LARGE = "p".repeat(20_000);
const PROPERTIES = [
  { name: "User Properties", properties: { userProperties: [[LARGE, ""], ["", LARGE]] as [string, string][] } },
  { name: "a Content Type", properties: { contentType: LARGE.repeat(2) } },
  { name: "a Response Topic", properties: { responseTopic: LARGE.repeat(2) } },
  { name: "Correlation Data", properties: { correlationData: new Uint8Array(40_000) } },
];
for (const { name, properties } of PROPERTIES) {
  Deno.test(`Retained messages with ${name} count with it for maximumRetainedBytes`, () =>
    converse(5, { limits: { maximumRetainedBytes: 100_000 } }, async ({ broker }) => {
      await broker.publish("r/1", "1", { retain: true, properties });
      assertGreater(broker.metrics.retainedBytes, 40_000);
      await broker.publish("r/2", "2", { retain: true, properties });
      const third = broker.publish("r/3", "3", { retain: true, properties });
      assertEquals(await third.catch(({ name }: Error) => name), "RangeError");
      await broker.publish("r/1", "", { retain: true });
      await broker.publish("r/2", "", { retain: true });
      assertEquals(broker.metrics.retainedBytes, 0);
    }));

  Deno.test(`Messages that wait with ${name} count with it for maximumQueuedBytes`, () =>
    converse(5, { limits: { maximumQueuedBytes: 100_000 } }, async (conversation) => {
      await conversation.run("s connects durable", "s > 82 [ 0001 [] 'x' 01 ]", "s < 90 [ 0001 [] 01 ]", "s drops");
      for (let count = 0; count < 5; count++) await conversation.broker.publish("x", "", { qos: 1, properties });
      assertEquals(conversation.broker.metrics.dropped.queueFull, 3);
    }));
}

Deno.test("User Properties that are many and empty count, too", () =>
  converse(5, {}, async ({ broker }) => {
    const userProperties = Array.from({ length: 1_000 }, (): [string, string] => ["", ""]);
    await broker.publish("r", "1", { retain: true, properties: { userProperties } });
    assertGreater(broker.metrics.retainedBytes, 50_000);
  }));

Deno.test("RetainedMessages count what the levels of their topics hold", () => {
  const retained = new RetainedMessages();
  const topicOf = (index: number) => Array.from({ length: 100 }, (_, level) => `${index}-${level}`).join("/");
  const before = collectedHeapBytes();
  for (let index = 0; index < 300; index++) retained.set(message(topicOf(index)));
  const grown = collectedHeapBytes() - before;
  assertLess(grown, retained.bytes * 1.5);
  assertLess(retained.bytes, grown * 1.5);
  for (let index = 0; index < 300; index++) assert(retained.delete(topicOf(index)));
  assertEquals([retained.bytes, retained.count], [0, 0]);
});

Deno.test("RetainedMessages count long names and many rights of a publisher, and forget them with its message", () => {
  const retained = new RetainedMessages();
  const source = { principal: "p".repeat(60_000), roles: ["r".repeat(1_000)], grants: [], listener: undefined };
  const growth = retained.growthWith(message("a"), source);
  retained.set(message("a"), source);
  assertEquals(retained.bytes, growth);
  assertGreater(growth, 60_000);
  assertLess(growth, 62_000);
  retained.set(message("a"), { ...source, principal: "ann", roles: [] });
  assertLess(retained.bytes, 1_000);
  assert(retained.delete("a"));
  assertEquals(retained.bytes, 0);
});

Deno.test("RetainedMessages foretell what one more holds, with levels that are there already", () => {
  const retained = new RetainedMessages();
  for (const topic of ["a/b/c", "a/b/d", "a", "a/b/c", "e/f", "a/b", ""]) {
    const { bytes } = retained;
    const growth = retained.growthWith(message(topic));
    retained.set(message(topic));
    assertEquals(retained.bytes - bytes, growth, topic);
  }
  for (const topic of ["a", "a/b/c", "", "a/b", "e/f", "a/b/d"]) assert(retained.delete(topic));
  assertEquals(retained.bytes, 0);
});

Deno.test("A retained message whose levels are too much for maximumRetainedBytes is refused", () =>
  converse(5, { limits: { maximumRetainedBytes: 5_000 } }, (conversation) =>
    conversation.run(
      "p connects",
      `p > 33 [ '${"a/".repeat(30)}' 0001 {} "1" ]`,
      "p < 40 [ 0001 97 ]",
      ({ broker }) => assertEquals(broker.metrics.retainedMessages, 0),
    )));

Deno.test("SUBSCRIBE with the same Topic Filter again and again holds a number for its retained messages", () =>
  converse(4, { limits: { maximumInflight: 1 } }, async (conversation) => {
    const { broker } = conversation;
    for (const payload of ["1", "2"]) await broker.publish(`r/${payload}`, payload, { qos: 1, retain: true });
    await conversation.run(
      "s connects",
      "s > 82 [ 0001 'r/#' 01 ]",
      "s < 90 [ 0001 01 ] 33 [ 'r/1' 0001 \"1\" ]",
    );
    const times = 20_000;
    const before = collectedHeapBytes();
    for (const identifier of ["0002", "0003"]) {
      conversation.client("s").send(conversation.bytes(`82 [ ${identifier} ${"'r/#' 01".repeat(times)} ]`));
      await conversation.client("s").expect(conversation.bytes(`90 [ ${identifier} ${"01".repeat(times)} ]`));
    }
    assertLess(collectedHeapBytes() - before, 5_000_000);
    await conversation.run(
      "s > 40 [ 0001 ]",
      "s < 33 [ 'r/2' 0002 \"2\" ]",
      "s > 40 [ 0002 ]",
      "s < 33 [ 'r/1' 0003 \"1\" ]", // The first of 40,000 times more.
      "s > a2 [ 0004 'r/#' ]",
      "s < b0 [ 0004 ]",
      "s > 40 [ 0003 ]",
    );
  }));

conversationTests([
  {
    name: "PUBLISH is not sent again behind the PUBREL of its message [MQTT-4.3.3-6]",
    versions: [5],
    steps: [
      "s connects durable",
      "s > 82 [ 0001 [] 'x' 02 ]",
      "s < 90 [ 0001 [] 02 ]",
      "p connects",
      "p > 34 [ 'x' 0001 [] \"1\" ] 62 [ 0001 ] 34 [ 'x' 0002 [] \"2\" ] 62 [ 0002 ]",
      "p < 50 [ 0001 ] 70 [ 0001 ] 50 [ 0002 ] 70 [ 0002 ]",
      "s < 34 [ 'x' 0001 [] \"1\" ] 34 [ 'x' 0002 [] \"2\" ]",
      "s drops",
      "s > 10 [ @ 00 0000 [ 11 00000e10 21 0001 ] 's' ]", // Receive Maximum 1
      "s < 20 [ 01 00 { LIMITS } ] 3c [ 'x' 0001 [] \"1\" ]",
      "s > 50 [ 0002 ]",
      "s < 62 [ 0002 ]",
      "s > 50 [ 0001 ]",
      "s < 62 [ 0001 ]",
      "s > 70 [ 0001 ]",
      "s quiet",
      "s > 70 [ 0002 ]",
      "s quiet",
    ],
  },
  {
    name: "A Shared Subscription prefers a member that can take a message at once (section 4.8.2)",
    versions: [4, 5],
    limits: { maximumInflight: 2, maximumQueuedMessages: 1 },
    steps: [
      "s connects",
      "s > 82 [ 0001 {} '$share/g/x' 01 ]",
      "s < 90 [ 0001 {} 01 ]",
      "t connects",
      "t > 82 [ 0001 {} '$share/g/x' 01 ]",
      "t < 90 [ 0001 {} 01 ]",
      "p connects",
      ...Array.from({ length: 10 }, (_, index) => {
        const payload = `"${index}"`;
        const publish = [`p > 32 [ 'x' 0001 {} ${payload} ]`, "p < 40 [ 0001 ]"];
        // The first one never acknowledges, and has two.
        if (index === 0 || index === 2) return [...publish, `s < 32 [ 'x' 000${index / 2 + 1} {} ${payload} ]`];
        const identifier = index < 3 ? 1 : index - 1;
        return [...publish, `t < 32 [ 'x' 000${identifier} {} ${payload} ]`, `t > 40 [ 000${identifier} ]`];
      }).flat(),
      ({ broker }) => assertEquals(broker.metrics.dropped.queueFull, 0),
      "s > 40 [ 0001 ]",
      "s quiet",
    ],
  },
  {
    name: "$SYS itself is published to by nobody but the server (section 4.7.2)",
    versions: [4, 5],
    steps: [
      "s connects",
      "s > 82 [ 0001 {} '$SYS' 00 '$SYS/#' 00 ]",
      "s < 90 [ 0001 {} 00 00 ]",
      "p connects",
      "p > 33 [ '$SYS' 0001 {} \"1\" ] 31 [ '$SYS' {} \"2\" ] 35 [ '$SYS' 0002 {} \"3\" ]",
      "p < 40 [ 0001 <87> ] 50 [ 0002 <87> ]",
      "s quiet",
      ({ broker }) => assertEquals(broker.metrics.retainedMessages, 0),
    ],
  },
  {
    name: "CONNECT larger than maximumConnectBytes ends the connection before all of it has come",
    versions: [4, 5],
    limits: { maximumConnectBytes: 1_000 },
    steps: [
      "a > 10 e907", // 1,001 bytes to come
      "a closed",
      "b > 10",
      "b > ff",
      "b > ffff7f",
      "b closed",
    ],
  },
  {
    name: "CONNECT of maximumConnectBytes is accepted, and larger packets behind it are",
    versions: [4, 5],
    limits: { maximumConnectBytes: 1_000 },
    steps: [
      (conversation) => {
        const password = 1_000 - conversation.bytes("10 [ @ c2 0000 {} 'a' 'u' '' ]").length - 1;
        return conversation.run(`a > 10 [ @ c2 0000 {} 'a' 'u' '${"p".repeat(password)}' ]`);
      },
      "a < 20 [ 00 00 { LIMITS } ]",
      `a > 32 [ 'x' 0001 {} "${"p".repeat(2_000)}" ]`,
      "a < 40 [ 0001 <10> ]",
    ],
  },
]);

Deno.test("A payload belongs to the broker when it is published, also one of a Node.js Buffer", () =>
  converse(4, {}, async ({ broker }) => {
    await using before = broker.subscribe("x");
    const payload = Buffer.from("hello");
    await broker.publish("x", payload, { retain: true });
    payload.fill("X");
    await using after = broker.subscribe("x");
    for (const reader of [before, after]) {
      const { value } = await reader.next();
      assertEquals(new TextDecoder().decode(value?.payload), "hello");
    }
  }));

Deno.test("Broker.subscribe throws when the broker is closed, and for a bound that is none", async () => {
  const broker = await Broker.open();
  for (const maximumMessages of [NaN, 0, -1, 1.5, -Infinity]) {
    assertThrows(() => broker.subscribe("x", { maximumMessages }), RangeError, "maximumMessages");
  }
  for (const maximumMessages of [1, Infinity]) await broker.subscribe("x", { maximumMessages }).unsubscribe();
  const closing = broker.close();
  assertThrows(() => broker.subscribe("x"), TypeError, "closed");
  await closing;
  assertThrows(() => broker.subscribe("x"), TypeError, "closed");
});

Deno.test("Messages that are dropped are told by an event, every 10 s at most", async () => {
  const events: BrokerEvent[] = [];
  const onEvent = (event: BrokerEvent) => {
    if (event.kind === "messagesDropped") events.push(event);
  };
  await converse(5, { onEvent, limits: { maximumQueuedMessages: 1 } }, async (conversation) => {
    const publish = async (count: number) => {
      for (let at = 0; at < count; at++) await conversation.broker.publish("x", "", { qos: 1 });
    };
    await conversation.run("s connects durable", "s > 82 [ 0001 [] 'x' 01 ]", "s < 90 [ 0001 [] 01 ]", "s drops");
    await conversation.run("10 s pass", "10 s pass");
    assertEquals(events, []);
    await publish(4);
    await conversation.run("10 s pass");
    const none = { qos0: 0, tooLarge: 0, expired: 0 };
    assertEquals(events, [{ kind: "messagesDropped", queueFull: 3, ...none }]);
    await publish(1);
    await conversation.run("4 s pass");
    await publish(1);
    await conversation.run("4 s pass");
    assertEquals(events.length, 1);
    await conversation.run("2 s pass");
    assertEquals(events[1], { kind: "messagesDropped", queueFull: 2, ...none });
    await conversation.run("10 s pass");
    assertEquals(events.length, 2);
  });
});

function message(topic: string): ApplicationMessage {
  const packet = { topic, payload: Uint8Array.of(1), qos: 0, retain: true, properties: {} } as const;
  return new ApplicationMessage(packet, undefined, 0);
}

async function readBytes(readable: ReadableStream<Uint8Array>, length: number): Promise<Uint8Array> {
  const received = new Uint8Array(length);
  const reader = readable.getReader();
  for (let at = 0; at < length;) {
    const { value } = await reader.read();
    if (value === undefined) throw new Error(`The end came after ${at} of ${length} bytes`);
    received.set(value, at);
    at += value.length;
  }
  reader.releaseLock();
  return received;
}
