/** Encodes PUBLISH: the hot path, and the path for all other cases. */

import { type ByteWriter, LARGEST_VARINT } from "./byte_writer.ts";
import { PacketType, type ProtocolVersion, type PublishPacket } from "./packet.ts";
import { hasProperties } from "./property.ts";
import { writeProperties } from "./properties_codec.ts";
import type { TopicInterner } from "./topic_interner.ts";
import { isTopicName } from "./topic_name.ts";
import { utf8Length } from "./utf8.ts";

/** Hot path: a PUBLISH without properties to a remembered topic; `false`: not applicable, and nothing is written. */
export function writeKnownPublish(
  writer: ByteWriter,
  { topic, qos, dup, retain, payload, properties, packetIdentifier }: PublishPacket,
  version: ProtocolVersion,
  topics: TopicInterner,
): boolean {
  if (version === 5 && hasProperties(properties)) return false;
  const topicField = topics.encoded(topic);
  if (topicField === undefined) return false;
  if (dup && qos === 0) return false; // Not allowed; the other path throws.
  if (qos > 0 && !isPacketIdentifier(packetIdentifier)) return false;
  const remainingLength = topicField.length + (qos > 0 ? 2 : 0) + (version === 5 ? 1 : 0) + payload.length;
  if (remainingLength > LARGEST_VARINT) return false;
  writer.begin(5 + remainingLength);
  const { bytes } = writer;
  let position = writer.position;
  bytes[position++] = PacketType.publish << 4 | (dup ? 0x08 : 0) | qos << 1 | (retain ? 0x01 : 0);
  let rest = remainingLength;
  while (rest > 0x7f) {
    bytes[position++] = rest | 0x80;
    rest >>>= 7;
  }
  bytes[position++] = rest;
  bytes.set(topicField, position);
  position += topicField.length;
  if (qos > 0) {
    bytes[position++] = packetIdentifier >>> 8;
    bytes[position++] = packetIdentifier;
  }
  if (version === 5) bytes[position++] = 0; // [MQTT-2.2.2-1]
  bytes.set(payload, position);
  writer.position = position + payload.length;
  return true;
}

/** Writes any PUBLISH; throws RangeError. */
export function writePublish(
  writer: ByteWriter,
  packet: PublishPacket,
  version: ProtocolVersion,
): void {
  const { topic, qos, payload, properties, packetIdentifier } = packet;
  if (
    topic !== "" ? !isTopicName(topic) : version < 5 || properties.topicAlias === undefined
  ) {
    throw new RangeError(
      `Cannot encode publish: "${topic}" is not a Topic Name`,
    );
  }
  if (packet.dup && qos === 0) {
    throw new RangeError("Cannot encode publish: DUP is set with QoS 0"); // [MQTT-3.3.1-2]
  }
  writer.byte(
    PacketType.publish << 4 | (packet.dup ? 0x08 : 0) | qos << 1 |
      (packet.retain ? 0x01 : 0),
  );
  if (version === 5 && hasProperties(properties)) {
    const mark = writer.beginLength();
    writer.string(topic);
    if (qos > 0) writePacketIdentifier(writer, packetIdentifier);
    writeProperties(writer, properties, "publish");
    writer.raw(payload);
    return writer.endLength(mark);
  }
  const topicBytes = utf8Length(topic);
  writer.varint(
    2 + topicBytes + (qos > 0 ? 2 : 0) + (version === 5 ? 1 : 0) +
      payload.length,
  );
  writer.stringOfLength(topic, topicBytes);
  if (qos > 0) writePacketIdentifier(writer, packetIdentifier);
  if (version === 5) writer.byte(0); // [MQTT-2.2.2-1]
  writer.raw(payload);
}

/** Writes a Packet Identifier; throws RangeError for an invalid one. */
export function writePacketIdentifier(
  writer: ByteWriter,
  packetIdentifier: number,
): void {
  if (!isPacketIdentifier(packetIdentifier)) {
    throw new RangeError(
      `Cannot encode a Packet Identifier: "${packetIdentifier}" is not an integer between 1 and 65535`,
    );
  }
  writer.uint16(packetIdentifier);
}

function isPacketIdentifier(value: number): boolean {
  return value > 0 && (value & 0xffff) === value;
}
