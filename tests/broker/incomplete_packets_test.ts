/** Large packets that come slowly, from many clients at once. */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { type BrokerOptions, memoryTransport } from "../../mod.ts";
import { encodePacket } from "../../src/codec/encoder.ts";
import { NO_PROPERTIES } from "../../src/codec/property.ts";
import { IncompletePackets } from "../../src/broker/connection/incomplete_packets.ts";
import { Deadlines } from "../../src/broker/deadlines.ts";
import { limitsWith } from "../../src/protocol/limit_table.ts";
import { fromHex } from "../codec/hex.ts";
import { type Conversation, converse } from "../wire/conversation.ts";

const PAYLOAD_BYTES = 400_000;
const HALF_BYTES = 200_000;
const T_MS = 30_000;
const SYS_INTERVAL_MS = 1_000;
const LIMITS: BrokerOptions["limits"] = { maximumIncompletePacketBytes: 500_000 };

Deno.test("Beyond maximumIncompletePacketBytes the oldest packet is read on, the others in turn, and none is lost", () =>
  converse(5, { limits: LIMITS }, async (conversation) => {
    await conversation.run("s connects", "s > 82 [ 0001 [] '#' 00 ]", "s < 90 [ 0001 [] 00 ]");
    const names = ["a", "b", "c", "d"];
    for (const name of names) await beginPublish(conversation, name);
    // A small packet goes through meanwhile, also in pieces.
    await conversation.run("e connects", "e > 30 [ 'x' [] 'hi' ] c0 00", "e < d0 00", "s < 30 [ 'x' [] 'hi' ]");
    for (const name of names.toReversed()) conversation.client(name).send(publish(name).subarray(HALF_BYTES));
    for (const name of names) await conversation.client("s").expect(publish(name));
    await conversation.run(...names.map((name) => `${name} quiet`));
  }));

Deno.test("A packet that keeps the room that others wait for ends its connection with 0x97 after writeTimeoutMs", () =>
  converse(5, { limits: LIMITS }, async (conversation) => {
    await conversation.run("s connects", "s > 82 [ 0001 [] '#' 00 ]", "s < 90 [ 0001 [] 00 ]");
    await beginPublish(conversation, "slow");
    await beginPublish(conversation, "b");
    conversation.client("b").send(publish("b").subarray(HALF_BYTES));
    conversation.pass(T_MS - 1);
    await conversation.run("s quiet");
    assertEquals([conversation.client("slow").unread.length, conversation.broker.metrics.connections], [0, 3]);
    conversation.pass(1);
    await conversation.run("slow told e0 97");
    await conversation.client("s").expect(publish("b"));
    await conversation.run("b quiet");
  }));

Deno.test("A packet that is alone, or finds room, may come as slowly as it likes", () =>
  converse(5, { limits: { maximumIncompletePacketBytes: 0 } }, async (conversation) => {
    await conversation.run("s connects", "s > 82 [ 0001 [] '#' 00 ]", "s < 90 [ 0001 [] 00 ]");
    await beginPublish(conversation, "a");
    conversation.pass(10 * T_MS);
    await conversation.run("s quiet");
    conversation.client("a").send(publish("a").subarray(HALF_BYTES));
    await conversation.client("s").expect(publish("a"));
  }));

Deno.test("A client that leaves within a large packet makes room for the others", () =>
  converse(5, { limits: LIMITS }, async (conversation) => {
    await conversation.run("s connects", "s > 82 [ 0001 [] '#' 00 ]", "s < 90 [ 0001 [] 00 ]");
    await beginPublish(conversation, "a");
    await beginPublish(conversation, "b");
    conversation.client("b").send(publish("b").subarray(HALF_BYTES));
    await conversation.run("s quiet", "a drops");
    await conversation.client("s").expect(publish("b"));
  }));

Deno.test("What 100 clients send of packets of 16 MiB is not read beyond the bound, and they are gone in time", () =>
  converse(
    5,
    { limits: { maximumIncompletePacketBytes: 4_000_000 }, sysIntervalMs: SYS_INTERVAL_MS },
    async (conversation) => {
      const { broker } = conversation;
      const chunk = new Uint8Array(100_000);
      const connect = fromHex("10 0d 0004 4d515454 05 02 0000 00 0000");
      const served: Promise<void>[] = [];
      const closers: (() => void)[] = [];
      for (let index = 0; index < 100; index++) {
        const { client, server } = memoryTransport();
        served.push(broker.serve(server));
        closers.push(() => client.close());
        client.readable.pipeTo(new WritableStream()).catch(() => {});
        const writer = client.writable.getWriter();
        const write = async () => {
          await writer.write(connect);
          await writer.write(fromHex("30 fb ff ff 07 0001 61 00")); // 16 MiB.
          for (let sent = 0; sent < 20; sent++) await writer.write(chunk);
        };
        write().catch(() => {}); // It is ended.
      }
      await conversation.run("a connects");
      const othersTurn = async () => { // Large chunks are decoded in later turns.
        await new Promise((resolve) => setTimeout(resolve, 0));
        await conversation.run("a quiet");
      };
      for (let round = 0; round < 50; round++) await othersTurn();
      // Each has sent a chunk before it is counted; the oldest comes through with its 2 MB.
      conversation.pass(SYS_INTERVAL_MS);
      await using received = broker.subscribe("$SYS/broker/bytes/received");
      const receivedBytes = Number((await received.next()).value?.text());
      assertGreater(receivedBytes, 4_000_000);
      assertLess(receivedBytes, 4_000_000 / 2 + 2_000_000 + 200 * chunk.length);
      for (let passedMs = 0; passedMs < 2.2 * T_MS; passedMs += 1_000) { // A longer step is a broker that stood still.
        conversation.pass(1_000);
        await othersTurn();
      }
      assertEquals(broker.metrics.connections, 1);
      for (const close of closers) close();
      await Promise.all(served);
    },
  ));

Deno.test("AUTH before CONNACK may be as large as CONNECT, not as any packet of a client that is let in", () => {
  const data = new Uint8Array(1);
  const method = { method: "M", begin: () => ({ next: () => ({ kind: "continue", data }) as const }) };
  return converse(5, { enhancedAuthenticators: [method] }, async (conversation) => {
    await conversation.run("a > 10 [ @ 02 0000 { 15 'M' } 'a' ]", "a < f0 [ 18 { 15 'M' 16 0001 00 } ]");
    conversation.client("a").send(fromHex("f0 80 80 40 18")); // 1 MiB.
    conversation.client("a").send(new Uint8Array(131_000));
    await conversation.run("b connects", "b quiet");
    conversation.client("a").send(new Uint8Array(200));
    await conversation.run("a told 20 00 95");
  });
});

Deno.test("IncompletePackets counts twice what has come, up to the largest packet, and nothing below 64 KiB", () => {
  const packets = new IncompletePackets(limitsWith({}), new Deadlines());
  const packet = packets.begin(() => {});
  for (
    const [bytes, counted] of [[65_536, 0], [65_537, 131_074], [600_000, 1_000_000], [100_000, 200_000], [
      0,
      0,
    ]] as const
  ) {
    assertEquals(packet.count(bytes, 1_000_000, 0), undefined);
    assertEquals([packets.bytes, packet.bytes], [counted, counted]);
  }
});

/** Connects a client that sends the first half of a large PUBLISH. */
async function beginPublish(conversation: Conversation, name: string): Promise<void> {
  await conversation.run(`${name} connects`);
  conversation.client(name).send(publish(name).subarray(0, HALF_BYTES));
  await conversation.run("s quiet");
}

function publish(topic: string): Uint8Array {
  const payload = new Uint8Array(PAYLOAD_BYTES).fill(topic.charCodeAt(0));
  const flags = { dup: false, qos: 0, retain: false, packetIdentifier: 0 } as const;
  return encodePacket({ type: "publish", topic, payload, properties: NO_PROPERTIES, ...flags }, 5);
}
