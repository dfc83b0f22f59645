import { assertEquals } from "@std/assert";
import type { ProtocolVersion, QoS } from "../../src/codec/packet.ts";
import { NO_PROPERTIES } from "../../src/codec/property.ts";
import type { ClientIdentity } from "../../src/protocol/access.ts";
import { ENTRY_BYTES } from "../../src/protocol/backlog.ts";
import { SessionChanges } from "../../src/protocol/change.ts";
import { Delivery } from "../../src/protocol/delivery.ts";
import { Inflight } from "../../src/protocol/inflight.ts";
import type { Limits } from "../../src/protocol/limits.ts";
import { ApplicationMessage } from "../../src/protocol/message.ts";
import { MessageQueue } from "../../src/protocol/message_queue.ts";
import type { SessionContext } from "../../src/protocol/session_context.ts";
import { settingsWith } from "../../src/protocol/setting_table.ts";
import { contextWith, entryOf, FakePort, messageOf, optionsOf, words } from "./session_parts.ts";

const BYTES = 2;
const QUEUING = settingsWith({ queuesQos0Messages: true });
const CLIENT: ClientIdentity = { clientId: "c", principal: undefined, roles: [], grants: [], listener: undefined };

interface Given {
  readonly limits?: Partial<Limits>;
  readonly context?: Partial<Pick<SessionContext, "deliveryRules" | "settings">>;
  readonly isDurable?: boolean;
  readonly port?: ConstructorParameters<typeof FakePort>[0];
  readonly isOffline?: boolean;
}

function deliveryWith({ limits = {}, context: more = {}, isDurable = true, port: how = {}, isOffline }: Given = {}) {
  const context = contextWith(limits, more);
  const changes = new SessionChanges("c", isDurable, context.log);
  const queue = new MessageQueue(changes, context, undefined);
  const inflight = new Inflight(changes, context);
  const delivery = new Delivery(changes, context, queue, inflight);
  const port = new FakePort(how);
  const attach = () => {
    delivery.attach(port);
    queue.attach();
    inflight.attach(port.receiveMaximum);
  };
  if (isOffline !== true) attach();
  /** Delivers a message with topic `x`, published with its QoS. */
  const deliver = (text: string, qos: QoS = 0, nowMs = 0, topic = "x", expirySeconds?: number) => {
    const properties = expirySeconds === undefined ? {} : { messageExpiryInterval: expirySeconds };
    delivery.deliver(messageOf(topic, text, { qos, properties }), optionsOf(2), nowMs);
  };
  return { context, delivery, queue, inflight, port, log: context.log, deliver, attach, dropped: context.dropped };
}

// Sent at once

for (
  const [published, granted, sent, upgraded] of [[0, 0, 0, 0], [0, 1, 0, 1], [1, 0, 0, 0], [1, 2, 1, 2], [2, 1, 1, 1], [
    2,
    2,
    2,
    2,
  ]] as const
) {
  Deno.test(`A message with QoS ${published} goes to a subscription of QoS ${granted} with QoS ${sent}, or ${upgraded} where QoS is upgraded [MQTT-3.8.4-8]`, () => {
    for (const [upgradesOutgoingQos, qos] of [[false, sent], [true, upgraded]] as const) {
      const { delivery, port } = deliveryWith({ context: { settings: settingsWith({ upgradesOutgoingQos }) } });
      const message = messageOf("x", "1", { qos: published });
      assertEquals(delivery.qosOf(message, optionsOf(granted)), qos);
      delivery.deliver(message, optionsOf(granted), 0);
      assertEquals(port.take(), [qos === 0 ? 'x "1"' : `x "1" QoS ${qos} #1`]);
    }
  });
}

for (const qos of [0, 1, 2] as const) {
  const end = qos === 0 ? "" : ` QoS ${qos} #1`;
  Deno.test(`RETAIN of QoS ${qos} is what the publisher set for Retain As Published, and 0 without [MQTT-3.3.1-12] [MQTT-3.3.1-13]`, () => {
    for (const [retain, retainAsPublished, isSet] of [[true, true, 1], [true, false, 0], [false, true, 0]] as const) {
      const { delivery, port } = deliveryWith();
      delivery.deliver(messageOf("x", "1", { qos, retain }), optionsOf(2, { retainAsPublished }), 0);
      assertEquals(port.take(), [`x "1"${end}${isSet ? " retain" : ""}`]);
    }
  });

  Deno.test(`A retained message with QoS ${qos} has RETAIN, whatever its subscription says [MQTT-3.3.1-8]`, () => {
    const { delivery, port } = deliveryWith({ isDurable: false });
    delivery.deliver(messageOf("x", "1", { qos }), optionsOf(2), 0, true);
    assertEquals(port.take(), [`x "1"${end} retain`]);
  });

  Deno.test(`A message with QoS ${qos} has the Subscription Identifiers of its subscriptions, for MQTT 5 alone [MQTT-3.3.4-3]`, () => {
    for (const [version, identifiers] of [[5, " [3,4]"], [4, ""], [3, ""]] as const) {
      for (const isShared of [false, true]) {
        const { delivery, port } = deliveryWith({ port: { version } });
        const message = messageOf("x", "1", { qos });
        message.isShared = isShared;
        delivery.deliver(message, optionsOf(2, { subscriptionIdentifiers: [3, 4] }), 0);
        assertEquals(port.take(), [`x "1"${end}${identifiers}`]);
      }
    }
  });
}

for (const version of [3, 4, 5] as const) {
  Deno.test(`QoS 0 leaves as the bytes it came in, where these are the same v${version}`, () => {
    const { delivery, port } = deliveryWith({ port: { version } });
    const heard: string[] = [];
    port.onSent = (packet) => heard.push(words(packet));
    delivery.deliver(fromWire(version), optionsOf(0), 0);
    delivery.deliver(fromWire(version), optionsOf(0, { retainAsPublished: true }), 0);
    assertEquals([heard, port.wakes], [['x "1"', 'x "1"'], 2]);
    assertEquals(port.take(), heard);
  });
}

for (
  const [kind, message] of [
    ["bytes it came in", () => fromWire(5)],
    ["a frame that others share", () => {
      const shared = messageOf("x", "1");
      shared.isShared = true;
      return shared;
    }],
    ["a packet of its own", () => messageOf("x", "1")],
  ] as const
) {
  Deno.test(`QoS 0 from ${kind} that is larger than the client accepts is left out, and counted [MQTT-3.1.2-24] [MQTT-3.1.2-25]`, () => {
    for (const [maximumPacketBytes, tooLarge] of [[7, 0], [6, 1]] as const) {
      const { delivery, port, dropped } = deliveryWith({ port: { maximumPacketBytes } });
      delivery.deliver(message(), optionsOf(0), 0);
      assertEquals([port.take().length, dropped.tooLarge], [1 - tooLarge, tooLarge]);
    }
  });
}

Deno.test("QoS 0 from a frame that others share tells the connection what is sent, and wakes it", () => {
  const { delivery, port } = deliveryWith();
  const heard: string[] = [];
  port.onSent = (packet) => heard.push(words(packet));
  const message = messageOf("x", "1", { retain: true });
  message.isShared = true;
  delivery.deliver(message, optionsOf(0, { retainAsPublished: true }), 0);
  assertEquals([heard, port.wakes, port.take()], [['x "1" retain'], 1, ['x "1" retain']]);
});

Deno.test("A message goes out with the Message Expiry Interval that is left [MQTT-3.3.2-6]", () => {
  for (const qos of [0, 1] as const) {
    const { port, deliver } = deliveryWith();
    deliver("1", qos, 3_000, "x", 10);
    assertEquals(port.take(), [`x "1"${qos === 0 ? "" : " QoS 1 #1"} expires in 7 s`]);
  }
});

Deno.test("QoS 0 is not held back for changes, and not written down", () => {
  const { port, deliver, log } = deliveryWith();
  log.writtenSequence = 5;
  deliver("1");
  assertEquals([port.take(0), log.take()], [['x "1"'], []]);
});

Deno.test("QoS 1 and 2 are written down with their identifier, and QoS 2 leaves when that is durable", () => {
  const { port, deliver, log } = deliveryWith();
  deliver("1", 1);
  deliver("2", 2);
  assertEquals(port.take(1), ['x "1" QoS 1 #1']);
  assertEquals(port.take(2), ['x "2" QoS 2 #2']);
  assertEquals(log.take(), ['queued 1 x "1" QoS 1 #1', 'queued 2 x "2" QoS 2 #2']);
});

Deno.test("Messages of a session that ends with its connection are not written down", () => {
  const { port, deliver, log } = deliveryWith({ isDurable: false, port: { receiveMaximum: 1 } });
  deliver("1", 2);
  deliver("2", 2);
  assertEquals([port.take(0), log.take()], [['x "1" QoS 2 #1'], []]);
});

Deno.test("A retained message with QoS 0 of a durable session leaves when the change after it is durable", () => {
  const { port, delivery, log } = deliveryWith();
  log.writtenSequence = 5;
  delivery.deliver(messageOf("x", "1"), optionsOf(0, { subscriptionIdentifiers: [3] }), 0, true);
  assertEquals([port.take(5), port.take(6)], [[], ['x "1" retain [3]']]);
});

Deno.test("A retained message with QoS 0 that is too large for a durable session is left out, and counted", () => {
  const { port, delivery, dropped } = deliveryWith({ port: { maximumPacketBytes: 6 } });
  delivery.deliver(messageOf("x", "1"), optionsOf(0), 0, true);
  assertEquals([port.take(), dropped.tooLarge], [[], 1]);
});

for (
  const [how, given, subscriptionIdentifiers, ownPackets] of [
    ["the frame that others get", {}, [], 0],
    ["a packet of its own, for its Topic Aliases", { topicAliasMaximum: 1 }, [], 1],
    ["a packet of its own, for its Subscription Identifier", {}, [3], 1],
    ["the frame that others get, as MQTT 3.1.1 has no Subscription Identifier", { version: 4 }, [3], 0],
  ] as const
) {
  Deno.test(`A client gets of a message for many ${how}`, () => {
    for (const qos of [0, 1] as const) {
      const { delivery, port } = deliveryWith({ port: given });
      const message = messageOf("x", "1", { qos });
      message.isShared = true;
      delivery.deliver(message, optionsOf(1, { subscriptionIdentifiers }), 0);
      assertEquals([port.ownPackets, port.take().length], [ownPackets, 1]);
    }
  });
}

// Queued

Deno.test("Delivery.isReady says whether a message would be sent at once", () => {
  const offline = deliveryWith({ isOffline: true });
  assertEquals([offline.delivery.isReady, offline.delivery.port], [false, undefined]);
  const { delivery, port, deliver, inflight } = deliveryWith({ port: { receiveMaximum: 1 } });
  assertEquals([delivery.isReady, delivery.port], [true, port]);
  port.isFull = true;
  assertEquals(delivery.isReady, false, "the outbox is full");
  port.isFull = false;
  deliver("1", 1);
  assertEquals(delivery.isReady, false, "Receive Maximum");
  inflight.puback(1, 0);
  assertEquals(delivery.isReady, true);
  delivery.unlink();
  assertEquals([delivery.isReady, delivery.port], [false, undefined]);
});

Deno.test("Delivery.isReady is false while others wait", () => {
  const { delivery, deliver, inflight } = deliveryWith({ port: { receiveMaximum: 1 } });
  deliver("1", 1);
  deliver("2", 1);
  inflight.puback(1, 0);
  assertEquals(delivery.isReady, false);
});

Deno.test("Messages beyond the Receive Maximum wait, and are sent in their order as others are acknowledged [MQTT-3.3.4-9] [MQTT-4.6.0-6]", () => {
  const { delivery, port, deliver, inflight, log } = deliveryWith({ port: { receiveMaximum: 2 } });
  for (const text of ["1", "2", "3", "4"]) deliver(text, 1);
  assertEquals(port.take(), ['x "1" QoS 1 #1', 'x "2" QoS 1 #2']);
  assertEquals(log.take().slice(2), ['queued 3 x "3" QoS 1', 'queued 4 x "4" QoS 1']);
  inflight.puback(2, 0);
  delivery.pump(port, 0);
  assertEquals([port.take(), log.take()], [['x "3" QoS 1 #3'], ["completed 2", "sent 3 #3"]]);
  inflight.puback(1, 0);
  deliver("5", 1);
  assertEquals(port.take(), [], "another one waits before it");
  delivery.pump(port, 0);
  assertEquals(port.take(), ['x "4" QoS 1 #4']);
});

Deno.test("Messages wait while the outbox is full, and leave when it is not", () => {
  const { delivery, port, deliver } = deliveryWith();
  port.isFull = true;
  deliver("1", 1);
  deliver("2");
  delivery.pump(port, 0);
  assertEquals(port.take(), []);
  port.isFull = false;
  deliver("3");
  assertEquals(port.take(), [], "after the one that waits");
  delivery.pump(port, 0);
  assertEquals(port.take(), ['x "1" QoS 1 #1', 'x "2"', 'x "3"']);
});

Deno.test("Delivery.pump() sends in turns what waits with QoS 0 and with QoS 1, until the outbox is full", () => {
  const { delivery, port, deliver, queue } = deliveryWith();
  port.isFull = true;
  for (const text of ["1", "2", "3"]) deliver(text, 1);
  for (const text of ["a", "b", "c"]) deliver(text);
  port.isFull = false;
  port.onSent = () => port.isFull = port.wakes === 2;
  delivery.pump(port, 0);
  assertEquals(port.take(), ['x "1" QoS 1 #1', 'x "a"', 'x "2" QoS 1 #2']);
  port.isFull = false;
  port.onSent = undefined;
  delivery.pump(port, 0);
  assertEquals(port.take(), ['x "3" QoS 1 #3', 'x "b"', 'x "c"']);
  assertEquals([queue.isEmpty, queue.isQos0Waiting], [true, false]);
});

Deno.test("QoS 0 leaves though the Receive Maximum holds up QoS 1", () => {
  const { port, deliver } = deliveryWith({ port: { receiveMaximum: 1 } });
  deliver("1", 1);
  deliver("2", 1);
  deliver("3");
  assertEquals(port.take(), ['x "1" QoS 1 #1', 'x "3"']);
});

Deno.test("A listener that ends the connection when it hears of a message keeps the rest in the session", () => {
  const { delivery, port, deliver, queue } = deliveryWith();
  port.isFull = true;
  for (const text of ["1", "2"]) deliver(text, 1);
  port.isFull = false;
  port.onSent = () => {
    delivery.unlink();
    queue.unlink();
  };
  delivery.pump(port, 0);
  assertEquals(port.take(), ['x "1" QoS 1 #1']);
  assertEquals(Array.from(queue.values(), ({ sequence }) => sequence), [2]);
});

Deno.test("Without a connection QoS 1 and 2 are queued, and QoS 0 is for no one", () => {
  const { deliver, log, queue, dropped } = deliveryWith({ isOffline: true });
  deliver("0");
  deliver("1", 1);
  deliver("2", 2);
  assertEquals(log.take(), ['queued 1 x "1" QoS 1', 'queued 2 x "2" QoS 2']);
  assertEquals([queue.count, dropped], [2, { qos0: 0, queueFull: 0, tooLarge: 0, expired: 0 }]);
});

Deno.test("Without a connection a session that ended with it gets nothing", () => {
  const { deliver, queue, log } = deliveryWith({ isOffline: true, isDurable: false });
  deliver("1", 1);
  assertEquals([queue.count, log.take()], [0, []]);
});

Deno.test("A message that is queued keeps its own bytes, and not those of the chunk it came in", () => {
  for (const given of [{ isOffline: true }, { port: { receiveMaximum: 1 } }]) {
    const { delivery, deliver } = deliveryWith(given);
    deliver("0", 1);
    const chunk = new Uint8Array(1_000);
    const packet = { topic: "x", payload: chunk.subarray(10, 20), qos: 1, retain: false, properties: {} } as const;
    const message = new ApplicationMessage(packet, "p", 0);
    delivery.deliver(message, optionsOf(1), 0);
    assertEquals(message.payload.buffer.byteLength, 10);
  }
});

Deno.test("QoS 0 that waits keeps its own bytes", () => {
  const { delivery, port } = deliveryWith();
  port.isFull = true;
  const packet = {
    topic: "x",
    payload: new Uint8Array(1_000).subarray(10, 20),
    qos: 0,
    retain: false,
    properties: {},
  } as const;
  const message = new ApplicationMessage(packet, "p", 0);
  delivery.deliver(message, optionsOf(1), 0);
  assertEquals(message.payload.buffer.byteLength, 10);
});

Deno.test("A message that has expired while it waited is not sent [MQTT-3.3.2-5]", () => {
  const { delivery, port, deliver, dropped, log } = deliveryWith();
  port.isFull = true;
  deliver("1", 1, 0, "x", 5);
  deliver("2", 0, 0, "x", 5);
  log.take();
  port.isFull = false;
  delivery.pump(port, 5_000);
  assertEquals([port.take(), dropped.expired, log.take()], [[], 2, ["completed 1"]]);
});

Deno.test("A message that waits until just before it expires is sent", () => {
  const { delivery, port, deliver, dropped } = deliveryWith();
  port.isFull = true;
  deliver("1", 1, 0, "x", 5);
  deliver("2", 0, 0, "x", 5);
  port.isFull = false;
  delivery.pump(port, 4_999);
  assertEquals([port.take().length, dropped.expired], [2, 0]);
});

Deno.test("A message that is too large is left out when it has waited, and counted [MQTT-3.1.2-25]", () => {
  const { delivery, port, deliver, dropped, log } = deliveryWith({ port: { maximumPacketBytes: 8 } });
  port.isFull = true;
  deliver("1", 1);
  deliver("22", 0);
  port.isFull = false;
  log.take();
  delivery.pump(port, 0);
  assertEquals([port.take(), dropped.tooLarge, log.take()], [['x "22"'], 1, ["sent 1 #1", "completed 1"]]);
});

Deno.test("QoS 0 that is too large is left out when it has waited, and counted", () => {
  const { delivery, port, deliver, dropped } = deliveryWith({ port: { maximumPacketBytes: 6 } });
  port.isFull = true;
  deliver("22", 0);
  port.isFull = false;
  delivery.pump(port, 0);
  assertEquals([port.take(), dropped.tooLarge], [[], 1]);
});

Deno.test("Delivery.pump() wakes the connection when few messages are left in memory and more in the storage", () => {
  const { delivery, port, queue } = deliveryWith();
  delivery.pump(port, 0);
  assertEquals(port.wakes, 0);
  queue.restoreBacklog(9, 1, 1);
  queue.beginRestore();
  delivery.pump(port, 0);
  assertEquals(port.wakes, 1);
});

Deno.test("QoS 0 leaves at once when none waits any more, and on the next connection", () => {
  const { delivery, port, deliver, queue, attach } = deliveryWith();
  port.isFull = true;
  deliver("1");
  deliver("2");
  port.isFull = false;
  port.onSent = () => port.isFull = true;
  delivery.pump(port, 0);
  port.isFull = false;
  port.onSent = undefined;
  deliver("3");
  assertEquals(port.take(), ['x "1"'], "another one waits before it");
  delivery.pump(port, 0);
  deliver("4");
  assertEquals(port.take(), ['x "2"', 'x "3"', 'x "4"']);
  port.isFull = true;
  deliver("5");
  delivery.detach();
  queue.detach(0);
  port.isFull = false;
  attach();
  deliver("6");
  assertEquals(port.take(), ['x "6"']);
});

// QoS 0 in the queue

Deno.test("QoS 0 waits in the queue of a durable session without connection where that is wanted, and comes once", () => {
  const { deliver, log } = deliveryWith({ isOffline: true, context: { settings: QUEUING } });
  deliver("1");
  deliver("2", 1);
  assertEquals(log.take(), ['queued 1 x "1" QoS 0', 'queued 2 x "2" QoS 1']);
});

Deno.test("QoS 0 waits in no queue of a session that ends with its connection", () => {
  const { deliver, queue } = deliveryWith({ isOffline: true, isDurable: false, context: { settings: QUEUING } });
  deliver("1");
  assertEquals(queue.count, 0);
});

Deno.test("QoS 0 in the queue is completed before it leaves, and leaves when that is durable", () => {
  const { delivery, deliver, log, port, inflight } = deliveryWith({
    context: { settings: QUEUING },
    port: { receiveMaximum: 1 },
  });
  deliver("1", 1);
  deliver("2", 1);
  deliver("3"); // After others that wait.
  assertEquals([port.take(), log.take().slice(2)], [['x "1" QoS 1 #1'], ['queued 3 x "3" QoS 0']]);
  inflight.puback(1, 0);
  delivery.pump(port, 0);
  inflight.puback(2, 0);
  port.take();
  const before = log.writtenSequence;
  delivery.pump(port, 0);
  assertEquals(log.take().at(-1), "completed 3");
  assertEquals([port.take(before), port.take(log.writtenSequence)], [[], ['x "3"']]);
  assertEquals([inflight.size, inflight.hasQuota], [0, true]);
});

Deno.test("QoS 0 in the queue that the storage has not got yet is taken back when it leaves", () => {
  const { delivery, deliver, log, port } = deliveryWith({ context: { settings: QUEUING } });
  port.isFull = true;
  deliver("1", 1);
  deliver("2");
  port.isFull = false;
  delivery.pump(port, 0);
  assertEquals(log.take(), ['queued 1 x "1" QoS 1', "sent 1 #1"]);
  assertEquals(port.take().length, 2);
});

Deno.test("QoS 0 in the queue that is too large is left out, and counted", () => {
  const { delivery, deliver, port, dropped } = deliveryWith({
    context: { settings: QUEUING },
    port: { maximumPacketBytes: 10 },
  });
  port.isFull = true;
  deliver("1", 1);
  deliver("123456");
  port.isFull = false;
  delivery.pump(port, 0);
  assertEquals([port.take(), dropped.tooLarge], [['x "1" QoS 1 #1'], 1]);
});

Deno.test("QoS 0 does not wait in the queue while the client takes all that there is", () => {
  const { deliver, log, port } = deliveryWith({ context: { settings: QUEUING } });
  deliver("1");
  assertEquals([port.take(), log.take()], [['x "1"'], []]);
});

Deno.test("QoS 0 that follows QoS 0 which waits apart waits with it, not in the queue", () => {
  const { deliver, log, port, queue } = deliveryWith({ context: { settings: QUEUING } });
  port.isFull = true;
  deliver("1");
  deliver("2", 1);
  deliver("3");
  assertEquals([log.take(), queue.count], [['queued 1 x "2" QoS 1'], 3]);
});

// Retained messages

Deno.test("A retained message may be sent while it would leave at once, and waits where it is retained otherwise", () => {
  const { delivery, port, deliver, queue } = deliveryWith({ port: { receiveMaximum: 1 } });
  const may = () => ([0, 1, 2] as const).map((qos) => delivery.canSendRetained(port, optionsOf(qos)));
  assertEquals(may(), [true, true, true]);
  deliver("1", 1);
  assertEquals(may(), [true, false, false], "Receive Maximum");
  port.isFull = true;
  deliver("2");
  port.isFull = false;
  assertEquals(may(), [false, false, false], "QoS 0 waits");
  queue.shiftQos0();
  assertEquals(may(), [true, false, false]);
});

Deno.test("A retained message waits while others do, with QoS 0 where that would be queued", () => {
  for (const [queuesQos0Messages, mayQos0] of [[false, true], [true, false]] as const) {
    const { delivery, port, deliver, inflight } = deliveryWith({
      port: { receiveMaximum: 1 },
      context: { settings: settingsWith({ queuesQos0Messages }) },
    });
    deliver("1", 1);
    deliver("2", 1);
    inflight.puback(1, 0);
    const may = ([0, 1] as const).map((qos) => delivery.canSendRetained(port, optionsOf(qos)));
    assertEquals(may, [mayQos0, false]);
  }
});

// Dropped

Deno.test("A message that finds its queue full without a connection is dropped, counted, and told once", () => {
  const { deliver, dropped, context, log, queue } = deliveryWith({
    isOffline: true,
    limits: { maximumQueuedMessages: 1 },
  });
  for (const text of ["1", "2", "3"]) deliver(text, 1);
  assertEquals([dropped.queueFull, queue.count, log.take()], [2, 1, ['queued 1 x "1" QoS 1']]);
  assertEquals(context.told, ["c off maximumQueuedMessages"]);
});

Deno.test("A client that takes nothing gets no more than maximumQueuedBytes, and that is told once for each connection", () => {
  const limits = { maximumQueuedBytes: BYTES + ENTRY_BYTES, maximumInflight: 1, writeTimeoutMs: 1_000 };
  const { deliver, dropped, context, attach, port, queue } = deliveryWith({ limits });
  deliver("1", 1, 0);
  deliver("2", 1, 0);
  deliver("3", 1, 99);
  assertEquals([dropped.queueFull, queue.count], [0, 2], "it had a tenth of writeTimeoutMs to take something");
  deliver("4", 1, 100);
  deliver("5", 1, 100);
  assertEquals([dropped.queueFull, context.told], [2, ["c on maximumQueuedBytes"]]);
  attach();
  port.isFull = true;
  port.writingSinceMs = 0;
  deliver("6", 1, 100);
  assertEquals(context.told.length, 2);
});

Deno.test("A client that acknowledges takes what it gets: its Receive Maximum is no stall", () => {
  const limits = { maximumQueuedBytes: 1, maximumInflight: 1, writeTimeoutMs: 1_000 };
  const { deliver, dropped, inflight, delivery, port } = deliveryWith({ limits });
  deliver("1", 1, 0);
  deliver("2", 1, 0);
  inflight.puback(1, 150);
  delivery.pump(port, 150);
  deliver("3", 1, 200);
  assertEquals(dropped.queueFull, 0);
  deliver("4", 1, 250);
  assertEquals(dropped.queueFull, 1);
});

Deno.test("QoS 0 is dropped for a client that has taken no bytes for a tenth of writeTimeoutMs", () => {
  const { deliver, dropped, context, port, queue } = deliveryWith({ limits: { writeTimeoutMs: 1_000 } });
  port.isFull = true;
  port.writingSinceMs = 50;
  deliver("1", 0, 149);
  assertEquals([dropped.qos0, queue.count], [0, 1]);
  deliver("2", 0, 150);
  assertEquals([dropped.qos0, queue.count, context.told], [1, 1, ["c on maximumOutboxBytes"]]);
});

Deno.test("QoS 0 that cannot leave is dropped beyond maximumBacklogBytes, and the limit is told", () => {
  const { deliver, dropped, context, port } = deliveryWith({ limits: { maximumBacklogBytes: BYTES + ENTRY_BYTES } });
  port.isFull = true;
  deliver("1");
  deliver("2");
  assertEquals([dropped.qos0, context.told], [1, ["c on maximumBacklogBytes"]]);
});

// Publishers that wait

function farBehind(limits: Partial<Limits> = {}) {
  const parts = deliveryWith({
    limits: { maximumBacklogBytes: 4 * (BYTES + ENTRY_BYTES), maximumBacklogWaitMs: 500, ...limits },
  });
  parts.port.isFull = true;
  return parts;
}

Deno.test("Publishers wait for a client whose backlog is above half of its bound", () => {
  const { delivery, deliver } = farBehind();
  deliver("1");
  deliver("2", 1);
  assertEquals(delivery.isFarBehind(0), false);
  deliver("3");
  assertEquals(delivery.isFarBehind(0), true);
});

Deno.test("Publishers wait no longer than maximumBacklogWaitMs from the first that waited, until the client has caught up", () => {
  const { delivery, deliver, port } = farBehind();
  for (const text of ["1", "2", "3"]) deliver(text);
  assertEquals(delivery.isFarBehind(100), true);
  assertEquals([delivery.isFarBehind(599), delivery.isFarBehind(600)], [true, false]);
  port.isFull = false;
  delivery.pump(port, 600);
  port.isFull = true;
  for (const text of ["1", "2", "3"]) deliver(text, 0, 700);
  assertEquals(delivery.isFarBehind(700), true);
});

Deno.test("A client that has sent some of what waits has not caught up", () => {
  const { delivery, deliver, port } = farBehind();
  for (const text of ["1", "2", "3", "4"]) deliver(text);
  delivery.isFarBehind(0);
  port.isFull = false;
  port.onSent = () => port.isFull = true;
  delivery.pump(port, 0);
  assertEquals([delivery.isFarBehind(499), delivery.isFarBehind(500)], [true, false]);
});

Deno.test("A client that has sent all QoS 0 but not what is queued has not caught up, nor the other way round", () => {
  for (const [stays, leaves] of [[0, 1], [1, 0]] as const) {
    const { delivery, deliver, port, queue } = farBehind({ maximumInflight: 1 });
    for (const text of ["1", "2", "3"]) deliver(text, stays);
    deliver("4", leaves);
    assertEquals(delivery.isFarBehind(0), true);
    if (leaves === 0) queue.shiftQos0();
    else queue.shift(0);
    delivery.pump(port, 0);
    assertEquals([delivery.isFarBehind(499), delivery.isFarBehind(500)], [true, false]);
  }
});

Deno.test("Publishers wait for nobody who has taken nothing for a second, or has no connection", () => {
  const { delivery, deliver, port } = farBehind({ writeTimeoutMs: 60_000, maximumBacklogWaitMs: 60_000 });
  for (const text of ["1", "2", "3"]) deliver(text);
  port.writingSinceMs = 0;
  assertEquals([delivery.isFarBehind(999), delivery.isFarBehind(1_000)], [true, false]);
  port.writingSinceMs = Infinity;
  assertEquals(delivery.isFarBehind(1_000), true);
  delivery.unlink();
  assertEquals(delivery.isFarBehind(1_000), false);
});

Deno.test("Delivery.detach() ends the wait of publishers: the next connection has its time anew", () => {
  const { delivery, deliver, attach, queue } = farBehind();
  for (const text of ["1", "2", "3"]) deliver(text);
  delivery.isFarBehind(0);
  assertEquals(delivery.isFarBehind(500), false);
  delivery.detach();
  queue.detach(0);
  assertEquals([delivery.port, delivery.isFarBehind(500)], [undefined, false]);
  attach();
  for (const text of ["1", "2", "3"]) deliver(text);
  assertEquals(delivery.isFarBehind(600), true);
});

// Sent again

Deno.test("Messages of an earlier connection are sent before all others, as far as the quota goes [MQTT-4.6.0-1]", () => {
  const { delivery, inflight, port, deliver } = deliveryWith({ port: { receiveMaximum: 1 } });
  for (const sequence of [1, 2]) {
    inflight.restore(entryOf(sequence, undefined, { packetIdentifier: sequence }));
  }
  inflight.resume(port);
  deliver("3", 1);
  assertEquals(delivery.isReady, false);
  delivery.pump(port, 0);
  assertEquals(port.take(), ['x "1" QoS 1 #1 dup']);
  inflight.puback(1, 0);
  delivery.pump(port, 0);
  assertEquals(port.take(), ['x "2" QoS 1 #2 dup']);
});

Deno.test("A message that waits goes out after the last one that is sent again", () => {
  const { delivery, inflight, port, deliver, queue, log } = deliveryWith({ port: { receiveMaximum: 5 } });
  queue.restoreBacklog(1, 0, 0);
  inflight.restore(entryOf(1, undefined, { packetIdentifier: 1 }));
  inflight.resume(port);
  deliver("2", 1);
  assertEquals(port.take(), []);
  delivery.pump(port, 7);
  assertEquals(port.take(), ['x "1" QoS 1 #1 dup', 'x "2" QoS 1 #2']);
  assertEquals([log.take(), inflight.progressMs], [['queued 2 x "2" QoS 1', "sent 2 #2"], 7]);
});

Deno.test("A listener that ends the connection when a message is sent again ends that", () => {
  const { delivery, inflight, port } = deliveryWith();
  for (const sequence of [1, 2]) inflight.restore(entryOf(sequence, undefined, { packetIdentifier: sequence }));
  inflight.resume(port);
  port.onSent = () => delivery.unlink();
  delivery.pump(port, 0);
  assertEquals([port.take(), inflight.isResending], [['x "1" QoS 1 #1 dup'], true]);
});

Deno.test("A message of an earlier connection that is acknowledged before its turn is not sent again", () => {
  const { delivery, inflight, port } = deliveryWith({ port: { receiveMaximum: 1 } });
  for (const sequence of [1, 2, 3]) inflight.restore(entryOf(sequence, undefined, { packetIdentifier: sequence }));
  inflight.resume(port);
  delivery.pump(port, 0);
  inflight.puback(2, 0);
  inflight.puback(1, 0);
  delivery.pump(port, 0);
  assertEquals(port.take(), ['x "1" QoS 1 #1 dup', 'x "3" QoS 1 #3 dup']);
});

Deno.test("PUBCOMP is unexpected for a message that was delivered and has no PUBREC, sent at once or later [MQTT-4.3.3-5]", () => {
  const { delivery, deliver, inflight, port } = deliveryWith();
  deliver("1", 2);
  port.isFull = true;
  deliver("2", 2);
  port.isFull = false;
  delivery.pump(port, 0);
  assertEquals([inflight.pubcomp(1, 0), inflight.pubcomp(2, 0)], ["unexpected", "unexpected"]);
});

// Access at delivery

function ruled(mayReceive: (topic: string) => boolean, given: Given = {}) {
  const asked: string[] = [];
  const rules = {
    version: 1,
    mayReceive(identity: ClientIdentity, topic: string) {
      asked.push(`${identity.clientId} ${topic}`);
      return mayReceive(topic);
    },
  };
  return { ...deliveryWith({ ...given, context: { ...given.context, deliveryRules: rules } }), asked, rules };
}

Deno.test("A message that the client may not receive is not sent, and it is asked once for each topic", () => {
  const { delivery, deliver, port, asked, dropped, log } = ruled((topic) => topic === "x");
  delivery.identity = CLIENT;
  for (const qos of [0, 1] as const) {
    deliver("1", qos, 0, "x");
    deliver("2", qos, 0, "y");
  }
  assertEquals(port.take(), ['x "1"', 'x "1" QoS 1 #1']);
  assertEquals([asked, log.take()], [["c x", "c y"], ['queued 1 x "1" QoS 1 #1']]);
  assertEquals(dropped, { qos0: 0, queueFull: 0, tooLarge: 0, expired: 0 });
  assertEquals([delivery.permits("x"), delivery.permits("y")], [true, false]);
});

Deno.test("Answers about what a client may receive are forgotten when the rules or the client change", () => {
  let isAllowed = true;
  const { delivery, asked, rules } = ruled(() => isAllowed);
  delivery.identity = CLIENT;
  assertEquals(delivery.permits("x"), true);
  isAllowed = false;
  assertEquals(delivery.permits("x"), true, "as it was said");
  rules.version = 2;
  assertEquals([delivery.permits("x"), delivery.permits("x")], [false, false]);
  isAllowed = true;
  delivery.identity = { ...CLIENT, clientId: "d" };
  assertEquals(delivery.permits("x"), true);
  assertEquals(asked, ["c x", "c x", "d x"]);
});

Deno.test("Answers about 128 topics are remembered, and no more", () => {
  const { delivery, asked } = ruled(() => true);
  delivery.identity = CLIENT;
  for (let topic = 0; topic < 128; topic++) delivery.permits(String(topic));
  delivery.permits("0");
  assertEquals(asked.length, 128);
  delivery.permits("128");
  delivery.permits("0");
  assertEquals(asked.length, 130);
  delivery.permits("128");
  assertEquals(asked.length, 130);
});

Deno.test("Messages of a session whose client has not come back wait, and nobody is asked yet", () => {
  const { deliver, asked, queue } = ruled(() => false, { isOffline: true });
  deliver("1", 1);
  assertEquals([queue.count, asked], [1, []]);
});

Deno.test("Without rules every topic is permitted, whoever the client is", () => {
  const { delivery } = deliveryWith();
  delivery.identity = CLIENT;
  assertEquals(delivery.permits("x"), true);
});

Deno.test("Messages that the client may not receive any more are not sent when they have waited", () => {
  const { delivery, deliver, port, rules, log, dropped } = ruled(() => rules.version === 1);
  delivery.identity = CLIENT;
  port.isFull = true;
  deliver("1", 1);
  deliver("2");
  log.take();
  port.isFull = false;
  rules.version = 2;
  delivery.pump(port, 0);
  assertEquals([port.take(), log.take()], [[], ["completed 1"]]);
  assertEquals(dropped, { qos0: 0, queueFull: 0, tooLarge: 0, expired: 0 });
});

Deno.test("A message of an earlier connection that the client may not receive any more is not sent again", () => {
  const { delivery, inflight, port, log } = ruled((topic) => topic === "y", { port: { receiveMaximum: 1 } });
  delivery.identity = CLIENT;
  inflight.restore(entryOf(1, undefined, { packetIdentifier: 1 }));
  inflight.restore(entryOf(2, messageOf("y", "2", { qos: 1 }), { packetIdentifier: 2 }));
  inflight.resume(port);
  delivery.pump(port, 0);
  assertEquals([port.take(), log.take()], [['y "2" QoS 1 #2 dup'], ["completed 1"]]);
});

/** A message with topic `x` and text `1` from a PUBLISH of a client. */
function fromWire(version: ProtocolVersion): ApplicationMessage {
  const bytes = version === 5 ? [0x30, 5, 0, 1, 0x78, 0, 0x31] : [0x30, 4, 0, 1, 0x78, 0x31];
  const chunk = Uint8Array.from([0xff, ...bytes, 0xff]);
  const packet = {
    ...messageOf("x", "").packet(0, false, 0),
    payload: chunk.subarray(bytes.length, bytes.length + 1),
    properties: NO_PROPERTIES,
    wireBytes: bytes.length,
  };
  return ApplicationMessage.fromPacket(packet, "x", version, "p", 0);
}
