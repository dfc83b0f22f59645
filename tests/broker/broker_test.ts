/** Opening, closing, telling, and two brokers side by side. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Broker, type BrokerEvent, memoryTransport, type PacketEvent } from "../../mod.ts";
import { fromHex } from "../codec/hex.ts";
import { within } from "../deadline.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { Conversation, converse } from "../wire/conversation.ts";

Deno.test("broker.close() tells clients of MQTT 5 0x8B, publishes no Will, and closes the storage", async () => {
  const storage = new GatedStorage();
  const conversation = await Conversation.open(5, { storage });
  await conversation.run(
    "a > 10 [ @ 06 0000 {} 'a' {} 'w' 'gone' ]",
    "a < 20 [ 00 00 { LIMITS } ]",
    "b connects v4",
    "b > 82 [ 0001 'w' 00 ]",
    "b < 90 [ 0001 00 ]",
    "c > 10", // CONNECT is not complete.
    "b quiet",
  );
  const reader = conversation.broker.subscribe("#");
  const first = conversation.broker.close();
  const second = conversation.broker.close();
  await conversation.run("a told e0 8b", "b closed", "c closed");
  await within(Promise.all([first, second]), "the broker is not closed");
  assertEquals(storage.isClosed, true);
  assertEquals(conversation.broker.metrics.connections, 0);
  assertEquals(await reader.next(), { value: undefined, done: true });
  await conversation.broker.close();
});

Deno.test("broker.close() says what was not said yet, and keeps what was acknowledged", async () => {
  const storage = new GatedStorage();
  const conversation = await Conversation.open(5, { storage });
  await conversation.run("s connects durable", "s > 82 [ 0001 [] 'x' 01 ]", "s < 90 [ 0001 [] 01 ]", "s drops");
  await conversation.run("p connects");
  storage.isGated = true;
  await conversation.run("p > 32 [ 'x' 0001 [] \"1\" ]");
  const commit = await storage.nextCommit();
  const closed = conversation.broker.close();
  commit.keep();
  storage.open();
  await conversation.run("p < 40 [ 0001 ]", "p told e0 8b");
  await within(closed, "the broker is not closed");
});

Deno.test("What a client waits for reaches it also when it has said DISCONNECT in the meantime", async () => {
  const storage = new GatedStorage();
  const conversation = await Conversation.open(5, { storage });
  await conversation.run("s connects durable", "s > 82 [ 0001 [] 'x' 01 ]", "s < 90 [ 0001 [] 01 ]", "s drops");
  await conversation.run("p connects");
  storage.isGated = true;
  await conversation.run("p > 32 [ 'x' 0001 [] \"1\" ] e0 00");
  const commit = await storage.nextCommit();
  commit.keep();
  storage.open();
  await conversation.run("p < 40 [ 0001 ]", "p closed");
  await conversation.close();
});

Deno.test("A client that has said DISCONNECT and takes nothing of what waits for it is closed after 4 seconds", async () => {
  let nowMs = 1_000_000;
  await using broker = await Broker.open({ clock: () => nowMs });
  const { server, client } = memoryTransport(1);
  let isServed = false;
  const served = broker.serve(server).then(() => isServed = true);
  const writer = client.writable.getWriter();
  const bytes = "100d00044d5154540402000000016d" + "c000".repeat(3) + "e000";
  for (const packet of bytes.match(/10.{28}|c000|e000/g) ?? []) {
    await writer.write(fromHex(packet));
    await nextTurn();
  }
  nowMs += 3_999;
  broker.tick(nowMs);
  await nextTurn();
  assertEquals(isServed, false);
  nowMs += 1;
  broker.tick(nowMs);
  await within(served, "the connection does not end");
});

Deno.test("A broker that is closed takes no connection and no message", async () => {
  const events: BrokerEvent["kind"][] = [];
  const broker = await Broker.open({ onEvent: ({ kind }) => events.push(kind) });
  await broker.close();
  const { server, client } = memoryTransport();
  await broker.serve(server);
  assertEquals((await client.readable.getReader().read()).done, true);
  assertEquals(events, ["connectionOpened", "connectionRefused"]);
  await assertRejects(() => broker.publish("a", ""), TypeError);
});

Deno.test({
  name: "broker.close() of a broker with a clock of its own leaves no timer behind",
  sanitizeOps: true, // Also where nobody asks for it: without it, it would show nothing.
  sanitizeResources: true,
  fn: async () => {
    await using broker = await Broker.open();
    await broker.publish("a", "1", { retain: true, properties: { messageExpiryInterval: 1_000 } });
    const { server, client } = memoryTransport();
    const served = broker.serve(server); // It waits for CONNECT when the broker closes.
    await broker.close();
    client.close();
    await served;
  },
});

Deno.test("Two brokers in one process share nothing", () =>
  converse(5, {}, (one) =>
    converse(5, {}, async (other) => {
      await one.run("s connects durable", "s > 82 [ 0001 [] '#' 01 ]", "s < 90 [ 0001 [] 01 ]");
      await other.run("s connects durable", "p connects", "p > 33 [ 'x' 0001 [] \"1\" ]", "p < 40 [ 0001 10 ]");
      await one.broker.publish("y", "");
      await one.run("s < 30 [ 'y' [] ]");
      assertEquals(one.broker.metrics.retainedMessages, 0);
      assertEquals(other.broker.metrics.retainedMessages, 1);
      assertEquals([one.broker.metrics.sessions, other.broker.metrics.sessions], [1, 2]);
    })));

Deno.test("onEvent tells what becomes of a connection, and onPacket of every packet both ways", async () => {
  const told: string[] = [];
  await converse(5, {
    onEvent: (event) => {
      const clientId = "clientId" in event ? ` ${event.clientId}` : "";
      told.push(`${event.kind}${clientId}${event.kind === "connectionClosed" ? ` ${event.reasonCode}` : ""}`);
    },
    onPacket: ({ direction, clientId, packet }) => {
      const identifier = "packetIdentifier" in packet ? ` ${packet.packetIdentifier}` : "";
      told.push(`${direction} ${clientId} ${packet.type}${identifier}`);
    },
  }, async (conversation) => {
    await conversation.run(
      "a connects",
      "a > 82 [ 0001 [] 'x' 02 ] 34 [ 'x' 0007 [] ] 30 [ 'x' [] ] c0 00",
      "a < 90 [ 0001 [] 02 ] 50 [ 0007 ] 34 [ 'x' 0001 [] ] 30 [ 'x' [] ] d0 00",
      "a disconnects",
      "b > c0 00",
      "b closed",
    );
  });
  assertEquals(told, [
    "connectionOpened",
    "received  connect", // Whose it is, is known behind it.
    "clientConnected a",
    "sent a connack",
    "received a subscribe 1",
    "sent a suback 1",
    "received a publish 7",
    "sent a publish 1",
    "sent a pubrec 7",
    "received a publish 0",
    "sent a publish 0",
    "received a pingreq",
    "sent a pingresp",
    "received a disconnect",
    "connectionClosed a 0",
    "connectionOpened",
    "connectionClosed  130",
  ]);
});

Deno.test("Broker.reload() puts onPacket in force for connections that are there and for new ones, and takes it away", async () => {
  const told: string[] = [];
  const onPacket = ({ clientId, packet: { type } }: PacketEvent) => told.push(`${clientId} ${type}`);
  const ping = ["a > c0 00", "a < d0 00"] as const;
  await converse(5, {}, async (conversation) => {
    await conversation.run("a connects", ...ping);
    conversation.broker.reload({ onPacket });
    await conversation.run(...ping, "b connects");
    conversation.broker.reload({});
    await conversation.run(...ping, "b > c0 00", "b < d0 00", "c connects");
  });
  assertEquals(told, ["a pingreq", "a pingresp", " connect", "b connack"]);
});

Deno.test("What a peer does ends its own connection only", () =>
  converse(5, {}, async (conversation) => {
    await conversation.run("b connects");
    const broken = memoryTransport();
    const served = conversation.broker.serve({
      ...broken.server,
      readable: new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) }),
    });
    const failing = memoryTransport();
    const servedToo = conversation.broker.serve({
      ...failing.server,
      writable: new WritableStream({
        write() {
          throw new Error("reset");
        },
      }),
    });
    const writer = failing.client.writable.getWriter();
    writer.closed.catch(() => {}); // It breaks.
    await writer.write(conversation.bytes("10 [ @ 02 0000 {} 'f' ]"));
    await within(Promise.all([served, servedToo]), "a broken connection is still served");
    broken.client.close();
    failing.client.close();
    await conversation.run("b quiet");
    assert(conversation.errors.length === 0);
  }));

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
