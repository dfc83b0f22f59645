/** Sessions that are in the storage and end with their connection: nothing that was acknowledged is lost on the way. */

import { assertEquals } from "@std/assert";
import { MemoryStorage } from "../../mod.ts";
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
