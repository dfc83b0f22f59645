/**
 * Bodies of all packets but PUBLISH, for protocol levels 3, 4 and 5: the fields after the fixed header.
 * PUBLISH is the hot path and is decoded in `decoder.ts`.
 */

import type { ByteReader } from "./byte_reader.ts";
import { readConnect } from "./connect_body.ts";
import { malformed, protocolError } from "./mqtt_error.ts";
import {
  type AuthPacket,
  type ConnackPacket,
  type DisconnectPacket,
  isQoS,
  type Packet,
  type PacketType,
  type ProtocolVersion,
  type RetainHandling,
  type SubackPacket,
  type SubscribeEntry,
  type SubscribePacket,
  unreachable,
  type UnsubackPacket,
  type UnsubscribePacket,
} from "./packet.ts";
import { NO_PROPERTIES, type Properties, type PropertyPlace } from "./property.ts";
import { readProperties } from "./properties_codec.ts";
import { connackReasonCode, isReasonCodeOf, ReasonCode, type ReasonCodePacket } from "./reason_code.ts";

/** Packets whose body is decoded here. */
export type OtherPacketType = Exclude<PacketType, "publish">;

/** Decodes the body of a packet, to its last byte; throws {@linkcode MqttError}. */
export function readPacketBody(
  type: OtherPacketType,
  reader: ByteReader,
  version: ProtocolVersion,
): Packet {
  const packet = readBody(type, reader, version);
  reader.expectEnd(type.toUpperCase());
  return packet;
}

function readBody(
  type: OtherPacketType,
  reader: ByteReader,
  version: ProtocolVersion,
): Packet {
  switch (type) {
    case "connect":
      return readConnect(reader);
    case "connack":
      return readConnack(reader, version);
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
      return readAcknowledgement(type, reader, version);
    case "subscribe":
      return readSubscribe(reader, version);
    case "suback":
      return readSuback(reader, version);
    case "unsubscribe":
      return readUnsubscribe(reader, version);
    case "unsuback":
      return readUnsuback(reader, version);
    case "pingreq":
    case "pingresp":
      return { type };
    case "disconnect":
      return readDisconnect(reader, version);
    case "auth":
      return readAuth(reader);
    default:
      return unreachable(type);
  }
}

function readConnack(
  reader: ByteReader,
  version: ProtocolVersion,
): ConnackPacket {
  const byte = reader.byte("Connect Acknowledge Flags");
  const flags = version === 3 ? 0 : byte; // MQTT 3.1, section 3.2: not used.
  if (flags > 1) {
    throw malformed(
      "Reserved Connect Acknowledge Flags are not 0",
      "MQTT-3.2.2-1",
    );
  }
  const code = reader.byte("Connect Reason Code");
  if (version < 5) {
    const reasonCode = connackReasonCode(code);
    if (reasonCode === undefined) {
      throw malformed(`Return code ${code} is reserved`, "MQTT 3.1.1 3.2.2.3");
    }
    return connack(flags, reasonCode, NO_PROPERTIES);
  }
  const reasonCode = checkedReasonCode("connack", code);
  return connack(flags, reasonCode, readProperties(reader, "connack"));
}

function connack(flags: number, reasonCode: ReasonCode, properties: Properties): ConnackPacket {
  const sessionPresent = flags === 1;
  if (sessionPresent && reasonCode !== ReasonCode.Success) {
    // The clause is MQTT-3.2.2-4 in 3.1.1.
    throw protocolError("A CONNACK that refuses has Session Present", "MQTT-3.2.2-6");
  }
  return { type: "connack", sessionPresent, reasonCode, properties };
}

/** Decodes an acknowledgement; Reason Code and properties may be omitted (sections 3.4.2.1 to 3.7.2.1). */
function readAcknowledgement(
  type: "puback" | "pubrec" | "pubrel" | "pubcomp",
  reader: ByteReader,
  version: ProtocolVersion,
): Packet {
  const packetIdentifier = readPacketIdentifier(reader);
  const reasonCode = readReasonCode(type, reader, version);
  const properties = version < 5 ? NO_PROPERTIES : readLastProperties(type, reader);
  return { type, packetIdentifier, reasonCode, properties };
}

/** Reason Code of a packet that may end before it: Success then. The older versions have none. */
function readReasonCode(
  type: ReasonCodePacket,
  reader: ByteReader,
  version: ProtocolVersion,
): ReasonCode {
  if (version < 5 || reader.remaining === 0) return ReasonCode.Success;
  return checkedReasonCode(type, reader.byte("Reason Code"));
}

/** Properties of a packet that may end before them. */
function readLastProperties(
  place: PropertyPlace,
  reader: ByteReader,
): Properties {
  return reader.remaining === 0 ? NO_PROPERTIES : readProperties(reader, place);
}

function readSubscribe(
  reader: ByteReader,
  version: ProtocolVersion,
): SubscribePacket {
  const packetIdentifier = readPacketIdentifier(reader);
  const properties = version === 5 ? readProperties(reader, "subscribe") : NO_PROPERTIES;
  if (reader.remaining === 0) {
    throw protocolError("SUBSCRIBE has no Topic Filter", "MQTT-3.8.3-2");
  }
  const subscriptions: SubscribeEntry[] = [];
  while (reader.remaining > 0) {
    const topicFilter = reader.string("Topic Filter");
    const options = reader.byte("Subscription Options");
    const reserved = version === 5 ? 0xc0 : 0xfc;
    if ((options & reserved) !== 0) {
      throw malformed(
        "Reserved bits of Subscription Options are not 0",
        version === 5 ? "MQTT-3.8.3-5" : "MQTT-3-8.3-4", // Spelt like this in 3.1.1.
      );
    }
    const qos = options & 0x03;
    if (!isQoS(qos)) {
      throw version === 5
        ? protocolError("The QoS of Subscription Options is 3", "MQTT 3.8.3.1")
        : malformed("The requested QoS is 3", "MQTT-3-8.3-4"); // Spelt like this in 3.1.1.
    }
    const retainHandling = options >> 4 & 0x03;
    if (!isRetainHandling(retainHandling)) {
      throw protocolError("Retain Handling is 3", "MQTT 3.8.3.1");
    }
    const noLocal = (options & 0x04) !== 0;
    subscriptions.push({
      topicFilter,
      qos,
      noLocal,
      retainAsPublished: (options & 0x08) !== 0,
      retainHandling,
    });
  }
  return { type: "subscribe", packetIdentifier, subscriptions, properties };
}

function readSuback(
  reader: ByteReader,
  version: ProtocolVersion,
): SubackPacket {
  const packetIdentifier = readPacketIdentifier(reader);
  const properties = version === 5 ? readProperties(reader, "suback") : NO_PROPERTIES;
  return {
    type: "suback",
    packetIdentifier,
    reasonCodes: readReasonCodes("suback", reader, version),
    properties,
  };
}

function readUnsubscribe(
  reader: ByteReader,
  version: ProtocolVersion,
): UnsubscribePacket {
  const packetIdentifier = readPacketIdentifier(reader);
  const properties = version === 5 ? readProperties(reader, "unsubscribe") : NO_PROPERTIES;
  if (reader.remaining === 0) {
    throw protocolError("UNSUBSCRIBE has no Topic Filter", "MQTT-3.10.3-2");
  }
  const topicFilters: string[] = [];
  while (reader.remaining > 0) topicFilters.push(reader.string("Topic Filter"));
  return { type: "unsubscribe", packetIdentifier, topicFilters, properties };
}

function readUnsuback(
  reader: ByteReader,
  version: ProtocolVersion,
): UnsubackPacket {
  const packetIdentifier = readPacketIdentifier(reader);
  if (version < 5) {
    return {
      type: "unsuback",
      packetIdentifier,
      reasonCodes: [],
      properties: NO_PROPERTIES,
    };
  }
  const properties = readProperties(reader, "unsuback");
  return {
    type: "unsuback",
    packetIdentifier,
    reasonCodes: readReasonCodes("unsuback", reader, version),
    properties,
  };
}

function readReasonCodes(
  type: "suback" | "unsuback",
  reader: ByteReader,
  version: ProtocolVersion,
): ReasonCode[] {
  if (reader.remaining === 0) {
    throw protocolError(
      `${type.toUpperCase()} has no Reason Code`,
      "MQTT-3.8.4-6",
    );
  }
  const reasonCodes: ReasonCode[] = [];
  while (reader.remaining > 0) {
    const code = reader.byte("Reason Code");
    if (version < 5 && code > 2 && code !== ReasonCode.UnspecifiedError) {
      throw malformed(`SUBACK return code ${code} is reserved`, "MQTT-3.9.3-2");
    }
    reasonCodes.push(checkedReasonCode(type, code));
  }
  return reasonCodes;
}

function readDisconnect(
  reader: ByteReader,
  version: ProtocolVersion,
): DisconnectPacket {
  const reasonCode = readReasonCode("disconnect", reader, version);
  return {
    type: "disconnect",
    reasonCode,
    properties: version < 5 ? NO_PROPERTIES : readLastProperties("disconnect", reader),
  };
}

function readAuth(reader: ByteReader): AuthPacket {
  const isEmpty = reader.remaining === 0; // Success without properties (section 3.15.2.1).
  const reasonCode = readReasonCode("auth", reader, 5);
  const properties = readLastProperties("auth", reader);
  if (!isEmpty && properties.authenticationMethod === undefined) {
    throw protocolError("AUTH has no Authentication Method", "MQTT 3.15.2.2.2");
  }
  return { type: "auth", reasonCode, properties };
}

/** Decodes a Packet Identifier, which is never 0 (MQTT 5: section 2.2.1; 3.1.1: MQTT-2.3.1-1). */
function readPacketIdentifier(reader: ByteReader): number {
  const packetIdentifier = reader.uint16("Packet Identifier");
  // A statement of MQTT 3.1.1; MQTT 5 makes it of the side that assigns the identifier. [MQTT-2.2.1-3]
  if (packetIdentifier === 0) {
    throw protocolError("The Packet Identifier is 0", "MQTT-2.3.1-1");
  }
  return packetIdentifier;
}

function checkedReasonCode(packet: ReasonCodePacket, code: number): ReasonCode {
  if (isReasonCodeOf(packet, code)) return code;
  throw protocolError(
    `Reason Code 0x${code.toString(16)} may not stand in ${packet.toUpperCase()}`,
    "MQTT 2.4",
  );
}

function isRetainHandling(value: number): value is RetainHandling {
  return value <= 2;
}
