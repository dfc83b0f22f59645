/** CONNECT and the limits of the broker put together, and the CONNACK that says so. */

import { assert, assertEquals } from "@std/assert";
import type { ConnectPacket, ProtocolVersion, Will } from "../../src/codec/packet.ts";
import type { Properties } from "../../src/codec/property.ts";
import { connackProperties, type ConnectionTerms, negotiate } from "../../src/protocol/connect_negotiation.ts";
import { limitsWith } from "../../src/protocol/limit_table.ts";
import type { Limits } from "../../src/protocol/limits.ts";

const WILL: Will = { topic: "w", payload: new Uint8Array(3), qos: 0, retain: false, properties: {} };
const NOT_UTF8 = Uint8Array.of(0xc3);

interface Refused {
  readonly name: string;
  readonly connect: Partial<ConnectPacket>;
  readonly limits?: Partial<Limits>;
  readonly reasonCode: number;
  readonly checksPayloadFormat?: boolean;
}

/** Each with the CONNECT beside it that is just taken. */
const REFUSED: readonly (Refused & { readonly taken: Partial<ConnectPacket> })[] = [
  {
    name: "without Client Identifier and Clean Session in 3.1.1 [MQTT-3.1.3-8]",
    connect: { protocolVersion: 4, clientId: "", cleanStart: false },
    taken: { protocolVersion: 4, clientId: "", cleanStart: true },
    reasonCode: 0x85,
  },
  {
    name: "without Client Identifier in 3.1",
    connect: { protocolVersion: 3, clientId: "", cleanStart: true },
    taken: { protocolVersion: 3, clientId: "c", cleanStart: true },
    reasonCode: 0x85,
  },
  {
    name: "with a Client Identifier longer than the limit",
    connect: { clientId: "c".repeat(24) },
    taken: { clientId: "c".repeat(23) },
    limits: { maximumClientIdLength: 23 },
    reasonCode: 0x85,
  },
  {
    name: "with a Will Topic longer than the limit",
    connect: { will: { ...WILL, topic: "12345" } },
    taken: { will: { ...WILL, topic: "1234" } },
    limits: { maximumTopicLength: 4 },
    reasonCode: 0x90,
  },
  {
    name: "with a Will Topic deeper than the limit",
    connect: { will: { ...WILL, topic: "a/b/c" } },
    taken: { will: { ...WILL, topic: "a/b" } },
    limits: { maximumTopicLevels: 2 },
    reasonCode: 0x90,
  },
  {
    name: "with a Will Topic of the server (section 4.7.2)",
    connect: { will: { ...WILL, topic: "$SYS/x" } },
    taken: { will: { ...WILL, topic: "$SYS/broker/connection/b/state" } },
    reasonCode: 0x87,
  },
  {
    name: "with a Will Topic that would be a Shared Subscription (section 4.8.2)",
    connect: { will: { ...WILL, topic: "$share/g/x" } },
    taken: { will: { ...WILL, topic: "$shares/g/x" } },
    reasonCode: 0x87,
  },
  {
    name: "with a Will Payload larger than the limit",
    connect: { will: { ...WILL, payload: new Uint8Array(4) } },
    taken: { will: WILL },
    limits: { maximumPayloadBytes: 3 },
    reasonCode: 0x95,
  },
  {
    name: "with a Will QoS above Maximum QoS [MQTT-3.2.2-12]",
    connect: { will: { ...WILL, qos: 2 } },
    taken: { will: { ...WILL, qos: 1 } },
    limits: { maximumQos: 1 },
    reasonCode: 0x9b,
  },
  {
    name: "with Will Retain where there are no retained messages [MQTT-3.2.2-13]",
    connect: { will: { ...WILL, retain: true } },
    taken: { will: WILL },
    limits: { maximumRetainedMessages: 0 },
    reasonCode: 0x9a,
  },
  {
    name: "with a Will Payload that is not what its indicator says, where that is checked",
    connect: { will: { ...WILL, payload: NOT_UTF8, properties: { payloadFormatIndicator: 1 } } },
    taken: { will: { ...WILL, payload: NOT_UTF8, properties: { payloadFormatIndicator: 0 } } },
    reasonCode: 0x99,
    checksPayloadFormat: true,
  },
];

for (const { name, connect, taken, limits, reasonCode, checksPayloadFormat = false } of REFUSED) {
  Deno.test(`CONNECT ${name} is refused`, () => {
    const refusal = negotiated(connect, limits, checksPayloadFormat);
    assert("reasonCode" in refusal);
    assertEquals<number>(refusal.reasonCode, reasonCode);
    assertEquals("reasonCode" in negotiated(taken, limits, checksPayloadFormat), false);
  });
}

Deno.test("CONNECT with a Will Payload that is not what its indicator says is taken where that is not checked", () => {
  const will = { ...WILL, payload: NOT_UTF8, properties: { payloadFormatIndicator: 1 } } as const;
  assertEquals("reasonCode" in negotiated({ will }), false);
});

Deno.test("The reason of a refusal says the limit, the place and what there is not", () => {
  const reasons = [
    negotiated({ clientId: "c".repeat(24) }, { maximumClientIdLength: 23 }),
    negotiated({ will: { ...WILL, topic: "12345" } }, { maximumTopicLength: 4, maximumTopicLevels: 9 }),
    negotiated({ will: WILL }, { maximumPayloadBytes: 2 }),
    negotiated({ will: { ...WILL, qos: 2 } }, { maximumQos: 1 }),
    negotiated({ will: { ...WILL, retain: true } }, { maximumRetainedMessages: 0 }),
  ].map((refusal) => "reason" in refusal && refusal.reason);
  assertEquals(reasons, [
    "the Client Identifier is longer than 23 characters",
    "Will Topic: a Topic Name has more than 4 characters or 9 levels",
    "Will Payload: it is larger than 2 bytes",
    "Will: its QoS is above 1, which is the highest here",
    "Will: there are no retained messages here",
  ]);
});

interface Agreed {
  readonly name: string;
  readonly connect: Partial<ConnectPacket>;
  readonly limits?: Partial<Limits>;
  readonly terms: Partial<ConnectionTerms>;
  /** Beside Receive Maximum, Topic Alias Maximum and Maximum Packet Size, which are always there. */
  readonly connack?: Properties;
}

const AGREED: readonly Agreed[] = [
  {
    name: "CONNECT without properties gets the defaults of the protocol",
    connect: {},
    terms: {
      clientId: "c",
      isAssignedClientId: false,
      sessionExpirySeconds: 0,
      keepAliveSeconds: 0,
      receiveMaximum: 65_535,
      maximumPacketBytes: Infinity,
      topicAliasMaximum: 0,
      requestsProblemInformation: true,
    },
    connack: {},
  },
  {
    name: "An empty Client Identifier of MQTT 5 is assigned and told [MQTT-3.1.3-6] [MQTT-3.2.2-16]",
    connect: { clientId: "", cleanStart: false },
    terms: { clientId: "assigned", isAssignedClientId: true },
    connack: { assignedClientIdentifier: "assigned" },
  },
  {
    name: "An empty Client Identifier of 3.1.1 is assigned",
    connect: { protocolVersion: 4, clientId: "" },
    terms: { clientId: "assigned", isAssignedClientId: true },
  },
  {
    name: "Receive Maximum, Maximum Packet Size and Request Problem Information of the client hold",
    connect: { properties: { receiveMaximum: 7, maximumPacketSize: 99, requestProblemInformation: 0 } },
    terms: { receiveMaximum: 7, maximumPacketBytes: 99, requestsProblemInformation: false },
    connack: {},
  },
  {
    name: "Request Problem Information 1 is the same as none",
    connect: { properties: { requestProblemInformation: 1 } },
    terms: { requestsProblemInformation: true },
  },
  {
    name: "A bridge of mosquitto that says no Receive Maximum gets 20",
    connect: { isBridge: true, protocolVersion: 4 },
    terms: { receiveMaximum: 20 },
  },
  {
    name: "A bridge of mosquitto that says a Receive Maximum gets that",
    connect: { isBridge: true, properties: { receiveMaximum: 30 } },
    terms: { receiveMaximum: 30 },
  },
  {
    name: "No more Topic Aliases go to a client than it accepts [MQTT-3.1.2-26]",
    connect: { properties: { topicAliasMaximum: 3 } },
    limits: { topicAliasMaximum: 5 },
    terms: { topicAliasMaximum: 3 },
  },
  {
    name: "No more Topic Aliases go to a client than the limit",
    connect: { properties: { topicAliasMaximum: 9 } },
    limits: { topicAliasMaximum: 5 },
    terms: { topicAliasMaximum: 5 },
  },
  {
    name: "Session Expiry Interval of MQTT 5 is what the client asks for",
    connect: { cleanStart: true, properties: { sessionExpiryInterval: 60 } },
    limits: { maximumSessionExpirySeconds: 60 },
    terms: { sessionExpirySeconds: 60 },
    connack: {},
  },
  {
    name: "A longer Session Expiry Interval is cut and told (section 3.2.2.3.2)",
    connect: { properties: { sessionExpiryInterval: 61 } },
    limits: { maximumSessionExpirySeconds: 60 },
    terms: { sessionExpirySeconds: 60 },
    connack: { sessionExpiryInterval: 60 },
  },
  {
    name: "Clean Start 0 of MQTT 5 without Session Expiry Interval ends with its connection (section 3.1.2.11.2)",
    connect: { cleanStart: false },
    terms: { sessionExpirySeconds: 0 },
  },
  {
    name: "Clean Session 0 lives on as long as the limit, by default for ever (section 3.1.2.11.2)",
    connect: { protocolVersion: 4, cleanStart: false },
    terms: { sessionExpirySeconds: 0xffff_ffff },
  },
  {
    name: "Clean Session 0 lives on as long as a lower limit",
    connect: { protocolVersion: 3, cleanStart: false },
    limits: { maximumSessionExpirySeconds: 60 },
    terms: { sessionExpirySeconds: 60 },
  },
  {
    name: "Clean Session 1 ends with its connection",
    connect: { protocolVersion: 4, cleanStart: true },
    terms: { sessionExpirySeconds: 0 },
  },
  {
    name: "Keep Alive within the limit is kept",
    connect: { keepAliveSeconds: 60 },
    limits: { maximumKeepAliveSeconds: 60 },
    terms: { keepAliveSeconds: 60 },
    connack: {},
  },
  {
    name: "Keep Alive above the limit is cut and told [MQTT-3.2.2-21]",
    connect: { keepAliveSeconds: 61 },
    limits: { maximumKeepAliveSeconds: 60 },
    terms: { keepAliveSeconds: 60 },
    connack: { serverKeepAlive: 60 },
  },
  {
    name: "No Keep Alive is more than any limit",
    connect: { keepAliveSeconds: 0 },
    limits: { maximumKeepAliveSeconds: 60 },
    terms: { keepAliveSeconds: 60 },
    connack: { serverKeepAlive: 60 },
  },
  {
    name: "Without a limit Keep Alive is what the client asks for [MQTT-3.2.2-22]",
    connect: { keepAliveSeconds: 65_535 },
    terms: { keepAliveSeconds: 65_535 },
    connack: {},
  },
  {
    name: "Before MQTT 5 Keep Alive is what the client asks for: it cannot be told",
    connect: { protocolVersion: 4, keepAliveSeconds: 61 },
    limits: { maximumKeepAliveSeconds: 60 },
    terms: { keepAliveSeconds: 61 },
  },
  {
    name: "Maximum QoS below 2 is told [MQTT-3.2.2-9]",
    connect: {},
    limits: { maximumQos: 1 },
    terms: {},
    connack: { maximumQos: 1 },
  },
  {
    name: "Retain Available 0 is told where there are no retained messages (section 3.2.2.3.5)",
    connect: {},
    limits: { maximumRetainedMessages: 0 },
    terms: {},
    connack: { retainAvailable: 0 },
  },
];

for (const { name, connect, limits, terms, connack } of AGREED) {
  Deno.test(name, () => {
    const agreed = negotiated(connect, limits);
    assert(!("reasonCode" in agreed));
    assertEquals({ ...agreed, ...terms }, agreed);
    if (connack === undefined) return;
    const all = limitsWith(limits ?? {});
    const { receiveMaximum, topicAliasMaximum, maximumPacketSize, ...others } = connackProperties(
      connectWith(connect),
      agreed,
      all,
    );
    assertEquals([receiveMaximum, topicAliasMaximum, maximumPacketSize], [
      all.receiveMaximum,
      all.topicAliasMaximum,
      all.maximumPacketBytes,
    ]);
    assertEquals(others, connack);
  });
}

Deno.test("CONNACK says no Maximum Packet Size where it is that of the protocol", () => {
  const limits = limitsWith({ maximumPacketBytes: 268_435_460 });
  const terms = negotiated({});
  assert(!("reasonCode" in terms));
  assertEquals(connackProperties(connectWith({}), terms, limits).maximumPacketSize, undefined);
});

function negotiated(connect: Partial<ConnectPacket>, limits: Partial<Limits> = {}, checksPayloadFormat = false) {
  return negotiate(connectWith(connect), limitsWith(limits), checksPayloadFormat, () => "assigned");
}

/** By default of MQTT 5, with Clean Start and the Client Identifier "c". */
function connectWith(given: Partial<ConnectPacket>): ConnectPacket {
  const protocolVersion: ProtocolVersion = 5;
  return {
    type: "connect",
    protocolVersion,
    isBridge: false,
    clientId: "c",
    cleanStart: true,
    keepAliveSeconds: 0,
    properties: {},
    will: undefined,
    userName: undefined,
    password: undefined,
    ...given,
  };
}
