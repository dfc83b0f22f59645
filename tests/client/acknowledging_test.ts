import { assertEquals, assertRejects } from "@std/assert";
import {
  type Client,
  type ClientSubscribeOptions,
  type ClientSubscription,
  RefusedError,
} from "../../src/client/mod.ts";
import { within } from "../deadline.ts";
import { ACCEPTED, ACCEPTED_311, converse, RESUMED, type ScriptedPeer } from "./scripted_server.ts";

/** Subscribes to `a` as the first thing that a client does. */
async function subscribed(
  client: Client,
  peer: ScriptedPeer,
  options: ClientSubscribeOptions,
  suback = "90 [ 0001 00 02 ]",
): Promise<ClientSubscription> {
  const subscribing = client.subscribe("a", options);
  await peer.packet();
  peer.send(suback);
  return await subscribing;
}

async function next(reader: ClientSubscription): Promise<string | undefined> {
  return (await within(reader.next(), "a message")).value?.text();
}

Deno.test("a message is not acknowledged before it is read where that is asked for (sections 4.3.2 and 4.3.3)", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const reader = await subscribed(client, peer, { acknowledges: "read" });
    peer.send(`32 [ 'a' 0001 00 "1" ] 30 [ 'a' 00 "2" ] 34 [ 'a' 0003 00 "3" ] 32 [ 'a' 0004 00 "4" ]`);
    await peer.quiet();
    assertEquals(await next(reader), "1");
    await peer.expect("40 [ 0001 ]");
    assertEquals(await next(reader), "2");
    await peer.quiet();
    assertEquals(await next(reader), "3");
    await peer.expect("50 [ 0003 ]");
    await peer.quiet();
  });
});

Deno.test("a message that a reader waits for is acknowledged at once", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const reader = await subscribed(client, peer, { acknowledges: "read" });
    const reading = next(reader);
    peer.send(`32 [ 'a' 0001 00 "1" ] 32 [ 'a' 0002 00 "2" ]`);
    assertEquals(await reading, "1");
    await peer.expect("40 [ 0001 ]");
    await peer.quiet();
  });
});

Deno.test("Client.close() leaves what was not read to the server, and a message with QoS 0 to its reader", async () => {
  let subscription: ClientSubscription | undefined;
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    subscription = await subscribed(client, peer, { acknowledges: "read" });
    peer.send(`32 [ 'a' 0001 00 "1" ] 30 [ 'a' 00 "2" ] 32 [ 'a' 0003 00 "3" ]`);
    await peer.quiet();
  });
  const texts: string[] = [];
  for await (const message of subscription ?? []) texts.push(message.text());
  assertEquals(texts, ["2"]);
});

Deno.test("what was not read is acknowledged when the subscription is left", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const subscription = await subscribed(client, peer, { acknowledges: "read" });
    peer.send(`32 [ 'a' 0001 00 "1" ] 34 [ 'a' 0002 00 "2" ]`);
    await peer.quiet();
    const left = subscription.return();
    await peer.expect("40 [ 0001 ] 50 [ 0002 ] a2 [ 0002 00 'a' ]");
    peer.send("b0 [ 0002 00 00 ]");
    await within(left, "UNSUBACK");
  });
});

Deno.test("a subscription takes what a session is still subscribed to, where that is asked for", async () => {
  await converse({ cleanStart: false, clientId: "kept" }, RESUMED, async ({ client, peer }) => {
    peer.send(`32 [ 'old' 0001 00 "1" ]`); // Before anybody could subscribe.
    await peer.quiet();
    const subscribing = client.subscribe("a", { takesUnclaimed: true });
    await peer.expect("40 [ 0001 ] 82 [ 0001 [ 0b 01 ] 'a' 02 ]");
    peer.send("90 [ 0001 00 02 ]");
    const subscription = await subscribing;
    peer.send(`32 [ 'old' 0002 00 "2" ] 30 [ 'older' 00 "3" ] 30 [ 'a' 00 "4" ]`);
    await peer.expect("40 [ 0002 ]");
    for (const text of ["1", "2", "3", "4"]) assertEquals(await next(subscription), text);
    assertEquals(client.unclaimed, 0);
    const ended = subscription.unsubscribe();
    await peer.packet();
    peer.send(`b0 [ 0002 00 00 ] 30 [ 'old' 00 "5" ]`);
    await within(ended, "UNSUBACK");
    await peer.quiet();
    assertEquals(client.unclaimed, 1);
  });
});

Deno.test("a subscription that was refused takes no messages of the session: they are counted as unclaimed", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const refused = assertRejects(() => client.subscribe("a", { takesUnclaimed: true }), RefusedError);
    await peer.packet();
    peer.send("90 [ 0001 00 87 ]");
    await refused;
    peer.send(`30 [ 'old' 00 "1" ]`);
    await peer.quiet();
    assertEquals(client.unclaimed, 1);
  });
});

Deno.test("a message is not acknowledged before it is read with 3.1.1 either", async () => {
  await converse({ protocolVersion: 4 }, ACCEPTED_311, async ({ client, peer }) => {
    const reader = await subscribed(client, peer, { acknowledges: "read" }, "90 [ 0001 02 ]");
    peer.send(`32 [ 'a' 0001 "1" ] 34 [ 'a' 0002 "2" ]`);
    assertEquals(await next(reader), "1");
    await peer.expect("40 [ 0001 ]");
    assertEquals(await next(reader), "2");
    await peer.expect("50 [ 0002 ]");
  });
});
