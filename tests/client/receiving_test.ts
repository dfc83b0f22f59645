import { assertEquals, assertRejects } from "@std/assert";
import type { Client, ClientSubscribeOptions, ClientSubscription, ConnectOptions } from "../../src/client/mod.ts";
import { within } from "../deadline.ts";
import { ACCEPTED, ACCEPTED_311, connected, converse, RESUMED, type ScriptedPeer } from "./scripted_server.ts";

/** Subscribes as the first thing that a client of MQTT 5 does. */
async function subscribed(
  client: Client,
  peer: ScriptedPeer,
  options: ClientSubscribeOptions = {},
): Promise<ClientSubscription> {
  const subscribing = client.subscribe("a", options);
  await peer.packet();
  peer.send("90 [ 0001 00 02 ]");
  return await subscribing;
}

async function next(reader: ClientSubscription): Promise<string | undefined> {
  return (await within(reader.next(), "a message")).value?.text();
}

Deno.test("a message has everything that its PUBLISH says (section 3.3)", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const subscribing = client.subscribe("a", { qos: 1 });
    await peer.expect("82 [ 0001 [ 0b 01 ] 'a' 01 ]");
    peer.send("90 [ 0001 00 01 ]");
    const subscription = await subscribing;
    peer.send(`3b [ 'a' 0009 [ 03 'text' 0b 01 26 'k' 'v' ] "hi" ]`);
    await peer.expect("40 [ 0009 ]");
    const { value: message } = await subscription.next();
    assertEquals({ ...message, payload: message?.text() }, {
      topic: "a",
      payload: "hi",
      qos: 1,
      retain: true,
      dup: true,
      packetIdentifier: 9,
      properties: { contentType: "text", subscriptionIdentifiers: [1], userProperties: [["k", "v"]] },
    });
  });
});

Deno.test("a message with QoS 2 comes once, however often it is sent [MQTT-4.3.3-10]", async () => {
  await converse({}, ACCEPTED, async ({ client, server, peer }) => {
    const reader = await subscribed(client, peer);
    peer.send(`34 [ 'a' 0001 00 "1" ] 3c [ 'a' 0001 00 "1" ]`);
    await peer.expect("50 [ 0001 ] 50 [ 0001 ]");
    await peer.drop();
    const second = await server.connection();
    await second.accept(RESUMED);
    second.send(`3c [ 'a' 0001 00 "1" ]`);
    await second.expect("50 [ 0001 ]");
    second.send(`62 [ 0001 ] 34 [ 'a' 0001 00 "2" ]`); // Behind PUBREL it is another message.
    await second.expect("70 [ 0001 ] 50 [ 0001 ]");
    assertEquals([await next(reader), await next(reader)], ["1", "2"]);
    await second.quiet();
  });
});

for (const [qos, publish, acknowledge] of [[1, "32", "40"], [2, "34", "50"]] as const) {
  Deno.test(`QoS ${qos} beyond the buffer is acknowledged when it is read (section 4.9)`, async () => {
    await converse({}, ACCEPTED, async ({ client, peer }) => {
      const reader = await subscribed(client, peer, { maximumMessages: 1 });
      for (const text of ["1", "2", "3"]) peer.send(`${publish} [ 'a' 000${text} 00 "${text}" ]`);
      await peer.expect(`${acknowledge} [ 0001 ]`);
      await peer.quiet();
      assertEquals(await next(reader), "1");
      await peer.expect(`${acknowledge} [ 0002 ]`);
      await peer.quiet();
      assertEquals(await next(reader), "2");
      await peer.expect(`${acknowledge} [ 0003 ]`);
      assertEquals(await next(reader), "3");
    });
  });

  Deno.test(`QoS ${qos} that waits for its reader comes once when the connection is lost`, async () => {
    await converse({}, ACCEPTED, async ({ client, server, peer }) => {
      const reader = await subscribed(client, peer, { maximumMessages: 1 });
      for (const text of ["1", "2", "3"]) peer.send(`${publish} [ 'a' 000${text} 00 "${text}" ]`);
      await peer.expect(`${acknowledge} [ 0001 ]`);
      await peer.quiet();
      await peer.drop();
      const second = await server.connection();
      assertEquals(await next(reader), "1"); // 2 has moved up, but cannot be acknowledged now.
      await second.accept(RESUMED);
      await connected(client);
      const repeated = publish === "32" ? "3a" : "3c";
      for (const text of ["2", "3"]) second.send(`${repeated} [ 'a' 000${text} 00 "${text}" ]`);
      await second.expect(`${acknowledge} [ 0002 ]`);
      await second.quiet();
      assertEquals(await next(reader), "2");
      await second.expect(`${acknowledge} [ 0003 ]`);
      assertEquals(await next(reader), "3");
      second.send(`30 [ 'a' 00 "end" ]`);
      assertEquals(await next(reader), "end");
    });
  });
}

const STOPS: readonly { name: string; options: ConnectOptions; connack: string; publish: (text: string) => string }[] =
  [
    { name: "QoS 0, MQTT 5", options: {}, connack: ACCEPTED, publish: (text) => `30 [ 'a' 00 "${text}" ]` },
    {
      name: "QoS 0, MQTT 3.1.1",
      options: { protocolVersion: 4 },
      connack: ACCEPTED_311,
      publish: (text) => `30 [ 'a' "${text}" ]`,
    },
    {
      name: "QoS 1, MQTT 3.1.1",
      options: { protocolVersion: 4 },
      connack: ACCEPTED_311,
      publish: (text) => `32 [ 'a' 00 0${text} "${text}" ]`,
    },
  ];

for (const { name, options, connack, publish } of STOPS) {
  Deno.test(`reading stops while there is no room, ${name}`, async () => {
    await converse(options, connack, async ({ client, peer }) => {
      const subscribing = client.subscribe("a", { maximumMessages: 2 });
      await peer.packet();
      peer.send(options.protocolVersion === 4 ? "90 [ 0001 02 ]" : "90 [ 0001 00 02 ]");
      const subscription = await subscribing;
      for (const text of ["1", "2", "3", "4", "5"]) peer.send(publish(text));
      peer.send("62 02 7f ff");
      for (const text of ["1", "2", "3", "4", "5"]) assertEquals(await next(subscription), text);
      assertEquals(subscription.dropped, 0);
      // All of them come before the PUBREL that was sent behind them.
      if (name.startsWith("QoS 1")) {
        for (const text of ["1", "2", "3", "4", "5"]) await peer.expect(`40 [ 00 0${text} ]`);
      }
      await peer.expect(options.protocolVersion === 4 ? "70 [ 7fff ]" : "70 [ 7fff 92 ]");
    });
  });

  Deno.test(`reading goes on without room while an answer is awaited, ${name}`, async () => {
    await converse(options, connack, async ({ client, peer }) => {
      const isOld = options.protocolVersion === 4;
      const subscribing = client.subscribe("a", { maximumMessages: 2 });
      await peer.packet();
      peer.send(isOld ? "90 [ 0001 02 ]" : "90 [ 0001 00 02 ]");
      const subscription = await subscribing;
      for (const text of ["1", "2", "3", "4"]) peer.send(publish(text));
      const published = client.publish("b", "", { qos: 1 });
      peer.send("40 [ 0002 ]");
      await within(published, "PUBACK behind the messages");
      const isKept = name.startsWith("QoS 1");
      const expected = isKept ? ["1", "2", "3", "4"] : ["1", "2"];
      for (const text of expected) assertEquals(await next(subscription), text);
      assertEquals(subscription.dropped, isKept ? 0 : 2);
    });
  });
}

Deno.test("the reader that publishes for each message gets on with a buffer of one", async () => {
  await converse({ protocolVersion: 4 }, ACCEPTED_311, async ({ client, peer }) => {
    const subscribing = client.subscribe("a", { maximumMessages: 1 });
    await peer.packet();
    peer.send("90 [ 0001 02 ]");
    const subscription = await subscribing;
    for (const text of ["1", "2", "3"]) peer.send(`32 [ 'a' 000${text} "${text}" ]`);
    const echo = async () => {
      let count = 0;
      for await (const message of subscription) {
        await client.publish("b", message.text(), { qos: 1 });
        count += 1;
        if (count === 3) break;
      }
    };
    const echoing = echo();
    for (let answered = 0; answered < 3;) {
      const packet = await peer.packet();
      if (!packet.startsWith("32")) continue;
      peer.send(`40 02 ${packet.slice(10, 14)}`);
      answered += 1;
    }
    for (let packet = ""; !packet.startsWith("a2");) packet = await peer.packet(); // UNSUBSCRIBE at the end of the loop.
    peer.send("b0 [ 0002 ]");
    peer.send("b0 [ 0005 ]");
    await within(echoing, "three messages");
  });
});

Deno.test("Client ends the connection when the server exceeds Receive Maximum [MQTT-3.3.4-9]", async () => {
  await converse({ receiveMaximum: 2 }, ACCEPTED, async ({ client, peer }) => {
    const reader = await subscribed(client, peer, { maximumMessages: 1 });
    for (const text of ["1", "2", "3", "4"]) peer.send(`32 [ 'a' 000${text} 00 "${text}" ]`);
    await peer.expect("40 [ 0001 ] e0 [ 93 ]");
    await peer.drop();
    await within(client.closed, "the client to close");
    await assertRejects(() => reader.next(), Error, "at once");
  });
});

Deno.test("Client knows the Topic Aliases of the server, of each connection anew [MQTT-3.3.2-7]", async () => {
  await converse({}, ACCEPTED, async ({ client, server, peer }) => {
    const reader = await subscribed(client, peer);
    peer.send(`30 [ 'a' [ 23 0001 ] "1" ] 30 [ '' [ 23 0001 ] "2" ]`);
    assertEquals([await next(reader), await next(reader)], ["1", "2"]);
    await peer.drop();
    const second = await server.connection();
    await second.accept(RESUMED);
    second.send(`30 [ '' [ 23 0001 ] "3" ]`);
    await second.expect("e0 [ 82 ]");
    await second.drop();
    await within(client.closed, "the client to close");
  });
});

for (const alias of ["0000", "000b"]) {
  Deno.test(`Client refuses Topic Alias ${alias} [MQTT-3.1.2-26]`, async () => {
    await converse({ topicAliasMaximum: 10 }, ACCEPTED, async ({ peer }) => {
      peer.send(`30 [ 'a' [ 23 ${alias} ] ]`);
      await peer.expect("e0 [ 94 ]");
    });
  });
}

Deno.test("what the session has kept waits for the subscription that is made", async () => {
  await converse({ cleanStart: false }, RESUMED, async ({ client, peer }) => {
    peer.send(`32 [ 'a' 0001 00 "1" ] 30 [ 'a' 00 "lost" ] 32 [ 'b' 0002 00 "2" ]`);
    await peer.quiet();
    const subscribing = client.subscribe("a");
    await peer.expect("40 [ 0001 ] 82 [ 0001 [ 0b 01 ] 'a' 02 ]");
    peer.send("90 [ 0001 00 02 ]");
    assertEquals(await next(await subscribing), "1");
    assertEquals(client.unclaimed, 1);
    await peer.quiet();
  });
});

Deno.test("what nobody wants is acknowledged after a while, and counted", async () => {
  await converse({ unclaimedTimeoutMs: 10 }, ACCEPTED, async ({ client, peer }) => {
    peer.send("32 [ 'a' 0001 00 ] 34 [ 'a' 0002 00 ]");
    await peer.expect("40 [ 0001 ]");
    await peer.expect("50 [ 0002 ]");
    assertEquals(client.unclaimed, 2);
    peer.send("32 [ 'a' 0003 00 ]"); // From then on, at once.
    await peer.expect("40 [ 0003 ]");
    assertEquals(client.unclaimed, 3);
  });
});

Deno.test("Client.close() leaves what was acknowledged to its reader, and the rest to the server", async () => {
  let subscription: ClientSubscription | undefined;
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const subscribing = client.subscribe("a", { maximumMessages: 2 });
    await peer.packet();
    peer.send("90 [ 0001 00 02 ]");
    subscription = await subscribing;
    for (const text of ["1", "2", "3"]) peer.send(`32 [ 'a' 000${text} 00 "${text}" ]`);
    await peer.expect("40 [ 0001 ] 40 [ 0002 ]");
  });
  const texts: string[] = [];
  for await (const message of subscription ?? []) texts.push(message.text());
  assertEquals(texts, ["1", "2"]);
});
