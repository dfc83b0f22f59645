/** Who gets a session, and what is in it, when the storage takes its time or the broker is another one. */

import { assertEquals } from "@std/assert";
import type { BrokerEvent } from "../../mod.ts";
import { MemoryStorage } from "../../src/storage/mod.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { type Conversation, converse } from "../wire/conversation.ts";

const DURABLE_SUBSCRIBER = ["s connects durable", "s > 82 [ 0001 {} 'x' 02 ]", "s < 90 [ 0001 {} 02 ]"];

Deno.test("Two CONNECTs with the same Client Identifier at once: the later one gets the session, once", () => {
  const storage = new GatedStorage();
  return converse(5, { storage }, async (conversation) => {
    await conversation.run(...DURABLE_SUBSCRIBER, "s disconnects", "p connects");
    await conversation.run("p > 32 [ 'x' 0001 {} \"1\" ] 32 [ 'x' 0002 {} \"2\" ]", "p < 40 [ 0001 ] 40 [ 0002 ]");
    const { promise, resolve } = Promise.withResolvers<void>();
    storage.restoring = promise;
    await conversation.run(
      "s2 > 10 [ @ 00 0000 { 11 00000e10 } 's' ]",
      "s3 > 10 [ @ 00 0000 { 11 00000e10 } 's' ]",
      "p quiet",
    );
    resolve();
    await conversation.run(
      "s3 < 20 [ 01 00 { LIMITS } ] 32 [ 'x' 0001 {} \"1\" ] 32 [ 'x' 0002 {} \"2\" ]",
      "s3 > 40 [ 0001 ] 40 [ 0002 ]",
      "s3 quiet",
    );
    await expectRefused(conversation, "s2");
  });
});

Deno.test("CONNECT with Clean Start while the session is restored for another connection: a new session", () => {
  const storage = new GatedStorage();
  return converse(5, { storage }, async (conversation) => {
    await conversation.run(...DURABLE_SUBSCRIBER, "s disconnects", "p connects");
    await conversation.run("p > 32 [ 'x' 0001 {} \"1\" ]", "p < 40 [ 0001 ]");
    const { promise, resolve } = Promise.withResolvers<void>();
    storage.restoring = promise;
    await conversation.run(
      "s2 > 10 [ @ 00 0000 { 11 00000e10 } 's' ]",
      "s3 > 10 [ @ 02 0000 { 11 00000e10 } 's' ]",
      "p quiet",
    );
    resolve();
    await conversation.run("s3 < 20 [ 00 00 { LIMITS } ]", "s3 quiet", "p > 32 [ 'x' 0002 {} ]", "p < 40 [ 0002 10 ]");
    await expectRefused(conversation, "s2");
  });
});

Deno.test("A connection that is lost while its session is restored loses nothing", () => {
  const storage = new GatedStorage();
  return converse(5, { storage }, async (conversation) => {
    await conversation.run(...DURABLE_SUBSCRIBER, "s disconnects", "p connects");
    await conversation.run("p > 32 [ 'x' 0001 {} \"1\" ] 34 [ 'x' 0002 {} \"2\" ]", "p < 40 [ 0001 ] 50 [ 0002 ]");
    const { promise, resolve } = Promise.withResolvers<void>();
    storage.restoring = promise;
    await conversation.run("s2 > 10 [ @ 00 0000 { 11 00000e10 } 's' ]", "p quiet");
    const lost = conversation.run("s2 drops"); // The broker sees it when it has read the session.
    await conversation.run("p > 32 [ 'x' 0003 {} \"3\" ]", "p < 40 [ 0003 ]");
    resolve();
    await lost;
    await conversation.run("p > 32 [ 'x' 0004 {} \"4\" ]", "p < 40 [ 0004 ]", "s3 resumes");
    // Whether the first ones had left by then, only the broker knows: DUP or not.
    const payloads: string[] = [];
    for (let count = 0; count < 4; count++) {
      const packet = await conversation.client("s3").takePacket();
      payloads.push(`${packet[6]}:${String.fromCharCode(packet.at(-1) ?? 0)}`);
    }
    assertEquals(payloads, ["1:1", "2:2", "3:3", "4:4"]);
  });
});

Deno.test("A Will that waits comes when it is due, though a connection came in time and broke off while it was restored", () => {
  const storage = new GatedStorage();
  return converse(5, { storage }, async (conversation) => {
    await conversation.run(
      "w connects",
      "w > 82 [ 0001 {} 'wills' 00 ]",
      "w < 90 [ 0001 {} 00 ]",
      "s > 10 [ @ 04 0000 { 11 00000e10 } 's' { 18 0000003c } 'wills' 'w' ]",
      "s < 20 [ 00 00 { LIMITS } ]",
      "s drops",
      "30 s pass",
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    storage.restoring = promise;
    await conversation.run("s2 > 10 [ @ 00 0000 { 11 00000e10 } 's' ]", "w quiet");
    assertEquals(conversation.broker.disconnect({ clientId: "s" }), 1); // Before it has the session.
    await conversation.run("s2 told 20 00 88", "w quiet");
    resolve();
    await conversation.run("29 s pass", "w quiet", "1 s pass", "w < 30 [ 'wills' {} \"w\" ]");
  });
});

Deno.test("What comes while a session is restored lines up behind what was stored: none lost, none doubled", () => {
  const storage = new GatedStorage();
  return converse(4, { storage }, async (conversation) => {
    await conversation.run(...DURABLE_SUBSCRIBER, "s disconnects", "p connects");
    await conversation.run("p > 32 [ 'x' 0001 \"1\" ] 34 [ 'x' 0002 \"2\" ]", "p < 40 [ 0001 ] 50 [ 0002 ]");
    const { promise, resolve } = Promise.withResolvers<void>();
    storage.restoring = promise;
    await conversation.run("s2 > 10 [ @ 00 0000 's' ]", "p quiet");
    await conversation.run("p > 32 [ 'x' 0003 \"3\" ] 34 [ 'x' 0004 \"4\" ]", "p < 40 [ 0003 ] 50 [ 0004 ]");
    resolve();
    await conversation.run(
      "s2 < 20 02 01 00",
      "s2 < 32 [ 'x' 0001 \"1\" ] 34 [ 'x' 0002 \"2\" ] 32 [ 'x' 0003 \"3\" ] 34 [ 'x' 0004 \"4\" ]",
    );
  });
});

Deno.test("What comes while a session is restored has the room that the queue has", () => {
  const storage = new GatedStorage();
  return converse(4, { storage, limits: { maximumQueuedMessages: 4 } }, async (conversation) => {
    await conversation.run(...DURABLE_SUBSCRIBER, "s disconnects", "p connects");
    await conversation.run("p > 32 [ 'x' 0001 \"1\" ] 32 [ 'x' 0002 \"2\" ] 32 [ 'x' 0003 \"3\" ]");
    await conversation.run("p < 40 [ 0001 ] 40 [ 0002 ] 40 [ 0003 ]");
    const { promise, resolve } = Promise.withResolvers<void>();
    await conversation.run("s2 > 10 [ @ 00 0000 's' ]");
    storage.restoring = (async () => {
      await promise; // Each change that comes back waits for it.
    })();
    await conversation.run("p > 32 [ 'x' 0004 \"4\" ]", "p < 40 [ 0004 ]");
    resolve();
    await conversation.run("s2 < 20 02 01 00");
    await conversation.run(
      "s2 < 32 [ 'x' 0001 \"1\" ] 32 [ 'x' 0002 \"2\" ] 32 [ 'x' 0003 \"3\" ] 32 [ 'x' 0004 \"4\" ]",
    );
    assertEquals(conversation.broker.metrics.dropped.queueFull, 0);
  });
});

Deno.test("A session that cannot be read is refused with 0x88, and is there when it can", () => {
  const storage = new GatedStorage();
  const events: string[] = [];
  const onEvent = (event: BrokerEvent) => void (event.kind === "readFailed" && events.push(String(event.error)));
  return converse(5, { storage, onEvent }, async (conversation) => {
    await conversation.run(...DURABLE_SUBSCRIBER, "s disconnects", "p connects");
    await conversation.run("p > 32 [ 'x' 0001 {} \"1\" ]", "p < 40 [ 0001 ]");
    storage.restoring = Promise.reject(new Error("the disk is gone"));
    storage.restoring.catch(() => {}); // Whoever reads gets it.
    await conversation.run("s2 > 10 [ @ 00 0000 { 11 00000e10 } 's' ]", "s2 told 20 00 88");
    assertEquals(events, ["Error: the disk is gone"]);
    storage.restoring = Promise.resolve();
    await conversation.run("s3 resumes", "s3 < 32 [ 'x' 0001 {} \"1\" ]");
  });
});

Deno.test("A page that cannot be read ends its connection with 0x83, and nothing is lost", () => {
  const storage = new GatedStorage();
  return converse(5, { storage, limits: { maximumQueuedMessages: 10_000 } }, async (conversation) => {
    await conversation.run(...DURABLE_SUBSCRIBER, "s disconnects", "p connects");
    for (let number = 1; number <= 2_300; number++) {
      const hex = number.toString(16).padStart(4, "0");
      await conversation.run(`p > 32 [ 'x' ${hex} {} ${hex} ]`, `p < 40 [ ${hex} ]`);
    }
    await conversation.run("s2 resumes");
    storage.restoring = Promise.reject(new Error("the disk is gone"));
    storage.restoring.catch(() => {}); // Whoever reads gets it.
    const got = new Set<string>();
    const take = async (name: string) => {
      const packet = await conversation.client(name).takePacket();
      if (packet[0] === 0xe0) return packet[2];
      got.add(packet.slice(-2).toHex());
      conversation.client(name).send(new Uint8Array([0x40, 2, ...packet.slice(5, 7)])); // It may be too late.
      return undefined;
    };
    let reasonCode: number | undefined;
    while (reasonCode === undefined) reasonCode = await take("s2");
    assertEquals([reasonCode, got.size < 2_300], [0x83, true]);
    await conversation.client("s2").drop();
    storage.restoring = Promise.resolve();
    await conversation.run("s3 resumes");
    while (got.size < 2_300) assertEquals(await take("s3"), undefined);
  });
});

Deno.test("A takeover while CONNACK waits for the storage: each client gets at most one CONNACK", () => {
  const storage = new GatedStorage();
  return converse(5, { storage }, async (conversation) => {
    await conversation.run("b connects");
    storage.isGated = true;
    await conversation.run("s > 10 [ @ 00 0000 { 11 00000e10 } 's' ]");
    const first = await storage.nextCommit();
    await conversation.run("s2 > 10 [ @ 00 0000 { 11 00000e10 } 's' ]", "b quiet");
    first.keep();
    storage.open();
    await conversation.run("s < 20 [ 00 00 { LIMITS } ]", "s told e0 8e", "s2 < 20 [ 01 00 { LIMITS } ]", "s2 quiet");
  });
});

Deno.test("Broker.close() while a session is restored ends that connection too", async () => {
  const storage = new GatedStorage();
  await converse(5, { storage }, async (conversation) => {
    await conversation.run("s connects durable", "s disconnects");
    const { promise, resolve } = Promise.withResolvers<void>();
    storage.restoring = promise;
    await conversation.run("s2 > 10 [ @ 00 0000 { 11 00000e10 } 's' ]", "b connects");
    const closed = conversation.broker.close();
    await conversation.run("b told e0 8b");
    resolve();
    await expectRefused(conversation, "s2");
    await closed;
    assertEquals(storage.isClosed, true);
  });
});

Deno.test("A broker that is opened anew on a storage goes on with its sessions and retained messages", async () => {
  const storage = new MemoryStorage();
  await converse(5, { storage }, async (conversation) => {
    await conversation.run(
      "s connects durable",
      "s > 82 [ 0001 [ 0b 07 ] 'x/+' 02 ]",
      "s < 90 [ 0001 [] 02 ]",
      "p connects durable",
      "p > 34 [ 'x/1' 0001 [ 03 'text' ] \"1\" ] 34 [ 'x/1' 0002 [] \"2\" ]",
      "p < 50 [ 0001 ] 50 [ 0002 ]",
      "s < 34 [ 'x/1' 0001 [ 03 'text' 0b 07 ] \"1\" ] 34 [ 'x/1' 0002 [ 0b 07 ] \"2\" ]",
      "s > 50 [ 0001 ]",
      "s < 62 [ 0001 ]",
      "s drops",
      "p > 33 [ 'x/2' 0003 [] \"3\" ]",
      "p < 40 [ 0003 ]",
      "p drops",
    );
  });
  await converse(5, { storage }, async (conversation) => {
    assertEquals(conversation.broker.metrics.sessions, 2);
    assertEquals(conversation.broker.metrics.retainedMessages, 1);
    await conversation.run(
      "p resumes",
      "p > 3c [ 'x/1' 0002 [] \"2\" ] 62 [ 0001 ] 62 [ 0002 ]", // Not delivered again.
      "p < 50 [ 0002 ] 70 [ 0001 ] 70 [ 0002 ]",
      "p > 32 [ 'x/3' 0004 [] \"4\" ]",
      "p < 40 [ 0004 ]",
      "s resumes",
      "s < 62 [ 0001 ] 3c [ 'x/1' 0002 [ 0b 07 ] \"2\" ] 32 [ 'x/2' 0003 [ 0b 07 ] \"3\" ] 32 [ 'x/3' 0004 [ 0b 07 ] \"4\" ]",
      "s > 70 [ 0001 ] 50 [ 0002 ] 40 [ 0003 ] 40 [ 0004 ]",
      "s < 62 [ 0002 ]",
      "s > 70 [ 0002 ]",
      "r connects",
      "r > 82 [ 0001 [] '#' 00 ]",
      "r < 90 [ 0001 [] 00 ] 31 [ 'x/2' [] \"3\" ]",
    );
  });
});

/** The connection ends, with a CONNACK that refuses or without a word, and not with an error of ours. */
async function expectRefused(conversation: Conversation, name: string): Promise<void> {
  const client = conversation.client(name);
  await client.ended;
  const { unread } = client;
  if (unread.length > 0 && (unread[0] !== 0x20 || (unread[3] ?? 0) < 0x80)) {
    throw new Error(`${name} got ${Array.from(unread, (byte) => byte.toString(16).padStart(2, "0")).join("")}`);
  }
  await client.drop();
}
