/** A client that is connected and reads more slowly than its messages are published: what waits for it, and who waits. */

import { assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { type BrokerEvent, memoryTransport, type QoS } from "../../mod.ts";
import { encodePacket, type Packet, PacketDecoder, type ProtocolVersion } from "../../src/codec/mod.ts";
import { within } from "../deadline.ts";
import { type Conversation, converse } from "../wire/conversation.ts";

const PAYLOAD_BYTES = 10_000;
/** Small ones that fill soon, of which half is 100,000 bytes. */
const LIMITS = { maximumOutboxBytes: 20_000, maximumQueuedBytes: 20_000, maximumBacklogBytes: 200_000 };
const BURST = 100;
const NOTHING_DROPPED = { qos0: 0, queueFull: 0, tooLarge: 0, expired: 0 };

for (const version of [4, 5] as const) {
  for (const qos of [0, 1, 2] as const) {
    Deno.test(`A burst with QoS ${qos} waits for a client that reads nothing for 2 s v${version}`, () =>
      converse(version, { limits: { ...LIMITS, maximumBacklogBytes: 2_000_000 } }, async (conversation) => {
        const reader = await Talker.subscriber(conversation, "s", qos);
        for (let number = 0; number < BURST; number++) await publishOwn(conversation, number, qos);
        conversation.pass(2_000);
        assertEquals(conversation.broker.metrics.dropped, NOTHING_DROPPED);
        assertGreater(conversation.broker.metrics.backlogBytes, 900_000);
        assertEquals(await reader.numbers(BURST), numbersTo(BURST));
        assertEquals(conversation.broker.metrics.backlogBytes, 0);
        await reader.leave();
      }));
  }
}

Deno.test("Messages of QoS 0 and 1 that wait leave in turns, each in its order", () =>
  converse(4, { limits: LIMITS }, async (conversation) => {
    const reader = await Talker.subscriber(conversation, "s", 1);
    for (let number = 0; number < 12; number++) await publishOwn(conversation, number, number < 6 ? 0 : 1);
    const numbers = await reader.numbers(12);
    assertEquals(numbers.filter((number) => number < 6), numbersTo(6));
    assertEquals(numbers.filter((number) => number >= 6), numbersTo(12).slice(6));
    assertLess(numbers.indexOf(6), numbers.indexOf(5));
    await reader.leave();
  }));

Deno.test("A message with QoS 0 that expires while it waits is not sent [MQTT-3.3.2-5]", () =>
  converse(5, { limits: LIMITS }, async (conversation) => {
    const reader = await Talker.subscriber(conversation, "s", 0);
    for (let number = 0; number < 8; number++) await publishOwn(conversation, number, 0);
    const properties = { messageExpiryInterval: 1 };
    await conversation.broker.publish("x", payloadOf(8), { properties });
    await publishOwn(conversation, 9, 0);
    conversation.pass(1_000);
    assertEquals(await reader.numbers(9), [...numbersTo(8), 9]);
    assertEquals(conversation.broker.metrics.dropped, { ...NOTHING_DROPPED, expired: 1 });
    await reader.leave();
  }));

const STUCK = [
  { qos: 0, limit: "maximumOutboxBytes", dropped: { ...NOTHING_DROPPED, qos0: 1 } },
  { qos: 1, limit: "maximumQueuedBytes", dropped: { ...NOTHING_DROPPED, queueFull: 1 } },
] as const;
for (const { qos, limit, dropped } of STUCK) {
  Deno.test(`A client that has taken nothing for a tenth of writeTimeoutMs has no backlog with QoS ${qos}`, async () => {
    const events: BrokerEvent[] = [];
    await converse(4, { limits: LIMITS, onEvent: tellDrops(events) }, async (conversation) => {
      const { broker } = conversation;
      const reader = await Talker.subscriber(conversation, "s", qos);
      for (let number = 0; number < 8; number++) await publishOwn(conversation, number, qos);
      conversation.pass(2_999);
      await publishOwn(conversation, 8, qos);
      assertEquals(broker.metrics.dropped, NOTHING_DROPPED);
      conversation.pass(1);
      await publishOwn(conversation, 9, qos);
      assertEquals(broker.metrics.dropped, dropped);
      assertEquals(events, [{ kind: "clientBehind", clientId: "s", isConnected: true, limit, value: 20_000 }]);
      await publishOwn(conversation, 9, qos);
      assertEquals(events.length, 1); // Told once.
      assertEquals(await reader.numbers(9), numbersTo(9));
      await publishOwn(conversation, 9, qos); // It takes again what it gets.
      assertEquals(await reader.numbers(1), [9]);
      await reader.leave();
      assertEquals(broker.metrics.backlogBytes, 0);
    });
  });
}

Deno.test("What waits for a client is bounded by maximumBacklogBytes, which an event tells", async () => {
  const events: BrokerEvent[] = [];
  const limits = { ...LIMITS, maximumBacklogBytes: 100_000, maximumBacklogWaitMs: 0 };
  await converse(4, { limits, onEvent: tellDrops(events) }, async (conversation) => {
    const reader = await Talker.subscriber(conversation, "s", 0);
    for (let number = 0; number < 30; number++) await publishOwn(conversation, number, 0);
    const { backlogBytes, dropped } = conversation.broker.metrics;
    assertLess(backlogBytes, 100_000);
    assertGreater(backlogBytes, 80_000);
    assertGreater(dropped.qos0, 10);
    const facts = { limit: "maximumBacklogBytes", value: 100_000 } as const;
    assertEquals(events, [{ kind: "clientBehind", clientId: "s", isConnected: true, ...facts }]);
    await reader.leave();
    assertEquals(conversation.broker.metrics.backlogBytes, 0);
  });
});

Deno.test("A message that waits for many counts once for maximumTotalBacklogBytes, which bounds all", async () => {
  const events: BrokerEvent[] = [];
  const limits = { ...LIMITS, maximumTotalBacklogBytes: 100_000, maximumBacklogWaitMs: 0 };
  await converse(4, { limits, onEvent: tellDrops(events) }, async (conversation) => {
    const readers = [];
    for (let index = 0; index < 10; index++) readers.push(await Talker.subscriber(conversation, `s${index}`, 0));
    for (let number = 0; number < 10; number++) await publishOwn(conversation, number, 0);
    assertEquals(conversation.broker.metrics.dropped, NOTHING_DROPPED);
    for (let number = 0; number < 10; number++) await publishOwn(conversation, number, 0);
    assertGreater(conversation.broker.metrics.dropped.qos0, 10);
    for (const event of events) assertEquals("limit" in event && event.limit, "maximumTotalBacklogBytes");
    for (const reader of readers) await reader.leave();
    assertEquals(conversation.broker.metrics.backlogBytes, 0);
  });
});

Deno.test("A session without connection that is full is told once, with its limit, until its client is back", async () => {
  const events: BrokerEvent[] = [];
  await converse(5, { limits: { maximumQueuedMessages: 1 }, onEvent: tellDrops(events) }, async (conversation) => {
    await conversation.run("s connects durable", "s > 82 [ 0001 [] 'x' 01 ]", "s < 90 [ 0001 [] 01 ]", "s drops");
    for (let number = 0; number < 3; number++) await conversation.broker.publish("x", "", { qos: 1 });
    const facts = { limit: "maximumQueuedMessages", value: 1 } as const;
    assertEquals(events, [{ kind: "clientBehind", clientId: "s", isConnected: false, ...facts }]);
    await conversation.run("s2 resumes", "s2 < 32 [ 'x' 0001 [] ]", "s2 > 40 [ 0001 ]", "s2 quiet", "s2 drops");
    for (let number = 0; number < 3; number++) await conversation.broker.publish("x", "", { qos: 1 });
    assertEquals(events.length, 2);
  });
});

/** How many of these fit: one that is written, two in the outbox, and more than half of maximumBacklogBytes. */
const TAKEN = 13;
const SENT = 16;

for (const version of [4, 5] as const) {
  for (const qos of [0, 1, 2] as const) {
    Deno.test(`A publisher with QoS ${qos} waits for a client that is far behind, and others do not v${version}`, () =>
      converse(version, { limits: LIMITS }, async (conversation) => {
        const reader = await Talker.subscriber(conversation, "s", qos);
        const publisher = await Talker.connect(conversation, "p", { reads: true });
        publisher.publish(SENT, qos);
        await publisher.hasPublished(TAKEN);
        assertEquals(publisher.acknowledged, qos > 0 ? TAKEN : 0);
        await conversation.run("w connects", "w > 30 [ 'x/y' {} ]", "w quiet");
        conversation.pass(100);
        await publisher.hasPublished(TAKEN);
        assertEquals(await reader.numbers(8), numbersTo(8));
        await publisher.hasPublished(TAKEN);
        conversation.pass(100);
        await publisher.hasPublished(SENT);
        assertEquals(await reader.numbers(8), numbersTo(SENT).slice(8));
        assertEquals(conversation.broker.metrics.dropped, NOTHING_DROPPED);
        await leave(reader, publisher);
      }));
  }
}

Deno.test("Publishers wait for nobody who has taken nothing for a second", () =>
  converse(4, { limits: LIMITS }, async (conversation) => {
    const reader = await Talker.subscriber(conversation, "s", 1);
    const publisher = await Talker.connect(conversation, "p", { reads: true });
    publisher.publish(SENT, 1);
    await publisher.hasPublished(TAKEN);
    conversation.pass(999);
    await publisher.hasPublished(TAKEN);
    conversation.pass(1);
    await publisher.hasPublished(SENT);
    assertEquals(await reader.numbers(SENT), numbersTo(SENT));
    await leave(reader, publisher);
  }));

Deno.test("Publishers wait for a client for maximumBacklogWaitMs, and then again when it has caught up", () =>
  converse(4, { limits: { ...LIMITS, maximumBacklogWaitMs: 1_500 } }, async (conversation) => {
    const reader = await Talker.subscriber(conversation, "s", 1);
    const publisher = await Talker.connect(conversation, "p", { reads: true });
    publisher.publish(30, 1);
    await publisher.hasPublished(TAKEN);
    for (let number = 0; number < 14; number++) {
      conversation.pass(100);
      assertEquals(await reader.numbers(1), [number]); // It takes one in 100 ms: as many more are published.
    }
    const acknowledged = publisher.acknowledged;
    assertLess(acknowledged, 30);
    conversation.pass(100);
    await publisher.hasPublished(30);
    assertEquals(await reader.numbers(30 - 14), numbersTo(30).slice(14));
    publisher.publish(SENT, 1);
    await publisher.hasPublished(30 + TAKEN);
    await reader.leave();
    conversation.pass(100);
    await publisher.leave();
  }));

Deno.test("A publisher whose transport takes all that comes waits for nobody", () =>
  converse(4, { limits: LIMITS }, async (conversation) => {
    const reader = await Talker.subscriber(conversation, "s", 1);
    const publisher = await Talker.connect(conversation, "p", { reads: true, readsAhead: true });
    publisher.publish(SENT, 1);
    await publisher.hasPublished(SENT);
    await leave(reader, publisher);
  }));

Deno.test("A publisher that waits for a client goes on when that is gone", () =>
  converse(4, { limits: LIMITS }, async (conversation) => {
    const reader = await Talker.subscriber(conversation, "s", 1);
    const publisher = await Talker.connect(conversation, "p", { reads: true });
    publisher.publish(SENT, 1);
    await publisher.hasPublished(TAKEN);
    await reader.leave();
    conversation.pass(100);
    await publisher.hasPublished(SENT);
    assertEquals(conversation.broker.metrics.backlogBytes, 0);
    await publisher.leave();
  }));

Deno.test("A client waits neither for itself nor for a member of a Shared Subscription that gets nothing", () =>
  converse(5, { limits: LIMITS }, async (conversation) => {
    const own = await Talker.subscriber(conversation, "own", 1, { receiveMaximum: 1 });
    own.publish(SENT, 1);
    const first = await Talker.subscriber(conversation, "first", 1, { topicFilter: "$share/g/y" });
    const second = await Talker.subscriber(conversation, "second", 1, { topicFilter: "$share/g/y", reads: true });
    const publisher = await Talker.connect(conversation, "p", { reads: true });
    publisher.publish(SENT, 1, "y");
    await publisher.hasPublished(SENT);
    assertEquals(await own.numbers(SENT), numbersTo(SENT));
    await leave(own, first, second, publisher);
  }));

Deno.test("broker.publish() waits too, in order, and goes on when the broker closes", async () => {
  await converse(4, { limits: LIMITS }, async (conversation) => {
    const { broker } = conversation;
    const reader = await Talker.subscriber(conversation, "s", 0);
    const published: number[] = [];
    const publishing = numbersTo(SENT).map(async (number) => {
      await publishOwn(conversation, number, 0);
      published.push(number);
    });
    const other = broker.publish("x/y", ""); // Behind the others, as they were called.
    await settled();
    assertEquals(published, numbersTo(TAKEN + 1)); // Two of a turn leave in one write.
    assertEquals(await reader.numbers(8), numbersTo(8));
    conversation.pass(100);
    await Promise.all(publishing);
    await other;
    assertEquals(published, numbersTo(SENT));
    assertEquals(await reader.numbers(8), numbersTo(SENT).slice(8));

    const late = Promise.all(numbersTo(SENT).map((number) => publishOwn(conversation, number, 0)));
    const closing = broker.close();
    await reader.leave();
    await within(late, "broker.publish()");
    await closing;
  });
});

Deno.test("a signal takes back a message of broker.publish() that waits for a client that is far behind", async () => {
  await converse(4, { limits: LIMITS }, async (conversation) => {
    const reader = await Talker.subscriber(conversation, "s", 0);
    const publishing = numbersTo(SENT).map((number) => publishOwn(conversation, number, 0));
    const stop = new AbortController();
    const takenBack = conversation.broker.publish("x", payloadOf(99), { signal: stop.signal });
    await settled();
    stop.abort(new Error("enough"));
    await assertRejects(() => within(takenBack, "the reason"), Error, "enough");
    assertEquals(await reader.numbers(8), numbersTo(8));
    conversation.pass(100);
    await Promise.all(publishing);
    assertEquals(await reader.numbers(8), numbersTo(SENT).slice(8));
    await publishOwn(conversation, 17, 0);
    assertEquals(await reader.numbers(1), [17]);
    await reader.leave();
  });
});

/** Tells of the events that say whom messages are dropped for. */
function tellDrops(events: BrokerEvent[]): (event: BrokerEvent) => void {
  return (event) => {
    if (event.kind === "clientBehind") events.push(event);
  };
}

async function publishOwn({ broker }: Conversation, number: number, qos: QoS): Promise<void> {
  await broker.publish("x", payloadOf(number), { qos });
}

function payloadOf(number: number): Uint8Array {
  return new Uint8Array(PAYLOAD_BYTES).fill(number);
}

/** 0 and what follows. */
function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number);
}

/** All that can be done without anybody reading or time passing is done. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

async function leave(...clients: readonly { leave(): Promise<void> }[]): Promise<void> {
  for (const client of clients) await client.leave();
}

interface Options {
  readonly receiveMaximum?: number;
  /** Whether it takes all that comes, and at once. */
  readonly reads?: boolean;
  /** As that of its transport. */
  readonly readsAhead?: boolean;
}

/** A client on a transport that holds one chunk; it reads when it is told to, unless it reads all. */
class Talker {
  /** PINGRESPs that came: one for each message that was taken. */
  answered = 0;
  /** PUBACKs and PUBRECs that came. */
  acknowledged = 0;
  readonly #version: ProtocolVersion;
  readonly #pair = memoryTransport(1);
  readonly #writer = this.#pair.client.writable.getWriter();
  readonly #reader = this.#pair.client.readable.getReader();
  readonly #decoder: PacketDecoder;
  readonly #served: Promise<void>;
  #reading: Promise<void> | undefined;
  #packets: Packet[] = [];
  #identifier = 0;

  private constructor({ broker, version }: Conversation, readsAhead: boolean) {
    this.#version = version;
    this.#decoder = new PacketDecoder({ protocolVersion: version });
    this.#writer.closed.catch(() => {}); // The broker may close first.
    this.#served = broker.serve({ ...this.#pair.server, readsAhead });
  }

  static async connect(conversation: Conversation, clientId: string, options: Options = {}): Promise<Talker> {
    const { receiveMaximum, reads = false, readsAhead = false } = options;
    const talker = new Talker(conversation, readsAhead);
    talker.#send({
      type: "connect",
      protocolVersion: conversation.version,
      isBridge: false,
      cleanStart: true,
      keepAliveSeconds: 0,
      properties: receiveMaximum === undefined ? {} : { receiveMaximum },
      clientId,
      will: undefined,
      userName: undefined,
      password: undefined,
    });
    assertEquals((await talker.next()).type, "connack");
    if (reads) talker.#reading = talker.#readAll();
    return talker;
  }

  /** One that has subscribed to "x", or to something else. */
  static async subscriber(
    conversation: Conversation,
    clientId: string,
    qos: QoS,
    { topicFilter = "x", ...options }: Options & { readonly topicFilter?: string } = {},
  ): Promise<Talker> {
    const talker = await Talker.connect(conversation, clientId, options);
    const subscription = { topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    talker.#send({ type: "subscribe", packetIdentifier: 1, subscriptions: [subscription], properties: {} });
    if (options.reads !== true) assertEquals((await talker.next()).type, "suback");
    return talker;
  }

  /** Publishes as many, and asks behind each whether it was taken. */
  publish(count: number, qos: QoS, topic = "x"): void {
    for (let number = 0; number < count; number++) {
      const packetIdentifier = qos === 0 ? 0 : ++this.#identifier;
      const flags = { dup: false, qos, retain: false } as const;
      const payload = payloadOf(number);
      this.#send({ type: "publish", ...flags, topic, packetIdentifier, properties: {}, payload }, { type: "pingreq" });
    }
  }

  /** So many messages were taken, and no more will be while nothing changes. */
  async hasPublished(count: number): Promise<void> {
    await settled();
    assertEquals(this.answered, count);
  }

  /** The next packet; a message is acknowledged. */
  async next(): Promise<Packet> {
    for (;;) {
      const packet = this.#packets.shift();
      if (packet !== undefined) return packet;
      const { value } = await within(this.#reader.read(), "something to read");
      if (value === undefined) throw new Error("The connection ended");
      for (const item of this.#decoder.decode(value)) {
        if (item.type === "malformed") throw item.error;
        this.#packets.push(item);
        this.#acknowledge(item);
      }
    }
  }

  /** The numbers of the messages that come next. */
  async numbers(count: number): Promise<number[]> {
    const numbers: number[] = [];
    while (numbers.length < count) {
      const packet = await this.next();
      if (packet.type === "publish") numbers.push(packet.payload[0] ?? -1);
    }
    return numbers;
  }

  async leave(): Promise<void> {
    this.#pair.client.close();
    await within(Promise.all([this.#served, this.#reading]), "the broker still serves the connection");
  }

  #acknowledge(packet: Packet): void {
    switch (packet.type) {
      case "publish": {
        const { qos, packetIdentifier } = packet;
        const type = qos === 1 ? "puback" : "pubrec";
        if (qos > 0) this.#send({ type, packetIdentifier, reasonCode: 0, properties: {} });
        return;
      }
      case "pubrel":
        this.#send({ type: "pubcomp", packetIdentifier: packet.packetIdentifier, reasonCode: 0, properties: {} });
        return;
      case "pingresp":
        this.answered += 1;
        return;
      case "puback":
      case "pubrec":
        this.acknowledged += 1;
    }
  }

  async #readAll(): Promise<void> {
    try {
      for (;;) await this.next();
    } catch {
      // It has left.
    }
  }

  #send(...packets: readonly Packet[]): void {
    // A write that fails shows in what comes back.
    for (const packet of packets) this.#writer.write(encodePacket(packet, this.#version)).catch(() => {});
  }
}
