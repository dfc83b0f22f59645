/** Body of CONNECT for protocol levels 3, 4 and 5: the only packet that states its own level. */

import type { ByteReader } from "./byte_reader.ts";
import { malformed, MqttError, protocolError } from "./mqtt_error.ts";
import { type ConnectPacket, isQoS, type ProtocolVersion, type Will } from "./packet.ts";
import { NO_PROPERTIES } from "./property.ts";
import { readProperties } from "./properties_codec.ts";
import { ReasonCode } from "./reason_code.ts";
import { isTopicName } from "./topic_name.ts";

const BRIDGE_BIT = 0x80;

/** Decodes the body of CONNECT, up to its last field; throws {@linkcode MqttError}. */
export function readConnect(reader: ByteReader): ConnectPacket {
  const { protocolVersion, isBridge } = readProtocol(reader);
  const flags = reader.byte("Connect Flags");
  // MQTT 3.1, section 3.1, does not use it.
  if ((flags & 0x01) !== 0 && protocolVersion !== 3) {
    throw malformed("The reserved Connect Flag is 1", "MQTT-3.1.2-3");
  }
  const hasUserName = (flags & 0x80) !== 0;
  const hasPassword = (flags & 0x40) !== 0;
  if (protocolVersion < 5 && hasPassword && !hasUserName) {
    throw malformed(
      "CONNECT has a Password without a User Name",
      "MQTT-3.1.2-22",
    ); // A rule of 3.1.1; 5 allows it.
  }
  const keepAliveSeconds = reader.uint16("Keep Alive");
  const properties = protocolVersion === 5 ? readProperties(reader, "connect") : NO_PROPERTIES;
  if (
    properties.authenticationData !== undefined &&
    properties.authenticationMethod === undefined
  ) {
    throw protocolError(
      "Authentication Data stands without an Authentication Method",
      "MQTT 3.1.2.11.10",
    );
  }
  const clientId = reader.string("Client Identifier");
  const will = readWill(reader, flags, protocolVersion);
  // MQTT 3.1, section 3.1.2: a flag may be set although the field is missing.
  const mayMiss = protocolVersion === 3;
  const userName = hasUserName && !(mayMiss && reader.remaining === 0) ? reader.string("User Name") : undefined;
  const password = hasPassword && !(mayMiss && reader.remaining === 0) ? reader.binary("Password") : undefined;
  return {
    type: "connect",
    protocolVersion,
    isBridge,
    cleanStart: (flags & 0x02) !== 0,
    keepAliveSeconds,
    clientId,
    will,
    userName,
    password,
    properties,
  };
}

/** Decodes Protocol Name and Level, the first fields of CONNECT; throws {@linkcode MqttError}. */
export function readProtocol(
  reader: ByteReader,
): { protocolVersion: ProtocolVersion; isBridge: boolean } {
  const name = reader.string("Protocol Name");
  const level = reader.byte("Protocol Level");
  const isBridge = (level & BRIDGE_BIT) !== 0;
  const version = level & ~BRIDGE_BIT;
  if (name === "MQTT" && (version === 4 || version === 5)) {
    return { protocolVersion: version, isBridge };
  }
  if (name === "MQIsdp" && version === 3) {
    return { protocolVersion: version, isBridge };
  }
  if (name !== "MQTT" && name !== "MQIsdp") {
    throw malformed("The Protocol Name is not MQTT", "MQTT-3.1.2-1");
  }
  throw new UnsupportedProtocolVersionError(version, name === "MQIsdp");
}

/** Reports a CONNECT with an unsupported Protocol Level; the answer depends on the level (section 3.1.2.2). */
export class UnsupportedProtocolVersionError extends MqttError {
  /** @param isMqisdp whether the Protocol Name is that of MQTT 3.1 */
  constructor(readonly level: number, readonly isMqisdp: boolean) {
    super(
      `Protocol Level ${level} is not supported`,
      ReasonCode.UnsupportedProtocolVersion,
      "MQTT-3.1.2-2",
    );
  }
}

function readWill(
  reader: ByteReader,
  flags: number,
  version: ProtocolVersion,
): Will | undefined {
  const qos = flags >> 3 & 0x03;
  const retain = (flags & 0x20) !== 0;
  if ((flags & 0x04) === 0) {
    if (version === 3) return undefined; // MQTT 3.1, section 3.1: both are ignored then.
    if (qos !== 0) {
      throw malformed("Will QoS is not 0 without a Will", "MQTT-3.1.2-11");
    }
    if (retain) {
      throw malformed("Will Retain is 1 without a Will", "MQTT-3.1.2-13");
    }
    return undefined;
  }
  if (!isQoS(qos)) throw malformed("Will QoS is 3", "MQTT-3.1.2-12");
  const properties = version === 5 ? readProperties(reader, "will") : NO_PROPERTIES;
  const topic = reader.string("Will Topic");
  if (!isTopicName(topic)) {
    throw new MqttError(
      "Will Topic is not a Topic Name",
      ReasonCode.TopicNameInvalid,
      // The wildcards are MQTT-4.7.1-1 in 3.1.1.
      topic === "" ? "MQTT-4.7.3-1" : "MQTT-4.7.0-1",
    );
  }
  return {
    topic,
    payload: reader.binary("Will Payload"),
    qos,
    retain,
    properties,
  };
}
