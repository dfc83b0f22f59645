import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { Broker, type BrokerEvent } from "../../mod.ts";
import { Client } from "../../src/client/mod.ts";

import { type EventKind, EventRing, remedyOf } from "../../src/admin/events.ts";
import { ReasonCode } from "../../src/codec/reason_code.ts";

const PEER = { transport: "ws", address: "192.0.2.1:4711", listener: "ws://0.0.0.0:8083/mqtt" };
const CLOSED = {
  kind: "connectionClosed",
  peer: PEER,
  clientId: "c",
  principal: "ann",
  wasConnected: false,
  reasonCode: ReasonCode.BadUserNameOrPassword,
  reason: "the user name or the password is wrong",
  by: "server",
} as const;
const ORIGIN = {
  kind: "connectionRefused",
  peer: PEER,
  reason: "the origin is not allowed, answered with 403",
  help: "origin",
} as const;

function ringAt(ms = 1_000) {
  const time = { ms };
  return { time, ring: new EventRing(() => time.ms) };
}

Deno.test("A refused connection is an event in words, with its clause and its remedy", () => {
  const { ring } = ringAt();
  ring.add(CLOSED);
  const [event] = ring.find();
  assert(event !== undefined);
  assertEquals(
    event.message,
    "Client c [192.0.2.1:4711] disconnected due to bad user name or password: the user name or the password is wrong.",
  );
  assertEquals(
    [event.id, event.kind, event.name, event.reasonCode, event.clause, event.help, event.principal, event.atMs],
    [1, "refused", "connectionClosed", 0x86, "MQTT-3.1.4-2", "not-authorized", "ann", 1_000],
  );
  assertMatch(remedyOf(event) ?? "", /^Give the client a user name and a password/);
});

Deno.test("Events are found by kind, client, address and number, the newest first", () => {
  const { ring } = ringAt();
  ring.add(CLOSED);
  ring.add({ ...CLOSED, wasConnected: true, clientId: "d", reasonCode: 0, by: "client" });
  ring.add(ORIGIN);
  ring.add({ ...CLOSED, peer: { ...PEER, address: "[::1]:5" }, clientId: "e" });
  const ids = (filter: Parameters<EventRing["find"]>[0]) => ring.find(filter).map(({ id }) => id);
  assertEquals(ids({}), [4, 3, 2, 1]);
  assertEquals(ids({ kind: "refused" }), [4, 3, 1]);
  assertEquals(ids({ clientId: "d" }), [2]);
  assertEquals(ids({ address: "192.0.2.1:9" }), [3, 2, 1]);
  assertEquals(ids({ address: "127.0.0.1" }), [4]); // Both are this machine.
  ring.add({ ...CLOSED, peer: { ...PEER, address: "[2001:db8::1]:5" }, clientId: "f" });
  ring.add({ ...CLOSED, peer: { ...PEER, address: "2001:db8::2" }, clientId: "g" }); // As a proxy says it.
  ring.add({ ...CLOSED, peer: { ...PEER, address: "[::ffff:192.0.2.1]:5" }, clientId: "h" });
  assertEquals(ids({ address: "2001:db8::1" }), [5]);
  assertEquals(ids({ address: "[2001:db8::2]:7" }), [6]);
  assertEquals(ids({ address: "192.0.2.1" }), [7, 3, 2, 1]);
  assertEquals(ids({ after: 5 }), [7, 6]);
  assertEquals(ids({ limit: 1 }), [7]);
  assertEquals(ring.lastId, 7);
});

Deno.test("An event that is repeated within two minutes is counted, whatever the port of the client", () => {
  const { ring, time } = ringAt();
  for (let port = 1; port <= 30; port++) {
    time.ms += 60_000;
    ring.add({ ...CLOSED, peer: { ...PEER, address: `192.0.2.1:${port}` } });
  }
  ring.add({ ...CLOSED, clientId: "other" });
  const [, event] = ring.find();
  assertEquals(ring.find().length, 2);
  assertEquals([event?.count, event?.firstId, event?.id, event?.firstAtMs, event?.atMs], [
    30,
    1,
    30,
    61_000,
    1_801_000,
  ]);
  time.ms += 121_000;
  ring.add(CLOSED);
  assertEquals(ring.find().map(({ count }) => count), [1, 1, 30]);
});

Deno.test("A flood of one kind leaves the other kinds their share, and no more than 1,000 events are kept", () => {
  const { ring } = ringAt();
  ring.add({ kind: "stoodStill", ms: 2_000 });
  ring.addChange({
    name: "disconnect",
    message: "disconnected a",
    by: "ann",
    role: "operator",
    address: undefined,
    clientId: "a",
  });
  for (let client = 0; client < 100; client++) {
    ring.add({ ...CLOSED, clientId: `gone-${client}`, wasConnected: true, by: "network" });
  }
  for (let client = 0; client < 5_000; client++) ring.add({ ...CLOSED, clientId: `flood-${client}` });
  assertEquals(ring.find().length, 1_000);
  assertEquals(ring.find({ kind: "ended" }).length, 100);
  assertEquals(ring.find({ kind: "broker" }).length, 1);
  assertEquals(ring.find({ kind: "admin" }).length, 1);
  assertEquals(ring.find({ kind: "refused" })[0]?.clientId, "flood-4999");
});

Deno.test("Client Identifiers of 64 KiB hold 2 MiB at most, and push out only their own kind", () => {
  const { ring } = ringAt();
  ring.add({ kind: "stoodStill", ms: 2_000 });
  for (let client = 0; client < 200; client++) ring.add({ ...CLOSED, clientId: `${client}${"x".repeat(65_000)}` });
  const kept = ring.find();
  assertLess(kept.length, 15);
  assertEquals(ring.find({ kind: "broker" }).length, 1);
  assert(kept.every(({ message }) => message.length < 1_500));
});

Deno.test("A hostile Client Identifier is escaped in the words of an event, and whole in its field", () => {
  const { ring } = ringAt();
  const clientId = "<img onerror=alert(1)>\u202e\u0007";
  ring.add({ ...CLOSED, clientId });
  const [event] = ring.find({ clientId });
  assertEquals(event?.clientId, clientId);
  assertMatch(event?.message ?? "", /^Client <img onerror=alert\(1\)>\\u\{202e\}\\u\{7\} \[/);
});

const ROWS: readonly (readonly [event: BrokerEvent, kind: EventKind | undefined])[] = [
  [{ kind: "connectionOpened", peer: PEER }, undefined],
  [{ ...CLOSED, clientId: "", by: "network" }, undefined],
  [{ kind: "transportViolation", peer: PEER, reason: "text" }, "refused"],
  [{ kind: "messagesDropped", qos0: 1, queueFull: 0, tooLarge: 0, expired: 0 }, "dropped"],
  [
    {
      kind: "accessDenied",
      peer: PEER,
      clientId: "c",
      principal: undefined,
      action: "publish",
      topic: "a",
      qos: 0,
      retain: false,
    },
    "denied",
  ],
  [{ kind: "commitRecovered" }, "broker"],
];
for (const [event, kind] of ROWS) {
  Deno.test(`${event.kind} of ${"clientId" in event ? `"${event.clientId}"` : "nobody"} is kept as ${kind}`, () => {
    const { ring } = ringAt();
    ring.add(event);
    assertEquals(ring.find()[0]?.kind, kind);
  });
}

Deno.test("A client that is taken over has an event of its end, with words", () => {
  const { ring } = ringAt();
  ring.add({ ...CLOSED, wasConnected: true, reasonCode: ReasonCode.SessionTakenOver, reason: "another" });
  const [event] = ring.find();
  assertEquals(event?.message, "Client c already connected, closing old connection.");
  assertEquals(event?.clause, "MQTT-3.1.4-3");
});

Deno.test("The ring takes what a broker tells, and calls its watchers until they stop", async () => {
  await using broker = await Broker.open({
    authenticator: { authenticate: () => ({ isAccepted: false, reasonCode: 0x86, reason: "no" }) },
  });
  const { ring } = ringAt();
  broker.watchEvents(ring.add);
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = ring.watch(resolve);
  await Client.connect(broker, { clientId: "c", password: "secret" }).catch(() => {});
  await promise;
  stop();
  stop();
  const [event] = ring.find();
  assertEquals([event?.kind, event?.reasonCode, event?.clientId], ["refused", 0x86, "c"]);
  assertEquals(JSON.stringify(ring.find()).includes("secret"), false);
});
