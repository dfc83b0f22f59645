import { assertEquals } from "@std/assert";
import { ApplicationMessage, type Change, MemoryStorage, type Subscription } from "../../mod.ts";
import { parseTopicFilter } from "../../src/protocol/topic_filter.ts";

const MESSAGES = ["one", "two", "three"].map((text) =>
  new ApplicationMessage(
    { topic: "t", payload: new TextEncoder().encode(text), qos: 2, retain: false, properties: {} },
    "p",
    0,
  )
);
const [ONE, TWO, THREE] = MESSAGES as [ApplicationMessage, ApplicationMessage, ApplicationMessage]; // There are three.

Deno.test("MemoryStorage.restore() gives what routing needs, in an order that it can be applied in", async () => {
  const storage = new MemoryStorage();
  storage.commit([
    { kind: "sessionStarted", clientId: "c", principal: undefined },
    { kind: "sessionExpiry", clientId: "c", sessionExpirySeconds: 60, expiresAtMs: undefined },
    { kind: "subscribed", clientId: "c", subscription: subscription("a", 1) },
    { kind: "subscribed", clientId: "c", subscription: subscription("b", 2) },
    { kind: "subscribed", clientId: "c", subscription: subscription("a", 0) },
    { kind: "unsubscribed", clientId: "c", topicFilter: "b" },
    queued("c", 1, ONE),
    queued("c", 2, TWO),
    queued("c", 3, THREE),
    { kind: "completed", clientId: "c", sequence: 3 },
    { kind: "sessionExpiry", clientId: "c", sessionExpirySeconds: 60, expiresAtMs: 99 },
    { kind: "retained", topic: "t", message: ONE },
    { kind: "retained", topic: "t", message: TWO },
    { kind: "retained", topic: "gone", message: ONE },
    { kind: "retained", topic: "gone", message: undefined },
  ]);
  assertEquals(await all(storage.restore()), [
    { kind: "sessionStarted", clientId: "c", principal: undefined },
    { kind: "sessionExpiry", clientId: "c", sessionExpirySeconds: 60, expiresAtMs: 99 },
    { kind: "subscribed", clientId: "c", subscription: subscription("a", 0) },
    // The sequence of a message that is gone is not given again.
    { kind: "backlog", clientId: "c", lastSequence: 3, messages: 2, bytes: ONE.size + TWO.size },
    { kind: "retained", topic: "t", message: TWO },
  ]);
});

Deno.test("MemoryStorage.restoreSession() gives messages in order, with what became of them", async () => {
  const storage = new MemoryStorage();
  storage.commit([
    { kind: "sessionStarted", clientId: "c", principal: undefined },
    { kind: "accepted", clientId: "c", packetIdentifier: 7 },
    { kind: "accepted", clientId: "c", packetIdentifier: 8 },
    { kind: "released", clientId: "c", packetIdentifier: 7 },
    queued("c", 1, ONE, 5),
    queued("c", 2, TWO),
    queued("c", 3, THREE),
    { kind: "sent", clientId: "c", sequence: 2, packetIdentifier: 6 },
    { kind: "received", clientId: "c", sequence: 1 },
  ]);
  assertEquals(await all(storage.restoreSession("c")), [
    { kind: "accepted", clientId: "c", packetIdentifier: 8 },
    queued("c", 1, ONE, 5),
    { kind: "received", clientId: "c", sequence: 1 },
    queued("c", 2, TWO, 6),
    queued("c", 3, THREE),
  ]);
  assertEquals(await all(storage.restoreSession("other")), []);
});

Deno.test("MemoryStorage forgets a session that ended or that began anew", async () => {
  const storage = new MemoryStorage();
  const begin: readonly Change[] = [
    { kind: "sessionStarted", clientId: "c", principal: undefined },
    { kind: "subscribed", clientId: "c", subscription: subscription("a", 1) },
    { kind: "accepted", clientId: "c", packetIdentifier: 8 },
    queued("c", 1, ONE),
  ];
  storage.commit([...begin, { kind: "sessionStarted", clientId: "c", principal: undefined }]);
  assertEquals(await all(storage.restoreSession("c")), []);
  assertEquals((await all(storage.restore())).map(({ kind }) => kind), ["sessionStarted", "sessionExpiry", "backlog"]);
  storage.commit([...begin, { kind: "sessionEnded", clientId: "c" }, queued("c", 2, TWO)]);
  assertEquals(await all(storage.restore()), []);
  assertEquals(await all(storage.restoreSession("c")), []);
});

Deno.test("A change that MemoryStorage gets twice is the same as once", async () => {
  const changes: readonly Change[] = [
    { kind: "sessionStarted", clientId: "c", principal: undefined },
    { kind: "sessionExpiry", clientId: "c", sessionExpirySeconds: 60, expiresAtMs: undefined },
    { kind: "subscribed", clientId: "c", subscription: subscription("a", 1) },
    { kind: "accepted", clientId: "c", packetIdentifier: 8 },
    queued("c", 1, ONE),
    { kind: "sent", clientId: "c", sequence: 1, packetIdentifier: 3 },
    queued("c", 2, TWO, 4),
    { kind: "received", clientId: "c", sequence: 2 },
    queued("c", 3, THREE),
    { kind: "completed", clientId: "c", sequence: 3 },
    { kind: "retained", topic: "t", message: ONE },
  ];
  const once = new MemoryStorage();
  once.commit(changes);
  const twice = new MemoryStorage();
  for (const change of changes) twice.commit([change, change]);
  assertEquals(await all(twice.restore()), await all(once.restore()));
  assertEquals(await all(twice.restoreSession("c")), await all(once.restoreSession("c")));
});

Deno.test("MemoryStorage keeps sessions apart, whatever their Client Identifiers are", async () => {
  const storage = new MemoryStorage();
  for (const clientId of ["a", "A", "__proto__", "a/1"]) {
    storage.commit([{ kind: "sessionStarted", clientId, principal: undefined }, queued(clientId, 1, ONE)]);
  }
  storage.commit([{ kind: "completed", clientId: "A", sequence: 1 }, { kind: "sessionEnded", clientId: "__proto__" }]);
  assertEquals((await all(storage.restoreSession("a"))).length, 1);
  assertEquals((await all(storage.restoreSession("A"))).length, 0);
  assertEquals((await all(storage.restoreSession("a/1"))).length, 1);
  assertEquals((await all(storage.restoreSession("__proto__"))).length, 0);
});

Deno.test("MemoryStorage says that it is not durable", () => {
  assertEquals(new MemoryStorage().isDurable, false);
});

function queued(clientId: string, sequence: number, message: ApplicationMessage, packetIdentifier = 0): Change {
  return {
    kind: "queued",
    clientId,
    sequence,
    message,
    qos: 1,
    retain: false,
    subscriptionIdentifiers: [3],
    sharedFilter: undefined,
    packetIdentifier,
  };
}

function subscription(topicFilter: string, qos: 0 | 1 | 2): Subscription {
  const filter = parseTopicFilter(topicFilter);
  if (filter === undefined) throw new TypeError(`"${topicFilter}" is not a Topic Filter`);
  return {
    filter,
    qos,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    subscriptionIdentifier: undefined,
  };
}

async function all(changes: AsyncIterable<Change>): Promise<Change[]> {
  return await Array.fromAsync(changes);
}
