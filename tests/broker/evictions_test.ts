import { assertEquals } from "@std/assert";
import { type Authenticator, type Broker, memoryTransport } from "../../mod.ts";
import { within } from "../deadline.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { type Conversation, converse } from "../wire/conversation.ts";

const MOST_AT_A_TIME = 200;
const CLIENTS = 450;
const EVERYBODY_IS_ANN: Authenticator = { authenticate: () => ({ isAccepted: true, principal: "ann" }) };

const WAYS: readonly { readonly name: string; end(broker: Broker): number }[] = [
  { name: "disconnect() of a principal", end: (broker) => broker.disconnect({ principal: "ann" }) },
  { name: "disconnect() by a function", end: (broker) => broker.disconnect(() => true) },
  { name: "ban()", end: (broker) => broker.ban({ principal: "ann" }) },
  {
    name: "disconnect() once for each client",
    end: (broker) => [...broker.clients()].reduce((count, { clientId }) => count + broker.disconnect({ clientId }), 0),
  },
];
for (const { name, end } of WAYS) {
  Deno.test(`broker.${name} ends many connections 200 at a time, and others have their turn meanwhile`, () =>
    converse(5, { authenticator: EVERYBODY_IS_ANN }, async (conversation) => {
      const { ended } = await connectMany(conversation);
      const { broker } = conversation;
      const turn = new Promise<number>((resolve) => setTimeout(() => resolve([...broker.clients()].length), 0));
      assertEquals(end(broker), CLIENTS);
      assertEquals(await turn, CLIENTS - MOST_AT_A_TIME);
      await within(ended, "all clients to be disconnected");
      assertEquals([...broker.clients()].length, 0);
    }));
}

Deno.test("broker.disconnect() and ban() count each connection once, whether it closes already or waits to be ended", () =>
  converse(5, { authenticator: EVERYBODY_IS_ANN }, async (conversation) => {
    await conversation.run("a connects", "b connects");
    const { broker } = conversation;
    assertEquals(broker.disconnect({ clientId: "a" }), 1);
    assertEquals([broker.disconnect({ clientId: "a" }), broker.disconnect(() => true)], [0, 1]); // In the same turn.
    assertEquals(broker.ban({ principal: "ann" }), 0);
    broker.unban({ principal: "ann" });
    await conversation.run("a told e0 98", "b told e0 98");
    const { ended } = await connectMany(conversation);
    const counts = [broker.disconnect(() => true), broker.disconnect(() => true), broker.ban({ principal: "ann" })];
    assertEquals(counts, [CLIENTS, 0, 0]);
    await within(ended, "all clients to be disconnected");
  }));

Deno.test("broker.disconnect() of few clients ends them in the same turn", () =>
  converse(5, {}, async (conversation) => {
    await conversation.run("a connects", "b connects", "c connects");
    const { broker } = conversation;
    for (const clientId of ["a", "b"]) assertEquals(broker.disconnect({ clientId }), 1);
    await Promise.resolve(); // The turn ends.
    assertEquals([...broker.clients()].map(({ clientId }) => clientId), ["c"]);
    await conversation.run("a told e0 98", "b told e0 98");
  }));

Deno.test("broker.disconnect() ends a client that waits for its session, which stays as it is", () => {
  const storage = new GatedStorage();
  return converse(5, { storage }, async (conversation) => {
    await conversation.run("s connects durable", "s disconnects");
    const { promise, resolve } = Promise.withResolvers<void>();
    storage.restoring = promise;
    await conversation.run("s2 > 10 [ @ 00 0000 { 11 00000e10 } 's' ]");
    while (storage.restored === 0) await new Promise((resolve) => setTimeout(resolve, 0)); // It comes to that.
    assertEquals(conversation.broker.disconnect({ clientId: "s" }), 1);
    resolve();
    await conversation.run("s2 told 20 00 88", "s3 resumes"); // CONNACK cannot say 0x98. [MQTT-3.2.2-8]
  });
});

Deno.test("Broker.close() ends those that still wait to be disconnected, too", () =>
  converse(5, {}, async (conversation) => {
    const { ended } = await connectMany(conversation);
    const { broker } = conversation;
    assertEquals(broker.disconnect(() => true), CLIENTS);
    await within(broker.close(), "the broker to close");
    await within(ended, "all clients to be disconnected");
  }));

/** Many clients that read nothing; `ended` resolves when the connections of all have ended. */
async function connectMany(conversation: Conversation): Promise<{ readonly ended: Promise<unknown> }> {
  const ended: Promise<void>[] = [];
  for (let index = 0; index < CLIENTS; index++) {
    const { server, client } = memoryTransport();
    ended.push(conversation.broker.serve(server));
    const writer = client.writable.getWriter();
    const clientId = `client ${String(index).padStart(4, "0")}`;
    await writer.write(conversation.bytes(`10 [ @ 02 0000 {} '${clientId}' ]`).slice());
    const reader = client.readable.getReader();
    await reader.read(); // CONNACK.
    void reader.read().then(() => client.close()); // DISCONNECT.
  }
  return { ended: Promise.all(ended) };
}
