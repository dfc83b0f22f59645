/** A broker as its operator looks into it: one session, retained messages, subscribers of a topic. */

import { assertEquals, assertRejects } from "@std/assert";
import { Broker, type RetainedEntry } from "../../mod.ts";
import { AccessControl } from "../../src/auth/mod.ts";
import { Client } from "../../src/client/mod.ts";
import { MemoryStorage } from "../../src/storage/mod.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { converse } from "../wire/conversation.ts";

Deno.test("broker.session() has subscriptions, the Will and the first messages of a durable session, also of one that is away", () =>
  converse(5, {}, async (conversation) => {
    const { broker } = conversation;
    await conversation.run("a connects v5 durable", "a > 82 [ 0001 [] 'x/#' 01 ]", "a < 90 [ 0001 [] 01 ]");
    await broker.publish("x/0", "sent", { qos: 1 });
    await conversation.run("a < 32 [ 'x/0' 0001 [] 'sent' ]".replace("'sent'", "73 65 6e 74"), "a disconnects");
    for (let count = 1; count <= 3; count++) await broker.publish(`x/${count}`, String(count), { qos: 1 });
    const session = await broker.session("a", { messages: 3 });
    assertEquals(
      session?.messages.map(({ message, qos, packetIdentifier }) => ({
        topic: message?.topic,
        text: message?.text(),
        qos,
        packetIdentifier,
      })),
      [
        { topic: "x/0", text: "sent", qos: 1, packetIdentifier: 1 },
        { topic: "x/1", text: "1", qos: 1, packetIdentifier: 0 },
        { topic: "x/2", text: "2", qos: 1, packetIdentifier: 0 },
      ],
    );
    assertEquals(session?.subscriptionRows.map(({ topicFilter }) => topicFilter), ["x/#"]);
    assertEquals([session?.isConnected, session?.queued, session?.will], [false, 4, undefined]);
    assertEquals(await broker.session("b"), undefined);
  }));

Deno.test("broker.session() has the messages in memory of a session that ends with its connection", () =>
  converse(5, {}, async (conversation) => {
    const { broker } = conversation;
    await conversation.run("a > 10 [ @ 02 0000 [ 21 0001 ] 'a' ]", "a < 20 [ 00 00 [ LIMITS ] ]");
    await conversation.run("a > 82 [ 0001 [] 'x' 01 ]", "a < 90 [ 0001 [] 01 ]");
    for (let count = 1; count <= 2; count++) await broker.publish("x", String(count), { qos: 1 });
    await conversation.run("a < 32 [ 'x' 0001 [] 31 ]");
    const session = await broker.session("a");
    assertEquals(session?.messages.map(({ message, packetIdentifier }) => [message?.text(), packetIdentifier]), [
      [undefined, 1],
      ["2", 0],
    ]);
    assertEquals([session?.inflight, session?.queued], [1, 1]);
    await conversation.run("a > 40 [ 0001 ]", "a < 32 [ 'x' 0002 [] 32 ]", "a > 40 [ 0002 ]");
  }));

Deno.test("broker.session() says whether retained messages wait for a client that does not read", async () => {
  await using broker = await Broker.open();
  const topics = Array.from({ length: 8 }, (_, index) => `r/${index}`);
  for (const topic of topics) await broker.publish(topic, new Uint8Array(1_048_576), { retain: true });
  await using client = await Client.connect(broker);
  await using messages = await client.subscribe("r/#", { qos: 0, maximumMessages: 1 });
  const isDue = async () => (await broker.session(client.clientId))?.isRetainedDue;
  assertEquals(await isDue(), true);
  for (const _ of topics) await messages.next();
  assertEquals(await isDue(), false);
});

Deno.test("broker.endSession() ends a session that is away, and the storage knows it no more", async () => {
  const storage = new MemoryStorage();
  await converse(5, { storage }, async (conversation) => {
    const { broker } = conversation;
    await conversation.run(
      "a connects v5 durable",
      "a > 82 [ 0001 [] 'x' 01 ]",
      "a < 90 [ 0001 [] 01 ]",
      "a disconnects",
    );
    await broker.publish("x", "1", { qos: 1 });
    assertEquals([await broker.endSession("a"), await broker.endSession("a")], [true, false]);
    assertEquals([broker.metrics.sessions, broker.metrics.subscriptions], [0, 0]);
    await conversation.run("a connects v5 durable");
    await broker.endSession("a", { reason: "bye" });
    await conversation.run("a told e0 98");
    assertEquals([broker.metrics.sessions, broker.metrics.durableSessions], [0, 0]);
  });
});

Deno.test("broker.endSession() ends the session of a connected client after its connection, with its Will", () =>
  converse(5, {}, async (conversation) => {
    await using wills = conversation.broker.subscribe("will");
    await conversation.run("a > 10 [ @ 06 0000 [ 11 0000 0e10 ] 'a' [ 18 0000 0064 ] 'will' 0001 31 ]");
    await conversation.run("a < 20 [ 00 00 [ LIMITS ] ]");
    assertEquals(await conversation.broker.endSession("a"), true);
    await conversation.run("a told e0 98");
    assertEquals((await wills.next()).value?.text(), "1");
    assertEquals(conversation.broker.metrics.sessions, 0);
  }));

Deno.test("broker.endSession() resolves when the storage has it", () => {
  const storage = new GatedStorage();
  return converse(5, { storage }, async (conversation) => {
    await conversation.run("a connects v5 durable", "a disconnects");
    storage.isGated = true;
    let isEnded = false;
    const ending = conversation.broker.endSession("a").then(() => isEnded = true);
    const commit = await storage.nextCommit();
    const changes = [{ kind: "transaction", changes: [{ kind: "sessionEnded", clientId: "a" }] }] as const;
    assertEquals([isEnded, commit.changes], [false, changes as unknown as typeof commit.changes]);
    commit.keep();
    await ending;
    storage.isGated = false;
  });
});

Deno.test("broker.subscribersOf() tells who would get a topic, with QoS, share group and rule", () =>
  converse(5, {
    authorizer: new AccessControl({
      anonymous: [{ access: "read", topic: "plant/#" }, { access: "deny", pattern: "plant/%c/secret" }],
    }),
  }, async (conversation) => {
    const { broker } = conversation;
    await conversation.run(
      "a connects",
      "a > 82 [ 0001 [] 'plant/+/secret' 06 ]",
      "a < 90 [ 0001 [] 02 ]",
      "b connects v5 durable",
      "b > 82 [ 0001 [] '$share/g/plant/#' 01 ]",
      "b < 90 [ 0001 [] 01 ]",
      "b disconnects",
    );
    await using _own = broker.subscribe("#", { qos: 0 });
    const common = { principal: undefined };
    const found = await broker.subscribersOf("plant/a/secret");
    assertEquals([found.total, found.receivers], [3, 2]); // One of them may not receive it.
    const subscribers = found.subscribers.toSorted((one, other) =>
      String(one.clientId) < String(other.clientId) ? -1 : 1
    );
    assertEquals(subscribers, [
      {
        ...common,
        clientId: "a",
        isConnected: true,
        topicFilter: "plant/+/secret",
        shareName: undefined,
        qos: 2,
        noLocal: true,
        isAllowed: false,
        rule: "deny plant/%c/secret",
      },
      {
        ...common,
        clientId: "b",
        isConnected: false,
        topicFilter: "$share/g/plant/#",
        shareName: "g",
        qos: 1,
        noLocal: false,
        isAllowed: true,
        rule: "read plant/#",
      },
      {
        ...common,
        clientId: undefined,
        isConnected: true,
        topicFilter: "#",
        shareName: undefined,
        qos: 0,
        noLocal: false,
        isAllowed: true,
      },
    ]);
    const first = await broker.subscribersOf("plant/a/secret", { limit: 1 });
    assertEquals([first.subscribers.length, first.total, first.receivers], [1, 3, 2]);
    assertEquals(await broker.subscribersOf("$SYS/x"), { subscribers: [], total: 0, receivers: 0 });
    for (const topic of ["", "a/+", "#", "a\0"]) await assertRejects(() => broker.subscribersOf(topic), RangeError);
  }));

Deno.test("broker.retained() and broker.retainedLevel() show the tree of retained messages, with counts and ages", () =>
  converse(5, {}, async (conversation) => {
    const { broker } = conversation;
    await conversation.run("a connects", "a > 31 [ 'plant/7' [] 31 ]", "a quiet", "1000 ms pass");
    await broker.publish("plant/7/temp", "21", { retain: true, properties: { messageExpiryInterval: 60 } });
    await broker.publish("plant/8/x/y", "2", { retain: true });
    await broker.publish("other", "3", { retain: true });
    const level = async (...levels: string[]) =>
      (await broker.retainedLevel(levels)).children.map(({ name, count, retained }) => [
        name,
        count,
        retained?.message.text(),
      ]);
    assertEquals(await level(), [["other", 1, "3"], ["plant", 3, undefined]]);
    assertEquals(await level("plant"), [["7", 2, "1"], ["8", 1, undefined]]);
    assertEquals(await level("plant", "9"), []);
    const { publisher, retainedAtMs, expiresAtMs } = broker.retained("plant/7") ?? {};
    assertEquals([publisher, retainedAtMs, expiresAtMs], ["a", 1_000_000, undefined]);
    assertEquals(broker.retained("plant/7/temp")?.expiresAtMs, 1_061_000);
    assertEquals(broker.retained("plant"), undefined);
    await broker.publish("plant/7", "again", { retain: true });
    await broker.publish("plant/8/x/y", "", { retain: true });
    assertEquals(await level("plant"), [["7", 2, "again"]]);
    await conversation.run("60000 ms pass");
    assertEquals(await level(), [["other", 1, "3"], ["plant", 1, undefined]]);
  }));

Deno.test("broker.retainedLevel() gives pages, each child once and in order", async () => {
  await using broker = await Broker.open();
  const names = Array.from({ length: 1_500 }, (_, index) => `n${index}`).sort();
  for (const name of names) await broker.publish(`x/${name}`, "1", { retain: true });
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const page = await broker.retainedLevel(["x"], { limit: 700, ...after !== undefined && { after } });
    seen.push(...page.children.map(({ name }) => name));
    after = page.after;
  } while (after !== undefined);
  assertEquals(seen, names);
  await assertRejects(() => broker.retainedLevel([], { limit: 0 }), RangeError);
});

Deno.test("broker.deleteRetained() deletes what a Topic Filter matches, and gives it to be brought back", () =>
  converse(5, {}, async (conversation) => {
    const { broker } = conversation;
    for (const topic of ["a/1", "a/2", "a/2/x", "b"]) await broker.publish(topic, topic, { retain: true });
    await conversation.run("s connects", "s > 82 [ 0001 [] 'a/#' 20 ]", "s < 90 [ 0001 [] 00 ]");
    assertEquals(await broker.deleteRetained("a/+", { dryRun: true }), 2);
    assertEquals(broker.metrics.retainedMessages, 4);
    const deleted: string[] = [];
    assertEquals(await broker.deleteRetained("a/+", { onDeleted: ({ message }) => deleted.push(message.text()) }), 2);
    assertEquals(deleted.toSorted(), ["a/1", "a/2"]);
    assertEquals(broker.metrics.retainedMessages, 2);
    assertEquals(await broker.deleteRetained("#"), 2);
    assertEquals([broker.metrics.retainedMessages, broker.metrics.retainedBytes], [0, 0]);
    for (const filter of ["", "a/#/b", "$share/g/a"]) {
      await assertRejects(() => broker.deleteRetained(filter), RangeError);
    }
  }));

Deno.test("broker.restoreRetained() brings back what was deleted, with its publisher and age, where nothing else is now", () =>
  converse(5, {}, async (conversation) => {
    const { broker } = conversation;
    await conversation.run("p connects", "p > 31 [ 'a/1' [] 6f6e65 ]", "p > c0 00", "p < d0 00");
    for (const topic of ["a/2", "a/3"]) await broker.publish(topic, topic, { retain: true });
    await broker.publish("a/4", "4", { retain: true, properties: { messageExpiryInterval: 10 } });
    const before = broker.retained("a/1");
    const deleted: RetainedEntry[] = [];
    assertEquals(await broker.deleteRetained("a/#", { onDeleted: (entry) => deleted.push(entry) }), 4);
    await broker.publish("a/2", "newer", { retain: true });
    await conversation.run("11 s pass", "s connects", "s > 82 [ 0001 [] 'a/1' 00 ]", "s < 90 [ 0001 [] 00 ]");
    assertEquals(await broker.restoreRetained(deleted), 2);
    assertEquals(broker.retained("a/1"), before);
    assertEquals([broker.retained("a/2")?.message.text(), broker.retained("a/4")], ["newer", undefined]);
    await assertRejects(() => broker.restoreRetained([{ ...deleted[0] } as RetainedEntry]), RangeError);
    await conversation.run("s > c0 00", "s < d0 00"); // Nobody was told.
  }));

Deno.test("broker.deleteRetained() resolves when the storage has it", async () => {
  const storage = new MemoryStorage();
  {
    await using broker = await Broker.open({ storage });
    for (let index = 0; index < 3_000; index++) await broker.publish(`x/${index}`, "1", { retain: true });
    assertEquals(await broker.deleteRetained("x/#"), 3_000);
    const kept = await Array.fromAsync(storage.restore());
    assertEquals(kept.filter(({ kind }) => kind === "retained").length, 0);
  }
});
