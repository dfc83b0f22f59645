import { assertEquals, assertRejects } from "@std/assert";
import type { PublishOptions } from "../../mod.ts";
import { type ConnectOptions, RefusedError } from "../../src/client/mod.ts";
import { MqttError } from "../../src/codec/mod.ts";
import { within } from "../deadline.ts";
import { ACCEPTED, ACCEPTED_311, connected, converse, RESUMED } from "./scripted_server.ts";

Deno.test("Client.publish() resolves with the answer to QoS 1 and 2 (sections 4.3.2, 4.3.3)", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const once = client.publish("a", "x", { qos: 1, retain: true });
    await peer.expect(`33 [ 'a' 0001 00 "x" ]`);
    peer.send("40 [ 0001 10 00 ]");
    assertEquals((await once)?.reasonCode, 0x10);
    const exactly = client.publish("a", "y", { qos: 2, properties: { contentType: "t" } });
    await peer.expect(`34 [ 'a' 0002 [ 03 't' ] "y" ]`);
    peer.send("50 [ 0002 ]");
    await peer.expect("62 [ 0002 ]");
    peer.send("70 [ 0002 ]");
    assertEquals((await exactly)?.reasonCode, 0);
  });
});

Deno.test("Client.publish() rejects with the server's Reason Code (sections 3.4.2.1, 3.5.2.1)", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const once = client.publish("a", "", { qos: 1 });
    const exactly = client.publish("a", "", { qos: 2 });
    await peer.expect("32 [ 'a' 0001 00 ] 34 [ 'a' 0002 00 ]");
    peer.send("40 [ 0001 87 [ 1f 'no' ] ] 50 [ 0002 97 ]");
    const error = await assertRejects(() => once, RefusedError, "no (NotAuthorized)");
    assertEquals([error.reasonCode, error.properties.reasonString], [0x87, "no"]);
    assertEquals((await assertRejects(() => exactly, RefusedError)).reasonCode, 0x97);
  });
});

Deno.test("Client repeats with DUP what is not acknowledged, in its order, and PUBREL [MQTT-4.4.0-1]", async () => {
  await converse({}, ACCEPTED, async ({ client, server, peer }) => {
    const results = [1, 2, 2, 1].map((qos, index) => client.publish("a", `${index}`, { qos: qos === 1 ? 1 : 2 }));
    await peer.expect(`32 [ 'a' 0001 00 "0" ] 34 [ 'a' 0002 00 "1" ] 34 [ 'a' 0003 00 "2" ] 32 [ 'a' 0004 00 "3" ]`);
    peer.send("50 [ 0003 ]");
    await peer.expect("62 [ 0003 ]");
    await peer.drop();
    const second = await server.connection();
    await second.accept(RESUMED);
    await second.expect(`62 [ 0003 ] 3a [ 'a' 0001 00 "0" ] 3c [ 'a' 0002 00 "1" ] 3a [ 'a' 0004 00 "3" ]`);
    second.send("40 [ 0001 ] 50 [ 0002 ] 70 [ 0003 ] 40 [ 0004 ]");
    await second.expect("62 [ 0002 ]");
    second.send("70 [ 0002 ]");
    await within(Promise.all(results), "all to be acknowledged");
  });
});

Deno.test("Client repeats QoS 1 in a new session, and says of QoS 2 what it does not know (section 4.4)", async () => {
  await converse({}, ACCEPTED, async ({ client, server, peer }) => {
    const once = client.publish("a", "", { qos: 1 });
    const unknown = client.publish("b", "", { qos: 2 });
    const received = client.publish("c", "", { qos: 2 });
    await peer.expect("32 [ 'a' 0001 00 ] 34 [ 'b' 0002 00 ] 34 [ 'c' 0003 00 ]");
    peer.send("50 [ 0003 ]");
    await peer.expect("62 [ 0003 ]");
    await peer.drop();
    const second = await server.connection();
    await second.accept(ACCEPTED);
    await second.expect("32 [ 'a' 0001 00 ]");
    await assertRejects(() => unknown, MqttError, 'whether the message to "b" arrived');
    await within(received, "what the server had received");
    second.send("40 [ 0001 ]");
    await within(once, "PUBACK");
  });
});

Deno.test("Client sends no more than the server's Receive Maximum, also when it repeats [MQTT-3.3.4-7]", async () => {
  await converse({}, "20 [ 00 00 [ 21 0002 ] ]", async ({ client, server, peer }) => {
    const results = ["1", "2", "3"].map((text) => client.publish("a", text, { qos: 1 }));
    await peer.expect(`32 [ 'a' 0001 00 "1" ] 32 [ 'a' 0002 00 "2" ]`);
    await peer.quiet();
    await peer.drop();
    const second = await server.connection();
    await second.accept("20 [ 01 00 [ 21 0001 ] ]");
    for (const [first, identifier, text] of [["3a", "01", "1"], ["3a", "02", "2"], ["32", "03", "3"]]) {
      await second.expect(`${first} [ 'a' 00 ${identifier} 00 "${text}" ]`);
      await second.quiet();
      second.send(`40 [ 00 ${identifier} ]`);
    }
    await within(Promise.all(results), "all to be acknowledged");
  });
});

Deno.test("Client refuses what the server does not take, with its Reason Code (section 3.2.2.3)", async () => {
  const connack = "20 [ 00 00 [ 24 01 25 00 27 00000014 ] ]";
  await converse({}, connack, async ({ client, peer }) => {
    const codes = await Promise.all([
      client.publish("a", "", { qos: 2 }),
      client.publish("a", "", { retain: true }),
      client.publish("a", "x".repeat(20)),
      client.publish("a", "x".repeat(20), { qos: 1 }),
    ].map((refused) => assertRejects(() => refused, MqttError).then(({ reasonCode }) => reasonCode)));
    assertEquals(codes, [0x9b, 0x9a, 0x95, 0x95]);
    const taken = client.publish("a", "x", { qos: 1 });
    await peer.expect(`32 [ 'a' 0003 00 "x" ]`);
    peer.send("40 [ 0003 ]");
    await taken;
  });
});

const WRONG: readonly { name: string; topic: string; options?: PublishOptions }[] = [
  { name: "a wildcard in the topic", topic: "a/#" },
  { name: "an empty topic", topic: "", options: { qos: 1 } },
  { name: "a property out of its range", topic: "a", options: { properties: { payloadFormatIndicator: 7 } } },
];

for (const { name, topic, options } of WRONG) {
  Deno.test(`Client.publish() rejects ${name}, and nothing else suffers`, async () => {
    await converse({}, ACCEPTED, async ({ client, peer }) => {
      await assertRejects(() => client.publish(topic, "", options), RangeError);
      await client.publish("a", "x");
      await peer.expect(`30 [ 'a' 00 "x" ]`);
    });
  });
}

Deno.test("Client sends Topic Aliases where it is told to and the server takes them [MQTT-3.2.2-17]", async () => {
  await converse({ sendsTopicAliases: true }, "20 [ 00 00 [ 22 0001 ] ]", async ({ client, server, peer }) => {
    for (const topic of ["a", "a", "b"]) void client.publish(topic, "");
    await peer.expect("30 [ 'a' [ 23 0001 ] ] 30 [ '' [ 23 0001 ] ] 30 [ 'b' 00 ]");
    await peer.drop();
    const second = await server.connection();
    await second.accept("20 [ 01 00 [ 22 0001 ] ]");
    await connected(client);
    void client.publish("a", "");
    await second.expect("30 [ 'a' [ 23 0001 ] ]");
  });
});

Deno.test("Client keeps messages for the next connection up to its limits, and sends them in order", async () => {
  const options: ConnectOptions = { maximumQueuedMessages: 3, maximumQueuedBytes: 10 };
  await converse(options, ACCEPTED, async ({ client, server, peer }) => {
    await peer.drop();
    const second = await server.connection();
    const waiting = [client.publish("a", "1"), client.publish("a", "2", { qos: 1 }), client.publish("a", "3")];
    const full = await assertRejects(() => client.publish("a", "4"), MqttError, "3 messages wait already");
    assertEquals(full.reasonCode, 0x97);
    await second.accept(RESUMED);
    await second.expect(`30 [ 'a' 00 "1" ] 32 [ 'a' 0001 00 "2" ] 30 [ 'a' 00 "3" ]`);
    second.send("40 [ 0001 ]");
    await within(Promise.all(waiting), "all to be sent");
    await second.drop();
    await server.connection();
    void client.publish("a", "12345").catch(() => {}); // The end of the client.
    await assertRejects(() => client.publish("a", "67890"), MqttError, "6 bytes wait already");
  });
});

Deno.test("an aborted publish is taken back as long as it waits, and else takes its course", async () => {
  await converse({ maximumInflight: 1 }, ACCEPTED, async ({ client, peer }) => {
    const controller = new AbortController();
    const { signal } = controller;
    const sent = client.publish("a", "1", { qos: 1, signal });
    const waiting = client.publish("a", "2", { qos: 1, signal });
    const other = client.publish("a", "3", { qos: 1 });
    await peer.expect(`32 [ 'a' 0001 00 "1" ]`);
    controller.abort(new RangeError("enough"));
    await assertRejects(() => sent, RangeError, "enough");
    await assertRejects(() => waiting, RangeError, "enough");
    await assertRejects(() => client.publish("a", "", { signal }), RangeError, "enough");
    peer.send("40 [ 0001 ]");
    await peer.expect(`32 [ 'a' 0002 00 "3" ]`);
    peer.send("40 [ 0002 ]");
    await within(other, "PUBACK");
  });
});

Deno.test("Client.close() sends what was handed over, and rejects what is not acknowledged", async () => {
  await converse({ protocolVersion: 4 }, ACCEPTED_311, async ({ client, peer }) => {
    void client.publish("a", "1");
    const unanswered = client.publish("a", "2", { qos: 1 });
    const closing = client.close();
    await assertRejects(() => client.publish("a", "3"), TypeError, "the client is closed");
    await peer.expect(`30 [ 'a' "1" ] 32 [ 'a' 0001 "2" ] e0 00`);
    await peer.drop();
    await closing;
    await assertRejects(() => unanswered, TypeError, "the client is closed");
  });
});

for (const answer of ["50 [ 0001 ]", "70 [ 0001 ]"]) {
  Deno.test(`Client ends the connection when ${answer} answers a PUBLISH with QoS 1 (section 4.3)`, async () => {
    await converse({}, ACCEPTED, async ({ client, peer }) => {
      const published = client.publish("a", "", { qos: 1 });
      await peer.expect("32 [ 'a' 0001 00 ]");
      peer.send(answer);
      await peer.expect("e0 [ 82 ]");
      await peer.drop();
      await assertRejects(() => published, MqttError);
    });
  });
}
