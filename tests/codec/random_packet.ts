/** Packets of all types with random contents, such that a version can say all of it. */

import {
  type ConnectPacket,
  type Packet,
  PacketType,
  type ProtocolVersion,
  type PublishPacket,
  type QoS,
  type RetainHandling,
  type SubscribeEntry,
} from "../../src/codec/packet.ts";
import {
  NO_PROPERTIES,
  type Properties,
  PROPERTY_DEFINITIONS,
  PropertyPlace,
  type PropertyType,
} from "../../src/codec/property.ts";
import { isReasonCodeOf, ReasonCode, type ReasonCodePacket } from "../../src/codec/reason_code.ts";
import type { Seeded } from "../seeded.ts";

// Object.keys of a constant gives its keys.
const TYPES = Object.keys(PacketType) as PacketType[];
const CHARACTERS = ["a", "b", "/", "$", " ", "~", "\x01", "\x7f", "\u00e9", "\u07ff", "\u4e2d", "\ufeff", "\u{1f600}"];
const QOS: readonly QoS[] = [0, 1, 2];
const GRANTED: readonly ReasonCode[] = [0x00, 0x01, 0x02, 0x80];
/** Those that CONNACK of 3.1.1 has a return code for, and comes back as the same. */
const RETURN_CODES: readonly ReasonCode[] = [0x00, 0x84, 0x85, 0x86, 0x87, 0x88];
const RETAIN_HANDLING: readonly RetainHandling[] = [0, 1, 2];

/** A random packet of any type that the version has. */
export function randomPacket(random: Seeded, version: ProtocolVersion): Packet {
  const type = random.pick(version === 5 ? TYPES : TYPES.filter((name) => name !== "auth"));
  const place = (name: PropertyPlace) => version === 5 ? randomProperties(random, name) : NO_PROPERTIES;
  const packetIdentifier = random.integer(1, random.pick([2, 65_535]));
  switch (type) {
    case "connect":
      return randomConnect(random, version);
    case "publish":
      return randomPublish(random, version);
    case "connack": {
      const reasonCode = version === 5 ? randomCode(random, type) : random.pick(RETURN_CODES);
      const sessionPresent = reasonCode === 0x00 && version > 3 && random.oneIn(2);
      return { type, sessionPresent, reasonCode, properties: place(type) };
    }
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
      return {
        type,
        packetIdentifier,
        reasonCode: version === 5 ? randomCode(random, type) : 0x00,
        properties: place(type),
      };
    case "subscribe":
      return {
        type,
        packetIdentifier,
        subscriptions: list(random, () => randomEntry(random, version)),
        properties: place(type),
      };
    case "suback": {
      const code = () => version === 5 ? randomCode(random, type) : random.pick(GRANTED);
      return { type, packetIdentifier, reasonCodes: list(random, code), properties: place(type) };
    }
    case "unsubscribe":
      return { type, packetIdentifier, topicFilters: list(random, () => randomText(random)), properties: place(type) };
    case "unsuback": {
      const reasonCodes = version === 5 ? list(random, () => randomCode(random, type)) : [];
      return { type, packetIdentifier, reasonCodes, properties: place(type) };
    }
    case "disconnect":
      return { type, reasonCode: version === 5 ? randomCode(random, type) : 0x00, properties: place(type) };
    case "auth":
      return {
        type,
        reasonCode: randomCode(random, type),
        properties: { ...place(type), authenticationMethod: randomText(random) },
      };
    case "pingreq":
    case "pingresp":
      return { type };
  }
}

function randomConnect(random: Seeded, version: ProtocolVersion): ConnectPacket {
  const withMethod = (properties: Properties): Properties =>
    properties.authenticationData === undefined
      ? properties
      : { ...properties, authenticationMethod: randomText(random) };
  const userName = random.oneIn(2) ? randomText(random) : undefined;
  const mayHavePassword = version === 5 || userName !== undefined;
  return {
    type: "connect",
    protocolVersion: version,
    isBridge: random.oneIn(10),
    cleanStart: random.oneIn(2),
    keepAliveSeconds: random.integer(0, 65_535),
    clientId: random.oneIn(3) ? "" : randomText(random),
    will: random.oneIn(2) ? undefined : {
      topic: randomTopic(random),
      payload: random.bytes(random.integer(0, 20)),
      qos: random.pick(QOS),
      retain: random.oneIn(2),
      properties: version === 5 ? randomProperties(random, "will") : NO_PROPERTIES,
    },
    userName,
    password: mayHavePassword && random.oneIn(2) ? random.bytes(random.integer(0, 20)) : undefined,
    properties: version === 5 ? withMethod(randomProperties(random, "connect")) : NO_PROPERTIES,
  };
}

function randomPublish(random: Seeded, version: ProtocolVersion): PublishPacket {
  const qos = random.pick(QOS);
  const properties = version === 5 ? randomProperties(random, "publish") : NO_PROPERTIES;
  return {
    type: "publish",
    dup: qos > 0 && random.oneIn(3),
    qos,
    retain: random.oneIn(3),
    topic: properties.topicAlias !== undefined && random.oneIn(2) ? "" : randomTopic(random),
    packetIdentifier: qos === 0 ? 0 : random.integer(1, 65_535),
    properties,
    payload: random.bytes(random.oneIn(20) ? random.integer(0, 20_000) : random.integer(0, 200)),
  };
}

function randomEntry(random: Seeded, version: ProtocolVersion): SubscribeEntry {
  const isFive = version === 5;
  return {
    topicFilter: random.oneIn(3) ? random.pick(["#", "+", "a/+/b", "a/#", "$share/g/a"]) : randomText(random),
    qos: random.pick(QOS),
    noLocal: isFive && random.oneIn(2),
    retainAsPublished: isFive && random.oneIn(2),
    retainHandling: isFive ? random.pick(RETAIN_HANDLING) : 0,
  };
}

/** Any of the properties that may stand there; none as often as some. */
function randomProperties(random: Seeded, place: PropertyPlace): Properties {
  const properties: Record<string, unknown> = {};
  if (random.oneIn(2)) return NO_PROPERTIES;
  for (const { name, type, places, repeatable } of PROPERTY_DEFINITIONS) {
    if ((places & PropertyPlace[place]) === 0 || !random.oneIn(3)) continue;
    const value = () => randomValue(random, type);
    if (repeatable === 0) properties[name] = value();
    else properties[name] = (repeatable & PropertyPlace[place]) === 0 ? [value()] : list(random, value);
  }
  return properties as Properties; // Names and types are those of the rows.
}

function randomValue(random: Seeded, type: PropertyType): unknown {
  switch (type) {
    case "flag":
      return random.integer(0, 1);
    case "uint16":
      return random.integer(0, 0xffff);
    case "positiveUint16":
      return random.integer(1, 0xffff);
    case "uint32":
      return random.uint32();
    case "positiveUint32":
      return random.integer(1, 0xffff_ffff);
    case "positiveVarint":
      return random.integer(1, random.pick([0x7f, 0x3fff, 0x1f_ffff, 0xfff_ffff]));
    case "string":
      return random.oneIn(4) ? "" : randomText(random);
    case "topic":
      return randomTopic(random);
    case "binary":
      return random.bytes(random.integer(0, 30));
    case "pair":
      return [randomText(random), randomText(random)];
  }
}

function randomCode(random: Seeded, packet: ReasonCodePacket): ReasonCode {
  return random.pick(Object.values(ReasonCode).filter((code) => isReasonCodeOf(packet, code)));
}

/** One to some fifty characters, of one to four bytes. */
export function randomText(random: Seeded): string {
  const characters = random.oneIn(2) ? CHARACTERS.slice(0, 5) : CHARACTERS;
  return Array.from({ length: random.integer(1, random.pick([3, 12, 50])) }, () => random.pick(characters)).join("");
}

/** Often one that was there before, as in life. */
function randomTopic(random: Seeded): string {
  return random.oneIn(2) ? `device/${random.integer(1, 9)}/t` : randomText(random);
}

function list<T>(random: Seeded, make: () => T): T[] {
  return Array.from({ length: random.integer(1, random.pick([1, 3, 40])) }, make);
}
