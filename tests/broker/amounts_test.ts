/** Much of everything: nothing is lost, nothing is left behind. */

import { assertEquals, assertLess } from "@std/assert";
import { heapGrowthBytes } from "./collected_heap.ts";
import { converse, hexNumber } from "../wire/conversation.ts";

Deno.test("A client that never sends PUBCOMP cannot fill its session by coming back", () => {
  const limits = { maximumInflight: 2 };
  return converse(4, { limits }, async (conversation) => {
    await conversation.run("s connects durable", "s > 82 [ 0001 'x' 02 ]", "s < 90 [ 0001 02 ]", "p connects");
    let known: string[] = [];
    for (let count = 1; count <= 6; count++) {
      const identifier = count.toString(16).padStart(4, "0");
      await conversation.run(`p > 34 [ 'x' ${identifier} ] 62 [ ${identifier} ]`);
      await conversation.run(`p < 50 [ ${identifier} ] 70 [ ${identifier} ]`);
    }
    // Two are sent, and answered with PUBREC.
    await conversation.run("s < 34 [ 'x' 0001 ] 34 [ 'x' 0002 ]", "s > 50 [ 0001 ] 50 [ 0002 ]");
    await conversation.run("s < 62 [ 0001 ] 62 [ 0002 ]", "s drops");
    known = ["0001", "0002"];
    for (let count = 0; count < 3; count++) {
      await conversation.run(
        "s resumes",
        ...known.map((identifier) => `s < 62 [ ${identifier} ]`),
        "s quiet",
        "s drops",
      );
    }
    await conversation.run("s resumes", "s < 62 [ 0001 ] 62 [ 0002 ]", "s > 70 [ 0001 ]", "s < 34 [ 'x' 0003 ]");
    await conversation.run("s quiet");
  });
});

Deno.test("Packet Identifiers are never used twice at once, also when they begin anew [MQTT-2.2.1-4]", () =>
  converse(4, { limits: { maximumInflight: 65_535, maximumOutboxBytes: Infinity } }, async (conversation) => {
    const { broker } = conversation;
    await conversation.run("s connects", "s > 82 [ 0001 'x' 01 ]", "s < 90 [ 0001 01 ]");
    const client = conversation.client("s");
    await Promise.all(Array.from({ length: 65_535 }, () => broker.publish("x", "", { qos: 1 })));
    const expected = new Uint8Array(65_535 * 7);
    for (let identifier = 1; identifier <= 65_535; identifier++) {
      expected.set([0x32, 5, 0, 1, 0x78, identifier >> 8, identifier & 0xff], (identifier - 1) * 7);
    }
    await client.expect(expected);
    await broker.publish("x", "late", { qos: 1 });
    await conversation.run("s quiet", "s > 40 [ 3039 ]", "s < 32 [ 'x' 3039 \"late\" ]");
    client.isConnected = false;
  }));

Deno.test("A retained message that was replaced leaves nothing behind, its Message Expiry Interval included", () =>
  converse(5, {}, async ({ broker }) => {
    const replace = async () => {
      for (let count = 0; count < 5_000; count++) {
        const payload = new Uint8Array(1_000).fill(count);
        const properties = { messageExpiryInterval: 100_000 };
        await broker.publish("a", payload, { retain: true, properties });
      }
    };
    assertLess(await heapGrowthBytes(replace), 2_500_000); // Half of what all of them would take.
    assertEquals(broker.metrics.retainedBytes, 1_001 + 64 + 280); // With its properties and its level.
  }));

Deno.test("All retained messages come to a new subscription, however many they are", () =>
  converse(4, { limits: { maximumOutboxBytes: 65_536 } }, async (conversation) => {
    const count = 1_000;
    for (let index = 0; index < count; index++) {
      const payload = new Uint8Array(500);
      await conversation.broker.publish(`r/${index}`, payload, { qos: index % 2 as 0 | 1, retain: true });
    }
    await conversation.run("s connects", "s > 82 [ 0001 'r/+' 01 ]", "s < 90 [ 0001 01 ]");
    const client = conversation.client("s");
    for (let index = 0, identifier = 0; index < count; index++) {
      const isQos1 = index % 2 === 1;
      if (isQos1) identifier += 1;
      const packetIdentifier = isQos1 ? hexNumber(identifier, 2) : "";
      const head = conversation.bytes(
        `${isQos1 ? "33" : "31"} [ 'r/${index}' ${packetIdentifier} ${"00".repeat(500)} ]`,
      );
      await client.expect(head);
      if (isQos1) client.send(conversation.bytes(`40 [ ${packetIdentifier} ]`));
    }
    assertEquals(conversation.broker.metrics.dropped, { qos0: 0, queueFull: 0, tooLarge: 0, expired: 0 });
  }));

Deno.test("Messages with QoS 1 above maximumOutboxBytes wait and are all sent", () =>
  converse(4, { limits: { maximumOutboxBytes: 16_384, maximumInflight: 1_000 } }, async (conversation) => {
    await conversation.run("s connects", "s > 82 [ 0001 'x' 01 ]", "s < 90 [ 0001 01 ]");
    const published: Promise<void>[] = [];
    for (let index = 0; index < 500; index++) {
      published.push(conversation.broker.publish("x", new Uint8Array(1_000).fill(index), { qos: 1 }));
    }
    await Promise.all(published);
    for (let index = 0; index < 500; index++) {
      const payload = hexNumber(index & 0xff, 1).repeat(1_000);
      await conversation.client("s").expect(conversation.bytes(`32 [ 'x' ${hexNumber(index + 1, 2)} ${payload} ]`));
    }
  }));

Deno.test("Connections that come and go leave nothing behind", () =>
  converse(5, {}, async (conversation) => {
    const churn = async (round: number) => {
      for (let count = round * 500; count < (round + 1) * 500; count++) {
        await conversation.run(
          `a > 10 [ @ 06 000a { 22 0005 } 'c${count}' {} 'w' 'gone' ]`,
          "a < 20 [ 00 00 { LIMITS } ]",
          "a > 82 [ 0001 [] 't/+' 02 ] 34 [ 't/1' 0001 [ 23 0001 ] ] e0 00",
          "a < 90 [ 0001 [] 02 ] 50 [ 0001 ] 34 [ 't/1' 0001 [ 23 0001 ] ]",
          "a closed",
        );
      }
    };
    assertLess(await heapGrowthBytes(churn), 1_000_000); // 2,000 bytes for each would be as much.
    assertEquals([conversation.broker.metrics.sessions, conversation.broker.metrics.connections], [0, 0]);
  }));
