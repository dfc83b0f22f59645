/**
 * Every property in every packet: where it may stand, twice, cut short, with a value that is not allowed. The table is
 * written down from section 2.2.2.2 again, so that it checks the table of the codec.
 */

import type { Packet } from "../../../src/codec/packet.ts";
import { NO_PROPERTIES, type Properties, type PropertyPlace } from "../../../src/codec/property.ts";
import { fromHex } from "../hex.ts";
import { type Row, testRows, V5 } from "./row.ts";

interface Property {
  readonly identifier: string;
  readonly hex: string;
  readonly value: Properties;
  readonly places: readonly PropertyPlace[];
  /** Values that are not allowed, and the clause. */
  readonly wrong?: readonly string[];
}

const WITH_REASON: readonly PropertyPlace[] = [
  "connack",
  "puback",
  "pubrec",
  "pubrel",
  "pubcomp",
  "suback",
  "unsuback",
  "disconnect",
  "auth",
];
const PLACES: readonly PropertyPlace[] = [...WITH_REASON, "connect", "will", "publish", "subscribe", "unsubscribe"];

// deno-fmt-ignore
const PROPERTIES: readonly Property[] = [
  { identifier: "01", hex: "01", value: { payloadFormatIndicator: 1 }, places: ["publish", "will"], wrong: ["02", "ff"] },
  { identifier: "02", hex: "fffffffe", value: { messageExpiryInterval: 4_294_967_294 }, places: ["publish", "will"] },
  { identifier: "03", hex: "'text/plain'", value: { contentType: "text/plain" }, places: ["publish", "will"] },
  { identifier: "08", hex: "'a/b'", value: { responseTopic: "a/b" }, places: ["publish", "will"] },
  { identifier: "09", hex: "0003 00ff80", value: { correlationData: fromHex("00ff80") }, places: ["publish", "will"] },
  { identifier: "0b", hex: "80 80 01", value: { subscriptionIdentifiers: [16_384] }, places: ["publish", "subscribe"], wrong: ["00"] },
  { identifier: "11", hex: "00000000", value: { sessionExpiryInterval: 0 }, places: ["connect", "connack", "disconnect"] },
  { identifier: "12", hex: "'id'", value: { assignedClientIdentifier: "id" }, places: ["connack"] },
  { identifier: "13", hex: "0000", value: { serverKeepAlive: 0 }, places: ["connack"] },
  { identifier: "15", hex: "'m'", value: { authenticationMethod: "m" }, places: ["connect", "connack", "auth"] },
  { identifier: "16", hex: "0001 00", value: { authenticationData: fromHex("00") }, places: ["connect", "connack", "auth"] },
  { identifier: "17", hex: "01", value: { requestProblemInformation: 1 }, places: ["connect"], wrong: ["02"] },
  { identifier: "18", hex: "00000001", value: { willDelayInterval: 1 }, places: ["will"] },
  { identifier: "19", hex: "00", value: { requestResponseInformation: 0 }, places: ["connect"], wrong: ["02"] },
  { identifier: "1a", hex: "'info'", value: { responseInformation: "info" }, places: ["connack"] },
  { identifier: "1c", hex: "'other'", value: { serverReference: "other" }, places: ["connack", "disconnect"] },
  { identifier: "1f", hex: "'why'", value: { reasonString: "why" }, places: WITH_REASON },
  { identifier: "21", hex: "ffff", value: { receiveMaximum: 65_535 }, places: ["connect", "connack"], wrong: ["0000"] },
  { identifier: "22", hex: "0000", value: { topicAliasMaximum: 0 }, places: ["connect", "connack"] },
  { identifier: "23", hex: "0001", value: { topicAlias: 1 }, places: ["publish"] },
  { identifier: "24", hex: "00", value: { maximumQos: 0 }, places: ["connack"], wrong: ["02"] },
  { identifier: "25", hex: "01", value: { retainAvailable: 1 }, places: ["connack"], wrong: ["02"] },
  { identifier: "26", hex: "'k' 'v'", value: { userProperties: [["k", "v"]] }, places: PLACES },
  { identifier: "27", hex: "ffffffff", value: { maximumPacketSize: 4_294_967_295 }, places: ["connect", "connack"], wrong: ["00000000"] },
  { identifier: "28", hex: "01", value: { wildcardSubscriptionAvailable: 1 }, places: ["connack"], wrong: ["02"] },
  { identifier: "29", hex: "00", value: { subscriptionIdentifiersAvailable: 0 }, places: ["connack"], wrong: ["02"] },
  { identifier: "2a", hex: "01", value: { sharedSubscriptionAvailable: 1 }, places: ["connack"], wrong: ["02"] },
];

/** Identifiers that no property has, in one byte and in two. */
const UNKNOWN = ["00", "04", "07", "0a", "0c", "10", "14", "1b", "1d", "20", "2b", "7f", "80 01", "a6 80 01"];

for (const place of PLACES) {
  for (const { identifier, hex, value, places, wrong } of PROPERTIES) {
    const name = `property 0x${identifier} in ${place}`;
    const once = `${identifier} ${hex}`;
    const mayStand = places.includes(place);
    if (!mayStand) {
      testRows([bad(place, `${name}, where it may not stand [MQTT 2.2.2.2]`, once, 0x81)]);
      continue;
    }
    testRows([
      // Authentication Data needs the Method beside it in CONNECT and AUTH.
      identifier === "16"
        ? good(place, name, `15 'm' ${once}`, { authenticationMethod: "m", ...value })
        : good(place, name, once, value),
      bad(place, `${name}, of which only the identifier is there [MQTT 2.1.4]`, identifier, 0x81, true),
      ...(wrong ?? []).map((value) =>
        bad(place, `${name} of value 0x${value} [MQTT 2.2.2.2]`, `${identifier} ${value}`, 0x82)
      ),
    ]);
    if (identifier !== "26" && !(identifier === "0b" && place === "publish")) {
      testRows([bad(place, `${name}, twice [MQTT 2.2.2.2]`, `${once} ${once}`, 0x82)]);
    }
  }
  testRows([
    ...UNKNOWN.map((identifier) =>
      bad(place, `property 0x${identifier} in ${place}, which does not exist [MQTT 2.2.2.2]`, `${identifier} 00`, 0x81)
    ),
    bad(place, `an over-long property identifier in ${place} [MQTT-1.5.5-1]`, "a6 00 'k' 'v'", 0x81),
    good(place, `two equal User Properties in ${place} [MQTT 2.2.2.2]`, "26 'k' 'v' 26 'k' 'v' 26 'a' ''", {
      userProperties: [["k", "v"], ["k", "v"], ["a", ""]],
    }),
  ]);
}

// deno-fmt-ignore
testRows([
  good("publish", "several Subscription Identifiers [MQTT-3.3.4-4]", "0b 01 0b ffff7f 0b 01", { subscriptionIdentifiers: [1, 2_097_151, 1] }),
  bad("publish", "Subscription Identifier of five bytes [MQTT-1.5.5-1]", "0b ffffffff7f", 0x81),
  bad("publish", "over-long Subscription Identifier [MQTT-1.5.5-1]", "0b 8100", 0x81),
  bad("publish", "Response Topic with # [MQTT-3.3.2-14]", "08 'a/#'", 0x82),
  bad("publish", "Response Topic with + [MQTT-3.3.2-14]", "08 '+'", 0x82),
  bad("publish", "empty Response Topic [MQTT-4.7.3-1]", "08 ''", 0x82),
  bad("will", "Response Topic with # [MQTT-3.3.2-14]", "08 '#'", 0x82),
  { name: "Property Length beyond the packet [MQTT 2.2.2.1]", versions: V5, hex: "30 [ 'a' 05 01 01 ]", reasonCode: 0x81 },
  { name: "Property Length within a property [MQTT 2.2.2.1]", versions: V5, hex: "30 [ 'a' 03 02 00000000 ]", reasonCode: 0x81 },
  { name: "Property Length within a User Property [MQTT 2.2.2.1]", versions: V5, hex: "30 [ 'a' 04 26 'k' 'v' ]", reasonCode: 0x81 },
  { name: "over-long Property Length [MQTT-1.5.5-1]", versions: V5, hex: "30 [ 'a' 80 00 ]", reasonCode: 0x81 },
  { name: "Property Length of five bytes [MQTT-1.5.5-1]", versions: V5, hex: "30 [ 'a' 80 80 80 80 01 ]", reasonCode: 0x81 },
  { name: "Property Length that the packet cuts [MQTT 2.1.4]", versions: V5, hex: "30 [ 'a' 80 ]", reasonCode: 0x81 },
]);

function good(place: PropertyPlace, name: string, hex: string, properties: Properties): Row {
  // AUTH must have a Method; the property under test stands behind it.
  const isAuth = place === "auth" && properties.authenticationMethod === undefined;
  return {
    name,
    versions: V5,
    hex: frame(place, isAuth ? `15 'm' ${hex}` : hex),
    packet: packet(place, isAuth ? { authenticationMethod: "m", ...properties } : properties),
  };
}

function bad(place: PropertyPlace, name: string, hex: string, reasonCode: 0x81 | 0x82, isLast = false): Row {
  // What follows the properties of these would be taken for the value that is missing: it is left out, the packet ends.
  const hasMore = isLast &&
    ["connect", "will", "publish", "subscribe", "suback", "unsubscribe", "unsuback"].includes(place);
  return { name, versions: V5, hex: hasMore ? frame(place, hex, false) : frame(place, hex), reasonCode };
}

/** A packet with these properties, and whatever stands behind them unless it is not wanted. */
function frame(place: PropertyPlace, hex: string, isWhole = true): string {
  const after = (rest: string) => isWhole ? rest : "";
  switch (place) {
    case "connect":
      return `10 [ 'MQTT' 05 02 003c [ ${hex} ] ${after("'a'")} ]`;
    case "will":
      return `10 [ 'MQTT' 05 06 003c [] 'a' [ ${hex} ] ${after("'w' 'bye'")} ]`;
    case "connack":
      return `20 [ 00 00 [ ${hex} ] ]`;
    case "publish":
      return `30 [ 'a' [ ${hex} ] ${after('"hi"')} ]`;
    case "puback":
      return `40 [ 000a 00 [ ${hex} ] ]`;
    case "pubrec":
      return `50 [ 000a 00 [ ${hex} ] ]`;
    case "pubrel":
      return `62 [ 000a 00 [ ${hex} ] ]`;
    case "pubcomp":
      return `70 [ 000a 00 [ ${hex} ] ]`;
    case "subscribe":
      return `82 [ 000a [ ${hex} ] ${after("'a' 00")} ]`;
    case "suback":
      return `90 [ 000a [ ${hex} ] ${after("00")} ]`;
    case "unsubscribe":
      return `a2 [ 000a [ ${hex} ] ${after("'a'")} ]`;
    case "unsuback":
      return `b0 [ 000a [ ${hex} ] ${after("00")} ]`;
    case "disconnect":
      return `e0 [ 00 [ ${hex} ] ]`;
    case "auth":
      return `f0 [ 00 [ ${hex} ] ]`;
  }
}

function packet(place: PropertyPlace, properties: Properties): Packet {
  switch (place) {
    case "connect":
    case "will":
      return {
        type: "connect",
        protocolVersion: 5,
        isBridge: false,
        cleanStart: true,
        keepAliveSeconds: 60,
        clientId: "a",
        will: place === "connect"
          ? undefined
          : { topic: "w", payload: fromHex('"bye"'), qos: 0, retain: false, properties },
        userName: undefined,
        password: undefined,
        properties: place === "connect" ? properties : NO_PROPERTIES,
      };
    case "connack":
      return { type: place, sessionPresent: false, reasonCode: 0x00, properties };
    case "publish":
      return {
        type: place,
        dup: false,
        qos: 0,
        retain: false,
        topic: "a",
        packetIdentifier: 0,
        properties,
        payload: fromHex('"hi"'),
      };
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
      return { type: place, packetIdentifier: 10, reasonCode: 0x00, properties };
    case "subscribe":
      return {
        type: place,
        packetIdentifier: 10,
        subscriptions: [{ topicFilter: "a", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
        properties,
      };
    case "unsubscribe":
      return { type: place, packetIdentifier: 10, topicFilters: ["a"], properties };
    case "suback":
    case "unsuback":
      return { type: place, packetIdentifier: 10, reasonCodes: [0x00], properties };
    case "disconnect":
    case "auth":
      return { type: place, reasonCode: 0x00, properties };
  }
}
