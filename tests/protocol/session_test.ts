import { assertEquals } from "@std/assert";
import type { QoS } from "../../src/codec/packet.ts";
import type { ClientIdentity } from "../../src/protocol/access.ts";
import { ENTRY_BYTES } from "../../src/protocol/backlog.ts";
import type { QueuedChange } from "../../src/protocol/change.ts";
import { NEVER_EXPIRES } from "../../src/protocol/limit_table.ts";
import type { Limits } from "../../src/protocol/limits.ts";
import { mayGoToAnother, Session } from "../../src/protocol/session.ts";
import { identityBytes, subscriptionBytes, willBytes } from "../../src/protocol/session_holding.ts";
import { contextWith, FakeHolding, FakePort, messageOf, optionsOf, subscriptionOf } from "./session_parts.ts";

const BYTES = 2;
const CLIENT: ClientIdentity = { clientId: "c", principal: undefined, roles: [], grants: [], listener: undefined };

interface Given {
  readonly limits?: Partial<Limits>;
  readonly context?: Parameters<typeof contextWith>[1];
  readonly isDurable?: boolean;
  readonly port?: ConstructorParameters<typeof FakePort>[0];
}

function sessionWith({ limits = {}, context: more = {}, isDurable = true, port: how = {} }: Given = {}) {
  const context = contextWith(limits, more);
  const holding = new FakeHolding();
  const session = new Session("c", context, isDurable ? holding : undefined);
  const port = new FakePort(how);
  const attach = (nowMs = 0) => {
    session.attach(port);
    session.resume(nowMs);
  };
  const deliver = (text: string, qos: QoS = 1, sharedFilter?: string) => {
    const options = sharedFilter === undefined ? optionsOf(2) : optionsOf(2, { sharedFilter });
    session.deliver(messageOf("x", text, { qos }), options, 0);
  };
  return { context, session, holding, port, attach, deliver, log: context.log };
}

function queuedOf(sequence: number, qos: QoS = 1, more: Partial<QueuedChange> = {}): QueuedChange {
  return {
    kind: "queued",
    clientId: "c",
    sequence,
    message: messageOf("x", String(sequence), { qos }),
    qos,
    retain: false,
    subscriptionIdentifiers: [],
    sharedFilter: undefined,
    packetIdentifier: 0,
    ...more,
  };
}

/** A page of what a storage has, from the beginning to its end. */
function restoreAll(session: Session, changes: Parameters<Session["restore"]>[0][]): void {
  session.beginRestore();
  const { until } = session.beginPage();
  for (const change of changes) session.restore(change);
  session.endPage(until);
}

Deno.test("A session begins without a connection, subscriptions and messages", () => {
  const { session } = sessionWith();
  assertEquals([session.clientId, session.isOnline, session.isReady, session.isPumpDue], ["c", false, false, false]);
  assertEquals([session.messageCount, session.messageBytes, session.subscriptions.size, session.received.size], [
    0,
    0,
    0,
    0,
  ]);
  assertEquals([session.livesOn, session.wantsPage, session.isPageFull, session.identity], [
    false,
    false,
    false,
    undefined,
  ]);
});

Deno.test("A session is durable if it counts what outlives its connection", () => {
  assertEquals([sessionWith().session.isDurable, sessionWith({ isDurable: false }).session.isDurable], [true, false]);
});

for (
  const [seconds, livesOn, expiresAtMs] of [[0, false, 5_000], [1, true, 6_000], [
    NEVER_EXPIRES,
    true,
    Infinity,
  ]] as const
) {
  Deno.test(`A session with Session Expiry Interval ${seconds} ${livesOn ? "lives on" : "ends with its connection"} [MQTT-3.1.2-23]`, () => {
    const { session } = sessionWith();
    session.sessionExpirySeconds = seconds;
    assertEquals([session.livesOn, session.expiresAtMs(5_000)], [livesOn, expiresAtMs]);
  });
}

// Subscriptions

Deno.test("Session.addSubscription() puts a subscription in the place of the one with its Topic Filter [MQTT-3.8.4-3]", () => {
  const { session } = sessionWith();
  const [first, second, other] = [subscriptionOf("a/b"), subscriptionOf("a/b", { qos: 2 }), subscriptionOf("a/#")];
  for (const subscription of [first, other, second]) session.addSubscription(subscription);
  assertEquals([...session.subscriptions.values()], [second, other]);
});

Deno.test("Subscriptions count once for what the session holds, until they are deleted", () => {
  const { session, holding } = sessionWith();
  session.addSubscription(subscriptionOf("a/b"));
  assertEquals(holding.bytes, subscriptionBytes(subscriptionOf("a/b").filter));
  session.addSubscription(subscriptionOf("a/b", { qos: 2 }));
  assertEquals(holding.bytes, subscriptionBytes(subscriptionOf("a/b").filter));
  session.deleteSubscription(subscriptionOf("a/b"));
  session.deleteSubscription(subscriptionOf("a/b"));
  assertEquals([holding.bytes, session.subscriptions.size], [0, 0]);
});

Deno.test("A subscription holds 300 bytes, 150 a level, and its Topic Filter", () => {
  assertEquals(subscriptionBytes(subscriptionOf("a").filter), 451);
  assertEquals(subscriptionBytes(subscriptionOf("aa/bb/#").filter), 757);
});

Deno.test("A Will holds 300 bytes, its topic, its payload and its properties", () => {
  const will = { topic: "abc", payload: new Uint8Array(10), qos: 0, retain: false, properties: {} } as const;
  assertEquals([willBytes(undefined), willBytes(will)], [0, 313]);
  assertEquals(willBytes({ ...will, properties: { contentType: "text" } }), 313 + 64 + 4);
});

Deno.test("An identity holds what it has beyond 512 bytes: names, roles and grants", () => {
  const principal = "p".repeat(500);
  assertEquals(identityBytes({ ...CLIENT, clientId: "1".repeat(12), principal }), 0);
  assertEquals(identityBytes({ ...CLIENT, clientId: "1".repeat(13), principal }), 1);
  assertEquals(identityBytes({ ...CLIENT, clientId: "1".repeat(12), principal, roles: ["ab", "c"] }), 3);
  const grants = [{ access: "read", topicFilter: "abc" }] as const;
  assertEquals(identityBytes({ ...CLIENT, clientId: "1".repeat(12), principal, grants }), 67);
});

Deno.test("The identity of a session counts for what it holds, in the place of the one before", () => {
  const { session, holding } = sessionWith();
  session.identity = { ...CLIENT, principal: "p".repeat(600) };
  assertEquals(holding.bytes, 89);
  session.identity = { ...CLIENT, principal: "p".repeat(700) };
  assertEquals(holding.bytes, 189);
  session.identity = CLIENT;
  assertEquals([holding.bytes, session.identity], [0, CLIENT]);
});

Deno.test("Access rules are asked with the identity of the session", () => {
  const asked: string[] = [];
  const mayReceive = ({ clientId }: ClientIdentity, topic: string) => asked.push(`${clientId} ${topic}`) < 0;
  const { session, port, attach } = sessionWith({ context: { deliveryRules: { version: 1, mayReceive } } });
  assertEquals(session.permits("x"), true, "nobody is there yet");
  session.identity = CLIENT;
  attach();
  session.deliver(messageOf("x", "1"), optionsOf(0), 0);
  assertEquals([session.permits("x"), asked, port.take()], [false, ["c x"], []]);
});

// Connections

Deno.test("Session.attach() gives it a connection, to which messages go", () => {
  const { session, port, attach, deliver } = sessionWith();
  attach();
  assertEquals([session.isOnline, session.isReady], [true, true]);
  deliver("1", 0);
  deliver("2", 2);
  assertEquals([port.take(), session.messageCount, session.messageBytes], [['x "1"', 'x "2" QoS 2 #1'], 1, 0]);
});

Deno.test("Session.unlink() lets messages wait while the connection is closing [MQTT-3.14.4-1]", () => {
  const { session, port, attach, deliver, holding } = sessionWith();
  attach();
  session.unlink(new FakePort());
  assertEquals(session.isOnline, true, "it is another one's connection");
  port.isFull = true;
  deliver("1");
  port.isFull = false;
  session.unlink(port);
  deliver("2");
  session.pump(0);
  assertEquals([session.isOnline, session.messageCount, port.take()], [false, 2, []]);
  assertEquals(holding.bytes, 2 * (BYTES + ENTRY_BYTES));
});

Deno.test("Session.resume() does nothing for a connection that is gone", () => {
  const { session, port } = sessionWith();
  restoreAll(session, [queuedOf(1, 1, { packetIdentifier: 1 })]);
  session.attach(port);
  session.unlink(port);
  session.resume(0);
  assertEquals([port.take(), session.isPumpDue], [[], false]);
});

Deno.test("Session.detach() leaves all messages of a durable session to the storage, in flight or not", () => {
  const { session, attach, deliver, holding } = sessionWith({ port: { receiveMaximum: 1 } });
  attach();
  deliver("1");
  deliver("2");
  deliver("0", 0);
  session.received.add(7);
  session.detach();
  assertEquals([session.isOnline, session.messageCount, session.messageBytes], [false, 2, BYTES]);
  assertEquals([holding.bytes, session.received.size, session.isPumpDue], [BYTES + 2 * ENTRY_BYTES, 0, false]);
});

Deno.test("A session that comes back sends PUBLISH and PUBREL again, then what waited [MQTT-4.4.0-1] [MQTT-4.6.0-1]", () => {
  const { session, port, attach } = sessionWith();
  session.restore({ kind: "backlog", clientId: "c", lastSequence: 4, messages: 4, bytes: 8 });
  restoreAll(session, [
    queuedOf(1, 1, { packetIdentifier: 5 }),
    queuedOf(2, 2, { packetIdentifier: 6 }),
    queuedOf(3, 2, { packetIdentifier: 7 }),
    { kind: "received", clientId: "c", sequence: 3 },
    queuedOf(4, 1),
  ]);
  attach();
  assertEquals(port.take(), ["pubrel #7", 'x "1" QoS 1 #5 dup', 'x "2" QoS 2 #6 dup', 'x "4" QoS 1 #8']);
  assertEquals(session.messageCount, 4);
});

Deno.test("A session that comes back gets new messages after those that are stored", () => {
  const { session, port, attach, deliver, log } = sessionWith();
  session.restore({ kind: "backlog", clientId: "c", lastSequence: 3, messages: 1, bytes: BYTES });
  session.beginRestore();
  const { until } = session.beginPage();
  deliver("4");
  assertEquals(log.take(), ['queued 4 x "4" QoS 1']);
  session.restore(queuedOf(3));
  session.endPage(until);
  attach();
  assertEquals([port.take(), session.wantsPage], [['x "3" QoS 1 #1'], true]);
  assertEquals(session.beginPage(), { until: 4, after: 3 });
  session.restore(queuedOf(4));
  session.endPage(4);
  session.pump(0);
  assertEquals([port.take(), session.wantsPage], [['x "4" QoS 1 #2'], false]);
});

Deno.test("Packet Identifiers of QoS 2 messages come back from the storage", () => {
  const { session } = sessionWith();
  session.restore({ kind: "accepted", clientId: "c", packetIdentifier: 9 });
  assertEquals([...session.received], [9]);
});

Deno.test("Subscriptions come back from the storage, with the retained messages that they still have to get", () => {
  const source = {
    lastSequence: 1,
    *matching() {
      yield { message: messageOf("a", "1"), sequence: 1 };
    },
  };
  for (const isDue of [false, true]) {
    const { session, port, attach } = sessionWith({ context: { retained: source } });
    const subscription = subscriptionOf("a");
    const retainedDue = isDue ? { after: "", until: 1, passes: 1, passesUntil: 1 } : undefined;
    session.restore({ kind: "subscribed", clientId: "c", subscription, retainedDue });
    assertEquals([session.subscriptions.get("a"), session.isPumpDue], [subscription, isDue]);
    attach();
    assertEquals([port.take(), session.isPumpDue], [isDue ? ['a "1" retain'] : [], false]);
  }
});

Deno.test("A change of another kind changes nothing in a session", () => {
  const { session } = sessionWith();
  session.restore({ kind: "sessionExpiry", clientId: "c", sessionExpirySeconds: 5, expiresAtMs: undefined });
  assertEquals([session.sessionExpirySeconds, session.messageCount], [0, 0]);
});

Deno.test("Session.isPageFull and wantsPage are those of its queue", () => {
  const { session } = sessionWith();
  session.restore({ kind: "backlog", clientId: "c", lastSequence: 3_000, messages: 3_000, bytes: 6_000 });
  session.beginRestore();
  session.beginPage();
  assertEquals([session.isPageFull, session.wantsPage], [false, true]);
  for (let sequence = 1; sequence <= 2_048; sequence++) session.restore(queuedOf(sequence));
  assertEquals([session.isPageFull, session.wantsPage], [true, false]);
});

// Acknowledgements

Deno.test("PUBACK for a message that came back and was not sent again yet gives no place, and takes back no other change", () => {
  const { session, attach, port, deliver, log } = sessionWith({ port: { receiveMaximum: 1 } });
  restoreAll(session, [queuedOf(1, 1, { packetIdentifier: 1 }), queuedOf(2, 1, { packetIdentifier: 2 })]);
  attach();
  assertEquals(port.take(), ['x "1" QoS 1 #1 dup']);
  deliver("3");
  assertEquals([session.puback(2, 0), port.take()], [true, []]);
  deliver("4");
  assertEquals([port.take(), log.take()], [[], ['queued 3 x "3" QoS 1', "completed 2", 'queued 4 x "4" QoS 1']]);
  session.puback(1, 0);
  assertEquals(port.take(), ['x "3" QoS 1 #3']);
});

Deno.test("Session.puback() frees one place of Receive Maximum, and sends what waits for it [MQTT-3.3.4-9]", () => {
  const { session, port, attach, deliver } = sessionWith({ port: { receiveMaximum: 1 } });
  attach();
  deliver("1");
  deliver("2");
  assertEquals([port.take(), session.isReady, session.isPumpDue], [['x "1" QoS 1 #1'], false, true]);
  assertEquals(session.puback(1, 0), true);
  assertEquals([port.take(), session.messageCount], [['x "2" QoS 1 #2'], 1]);
  assertEquals([session.puback(9, 0), port.take()], [true, []]);
  assertEquals([session.puback(2, 0), session.isReady, session.messageCount], [true, true, 0]);
});

Deno.test("Session.pubrec() and pubcomp() take a QoS 2 message to its end, and send what waits then [MQTT-4.3.3-4]", () => {
  const { session, port, attach, deliver } = sessionWith({ port: { receiveMaximum: 1 } });
  attach();
  deliver("1", 2);
  deliver("2", 2);
  port.take();
  assertEquals([session.pubrec(1, 0, 0), port.take()], [true, ["pubrel #1"]]);
  assertEquals([session.pubcomp(1, 0), port.take()], [true, ['x "2" QoS 2 #2']]);
});

Deno.test("PUBREC with an error makes room for what waits [MQTT-4.4.0-2]", () => {
  const { session, port, attach, deliver } = sessionWith({ port: { receiveMaximum: 1 } });
  attach();
  deliver("1", 2);
  deliver("2", 2);
  port.take();
  assertEquals([session.pubrec(1, 0x97, 0), port.take()], [true, ['x "2" QoS 2 #2']]);
});

Deno.test("An acknowledgement that another packet was due for sends nothing that waits", () => {
  const { session, port, attach, deliver } = sessionWith({ port: { receiveMaximum: 2 } });
  attach();
  deliver("1", 2);
  port.isFull = true;
  deliver("2");
  port.isFull = false;
  port.take();
  assertEquals([session.puback(1, 0), session.pubcomp(1, 0), port.take()], [false, false, []]);
});

Deno.test("An acknowledgement with nothing that waits asks for no pump", () => {
  const { session, port, attach, deliver } = sessionWith();
  attach();
  deliver("1");
  const { wakes } = port;
  session.puback(1, 0);
  assertEquals(port.wakes, wakes);
});

for (
  const [what, make] of [
    ["a message", (parts: ReturnType<typeof sessionWith>) => parts.deliver("1")],
    ["QoS 0", (parts: ReturnType<typeof sessionWith>) => parts.deliver("1", 0)],
  ] as const
) {
  Deno.test(`Session.isPumpDue while ${what} waits`, () => {
    const parts = sessionWith();
    parts.attach();
    parts.port.isFull = true;
    make(parts);
    assertEquals(parts.session.isPumpDue, true);
    parts.port.isFull = false;
    parts.session.pump(0);
    assertEquals(parts.session.isPumpDue, false);
  });
}

Deno.test("Session.isPumpDue while messages of an earlier connection wait for the Receive Maximum", () => {
  const { session, attach, port } = sessionWith({ port: { receiveMaximum: 1 } });
  restoreAll(session, [queuedOf(1, 1, { packetIdentifier: 1 }), queuedOf(2, 1, { packetIdentifier: 2 })]);
  attach();
  assertEquals([port.take(), session.isPumpDue], [['x "1" QoS 1 #1 dup'], true]);
  session.puback(1, 0);
  assertEquals([port.take(), session.isPumpDue], [['x "2" QoS 1 #2 dup'], false]);
});

Deno.test("Session.isFarBehind() says whether publishers should wait", () => {
  const limits = { maximumBacklogBytes: 2 * (BYTES + ENTRY_BYTES) };
  const { session, attach, port, deliver } = sessionWith({ limits });
  attach();
  port.isFull = true;
  deliver("1");
  assertEquals(session.isFarBehind(0), false);
  deliver("2");
  assertEquals(session.isFarBehind(0), true);
  session.detach();
  assertEquals(session.isFarBehind(0), false);
});

// Shared Subscriptions

Deno.test("A message may go to another member unless it was sent with QoS 2 [MQTT-4.8.2-5]", () => {
  assertEquals([mayGoToAnother(0, 0), mayGoToAnother(1, 7), mayGoToAnother(2, 0), mayGoToAnother(2, 7)], [
    true,
    true,
    true,
    false,
  ]);
});

Deno.test("Session.sharedMessages() gives what another member of a Shared Subscription may get [MQTT-4.8.2-4] [MQTT-4.8.2-5]", () => {
  const { session, attach, deliver } = sessionWith({ isDurable: false, port: { receiveMaximum: 3 } });
  const texts = () =>
    session.sharedMessages().map(({ message, sharedFilter }) =>
      `${sharedFilter} ${new TextDecoder().decode(message.payload)}`
    );
  attach();
  deliver("1", 1, "$share/g/x");
  deliver("2", 2, "$share/g/x");
  deliver("3", 1);
  deliver("4", 2, "$share/h/x");
  deliver("5", 1);
  assertEquals(texts(), ["$share/g/x 1", "$share/h/x 4"]);
  session.puback(1, 0);
  assertEquals(texts(), [], "one is acknowledged, and the one that waited was sent with QoS 2");
});

Deno.test("Messages of a Shared Subscription that came back may go to another member, unless they were sent with QoS 2", () => {
  const { session } = sessionWith();
  const sharedFilter = "$share/g/x";
  restoreAll(session, [
    queuedOf(1, 1, { packetIdentifier: 1, sharedFilter }),
    queuedOf(2, 2, { packetIdentifier: 2, sharedFilter }),
    queuedOf(3, 1, { packetIdentifier: 3 }),
    queuedOf(4, 2, { sharedFilter }),
    queuedOf(5, 2),
  ]);
  const texts = session.sharedMessages().map(({ message }) => new TextDecoder().decode(message.payload));
  assertEquals(texts, ["1", "4"]);
});

// Retained messages

/** Gives one retained message, over and over. */
function retaining() {
  const source = {
    lastSequence: 1,
    passes: 0,
    *matching() {
      source.passes += 1;
      yield { message: messageOf("a", "1"), sequence: 1 };
    },
  };
  return source;
}

Deno.test("Retained messages come when SUBACK was sent, and nothing of them is left [MQTT-3.3.1-9]", () => {
  const { session, attach, port, log } = sessionWith({ context: { retained: retaining() } });
  attach();
  const subscription = subscriptionOf("a");
  session.addSubscription(subscription);
  session.requestRetained(subscription.filter);
  assertEquals([session.writeSubscribed(subscription), session.isPumpDue], [1, true]);
  session.pump(0);
  assertEquals(port.take(), []);
  session.sendRetained([subscription.filter], 0);
  assertEquals([port.take(), session.isPumpDue], [['a "1" retain'], false]);
  assertEquals(log.take().at(-2), "subscribed a QoS 1");
});

Deno.test("A subscription without retained messages leaves nothing behind", () => {
  const { session, log } = sessionWith();
  assertEquals([session.writeSubscribed(subscriptionOf("a")), session.isPumpDue], [1, false]);
  assertEquals(log.take(), ["subscribed a QoS 1"]);
});

Deno.test("Session.dropRetained() forgets the retained messages of a subscription that ends [MQTT-3.10.4-2]", () => {
  const { session, attach, port } = sessionWith({ context: { retained: retaining() } });
  attach();
  const subscription = subscriptionOf("a");
  session.addSubscription(subscription);
  session.requestRetained(subscription.filter);
  session.dropRetained("a");
  assertEquals(session.isPumpDue, false);
  session.sendRetained([subscription.filter], 0);
  assertEquals(port.take(), []);
});

Deno.test("Retained messages that have to wait let other connections have their turn, and come in a later one", () => {
  const { session, attach, port, context } = sessionWith({ context: { retained: retaining() } });
  attach();
  const subscription = subscriptionOf("a");
  session.addSubscription(subscription);
  session.requestRetained(subscription.filter);
  context.budget.mostMs = 0;
  session.sendRetained([subscription.filter], 0);
  assertEquals([port.take(), port.isPumpLater], [[], true]);
  context.budget.mostMs = Infinity;
  session.pump(0);
  assertEquals(port.take(), [], "its turn is still to come");
  port.isPumpLater = false;
  session.pump(0);
  assertEquals(port.take(), ['a "1" retain']);
});

Deno.test("Retained messages that were under way begin again on the next connection, after the last one that was sent", () => {
  const asked: (string | undefined)[] = [];
  const retained = {
    lastSequence: 2,
    *matching(_: unknown, after: string | undefined) {
      asked.push(after);
      for (const topic of ["a", "b"]) {
        if (after === undefined || topic > after) yield { message: messageOf(topic, "1", { qos: 1 }), sequence: 1 };
      }
    },
  };
  const { session, attach, port } = sessionWith({ context: { retained }, port: { receiveMaximum: 1 } });
  attach();
  const subscription = subscriptionOf("#");
  session.addSubscription(subscription);
  session.requestRetained(subscription.filter);
  session.sendRetained([subscription.filter], 0);
  session.detach();
  attach();
  assertEquals(port.take(), ['a "1" QoS 1 #1 retain', 'b "1" QoS 1 #2 retain']);
  assertEquals(asked, ["", "a"]);
});

Deno.test("Retained messages of a durable session come on its next connection, from their place on", () => {
  const source = retaining();
  const { session, attach, port } = sessionWith({ context: { retained: source } });
  attach();
  const subscription = subscriptionOf("a");
  session.addSubscription(subscription);
  port.isFull = true;
  session.requestRetained(subscription.filter);
  session.detach();
  assertEquals([port.take(), session.isPumpDue], [[], true]);
  port.isFull = false;
  attach();
  assertEquals([port.take(), session.isPumpDue, source.passes], [['a "1" retain'], false, 1]);
});
