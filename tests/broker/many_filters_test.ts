/** Packets with thousands of Topic Filters or questions: others have their turn meanwhile, and the answer is whole. */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import type { Authorizer, BrokerOptions, QoS } from "../../mod.ts";
import { AccessControl } from "../../src/auth/mod.ts";
import { encodePacket, NO_PROPERTIES, type Packet } from "../../src/codec/mod.ts";
import { fromHex } from "../codec/hex.ts";
import { type Conversation, conversationTests, converse } from "../wire/conversation.ts";

const QUESTION_MS = 0.1;
const BUDGET_MS = 8;
// As many as fit, and the one that is begun before they are over; two turns may fall between two of the interval.
const MOST_QUESTIONS = 2 * (BUDGET_MS / QUESTION_MS + 1);
const MANY = 65_535;
const NO_BOUND: BrokerOptions["limits"] = { maximumSubscriptions: Infinity };

function filters(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `q/${index}`);
}

function subscribe(topicFilters: readonly string[]): Uint8Array {
  const options = { qos: 0 as QoS, noLocal: false, retainAsPublished: false, retainHandling: 2 } as const;
  const subscriptions = topicFilters.map((topicFilter) => ({ topicFilter, ...options }));
  return bytesOf({ type: "subscribe", packetIdentifier: 1, subscriptions, properties: NO_PROPERTIES });
}

function bytesOf(packet: Packet): Uint8Array {
  return encodePacket(packet, 5);
}

/** Authorizes in the time that a question takes, and counts how many come between two turns of others. */
class SlowAuthorizer implements Authorizer, Disposable {
  most = 0;
  turns = 0;
  #sinceTurn = 0;
  readonly #others = setInterval(() => {
    this.#sinceTurn = 0;
    this.turns += 1;
  }, 0);

  /** @param isLate whether it answers with a promise, though it has waited for nothing */
  constructor(readonly isLate = false) {}

  authorize(): boolean | Promise<boolean> {
    const endMs = performance.now() + QUESTION_MS;
    while (performance.now() < endMs);
    this.most = Math.max(this.most, ++this.#sinceTurn);
    return this.isLate ? Promise.resolve(true) : true;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#others);
  }
}

for (const [clients, isLate] of [[1, false], [10, false], [1, true]] as const) {
  const how = isLate ? " and are answered with promises" : "";
  Deno.test(`${clients} SUBSCRIBE with 1,000 filters in sum, whose questions take 0.1 s${how}, give others their turn`, async () => {
    using authorizer = new SlowAuthorizer(isLate);
    await converse(5, { authorizer, limits: NO_BOUND }, async (conversation) => {
      const names = "abcdefghij".slice(0, clients).split("");
      await conversation.run(...names.map((name) => `${name} connects`));
      const count = 1_000 / clients;
      for (const name of names) conversation.client(name).send(subscribe(filters(count)));
      const suback = bytesOf({
        type: "suback",
        packetIdentifier: 1,
        reasonCodes: Array(count).fill(0),
        properties: NO_PROPERTIES,
      });
      for (const name of names) await conversation.client(name).expect(suback);
    });
    assertLess(authorizer.most, MOST_QUESTIONS);
    assertGreater(authorizer.turns, 5);
  });
}

Deno.test("SUBSCRIBE with one filter each, whose questions take 0.1 s in sum, give others their turn", async () => {
  using authorizer = new SlowAuthorizer();
  await converse(5, { authorizer }, async (conversation) => {
    await conversation.run("a connects");
    conversation.client("a").send(fromHex("82 [ 0001 [] 'x' 00 ]".repeat(1_000)));
    await conversation.client("a").expect(fromHex("90 [ 0001 [] 00 ]".repeat(1_000)));
  });
  assertLess(authorizer.most, MOST_QUESTIONS);
  assertGreater(authorizer.turns, 5);
});

for (const isLate of [false, true]) {
  const how = isLate ? " and are answered with promises" : "";
  Deno.test(`PUBLISH in one chunk, whose questions take 0.1 s in sum${how}, give others their turn, in order`, async () => {
    using authorizer = new SlowAuthorizer(isLate);
    await converse(5, { authorizer }, async (conversation) => {
      await conversation.run("s connects", "s > 82 [ 0001 [] '#' 00 ]", "s < 90 [ 0001 [] 00 ]", "a connects");
      const messages = Array.from({ length: 1_000 }, (_, index) => `30 [ 'x' [] "${index}" ]`).join(" ");
      conversation.client("a").send(fromHex(`${messages} c0 00`));
      await conversation.client("a").expect(fromHex("d0 00"));
      await conversation.client("s").expect(fromHex(messages));
    });
    assertLess(authorizer.most, MOST_QUESTIONS + 2 * 16); // It is looked at after 16.
    assertGreater(authorizer.turns, 5);
  });
}

Deno.test("SUBSCRIBE and UNSUBSCRIBE with 65,535 filters give others their turn, and what follows waits", () =>
  converse(5, { limits: NO_BOUND }, async (conversation) => {
    await conversation.run("a connects", "b connects");
    const reasonCodes = Array(MANY).fill(0);
    const ping = fromHex("c0 00");
    const pong = fromHex("d0 00");
    const topicFilters = filters(MANY);
    const rows: readonly (readonly [Uint8Array, Packet["type"]])[] = [
      [subscribe(topicFilters), "suback"],
      [bytesOf({ type: "unsubscribe", packetIdentifier: 1, topicFilters, properties: NO_PROPERTIES }), "unsuback"],
    ];
    for (const [packet, type] of rows) {
      conversation.client("a").send(packet);
      conversation.client("a").send(ping);
      const rounds = await roundsUntil(conversation, async () => {
        const answer = { type, packetIdentifier: 1, reasonCodes, properties: NO_PROPERTIES } as Packet; // One of both.
        await conversation.client("a").expect(bytesOf(answer));
        await conversation.client("a").expect(pong);
      });
      assertGreater(rounds, 3);
    }
    assertEquals(conversation.broker.metrics.sessions, 2);
  }));

Deno.test("A client that goes while its SUBSCRIBE is worked on leaves nothing behind", () =>
  converse(5, { limits: NO_BOUND }, async (conversation) => {
    await conversation.run("a connects", "b connects");
    conversation.client("a").send(subscribe(filters(20_000)));
    await conversation.run("b quiet", "b quiet", "a drops", "b quiet");
    assertEquals(conversation.broker.metrics.sessions, 1);
  }));

Deno.test("A filter that is none among 65,535 refuses all of them", () =>
  converse(5, { limits: NO_BOUND }, async (conversation) => {
    await conversation.run("a connects durable");
    conversation.client("a").send(subscribe([...filters(1_000), "a#"]));
    await conversation.run("a told e0 8f", "a resumes", "b connects", "b > 30 [ 'q/0' [] ]", "b quiet", "a quiet");
  }));

const NOTHING_BELOW_NO: Authorizer = { authorize: ({ topic }) => !topic.startsWith("no/") };
conversationTests([
  {
    name: "Topic Filters that are denied count as subscriptions of their SUBSCRIBE: beyond the bound nobody is asked",
    versions: [4, 5],
    limits: { maximumSubscriptions: 3 },
    options: { authorizer: NOTHING_BELOW_NO },
    steps: [
      "a connects",
      "a > 82 [ 0001 {} 'x' 00 'no/1' 00 'no/2' 00 'no/3' 00 'y' 00 'x' 01 ]",
      (conversation) => {
        const codes = conversation.version === 5 ? "00 87 87 97 97 01" : "00 80 80 80 80 01";
        return conversation.run(`a < 90 [ 0001 {} ${codes} ]`);
      },
      "a > 82 [ 0002 {} 'no/1' 00 'y' 00 ]", // The next one begins anew.
      (conversation) => conversation.run(`a < 90 [ 0002 {} ${conversation.version === 5 ? "87" : "80"} 00 ]`),
    ],
  },
]);

Deno.test("The rules are made for a client once, and anew when its name, its roles or the rules change", () => {
  const rules = { roles: [{ name: "r", rules: [{ access: "read", topic: "r" } as const] }] };
  const control = new AccessControl({ ...rules, everyone: [{ access: "read", pattern: "of/%c/%u" }] });
  const none: readonly never[] = [];
  const may = (clientId: string, principal: string, topic: string, roles: readonly string[] = none) =>
    control.authorize({
      ...{ action: "subscribe", topic, qos: 0, retain: false, clientId, principal, roles, grants: none },
      listener: undefined,
    });
  assertEquals([may("a", "ann", "of/a/ann"), may("a", "ann", "of/b/ann"), may("b", "ann", "of/b/ann")], [
    true,
    false,
    true,
  ]);
  assertEquals([may("b", "ann", "of/b/ann"), may("b", "ann", "of/a/ann")], [true, false]); // Of those made for it.
  assertEquals([may("b", "bob", "of/b/ann"), may("b", "bob", "of/b/bob")], [false, true]);
  assertEquals([may("b", "bob", "r"), may("b", "bob", "r", ["r"]), may("b", "bob", "r")], [false, true, false]);
  assertEquals([may("b", "bob", "r"), may("b", "bob", "r")], [false, false]);
  control.replace({ everyone: [{ access: "read", topic: "r" }] });
  assertEquals([may("b", "bob", "r"), may("b", "bob", "of/b/bob")], [true, false]);
});

/** How often another client is answered until something is done. */
async function roundsUntil(conversation: Conversation, done: () => Promise<void>): Promise<number> {
  let isDone = false;
  const doing = done().finally(() => isDone = true);
  let rounds = 0;
  for (; !isDone; rounds++) {
    await conversation.run("b quiet");
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await doing;
  return rounds;
}
