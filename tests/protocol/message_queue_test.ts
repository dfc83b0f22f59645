import { assertEquals } from "@std/assert";
import { ENTRY_BYTES } from "../../src/protocol/backlog.ts";
import { SessionChanges } from "../../src/protocol/change.ts";
import type { Limits } from "../../src/protocol/limits.ts";
import { MessageQueue, type QueuedMessage } from "../../src/protocol/message_queue.ts";
import { contextWith, entryOf, FakeHolding, messageOf } from "./session_parts.ts";

/** Bytes of a message with topic `x` and a text of one character. */
const BYTES = 2;
const PAGE_MESSAGES = 2_048;

const FEW_MESSAGES = 512;

function queueWith(limits: Partial<Limits> = {}, holding?: FakeHolding) {
  const context = contextWith(limits);
  const queue = new MessageQueue(new SessionChanges("c", true, context.log), context, holding);
  /** Lets one more message wait. */
  const add = (text = "1", expirySeconds?: number) => {
    const properties = expirySeconds === undefined ? {} : { messageExpiryInterval: expirySeconds };
    const message = messageOf("x", text, { qos: 1, properties });
    const entry = entryOf(queue.nextSequence(), message);
    queue.add(entry, message);
    return entry;
  };
  /** Gives one back as a storage does. */
  const load = (sequence: number, more: Partial<QueuedMessage> = {}, text = "1") => {
    const message = messageOf("x", text, { qos: 1 });
    queue.load(entryOf(sequence, message, more), message);
  };
  return { context, queue, add, load, log: context.log };
}

/** Sequences of all messages that come out. */
function sequencesOf(queue: MessageQueue, nowMs = 0): number[] {
  const sequences: number[] = [];
  while (queue.isAnyInMemory) {
    const entry = queue.shift(nowMs);
    if (entry !== undefined) sequences.push(entry.sequence);
  }
  return sequences;
}

Deno.test("A MessageQueue is empty at first, and holds nothing", () => {
  const { queue } = queueWith();
  assertEquals([queue.isEmpty, queue.isAnyInMemory, queue.isQos0Waiting], [true, false, false]);
  assertEquals([queue.count, queue.bytes, queue.backlogBytes], [0, 0, 0]);
  assertEquals([queue.shift(0), queue.shiftQos0()], [undefined, undefined]);
  assertEquals(queue.wantsPage, false);
});

Deno.test("MessageQueue.nextSequence() counts up from 1", () => {
  const { queue } = queueWith();
  assertEquals([queue.nextSequence(), queue.nextSequence(), queue.nextSequence()], [1, 2, 3]);
});

Deno.test("MessageQueue.nextSequence() gives no number again that a storage has given", () => {
  const { queue, load } = queueWith();
  queue.restoreBacklog(7, 0, 0);
  assertEquals(queue.nextSequence(), 8);
  queue.beginRestore();
  load(20);
  assertEquals(queue.nextSequence(), 21);
  load(3);
  assertEquals(queue.nextSequence(), 22);
});

Deno.test("MessageQueue gives messages in the order in which they came [MQTT-4.6.0-6]", () => {
  const { queue, add } = queueWith();
  queue.attach();
  for (let count = 0; count < 5; count++) add();
  assertEquals(Array.from(queue.values(), ({ sequence }) => sequence), [1, 2, 3, 4, 5]);
  assertEquals(sequencesOf(queue), [1, 2, 3, 4, 5]);
  assertEquals([queue.isEmpty, queue.count, queue.bytes], [true, 0, 0]);
});

Deno.test("MessageQueue counts messages and bytes in memory, with and without their entries", () => {
  const { queue, add, context } = queueWith();
  queue.attach();
  add("12345");
  add("1");
  assertEquals([queue.count, queue.bytes], [2, 6 + BYTES]);
  assertEquals(queue.backlogBytes, 6 + BYTES + 2 * ENTRY_BYTES);
  assertEquals(context.backlog.bytes, 6 + BYTES + 2 * ENTRY_BYTES);
  queue.shift(0);
  assertEquals([queue.count, queue.bytes, queue.backlogBytes], [1, BYTES, BYTES + ENTRY_BYTES]);
  assertEquals(context.backlog.bytes, BYTES + ENTRY_BYTES);
});

Deno.test("A message that waits in two queues counts once in the backlog of all", () => {
  const context = contextWith();
  const message = messageOf("x", "1", { qos: 1 });
  const queues = ["a", "b"].map((clientId) =>
    new MessageQueue(new SessionChanges(clientId, true, context.log), context, undefined)
  );
  for (const queue of queues) {
    queue.attach();
    queue.add(entryOf(1, message), message);
  }
  assertEquals(context.backlog.bytes, BYTES + ENTRY_BYTES);
  queues[0]?.detach(0);
  assertEquals(context.backlog.bytes, BYTES + ENTRY_BYTES);
  queues[1]?.shift(0);
  assertEquals(context.backlog.bytes, 0);
});

Deno.test("Without a connection MessageQueue leaves messages to the storage, and counts them", () => {
  const { queue, add, context } = queueWith();
  add("1");
  add("12");
  assertEquals([queue.count, queue.bytes], [2, 2 * BYTES + 1]);
  assertEquals([queue.isAnyInMemory, [...queue.values()]], [false, []]);
  assertEquals(context.backlog.bytes, 0);
});

Deno.test("MessageQueue.detach() leaves to the storage what is in memory, and what is in flight", () => {
  const { queue, add, context } = queueWith();
  queue.attach();
  add("1");
  add("12");
  queue.detach(3);
  assertEquals([queue.count, queue.bytes], [5, 2 * BYTES + 1]);
  assertEquals([queue.isAnyInMemory, queue.isEmpty, context.backlog.bytes], [false, true, 0]);
  add("1");
  assertEquals([queue.count, queue.isAnyInMemory], [6, false]);
});

Deno.test("The backlog of a client has what is in memory and what is still in the storage, and entries of the former", () => {
  const { queue, load } = queueWith();
  queue.restoreBacklog(9, 3, 30);
  queue.beginRestore();
  queue.attach();
  load(1);
  assertEquals([queue.bytes, queue.backlogBytes], [30, 30 + ENTRY_BYTES]);
});

Deno.test("MessageQueue.detach() watches messages that come then, though not all had come back", () => {
  const { queue, add, load, context } = queueWith({ maximumQueuedMessages: 2 });
  queue.restoreBacklog(2, 2, 2 * BYTES);
  queue.beginRestore();
  load(1);
  queue.detach(0);
  add("1", 5);
  assertEquals(queue.limitOffline(messageOf("x", "1", { qos: 1 }), 5_000), "maximumQueuedMessages");
  assertEquals([context.dropped.expired, queue.count], [1, 2]);
});

Deno.test("After MessageQueue.unlink() messages wait as without a connection", () => {
  const { queue, add } = queueWith();
  queue.attach();
  add();
  queue.unlink();
  add();
  assertEquals(Array.from(queue.values(), ({ sequence }) => sequence), [1]);
  assertEquals(queue.count, 2);
});

Deno.test("A message that expires without its connection stays in the backlog of all while it waits in memory for another session", () => {
  const { queue, add, context } = queueWith({ maximumQueuedMessages: 1 });
  queue.attach();
  const { message } = add("1", 5);
  if (message !== undefined) context.backlog.add(message);
  queue.detach(0);
  assertEquals(queue.limitOffline(messageOf("x", "1", { qos: 1 }), 5_000), undefined);
  assertEquals([context.dropped.expired, context.backlog.bytes], [1, (message?.size ?? 0) + ENTRY_BYTES]);
});

// Pages

Deno.test("A page begins after 0, and the next one after the last message that came", () => {
  const { queue, load } = queueWith();
  queue.restoreBacklog(9, 4, 8);
  queue.beginRestore();
  assertEquals(queue.beginPage(), { until: 9, after: 0 });
  load(2);
  load(5);
  assertEquals(queue.beginPage(), { until: 9, after: 5 });
});

Deno.test("MessageQueue.endPage() goes on after what was asked for, though it had fewer messages", () => {
  const { queue, load } = queueWith();
  queue.restoreBacklog(9, 1, BYTES);
  queue.beginRestore();
  load(2);
  queue.endPage(9);
  assertEquals(queue.beginPage(), { until: 9, after: 9 });
});

Deno.test("MessageQueue.endPage() does not go back behind a message that came meanwhile", () => {
  const { queue, load } = queueWith();
  queue.beginRestore();
  load(12);
  queue.endPage(9);
  assertEquals(queue.beginPage().after, 12);
});

for (const [bound, text, messages] of [["messages", "1", PAGE_MESSAGES], ["bytes", "1".repeat(65_535), 16]] as const) {
  Deno.test(`A page is full with so many ${bound}, and the next one begins empty`, () => {
    const { queue, load } = queueWith();
    queue.restoreBacklog(10_000, 10_000, 10_000 * text.length);
    queue.beginRestore();
    queue.beginPage();
    for (let sequence = 1; sequence < messages; sequence++) load(sequence, {}, text);
    assertEquals(queue.isPageFull, false);
    load(messages, {}, text);
    assertEquals(queue.isPageFull, true);
    queue.beginPage();
    assertEquals(queue.isPageFull, false);
  });
}

Deno.test("Messages in flight come back with a page, and neither wait nor fill it", () => {
  const { queue, load } = queueWith();
  queue.restoreBacklog(3_000, 3_000, 6_000);
  queue.beginRestore();
  queue.beginPage();
  for (let sequence = 1; sequence <= PAGE_MESSAGES; sequence++) load(sequence, { packetIdentifier: sequence });
  assertEquals([queue.isPageFull, queue.isAnyInMemory], [false, false]);
  assertEquals(queue.count, 3_000 - PAGE_MESSAGES);
  assertEquals(queue.beginPage().after, PAGE_MESSAGES);
});

Deno.test("While some messages are in the storage only, new ones line up there after them [MQTT-4.6.0-6]", () => {
  const { queue, add, load } = queueWith();
  queue.restoreBacklog(2, 2, 2 * BYTES);
  queue.beginRestore();
  queue.beginPage();
  load(1);
  queue.attach();
  assertEquals(queue.isEmpty, false);
  assertEquals(add().sequence, 3);
  assertEquals([queue.count, Array.from(queue.values(), ({ sequence }) => sequence)], [3, [1]]);
  assertEquals(sequencesOf(queue), [1]);
  assertEquals(queue.isEmpty, false, "two are in the storage");
  const { after } = queue.beginPage();
  assertEquals(after, 1);
  load(2);
  load(3);
  queue.endPage(3);
  assertEquals(sequencesOf(queue), [2, 3]);
  assertEquals(queue.isEmpty, true);
  assertEquals(add().sequence, 4);
  assertEquals(sequencesOf(queue), [4], "in memory again");
});

Deno.test("A message that came after a page was read keeps new ones in the storage until it has come back", () => {
  const { queue, add, load } = queueWith();
  queue.restoreBacklog(1, 1, BYTES);
  queue.beginRestore();
  queue.attach();
  const { until } = queue.beginPage();
  add(); // While the page is read.
  load(1);
  queue.endPage(until);
  assertEquals(sequencesOf(queue), [1]);
  assertEquals([queue.isEmpty, queue.wantsPage], [false, true]);
  queue.beginPage();
  load(2);
  queue.endPage(2);
  assertEquals([sequencesOf(queue), queue.isEmpty], [[2], true]);
});

Deno.test("A page that was cut short leaves the session with messages in the storage", () => {
  const { queue, load } = queueWith();
  queue.restoreBacklog(2, 2, 2 * BYTES);
  queue.beginRestore();
  queue.beginPage();
  load(2); // The last one, but nothing says that none is left before it is read to the end.
  queue.attach();
  assertEquals(sequencesOf(queue), [2]);
  assertEquals(queue.isEmpty, false);
});

Deno.test("All that came back before the connection was there lets new messages wait in memory", () => {
  const { queue, add, load } = queueWith();
  queue.restoreBacklog(1, 1, BYTES);
  queue.beginRestore();
  const { until } = queue.beginPage();
  load(1);
  queue.endPage(until);
  assertEquals(queue.isEmpty, false);
  queue.attach();
  add();
  assertEquals(sequencesOf(queue), [1, 2]);
  assertEquals([queue.isEmpty, queue.count, queue.bytes], [true, 0, 0]);
});

Deno.test("What a storage says that it has and does not give is not counted for good", () => {
  const { queue } = queueWith();
  queue.restoreBacklog(5, 3, 30);
  queue.beginRestore();
  queue.attach();
  queue.beginPage();
  queue.endPage(5);
  assertEquals([queue.count, queue.bytes, queue.isEmpty], [0, 0, true]);
});

Deno.test("A storage that gives more than it says makes no sum negative", () => {
  const { queue, load } = queueWith();
  queue.restoreBacklog(2, 1, 1);
  queue.beginRestore();
  load(1);
  load(2);
  assertEquals([queue.count, queue.bytes], [2, 2 * BYTES]);
});

Deno.test(`A page is wanted with fewer than ${FEW_MESSAGES} messages in memory, and others in the storage`, () => {
  const { queue, add, load } = queueWith();
  queue.restoreBacklog(1_000, 1_000, 2_000);
  queue.beginRestore();
  queue.beginPage();
  queue.attach();
  for (let sequence = 1; sequence <= FEW_MESSAGES; sequence++) load(sequence);
  assertEquals(queue.wantsPage, false);
  queue.shift(0);
  assertEquals(queue.wantsPage, true);
  queue.endPage(1_000);
  assertEquals(queue.wantsPage, false, "all have come back");
  sequencesOf(queue);
  add();
  assertEquals(queue.wantsPage, false);
});

Deno.test("MessageQueue.detach() and beginRestore() begin anew: what came back is in the storage as before", () => {
  const { queue, load } = queueWith();
  queue.restoreBacklog(3, 3, 3 * BYTES);
  queue.beginRestore();
  queue.beginPage();
  load(1);
  load(2);
  queue.detach(0);
  assertEquals([queue.count, queue.bytes, queue.isAnyInMemory], [3, 3 * BYTES, false]);
  queue.beginRestore();
  assertEquals(queue.beginPage(), { until: 3, after: 0 });
});

// QoS 0

Deno.test("Messages with QoS 0 wait apart, in their order, and count with their entries", () => {
  const { queue, context } = queueWith();
  queue.attach();
  const messages = ["1", "2"].map((text) => messageOf("x", text));
  for (const message of messages) queue.addQos0({ message, retain: false, subscriptionIdentifiers: [] });
  assertEquals([queue.isQos0Waiting, queue.isEmpty, queue.isAnyInMemory, queue.count], [true, true, false, 2]);
  assertEquals([queue.bytes, queue.backlogBytes], [2 * (BYTES + ENTRY_BYTES), 2 * (BYTES + ENTRY_BYTES)]);
  assertEquals(context.backlog.bytes, 2 * (BYTES + ENTRY_BYTES));
  assertEquals(queue.shiftQos0()?.message, messages[0]);
  assertEquals([queue.isQos0Waiting, queue.bytes, context.backlog.bytes], [
    true,
    BYTES + ENTRY_BYTES,
    BYTES + ENTRY_BYTES,
  ]);
  assertEquals(queue.shiftQos0()?.message, messages[1]);
  assertEquals([queue.isQos0Waiting, queue.count, queue.bytes, context.backlog.bytes], [false, 0, 0, 0]);
  assertEquals(queue.shiftQos0(), undefined);
});

Deno.test("MessageQueue.detach() drops QoS 0: it is for clients that are connected", () => {
  const { queue, context } = queueWith();
  queue.attach();
  queue.addQos0({ message: messageOf("x", "1"), retain: false, subscriptionIdentifiers: [] });
  queue.detach(0);
  assertEquals([queue.isQos0Waiting, queue.count, queue.bytes, context.backlog.bytes], [false, 0, 0, 0]);
});

// Limits

Deno.test("Without a connection maximumQueuedMessages bounds the queue", () => {
  const { queue, add } = queueWith({ maximumQueuedMessages: 2 });
  const message = messageOf("x", "1", { qos: 1 });
  add();
  assertEquals(queue.limitOffline(message, 0), undefined);
  add();
  assertEquals(queue.limitOffline(message, 0), "maximumQueuedMessages");
});

Deno.test("Without a connection maximumQueuedBytes bounds payloads and topics, to the byte", () => {
  const { queue, add } = queueWith({ maximumQueuedBytes: 2 * BYTES });
  add();
  assertEquals(queue.limitOffline(messageOf("x", "1", { qos: 1 }), 0), undefined);
  assertEquals(queue.limitOffline(messageOf("x", "12", { qos: 1 }), 0), "maximumQueuedBytes");
});

Deno.test("Messages that were in flight count for maximumQueuedMessages without a connection", () => {
  const { queue } = queueWith({ maximumQueuedMessages: 2 });
  queue.attach();
  queue.detach(2);
  assertEquals(queue.limitOffline(messageOf("x", "1", { qos: 1 }), 0), "maximumQueuedMessages");
});

Deno.test("With a connection maximumQueuedMessages does not bound the queue", () => {
  const { queue, add } = queueWith({ maximumQueuedMessages: 1 });
  queue.attach();
  for (let count = 0; count < 10; count++) add();
  assertEquals(queue.limitOnline(messageOf("x", "1", { qos: 1 }), 0, 0), undefined);
});

Deno.test("With a connection entries count for maximumQueuedBytes, to the byte, while the client takes nothing", () => {
  const limits = { maximumQueuedBytes: 2 * (BYTES + ENTRY_BYTES), writeTimeoutMs: 1_000 };
  const { queue, add } = queueWith(limits);
  queue.attach();
  add();
  assertEquals(queue.limitOnline(messageOf("x", "1", { qos: 1 }), Infinity, 0), undefined);
  assertEquals(queue.limitOnline(messageOf("x", "12", { qos: 1 }), Infinity, 0), "maximumQueuedBytes");
});

Deno.test("A client that takes bytes may have a backlog beyond maximumQueuedBytes, up to its own bounds", () => {
  const backlog = 3 * (BYTES + ENTRY_BYTES);
  const limits = { maximumQueuedBytes: 1, maximumBacklogBytes: backlog, writeTimeoutMs: 1_000 };
  const { queue, add } = queueWith(limits);
  queue.attach();
  const message = messageOf("x", "1", { qos: 1 });
  add();
  add();
  assertEquals(queue.limitOnline(message, 99, 0), undefined);
  assertEquals(queue.limitOnline(message, 100, 0), "maximumQueuedBytes", "a tenth of writeTimeoutMs without progress");
  add();
  assertEquals(queue.limitOnline(message, 99, 0), "maximumBacklogBytes");
});

Deno.test("maximumTotalBacklogBytes bounds the backlogs of all sessions", () => {
  const limits = { maximumQueuedBytes: 1, maximumTotalBacklogBytes: 2 * (BYTES + ENTRY_BYTES) };
  const { queue, add, context } = queueWith(limits);
  const message = messageOf("x", "1", { qos: 1 });
  queue.attach();
  add();
  assertEquals(queue.limitOnline(message, 0, 0), undefined);
  context.backlog.add(messageOf("x", "1", { qos: 1 })); // Of another session.
  assertEquals(queue.limitOnline(message, 0, 0), "maximumTotalBacklogBytes");
  message.waiting = 1; // It waits for another session anyway.
  assertEquals(queue.limitOnline(message, 0, 0), undefined);
});

Deno.test("QoS 0 that waits counts for the backlog of a client, and its limit is that of the outbox while it takes nothing", () => {
  const limits = { maximumBacklogBytes: 2 * (BYTES + ENTRY_BYTES), writeTimeoutMs: 1_000 };
  const { queue } = queueWith(limits);
  const message = messageOf("x", "1");
  queue.attach();
  queue.addQos0({ message, retain: false, subscriptionIdentifiers: [] });
  assertEquals(queue.limitQos0(message, 99), undefined);
  assertEquals(queue.limitQos0(message, 100), "maximumOutboxBytes");
  queue.addQos0({ message, retain: false, subscriptionIdentifiers: [] });
  assertEquals(queue.limitQos0(message, 99), "maximumBacklogBytes");
});

Deno.test("QoS 0 apart does not count for maximumQueuedBytes", () => {
  const { queue } = queueWith({ maximumQueuedBytes: BYTES + ENTRY_BYTES });
  queue.attach();
  queue.addQos0({ message: messageOf("x", "1"), retain: false, subscriptionIdentifiers: [] });
  assertEquals(queue.limitOnline(messageOf("x", "1", { qos: 1 }), Infinity, 0), undefined);
});

// Expiry

Deno.test("MessageQueue.shift() leaves out a message that has expired, and completes it [MQTT-3.3.2-5]", () => {
  const { queue, add, log, context } = queueWith();
  queue.attach();
  add("1", 1);
  add("2", 2);
  assertEquals(queue.shift(1_000), undefined);
  assertEquals([context.dropped.expired, log.take()], [1, ["completed 1"]]);
  assertEquals(queue.shift(1_999)?.sequence, 2);
  assertEquals([context.dropped.expired, log.take(), queue.count], [1, [], 0]);
});

for (const isOnline of [false, true]) {
  const where = isOnline ? "with" : "without";
  Deno.test(`Messages that have expired make room for others ${where} a connection [MQTT-3.3.2-5]`, () => {
    const limits = { maximumQueuedMessages: 2, maximumQueuedBytes: 2 * (BYTES + ENTRY_BYTES), maximumBacklogBytes: 0 };
    const { queue, add, log, context } = queueWith(limits);
    if (isOnline) queue.attach();
    const message = messageOf("x", "1", { qos: 1 });
    const limitAt = (nowMs: number) =>
      isOnline ? queue.limitOnline(message, Infinity, nowMs) : queue.limitOffline(message, nowMs);
    add("1", 5);
    add("2");
    assertEquals(limitAt(4_999), isOnline ? "maximumQueuedBytes" : "maximumQueuedMessages");
    assertEquals([context.dropped.expired, log.take()], [0, []]);
    assertEquals(limitAt(5_000), undefined);
    assertEquals([context.dropped.expired, log.take(), queue.count, queue.bytes], [1, ["completed 1"], 1, BYTES]);
    assertEquals(context.backlog.bytes, isOnline ? BYTES + ENTRY_BYTES : 0);
    const large = messageOf("x", "1".repeat(1_000), { qos: 1 });
    if (isOnline) queue.limitOnline(large, Infinity, 5_000);
    else queue.limitOffline(large, 5_000);
    if (isOnline) assertEquals(sequencesOf(queue, 5_000), [2]);
    assertEquals([context.dropped.expired, log.take()], [1, []], "once");
    assertEquals([queue.count, context.backlog.bytes], [isOnline ? 0 : 1, 0]);
  });
}

Deno.test("A message that was sent does not make room when it expires", () => {
  const { queue, add, context } = queueWith({ maximumQueuedMessages: 1 });
  queue.attach();
  add("1", 5);
  const entry = queue.shift(0);
  if (entry !== undefined) entry.packetIdentifier = 1;
  queue.detach(1);
  assertEquals(queue.limitOffline(messageOf("x", "1", { qos: 1 }), 6_000), "maximumQueuedMessages");
  assertEquals([context.dropped.expired, queue.count], [0, 1]);
});

Deno.test("A message that was sent does not make room with the connection either, and is not completed when it expires", () => {
  const { queue, add, context, log } = queueWith({ maximumQueuedBytes: 1, maximumBacklogBytes: 0 });
  queue.attach();
  const entry = add("1", 5);
  queue.shift(0);
  entry.packetIdentifier = 1;
  assertEquals(queue.limitOnline(messageOf("x", "1", { qos: 1 }), Infinity, 6_000), "maximumQueuedBytes");
  assertEquals([context.dropped.expired, log.take()], [0, []]);
});

Deno.test("A message that waited in memory makes room when it expires without the connection", () => {
  const { queue, add, log, context } = queueWith({ maximumQueuedMessages: 1 });
  queue.attach();
  add("1", 5);
  queue.detach(0);
  assertEquals(queue.limitOffline(messageOf("x", "1", { qos: 1 }), 4_999), "maximumQueuedMessages");
  assertEquals(queue.limitOffline(messageOf("x", "1", { qos: 1 }), 5_000), undefined);
  assertEquals([context.dropped.expired, log.take(), queue.count], [1, ["completed 1"], 0]);
  assertEquals(context.backlog.bytes, 0);
});

Deno.test("Messages that come back are watched once, not as those of before the connection too", () => {
  const { queue, add, context } = queueWith({ maximumQueuedMessages: 1 });
  add("1", 5);
  queue.beginRestore();
  const message = messageOf("x", "1", { qos: 1, properties: { messageExpiryInterval: 5 } });
  queue.load(entryOf(1, message), message);
  queue.limitOnline(messageOf("x", "1".repeat(20_000_000), { qos: 1 }), Infinity, 5_000);
  assertEquals(context.dropped.expired, 1);
});

Deno.test("Of messages in the storage without a connection 10,000 are watched, and the others expire when they are sent", () => {
  const { queue, add, context } = queueWith({ maximumQueuedMessages: 10_001 });
  for (let count = 0; count < 10_001; count++) add("1", 1);
  assertEquals(queue.limitOffline(messageOf("x", "1", { qos: 1 }), 1_000), undefined);
  assertEquals([context.dropped.expired, queue.count], [10_000, 1]);
});

Deno.test("Messages that line up in the storage with a connection are not watched: they come back soon", () => {
  const { queue, add, context } = queueWith();
  queue.restoreBacklog(1, 1, BYTES);
  queue.beginRestore();
  queue.attach();
  add("1", 1);
  queue.limitOnline(messageOf("x", "1".repeat(20_000_000), { qos: 1 }), Infinity, 1_000);
  assertEquals([context.dropped.expired, queue.count], [0, 2]);
});

// Held bytes

Deno.test("Messages of a session count for what it holds with their entries, as long as it has no connection", () => {
  const holding = new FakeHolding();
  const { queue, add } = queueWith({}, holding);
  add();
  add();
  assertEquals(holding.bytes, 2 * (BYTES + ENTRY_BYTES));
  queue.beginRestore();
  queue.attach();
  assertEquals(holding.bytes, 2 * (BYTES + ENTRY_BYTES), "they are in the storage");
  queue.beginPage();
  assertEquals(holding.bytes, 2 * (BYTES + ENTRY_BYTES));
});

Deno.test("Messages in memory count for what the session holds when its connection is gone, those in flight included", () => {
  const holding = new FakeHolding();
  const { queue, add } = queueWith({}, holding);
  queue.attach();
  add();
  assertEquals(holding.bytes, 0);
  queue.detach(2);
  assertEquals(holding.bytes, BYTES + 3 * ENTRY_BYTES);
});

Deno.test("Messages that have come back count no longer, once there is a connection", () => {
  const holding = new FakeHolding();
  const { queue, load } = queueWith({}, holding);
  queue.restoreBacklog(2, 2, 2 * BYTES);
  assertEquals(holding.bytes, 2 * (BYTES + ENTRY_BYTES));
  queue.beginRestore();
  queue.beginPage();
  load(1);
  load(2);
  queue.endPage(2);
  assertEquals(holding.bytes, 2 * (BYTES + ENTRY_BYTES), "without one");
  queue.attach();
  assertEquals(holding.bytes, 0);
});

Deno.test("Messages that line up in the storage with a connection count as they come, and as they come back", () => {
  const holding = new FakeHolding();
  const { queue, add, load } = queueWith({}, holding);
  queue.restoreBacklog(1, 1, BYTES);
  queue.beginRestore();
  queue.attach();
  add();
  assertEquals(holding.bytes, 2 * (BYTES + ENTRY_BYTES));
  queue.beginPage();
  load(1);
  queue.endPage(1);
  assertEquals(holding.bytes, BYTES + ENTRY_BYTES);
  load(2);
  queue.beginPage();
  assertEquals(holding.bytes, 0);
});

Deno.test("The bounds of all that sessions hold keep a message from waiting without a connection, entries included", () => {
  const holding = new FakeHolding();
  const { queue, add } = queueWith({}, holding);
  const message = messageOf("x", "1", { qos: 1 });
  add();
  holding.most = 2 * (BYTES + ENTRY_BYTES);
  assertEquals([queue.limitOffline(message, 0), holding.refusals], [undefined, []]);
  holding.most -= 1;
  assertEquals(queue.limitOffline(message, 0), "maximumSessionBytes");
  assertEquals(holding.refusals, ["messages maximumSessionBytes"]);
});

Deno.test("Messages that have expired make room within what sessions hold, and nothing is refused", () => {
  const holding = new FakeHolding();
  const { queue, add, context } = queueWith({}, holding);
  const message = messageOf("x", "1", { qos: 1 });
  add("1", 5);
  holding.most = BYTES + ENTRY_BYTES;
  assertEquals(queue.limitOffline(message, 4_999), "maximumSessionBytes");
  assertEquals(queue.limitOffline(message, 5_000), undefined);
  assertEquals([holding.bytes, holding.refusals.length, context.dropped.expired], [0, 1, 1]);
});

Deno.test("With a connection the bounds of what sessions hold are not asked", () => {
  const holding = new FakeHolding();
  holding.most = 0;
  const { queue } = queueWith({}, holding);
  queue.attach();
  assertEquals([queue.limitOnline(messageOf("x", "1", { qos: 1 }), 0, 0), holding.refusals], [undefined, []]);
});
