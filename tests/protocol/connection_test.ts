/** One connection: from CONNECT to CONNACK, the dispatch of packets, and the end that the client asks for. */

import { assert, assertEquals } from "@std/assert";
import type { Packet } from "../../src/codec/packet.ts";
import type { QueuedChange } from "../../src/protocol/change.ts";
import type { ApplicationMessage } from "../../src/protocol/message.ts";
import { settingsWith } from "../../src/protocol/setting_table.ts";
import { ALL_VERSIONS, type Answers, Dialogue, dialogueTests, type Row, type Step } from "./dialogue.ts";
import { messageOf, optionsOf } from "./session_parts.ts";

const OPEN: Answers = { openSession: () => undefined };
const DENIED: Answers = { authorize: () => ({ kind: "authorize", isAllowed: false }) };
const EXCHANGE = {};
const WITH_WILL = "10 [ @ 06 0000 {} 'a' {} 'w' 'gone' ]";

/** Packets that only a server sends. */
const OF_SERVERS: readonly (readonly [name: string, hex: string])[] = [
  ["CONNACK", "20 [ 00 00 {} ]"],
  ["SUBACK", "90 [ 0001 {} 00 ]"],
  ["UNSUBACK", "b0 [ 0001 {} <00> ]"],
  ["PINGRESP", "d0 00"],
];

dialogueTests([
  // CONNECT → CONNACK.
  {
    name: "CONNECT is answered with CONNACK, and the connection is open",
    versions: ALL_VERSIONS,
    steps: [
      ({ connection }) => assertEquals(connection.isConnected, false),
      "> 10 [ @ 02 003c {} 'a' ]",
      "asks ",
      "< 20 [ 00 00 { LIMITS } ]",
      ({ connection: { isConnected, clientId, version, keepAliveSeconds, will }, version: wanted }) =>
        assertEquals([isConnected, clientId, version, keepAliveSeconds, will], [true, "a", wanted, 60, undefined]),
    ],
  },
  {
    name: "CONNACK says that the session was present, from 3.1.1 on [MQTT-3.2.2-2] [MQTT-3.2.2-3]",
    versions: ALL_VERSIONS,
    steps: [
      (dialogue) => dialogue.isPresent = true,
      "> 10 [ @ 00 0000 {} 'a' ]",
      (dialogue) => dialogue.run(`< 20 [ ${dialogue.version === 3 ? "00" : "01"} 00 { LIMITS } ]`),
    ],
  },
  {
    name: "CONNACK of a session that lives on leaves when the session is kept",
    versions: [4],
    steps: [
      ({ host }) => host.log.write({ kind: "sessionStarted", clientId: "a", principal: undefined }),
      (dialogue) => dialogue.durableSequence = 0,
      "> 10 [ @ 00 0000 'a' ]",
      "held",
      (dialogue) => dialogue.durableSequence = 1,
      "< 20 [ 00 00 ]",
    ],
  },
  {
    name: "CONNACK of a session that ends with its connection waits for nothing",
    versions: ALL_VERSIONS,
    steps: [
      ({ host }) => host.log.write({ kind: "sessionStarted", clientId: "b", principal: undefined }),
      (dialogue) => dialogue.durableSequence = 0,
      "connects",
    ],
  },
  {
    name: "Messages of the session come after CONNACK [MQTT-3.2.0-1]",
    versions: ALL_VERSIONS,
    answers: OPEN,
    steps: [
      "> 10 [ @ 02 0000 {} 'a' ]",
      (dialogue) => {
        const session = new Dialogue(5).run("connects durable").session;
        session.detach();
        session.restore(queuedOf(1, messageOf("x", "1", { qos: 1 })));
        dialogue.answer({ kind: "openSession", session, isPresent: false });
      },
      "< 20 [ 00 00 { LIMITS } ] 32 [ 'x' 0001 {} \"1\" ]",
    ],
  },
  {
    name: "The first packet has to be CONNECT [MQTT-3.1.0-1]",
    versions: ALL_VERSIONS,
    steps: ["> c0 00", "closed 82"],
  },
  {
    name: "A packet before CONNECT ends the connection, whatever the decoder lets through [MQTT-3.1.0-1]",
    versions: ALL_VERSIONS,
    steps: [({ connection }) => assertEquals(connection.receive({ type: "pingreq" }, 0), undefined), "closed 82"],
  },
  {
    name: "An empty Client Identifier is replaced by one that the broker gives [MQTT-3.1.3-6]",
    versions: [4, 5],
    steps: [
      "> 10 [ @ 02 0000 {} '' ]",
      (dialogue) => dialogue.run(dialogue.version === 5 ? "< 20 [ 00 00 [ 12 'assigned' LIMITS ] ]" : "< 20 [ 00 00 ]"),
      ({ connection, session }) => assertEquals([connection.clientId, session.clientId], ["assigned", "assigned"]),
    ],
  },
  {
    name: "Enhanced authentication comes before the session",
    versions: [5],
    host: { methods: ["M"], asksAuthenticator: true },
    steps: [
      "> 10 [ @ 02 0000 [ 15 'M' ] 'a' ]",
      "asks exchange M",
      "< 20 [ 00 00 [ 15 'M' LIMITS ] ]",
    ],
  },
  {
    name: "An exchange continues with AUTH, and says who the client is",
    versions: [5],
    host: { methods: ["M"] },
    answers: {
      exchange: (ask) => {
        const step = ask.kind === "exchange" && ask.exchange === undefined
          ? { kind: "continue" } as const
          : { kind: "accepted", principal: "p" } as const;
        return { kind: "exchange", exchange: EXCHANGE, step };
      },
    },
    steps: [
      "> 10 [ @ 02 0000 [ 15 'M' ] 'a' ]",
      "< f0 [ 18 [ 15 'M' ] ]",
      "> f0 [ 18 [ 15 'M' ] ]",
      "< 20 [ 00 00 [ 15 'M' LIMITS ] ]",
      ({ loop, connection }) => assertEquals([loop.acceptances.length, connection.principal], [1, "p"]),
      "> f0 [ 18 [ 15 'N' ] ]",
      "told e0 82",
    ],
  },
  {
    name: "An exchange without a name lets in a client without one",
    versions: [5],
    host: { methods: ["M"] },
    steps: [
      "> 10 [ @ 02 0000 [ 15 'M' ] 'a' ]",
      "< 20 [ 00 00 [ 15 'M' LIMITS ] ]",
      ({ loop, connection }) =>
        assertEquals([loop.acceptances, connection.principal], [[{ kind: "accepted" }], undefined]),
    ],
  },
  {
    name: "An exchange that refuses the client ends the connection [MQTT-4.12.0-4]",
    versions: [5],
    host: { methods: ["M"] },
    answers: { exchange: () => ({ kind: "exchange", exchange: EXCHANGE, step: { kind: "refused", reason: "no" } }) },
    steps: ["> 10 [ @ 02 0000 [ 15 'M' ] 'a' ]", "told 20 00 87"],
  },
  {
    name: "An Authentication Method that there is not ends the connection [MQTT-4.12.0-1]",
    versions: [5],
    steps: ["> 10 [ @ 02 0000 [ 15 'M' ] 'a' ]", "told 20 00 8c"],
  },
  {
    name: "A second CONNECT ends the connection [MQTT-3.1.0-2]",
    versions: ALL_VERSIONS,
    steps: ["connects", "> 10 [ @ 02 0000 {} 'a' ]", "told e0 82"],
  },
  {
    name: "CONNECT that is refused is answered with its code, and closes [MQTT-3.1.4-2] [MQTT-3.2.2-7]",
    versions: [5],
    limits: { maximumClientIdLength: 23 },
    steps: [
      "> 10 [ @ 02 0000 {} 'abcdefghijklmnopqrstuvwx' ]",
      ({ connection }) => assertEquals(connection.clientId, "abcdefghijklmnopqrstuvwx"),
      "told 20 00 85",
    ],
  },
  {
    name: "CONNECT that is refused is answered with a return code where 3.1.1 has one [MQTT-3.2.2-6 of 3.1.1]",
    versions: [3, 4],
    limits: { maximumClientIdLength: 23 },
    steps: ["> 10 [ @ 02 0000 'abcdefghijklmnopqrstuvwx' ]", "< 20 02 00 02", "closed 85"],
  },
  {
    name: "CONNECT that is refused for a reason without return code is not answered [MQTT-3.2.2-6 of 3.1.1]",
    versions: [3, 4],
    limits: { maximumTopicLevels: 1 },
    steps: ["> 10 [ @ 06 0000 'a' 'w/w' 'gone' ]", "closed 90"],
  },
  {
    name: "A CONNACK that is larger than the client accepts ends the connection, in one that is not [MQTT-3.1.2-24]",
    versions: [5],
    steps: ["> 10 [ @ 02 0000 [ 27 00000005 ] 'a' ]", "< 20 03 00 95 00", "closed 95"],
  },
  {
    name: "A client that accepts no CONNACK at all gets none [MQTT-3.1.2-24]",
    versions: [5],
    steps: [
      "> 10 [ @ 02 0000 [ 27 00000004 ] 'a' ]",
      ({ connection, session }) => assertEquals([connection.isConnected, session.isOnline], [false, false]),
      "closed 95",
    ],
  },
  {
    name: "A refusal leaves out its Reason String where the client accepts no more [MQTT-3.2.2-19]",
    versions: [5],
    limits: { maximumClientIdLength: 23 },
    steps: ["> 10 [ @ 02 0000 [ 27 00000005 ] 'abcdefghijklmnopqrstuvwx' ]", "< 20 03 00 85 00", "closed 85"],
  },
  {
    name: "Response Information goes to a client that asks for it (section 3.2.2.3.15) [MQTT-3.1.2-28]",
    versions: [5],
    host: { response: "r" },
    steps: [
      "> 10 [ @ 02 0000 [ 19 01 ] 'a' ]",
      "< 20 [ 00 00 [ 1a 'r' 21 ffff 22 000a 27 01000000 ] ]",
    ],
  },
  {
    name: "Response Information goes to nobody who does not ask for it [MQTT-3.1.2-28]",
    versions: [5],
    host: { response: "r" },
    steps: ["> 10 [ @ 02 0000 [ 19 00 ] 'a' ]", "< 20 [ 00 00 { LIMITS } ]"],
  },
  {
    name: "A client that asks for Response Information gets none where there is none",
    versions: [5],
    steps: ["> 10 [ @ 02 0000 [ 19 01 ] 'a' ]", "< 20 [ 00 00 { LIMITS } ]"],
  },
  {
    name: "The authenticator is asked before the session is opened",
    versions: ALL_VERSIONS,
    host: { asksAuthenticator: true },
    answers: { authenticate: () => undefined },
    steps: [
      "> 10 [ @ 02 0000 {} 'a' ]",
      ({ open }) => assert(open?.kind === "authenticate" && open.connect.clientId === "a" && open.clientId === "a"),
      "quiet",
      (dialogue) =>
        dialogue.answer({ kind: "authenticate", result: { isAccepted: true, principal: "p", expiresAtMs: 9 } }),
      ({ connection, loop }) => {
        assertEquals(connection.principal, "p");
        assertEquals(loop.acceptances, [{ isAccepted: true, principal: "p", expiresAtMs: 9 }]);
      },
      "< 20 [ 00 00 { LIMITS } ]",
    ],
  },
  {
    name: "A client that is not authenticated is refused, and no session is opened [MQTT-3.1.4-2]",
    versions: ALL_VERSIONS,
    host: { asksAuthenticator: true },
    answers: { authenticate: () => ({ kind: "authenticate", result: { isAccepted: false, reasonCode: 0x87 } }) },
    steps: [
      "> 10 [ @ 02 0000 {} 'a' ]",
      "asks authenticate",
      (dialogue) => dialogue.run(...(dialogue.version === 5 ? ["told 20 00 87"] : ["< 20 02 00 05", "closed 87"])),
      ({ connection }) => assertEquals(connection.closing?.reason, "the client is not accepted"),
    ],
  },
  {
    name: "A Reason Code that CONNACK does not have is said as Server unavailable [MQTT-3.2.2-8]",
    versions: [5],
    host: { asksAuthenticator: true },
    answers: { authenticate: () => ({ kind: "authenticate", result: { isAccepted: false, reasonCode: 0x8e } }) },
    steps: ["> 10 [ @ 02 0000 {} 'a' ]", "< 20 [ 00 88 [ 1f 'the client is not accepted' ] ]", "closed 8e"],
  },
  {
    name: "The broker may refuse a client whatever was asked",
    versions: [5],
    answers: { openSession: () => ({ kind: "refused", reasonCode: 0x97, reason: "too many" }) },
    steps: ["> 10 [ @ 02 0000 {} 'a' ]", "< 20 [ 00 97 [ 1f 'too many' ] ]", "closed 97"],
  },
  {
    name: "The Will is kept, in bytes of its own, until DISCONNECT [MQTT-3.1.2-7] [MQTT-3.14.4-3]",
    versions: ALL_VERSIONS,
    steps: [
      (dialogue) => {
        const bytes = dialogue.bytes(WITH_WILL);
        dialogue.receive(bytes);
        bytes.fill(0);
      },
      "< 20 [ 00 00 { LIMITS } ]",
      ({ connection: { will } }) => assertEquals([will?.topic, text(will?.payload)], ["w", "gone"]),
      "> e0 00",
      ({ connection }) => assertEquals(connection.will, undefined),
      "closed 00",
    ],
  },
  {
    name: "The Will is published after all where DISCONNECT says so (section 3.14.2.1)",
    versions: [5],
    steps: [
      `> ${WITH_WILL}`,
      "< 20 [ 00 00 { LIMITS } ]",
      "> e0 01 04",
      ({ connection: { will } }) => assertEquals(will?.topic, "w"),
      "closed 04",
    ],
  },
  {
    name: "The authorizer is asked about the Will",
    versions: ALL_VERSIONS,
    host: { asksAuthorizer: true },
    steps: [
      "> 10 [ @ 2e 0000 {} 'a' {} 'w' 'gone' ]",
      "asks authorize publish w",
      "< 20 [ 00 00 { LIMITS } ]",
    ],
  },
  {
    name: "The authorizer hears the QoS and RETAIN of the Will",
    versions: ALL_VERSIONS,
    host: { asksAuthorizer: true },
    answers: { authorize: () => undefined },
    steps: [
      "> 10 [ @ 2e 0000 {} 'a' {} 'w' 'gone' ]",
      ({ open }) => {
        assert(open?.kind === "authorize");
        const { action, topic, qos, retain, clientId } = open.request;
        assertEquals([action, topic, qos, retain, clientId], ["publish", "w", 1, true, "a"]);
      },
      "quiet",
    ],
  },
  {
    name: "Without a Will the authorizer is not asked",
    versions: ALL_VERSIONS,
    host: { asksAuthorizer: true },
    steps: ["> 10 [ @ 02 0000 {} 'a' ]", "asks ", "< 20 [ 00 00 { LIMITS } ]"],
  },
  {
    name: "A client whose Will is denied is refused",
    versions: ALL_VERSIONS,
    host: { asksAuthorizer: true },
    answers: DENIED,
    steps: [
      `> ${WITH_WILL}`,
      (dialogue) => dialogue.run(...(dialogue.version === 5 ? ["told 20 00 87"] : ["< 20 02 00 05", "closed 87"])),
    ],
  },
  {
    name: "A client whose Will is denied is let in where its Will is only dropped",
    versions: ALL_VERSIONS,
    host: { asksAuthorizer: true, settings: settingsWith({ deniedWill: "drop" }) },
    answers: DENIED,
    steps: [`> ${WITH_WILL}`, "< 20 [ 00 00 { LIMITS } ]"],
  },
  {
    name: "A packet before CONNACK ends the connection [MQTT-3.1.2-30]",
    versions: [5],
    answers: OPEN,
    steps: ["> 10 [ @ 02 0000 {} 'a' ] c0 00", "told 20 00 82"],
  },
  {
    name: "DISCONNECT before CONNACK ends the connection",
    versions: ALL_VERSIONS,
    answers: OPEN,
    steps: [
      "> 10 [ @ 02 0000 {} 'a' ] e0 00",
      "closed 00",
      ({ connection }) => assertEquals(connection.closing?.by, "client"),
    ],
  },
  {
    name: "An answer that comes after the end changes nothing",
    versions: ALL_VERSIONS,
    answers: OPEN,
    steps: [
      "> 10 [ @ 02 0000 {} 'a' ]",
      ({ connection }) => connection.end({ reasonCode: 0x80, reason: "lost", by: "network" }),
      (dialogue) => {
        const session = new Dialogue(5).run("connects").session;
        assertEquals(dialogue.connection.answer({ kind: "openSession", session, isPresent: false }, 0), undefined);
        assertEquals(dialogue.connection.session, undefined);
      },
      "closed 80",
    ],
  },
  {
    name: "A hook that ends the connection when it sees CONNACK ends it for good",
    versions: ALL_VERSIONS,
    steps: [
      ({ loop, connection }) => loop.onSent = () => connection.end({ reasonCode: 0x98, reason: "no", by: "server" }),
      "> 10 [ @ 02 0000 {} 'a' ]",
      "< 20 [ 00 00 { LIMITS } ]",
      ({ connection, session }) => assertEquals([connection.isConnected, session.isOnline], [false, false]),
      "closed 98",
    ],
  },
  {
    name: "After the end no packet is looked at",
    versions: ALL_VERSIONS,
    steps: ["connects", "> e0 00 c0 00 30 [ 'x' {} ]", "publishes nothing", "closed 00"],
  },

  // Packets.
  {
    name: "PINGREQ is answered with PINGRESP [MQTT-3.12.4-1]",
    versions: ALL_VERSIONS,
    steps: ["connects", "> c0 00 c0 00", "< d0 00 d0 00"],
  },
  ...OF_SERVERS.map(([packet, hex]): Row => ({
    name: `${packet} of a client ends the connection`,
    versions: ALL_VERSIONS,
    steps: ["connects", `> ${hex}`, "told e0 82"],
  })),
  {
    name: "Packets that come are told before they have an effect",
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      ({ loop, host }) => {
        loop.onReceived = (packet: Packet) => {
          host.routes.push(`${packet.type} ${host.published.length}`);
        };
      },
      "> 30 [ 'x' {} ]",
      'publishes x ""',
      ({ host }) => assertEquals(host.routes, ["publish 0"]),
      "> e0 00 c0 00",
      ({ host }) => assertEquals(host.routes, ["publish 0", "disconnect 0"]),
      "closed 00",
    ],
  },
  {
    name: "Each packet has the answer of its kind",
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      "> 34 [ 'x' 0001 {} ] 62 [ 0001 ] 82 [ 0002 {} 'x' 00 ] a2 [ 0003 {} 'x' ]",
      'publishes x "" QoS 2',
      "< 50 [ 0001 ] 70 [ 0001 ] 90 [ 0002 {} 00 ] b0 [ 0003 {} <00> ]",
    ],
  },
  {
    name: "AUTH of a client without Authentication Method ends the connection [MQTT-4.12.0-7]",
    versions: [5],
    steps: ["connects", "> f0 [ 19 [ 15 'M' ] ]", "told e0 82"],
  },
  {
    name: "A question that is answered continues with its packet",
    versions: [4],
    host: { isKeeping: false, asksAuthorizer: true },
    answers: { storage: () => undefined, authorize: () => undefined },
    steps: [
      "connects",
      "> 33 [ 'x' 0009 ]",
      (dialogue) => dialogue.answer({ kind: "authorize", isAllowed: true }),
      "asks authorize publish x, storage",
      (dialogue) => dialogue.host.isKeeping = true,
      (dialogue) => dialogue.host.behindSubscriber = { isFarBehind: () => true },
      (dialogue) => dialogue.answer({ kind: "storage", isKeeping: true }),
      "asks subscriber",
      'publishes x "" QoS 1 retain',
      "< 40 [ 0009 ]",
      ({ connection }) => assertEquals(connection.answer({ kind: "turn" }, 0), undefined), // None is open.
    ],
  },
  {
    name: "PUBACK ends a message with QoS 1, and makes room for the next [MQTT-3.3.4-9]",
    versions: ALL_VERSIONS,
    limits: { maximumInflight: 1 },
    steps: [
      "connects",
      delivers(1, "1", "2"),
      "< 32 [ 'x' 0001 {} \"1\" ]",
      "> 40 [ 0001 ]",
      "< 32 [ 'x' 0002 {} \"2\" ]",
    ],
  },
  {
    name: "PUBREC and PUBCOMP end a message with QoS 2 [MQTT-4.3.3-4]",
    versions: ALL_VERSIONS,
    limits: { maximumInflight: 1 },
    steps: [
      "connects",
      delivers(2, "1", "2"),
      "< 34 [ 'x' 0001 {} \"1\" ]",
      "> 50 [ 0001 ]",
      "< 62 [ 0001 ]",
      "> 70 [ 0001 ]",
      "< 34 [ 'x' 0002 {} \"2\" ]",
    ],
  },
  {
    name: "PUBREC with an error ends a message with QoS 2 [MQTT-4.4.0-2]",
    versions: [5],
    limits: { maximumInflight: 1 },
    steps: [
      "connects",
      delivers(2, "1", "2"),
      "< 34 [ 'x' 0001 {} \"1\" ]",
      "> 50 [ 0001 80 ]",
      "< 34 [ 'x' 0002 {} \"2\" ]",
    ],
  },
  ...([["PUBACK", 2, "40"], ["PUBREC", 1, "50"], ["PUBCOMP", 1, "70"], ["PUBCOMP", 2, "70"]] as const).map((
    [packet, qos, hex],
  ): Row => ({
    name: `${packet} for a message with QoS ${qos} that waits for another packet ends the connection (section 4.3)`,
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      delivers(qos, "1"),
      `< 3${qos * 2} [ 'x' 0001 {} "1" ]`,
      `> ${hex} [ 0001 ]`,
      "told e0 82",
    ],
  })),
  ...([["PUBACK", "40"], ["PUBCOMP", "70"]] as const).map(([packet, hex]): Row => ({
    name: `${packet} for an identifier that is not in use says nothing`,
    versions: ALL_VERSIONS,
    steps: ["connects", `> ${hex} [ 0001 ]`, "quiet"],
  })),
  {
    name: "PUBREC for an identifier that is not in use is answered, from MQTT 5 on with that (section 3.6.2.1)",
    versions: ALL_VERSIONS,
    steps: ["connects", "> 50 [ 0001 ]", "< 62 [ 0001 <92> ]"],
  },

  // DISCONNECT.
  {
    name: "DISCONNECT ends the connection without an answer, for the reason it says",
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      "> e0 00",
      "closed 00",
      ({ connection, session, loop }) => {
        assertEquals(connection.closing, { reasonCode: 0, reason: "the client disconnected", by: "client" });
        assertEquals(session.isOnline, false);
        assert(loop.wakes > 0);
      },
    ],
  },
  {
    name: "DISCONNECT sets another Session Expiry Interval (section 3.14.2.2.2)",
    versions: [5],
    limits: { maximumSessionExpirySeconds: 60 },
    steps: [
      "connects durable",
      "> e0 [ 00 [ 11 0000001e ] ]",
      ({ session }) => assertEquals(session.sessionExpirySeconds, 30),
      "closed 00",
    ],
  },
  {
    name: "DISCONNECT sets no Session Expiry Interval above the limit",
    versions: [5],
    limits: { maximumSessionExpirySeconds: 60 },
    steps: [
      "connects durable",
      "> e0 [ 00 [ 11 0000003d ] ]",
      ({ session }) => assertEquals(session.sessionExpirySeconds, 60),
      "closed 00",
    ],
  },
  {
    name: "DISCONNECT may end a session that would live on",
    versions: [5],
    steps: [
      "connects durable",
      "> e0 [ 00 [ 11 00000000 ] ]",
      ({ session }) => assertEquals(session.sessionExpirySeconds, 0),
      "closed 00",
    ],
  },
  {
    name: "DISCONNECT without Session Expiry Interval leaves it as it is",
    versions: [5],
    steps: [
      "connects durable",
      "> e0 00",
      ({ session }) => assertEquals(session.sessionExpirySeconds, 14),
      "closed 00",
    ],
  },
  {
    name: "DISCONNECT cannot let a session live on that was to end (section 3.14.2.2.2)",
    versions: [5],
    steps: [
      `> ${WITH_WILL}`,
      "< 20 [ 00 00 { LIMITS } ]",
      "> e0 [ 00 [ 11 00000001 ] ]",
      ({ connection, session }) => assertEquals([connection.will?.topic, session.sessionExpirySeconds], ["w", 0]), // It is not a regular end.
      "told e0 82",
    ],
  },
  {
    name: "DISCONNECT may say again that a session ends with its connection",
    versions: [5],
    steps: ["connects", "> e0 [ 00 [ 11 00000000 ] ]", "closed 00"],
  },
]);

/** Messages that reach the session of the client. */
function delivers(qos: 1 | 2, ...payloads: readonly string[]): Step {
  return ({ session, nowMs }) => {
    for (const payload of payloads) session.deliver(messageOf("x", payload, { qos }), optionsOf(qos), nowMs);
  };
}

/** As a storage gives it back. */
function queuedOf(sequence: number, message: ApplicationMessage): QueuedChange {
  const { qos, retain } = message;
  return {
    kind: "queued",
    clientId: "a",
    sequence,
    message,
    qos,
    retain,
    subscriptionIdentifiers: [],
    sharedFilter: undefined,
    packetIdentifier: 0,
  };
}

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}
