/** The registry of sessions by itself: which connection gets a session, what it finds there, and when it ends. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type BrokerEvent, ReasonCode } from "../../mod.ts";
import type { Will } from "../../src/codec/mod.ts";
import { type Change, type CommitItem, MemoryStorage } from "../../src/storage/mod.ts";
import { assemble } from "../../src/broker/assembly.ts";
import type { ConnectionHandle } from "../../src/broker/connection/connections.ts";
import type { ConnectPacket } from "../../src/codec/packet.ts";
import type { Ask } from "../../src/protocol/connection_host.ts";
import type { Closing } from "../../src/protocol/client_link.ts";
import type { Limits } from "../../src/protocol/limits.ts";
import { Session } from "../../src/protocol/session.ts";
import { subscriptionOf } from "../protocol/session_parts.ts";

type OpenSession = Extract<Ask, { kind: "openSession" }>;

/** Notes what it is given. A read of a session waits for `gate`; a rejection is what the read gives. */
class NotingStorage extends MemoryStorage {
  readonly changes: CommitItem[] = [];
  gate: Promise<void> = Promise.resolve();

  override commit(changes: readonly CommitItem[]): void {
    this.changes.push(...changes);
    super.commit(changes);
  }

  override async *restoreSession(clientId: string, after?: number): AsyncGenerator<Change> {
    await this.gate;
    yield* super.restoreSession(clientId, after);
  }
}

/** The registry and what it uses, at a time that the test sets. */
function setUp(limits: Partial<Limits> = {}) {
  const storage = new NotingStorage();
  const events: BrokerEvent[] = [];
  const time = { nowMs: 0 };
  const clock = { monotonicMs: () => time.nowMs, wallMs: () => time.nowMs };
  const parts = assemble({ storage, limits, clock, onEvent: (event) => events.push(event) }, () => false);
  const { sessions, deadlines, turn } = parts;
  const pass = (ms: number) => {
    time.nowMs += ms;
    turn.begin(parts.clock());
    deadlines.tick(parts.clock());
    turn.end();
  };
  /** What a connection does with its answer. */
  const open = async (handle: ConnectionHandle, ask: OpenSession) => {
    const begun = sessions.openNew(ask, handle) ?? await sessions.open(ask, handle);
    const opened = begun instanceof Session ? { session: begun, isPresent: false } : begun;
    if (typeof opened !== "object") return opened;
    handle.connection.session = opened.session;
    handle.connection.will = ask.connect.will;
    await Promise.resolve(); // The turn ends.
    return opened;
  };
  const kinds = () => {
    parts.commits.flush();
    const changes = storage.changes.flatMap((change) => change.kind === "transaction" ? change.changes : [change]);
    return changes.map(({ kind }) => kind).filter((kind) => kind !== "clock");
  };
  return { ...parts, storage, events, sessions, pass, open, kinds };
}

function ask(
  expirySeconds: number,
  { cleanStart = false, will }: { cleanStart?: boolean; will?: Will } = {},
): OpenSession {
  const connect: ConnectPacket = {
    type: "connect",
    protocolVersion: 5,
    isBridge: false,
    clientId: "c",
    cleanStart,
    keepAliveSeconds: 0,
    properties: {},
    will,
    userName: undefined,
    password: undefined,
  };
  const terms = {
    clientId: "c",
    isAssignedClientId: false,
    sessionExpirySeconds: expirySeconds,
    keepAliveSeconds: 0,
    receiveMaximum: 10,
    maximumPacketBytes: Infinity,
    topicAliasMaximum: 0,
    requestsProblemInformation: true,
  };
  return { kind: "openSession", connect, terms };
}

/** A connection of the client. The registry reads no more of it than there is. */
function connected(principal: string | undefined = undefined) {
  const connection = {
    clientId: "c",
    principal,
    identity: { clientId: "c", principal, roles: [], grants: [], listener: "tcp" },
    session: undefined as Session | undefined,
    will: undefined as Will | undefined,
    closing: undefined as Closing | undefined,
    disconnect(reasonCode: ReasonCode, reason: string) {
      this.closing ??= { reasonCode, reason, by: "server" };
    },
  };
  const peer = { transport: "tcp", address: "192.0.2.7:1", listener: "tcp" };
  return { connection, transport: { peer } } as unknown as ConnectionHandle;
}

Deno.test("A session that ends with its connection is not stored, and is gone with it [MQTT-4.1.0-2]", async () => {
  const { sessions, open, kinds } = setUp();
  const handle = connected();
  const opened = await open(handle, ask(0));
  assert(typeof opened === "object");
  assertEquals([opened.isPresent, opened.session.isDurable, sessions.size], [false, false, 1]);
  assertEquals(sessions.ownerOf(handle.connection), handle);
  assertEquals([...sessions], [opened.session]);
  sessions.connectionEnded(handle);
  assertEquals([sessions.size, sessions.has("c"), kinds()], [0, false, []]);
});

Deno.test("A session that outlives its connection expires once its time is over [MQTT-3.1.2-23]", async () => {
  const { sessions, open, kinds, pass } = setUp();
  const handle = connected();
  await open(handle, ask(5));
  assertEquals(kinds(), ["sessionStarted", "sessionExpiry"]);
  sessions.connectionEnded(handle);
  sessions.connectionEnded(handle); // Once only.
  assertEquals(sessions.ownerOf(handle.connection), undefined);
  pass(4_999);
  assertEquals([sessions.size, sessions.expiredCount], [1, 0]);
  pass(1);
  await Promise.resolve();
  assertEquals([sessions.size, sessions.expiredCount], [0, 1]);
  assertEquals(kinds(), ["sessionStarted", "sessionExpiry", "sessionExpiry", "sessionEnded"]);
});

Deno.test("A client that is back gets its session, and its expiry begins anew [MQTT-3.1.2-5]", async () => {
  const { sessions, open, pass } = setUp();
  const [first, second] = [connected(), connected()];
  const opened = await open(first, ask(5));
  sessions.connectionEnded(first);
  pass(4_000);
  const resumed = await open(second, ask(10));
  assert(typeof opened === "object" && typeof resumed === "object");
  assertEquals([resumed.isPresent, resumed.session === opened.session], [true, true]);
  pass(100_000);
  assertEquals(sessions.size, 1); // It has a connection.
  sessions.connectionEnded(second);
  pass(9_999);
  assertEquals(sessions.size, 1);
  pass(1);
  assertEquals(sessions.size, 0);
});

Deno.test("Clean Start ends the session of before [MQTT-3.1.2-4]", async () => {
  const { sessions, open, kinds } = setUp();
  const [first, second] = [connected(), connected()];
  const opened = await open(first, ask(5));
  sessions.connectionEnded(first);
  const begun = await open(second, ask(5, { cleanStart: true }));
  assert(typeof opened === "object" && typeof begun === "object");
  assertEquals([begun.isPresent, begun.session === opened.session, sessions.size], [false, false, 1]);
  assertEquals(kinds().slice(-3), ["sessionEnded", "sessionStarted", "sessionExpiry"]);
});

Deno.test("A second connection takes the session over, and the first is told [MQTT-3.1.4-3]", async () => {
  const { sessions, open, events } = setUp();
  const [first, second] = [connected(), connected()];
  await open(first, ask(5));
  const resumed = await open(second, ask(5));
  assert(typeof resumed === "object");
  assertEquals([resumed.isPresent, first.connection.closing?.reasonCode], [true, ReasonCode.SessionTakenOver]);
  assertEquals(sessions.ownerOf(second.connection), second);
  const peer = first.transport.peer;
  assertEquals(events.filter(({ kind }) => kind !== "wallClockSet"), [{
    kind: "clientTakenOver",
    peer,
    clientId: "c",
  }]);
});

Deno.test("Of several connections that wait for a session, the last one gets it", async () => {
  const { sessions, open, storage } = setUp();
  const first = connected();
  await open(first, ask(5));
  sessions.connectionEnded(first);
  const gate = Promise.withResolvers<void>();
  storage.gate = gate.promise;
  const handles = [connected(), connected(), connected()] as const;
  const opening = handles.map((handle) => open(handle, ask(5)));
  for (let turns = 0; turns < 10; turns++) await Promise.resolve();
  gate.resolve();
  const opened = await Promise.all(opening);
  assertEquals(opened.map((one) => typeof one === "object" && one.isPresent), [false, false, true]);
  assertEquals(sessions.ownerOf(handles[2].connection), handles[2]);
});

Deno.test("A session belongs to its principal, until it has expired", async () => {
  const { sessions, open, pass, deadlines } = setUp();
  const ann = connected("ann");
  await open(ann, ask(5));
  const bob = connected("bob");
  assertEquals(await open(bob, ask(5)), "notYours");
  assertEquals(await open(connected(), ask(5, { cleanStart: true })), "notYours");
  assertEquals([ann.connection.closing, sessions.ownerOf(bob.connection)], [undefined, undefined]);
  sessions.connectionEnded(ann);
  pass(4_999);
  const { tick } = deadlines;
  deadlines.tick = () => true; // The deadline was not served yet.
  pass(1);
  deadlines.tick = tick;
  const begun = await open(bob, ask(5));
  assertEquals(typeof begun === "object" && begun.isPresent, false);
  assertEquals([sessions.ownerOf(bob.connection), sessions.expiredCount], [bob, 1]);
});

Deno.test("A session that cannot be read is not opened, and stays as it is", async () => {
  const { sessions, open, storage, pass } = setUp();
  const first = connected();
  await open(first, ask(5));
  sessions.connectionEnded(first);
  storage.gate = Promise.reject(new Error("the disk is gone"));
  const second = connected();
  await assertRejects(() => open(second, ask(5)), Error, "the disk is gone");
  second.connection.disconnect(ReasonCode.ServerUnavailable, "");
  sessions.connectionEnded(second);
  pass(4_999);
  storage.gate = Promise.resolve();
  const resumed = await open(connected(), ask(5));
  assertEquals(typeof resumed === "object" && resumed.isPresent, true);
});

Deno.test("A session whose shared messages cannot be read ends later, and no client gets it meanwhile", async () => {
  const { sessions, open, storage, pass, events } = setUp();
  const first = connected("ann");
  const opened = await open(first, ask(5));
  assert(typeof opened === "object");
  opened.session.addSubscription(subscriptionOf("$share/g/t"));
  sessions.connectionEnded(first);
  const error = new Error("the disk is gone");
  storage.gate = Promise.reject(error);
  pass(5_000);
  for (let turns = 0; turns < 10; turns++) await Promise.resolve();
  assertEquals([sessions.size, sessions.expiredCount], [1, 0]);
  assertEquals(events.at(-1), { kind: "readFailed", clientId: "c", error });
  assertEquals(opened.session.subscriptions.size, 1); // Nothing has changed.
  await assertRejects(() => open(connected("ann"), ask(5)), Error, "the disk is gone");
  storage.gate = Promise.resolve();
  pass(1_000);
  for (let turns = 0; turns < 20; turns++) await Promise.resolve();
  assertEquals([sessions.size, sessions.expiredCount], [0, 1]);
});

Deno.test("A limit forbids a session to begin, and one that is resumed its larger Will", async () => {
  const { sessions, open } = setUp({ maximumSessions: 1, maximumSessionBytesPerAddress: 2_000 });
  const will = { topic: "w", payload: new Uint8Array(5_000), qos: 0, retain: false, properties: {} } as const;
  assertEquals(await open(connected(), ask(5, { will })), "maximumSessionBytesPerAddress");
  assertEquals(sessions.size, 0);
  const first = connected();
  await open(first, ask(5));
  assertEquals(await open(connected(), ask(5, { will })), "maximumSessionBytesPerAddress");
  assertEquals(first.connection.closing, undefined); // It was not taken over.
});

Deno.test("Sessions that are restored wait for their clients, and expire when they were to", async () => {
  const { sessions, open, pass, kinds } = setUp();
  sessions.restore({ kind: "sessionStarted", clientId: "c", principal: "ann" });
  sessions.restore({ kind: "sessionExpiry", clientId: "c", sessionExpirySeconds: 10, expiresAtMs: undefined });
  sessions.restore({ kind: "sessionStarted", clientId: "d", principal: "ann" });
  sessions.restore({ kind: "sessionExpiry", clientId: "d", sessionExpirySeconds: 10, expiresAtMs: 3_000 });
  sessions.restore({ kind: "sessionExpiry", clientId: "e", sessionExpirySeconds: 10, expiresAtMs: 3_000 }); // Unknown.
  sessions.endRestore();
  await Promise.resolve();
  assertEquals([sessions.size, kinds()], [2, ["sessionExpiry"]]); // That of the client that was online begins now.
  pass(3_000);
  assertEquals([sessions.has("c"), sessions.has("d")], [true, false]);
  const resumed = await open(connected("ann"), ask(10));
  assertEquals(typeof resumed === "object" && resumed.isPresent, true);
});
