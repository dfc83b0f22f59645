/** Bounds of sessions that outlive their connections, and of the Wills, subscriptions and messages that they hold. */

import { assert, assertEquals, assertLess } from "@std/assert";
import {
  type Authenticator,
  Broker,
  type BrokerEvent,
  type BrokerOptions,
  type Limits,
  memoryTransport,
} from "../../mod.ts";
import type { AccessRequest } from "../../src/auth/mod.ts";
import type { ProtocolVersion } from "../../src/codec/mod.ts";
import { MemoryStorage } from "../../src/storage/mod.ts";
import { type SessionBeginner, SessionQuota } from "../../src/broker/session_quota.ts";
import { limitsWith } from "../../src/protocol/limit_table.ts";
import { type Conversation, converse, type Step } from "../wire/conversation.ts";
import { heapGrowthBytes } from "./collected_heap.ts";

/** Whoever says a User Name is that principal. */
const BY_USER_NAME: Authenticator = {
  authenticate: ({ connect: { userName } }) =>
    userName === undefined ? { isAccepted: true } : { isAccepted: true, principal: userName },
};
const REFUSED: { readonly [version: number]: (name: string) => readonly Step[] } = {
  3: (name) => [`${name} < 20 [ 00 03 ]`, `${name} closed`],
  4: (name) => [`${name} < 20 [ 00 03 ]`, `${name} closed`],
  5: (name) => [`${name} told 20 00 97`],
};

/** CONNECT without Clean Start, with Session Expiry Interval "never" in MQTT 5, as a user, from an address. */
function comes(name: string, given: { user?: string; from?: string; flags?: string; will?: string } = {}): Step {
  return (conversation) => {
    const { user, from = "192.0.2.1:1000", flags = "00", will } = given;
    const pair = memoryTransport();
    const server = { ...pair.server, close: () => pair.server.close(), peer: { ...pair.server.peer, address: from } };
    const client = conversation.connect(name, { ...pair, server });
    const bits = parseInt(flags, 16) | (user === undefined ? 0 : 0x80) | (will === undefined ? 0 : 0x04);
    const clientId = name.replace(/\d+$/, "");
    client.send(conversation.bytes(
      `10 [ @ ${bits.toString(16).padStart(2, "0")} 0000 { 11 ffffffff } '${clientId}' ${
        will === undefined ? "" : `{ 18 ffffffff } 'w' ${will}`
      } ${user === undefined ? "" : `'${user}'`} ]`,
    ));
  };
}

const welcome = (name: string, present = "00") => `${name} < 20 [ ${present} 00 { LIMITS } ]`;

function beginner(network: string): SessionBeginner {
  return { clientId: "c", principal: undefined, network };
}

const WILL = `'${"w".repeat(600)}'`;

interface QuotaRow {
  readonly name: string;
  readonly limits: Partial<Limits>;
  /** Of a client that begins a session, and of one that is refused, and of others that are let in yet. */
  readonly first: Parameters<typeof comes>[1];
  readonly second: Parameters<typeof comes>[1];
  readonly others: readonly Parameters<typeof comes>[1][];
}

const FROM_HERE = { from: "192.0.2.1:1000" };
const FROM_THERE = { from: "192.0.2.2:1000" };
const ROWS: readonly QuotaRow[] = [
  {
    name: "of all",
    limits: { maximumSessions: 1 },
    first: FROM_HERE,
    second: { user: "ann", ...FROM_THERE },
    others: [],
  },
  {
    name: "of one address",
    limits: { maximumSessionsPerAddress: 1 },
    first: FROM_HERE,
    second: { from: "192.0.2.1:2000" },
    others: [FROM_THERE, { user: "ann" }, { user: "ben" }],
  },
  {
    name: "of one network of IPv6",
    limits: { maximumSessionsPerAddress: 1 },
    first: { from: "[2001:db8::1]:1000" },
    second: { from: "[2001:db8::2]:1000" },
    others: [{ from: "[2001:db8:0:1::1]:1000" }],
  },
  {
    name: "of one principal",
    limits: { maximumSessionsPerPrincipal: 1 },
    first: { user: "ann", ...FROM_HERE },
    second: { user: "ann", ...FROM_THERE },
    others: [{ user: "ben", ...FROM_HERE }, FROM_HERE, FROM_HERE],
  },
];

for (const { name, limits, first, second, others } of ROWS) {
  for (const version of [3, 4, 5] as const) {
    Deno.test(`A client that would begin a session beyond those ${name} is refused, with 0x97 v${version}`, () =>
      converse(version, { limits, authenticator: BY_USER_NAME }, async (conversation) => {
        const refused = REFUSED[version] ?? (() => []);
        await conversation.run(
          comes("a", first),
          welcome("a"),
          comes("b", second),
          ...refused("b"),
          "a quiet",
          "a drops",
        );
        // Its session counts without a connection as well, and is not pushed out.
        await conversation.run(comes("b", second), ...refused("b"));
        await conversation.run(
          comes("b", { ...second, flags: "02" }),
          ...version === 5 ? refused("b") : [welcome("b")],
        );
        await conversation.run(comes("a2", first), welcome("a2", version === 3 ? "00" : "01"));
        await conversation.run(comes("a3", first), welcome("a3", version === 3 ? "00" : "01"));
        await conversation.run(version === 5 ? "a2 told e0 8e" : "a2 closed");
        for (const [index, other] of others.entries()) {
          const client = String.fromCharCode(99 + index);
          await conversation.run(comes(client, other), welcome(client));
        }
        // A session that ends makes room: here one that begins with Clean Start in its place.
        if (version === 5) {
          await conversation.run("a3 > e0 [ 00 [ 11 00000000 ] ]", "a3 closed", comes("b", second), welcome("b"));
        }
      }));
  }
}

Deno.test("A client with Clean Start gets the place of its own session, and is refused before that ends", () =>
  converse(5, { limits: { maximumSessions: 1, maximumSessionBytes: 1_000 } }, (conversation) =>
    conversation.run(
      comes("a"),
      welcome("a"),
      comes("a2", { flags: "02" }),
      welcome("a2"),
      "a told e0 8e",
      "a2 > 82 [ 0001 {} 'x' 01 ]",
      "a2 < 90 [ 0001 {} 01 ]",
      comes("a3", { flags: "02", will: `'${"w".repeat(1_000)}'` }),
      "a3 told 20 00 97",
      "a2 quiet", // It is untouched, and so is what it holds.
      "a2 drops",
      comes("a4"),
      welcome("a4", "01"),
    )));

Deno.test("A client that is refused a larger Will takes no place of the connection that has its session", () =>
  converse(5, { limits: { maximumConnections: 1, maximumSessionBytes: 500 } }, async (conversation) => {
    await conversation.run(comes("a"), welcome("a"));
    for (let round = 0; round < 2; round++) {
      await conversation.run(comes("a2", { will: WILL }), "a2 told 20 00 97");
      await conversation.run(comes("b", { flags: "02" }), "b told 20 00 97", "a quiet");
    }
    await conversation.run("a disconnects", comes("b", { flags: "02" }), welcome("b"));
    await conversation.run(comes("c"), "c told 20 00 97");
  }));

Deno.test("A session whose time is over makes room", () =>
  converse(5, { limits: { maximumSessions: 1 } }, (conversation) =>
    conversation.run(
      "a connects durable",
      "a drops",
      "3599 s pass",
      comes("b"),
      "b told 20 00 97",
      "1 s pass",
      comes("b"),
      welcome("b"),
    )));

Deno.test("Sessions that end with their connections are not bounded", () =>
  converse(5, { limits: { maximumSessions: 0, maximumSessionBytes: 0 } }, (conversation) =>
    conversation.run(
      "a > 10 [ @ 06 0000 {} 'a' {} 'w' 'gone' ]",
      welcome("a"),
      "a > 82 [ 0001 {} 'x' 01 ]",
      "a < 90 [ 0001 {} 01 ]",
      comes("b"),
      "b told 20 00 97",
    )));

for (
  const [name, limits, user] of [
    ["all", { maximumSessionBytes: 1_000 }, "ann"],
    ["a principal", { maximumSessionBytesPerPrincipal: 1_000 }, "ann"],
    ["an address", { maximumSessionBytesPerAddress: 1_000 }, undefined],
  ] as const
) {
  Deno.test(`A Will beyond the bytes of ${name} is refused with CONNECT, and one that was published makes room`, () => {
    const given = user === undefined ? {} : { user };
    return converse(5, { limits, authenticator: BY_USER_NAME }, async (conversation) => {
      await conversation.run(
        comes("a", { ...given, will: WILL }),
        welcome("a"),
        comes("b", { ...given, will: WILL }),
        "b told 20 00 97",
        comes("b", given),
        welcome("b"),
        comes("b2", { ...given, will: WILL }), // It may come back, but not with more than it had.
        "b2 told 20 00 97",
        "b quiet",
        comes("a2", { ...given, will: WILL }), // With as much as it had.
        welcome("a2", "01"),
        "a told e0 8e",
        "a2 drops", // Its Will waits, and is still held.
        comes("b2", { ...given, will: WILL }),
        "b2 told 20 00 97",
        comes("a3", given), // Without a Will: that is gone.
        welcome("a3", "01"),
        comes("b2", { ...given, will: WILL }),
        welcome("b2", "01"),
        "b told e0 8e",
      );
    });
  });
}

for (const version of [4, 5] as const) {
  Deno.test(`A subscription beyond the bytes of sessions is refused in SUBACK, and one that ends makes room v${version}`, () =>
    converse(version, { limits: { maximumSessionBytes: 1_000 } }, (conversation) =>
      conversation.run(
        comes("a"),
        welcome("a"),
        "a > 82 [ 0001 {} 'x' 01 'y' 01 'z' 01 ]",
        `a < 90 [ 0001 {} 01 01 ${version === 5 ? "97" : "80"} ]`,
        "a > 82 [ 0002 {} 'x' 02 ]", // In place of the same one.
        "a < 90 [ 0002 {} 02 ]",
        "a > a2 [ 0003 {} 'y' ]",
        "a < b0 [ 0003 {} <00> ]",
        "a > 82 [ 0004 {} 'z' 01 ]",
        "a < 90 [ 0004 {} 01 ]",
        "a drops",
        comes("a2", { flags: "02" }), // All is gone with the session.
        welcome("a2"),
        "a2 > 82 [ 0001 {} 'x' 01 'y' 01 ]",
        "a2 < 90 [ 0001 {} 01 01 ]",
      )));
}

Deno.test("Messages beyond the bytes of sessions are dropped for sessions without connection, and delivered with one", () =>
  converse(5, { limits: { maximumSessionBytes: 2_000 } }, async (conversation) => {
    const { broker } = conversation;
    const publish = async (count: number) => {
      for (let at = 0; at < count; at++) await broker.publish("x", "12345", { qos: 1 });
    };
    await conversation.run(comes("a"), welcome("a"), "a > 82 [ 0001 {} 'x' 01 ]", "a < 90 [ 0001 {} 01 ]", "a drops");
    const own = broker.metrics.durableSessionBytes;
    await publish(20);
    assertEquals(broker.metrics.durableSessionBytes, own + 7 * 206); // Payload, topic, and 200 for each.
    assertEquals(broker.metrics.dropped.queueFull, 13);
    assertEquals(broker.metrics.durableSessionsRefused, { clients: 0, subscriptions: 0, messages: 13 });
    await conversation.run(comes("a2"), welcome("a2", "01"));
    for (let at = 1; at <= 7; at++) await conversation.run(`a2 < 32 [ 'x' 000${at} [] "12345" ]`);
    assertEquals(broker.metrics.durableSessionBytes, own);
    await publish(20);
    for (let at = 8; at <= 27; at++) {
      await conversation.run(`a2 < 32 [ 'x' 00${at.toString(16).padStart(2, "0")} [] "12345" ]`);
    }
    // What is in flight is in the storage again.
    await conversation.run("a2 drops", () => assertEquals(broker.metrics.durableSessionBytes, own + 27 * 200));
    await conversation.run(comes("a3", { flags: "02" }), welcome("a3"), "a3 > e0 [ 00 [ 11 00000000 ] ]", "a3 closed");
    assertEquals([broker.metrics.durableSessions, broker.metrics.durableSessionBytes], [0, 0]);
  }));

Deno.test("A message that has expired makes room for another one", () =>
  converse(5, { limits: { maximumSessionBytes: 800 } }, async (conversation) => {
    const { broker } = conversation;
    const publish = () => broker.publish("x", "12345", { qos: 1, properties: { messageExpiryInterval: 10 } });
    await conversation.run(comes("a"), welcome("a"), "a > 82 [ 0001 {} 'x' 01 ]", "a < 90 [ 0001 {} 01 ]", "a drops");
    await publish();
    await publish();
    assertEquals(broker.metrics.dropped.queueFull, 1);
    conversation.pass(10_000);
    await publish();
    assertEquals(broker.metrics.dropped, { qos0: 0, queueFull: 1, tooLarge: 0, expired: 1 });
  }));

Deno.test("What sessions hold counts again when another broker has restored them", async () => {
  const storage = new MemoryStorage();
  const limits = { maximumSessionsPerAddress: 2, maximumSessionsPerPrincipal: 1 };
  const options: BrokerOptions = { storage, limits, authenticator: BY_USER_NAME };
  let before: number[] = [];
  const held = ({ broker: { metrics } }: Conversation) => [metrics.durableSessions, metrics.durableSessionBytes];
  await converse(5, options, (conversation) =>
    conversation.run(
      comes("a", { will: WILL }),
      welcome("a"),
      "a > 82 [ 0001 {} 'x' 01 'y/z' 01 ]",
      "a < 90 [ 0001 {} 01 01 ]",
      "a drops",
      comes("b"),
      welcome("b"),
      "b drops",
      comes("c", { user: "ann" }),
      welcome("c"),
      "c drops",
      ({ broker }) => broker.publish("x", "12345", { qos: 1 }),
      (first) => before = held(first),
    ));
  await converse(5, options, (conversation) =>
    conversation.run(
      (second) => assertEquals(held(second), before),
      comes("d"),
      "d told 20 00 97", // The two of this address are still of it.
      comes("d", { user: "ann", ...FROM_THERE }),
      "d told 20 00 97",
      comes("d", FROM_THERE),
      welcome("d"),
    ));
});

Deno.test("A review of rules that ends a subscription makes room for another one", () => {
  let isAllowed = true;
  const rules = {
    version: 0,
    authorize: ({ topic }: AccessRequest) => isAllowed || topic !== "x",
  };
  const limits = { maximumSessionBytes: 460 };
  return converse(5, { limits, authorizer: rules, lostSubscription: "unsubscribe" }, (conversation) =>
    conversation.run(
      comes("a"),
      welcome("a"),
      "a > 82 [ 0001 {} 'x' 01 'y' 01 ]",
      "a < 90 [ 0001 {} 01 97 ]",
      "a drops",
      () => (isAllowed = false, rules.version += 1),
      comes("a2"),
      welcome("a2", "01"),
      "a2 > 82 [ 0001 {} 'y' 01 ]",
      "a2 < 90 [ 0001 {} 01 ]",
    ));
});

Deno.test("A session that ends for another one makes room only where it counts", () => {
  const quota = new SessionQuota(limitsWith({ maximumSessionsPerAddress: 1 }), () => {});
  const [here, there] = [beginner("192.0.2.1"), beginner("192.0.2.2")];
  const replaced = quota.begin(here);
  quota.begin(there);
  assertEquals(quota.limitOfBeginning(here, 0, replaced), undefined);
  assertEquals(quota.limitOfBeginning(there, 0, replaced), "maximumSessionsPerAddress"); // Its client has moved.
});

Deno.test("Addresses whose sessions have ended are forgotten", async () => {
  const quota = new SessionQuota(limitsWith({}), () => {});
  const comeAndGo = (round: number) => {
    for (let at = 0; at < 50_000; at++) quota.begin(beginner(`${round}/${at}`)).end();
  };
  assertLess(await heapGrowthBytes(comeAndGo), 200_000);
  assertEquals(quota.total, { sessions: 0, bytes: 0 });
});

Deno.test("Names and rights of a client count with its session beyond what is usual", () => {
  const roles = ["r".repeat(1_000)];
  const authenticator: Authenticator = { authenticate: () => ({ isAccepted: true, principal: "ann", roles }) };
  const limits = { maximumSessionBytes: 400 };
  return converse(5, { limits, authenticator }, (conversation) =>
    conversation.run(
      comes("a"),
      "a told 20 00 97",
      () => roles[0] = "r".repeat(600),
      comes("a"),
      welcome("a"),
      ({ broker }) => assertEquals(broker.metrics.durableSessionBytes, 600 + "a".length + "ann".length - 512),
      () => roles[0] = "r",
      comes("a2"),
      welcome("a2", "01"),
      "a told e0 8e",
      ({ broker }) => assertEquals(broker.metrics.durableSessionBytes, 0),
    ));
});

Deno.test("What the bounds of sessions refuse is told once in 10 s, with the last one", () => {
  const events: BrokerEvent[] = [];
  const onEvent = (event: BrokerEvent) => void (event.kind === "sessionsFull" && events.push(event));
  return converse(5, { limits: { maximumSessionsPerAddress: 1 }, onEvent }, async (conversation) => {
    const refuse = (name: string): Step[] => [comes(name), `${name} told 20 00 97`];
    await conversation.run(comes("a"), welcome("a"), ...refuse("b"), ...refuse("c"), "0.1 s pass");
    const last = { principal: undefined, network: "192.0.2.1", limit: "maximumSessionsPerAddress" } as const;
    const first = { kind: "sessionsFull", clients: 2, subscriptions: 0, messages: 0, clientId: "c", ...last } as const;
    assertEquals(events, [first]);
    await conversation.run(...refuse("d"), "9.9 s pass");
    assertEquals(events.length, 1);
    await conversation.run("0.1 s pass", "20 s pass");
    assertEquals(events, [first, { ...first, clients: 1, clientId: "d" }]);
  });
});

Deno.test("A flood of sessions that never end, with Wills, is held by the bounds of its address", async () => {
  await using broker = await Broker.open({
    limits: { maximumSessionsPerAddress: 300, maximumSessionBytesPerAddress: 3e6 },
  });
  const will = new Uint8Array(60_000);
  const flood = async (count: number, version: ProtocolVersion) => {
    let refused = 0;
    for (let at = 0; at < count; at++) {
      const { client, server } = memoryTransport();
      const served = broker.serve(server);
      const clientId = new TextEncoder().encode(`${version} ${at}`);
      const writer = client.writable.getWriter();
      const hasWill = at % 2 === 0;
      const body = [
        ...[0, 4, 77, 81, 84, 84, version, hasWill ? 4 : 0, 0, 0],
        ...version === 5 ? [5, 0x11, 255, 255, 255, 255] : [],
        ...[0, clientId.length, ...clientId],
        ...hasWill
          ? [...version === 5 ? [5, 0x18, 255, 255, 255, 255] : [], 0, 1, 119, will.length >> 8, will.length & 255]
          : [],
      ];
      const length = body.length + (hasWill ? will.length : 0);
      const head = length < 128 ? [length] : [length & 127 | 128, length >> 7 & 127 | 128, length >> 14];
      const packet = new Uint8Array(1 + head.length + length);
      packet.set([0x10, ...head, ...body]);
      await writer.write(packet);
      const { value } = await client.readable.getReader().read();
      if (value?.[3] !== 0) refused += 1;
      client.close();
      await served;
    }
    return refused;
  };
  assertEquals(await flood(700, 5), 700 - 300);
  assertLess(broker.metrics.durableSessionBytes, 3e6);
  const allRefused = async () => assertEquals(await flood(350, 4), 350);
  assertLess(await heapGrowthBytes(allRefused), 500_000);
  assertEquals(broker.metrics.sessions, 300);
  assert(broker.metrics.durableSessionsRefused.clients >= 400 + 4 * 350);
});
