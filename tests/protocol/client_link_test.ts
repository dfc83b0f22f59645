/** Packets on their way to a client: what it accepts of them, and how the connection ends. */

import { assert, assertEquals } from "@std/assert";
import { encodePacket } from "../../src/codec/encoder.ts";
import type { Packet, ProtocolVersion } from "../../src/codec/packet.ts";
import { NO_PROPERTIES, type Properties } from "../../src/codec/property.ts";
import type { Limits } from "../../src/protocol/limits.ts";
import { toHex } from "../codec/hex.ts";
import { Dialogue, dialogueTests } from "./dialogue.ts";

const REASON = { reasonString: "because" } as const;
const USER = { userProperties: [["k", "v"]] } as const satisfies Properties;
const BOTH = { ...REASON, ...USER };
const AUTH = { authenticationMethod: "M" } as const;

interface Kind {
  readonly name: string;
  /** Clauses about a Reason String and a User Property above Maximum Packet Size. */
  readonly clauses: readonly [reason: string, user: string];
  /** Whether Request Problem Information 0 lets it explain itself. [MQTT-3.1.2-29] */
  readonly mayExplain?: boolean;
  readonly packet: (properties: Properties) => Packet;
}

const identified = (type: "puback" | "pubrec" | "pubrel" | "pubcomp") => (properties: Properties): Packet => ({
  type,
  packetIdentifier: 7,
  reasonCode: type === "pubrel" || type === "pubcomp" ? 0x92 : 0x87,
  properties,
});
const KINDS: readonly Kind[] = [
  {
    name: "CONNACK",
    clauses: ["MQTT-3.2.2-19", "MQTT-3.2.2-20"],
    mayExplain: true,
    packet: (properties) => ({ type: "connack", sessionPresent: false, reasonCode: 0x87, properties }),
  },
  { name: "PUBACK", clauses: ["MQTT-3.4.2-2", "MQTT-3.4.2-3"], packet: identified("puback") },
  { name: "PUBREC", clauses: ["MQTT-3.5.2-2", "MQTT-3.5.2-3"], packet: identified("pubrec") },
  { name: "PUBREL", clauses: ["MQTT-3.6.2-2", "MQTT-3.6.2-3"], packet: identified("pubrel") },
  { name: "PUBCOMP", clauses: ["MQTT-3.7.2-2", "MQTT-3.7.2-3"], packet: identified("pubcomp") },
  {
    name: "SUBACK",
    clauses: ["MQTT-3.9.2-1", "MQTT-3.9.2-2"],
    packet: (properties) => ({ type: "suback", packetIdentifier: 7, reasonCodes: [0x87], properties }),
  },
  {
    name: "UNSUBACK",
    clauses: ["MQTT-3.11.2-1", "MQTT-3.11.2-2"],
    packet: (properties) => ({ type: "unsuback", packetIdentifier: 7, reasonCodes: [0x11], properties }),
  },
  {
    name: "DISCONNECT",
    clauses: ["MQTT-3.14.2-3", "MQTT-3.14.2-4"],
    mayExplain: true,
    packet: (properties) => ({ type: "disconnect", reasonCode: 0x8b, properties }),
  },
  {
    name: "AUTH",
    clauses: ["MQTT-3.15.2-2", "MQTT-3.15.2-3"],
    packet: (properties) => ({ type: "auth", reasonCode: 0x18, properties: { ...AUTH, ...properties } }),
  },
];

for (const { name, clauses: [reasonClause, userClause], mayExplain = false, packet } of KINDS) {
  const plain = hexOf(packet(NO_PROPERTIES));
  const size = (properties: Properties) => encodePacket(packet(properties), 5).length;

  Deno.test(`${name} ${mayExplain ? "explains" : "does not explain"} itself with Request Problem Information 0 [MQTT-3.1.2-29]`, () => {
    for (const properties of [REASON, USER, BOTH]) {
      const explained = hexOf(packet(properties));
      assertEquals(sent(packet(properties), {}), explained);
      assertEquals(sent(packet(properties), { requestProblemInformation: 1 }), explained);
      assertEquals(sent(packet(properties), { requestProblemInformation: 0 }), mayExplain ? explained : plain);
    }
  });

  for (const [clause, properties] of [[reasonClause, REASON], [userClause, USER]] as const) {
    const what = Object.keys(properties)[0] === "reasonString" ? "Reason String" : "User Property";
    Deno.test(`${name} has no ${what} that makes it larger than the client accepts [${clause}]`, () => {
      const whole = size(properties);
      assertEquals(sent(packet(properties), { maximumPacketSize: whole }), hexOf(packet(properties)));
      assertEquals(sent(packet(properties), { maximumPacketSize: whole - 1 }), plain);
    });
  }
}

Deno.test("PUBLISH has the User Properties of its publisher also with Request Problem Information 0 [MQTT-3.1.2-29]", () => {
  const publish: Packet = {
    type: "publish",
    dup: false,
    qos: 0,
    retain: false,
    topic: "t",
    packetIdentifier: 0,
    payload: new Uint8Array(),
    properties: USER,
  };
  assertEquals(sent(publish, { requestProblemInformation: 0 }), hexOf(publish));
});

Deno.test("ClientLink.send() leaves out a PUBLISH that is larger than the client accepts, and stays open [MQTT-3.1.2-25]", () => {
  const publish = publishOf("t", 10);
  const { length } = encodePacket(publish, 5);
  for (const [maximumPacketSize, isSent] of [[length, true], [length - 1, false]] as const) {
    const { connection } = connecting({ maximumPacketSize });
    assertEquals(connection.send(publish), isSent);
    assertEquals(toHex(connection.outbox.take(0) ?? new Uint8Array()), isSent ? hexOf(publish) : "");
    assertEquals(connection.closing, undefined);
  }
});

Deno.test("ClientLink.send() ends a connection whose client does not accept an acknowledgement [MQTT-3.1.2-24]", () => {
  const { connection } = connecting({ maximumPacketSize: 3 });
  assertEquals(
    connection.send({ type: "puback", packetIdentifier: 7, reasonCode: 0, properties: NO_PROPERTIES }),
    false,
  );
  assertEquals(connection.closing, {
    reasonCode: 0x95,
    reason: "PUBACK is larger than the client accepts",
    by: "server",
  });
  assertEquals(connection.outbox.take(0), undefined); // No CONNACK either: that is larger still.
});

Deno.test("ClientLink.send() never shortens a PUBLISH to what the client accepts [MQTT-3.3.2-17]", () => {
  const publish = publishOf("t", 10, USER);
  const { connection } = connecting({ maximumPacketSize: encodePacket(publish, 5).length - 1 });
  assertEquals([connection.send(publish), connection.outbox.take(0)], [false, undefined]);
});

Deno.test("ClientLink.send() ends a connection whose client accepts no packet at all", () => {
  const { connection } = connecting({ maximumPacketSize: 1 });
  assertEquals([connection.send({ type: "pingresp" }), connection.closing?.reasonCode], [false, 0x95]);
});

Deno.test("ClientLink.send() gives a topic an alias at its first use, and sends the alias alone then [MQTT-3.1.2-26]", () => {
  const { connection } = connecting({ topicAliasMaximum: 2 });
  for (const topic of ["x", "y", "z", "x", "y", "z"]) connection.send(publishOf(topic, 0));
  const publishes = [
    { topic: "x", properties: { topicAlias: 1 } },
    { topic: "y", properties: { topicAlias: 2 } },
    { topic: "z", properties: {} },
    { topic: "", properties: { topicAlias: 1 } },
    { topic: "", properties: { topicAlias: 2 } },
    { topic: "z", properties: {} },
  ].map(({ topic, properties }) => hexOf(publishOf(topic, 0, properties)));
  assertEquals(toHex(connection.outbox.take(0) ?? new Uint8Array()), publishes.join(""));
});

Deno.test("ClientLink.send() gives no new alias to a client with Maximum Packet Size: its topic could be lost", () => {
  const { connection } = connecting({ topicAliasMaximum: 2, maximumPacketSize: 1_000 });
  connection.send(publishOf("x", 0));
  connection.send(publishOf("x", 0));
  assertEquals(toHex(connection.outbox.take(0) ?? new Uint8Array()), hexOf(publishOf("x", 0)).repeat(2));
});

Deno.test("ClientLink.send() tells the loop of each packet, as it goes out", () => {
  const { connection, loop } = connecting({ requestProblemInformation: 0 });
  const told: Packet[] = [];
  assertEquals(connection.onSent, undefined);
  loop.onSent = (packet) => told.push(packet);
  assertEquals(connection.onSent, loop.onSent);
  const wakes = loop.wakes;
  connection.send({ type: "puback", packetIdentifier: 7, reasonCode: 0x87, properties: REASON });
  assertEquals(told, [{ type: "puback", packetIdentifier: 7, reasonCode: 0x87, properties: {} }]);
  assertEquals(loop.wakes, wakes + 1);
});

Deno.test("ClientLink.send() sends nothing after the end", () => {
  const dialogue = new Dialogue(5).run("connects");
  const { connection, loop } = dialogue;
  connection.end({ reasonCode: 0x80, reason: "lost", by: "network" });
  const told: Packet[] = [];
  loop.onSent = (packet) => told.push(packet);
  assertEquals(connection.send({ type: "pingresp" }), false);
  assertEquals([told, connection.outbox.take(0)], [[], undefined]);
});

Deno.test("ClientLink.isFull has what waits written before it says so", () => {
  const { connection, loop } = connecting({}, 5, { maximumOutboxBytes: 1_024 });
  connection.send(publishOf("t", 1_014));
  assertEquals([connection.outbox.bytes, connection.isFull, loop.flushes], [1_021, false, 0]);
  connection.send({ type: "puback", packetIdentifier: 1, reasonCode: 0, properties: NO_PROPERTIES });
  connection.outbox.take(0);
  connection.send(publishOf("t", 1_017));
  assertEquals([connection.outbox.bytes, connection.isFull, loop.flushes], [1_024, true, 1]);
  loop.flushNow = () => connection.outbox.take(0);
  assertEquals(connection.isFull, false);
});

Deno.test("ClientLink hands on what a session wants of the loop", () => {
  const { connection, loop } = new Dialogue(5);
  connection.pumpLater();
  loop.writingSinceMs = 7;
  assertEquals([connection.isPumpLater, connection.writingSinceMs], [true, 7]);
  connection.wake();
  assertEquals(loop.wakes, 1);
});

Deno.test("ClientLink.identity is what the client was accepted as, and its listener", () => {
  const acceptance = { principal: "p", roles: ["r"], grants: [{ access: "read", topicFilter: "x" }] } as const;
  const dialogue = new Dialogue(5, {
    host: { asksAuthenticator: true },
    answers: { authenticate: () => ({ kind: "authenticate", result: { isAccepted: true, ...acceptance } }) },
  });
  dialogue.loop.acceptances.length = 0;
  dialogue.run("connects");
  const { connection } = dialogue;
  const identity = {
    clientId: "a",
    principal: "p",
    roles: ["r"],
    grants: [{ access: "read", topicFilter: "x" }],
    listener: "mqtt://here",
  };
  assertEquals<unknown>(connection.identity, identity);
  assertEquals(connection.principal, "p");
  assert(
    connection.identity === connection.identity,
    "made once: it is looked at for each message that is asked about",
  );
  assertEquals<unknown>(dialogue.loop.acceptances, [{ isAccepted: true, ...acceptance }]);
  connection.tellDenied({ action: "publish", topic: "$SYS/x", qos: 1, retain: true });
  assertEquals<unknown>(dialogue.loop.denials, [{
    action: "publish",
    topic: "$SYS/x",
    qos: 1,
    retain: true,
    ...identity,
  }]);
});

Deno.test("ClientLink.disconnect() tells MQTT 5 why, once [MQTT-3.14.0-1] [MQTT-4.13.1-1]", () => {
  for (const version of [4, 5] as const) {
    const dialogue = new Dialogue(version).run("connects");
    const { connection, loop } = dialogue;
    const wakes = loop.wakes;
    connection.disconnect(0x97, "too much", { firstBytes: Uint8Array.of(1) });
    connection.disconnect(0x80, "again");
    connection.end({ reasonCode: 0x80, reason: "and again", by: "network" });
    dialogue.run(version === 5 ? "< e0 [ 97 [ 1f 'too much' ] ]" : "quiet");
    assertEquals(connection.closing, {
      reasonCode: 0x97,
      reason: "too much",
      by: "server",
      firstBytes: Uint8Array.of(1),
    });
    assertEquals([connection.isConnected, connection.outbox.isClosed], [false, true]);
    assert(loop.wakes > wakes, "the loop hears of the end");
  }
});

Deno.test("ClientLink.disconnect() says why in CONNACK between CONNECT and CONNACK [MQTT-3.2.2-7]", () => {
  for (const version of [4, 5] as const) {
    const dialogue = connecting({}, version);
    dialogue.connection.disconnect(0x87, "no");
    dialogue.run(version === 5 ? "< 20 [ 00 87 [ 1f 'no' ] ]" : "< 20 02 00 05", "closed 87");
  }
});

Deno.test("ClientLink.end() has no packet looked at any more", () => {
  const { connection, loop } = new Dialogue(5).run("connects");
  connection.end({ reasonCode: 0x80, reason: "lost", by: "network" });
  loop.onReceived = () => assert(false);
  assertEquals(connection.receive({ type: "pingreq" }, 0), undefined);
});

Deno.test("ClientLink knows what CONNECT has said", () => {
  const { connection } = connecting({ receiveMaximum: 7, maximumPacketSize: 99, topicAliasMaximum: 3 });
  const { clientId, version, outbox, receiveMaximum, maximumPacketBytes, aliases, isBridge } = connection;
  assertEquals([clientId, version, outbox.version, receiveMaximum, maximumPacketBytes, aliases.maximum, isBridge], [
    "c",
    5,
    5,
    7,
    99,
    3,
    false,
  ]);
  const before = new Dialogue(5).connection;
  assertEquals([before.clientId, before.receiveMaximum, before.aliases.maximum, before.isBridge], [
    "",
    65_535,
    0,
    false,
  ]);
});

Deno.test("ClientLink is that of a bridge where CONNECT of before MQTT 5 says so", () => {
  for (const [version, isBridge] of [[4, true], [4, false], [5, true], [5, false]] as const) {
    assertEquals(connecting({}, version, {}, isBridge).connection.isBridge, isBridge && version < 5);
  }
});

Deno.test("ClientLink.disconnect() closes without a word before CONNECT", () => {
  const dialogue = new Dialogue(5);
  dialogue.connection.disconnect(0x80, "no CONNECT in time");
  dialogue.run("quiet", "closed 80");
});

Deno.test("A Reason String has up to 256 characters, none of which cannot be sent", () => {
  const dialogue = new Dialogue(5).run("connects");
  dialogue.connection.disconnect(0x80, `\0a\0${"\ud83d\ude00".repeat(200)}`);
  const reason = `a${"\ud83d\ude00".repeat(126)}\ufffd`;
  assertEquals(dialogue.connection.closing?.reason, reason);
  dialogue.run(`< e0 [ 80 [ 1f '${reason}' ] ]`);
});

Deno.test("ClientLink.end() says nothing, and no message goes to the session's client any more [MQTT-3.14.4-1]", () => {
  const dialogue = new Dialogue(5).run("connects", "> 82 [ 0007 {} 'x' 00 ]", "< 90 [ 0007 {} 00 ]");
  const { connection, session } = dialogue;
  assertEquals(session.isOnline, true);
  connection.end({ reasonCode: 0x80, reason: "lost", by: "network" });
  assertEquals(session.isOnline, false);
  dialogue.run("closed 80");
});

dialogueTests([
  {
    name: "Bytes that are no packet end the connection, and its first bytes are known",
    versions: [3, 4, 5],
    steps: [
      "connects",
      "> 00 00",
      ({ connection }) => assertEquals(connection.closing?.firstBytes, Uint8Array.of(0, 0)),
      "told e0 81",
    ],
  },
  {
    name: "CONNECT of MQTT 5 that cannot be read is answered, before that it is not [MQTT-3.1.4-1]",
    versions: [4, 5],
    steps: ["> 10 [ @ 03 0000 {} 'a' ]", "told 20 00 81"],
  },
  {
    name: "CONNECT of a version to come is answered as MQTT 5, of one before 3.1 as 3.1.1 [MQTT-3.1.2-2]",
    versions: [5],
    steps: ["> 10 [ 'MQTT' 06 02 0000 [] 'a' ]", "told 20 00 84"],
  },
  {
    name: "CONNECT of a version before 3.1 is answered as 3.1.1 is [MQTT-3.1.2-2]",
    versions: [4],
    steps: ["> 10 [ 'MQTT' 02 02 0000 'a' ]", "< 20 02 00 01", "closed 84"],
  },
  {
    name: "A Reason Code that CONNACK alone has is not said in DISCONNECT [MQTT-3.14.2-1]",
    versions: [5],
    steps: ["connects", "> 10 [ 'MQTT' 06 02 0000 [] 'a' ]", "told e0 82"],
  },
]);

/** With QoS 0. */
function publishOf(topic: string, payloadBytes: number, properties: Properties = NO_PROPERTIES): Packet {
  return {
    type: "publish",
    dup: false,
    qos: 0,
    retain: false,
    topic,
    packetIdentifier: 0,
    payload: new Uint8Array(payloadBytes),
    properties,
  };
}

/** The bytes, in hex, that a client whose CONNECT has these properties gets for a packet. */
function sent(packet: Packet, properties: Properties): string {
  const { connection } = connecting(properties);
  connection.send(packet);
  return toHex(connection.outbox.take(0) ?? new Uint8Array());
}

/** CONNECT is taken, and CONNACK not sent yet. */
function connecting(
  properties: Properties,
  version: ProtocolVersion = 5,
  limits: Partial<Limits> = {},
  isBridge = false,
): Dialogue {
  const dialogue = new Dialogue(version, { limits, answers: { openSession: () => undefined } });
  dialogue.connection.receive({
    type: "connect",
    protocolVersion: version,
    isBridge,
    clientId: "c",
    cleanStart: true,
    keepAliveSeconds: 0,
    properties,
    will: undefined,
    userName: undefined,
    password: undefined,
  }, 0);
  return dialogue;
}

function hexOf(packet: Packet): string {
  return toHex(encodePacket(packet, 5));
}
