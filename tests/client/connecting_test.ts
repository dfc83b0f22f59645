import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import type { ReasonCode } from "../../mod.ts";
import { Client, RefusedError } from "../../src/client/mod.ts";
import { MqttError } from "../../src/codec/mod.ts";
import { toHex } from "../codec/hex.ts";
import { within } from "../deadline.ts";
import { Seeded } from "../seeded.ts";
import {
  ACCEPTED,
  ACCEPTED_311,
  AT_ONCE,
  converse,
  RESUMED,
  type ScriptedPeer,
  ScriptedServer,
} from "./scripted_server.ts";

const REFUSALS: readonly { name: string; refuse: (peer: ScriptedPeer) => unknown }[] = [
  { name: "Reason Code 0x84", refuse: (peer) => peer.send("20 [ 00 84 00 ]") },
  { name: "return code 1 of 3.1.1", refuse: (peer) => peer.send("20 02 00 01") },
  { name: "the end of the connection", refuse: (peer) => peer.drop() },
];

for (const { name, refuse } of REFUSALS) {
  Deno.test(`Client.connect() falls back to 3.1.1 after ${name} [MQTT-3.1.2-2]`, async () => {
    const server = new ScriptedServer();
    const connecting = Client.connect(server, { clientId: "a", keepAliveSeconds: 7 });
    const first = await server.connection();
    assertMatch(await first.packet(), /^10..00044d51545405/);
    refuse(first);
    const second = await server.connection();
    await second.expect("10 [ 'MQTT' 04 02 00 07 'a' ]");
    second.send(ACCEPTED_311);
    const client = await connecting;
    assertEquals(client.status.kind === "connected" && client.status.protocolVersion, 4);
    const closing = client.close();
    await second.expect("e0 00");
    await second.drop();
    await closing;
  });

  Deno.test(`Client.connect() does not fall back after ${name} when the version is given`, async () => {
    const server = new ScriptedServer();
    const connecting = Client.connect(server, { protocolVersion: 5 });
    const first = await server.connection();
    await first.packet();
    refuse(first);
    await assertRejects(() => connecting, MqttError);
  });
}

Deno.test("Client.connect() rejects when the server refuses both versions [MQTT-3.1.2-2]", async () => {
  const server = new ScriptedServer();
  const failed = assertRejects(() => Client.connect(server), MqttError, "UnsupportedProtocolVersion");
  for (const refusal of ["20 [ 00 84 00 ]", "20 [ 00 01 ]"]) await (await server.connection()).accept(refusal);
  await failed;
});

Deno.test("Client.connect() sends what its options say (section 3.1)", async () => {
  const server = new ScriptedServer();
  const connecting = Client.connect(server, {
    protocolVersion: 5,
    clientId: "c",
    userName: "u",
    password: "p",
    cleanStart: false,
    sessionExpirySeconds: 9,
    keepAliveSeconds: 0,
    receiveMaximum: 3,
    topicAliasMaximum: 2,
    maximumPacketBytes: 1000,
    properties: { requestResponseInformation: 1, userProperties: [["k", "v"]] },
    will: { topic: "w", payload: "gone", qos: 1, retain: true, properties: { willDelayInterval: 4 } },
  });
  const peer = await server.connection();
  await peer.expect(`10 [ 'MQTT' 05 ec 0000
    [ 11 00000009 19 01 21 0003 22 0002 26 'k' 'v' 27 000003e8 ] 'c'
    [ 18 00000004 ] 'w' 'gone' 'u' 'p' ]`);
  peer.send(ACCEPTED);
  const client = await connecting;
  const closing = client.close();
  await peer.expect("e0 00");
  await peer.drop();
  await closing;
});

Deno.test("Client.connect() rejects with Reason Code, Reason String and Server Reference (section 3.2.2)", async () => {
  const server = new ScriptedServer();
  const connecting = Client.connect(server, { protocolVersion: 5 });
  const peer = await server.connection();
  await peer.accept("20 [ 00 9d [ 1c 'elsewhere' 1f 'moved' ] ]");
  const error = await assertRejects(() => connecting, RefusedError);
  assertEquals([error.reasonCode, error.properties.serverReference], [0x9d, "elsewhere"]);
  assertMatch(error.message, /moved, use "elsewhere" \(ServerMoved\)/);
});

Deno.test("Client.connect() rejects when the server does not answer in time", async () => {
  const server = new ScriptedServer();
  const error = await assertRejects(() => Client.connect(server, { connectTimeoutMs: 20 }), DOMException);
  assertEquals(error.name, "TimeoutError");
});

Deno.test("Client.connect() rejects with the reason of its signal", async () => {
  const server = new ScriptedServer();
  const controller = new AbortController();
  const connecting = Client.connect(server, { signal: controller.signal });
  const peer = await server.connection();
  await peer.packet();
  controller.abort(new RangeError("enough"));
  await assertRejects(() => connecting, RangeError, "enough");
  await peer.expectClosed();
});

Deno.test("Client.connect() refuses a session behind a clean start [MQTT-3.2.2-2]", async () => {
  const server = new ScriptedServer();
  const connecting = Client.connect(server, { protocolVersion: 5 });
  const peer = await server.connection();
  await peer.accept(RESUMED);
  await assertRejects(() => connecting, MqttError, "clean start");
});

Deno.test("Client answers AUTH, and checks what CONNACK brings (section 4.12)", async () => {
  const asked: string[] = [];
  const server = new ScriptedServer();
  const connecting = Client.connect(server, {
    authentication: {
      method: "m",
      start: () => new TextEncoder().encode("hello"),
      answer: (data) => {
        asked.push(new TextDecoder().decode(data));
        return new TextEncoder().encode("answer");
      },
    },
  });
  const peer = await server.connection();
  assertMatch(await peer.packet(), /1500016d16000568656c6c6f/);
  peer.send("f0 [ 18 [ 15 'm' 16 'question' ] ]");
  await peer.expect("f0 [ 18 [ 15 'm' 16 'answer' ] ]");
  peer.send("20 [ 00 00 [ 15 'm' 16 'proof' ] ]");
  const client = await connecting;
  assertEquals(asked, ["question", "proof"]);
  const closing = client.close();
  await peer.drop();
  await closing;
});

Deno.test("Client keeps the Assigned Client Identifier when it comes back [MQTT-3.2.2-16]", async () => {
  await converse({}, "20 [ 00 00 [ 12 'given' ] ]", async ({ client, server, peer }) => {
    assertEquals(client.clientId, "given");
    await peer.drop();
    const second = await server.connection();
    // Clean Start is 0: it wants its session back.
    assertMatch(await second.accept(), /^10..00044d5154540500003c.*0005676976656e$/);
  });
});

Deno.test("Client tells of each change, and comes back", async () => {
  await converse({}, ACCEPTED, async ({ client, server, peer }) => {
    const reader = client.statusChanges().getReader();
    const next = async () => (await within(reader.read(), "a change")).value;
    assertEquals((await next())?.kind, "connected");
    await peer.drop();
    const reconnecting = await next();
    assert(reconnecting?.kind === "reconnecting");
    assertEquals(reconnecting.attempt, 1);
    assertInstanceOf(reconnecting.error, MqttError);
    const second = await server.connection();
    await second.accept(RESUMED);
    const connected = await next();
    assertEquals(connected?.kind === "connected" && connected.connack.sessionPresent, true);
    const closing = client.close();
    await second.drop();
    await closing;
    assertEquals(await next(), { kind: "closed", error: undefined });
    assertEquals((await reader.read()).done, true);
  });
});

for (
  const [name, disconnect, reasonCode] of [
    ["its session was taken over", "e0 [ 8e ]", 0x8e],
    ["the server moved", "e0 [ 9d [ 1c 'b' ] ]", 0x9d],
  ] as const
) {
  Deno.test(`Client does not come back when ${name}, and says so (section 3.14.2.1)`, async () => {
    await converse({}, ACCEPTED, async ({ client, peer }) => {
      const published = client.publish("a", "1", { qos: 1 });
      await peer.expect("32 [ 'a' 0001 00 '1' ]".replace("'1'", '"1"'));
      peer.send(disconnect);
      const error = await assertRejects(() => published, RefusedError);
      assertEquals(error.reasonCode, reasonCode);
      await within(client.closed, "the client to close");
      assert(client.status.kind === "closed");
      assertEquals(client.status.error, error);
      await assertRejects(() => client.publish("a", ""), TypeError, "the client is closed");
    });
  });
}

Deno.test("Client gives up after maximumAttempts", async () => {
  const server = new ScriptedServer();
  const connecting = Client.connect(server, { protocolVersion: 5, reconnect: { ...AT_ONCE, maximumAttempts: 2 } });
  const peer = await server.connection();
  await peer.accept();
  const client = await connecting;
  await peer.drop();
  for (let attempt = 1; attempt <= 2; attempt++) {
    const refused = await server.connection();
    await refused.accept("20 [ 00 88 00 ]");
    await refused.expectClosed();
  }
  await within(client.closed, "the client to close");
  assert(client.status.kind === "closed");
  assertInstanceOf(client.status.error, RefusedError);
});

Deno.test("Client without reconnect is closed with its connection", async () => {
  await converse({ reconnect: false }, ACCEPTED, async ({ client, peer }) => {
    await peer.drop();
    await within(client.closed, "the client to close");
    assert(client.status.kind === "closed");
    assertInstanceOf(client.status.error, MqttError);
  });
});

Deno.test("Client.close() ends the session unless it was to be kept, and can have the Will sent (section 3.14)", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const closing = client.close();
    await peer.expect("e0 [ 00 [ 11 00000000 ] ]");
    await peer.drop();
    await closing;
  });
  await converse({ sessionExpirySeconds: 60 }, ACCEPTED, async ({ client, peer }) => {
    const closing = client.close({ reasonCode: 0x04 });
    await peer.expect("e0 [ 04 ]");
    await peer.drop();
    await closing;
  });
});

const VIOLATIONS: readonly { name: string; packet: string; reasonCode: ReasonCode }[] = [
  { name: "SUBSCRIBE", packet: "82 [ 0001 00 'a' 00 ]", reasonCode: 0x82 },
  { name: "a second CONNACK", packet: ACCEPTED, reasonCode: 0x82 },
  { name: "AUTH that nobody asked for", packet: "f0 [ 18 [ 15 'm' ] ]", reasonCode: 0x82 },
  { name: "PUBLISH with QoS 3", packet: "36 [ 'a' 0001 00 ]", reasonCode: 0x81 },
  { name: "a packet that is too large", packet: `30 [ 'a' 00 "${"x".repeat(100)}" ]`, reasonCode: 0x95 },
];

for (const { name, packet, reasonCode } of VIOLATIONS) {
  Deno.test(`Client ends the connection with a reason after ${name} [MQTT-4.13.1-1]`, async () => {
    await converse({ maximumPacketBytes: 100 }, ACCEPTED, async ({ client, peer }) => {
      peer.send(packet);
      await peer.expect(`e0 [ ${reasonCode.toString(16)} ]`);
      await peer.drop();
      await within(client.closed, "the client to close");
      assert(client.status.kind === "closed" && client.status.error instanceof MqttError);
      assertEquals(client.status.error.reasonCode, reasonCode);
    });
  });
}

Deno.test("Client takes any bytes in place of CONNACK for a refusal", async () => {
  const random = new Seeded(7);
  for (let round = 0; round < 200; round++) {
    const server = new ScriptedServer();
    const connecting = Client.connect(server, { protocolVersion: random.pick([4, 5]) });
    const failed = assertRejects(() => connecting, MqttError);
    const peer = await server.connection();
    await peer.packet();
    peer.send(toHex(random.bytes(random.integer(1, 12))));
    await peer.drop();
    await failed;
  }
});
