/** The end of a broker whose storage is lost for good, as it says itself. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Broker, type BrokerEvent } from "../../mod.ts";
import { within } from "../deadline.ts";
import { GatedStorage, type PendingCommit } from "../storage/gated_storage.ts";
import { converse } from "../wire/conversation.ts";

/** A storage that its test can take away. */
class LosableStorage extends GatedStorage {
  readonly #lost = Promise.withResolvers<Error>();

  get lost(): Promise<Error> {
    return this.#lost.promise;
  }

  lose(): void {
    this.#lost.resolve(new Error("another broker has taken it over"));
  }
}

const WILL = "10 [ @ 06 0000 {} 'w' {} 'x' 'ww' ]";

for (const version of [4, 5] as const) {
  Deno.test(`A broker that has lost its storage ends all its connections at once, and confirms nothing v${version}`, async () => {
    const storage = new LosableStorage();
    const events: BrokerEvent[] = [];
    const onEvent = (event: BrokerEvent) => events.push(event);
    await converse(version, { storage, onEvent }, async (conversation) => {
      await conversation.run(
        "s connects durable",
        "s > 82 [ 0001 {} 'x' 02 ]",
        "s < 90 [ 0001 {} 02 ]",
        "a connects",
        `w > ${WILL}`,
        "w < 20 [ 00 00 { LIMITS } ]",
        "p connects durable",
      );
      storage.isGated = true;
      await conversation.run(
        "p > 32 [ 'x' 0001 {} \"m\" ] 34 [ 'x' 0002 {} \"n\" ]",
        "s < 32 [ 'x' 0001 {} \"m\" ]",
        "a quiet",
      );
      const commit = await storage.nextCommit();
      storage.lose();
      // Neither PUBACK nor PUBREC, no QoS 2 and no Will: another broker may serve these clients.
      for (const name of ["a", "p", "s", "w"]) await conversation.run(`${name} told e0 8b`);
      assertEquals(events.filter(({ kind }) => kind === "storageLost").length, 1);
      await nothingMore(conversation, storage, commit);
    });
    assert(storage.isClosed);
    assertEquals(events.some(({ kind }) => kind === "commitFailed" || kind === "unexpectedError"), false);
    assertEquals(storage.pendingCommits, 0);
  });
}

/** Whoever comes is refused, and the storage is given nothing, however much time goes by. */
async function nothingMore(
  conversation: Parameters<Parameters<typeof converse>[2]>[0],
  storage: LosableStorage,
  commit: PendingCommit,
): Promise<void> {
  const { broker } = conversation;
  await assertRejects(() => broker.publish("x", "", { retain: true }), TypeError, "the broker is closed");
  await conversation.run("l > 10 [ @ 02 0000 {} 'l' ]", "l closed", "1 s pass", "60 s pass");
  assertEquals(broker.upgrade(new Request("http://localhost/")).status >= 400, true);
  commit.fail();
  await within(broker.close(), "the broker does not end");
  conversation.pass(2_000);
  assertEquals(storage.pendingCommits, 0);
}

Deno.test("A broker whose storage was lost while it was opened ends as well", async () => {
  const storage = new LosableStorage();
  storage.lose();
  const told = Promise.withResolvers<BrokerEvent>();
  const onEvent = (event: BrokerEvent) => event.kind === "storageLost" && told.resolve(event);
  const broker = await Broker.open({ storage, onEvent });
  const event = await within(told.promise, "it is not told");
  assertEquals(event.kind === "storageLost" && event.error.message, "another broker has taken it over");
  await within(broker.close(), "the broker does not end");
  assert(storage.isClosed);
});

Deno.test("A storage that is lost behind the end of its broker is told to nobody", async () => {
  const storage = new LosableStorage();
  const kinds: string[] = [];
  const broker = await Broker.open({ storage, onEvent: ({ kind }) => kinds.push(kind) });
  await broker.close();
  storage.lose();
  await storage.lost;
  assertEquals(kinds, []);
});
