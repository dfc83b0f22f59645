/**
 * Encodes packets to bytes, for protocol levels 3, 4 and 5. Fields that an older version cannot express are left out.
 * Errors are the caller's: RangeError or TypeError, and then nothing of the packet is written.
 */

import { ByteWriter } from "./byte_writer.ts";
import { type ConnectPacket, type Packet, PacketType, type ProtocolVersion, unreachable } from "./packet.ts";
import { hasProperties, type Properties, type PropertyPlace } from "./property.ts";
import { writeProperties } from "./properties_codec.ts";
import { writeKnownPublish, writePacketIdentifier, writePublish } from "./publish_encoder.ts";
import { connackReturnCode, isReasonCodeOf, ReasonCode, type ReasonCodePacket } from "./reason_code.ts";
import type { TopicInterner } from "./topic_interner.ts";
import { isTopicName } from "./topic_name.ts";

/** Bytes that are already encoded, to be sent unchanged. */
export type Frame = Uint8Array;

/**
 * Encodes one packet. To encode many, keep a {@linkcode PacketEncoder}.
 *
 * @throws RangeError for a value that is out of its range or that the version cannot express
 * @example
 * ```ts
 * import { encodePacket } from "@brooklet/brooklet/codec";
 *
 * console.log(encodePacket({ type: "pingreq" }, 5)); // c0 00
 * ```
 */
export function encodePacket(
  packet: Packet,
  version: ProtocolVersion,
): Uint8Array {
  const writer = new ByteWriter(
    packet.type === "publish" ? packet.payload.length + packet.topic.length + 16 : 64,
  );
  writePacket(writer, packet, version);
  return writer.bytes.subarray(writer.start, writer.position);
}

/** Encodes packets and frames, one after the other. Throws as {@linkcode encodePacket} does. */
export function writeBatch(
  batch: readonly (Packet | Frame)[],
  version: ProtocolVersion,
  topics?: TopicInterner,
): Uint8Array {
  if (batch.length === 1) {
    const item = batch[0] as Packet | Frame; // The length is 1.
    return item instanceof Uint8Array ? item : encodePacket(item, version);
  }
  let expectedBytes = 0;
  for (const item of batch) {
    expectedBytes += item instanceof Uint8Array ? item.length : expectedSize(item);
  }
  const writer = new ByteWriter(expectedBytes, true);
  for (const item of batch) {
    if (item instanceof Uint8Array) writer.raw(item);
    else writePacket(writer, item, version, topics);
  }
  return writer.bytes.subarray(0, writer.position);
}

/** Appends one packet. Throws as {@linkcode encodePacket} does; nothing of a failed packet stays written. */
export function writePacket(
  writer: ByteWriter,
  packet: Packet,
  version: ProtocolVersion,
  topics?: TopicInterner,
): void {
  if (packet.type === "publish" && topics !== undefined && writeKnownPublish(writer, packet, version, topics)) return;
  writer.begin(expectedSize(packet));
  try {
    writeWhole(writer, packet, version);
  } catch (error) {
    writer.position = writer.start;
    throw error;
  }
}

/** Estimated size, right for most packets; otherwise the writer grows. */
function expectedSize(packet: Packet): number {
  return packet.type === "publish" ? packet.payload.length + packet.topic.length + 16 : 16;
}

function writeWhole(
  writer: ByteWriter,
  packet: Packet,
  version: ProtocolVersion,
): void {
  switch (packet.type) {
    case "publish":
      return writePublish(writer, packet, version);
    case "puback":
    case "pubrec":
    case "pubcomp":
    case "pubrel": {
      writer.byte(
        PacketType[packet.type] << 4 | (packet.type === "pubrel" ? 0b0010 : 0),
      );
      const mark = writer.beginLength();
      writePacketIdentifier(writer, packet.packetIdentifier);
      if (version === 5) {
        writeReason(writer, packet.reasonCode, packet.properties, packet.type);
      }
      return writer.endLength(mark);
    }
    case "pingreq":
    case "pingresp":
      writer.byte(PacketType[packet.type] << 4);
      return writer.byte(0);
    case "connect":
      return writeConnect(writer, packet, version);
    case "disconnect":
    case "auth": {
      if (packet.type === "auth" && version < 5) {
        throw new RangeError(
          `Cannot encode auth: MQTT 5 only, not level ${version}`,
        );
      }
      writer.byte(PacketType[packet.type] << 4);
      const mark = writer.beginLength();
      if (version === 5) {
        writeReason(writer, packet.reasonCode, packet.properties, packet.type);
        const isEmpty = writer.position - writer.start === mark;
        if (packet.type === "auth" && !isEmpty && packet.properties.authenticationMethod === undefined) {
          throw new RangeError("Cannot encode auth: it has no authenticationMethod"); // Section 3.15.2.2.2.
        }
      }
      return writer.endLength(mark);
    }
    case "connack": {
      writer.byte(PacketType.connack << 4);
      const mark = writer.beginLength();
      if (packet.sessionPresent && packet.reasonCode !== ReasonCode.Success) {
        throw new RangeError("Cannot encode connack: it refuses and has sessionPresent"); // [MQTT-3.2.2-6]
      }
      writer.byte(packet.sessionPresent && version > 3 ? 1 : 0); // 3.1 has no Session Present.
      writer.byte(
        version === 5 ? checkedReasonCode("connack", packet.reasonCode) : returnCodeOf(packet.reasonCode),
      );
      if (version === 5) writeProperties(writer, packet.properties, "connack");
      return writer.endLength(mark);
    }
    case "subscribe": {
      if (packet.subscriptions.length === 0) {
        throw new RangeError("Cannot encode subscribe: it has no Topic Filter");
      }
      const mark = beginIdentified(writer, packet, version);
      for (
        const { topicFilter, qos, noLocal, retainAsPublished, retainHandling } of packet.subscriptions
      ) {
        writer.string(topicFilter);
        const options = (noLocal ? 0x04 : 0) | (retainAsPublished ? 0x08 : 0) |
          retainHandling << 4;
        writer.byte(version === 5 ? qos | options : qos);
      }
      return writer.endLength(mark);
    }
    case "unsubscribe": {
      if (packet.topicFilters.length === 0) {
        throw new RangeError(
          "Cannot encode unsubscribe: it has no Topic Filter",
        );
      }
      const mark = beginIdentified(writer, packet, version);
      for (const topicFilter of packet.topicFilters) writer.string(topicFilter);
      return writer.endLength(mark);
    }
    case "suback":
    case "unsuback": {
      if (packet.reasonCodes.length === 0 && (version === 5 || packet.type === "suback")) {
        throw new RangeError(`Cannot encode ${packet.type}: it has no Reason Code`); // [MQTT-3.8.4-6]
      }
      const mark = beginIdentified(writer, packet, version);
      if (version === 5) {
        for (const code of packet.reasonCodes) writer.byte(checkedReasonCode(packet.type, code));
      } else if (packet.type === "suback") {
        // 3.1.1 has only one failure code. [MQTT-3.9.3-2]
        for (const code of packet.reasonCodes) {
          writer.byte(code <= 2 ? code : ReasonCode.UnspecifiedError);
        }
      }
      return writer.endLength(mark);
    }
    default:
      return unreachable(packet);
  }
}

function writeConnect(
  writer: ByteWriter,
  packet: ConnectPacket,
  version: ProtocolVersion,
): void {
  const { will, userName, password } = packet;
  if (packet.protocolVersion !== version) {
    throw new RangeError(
      `Cannot encode connect: its Protocol Level is ${packet.protocolVersion}, not ${version}`,
    );
  }
  if (version < 5 && password !== undefined && userName === undefined) {
    throw new RangeError(
      "Cannot encode connect: before MQTT 5 a Password needs a User Name",
    ); // [MQTT-3.1.2-22]
  }
  writer.byte(PacketType.connect << 4);
  const mark = writer.beginLength();
  writer.string(version === 3 ? "MQIsdp" : "MQTT");
  writer.byte(version | (packet.isBridge ? 0x80 : 0));
  writer.byte(
    (packet.cleanStart ? 0x02 : 0) |
      (will === undefined ? 0 : 0x04 | will.qos << 3 | (will.retain ? 0x20 : 0)) |
      (userName === undefined ? 0 : 0x80) |
      (password === undefined ? 0 : 0x40),
  );
  const { keepAliveSeconds } = packet;
  if ((keepAliveSeconds & 0xffff) !== keepAliveSeconds) {
    throw new RangeError(
      `Cannot encode connect: keepAliveSeconds "${keepAliveSeconds}" is not an integer between 0 and 65535`,
    );
  }
  writer.uint16(keepAliveSeconds);
  if (version === 5) writeProperties(writer, packet.properties, "connect");
  writer.string(packet.clientId); // In this order. [MQTT-3.1.3-1]
  if (will !== undefined) {
    if (version === 5) writeProperties(writer, will.properties, "will");
    if (!isTopicName(will.topic)) {
      throw new RangeError(`Cannot encode connect: Will Topic "${will.topic}" is not a Topic Name`);
    }
    writer.string(will.topic);
    writer.binary(will.payload);
  }
  if (userName !== undefined) writer.string(userName);
  if (password !== undefined) writer.binary(password);
  writer.endLength(mark);
}

/** Begins SUBSCRIBE, UNSUBSCRIBE and their acknowledgements: fixed header, Packet Identifier and properties. */
function beginIdentified(
  writer: ByteWriter,
  packet: {
    readonly type: "subscribe" | "suback" | "unsubscribe" | "unsuback";
    readonly packetIdentifier: number;
    readonly properties: Properties;
  },
  version: ProtocolVersion,
): number {
  const { type } = packet;
  writer.byte(
    PacketType[type] << 4 |
      (type === "subscribe" || type === "unsubscribe" ? 0b0010 : 0),
  );
  const mark = writer.beginLength();
  writePacketIdentifier(writer, packet.packetIdentifier);
  if (version === 5) writeProperties(writer, packet.properties, type);
  return mark;
}

/** Writes Reason Code and properties, omitted where they are defaults (sections 3.4.2.1, 3.14.2.1, 3.15.2.1). */
function writeReason(
  writer: ByteWriter,
  reasonCode: ReasonCode,
  properties: Properties,
  place: PropertyPlace & ReasonCodePacket,
): void {
  const isWithProperties = hasProperties(properties);
  if (reasonCode === ReasonCode.Success && !isWithProperties) return;
  writer.byte(checkedReasonCode(place, reasonCode));
  if (isWithProperties) writeProperties(writer, properties, place);
}

function checkedReasonCode(packet: ReasonCodePacket, reasonCode: ReasonCode): ReasonCode {
  if (isReasonCodeOf(packet, reasonCode)) return reasonCode;
  throw new RangeError(`Cannot encode ${packet}: Reason Code "${reasonCode}" may not stand in it`);
}

function returnCodeOf(reasonCode: ReasonCode): number {
  const returnCode = connackReturnCode(reasonCode);
  if (returnCode !== undefined) return returnCode;
  throw new RangeError(
    `Cannot encode connack: MQTT 3.1.1 has no return code for Reason Code "${reasonCode}"`,
  );
}
