/** Sessions that are in the storage and end with their connection: nothing that was acknowledged is lost on the way. */

import { assertEquals } from "@std/assert";
import type { BrokerEvent } from "../../mod.ts";
import { type Change, type CommitItem, MemoryStorage } from "../../src/storage/mod.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { type Conversation, converse } from "../wire/conversation.ts";

const LIMITS = { maximumQueuedMessages: 100_000, maximumQueuedBytes: 100_000_000 };
const WAITING = 3_000; // More than a page.

Deno.test("What comes for a session with Session Expiry Interval 0 while more of it is in the storage is not lost", () =>
  converse(5, { storage: new MemoryStorage(), limits: LIMITS }, async (conversation) => {
    await conversation.run(
      "s connects durable",
      "s > 82 [ 0001 {} 'x' 01 ]",
      "s < 90 [ 0001 {} 01 ]",
      "s disconnects",
      "p connects",
    );
    await publish(conversation, WAITING);
    await conversation.run("s2 > 10 [ @ 00 0000 { 21 000a } 's' ]", "s2 < 20 [ 01 00 { LIMITS } ]");
    await publish(conversation, 5);
    await take(conversation, "s2", WAITING + 5);
    await conversation.run("s2 quiet");
  }));

Deno.test("What a Shared Subscription has in the storage goes to others when DISCONNECT ends its session", () =>
  converse(5, { storage: new MemoryStorage(), limits: LIMITS }, async (conversation) => {
    await conversation.run(
      "s connects durable",
      "s > 82 [ 0001 {} '$share/g/x' 01 ]",
      "s < 90 [ 0001 {} 01 ]",
      "s disconnects",
      "p connects",
    );
    await publish(conversation, WAITING);
    await conversation.run(
      "t connects",
      "t > 82 [ 0001 {} '$share/g/x' 01 ]",
      "t < 90 [ 0001 {} 01 ]",
      "s2 > 10 [ @ 00 0000 { 11 00000e10 21 000a } 's' ]",
      "s2 < 20 [ 01 00 { LIMITS } ]",
      "s2 > e0 [ 00 { 11 00000000 } ]",
    );
    await take(conversation, "t", WAITING);
    await conversation.run("t quiet");
    await conversation.client("s2").drop();
  }));

/** A session that waits offline with a message of a group, and has a Will that is still to come. */
const MEMBER_WITH_WILL = [
  "s > 10 [ @ 0c 0000 { 11 00000e10 } 's' { 18 00000e10 } 'wills' 'w' ]",
  "s < 20 [ 00 00 { LIMITS } ]",
  "s > 82 [ 0001 {} '$share/g/x' 01 ]",
  "s < 90 [ 0001 {} 01 ]",
  "s drops",
  "p connects",
  "p > 32 [ 'x' 0001 {} \"m\" ]",
  "p < 40 [ 0001 ]",
];

Deno.test("The end of a session, its Will and what it shared are one change: none of them is kept alone", () => {
  const storage = new GatedStorage();
  return converse(5, { storage }, async (conversation) => {
    await conversation.run(
      ...MEMBER_WITH_WILL,
      "t connects durable",
      "t > 82 [ 0001 {} '$share/g/x' 01 ] 82 [ 0002 {} 'wills' 01 ]",
      "t < 90 [ 0001 {} 01 ] 90 [ 0002 {} 01 ]",
      "t disconnects",
    );
    storage.isGated = true;
    await conversation.run("s2 > 10 [ @ 02 0000 {} 's' ]");
    const commit = await storage.nextCommit();
    commit.keep();
    storage.open();
    await conversation.run("s2 < 20 [ 00 00 { LIMITS } ]");
    assertEquals(kindsOf(commit.changes), [["will s", "queued t wills", "queued t x", "sessionEnded s"]]);
  });
});

Deno.test("A message of a group that has expired goes to no other member when its session ends", () => {
  const storage = new GatedStorage();
  return converse(5, { storage }, async (conversation) => {
    await conversation.run(
      ...MEMBER_WITH_WILL,
      "p > 32 [ 'x' 0002 { 02 0000000a } \"brief\" ] 32 [ 'x' 0003 {} \"n\" ]",
      "p < 40 [ 0002 ] 40 [ 0003 ]",
      "t connects durable",
      "t > 82 [ 0001 {} '$share/g/x' 01 ]",
      "t < 90 [ 0001 {} 01 ]",
      "t disconnects",
      "10 s pass",
    );
    storage.isGated = true;
    await conversation.run("s2 > 10 [ @ 02 0000 {} 's' ]");
    const commit = await storage.nextCommit();
    commit.keep();
    storage.open();
    await conversation.run("s2 < 20 [ 00 00 { LIMITS } ]", "t2 resumes");
    assertEquals(kindsOf(commit.changes), [["will s", "queued t x", "queued t x", "sessionEnded s"]]);
    await conversation.run("t2 < 32 [ 'x' 0001 {} \"m\" ] 32 [ 'x' 0002 {} \"n\" ]", "t2 quiet");
  });
});

Deno.test("A session that cannot be ended has its subscriptions still, and ends later with all that came meanwhile", () => {
  const storage = new GatedStorage();
  const failed: string[] = [];
  const onEvent = (event: BrokerEvent) => void (event.kind === "readFailed" && failed.push(event.clientId));
  return converse(5, { storage, onEvent }, async (conversation) => {
    await conversation.run(...MEMBER_WITH_WILL);
    storage.restoring = Promise.reject(new Error("the disk is gone"));
    storage.restoring.catch(() => {}); // Whoever reads gets it.
    await conversation.run("3600 s pass", "p quiet");
    assertEquals(failed, ["s"]);
    await conversation.run("p > 32 [ 'x' 0002 {} \"n\" ]", "p < 40 [ 0002 ]"); // Not 0x10 No matching subscribers.
    storage.restoring = Promise.resolve();
    await conversation.run(
      "t connects",
      "t > 82 [ 0001 {} '$share/g/x' 01 ]",
      "t < 90 [ 0001 {} 01 ]",
      "1 s pass",
      "t < 32 [ 'x' 0001 {} \"m\" ] 32 [ 'x' 0002 {} \"n\" ]",
      "t > 40 [ 0001 ] 40 [ 0002 ]",
      "p > 32 [ 'x' 0003 {} \"o\" ]",
      "p < 40 [ 0003 ]",
      "t < 32 [ 'x' 0003 {} \"o\" ]",
    );
    assertEquals(conversation.broker.metrics.sessions, 2);
  });
});

/** What each `transaction` says, in order, and each change outside of one. */
function kindsOf(changes: readonly CommitItem[]): (string | string[])[] {
  const name = (change: Change) => {
    const who = "clientId" in change ? ` ${change.clientId}` : "";
    return `${change.kind}${who}${change.kind === "queued" ? ` ${change.message.topic}` : ""}`;
  };
  return changes.map((change) => change.kind === "transaction" ? change.changes.map(name) : name(change));
}

async function publish(conversation: Conversation, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    await conversation.run(`p > 32 [ 'x' 0001 {} "${number}" ]`, "p < 40 [ 0001 ]");
  }
}

async function take(conversation: Conversation, name: string, count: number): Promise<void> {
  const client = conversation.client(name);
  for (let number = 0; number < count; number++) {
    const packet = await client.takePacket();
    assertEquals(packet[0], 0x32);
    client.send(new Uint8Array([0x40, 2, ...packet.slice(5, 7)]));
  }
}
