/** What the broker does while its storage does not keep what it is given. */

import { assertEquals, assertLess } from "@std/assert";
import { memoryTransport } from "../../mod.ts";
import { within } from "../deadline.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { type Conversation, converse } from "../wire/conversation.ts";

const DURABLE_SUBSCRIBER = ["s connects durable", "s > 82 [ 0001 {} 'x' 02 ]", "s < 90 [ 0001 {} 02 ]"];

/** A conversation with a storage that has failed once, and fails until it is opened. */
function whileFailing(
  version: 4 | 5,
  talk: (conversation: Conversation, storage: GatedStorage) => Promise<void>,
  ...before: readonly string[]
): Promise<void> {
  const storage = new GatedStorage();
  return converse(version, { storage }, async (conversation) => {
    await conversation.run(...DURABLE_SUBSCRIBER, "s disconnects", "p connects", "q connects", ...before);
    storage.isGated = true;
    await conversation.run("q > 32 [ 'x' 0001 {} \"lost\" ]");
    (await storage.nextCommit()).fail();
    await conversation.run(version === 5 ? "q told e0 83" : "q closed");
    await talk(conversation, storage);
  });
}

Deno.test("While the storage fails, PUBLISH that is to be kept is refused with 0x97, and others go on", () =>
  whileFailing(5, async (conversation, storage) => {
    await conversation.run(
      "p > 32 [ 'x' 0001 {} ] 34 [ 'x' 0002 {} ]",
      "p < 40 [ 0001 97 ] 50 [ 0002 97 ]",
      "p > 33 [ 'retained' 0003 {} \"r\" ]", // The storage has to have it whoever subscribes.
      "p < 40 [ 0003 97 ]",
      "p > 32 [ 'nobody' 0004 {} ] 34 [ 'nobody' 0005 {} ]",
      "p < 40 [ 0004 10 ] 50 [ 0005 10 ]",
      "l connects",
      "l > 82 [ 0001 {} 'y' 01 ]",
      "l < 90 [ 0001 {} 01 ]",
      "p > 30 [ 'y' {} \"0\" ] 32 [ 'y' 0006 {} \"1\" ]",
      "p < 40 [ 0006 ]",
      "l < 30 [ 'y' {} \"0\" ] 32 [ 'y' 0001 {} \"1\" ]",
    );
    storage.open();
    await conversation.run(
      "1000 ms pass",
      "p > 32 [ 'x' 0007 {} \"kept\" ]",
      "p < 40 [ 0007 ]",
      "s2 resumes",
      // What could not be kept then was kept later: it was confirmed to nobody, and may be published again.
      "s2 < 32 [ 'x' 0001 {} \"lost\" ] 32 [ 'x' 0002 {} \"kept\" ]",
    );
  }));

Deno.test("While the storage fails, a client of 3.1.1 waits for PUBACK, and gets it when the storage keeps again", () =>
  whileFailing(4, async (conversation, storage) => {
    await conversation.run("p > 32 [ 'x' 0001 ] c0 00", "l connects", "20000 ms pass");
    (await storage.nextCommit()).fail(); // It was tried again.
    await conversation.run("l quiet"); // No answer, and PINGREQ behind it is not looked at.
    storage.open();
    await conversation.run("1000 ms pass", "p < 40 [ 0001 ] d0 00");
  }));

Deno.test("A client of 3.1.1 that has waited 30 s for the storage is closed, without PUBACK", () =>
  whileFailing(4, async (conversation, storage) => {
    await conversation.run("p > 32 [ 'x' 0001 ]", "l connects", "30000 ms pass", "p closed");
    storage.open();
  }));

Deno.test("While the storage fails, no session is opened that should outlive its connection", () =>
  whileFailing(5, async (conversation, storage) => {
    await conversation.run(
      "d > 10 [ @ 00 0000 { 11 00000e10 } 'd' ]",
      "d told 20 00 88",
      "s2 > 10 [ @ 00 0000 { 11 00000e10 } 's' ]",
      "s2 told 20 00 88",
    );
    assertEquals(conversation.broker.metrics.storage.failedCommits, 1);
    storage.open();
    await conversation.run("1000 ms pass", "s3 resumes", "s3 < 32 [ 'x' 0001 {} \"lost\" ]");
  }));

Deno.test("While the storage fails, a session that outlives its connection gets no subscription", () =>
  whileFailing(5, async (conversation, storage) => {
    await conversation.run(
      "d > 82 [ 0001 {} 'y' 01 ]",
      "d < 90 [ 0001 {} 97 ]",
      "l connects",
      "l > 82 [ 0001 {} 'y' 01 ]",
      "l < 90 [ 0001 {} 01 ]",
    );
    storage.open();
    await conversation.run("1000 ms pass", "d > 82 [ 0001 {} 'y' 01 ]", "d < 90 [ 0001 {} 01 ]");
  }, "d connects durable"));

Deno.test("Who makes changes faster than they are kept is not read from; others are", () => {
  const storage = new GatedStorage();
  return converse(5, { storage, limits: { maximumPendingBytes: 1_000 } }, async (conversation) => {
    await conversation.run(...DURABLE_SUBSCRIBER, "s disconnects", "p connects", "q connects");
    storage.isGated = true;
    await conversation.run(`p > 32 [ 'x' 0001 {} "${"m".repeat(2_000)}" ]`);
    const first = await storage.nextCommit();
    await conversation.run("q quiet", "p > 32 [ 'x' 0002 {} ]", "q quiet");
    first.keep();
    await conversation.run("p < 40 [ 0001 ]");
    const second = await storage.nextCommit(); // It was not looked at before.
    assertEquals(second.changes.length, 1);
    second.keep();
    await conversation.run("p < 40 [ 0002 ]");
    storage.open();
  });
});

Deno.test("A client that is closed within a large PUBLISH because its PUBACK cannot be kept gets no DISCONNECT in it", () =>
  whileGated(async (conversation, storage) => {
    const payloadBytes = 600_000;
    const { server, client } = memoryTransport(1);
    const served = conversation.broker.serve(server);
    const writer = client.writable.getWriter();
    const reader = client.readable.getReader();
    await writer.write(conversation.bytes("10 [ @ 02 0000 {} 'r' ] 82 [ 0001 {} 'large' 00 ]"));
    await within(reader.read(), "CONNACK and SUBACK");
    await conversation.broker.publish("large", new Uint8Array(payloadBytes));
    storage.isGated = true;
    await writer.write(conversation.bytes("32 [ 'x' 0001 {} ]"));
    (await storage.nextCommit()).fail();
    const rest: Uint8Array[] = [];
    for (let { value } = await reader.read(); value !== undefined; { value } = await reader.read()) rest.push(value);
    client.close();
    await served;
    const received = new Uint8Array(await new Blob(rest as Uint8Array<ArrayBuffer>[]).arrayBuffer());
    assertEquals(received[0], 0x30);
    assertLess(received.length, payloadBytes);
    assertEquals(received.subarray(20).findIndex((byte) => byte !== 0), -1);
    storage.open();
  }));

/** A conversation in MQTT 5 with a durable subscriber to "x" that is away. */
function whileGated(talk: (conversation: Conversation, storage: GatedStorage) => Promise<void>): Promise<void> {
  const storage = new GatedStorage();
  return converse(5, { storage }, async (conversation) => {
    await conversation.run(...DURABLE_SUBSCRIBER, "s disconnects");
    await talk(conversation, storage);
  });
}
