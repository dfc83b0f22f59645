/**
 * Bytes to packets and back: the packets of MQTT 3.1, 3.1.1 and 5 as values, a decoder and an encoder, and both as
 * `TransformStream`s. It needs nothing of a broker, of Deno or of Node.js.
 *
 * @example
 * ```ts
 * import { PacketDecoder, PacketEncoder } from "@brooklet/brooklet/codec";
 *
 * const encoder = new PacketEncoder({ protocolVersion: 5 });
 * const frame = encoder.encode({ type: "puback", packetIdentifier: 7, reasonCode: 0, properties: {} });
 * const decoder = new PacketDecoder({ protocolVersion: 5 });
 * console.log(decoder.decode(frame)); // One "puback" with the Packet Identifier 7.
 * ```
 *
 * @module
 */

export type { ByteSource, DecodeLarge } from "./batch_stream.ts";
export {
  LARGEST_PACKET_BYTES,
  type Malformed,
  type PacketBatch,
  PacketDecoder,
  type PacketDecoderOptions,
} from "./decoder.ts";
export { encodePacket, type Frame } from "./encoder.ts";
export { MqttError } from "./mqtt_error.ts";
export type {
  Acknowledgement,
  AuthPacket,
  ConnackPacket,
  ConnectPacket,
  DisconnectPacket,
  Packet,
  PacketType,
  PingreqPacket,
  PingrespPacket,
  ProtocolVersion,
  PubackPacket,
  PubcompPacket,
  PublishPacket,
  PubrecPacket,
  PubrelPacket,
  QoS,
  RetainHandling,
  SubackPacket,
  SubscribeEntry,
  SubscribePacket,
  UnsubackPacket,
  UnsubscribePacket,
  Will,
} from "./packet.ts";
export { PacketDecoderStream, type PacketDecoderStreamOptions } from "./packet_decoder_stream.ts";
export { PacketEncoder, type PacketEncoderOptions } from "./packet_encoder.ts";
export { PacketEncoderStream } from "./packet_encoder_stream.ts";
export { NO_PROPERTIES, type Properties, type UserProperty } from "./property.ts";
export { ReasonCode, reasonCodeName } from "./reason_code.ts";
export { TopicInterner } from "./topic_interner.ts";
