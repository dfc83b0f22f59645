import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { ALL_VERSIONS, type Conversation, conversationTests, converse } from "./conversation.ts";
import { toHex } from "../codec/hex.ts";

conversationTests([
  {
    name: "CONNECT is answered with CONNACK [MQTT-3.1.4-5]",
    versions: ALL_VERSIONS,
    steps: ["a > 10 [ @ 02 0000 {} 'a' ]", "a < 20 [ 00 00 { LIMITS } ]"],
  },
  {
    name: "The first packet must be CONNECT [MQTT-3.1.0-1]",
    versions: ALL_VERSIONS,
    steps: ["a > c0 00", "a closed"],
  },
  {
    name: "A packet behind one that is not CONNECT is not looked at [MQTT-3.1.0-1]",
    versions: ALL_VERSIONS,
    steps: ["a > 30 [ 'x' {} ] 10 [ @ 02 0000 {} 'a' ]", "a closed"],
  },
  {
    name: "A second CONNECT ends the connection, MQTT 5 is told 0x82 [MQTT-3.1.0-2]",
    versions: [3, 4],
    steps: ["a connects", "a > 10 [ @ 02 0000 {} 'a' ]", "a closed"],
  },
  {
    name: "A second CONNECT ends the connection, MQTT 5 is told 0x82 [MQTT-3.1.0-2]",
    versions: [5],
    steps: [
      "a connects",
      "a > 10 [ @ 02 0000 {} 'a' ]",
      "a told e0 82",
    ],
  },
  {
    name: "Packets pipelined behind CONNECT are served in order [MQTT-3.1.4-6]",
    versions: ALL_VERSIONS,
    steps: [
      "a > 10 [ @ 02 0000 {} 'a' ] 82 [ 0001 {} 'x' 01 ] 32 [ 'x' 0007 {} \"1\" ] 30 [ 'x' {} \"2\" ] c0 00",
      "a < 20 [ 00 00 { LIMITS } ] 90 [ 0001 {} 01 ] 32 [ 'x' 0001 {} \"1\" ] 40 [ 0007 ] 30 [ 'x' {} \"2\" ] d0 00",
      "a > 40 [ 0001 ]",
    ],
  },
  {
    name: "CONNECT, PUBLISH and DISCONNECT in one chunk: the message is delivered [MQTT-4.3.1-1]",
    versions: ALL_VERSIONS,
    steps: [
      "b connects",
      "b > 82 [ 0001 {} 'x' 00 ]",
      "b < 90 [ 0001 {} 00 ]",
      "a > 10 [ @ 02 0000 {} 'a' ] 30 [ 'x' {} \"hi\" ] e0 00",
      "b < 30 [ 'x' {} \"hi\" ]",
    ],
  },
  {
    name:
      "CONNECT, PUBLISH with QoS 1 and DISCONNECT in one chunk: what came before DISCONNECT is answered [MQTT-4.3.2-4]",
    versions: ALL_VERSIONS,
    steps: [
      "a > 10 [ @ 02 0000 {} 'a' ] 32 [ 'x' 0001 {} \"hi\" ] e0 00",
      "a < 20 [ 00 00 { LIMITS } ] 40 [ 0001 <10> ]",
      "a closed",
    ],
  },
  {
    name: "CONNECT comes in single bytes",
    versions: ALL_VERSIONS,
    steps: [
      (conversation: Conversation) => {
        const client = conversation.connect("a");
        for (const byte of conversation.bytes("10 [ @ 02 0000 {} 'a' ]")) client.send(Uint8Array.of(byte));
      },
      "a < 20 [ 00 00 { LIMITS } ]",
    ],
  },
  {
    name: "An empty Client Identifier is not valid in MQTT 3.1",
    versions: [3],
    steps: ["a > 10 [ @ 02 0000 {} '' ]", "a < 20 02 00 02", "a closed"],
  },
  {
    name: "An empty Client Identifier with Clean Session 0 is refused with 0x02 [MQTT-3.1.3-8]",
    versions: [4],
    steps: ["a > 10 [ @ 00 0000 {} '' ]", "a < 20 02 00 02", "a closed"],
  },
  {
    name: "An empty Client Identifier with Clean Session 1 is accepted [MQTT-3.1.3-6]",
    versions: [4],
    steps: ["a > 10 [ @ 02 0000 {} '' ]", "a < 20 02 00 00"],
  },
  {
    name: "DISCONNECT of a client ends the connection [MQTT-3.14.4-2]",
    versions: ALL_VERSIONS,
    steps: ["a connects", "a disconnects"],
  },
  {
    name: "A packet behind DISCONNECT is not looked at [MQTT-3.14.4-1]",
    versions: ALL_VERSIONS,
    steps: [
      "b connects",
      "b > 82 [ 0001 {} 'x' 00 ]",
      "b < 90 [ 0001 {} 00 ]",
      "a connects",
      "a > e0 00 30 [ 'x' {} \"late\" ]",
      "a closed",
    ],
  },
  {
    name: "An unsupported Protocol Level below 5 is refused with CONNACK 0x01 [MQTT-3.1.2-2]",
    versions: [4],
    steps: ["a > 10 [ 'MQTT' 02 02 0000 'a' ]", "a < 20 02 00 01", "a closed"],
  },
  {
    name: "An unsupported Protocol Level above 5 is refused with CONNACK 0x84 [MQTT-3.1.2-2]",
    versions: [5],
    steps: [
      "a > 10 [ 'MQTT' 06 02 0000 00 'a' ]",
      "a told 20 00 84",
    ],
  },
  {
    name: "Bridges of other brokers set the upper bit of the Protocol Level, and are served",
    versions: [3],
    steps: ["a > 10 [ 'MQIsdp' 83 02 0000 'a' ]", "a < 20 02 00 00", "a quiet"],
  },
  {
    name: "Bridges of other brokers set the upper bit of the Protocol Level, and are served",
    versions: [4],
    steps: ["a > 10 [ 'MQTT' 84 02 0000 'a' ]", "a < 20 02 00 00", "a quiet"],
  },
  {
    name: "A Protocol Name that is not MQTT ends the connection without a word [MQTT-3.1.2-1]",
    versions: [4],
    steps: ["a > 10 [ 'HTTP' 04 02 0000 'a' ]", "a closed"],
  },
  {
    name: "The reserved Connect Flag must be 0 [MQTT-3.1.2-3]",
    versions: [4],
    steps: ["a > 10 [ @ 03 0000 {} 'a' ]", "a closed"],
  },
  {
    name: "A CONNECT of MQTT 5 that is malformed is refused with 0x81 [MQTT-3.1.4-1]",
    versions: [5],
    steps: ["a > 10 [ @ 03 0000 {} 'a' ]", "a told 20 00 81"],
  },
  {
    name: "An Authentication Method that does not exist is refused with 0x8C [MQTT-4.12.0-1]",
    versions: [5],
    steps: ["a > 10 [ @ 02 0000 { 15 'SCRAM' } 'a' ]", "a told 20 00 8c"],
  },
  {
    name: "AUTH without Authentication Method in CONNECT is a Protocol Error [MQTT-4.12.0-7]",
    versions: [5],
    steps: ["a connects", "a > f0 [ 18 [ 15 'SCRAM' ] ]", "a told e0 82"],
  },
  {
    name: "Packets that only a server sends are a Protocol Error [MQTT-4.13.1-1]",
    versions: [5],
    steps: ["a connects", "a > d0 00", "a told e0 82"],
  },
  {
    name: "What is malformed ends the connection, MQTT 5 is told 0x81 [MQTT-4.13.1-1]",
    versions: [5],
    steps: ["a connects", "a > 36 [ 'x' 0001 {} ]", "a told e0 81"],
  },
  {
    name: "What is malformed ends the connection without a word before MQTT 5",
    versions: [3, 4],
    steps: ["a connects", "a > 36 [ 'x' 0001 ]", "a closed"],
  },
  {
    name: "What came before the malformed packet of a chunk is served and answered",
    versions: ALL_VERSIONS,
    steps: ["a connects", "a > 32 [ 'x' 0001 {} ] c0 00 36 00 c0 00", "a < 40 [ 0001 <10> ] d0 00", "a told e0 81"],
  },
  {
    name: "Server Keep Alive says what is shorter than the client asked for [MQTT-3.1.2-21]",
    versions: [5],
    limits: { maximumKeepAliveSeconds: 30 },
    steps: ["a > 10 [ @ 02 003c {} 'a' ]", "a < 20 [ 00 00 { 13 001e LIMITS } ]"],
  },
  {
    name: "Server Keep Alive is given to a client that asked for none [MQTT-3.1.2-21]",
    versions: [5],
    limits: { maximumKeepAliveSeconds: 30 },
    steps: ["a > 10 [ @ 02 0000 {} 'a' ]", "a < 20 [ 00 00 { 13 001e LIMITS } ]"],
  },
  {
    name: "Server Keep Alive is absent when the Keep Alive of the client holds [MQTT-3.2.2-22]",
    versions: [5],
    limits: { maximumKeepAliveSeconds: 30 },
    steps: ["a > 10 [ @ 02 001e {} 'a' ]", "a < 20 [ 00 00 { LIMITS } ]"],
  },
  {
    name: "A Session Expiry Interval that is cut is said in CONNACK (section 3.2.2.3.2)",
    versions: [5],
    limits: { maximumSessionExpirySeconds: 60 },
    steps: ["a > 10 [ @ 02 0000 { 11 000000ff } 'a' ]", "a < 20 [ 00 00 { 11 0000003c LIMITS } ]"],
  },
  {
    name: "CONNACK announces the limits of the broker (section 3.2.2.3)",
    versions: [5],
    limits: { receiveMaximum: 7, topicAliasMaximum: 3, maximumPacketBytes: 1_000 },
    steps: ["a > 10 [ @ 02 0000 {} 'a' ]", "a < 20 [ 00 00 [ 21 0007 22 0003 27 000003e8 ] ]"],
  },
  {
    name: "A Client Identifier that is too long is refused with 0x85 [MQTT-3.1.3-8]",
    versions: [5],
    limits: { maximumClientIdLength: 23 },
    steps: ["a > 10 [ @ 02 0000 {} '123456789012345678901234' ]", "a told 20 00 85"],
  },
  {
    name: "A Client Identifier that is too long is refused with 0x02",
    versions: [3, 4],
    limits: { maximumClientIdLength: 23 },
    steps: ["a > 10 [ @ 02 0000 {} '123456789012345678901234' ]", "a < 20 02 00 02", "a closed"],
  },
  {
    name: "A Client Identifier of 23 characters is accepted [MQTT-3.1.3-5]",
    versions: ALL_VERSIONS,
    limits: { maximumClientIdLength: 23 },
    steps: ["a > 10 [ @ 02 0000 {} '12345678901234567890123' ]", "a < 20 [ 00 00 { LIMITS } ]"],
  },
  {
    name: "A connection above the limit is refused with 0x97",
    versions: [5],
    limits: { maximumConnections: 1 },
    steps: [
      "a connects",
      "b > 10 [ @ 02 0000 {} 'b' ]",
      "b told 20 00 97",
      "a disconnects",
      "c connects",
    ],
  },
  {
    name: "A connection that has not said who it is takes no place from those who do",
    versions: ALL_VERSIONS,
    limits: { maximumConnections: 2 },
    steps: ["a > 10", "b > 10", "c > 10", "d connects", "e connects", "d disconnects", "f connects"],
  },
  {
    name: "A connection above the limit is refused with 0x03",
    versions: [3, 4],
    limits: { maximumConnections: 1 },
    steps: ["a connects", "b > 10 [ @ 02 0000 {} 'b' ]", "b < 20 02 00 03", "b closed"],
  },
  {
    name: "A connection that takes over gets the place of the other one, which others do not [MQTT-3.1.4-3]",
    versions: ALL_VERSIONS,
    limits: { maximumConnections: 1 },
    steps: [
      "s connects durable",
      "s2 resumes",
      "s3 resumes",
      "b > 10 [ @ 02 0000 {} 'b' ]",
      async (conversation) => {
        const isV5 = conversation.version === 5;
        await conversation.run(...isV5 ? ["b told 20 00 97"] : ["b < 20 02 00 03", "b closed"]);
        for (const name of ["s", "s2"]) await conversation.run(isV5 ? `${name} told e0 8e` : `${name} closed`);
      },
      "s3 disconnects",
      "b2 connects",
      "c > 10 [ @ 02 0000 {} 'c' ]",
      async (conversation) => {
        const isV5 = conversation.version === 5;
        await conversation.run(...isV5 ? ["c told 20 00 97"] : ["c < 20 02 00 03", "c closed"]);
      },
    ],
  },
]);

for (const name of ["Clean Start 0", "Clean Start 1"]) {
  Deno.test(`An empty Client Identifier with ${name} gets one that is new [MQTT-3.2.2-16] v5`, () =>
    converse(5, {}, async (conversation) => {
      const assigned: string[] = [];
      for (const client of ["a", "b"]) {
        await conversation.run(`${client} > 10 [ @ ${name.endsWith("1") ? "02" : "00"} 0000 { 11 00000e10 } '' ]`);
        const wire = conversation.client(client);
        const packet = await wire.takePacket();
        assertEquals(toHex(packet.subarray(2, 4)), "0000");
        assertEquals(packet[5], 0x12, "Assigned Client Identifier");
        const clientId = new TextDecoder().decode(packet.subarray(8, 8 + (packet[7] ?? 0)));
        assert(clientId.length > 0);
        assigned.push(clientId);
      }
      assertNotEquals(assigned[0], assigned[1]);
      // It is the identifier of a session like any other.
      await conversation.run("a > e0 00", "a closed");
      await conversation.run(`c > 10 [ @ 00 0000 { 11 00000e10 } '${assigned[0]}' ]`, "c < 20 [ 01 00 { LIMITS } ]");
    }));
}
