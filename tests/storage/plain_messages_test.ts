import { assertEquals } from "@std/assert";
import { Broker } from "../../mod.ts";
import { Client, type Message } from "../../src/client/mod.ts";
import { type Change, MemoryStorage, type StoredMessage } from "../../src/storage/mod.ts";
import { within } from "../deadline.ts";

/** Gives back messages as values that it has made itself, as a storage does that knows nothing but the contract. */
class PlainStorage extends MemoryStorage {
  override async *restore(): AsyncIterable<Change> {
    for await (const change of super.restore()) yield plain(change);
  }

  override async *restoreSession(clientId: string, afterSequence = 0): AsyncIterable<Change> {
    for await (const change of super.restoreSession(clientId, afterSequence)) yield plain(change);
  }
}

function plain(change: Change): Change {
  if (change.kind === "queued") return { ...change, message: plainMessage(change.message) };
  if (change.kind === "retained" && change.message !== undefined) {
    return { ...change, message: plainMessage(change.message) };
  }
  return change;
}

function plainMessage(message: StoredMessage): StoredMessage {
  const { topic, payload, qos, retain, properties, publisher, expiresAtMs, size } = message;
  return { topic, payload, qos, retain, properties, publisher, expiresAtMs, size };
}

Deno.test("A storage may make messages of its own from their fields: they are sent as they were published", async () => {
  const storage = new PlainStorage();
  const session = { clientId: "s", cleanStart: false, sessionExpirySeconds: 3_600 };
  await using first = await Broker.open({ storage });
  const subscriber = await Client.connect(first, session);
  await subscriber.subscribe("a/#", { qos: 1 });
  await subscriber.close({ sessionExpirySeconds: 3_600 });
  await first.publish("a/1", "queued", { qos: 1, properties: { contentType: "text/plain" } });
  await first.publish("b", "kept", { qos: 1, retain: true });
  await first.close();

  await using second = await Broker.open({ storage });
  await using again = await Client.connect(second, session);
  const queued = await again.subscribe("a/#", { takesUnclaimed: true, qos: 1, retainHandling: 2 });
  const kept = await again.subscribe("b");
  const messages: (Message | undefined)[] = [];
  for (const messagesOf of [queued, kept]) messages.push((await within(messagesOf.next(), "a message")).value);
  assertEquals(messages.map((message) => [message?.topic, message?.text(), message?.properties.contentType]), [
    ["a/1", "queued", "text/plain"],
    ["b", "kept", undefined],
  ]);
});
