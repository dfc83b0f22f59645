/** Lists of clients, sessions and subscriptions. */

import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { Broker, type ClientRow, type ListQuery, type SessionRow } from "../../mod.ts";
import { type CommitItem, MemoryStorage } from "../../src/storage/mod.ts";
import { message, queued, started } from "../storage/kv_changes.ts";
import { converse } from "../wire/conversation.ts";

Deno.test("broker.list() gives clients with what their sessions and connections hold", () =>
  converse(5, {}, async (conversation) => {
    const { broker, machine } = conversation;
    await conversation.run(
      "b connects",
      "b > 82 [ 0001 [] 'x' 01 ]",
      "b < 90 [ 0001 [] 01 ]",
      "a connects v5 durable",
      "a disconnects",
      "c connects",
    );
    await broker.publish("x", "12", { qos: 1 });
    await conversation.run("b < 32 [ 'x' 0001 [] 31 32 ]");
    const { rows, total, after } = await broker.list("clients");
    assertEquals([total, after], [2, undefined]);
    const [b, c] = rows;
    assertEquals(b, {
      clientId: "b",
      principal: undefined,
      isConnected: true,
      isDurable: false,
      sessionExpirySeconds: 0,
      expiresAtMs: undefined,
      willTopic: undefined,
      subscriptions: 1,
      queued: 0,
      queuedBytes: 0,
      inflight: 1,
      dropped: 0,
      address: b?.address,
      listener: b?.listener,
      transport: "memory",
      protocolVersion: 5,
      connectedAtMs: 1_000_000,
      keepAliveSeconds: 0,
      receivedBytes: b?.receivedBytes,
      sentBytes: b?.sentBytes,
      receivedPackets: 2,
      sentPackets: 3,
      outboxBytes: 0,
    } as ClientRow);
    assertEquals([c?.receivedPackets, c?.sentPackets], [1, 1]);
    const { received, sent } = broker.metrics;
    const left = { bytes: received.bytes - Number(b?.receivedBytes) - Number(c?.receivedBytes), sent: sent.bytes };
    assertEquals(left.bytes > 0, true); // CONNECT and DISCONNECT of the one that has left.
    const sessions = await broker.list("sessions", { where: ({ isConnected }) => !isConnected });
    assertEquals(sessions.rows.map(({ clientId, expiresAtMs, address }) => ({ clientId, expiresAtMs, address })), [
      { clientId: "a", expiresAtMs: machine.wallMs + 3_600_000, address: undefined },
    ]);
    await conversation.run("b > 40 [ 0001 ]");
  }));

Deno.test("broker.list() gives subscriptions, of each client in the order of Topic Filters", () =>
  converse(5, {}, async (conversation) => {
    await conversation.run(
      "a connects",
      "a > 82 [ 0001 [ 0b 07 ] 'x/#' 01 '$share/g/y' 2a ]",
      "a < 90 [ 0001 [] 01 02 ]",
      "b connects",
      "b > 82 [ 0001 [] 'x/#' 06 ]",
      "b < 90 [ 0001 [] 02 ]",
    );
    const { broker } = conversation;
    await using _own = broker.subscribe("x/own");
    const { rows, total } = await broker.list("subscriptions");
    const common = { principal: undefined, isConnected: true };
    assertEquals([rows, total], [[
      {
        ...common,
        clientId: "a",
        topicFilter: "$share/g/y",
        shareName: "g",
        qos: 2,
        noLocal: false,
        retainAsPublished: true,
        retainHandling: 2,
        subscriptionIdentifier: 7,
      },
      {
        ...common,
        clientId: "a",
        topicFilter: "x/#",
        shareName: undefined,
        qos: 1,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
        subscriptionIdentifier: 7,
      },
      {
        ...common,
        clientId: "b",
        topicFilter: "x/#",
        shareName: undefined,
        qos: 2,
        noLocal: true,
        retainAsPublished: false,
        retainHandling: 0,
        subscriptionIdentifier: undefined,
      },
    ], 3]);
    assertEquals((await broker.list("subscriptions", { search: "X/", where: ({ qos }) => qos < 2 })).total, 1);
  }));

const MANY = 1_000;

/** A broker with sessions `s0` to `s999`, of which `sN` has N % 7 messages. */
async function withMany(use: (broker: Broker) => Promise<void>, many = MANY): Promise<void> {
  const storage = new MemoryStorage();
  const expiry = { sessionExpirySeconds: 3_600, expiresAtMs: Date.now() + 3_600_000 };
  for (let index = 0; index < many; index++) {
    const clientId = `s${index}`;
    const changes: CommitItem[] = [started(clientId), { kind: "sessionExpiry", clientId, ...expiry }];
    for (let count = 1; count <= index % 7; count++) changes.push(queued(clientId, count, message("x")));
    await storage.commit(changes);
  }
  await using broker = await Broker.open({ storage });
  await use(broker);
}

const ORDERS: readonly ListQuery<SessionRow>[] = [
  {},
  { descending: true },
  { sort: "queued", descending: true },
  { sort: "queued" },
  { sort: "address" }, // Of none.
  { sort: "isDurable", descending: true },
  { sort: "queuedBytes", descending: true, search: "S1", limit: 7 },
];

for (const query of ORDERS) {
  Deno.test(`broker.list() gives all sessions in pages, each once and in order: ${JSON.stringify(query)}`, () =>
    withMany(async (broker) => {
      const { sort = "clientId", descending = false, search = "", limit = 100 } = query;
      const rows: SessionRow[] = [];
      let after: string | undefined;
      do {
        const page = await broker.list("sessions", { ...query, ...after !== undefined && { after } });
        rows.push(...page.rows);
        assertEquals(page.total, [...Array(MANY).keys()].filter((n) => `s${n}`.includes(search.toLowerCase())).length);
        after = page.after;
        if (after !== undefined) assertEquals(page.rows.length, limit);
      } while (after !== undefined);
      const all = await broker.list("sessions", { limit: MANY });
      const expected = all.rows.filter(({ clientId }) => clientId.includes(search.toLowerCase())).toSorted(
        (one, other) => {
          const [a, b] = [one[sort] ?? -1, other[sort] ?? -1];
          return a === b ? one.clientId < other.clientId ? -1 : 1 : (a < b) === descending ? 1 : -1;
        },
      );
      assertEquals(rows.map(({ clientId }) => clientId), expected.map(({ clientId }) => clientId));
    }));
}

Deno.test("broker.list() works some milliseconds at a time, and one list after the other", () =>
  withMany(async (broker) => {
    const ended: number[] = [];
    const slow = { where: () => performance.now() > 0 && [..."x".repeat(2_000)].length > 0 };
    let turns = 0;
    let isOver = false;
    let longestMs = 0;
    const others = (async () => {
      for (let lastMs = performance.now(); !isOver;) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        const nowMs = performance.now();
        longestMs = Math.max(longestMs, nowMs - lastMs);
        lastMs = nowMs;
        turns += 1;
      }
    })();
    await Promise.all([0, 1, 2].map(async (index) => {
      await broker.list("sessions", slow);
      ended.push(index);
    }));
    isOver = true;
    await others;
    assertEquals(ended, [0, 1, 2]);
    assertLess(3, turns, `${longestMs} ms`);
  }));

Deno.test("broker.list() gives others their turn between lists too, however short each is", () =>
  withMany(async (broker) => {
    let turns = 0;
    let isOver = false;
    const others = (async () => {
      for (; !isOver; turns++) await new Promise((resolve) => setImmediate(resolve));
    })();
    const where = () => {
      for (const endMs = performance.now() + 0.1; performance.now() < endMs;); // 3 ms a list.
      return true;
    };
    const lists = 10;
    await Promise.all(Array.from({ length: lists }, () => broker.list("sessions", { where })));
    isOver = true;
    await others;
    assertLess(lists - 2, turns);
  }, 30));

Deno.test("broker.list() refuses a limit, a column and a cursor that are none, and the next list is given", async () => {
  await using broker = await Broker.open();
  const refused: readonly ListQuery<ClientRow>[] = [
    { limit: 0 },
    { limit: 1.5 },
    { limit: 10_001 },
    { sort: "x" as "clientId" },
    { after: "x" },
    { after: "[1]" },
    { after: `[{}, "x"]` },
  ];
  for (const query of refused) await assertRejects(() => broker.list("clients", query), RangeError);
  await assertRejects(() => broker.list("clients", { limit: -1 }), RangeError, "limit");
  assertEquals(await broker.list("clients"), { rows: [], total: 0, after: undefined });
});

Deno.test("A session counts what was dropped for it alone", () =>
  converse(5, { limits: { maximumQueuedMessages: 1 } }, async (conversation) => {
    await conversation.run(
      "a connects v5 durable",
      "a > 82 [ 0001 [] 'x' 01 ]",
      "a < 90 [ 0001 [] 01 ]",
      "a disconnects",
    );
    await conversation.run("b connects v5 durable", "b disconnects");
    for (let count = 0; count < 3; count++) await conversation.broker.publish("x", "1", { qos: 1 });
    const { rows } = await conversation.broker.list("sessions");
    assertEquals(rows.map(({ clientId, queued, dropped }) => ({ clientId, queued, dropped })), [
      { clientId: "a", queued: 1, dropped: 2 },
      { clientId: "b", queued: 0, dropped: 0 },
    ]);
    assertEquals(conversation.broker.metrics.dropped.queueFull, 2);
  }));
