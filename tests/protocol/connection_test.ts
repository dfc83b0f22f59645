/** A connection by itself: what becomes of Reason String and User Property on their way out (MQTT 5, sections 3.1.2.11.4 and 3.1.2.11.7). */

import { assertEquals } from "@std/assert";
import { encodePacket, NO_PROPERTIES, type Packet, type Properties, TopicInterner } from "../../mod.ts";
import type { ChangeLog } from "../../src/protocol/change.ts";
import type { ConnectionLoop } from "../../src/protocol/client_link.ts";
import { Connection } from "../../src/protocol/connection.ts";
import type { ConnectionHost } from "../../src/protocol/connection_host.ts";
import { limitsWith } from "../../src/protocol/limit_table.ts";
import { toHex } from "../codec/hex.ts";

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

/** The bytes, in hex, that a client whose CONNECT has these properties gets for a packet. */
function sent(packet: Packet, properties: Properties): string {
  const log: ChangeLog = { write: () => 0, takeBack: () => false, begin: () => {}, end: () => {}, writtenSequence: 0 };
  const host: ConnectionHost = {
    limits: limitsWith({}),
    log,
    topics: new TopicInterner(16, 16),
    asksAuthenticator: false,
    asksAuthorizer: false,
    isKeeping: true,
    isToBeKept: () => false,
    deniedPublish: "acknowledge",
    deniedWill: "refuse",
    checksPayloadFormat: false,
    responseInformation: () => undefined,
    hasAuthenticationMethod: () => false,
    newClientId: () => "new",
    publish: () => 0,
    behind: () => undefined,
    subscribe: () => {},
    unsubscribe: () => {},
  };
  const loop: ConnectionLoop = {
    listener: "",
    denied: () => {},
    accepted: () => {},
    wake: () => {},
    pumpLater: () => {},
    isPumpLater: false,
    writingSinceMs: Infinity,
    flushNow: () => {},
    onReceived: undefined,
    onSent: undefined,
  };
  const connection = new Connection(host, loop);
  const ask = connection.receive({
    type: "connect",
    protocolVersion: 5,
    isBridge: false,
    clientId: "c",
    cleanStart: true,
    keepAliveSeconds: 0,
    properties,
    will: undefined,
    userName: undefined,
    password: undefined,
  }, 0);
  assertEquals(ask?.kind, "openSession"); // CONNECT is taken, and CONNACK not sent yet.
  connection.send(packet);
  return toHex(connection.outbox.take(0) ?? new Uint8Array());
}

function hexOf(packet: Packet): string {
  return toHex(encodePacket(packet, 5));
}
