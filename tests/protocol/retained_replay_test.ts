import { assertEquals } from "@std/assert";
import { encodePacket } from "../../src/codec/encoder.ts";
import type { QoS } from "../../src/codec/packet.ts";
import { SessionChanges } from "../../src/protocol/change.ts";
import { Delivery } from "../../src/protocol/delivery.ts";
import { Inflight } from "../../src/protocol/inflight.ts";
import type { Limits } from "../../src/protocol/limits.ts";
import type { ApplicationMessage } from "../../src/protocol/message.ts";
import { MessageQueue } from "../../src/protocol/message_queue.ts";
import { RetainedReplay } from "../../src/protocol/retained_replay.ts";
import type { Retained, RetainedSource, SessionContext } from "../../src/protocol/session_context.ts";
import { settingsWith } from "../../src/protocol/setting_table.ts";
import type { Subscription } from "../../src/protocol/subscription.ts";
import { type ParsedTopicFilter, parseTopicFilter } from "../../src/protocol/topic_filter.ts";
import { contextWith, FakePort, messageOf, optionsOf, subscriptionOf } from "./session_parts.ts";

/** Retained messages in the order of their topics, for every Topic Filter; `undefined` stands for many that do not match. */
class FakeSource implements RetainedSource {
  lastSequence = 0;
  readonly asked: (string | undefined)[] = [];
  items: (Retained | undefined)[] = [];

  *matching(_: ParsedTopicFilter, after: string | undefined): Generator<Retained | undefined, undefined> {
    this.asked.push(after);
    for (const item of [...this.items]) {
      if (item?.message !== undefined && after !== undefined && after !== "" && item.message.topic <= after) continue;
      yield item;
    }
  }

  retain(topic: string, text: string, more: Parameters<typeof messageOf>[2] = {}): void {
    this.retainMessage(messageOf(topic, text, more));
  }

  retainMessage(message: ApplicationMessage): void {
    this.items = this.items.filter((item) => item?.message?.topic !== message.topic);
    this.items.push({ message, sequence: ++this.lastSequence });
  }
}

interface Given {
  readonly isDurable?: boolean;
  readonly limits?: Partial<Limits>;
  readonly port?: ConstructorParameters<typeof FakePort>[0];
  readonly deliveryRules?: SessionContext["deliveryRules"];
  readonly upgradesOutgoingQos?: boolean;
}

function replayWith({ isDurable = false, limits, port: how, deliveryRules, upgradesOutgoingQos = false }: Given = {}) {
  const source = new FakeSource();
  const context = contextWith(limits, {
    retained: source,
    deliveryRules,
    settings: settingsWith({ upgradesOutgoingQos }),
  });
  const changes = new SessionChanges("c", isDurable, context.log);
  const queue = new MessageQueue(changes, context, undefined);
  const inflight = new Inflight(changes, context);
  const delivery = new Delivery(changes, context, queue, inflight);
  const subscriptions = new Map<string, Subscription>();
  const replay = new RetainedReplay(changes, context, subscriptions, delivery);
  const port = new FakePort(how);
  delivery.attach(port);
  queue.attach();
  inflight.attach(port.receiveMaximum);
  /** As SUBSCRIBE and its SUBACK do, with the change of a durable session between them. */
  const subscribe = (topicFilter: string, more: Partial<Subscription> = {}) => {
    const subscription = subscriptionOf(topicFilter, more);
    subscriptions.set(topicFilter, subscription);
    replay.request(subscription.filter);
    if (isDurable) replay.write(subscription);
    replay.begin(topicFilter);
  };
  return { source, context, delivery, queue, inflight, subscriptions, replay, port, subscribe, log: context.log };
}

function filterOf(topicFilter: string): ParsedTopicFilter {
  return parseTopicFilter(topicFilter) as ParsedTopicFilter; // The tests' own.
}

Deno.test("A RetainedReplay is empty until messages are requested, and again when all have come", () => {
  const { replay, subscribe, port } = replayWith();
  assertEquals(replay.isEmpty, true);
  replay.send(port, 0);
  subscribe("#");
  assertEquals(replay.isEmpty, false);
  replay.send(port, 0);
  assertEquals([replay.isEmpty, port.take()], [true, []]);
});

Deno.test("Retained messages come after SUBACK, with RETAIN, and not before [MQTT-3.3.1-8] [MQTT-3.3.1-9]", () => {
  const { replay, subscriptions, port, source } = replayWith();
  source.retain("a", "1");
  source.retain("b", "2", { qos: 1 });
  const subscription = subscriptionOf("#", { qos: 1, subscriptionIdentifier: 4 });
  subscriptions.set("#", subscription);
  replay.request(subscription.filter);
  replay.send(port, 0);
  assertEquals([port.take(), replay.isEmpty], [[], false]);
  replay.begin("#");
  replay.send(port, 0);
  assertEquals([port.take(), replay.isEmpty], [['a "1" retain [4]', 'b "2" QoS 1 #1 retain [4]'], true]);
});

for (const [published, granted, sent] of [[2, 1, 1], [1, 2, 1], [2, 0, 0]] as const) {
  Deno.test(`A retained message with QoS ${published} comes to a subscription of QoS ${granted} with QoS ${sent} [MQTT-3.8.4-8]`, () => {
    const { replay, subscribe, port, source } = replayWith();
    source.retain("a", "1", { qos: published });
    subscribe("#", { qos: granted });
    replay.send(port, 0);
    assertEquals(port.take(), [`a "1"${sent === 0 ? "" : ` QoS ${sent} #1`} retain`]);
  });
}

Deno.test("Two SUBSCRIBE packets of a Topic Filter give its retained messages twice [MQTT-3.8.4-4]", () => {
  const { replay, subscribe, port, source } = replayWith();
  source.retain("a", "1");
  subscribe("#");
  subscribe("#");
  replay.send(port, 0);
  assertEquals([port.take(), replay.isEmpty], [['a "1" retain', 'a "1" retain'], true]);
});

Deno.test("A second SUBSCRIBE waits for its own SUBACK", () => {
  const { replay, subscribe, port, source } = replayWith();
  source.retain("a", "1");
  subscribe("#");
  replay.request(filterOf("#"));
  replay.send(port, 0);
  assertEquals([port.take().length, replay.isEmpty], [1, false]);
  replay.begin("#");
  replay.send(port, 0);
  assertEquals([port.take().length, replay.isEmpty], [1, true]);
});

Deno.test("SUBACK of a subscription that has ended, or that asks for nothing, begins nothing", () => {
  const { replay, subscribe, port, source } = replayWith();
  source.retain("a", "1");
  replay.begin("#");
  subscribe("#");
  replay.begin("#");
  replay.send(port, 0);
  assertEquals(port.take().length, 1);
  subscribe("#");
  replay.drop("#");
  replay.begin("#");
  replay.send(port, 0);
  assertEquals([port.take(), replay.isEmpty], [[], true]);
});

Deno.test("A subscription that ends gets no more of its retained messages, and others get theirs [MQTT-3.10.4-2]", () => {
  const { replay, subscribe, subscriptions, port, source } = replayWith();
  source.retain("a", "1");
  subscribe("x");
  subscribe("y");
  subscriptions.delete("x");
  replay.send(port, 0);
  assertEquals([port.take(), replay.isEmpty], [['a "1" retain'], false]);
  replay.drop("x");
  assertEquals(replay.isEmpty, true);
});

Deno.test("Several subscriptions get their retained messages one after the other", () => {
  const { replay, subscribe, port, source } = replayWith();
  source.retain("a", "1");
  subscribe("x", { subscriptionIdentifier: 1 });
  subscribe("y", { subscriptionIdentifier: 2 });
  replay.send(port, 0);
  assertEquals(port.take(), ['a "1" retain [1]', 'a "1" retain [2]']);
});

Deno.test("A retained message that has expired does not come [MQTT-3.3.2-5]", () => {
  for (const [nowMs, count] of [[4_999, 1], [5_000, 0]] as const) {
    const { replay, subscribe, port, source } = replayWith();
    source.retain("a", "1", { properties: { messageExpiryInterval: 5 } });
    subscribe("#");
    replay.send(port, nowMs);
    assertEquals(port.take().length, count);
  }
});

Deno.test("A retained message of the client itself does not come to a subscription with No Local [MQTT-3.8.3-3]", () => {
  for (const [noLocal, packets] of [[true, ['b "2" retain']], [false, ['a "1" retain', 'b "2" retain']]] as const) {
    const { replay, subscribe, port, source } = replayWith();
    source.retain("a", "1", { publisher: "c" });
    source.retain("b", "2", { publisher: "d" });
    subscribe("#", { noLocal });
    replay.send(port, 0);
    assertEquals(port.take(), [...packets]);
  }
});

Deno.test("A retained message that the client may not receive does not come", () => {
  const deliveryRules = { version: 1, mayReceive: (_: unknown, topic: string) => topic === "b" };
  const { replay, subscribe, port, source, delivery } = replayWith({ deliveryRules });
  delivery.identity = { clientId: "c", principal: undefined, roles: [], grants: [], listener: undefined };
  source.retain("a", "1");
  source.retain("b", "2");
  subscribe("#");
  replay.send(port, 0);
  assertEquals(port.take(), ['b "2" retain']);
});

Deno.test("A topic whose retained message is gone when its turn comes is left out", () => {
  const { replay, subscribe, port, source } = replayWith();
  source.items.push({ message: undefined, sequence: 1 });
  source.retain("b", "2");
  subscribe("#");
  replay.send(port, 0);
  assertEquals(port.take(), ['b "2" retain']);
});

for (const [published, isSent] of [[2, false], [1, true], [0, true]] as const) {
  Deno.test(`A message with QoS ${published} that was retained after SUBSCRIBE ${isSent ? "comes, as it may have been left out when it was published" : "has come as it was published"}`, () => {
    const { replay, subscribe, port, source } = replayWith();
    source.retain("a", "1", { qos: 2 });
    subscribe("#", { qos: 2 });
    source.retain("b", "2", { qos: published });
    replay.send(port, 0);
    assertEquals(port.take().length, isSent ? 2 : 1);
  });
}

Deno.test("A message with QoS 2 for a subscription of QoS 1 comes also when it was retained after SUBSCRIBE", () => {
  const { replay, subscribe, port, source } = replayWith();
  subscribe("#", { qos: 1 });
  source.retain("b", "2", { qos: 2 });
  replay.send(port, 0);
  assertEquals(port.take(), ['b "2" QoS 1 #1 retain']);
});

Deno.test("A message that the broker tells of itself comes whenever it was made", () => {
  const { replay, subscribe, port, source } = replayWith();
  subscribe("#", { qos: 2 });
  source.items.push({ message: messageOf("$SYS/x", "1", { qos: 2 }), sequence: undefined });
  replay.send(port, 0);
  assertEquals(port.take(), ['$SYS/x "1" QoS 2 #1 retain']);
});

Deno.test("A second pass has what was retained until it was asked for", () => {
  const { replay, subscribe, port, source } = replayWith();
  source.retain("a", "1", { qos: 2 });
  subscribe("#", { qos: 2 });
  source.retain("b", "2", { qos: 2 });
  subscribe("#", { qos: 2 });
  source.retain("c", "3", { qos: 2 });
  replay.send(port, 0);
  assertEquals(port.take(), ['a "1" QoS 2 #1 retain', 'a "1" QoS 2 #2 retain', 'b "2" QoS 2 #3 retain']);
});

Deno.test("Where a pass finds nothing, the passes after it are not made", () => {
  const { replay, subscribe, port, source } = replayWith();
  for (let count = 0; count < 5; count++) subscribe("#");
  replay.send(port, 0);
  assertEquals([source.asked.length, replay.isEmpty], [1, true]);
});

// As fast as the connection takes them

Deno.test("Retained messages wait while half of the outbox is full, and are not taken before they can be sent", () => {
  const { replay, subscribe, port, source } = replayWith({ limits: { maximumOutboxBytes: 1_024 } });
  for (const topic of ["a", "b", "c"]) source.retain(topic, "1".repeat(300));
  subscribe("#");
  replay.send(port, 0);
  const first = port.take();
  assertEquals([first.length, replay.isEmpty, port.isPumpLater], [2, false, false]);
  source.items[2] = { message: messageOf("c", "newer"), sequence: 3 };
  replay.send(port, 0);
  assertEquals([port.take().length, replay.isEmpty], [1, true]);
});

Deno.test("Retained messages fill the outbox up to half of maximumOutboxBytes, to the byte", () => {
  const { length } = encodePacket(messageOf("a", "1".repeat(600)).packet(0, true, 0), 5);
  for (const [maximumOutboxBytes, count] of [[2 * length, 1], [2 * length + 1, 2]] as const) {
    const { replay, subscribe, port, source } = replayWith({ limits: { maximumOutboxBytes } });
    for (const topic of ["a", "b", "c"]) source.retain(topic, "1".repeat(600));
    subscribe("#");
    replay.send(port, 0);
    assertEquals(port.take().length, count);
  }
});

Deno.test("Two SUBSCRIBE packets give the messages that the broker tells of itself twice, though these move no place", () => {
  const { replay, subscribe, port, source } = replayWith();
  source.items.push(undefined, { message: messageOf("$SYS/x", "1"), sequence: undefined });
  subscribe("#");
  subscribe("#");
  replay.send(port, 0);
  assertEquals(port.take(), ['$SYS/x "1" retain', '$SYS/x "1" retain']);
});

Deno.test("A pass that comes upon many messages and none that matches is not repeated", () => {
  const { replay, subscribe, port, source } = replayWith();
  source.items.push(undefined);
  subscribe("#");
  subscribe("#");
  replay.send(port, 0);
  assertEquals([source.asked.length, replay.isEmpty], [1, true]);
});

Deno.test("Retained messages wait for the Receive Maximum, and go on where they were [MQTT-3.3.4-9]", () => {
  const { replay, subscribe, port, source, inflight } = replayWith({ port: { receiveMaximum: 1 } });
  for (const topic of ["a", "b"]) source.retain(topic, "1", { qos: 1 });
  subscribe("#");
  replay.send(port, 0);
  replay.send(port, 0);
  assertEquals(port.take(), ['a "1" QoS 1 #1 retain']);
  inflight.puback(1, 0);
  replay.send(port, 0);
  assertEquals([port.take(), source.asked.length], [['b "1" QoS 1 #2 retain'], 1]);
});

Deno.test("A subscription whose messages have to wait holds up those after it", () => {
  const { replay, subscribe, port, source } = replayWith({ port: { receiveMaximum: 1 } });
  for (const topic of ["a", "b"]) source.retain(topic, "1", { qos: 1 });
  subscribe("x");
  subscribe("y", { qos: 0 });
  replay.send(port, 0);
  assertEquals(port.take().length, 1);
});

Deno.test("Without a budget nothing is sent, and the connection has its turn later", () => {
  const { replay, subscribe, port, source, context } = replayWith();
  source.retain("a", "1");
  subscribe("#");
  context.budget.mostMs = 0;
  replay.send(port, 0);
  assertEquals([port.take(), port.isPumpLater, replay.isEmpty], [[], true, false]);
  context.budget.mostMs = Infinity;
  replay.send(port, 0);
  assertEquals(port.take().length, 1);
});

for (const [isDurable, ms] of [[false, 0.001], [true, 0.002]] as const) {
  Deno.test(`A message that is sent costs ${ms} ms of the budget, for a session that ${isDurable ? "lives on" : "ends with its connection"}`, () => {
    const { replay, subscribe, port, source, context } = replayWith({ isDurable });
    source.retain("a", "1");
    subscribe("#");
    replay.send(port, 0);
    assertEquals(context.budget.spendings, [ms]);
  });
}

Deno.test("A message that the client may not get costs 0.002 ms, and many that do not match 0.4 ms", () => {
  const { replay, subscribe, port, source, context } = replayWith();
  source.items.push(undefined);
  source.retain("a", "1", { publisher: "c" });
  subscribe("#", { noLocal: true });
  replay.send(port, 0);
  assertEquals(context.budget.spendings, [0.4, 0.002]);
});

// Sessions that live on

Deno.test("A durable session keeps with its subscription that all messages are due", () => {
  const { replay, source, log } = replayWith({ isDurable: true });
  source.lastSequence = 7;
  replay.request(filterOf("a/#"));
  assertEquals(replay.write(subscriptionOf("a/#", { qos: 2 })), 1);
  assertEquals(log.take(), ['subscribed a/# QoS 2, due 1 times after "" up to 7, then up to 7']);
});

Deno.test("A subscription that asks for no retained messages is kept without them", () => {
  const { replay, log } = replayWith({ isDurable: true });
  assertEquals(replay.write(subscriptionOf("a")), 1);
  assertEquals(log.take(), ["subscribed a QoS 1"]);
});

Deno.test("A subscription that replaces another one keeps how far that had come [MQTT-3.8.4-4]", () => {
  const { replay, subscribe, port, source, log } = replayWith({ isDurable: true, port: { receiveMaximum: 1 } });
  source.retain("a", "1", { qos: 1 });
  source.retain("b", "1", { qos: 1 });
  subscribe("#");
  replay.send(port, 0);
  log.take();
  source.retain("c", "1", { qos: 1 });
  replay.request(filterOf("#"));
  replay.write(subscriptionOf("#"));
  assertEquals(log.take(), ['subscribed # QoS 1, due 2 times after "a" up to 2, then up to 3']);
});

Deno.test("Messages that are sent are kept with how far they have come, all or nothing", () => {
  const { replay, subscribe, port, source, log } = replayWith({ isDurable: true });
  source.retain("a", "1", { qos: 1 });
  source.retain("b", "2");
  subscribe("#");
  log.take();
  replay.send(port, 0);
  assertEquals(log.take(), ["begin", 'queued 1 a "1" QoS 1 #1 retain', "subscribed # QoS 1", "end"]);
  assertEquals([port.take(), source.asked], [['a "1" QoS 1 #1 retain', 'b "2" retain'], [""]]);
});

Deno.test("The change of SUBSCRIBE is taken back while it can be: the one of its messages says more", () => {
  const { replay, subscribe, port, source, log } = replayWith({ isDurable: true });
  source.retain("a", "1");
  subscribe("#");
  replay.send(port, 0);
  assertEquals(log.take(), ["begin", "subscribed # QoS 1", "end"]);
});

Deno.test("A change that the connection could not send anything after is not written", () => {
  const { replay, subscribe, port, source, log } = replayWith({ isDurable: true });
  source.retain("a", "1", { qos: 1 });
  subscribe("#");
  log.take();
  port.isFull = true;
  replay.send(port, 0);
  assertEquals(log.take(), ["begin", "end"]);
});

Deno.test("A durable session that has to wait keeps the topic after which it resumes", () => {
  const { replay, subscribe, port, source, log, inflight } = replayWith({
    isDurable: true,
    port: { receiveMaximum: 1 },
  });
  for (const topic of ["a", "b"]) source.retain(topic, "1", { qos: 1 });
  subscribe("#");
  log.take();
  replay.send(port, 0);
  const due = 'subscribed # QoS 1, due 1 times after "a" up to 2, then up to 2';
  assertEquals(log.take(), ["begin", 'queued 1 a "1" QoS 1 #1 retain', due, "end"]);
  replay.send(port, 0);
  assertEquals(log.take(), ["begin", "end"], "nothing has changed since");
  replay.detach();
  inflight.puback(1, 0);
  log.take();
  replay.send(port, 0);
  assertEquals([port.take().at(-1), source.asked], ['b "1" QoS 1 #2 retain', ["", "a"]]);
});

Deno.test("A durable session keeps that no message is due where none was retained", () => {
  const { replay, subscribe, port, log } = replayWith({ isDurable: true });
  subscribe("#");
  log.take();
  replay.send(port, 0);
  assertEquals(log.take(), ["begin", "subscribed # QoS 1", "end"]);
});

Deno.test("A restored subscription that has to wait writes nothing, and takes back no other change when it goes on", () => {
  const { replay, subscriptions, port, source, log } = replayWith({ isDurable: true });
  source.retain("a", "1", { qos: 1 });
  subscriptions.set("#", subscriptionOf("#"));
  log.write({ kind: "sessionEnded", clientId: "other" });
  replay.restore(filterOf("#"), { after: "", until: 1, passes: 1, passesUntil: 1 });
  port.isFull = true;
  replay.send(port, 0);
  port.isFull = false;
  replay.send(port, 0);
  const sent = ['queued 1 a "1" QoS 1 #1 retain', "subscribed # QoS 1"];
  assertEquals(log.take(), ["sessionEnded", "begin", "end", "begin", ...sent, "end"]);
});

Deno.test("Passes end with the first that finds nothing, also after one that has found something", () => {
  const { replay, subscribe, port, source } = replayWith();
  source.items.push({ message: messageOf("$SYS/x", "1"), sequence: undefined });
  for (let count = 0; count < 4; count++) subscribe("#");
  port.onSent = () => source.items = [];
  replay.send(port, 0);
  assertEquals([port.take().length, source.asked.length], [1, 2]);
});

Deno.test("Messages of a durable session are kept 128 at a time, or 128 KiB", () => {
  for (const [text, counts] of [["1", [128, 2]], ["1".repeat(65_533), [2, 2]]] as const) {
    const { replay, subscribe, port, source, log } = replayWith({
      isDurable: true,
      limits: { maximumOutboxBytes: 100_000_000, maximumInflight: 1_000 },
    });
    for (let topic = 100; topic < 100 + counts[0] + counts[1]; topic++) source.retain(String(topic), text, { qos: 1 });
    subscribe("#");
    log.take();
    replay.send(port, 0);
    const sizes: number[] = [];
    for (const line of log.take()) {
      if (line === "begin") sizes.push(0);
      else if (line.startsWith("queued")) sizes[sizes.length - 1] = (sizes.at(-1) ?? 0) + 1;
    }
    assertEquals(sizes.filter((size) => size > 0), [...counts]);
  }
});

Deno.test("A message that the broker tells of itself is not kept, and the place does not move", () => {
  const { replay, subscribe, port, source, log } = replayWith({ isDurable: true, port: { receiveMaximum: 1 } });
  source.items.push({ message: messageOf("$SYS/x", "1"), sequence: undefined });
  source.retain("a", "1", { qos: 1 });
  source.retain("b", "1", { qos: 1 });
  subscribe("#");
  log.take();
  replay.send(port, 0);
  assertEquals(log.take().at(-2), 'subscribed # QoS 1, due 1 times after "a" up to 2, then up to 2');
});

Deno.test("A restored subscription gets the rest of its messages, and the passes after that from the beginning", () => {
  const { replay, subscriptions, port, source, log } = replayWith({ isDurable: true });
  source.retain("a", "1", { qos: 2 });
  source.retain("b", "2", { qos: 2 });
  source.retain("c", "3", { qos: 2 });
  subscriptions.set("#", subscriptionOf("#", { qos: 2 }));
  replay.restore(filterOf("#"), { after: "a", until: 2, passes: 2, passesUntil: 3 });
  replay.send(port, 0);
  assertEquals(
    port.take(),
    ["b", "a", "b", "c"].map((topic, index) => `${topic} "${"abc".indexOf(topic) + 1}" QoS 2 #${index + 1} retain`),
  );
  assertEquals([source.asked, log.take().at(-2), replay.isEmpty], [["a", ""], "subscribed # QoS 2", true]);
});

Deno.test("A pass that had come to its end before a restart is followed by the next one", () => {
  const { replay, subscriptions, port, source } = replayWith({ isDurable: true });
  source.retain("a", "1");
  subscriptions.set("#", subscriptionOf("#"));
  replay.restore(filterOf("#"), { after: "a", until: 1, passes: 2, passesUntil: 1 });
  replay.send(port, 0);
  assertEquals([port.take(), source.asked], [['a "1" retain'], ["a", ""]]);
});

Deno.test("Requests whose SUBACK was lost with the connection begin with the next one", () => {
  const { replay, subscriptions, port, source } = replayWith({ isDurable: true });
  source.retain("a", "1");
  subscriptions.set("#", subscriptionOf("#"));
  replay.request(filterOf("#"));
  replay.detach();
  replay.attach();
  replay.begin("#"); // No SUBACK is on its way.
  replay.send(port, 0);
  assertEquals([port.take(), replay.isEmpty], [['a "1" retain'], true]);
});

Deno.test("A session that ends with its connection is asked for messages in any order, and another one in order", () => {
  for (const [isDurable, after] of [[false, undefined], [true, ""]] as const) {
    const { replay, subscribe, port, source } = replayWith({ isDurable });
    subscribe("#");
    replay.send(port, 0);
    assertEquals(source.asked, [after]);
  }
});

Deno.test("A retained message with QoS 0 of a durable session leaves with the change that says so, not before", () => {
  const { replay, subscribe, port, source, log } = replayWith({ isDurable: true });
  source.retain("a", "1");
  subscribe("#");
  replay.send(port, 0);
  assertEquals([port.take(log.writtenSequence - 1), port.take(log.writtenSequence)], [[], ['a "1" retain']]);
});

for (const qos of [0, 1] as const satisfies readonly QoS[]) {
  Deno.test(`A retained message with QoS ${qos} waits where it is retained, and not in the queue`, () => {
    const { replay, subscribe, port, source, queue, delivery } = replayWith({ port: { receiveMaximum: 1 } });
    source.retain("a", "1", { qos });
    subscribe("#");
    if (qos === 1) delivery.deliver(messageOf("x", "1", { qos: 1 }), optionsOf(1), 0);
    else queue.addQos0({ message: messageOf("x", "1"), retain: false, subscriptionIdentifiers: [] });
    const { count } = queue;
    replay.send(port, 0);
    assertEquals([queue.count, source.asked, replay.isEmpty], [count, [], false]);
  });
}
