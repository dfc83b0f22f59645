import { assert, assertEquals } from "@std/assert";
import { encodePacket } from "../../src/codec/encoder.ts";
import type { QoS } from "../../src/codec/packet.ts";
import type { ReasonCode } from "../../src/codec/reason_code.ts";
import { SessionChanges } from "../../src/protocol/change.ts";
import { Inflight } from "../../src/protocol/inflight.ts";
import type { Limits } from "../../src/protocol/limits.ts";
import type { QueuedMessage } from "../../src/protocol/message_queue.ts";
import { contextWith, entryOf, FakePort, messageOf, words } from "./session_parts.ts";

function inflightWith(limits: Partial<Limits> = {}, isDurable = true) {
  const context = contextWith(limits);
  const inflight = new Inflight(new SessionChanges("c", isDurable, context.log), context);
  return { context, inflight, log: context.log };
}

Deno.test("Inflight.add() counts up from 1 and sets the identifier of the message", () => {
  const { inflight } = inflightWith();
  const entries = [1, 2, 3].map((sequence) => entryOf(sequence));
  assertEquals(entries.map((each) => inflight.add(each)), [1, 2, 3]);
  assertEquals(entries.map(({ packetIdentifier }) => packetIdentifier), [1, 2, 3]);
  assertEquals(inflight.get(2), entries[1]);
  assertEquals([...inflight.values()], entries);
});

Deno.test("Inflight.add() does not give an identifier again at once, though it is free", () => {
  const { inflight } = inflightWith();
  inflight.add(entryOf(1));
  inflight.puback(1, 0);
  assertEquals(inflight.add(entryOf(2)), 2);
});

Deno.test("Inflight.add() goes from 65,535 to 1 and passes over what is in use [MQTT-2.2.1-4]", () => {
  const { inflight } = inflightWith();
  for (let sequence = 1; sequence <= 65_535; sequence++) inflight.add(entryOf(sequence, undefined, { qos: 1 }));
  assertEquals(inflight.size, 65_535);
  inflight.puback(3, 0);
  assertEquals(inflight.add(entryOf(70_000)), 3);
  inflight.puback(2, 0);
  inflight.puback(65_535, 0);
  assertEquals(inflight.add(entryOf(70_001)), 65_535);
  assertEquals(inflight.add(entryOf(70_002)), 2);
  assertEquals(inflight.size, 65_535);
});

Deno.test("Inflight.restore() keeps identifier and order, and new ones come after them", () => {
  const { inflight } = inflightWith();
  for (const packetIdentifier of [65_534, 65_535, 2]) {
    inflight.restore(entryOf(packetIdentifier, undefined, { packetIdentifier }));
  }
  assertEquals(Array.from(inflight.values(), ({ packetIdentifier }) => packetIdentifier), [65_534, 65_535, 2]);
  assertEquals([inflight.add(entryOf(1)), inflight.add(entryOf(2)), inflight.add(entryOf(3))], [1, 3, 4]);
});

Deno.test("Inflight.add() after Inflight.restore() does not take an identifier that was in use a moment ago", () => {
  const { inflight } = inflightWith();
  for (const packetIdentifier of [7, 5]) inflight.restore(entryOf(packetIdentifier, undefined, { packetIdentifier }));
  assertEquals(inflight.add(entryOf(9)), 8);
});

Deno.test("Inflight.detach() forgets all", () => {
  const { inflight } = inflightWith();
  inflight.add(entryOf(1));
  inflight.detach();
  assertEquals([inflight.size, inflight.get(1)], [0, undefined]);
});

// Send quota

/** Sends so many messages, one after the other. */
function sendAll(inflight: Inflight, port: FakePort, count: number, qos: QoS = 1): QueuedMessage[] {
  return Array.from({ length: count }, (_, index) => {
    const message = messageOf("x", String(index + 1), { qos });
    const entry = entryOf(index + 1, message);
    inflight.add(entry);
    inflight.send(port, entry, message, false, 0);
    return entry;
  });
}

Deno.test("Inflight has no quota before there is a connection", () => {
  const { inflight } = inflightWith();
  assertEquals([inflight.hasQuota, inflight.size, inflight.isResending, inflight.progressMs], [false, 0, false, 0]);
});

for (const [receiveMaximum, maximumInflight] of [[3, 100], [100, 3]] as const) {
  Deno.test(`The send quota is 3 with Receive Maximum ${receiveMaximum} and maximumInflight ${maximumInflight} [MQTT-4.9.0-1] [MQTT-4.9.0-2]`, () => {
    const { inflight } = inflightWith({ maximumInflight });
    const port = new FakePort();
    inflight.attach(receiveMaximum);
    sendAll(inflight, port, 2);
    assertEquals(inflight.hasQuota, true);
    sendAll(inflight, port, 1);
    assertEquals(inflight.hasQuota, false);
  });
}

Deno.test("PUBACK frees one place of the Receive Maximum [MQTT-3.3.4-9]", () => {
  const { inflight } = inflightWith();
  inflight.attach(1);
  sendAll(inflight, new FakePort(), 1);
  assertEquals(inflight.hasQuota, false);
  assertEquals(inflight.puback(1, 5), "completed");
  assertEquals([inflight.hasQuota, inflight.size, inflight.progressMs], [true, 0, 5]);
});

Deno.test("PUBREC frees no place of the Receive Maximum, and PUBCOMP does [MQTT-4.9.0-1]", () => {
  const { inflight } = inflightWith();
  const port = new FakePort();
  inflight.attach(1);
  sendAll(inflight, port, 1, 2);
  assertEquals(inflight.pubrec(port, 1, 0, 5), "none");
  assertEquals([inflight.hasQuota, inflight.size, inflight.progressMs], [false, 1, 5]);
  assertEquals(inflight.pubcomp(1, 6), "completed");
  assertEquals([inflight.hasQuota, inflight.size, inflight.progressMs], [true, 0, 6]);
});

Deno.test("PUBREC with a Reason Code of 0x80 or more ends the message, without PUBREL [MQTT-4.4.0-2]", () => {
  const { inflight, log } = inflightWith();
  const port = new FakePort();
  inflight.attach(1);
  sendAll(inflight, port, 1, 2);
  port.take();
  assertEquals(inflight.pubrec(port, 1, 0x80, 7), "completed");
  assertEquals([inflight.hasQuota, inflight.size, inflight.progressMs], [true, 0, 7]);
  assertEquals([port.take(), log.take()], [[], ["completed 1"]]);
});

Deno.test("The send quota never exceeds the Receive Maximum, however often a message is acknowledged [MQTT-4.9.0-1]", () => {
  const { inflight } = inflightWith();
  const port = new FakePort();
  inflight.attach(2);
  sendAll(inflight, port, 1);
  inflight.attach(2); // As another connection would.
  inflight.puback(1, 0);
  sendAll(inflight, port, 2);
  assertEquals(inflight.hasQuota, false);
});

Deno.test("maximumInflightBytes bounds the bytes in flight: one message more may be sent below it", () => {
  const { inflight } = inflightWith({ maximumInflightBytes: 4 });
  const port = new FakePort();
  inflight.attach(10);
  sendAll(inflight, port, 1);
  assertEquals(inflight.hasQuota, true, "2 bytes");
  sendAll(inflight, port, 1);
  assertEquals(inflight.hasQuota, false, "4 bytes");
  inflight.puback(1, 0);
  assertEquals(inflight.hasQuota, true, "2 bytes");
  sendAll(inflight, port, 1);
  inflight.attach(10);
  assertEquals(inflight.hasQuota, true, "another connection begins with none");
});

Deno.test("Bytes are not counted where nothing bounds them", () => {
  const { inflight } = inflightWith();
  inflight.attach(10);
  assertEquals(sendAll(inflight, new FakePort(), 1)[0]?.bytes, 0);
});

// Acknowledgements

Deno.test("An acknowledgement for an identifier that is not in use is ignored: the message was acknowledged before", () => {
  const { inflight, log } = inflightWith();
  const port = new FakePort();
  inflight.attach(1);
  assertEquals([inflight.puback(1, 0), inflight.pubcomp(1, 0)], ["none", "none"]);
  assertEquals([port.take(), log.take()], [[], []]);
});

Deno.test("PUBREC for an identifier that is not in use is answered with PUBREL 0x92, unless it is a refusal", () => {
  const { inflight } = inflightWith();
  const port = new FakePort();
  inflight.attach(1);
  assertEquals(inflight.pubrec(port, 7, 0x10, 0), "none");
  assertEquals(port.take(), ["pubrel #7 0x92"]);
  assertEquals(inflight.pubrec(port, 7, 0x7f as ReasonCode, 0), "none");
  assertEquals(port.take(), ["pubrel #7 0x92"]);
  assertEquals(inflight.pubrec(port, 7, 0x80, 0), "none");
  assertEquals(port.take(), []);
});

Deno.test("PUBREC that comes after the connection is gone is taken, and nothing can answer it", () => {
  const { inflight, log } = inflightWith();
  inflight.attach(1);
  sendAll(inflight, new FakePort(), 1, 2);
  assertEquals([inflight.pubrec(undefined, 1, 0, 0), inflight.pubrec(undefined, 9, 0, 0)], ["none", "none"]);
  assertEquals(log.take(), ["received 1"]);
});

for (
  const [qos, name, acknowledge] of [
    [1, "PUBREC", (inflight: Inflight, port: FakePort) => inflight.pubrec(port, 1, 0, 9)],
    [1, "PUBCOMP", (inflight: Inflight) => inflight.pubcomp(1, 9)],
    [2, "PUBACK", (inflight: Inflight) => inflight.puback(1, 9)],
    [2, "PUBCOMP before PUBREC", (inflight: Inflight) => inflight.pubcomp(1, 9)],
  ] as const
) {
  Deno.test(`${name} is unexpected for a message with QoS ${qos}, which stays in flight [MQTT-4.3.2-3] [MQTT-4.3.3-5]`, () => {
    const { inflight, log } = inflightWith();
    const port = new FakePort();
    inflight.attach(1);
    sendAll(inflight, port, 1, qos);
    port.take();
    assertEquals(acknowledge(inflight, port), "unexpected");
    assertEquals([inflight.size, inflight.hasQuota, inflight.progressMs], [1, false, 0]);
    assertEquals([port.take(), log.take()], [[], []]);
  });
}

Deno.test("PUBREC is written down and answered with PUBREL, each time that it comes [MQTT-4.3.3-4]", () => {
  const { inflight, log } = inflightWith();
  const port = new FakePort();
  inflight.attach(1);
  sendAll(inflight, port, 1, 2);
  port.take();
  inflight.pubrec(port, 1, 0, 0);
  assertEquals(log.take(), ["received 1"]);
  assertEquals([port.take(0), port.take(1)], [[], ["pubrel #1"]], "when that is durable");
  inflight.pubrec(port, 1, 0, 0);
  assertEquals(port.take(), ["pubrel #1"]);
});

Deno.test("PUBACK and PUBCOMP complete the message in the storage", () => {
  const { inflight, log } = inflightWith();
  const port = new FakePort();
  inflight.attach(9);
  const [one] = sendAll(inflight, port, 1, 1);
  if (one !== undefined) one.queuedAt = log.write({ kind: "sessionEnded", clientId: "c" });
  log.flush(); // The storage has it.
  inflight.puback(1, 0);
  assertEquals(log.take(), ["sessionEnded", "completed 1"]);
  sendAll(inflight, port, 1, 2);
  inflight.pubrec(port, 2, 0, 0);
  inflight.pubcomp(2, 0);
  assertEquals(log.take(), ["received 1", "completed 1"]);
});

Deno.test("A message that is acknowledged before the storage has got it need not be kept", () => {
  const { inflight, log } = inflightWith();
  inflight.attach(9);
  const [entry] = sendAll(inflight, new FakePort(), 1);
  assert(entry !== undefined);
  entry.queuedAt = log.write({ kind: "sessionEnded", clientId: "queued" });
  entry.sentAt = log.write({ kind: "sessionEnded", clientId: "sent" });
  inflight.puback(1, 0);
  assertEquals(log.take(), []);
});

Deno.test("A session that ends with its connection writes nothing, and holds nothing back", () => {
  const { inflight, log } = inflightWith({}, false);
  const port = new FakePort();
  inflight.attach(9);
  sendAll(inflight, port, 1, 2);
  inflight.pubrec(port, 1, 0, 0);
  inflight.pubcomp(1, 0);
  log.writtenSequence = 5;
  assertEquals(port.take(0), ['x "1" QoS 2 #1', "pubrel #1"]);
  assertEquals(log.take(), []);
});

// Sending

Deno.test("Inflight.send() sends PUBLISH with its identifier, and notes when", () => {
  const { inflight } = inflightWith();
  const port = new FakePort();
  inflight.attach(9);
  const message = messageOf("x", "1", { qos: 1 });
  const entry = entryOf(1, message, { retain: true, subscriptionIdentifiers: [7] });
  inflight.add(entry);
  inflight.send(port, entry, message, false, 12);
  assertEquals(port.take(), ['x "1" QoS 1 #1 retain [7]']);
  assertEquals([inflight.progressMs, entry.isSent, entry.message], [12, true, undefined]);
});

Deno.test("PUBLISH with QoS 2 leaves when its identifier is durable, and QoS 1 at once", () => {
  const { inflight, log } = inflightWith();
  const port = new FakePort();
  inflight.attach(9);
  log.write({ kind: "sent", clientId: "c", sequence: 1, packetIdentifier: 1 });
  sendAll(inflight, port, 1, 1);
  assertEquals(port.take(0), ['x "1" QoS 1 #1']);
  sendAll(inflight, port, 1, 2);
  assertEquals([port.take(0), port.take(1)], [[], ['x "1" QoS 2 #2']]);
});

Deno.test("A message with QoS 1 of a Shared Subscription is kept, as another member may have to get it [MQTT-4.8.2-4]", () => {
  for (const [qos, isKept] of [[1, true], [2, false]] as const) {
    const { inflight } = inflightWith();
    inflight.attach(9);
    const message = messageOf("x", "1", { qos });
    const entry = entryOf(1, message, { sharedFilter: "$share/g/x" });
    inflight.add(entry);
    inflight.send(new FakePort(), entry, message, false, 0);
    assertEquals(entry.message, isKept ? message : undefined);
  }
});

for (const isShared of [false, true]) {
  const kind = isShared ? "shared with others" : "of its own";
  Deno.test(`A PUBLISH ${kind} that is larger than the client accepts is left out, counted and completed [MQTT-3.1.2-24] [MQTT-3.1.2-25]`, () => {
    const { inflight, context, log } = inflightWith();
    const size =
      encodePacket({ ...messageOf("x", "1", { qos: 1 }).packet(1, false, 0), packetIdentifier: 1 }, 5).length;
    for (const [maximumPacketBytes, count] of [[size, 0], [size - 1, 1]] as const) {
      const port = new FakePort({ maximumPacketBytes });
      inflight.attach(1);
      const message = messageOf("x", "1", { qos: 1 });
      message.isShared = isShared;
      const entry = entryOf(1, message);
      inflight.add(entry);
      inflight.send(port, entry, message, false, 0);
      assertEquals([context.dropped.tooLarge, port.take().length, inflight.hasQuota], [count, 1 - count, count === 1]);
    }
    assertEquals([log.take(), inflight.size], [["completed 1"], 1]);
  });
}

Deno.test("A message that others get too goes to a client with Topic Aliases in a PUBLISH of its own, with its Subscription Identifiers [MQTT-3.3.4-3]", () => {
  const { inflight } = inflightWith();
  const port = new FakePort({ topicAliasMaximum: 1 });
  inflight.attach(9);
  for (const more of [{}, { subscriptionIdentifiers: [3, 4] }]) {
    const message = messageOf("x", "1", { qos: 1 });
    message.isShared = true;
    const entry = entryOf(1, message, more);
    inflight.add(entry);
    inflight.send(port, entry, message, false, 0);
  }
  assertEquals(port.take(), ['x "1" QoS 1 #1', 'x "1" QoS 1 #2 [3,4]']);
});

Deno.test("A client of MQTT 3.1.1 gets no Subscription Identifier", () => {
  const { inflight } = inflightWith();
  const port = new FakePort({ version: 4 });
  inflight.attach(9);
  for (const isShared of [false, true]) {
    const message = messageOf("x", "1", { qos: 1 });
    message.isShared = isShared;
    const entry = entryOf(1, message, { subscriptionIdentifiers: [3] });
    inflight.add(entry);
    inflight.send(port, entry, message, false, 0);
  }
  assertEquals(port.take(), ['x "1" QoS 1 #1', 'x "1" QoS 1 #2']);
});

for (const isShared of [false, true]) {
  Deno.test(`A connection hears what is sent${isShared ? " from a frame that others share" : ""}, and is woken`, () => {
    const { inflight } = inflightWith();
    const port = new FakePort();
    const heard: string[] = [];
    port.onSent = (packet) => heard.push(words(packet));
    inflight.attach(9);
    const message = messageOf("x", "1", { qos: 1 });
    message.isShared = isShared;
    const entry = entryOf(1, message);
    inflight.add(entry);
    inflight.send(port, entry, message, false, 0);
    assertEquals([heard, port.wakes], [['x "1" QoS 1 #1'], 1]);
    assertEquals(port.take(), heard);
  });
}

// Sent again

/** A session that comes back with messages in flight: QoS 1, 2 and 2, of which the last was received. */
function resumed(receiveMaximum = 65_535, limits: Partial<Limits> = {}) {
  const parts = inflightWith(limits);
  const port = new FakePort();
  const restore = (sequence: number, qos: QoS) =>
    parts.inflight.restore(
      entryOf(sequence, messageOf("x", String(sequence), { qos }), { packetIdentifier: sequence * 10 }),
    );
  restore(1, 1);
  restore(2, 2);
  restore(3, 2);
  parts.inflight.restoreReceived(3);
  parts.inflight.attach(receiveMaximum);
  return { ...parts, port };
}

/** Sends again all that there is to be sent. */
function resend({ inflight, port }: { readonly inflight: Inflight; readonly port: FakePort }): void {
  while (inflight.isResending) {
    const entry = inflight.shiftResend();
    if (entry?.message !== undefined) inflight.send(port, entry, entry.message, true, 0);
  }
}

Deno.test("PUBLISH is sent again with DUP and its identifier, in order, and PUBREL where PUBREC came [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.1-1]", () => {
  const session = resumed();
  assertEquals(session.inflight.size, 3);
  session.inflight.resume(session.port);
  assertEquals([session.port.take(), session.inflight.isResending], [["pubrel #30"], true]);
  resend(session);
  assertEquals(session.port.take(), ['x "1" QoS 1 #10 dup', 'x "2" QoS 2 #20 dup']);
  assertEquals(session.inflight.isResending, false);
});

Deno.test("Nothing is sent again before Inflight.resume(), and only once", () => {
  const session = resumed();
  assertEquals([session.inflight.isResending, session.port.take()], [false, []]);
  session.inflight.resume(session.port);
  resend(session);
  assertEquals(session.inflight.shiftResend(), undefined);
});

Deno.test("A message that waits for PUBCOMP takes a place of the Receive Maximum, also on the next connection", () => {
  const session = resumed(1);
  assertEquals(session.inflight.hasQuota, true);
  session.inflight.resume(session.port);
  assertEquals(session.inflight.hasQuota, false);
  assertEquals(session.inflight.pubcomp(30, 0), "completed");
  assertEquals(session.inflight.hasQuota, true);
});

Deno.test("A message that is sent again takes a place, and its acknowledgement gives it back [MQTT-4.9.0-2]", () => {
  const session = resumed(3);
  session.inflight.resume(session.port);
  resend(session);
  assertEquals(session.inflight.hasQuota, false);
  session.inflight.puback(10, 0);
  assertEquals(session.inflight.hasQuota, true);
});

Deno.test("An acknowledgement of a message that was not sent again yet takes no place away, and gives none", () => {
  const session = resumed(2);
  session.inflight.resume(session.port); // One place is left.
  assertEquals(session.inflight.puback(10, 0), "completed");
  assertEquals(session.inflight.shiftResend(), undefined, "it was acknowledged in the meantime");
  session.inflight.pubrec(session.port, 20, 0, 0);
  assertEquals(session.inflight.shiftResend(), undefined, "PUBREL is sent again, not PUBLISH [MQTT-4.3.3-6]");
  sendAll(session.inflight, session.port, 1);
  assertEquals(session.inflight.hasQuota, false);
});

Deno.test("A new message with the identifier of one that was to be sent again is not taken for it", () => {
  const session = resumed();
  session.inflight.resume(session.port);
  session.inflight.puback(10, 0);
  session.inflight.restore(entryOf(9, undefined, { packetIdentifier: 10 }));
  assertEquals(session.inflight.shiftResend(), undefined);
});

Deno.test("Inflight.restoreReceived() is for the message with the sequence, and no other", () => {
  const session = resumed();
  const received = Array.from(session.inflight.values(), ({ isReceived }) => isReceived);
  assertEquals(received, [false, false, true]);
});

Deno.test("Inflight.detach() forgets what was to be sent again", () => {
  const session = resumed();
  session.inflight.resume(session.port);
  session.inflight.detach();
  assertEquals([session.inflight.isResending, session.inflight.size], [false, 0]);
});

Deno.test("Inflight.giveUp() ends a message with QoS 1 that must not be sent again, and frees its place", () => {
  const session = resumed(2);
  session.inflight.resume(session.port);
  session.port.take();
  const entry = session.inflight.shiftResend();
  assert(entry !== undefined);
  session.inflight.giveUp(session.port, entry);
  assertEquals([session.port.take(), session.log.take()], [[], ["completed 1"]]);
  assertEquals([session.inflight.hasQuota, session.inflight.get(10)], [true, undefined]);
});

Deno.test("Inflight.giveUp() resumes the exchange of a message with QoS 2 with PUBREL: the client may have it", () => {
  const session = resumed(2);
  session.inflight.resume(session.port);
  session.port.take();
  session.inflight.shiftResend();
  const entry = session.inflight.shiftResend();
  assert(entry !== undefined);
  session.inflight.giveUp(session.port, entry);
  assertEquals(session.log.take(), ["received 2"]);
  assertEquals([session.port.take(0), session.port.take(1)], [[], ["pubrel #20"]], "when that is durable");
  assertEquals([session.inflight.hasQuota, entry.message], [false, undefined], "it takes a place until PUBCOMP");
  assertEquals(session.inflight.pubcomp(20, 0), "completed");
  assertEquals(session.inflight.hasQuota, true);
});

for (
  const [qos, changes, packets, hasQuota] of [
    [1, ["completed 1"], [], true],
    [2, ["received 1"], ["pubrel #5"], false],
  ] as const
) {
  Deno.test(`A PUBLISH with QoS ${qos} that has become too large when it is sent again is not sent [MQTT-3.1.2-24]`, () => {
    const { inflight, log, context } = inflightWith({ maximumInflightBytes: 100 });
    const port = new FakePort({ maximumPacketBytes: 6 });
    inflight.restore(entryOf(1, messageOf("x", "123", { qos }), { packetIdentifier: 5 }));
    inflight.attach(1);
    inflight.resume(port);
    resend({ inflight, port });
    assertEquals([log.take(), port.take(), inflight.hasQuota], [[...changes], [...packets], hasQuota]);
    assertEquals(context.dropped.tooLarge, 1);
  });
}
