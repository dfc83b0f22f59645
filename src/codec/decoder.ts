/**
 * Decodes bytes to packets, however the input is cut.
 *
 * ```text
 * chunk      | 30 05 00 01 61 68 69 | c0 00 | 30 05 00        rest: kept until the packet is complete
 * batch      | PUBLISH a "hi"       | PINGREQ |
 * ```
 */

import { ByteReader } from "./byte_reader.ts";
import { readProtocol } from "./connect_body.ts";
import { fixedHeaderBytes, remainingLengthOf } from "./fixed_header.ts";
import { malformed, MqttError, protocolError } from "./mqtt_error.ts";
import { type Packet, PacketType, type ProtocolVersion, type QoS } from "./packet.ts";
import { type OtherPacketType, readPacketBody } from "./packet_body.ts";
import { NO_PROPERTIES, type Properties } from "./property.ts";
import { readProperties } from "./properties_codec.ts";
import { ReasonCode } from "./reason_code.ts";
import { TopicInterner } from "./topic_interner.ts";

/** Malformed input in place of a packet: nothing can be decoded after it. */
export interface Malformed {
  /** Always `malformed`, which no packet has. */
  readonly type: "malformed";
  /** Violation of the specification: Reason Code and clause. */
  readonly error: MqttError;
  /** Version of the peer as far as it is known: a CONNECT may state it and have an error after it. */
  readonly protocolVersion: ProtocolVersion | undefined;
  /** The first bytes of the packet, at most 16, for logs. */
  readonly firstBytes: Uint8Array;
}

/** Packets in the order of the wire; a {@linkcode Malformed} can only be the last item. */
export type PacketBatch = readonly (Packet | Malformed)[];

/** Options of {@linkcode PacketDecoder}. */
export interface PacketDecoderOptions {
  /**
   * Largest packet that is accepted, in bytes, including its fixed header; a larger one is an error with Reason Code
   * 0x95 as soon as its length is known (MQTT 5, section 3.1.2.11.4 and 3.2.2.3.6).
   *
   * @default {268_435_460} the largest possible packet
   */
  readonly maximumPacketBytes?: number;
  /**
   * Largest CONNECT that is accepted, in bytes: its sender is not known yet.
   *
   * @default {maximumPacketBytes}
   */
  readonly maximumConnectBytes?: number;
  /**
   * Version of the packets. Without it the first packet must be CONNECT, which states the version of all that follow.
   */
  readonly protocolVersion?: ProtocolVersion;
  /** Topics that were seen before; many decoders may share one. By default each decoder has a small one of its own. */
  readonly topics?: TopicInterner;
}

/** Largest possible packet: fixed header of five bytes and Remaining Length 268,435,455 (section 2.1.4). */
export const LARGEST_PACKET_BYTES = 268_435_460;

const PACKET_TYPES: readonly (PacketType | undefined)[] = Array.from(
  { length: 16 },
  // Object.keys of a constant gives its keys.
  (_, number) => (Object.keys(PacketType) as PacketType[]).find((type) => PacketType[type] === number),
);
const MOST_FIRST_BYTES = 16;
// A peer that fills chunks of this size sends without a pause: only then room is made, and only for a large packet.
const FLOOD_CHUNK_BYTES = 65_536;
const LARGE_PACKET_BYTES = 16_384;
const ROOM_BYTES = 196_608;
const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * Decodes MQTT Control Packets of one Network Connection, one direction.
 *
 * @example
 * ```ts
 * import { PacketDecoder } from "@brooklet/brooklet/codec";
 *
 * const decoder = new PacketDecoder({ protocolVersion: 4 });
 * const batch = decoder.decode(new Uint8Array([0xc0, 0x00])); // PINGREQ
 * console.log(batch[0]?.type);
 * ```
 */
export class PacketDecoder {
  readonly #maximumPacketBytes: number;
  readonly #maximumConnectBytes: number;
  readonly #topics: TopicInterner;
  #version: ProtocolVersion | undefined;
  /** Incomplete packet: its bytes so far, and its size as far as it is known. */
  #partial: Uint8Array = NOTHING;
  #partialBytes = 0;
  #isFlooded = false;
  /** Free part of our own buffer after the incomplete packet. */
  #room: Uint8Array = NOTHING;
  #hasFailed = false;
  /** Start of the packet that is being decoded, and the bytes that it is in. */
  #current: Uint8Array = NOTHING;
  #currentStart = 0;

  /** Throws RangeError for a `maximumPacketBytes` that is not an integer between 2 and 268,435,460. */
  constructor(options: PacketDecoderOptions = {}) {
    const { maximumPacketBytes = LARGEST_PACKET_BYTES } = options;
    if (
      !(Number.isInteger(maximumPacketBytes) && maximumPacketBytes >= 2 &&
        maximumPacketBytes <= LARGEST_PACKET_BYTES)
    ) {
      throw new RangeError(
        `Cannot set maximumPacketBytes: "${maximumPacketBytes}" is not an integer between 2 and ${LARGEST_PACKET_BYTES}`,
      );
    }
    this.#maximumPacketBytes = maximumPacketBytes;
    this.#maximumConnectBytes = Math.min(maximumPacketBytes, options.maximumConnectBytes ?? maximumPacketBytes);
    this.#topics = options.topics ?? new TopicInterner(64);
    this.#version = options.protocolVersion;
  }

  /** Version of the packets, once it is known. */
  get protocolVersion(): ProtocolVersion | undefined {
    return this.#version;
  }

  /** Whether an incomplete packet is kept. */
  get isWithinPacket(): boolean {
    return this.#partialBytes > 0;
  }

  /** Bytes of the incomplete packet that have come; 0 where there is none. */
  get partialBytes(): number {
    return this.#partialBytes;
  }

  /** The bytes of the incomplete packet that have come: a view, which the next chunk changes. */
  get partial(): Uint8Array {
    return this.#partial.subarray(0, this.#partialBytes);
  }

  /**
   * Buffer to read the next bytes into, from its beginning: a large packet, and packets after it, then need not be
   * copied together. `undefined` if it makes no difference.
   */
  get room(): Uint8Array | undefined {
    const bytes = this.#partialBytes;
    if (bytes === 0 || !this.#isFlooded) return undefined;
    if (this.#room.length >= LARGE_PACKET_BYTES) return this.#room;
    const headerBytes = fixedHeaderBytes(this.#partial, 0, bytes);
    if (headerBytes === undefined) return undefined;
    const packetBytes = headerBytes + remainingLengthOf(this.#partial, 0, headerBytes);
    if (packetBytes < LARGE_PACKET_BYTES) return undefined;
    // Grows with the bytes that arrive, as in #gather.
    const buffer = new Uint8Array(Math.min(packetBytes, bytes * 2) + ROOM_BYTES);
    buffer.set(this.#partial.subarray(0, bytes));
    this.#partial = buffer.subarray(0, bytes);
    return this.#room = buffer.subarray(bytes);
  }

  /**
   * Decodes all packets that are complete with this chunk. Never throws; after a {@linkcode Malformed} all batches are
   * empty. Payloads are views on the chunk: it must not be written to afterwards.
   */
  decode(bytes: Uint8Array): PacketBatch {
    const batch: (Packet | Malformed)[] = [];
    if (this.#hasFailed) return batch;
    try {
      const chunk = this.#partialBytes > 0 ? this.#behindPartial(bytes) : bytes;
      let position = 0;
      while (this.#partialBytes > 0 && position < chunk.length) {
        position += this.#gather(chunk, position, batch);
      }
      position = this.#decodeWhole(chunk, position, batch);
      if (position < chunk.length) this.#keep(chunk, position);
      else if (this.#partialBytes === 0) this.#room = NOTHING;
      this.#current = NOTHING; // A silent connection should hold little memory.
    } catch (error) {
      if (!(error instanceof MqttError)) throw error;
      const start = this.#currentStart;
      const firstBytes = this.#current.slice(start, start + MOST_FIRST_BYTES);
      this.#hasFailed = true;
      this.#partial = this.#room = NOTHING;
      this.#partialBytes = 0;
      this.#current = NOTHING;
      batch.push({ type: "malformed", error, protocolVersion: this.#version, firstBytes });
    }
    return batch;
  }

  /** Decodes all packets that are complete in the chunk; returns the position of the first that is not. */
  #decodeWhole(
    chunk: Uint8Array,
    from: number,
    batch: (Packet | Malformed)[],
  ): number {
    const end = chunk.length;
    let position = from;
    this.#current = chunk;
    while (end - position >= 2) {
      this.#currentStart = position;
      // Both indexes are below end.
      const firstByte = chunk[position] as number;
      let remainingLength = chunk[position + 1] as number;
      let bodyStart = position + 2;
      if (remainingLength > 0x7f) {
        const headerBytes = fixedHeaderBytes(chunk, position, end);
        if (headerBytes === undefined) return position;
        bodyStart = position + headerBytes;
        remainingLength = remainingLengthOf(chunk, position, headerBytes);
      }
      const packetEnd = bodyStart + remainingLength;
      const maximumBytes = this.#version === undefined ? this.#maximumConnectBytes : this.#maximumPacketBytes;
      if (packetEnd - position > maximumBytes) {
        if (firstByte >> 4 === PacketType.connect) this.#version ??= levelOf(chunk, bodyStart, end); // To answer the client.
        throw tooLarge(packetEnd - position, maximumBytes);
      }
      if (packetEnd > end) {
        this.#check(firstByte); // Checks the first byte before the rest has arrived.
        return position;
      }
      const type = this.#check(firstByte);
      batch.push(
        type === "publish"
          ? this.#publish(chunk, position, bodyStart, packetEnd)
          : this.#other(type, firstByte, chunk, bodyStart, packetEnd),
      );
      position = packetEnd;
    }
    return position;
  }

  #publish(
    bytes: Uint8Array,
    start: number,
    bodyStart: number,
    end: number,
  ): Packet {
    const version = this.#version;
    const firstByte = bytes[start] as number; // The packet is complete.
    const qos = firstByte >> 1 & 0x03;
    const dup = (firstByte & 0x08) !== 0;
    if (qos === 3) throw malformed("PUBLISH has QoS 3", "MQTT-3.3.1-4");
    if (dup && qos === 0) {
      throw malformed("PUBLISH has DUP with QoS 0", "MQTT-3.3.1-2");
    }
    const topicStart = bodyStart + 2;
    // Both bytes are below end when the first comparison fails.
    const topicEnd = topicStart > end
      ? Infinity
      : topicStart + ((bytes[bodyStart] as number) << 8 | (bytes[bodyStart + 1] as number));
    if (topicEnd > end) {
      throw malformed(
        "The Topic Name reaches beyond the end of the packet",
        "MQTT-3.3.2-1",
      );
    }
    const topic = topicEnd === topicStart ? "" : this.#topics.topic(bytes, topicStart, topicEnd);
    let position = topicEnd;
    let packetIdentifier = 0;
    if (qos > 0) {
      position += 2;
      if (position > end) {
        throw malformed("PUBLISH has no Packet Identifier", "MQTT-2.3.1-1");
      }
      packetIdentifier = (bytes[topicEnd] as number) << 8 |
        (bytes[topicEnd + 1] as number); // Below end.
      if (packetIdentifier === 0) {
        throw protocolError("The Packet Identifier is 0", "MQTT-2.3.1-1");
      }
    }
    let properties: Properties = NO_PROPERTIES;
    if (version === 5) {
      if (position < end && bytes[position] === 0) {
        position += 1; // No properties: avoids a reader.
      } else {
        const reader = new ByteReader(bytes, position, end);
        properties = readProperties(reader, "publish");
        position = reader.position;
      }
    }
    if (topic === "" && properties.topicAlias === undefined) {
      throw version === 5
        ? protocolError(
          "PUBLISH has neither a Topic Name nor a Topic Alias",
          "MQTT 3.3.2.1",
        )
        : malformed("The Topic Name is empty", "MQTT-4.7.3-1");
    }
    return {
      type: "publish",
      dup,
      qos: qos as QoS, // 3 was refused above.
      retain: (firstByte & 0x01) !== 0,
      topic,
      packetIdentifier,
      properties,
      // Not subarray, which takes 1.5 times as long and would give the subclass of a chunk that is a Buffer.
      payload: new Uint8Array(bytes.buffer, bytes.byteOffset + position, end - position),
      wireBytes: end - start,
    };
  }

  #other(
    type: OtherPacketType,
    firstByte: number,
    bytes: Uint8Array,
    bodyStart: number,
    end: number,
  ): Packet {
    if (this.#version === undefined) { // CONNECT
      this.#version = readProtocol(new ByteReader(bytes, bodyStart, end)).protocolVersion;
      this.#checkFlags(type, firstByte);
    }
    return readPacketBody(type, new ByteReader(bytes, bodyStart, end), this.#version ?? 4);
  }

  /** Type of a packet; throws if the type or its flags are not allowed. The flags of PUBLISH are checked elsewhere. */
  #check(firstByte: number): PacketType {
    const type = PACKET_TYPES[firstByte >> 4];
    if (this.#version === undefined && type !== "connect") {
      throw protocolError("The first packet is not CONNECT", "MQTT-3.1.0-1");
    }
    if (type === "publish") return type;
    if (type === undefined || (type === "auth" && this.#version !== 5)) {
      throw malformed(
        `Packet type ${firstByte >> 4} is reserved`,
        "MQTT-2.1.3-1",
      );
    }
    if (this.#version !== undefined) this.#checkFlags(type, firstByte); // CONNECT says its version itself.
    return type;
  }

  #checkFlags(type: OtherPacketType, firstByte: number): void {
    const hasQosFlag = type === "pubrel" || type === "subscribe" || type === "unsubscribe";
    // MQTT 3.1, section 2.1: DUP marks these as repeated, and no other bit is used. Later versions reserve them all, to
    // stay 0. [MQTT-2.2.2-1] of 3.1.1
    const mask = this.#version !== 3 ? 0b1111 : hasQosFlag ? 0b0110 : 0b0000;
    if ((firstByte & mask) !== (hasQosFlag ? 0b0010 : 0b0000)) {
      throw malformed(
        `Flags of ${type.toUpperCase()} are wrong`,
        "MQTT-2.1.3-1",
      );
    }
  }

  /** Incomplete packet and chunk as one array, if they are adjacent: nothing needs to be copied then. */
  #behindPartial(chunk: Uint8Array): Uint8Array {
    const { buffer, byteOffset } = this.#partial;
    const bytes = this.#partialBytes;
    if (chunk.buffer !== buffer || chunk.byteOffset !== byteOffset + bytes) return chunk;
    this.#room = this.#room.subarray(chunk.length);
    this.#partial = NOTHING;
    this.#partialBytes = 0;
    return new Uint8Array(buffer, byteOffset, bytes + chunk.length);
  }

  /** Keeps the beginning of a packet. The buffer grows with arriving bytes: a claimed length reserves nothing. */
  #keep(chunk: Uint8Array, position: number): void {
    const rest = chunk.subarray(position);
    const chunkBufferBytes = chunk.buffer.byteLength;
    this.#isFlooded = chunkBufferBytes >= FLOOD_CHUNK_BYTES;
    if (this.#room.buffer !== chunk.buffer || this.#room.length < LARGE_PACKET_BYTES) this.#room = NOTHING;
    // A view keeps the chunk's whole buffer alive, so it is used only if the packet fills most of it, or if more of the
    // packet is read right after it; otherwise the bytes are copied.
    const isView = this.#room.length > 0 || rest.length * 2 >= chunkBufferBytes;
    this.#partial = isView ? rest : rest.slice();
    this.#partialBytes = rest.length;
  }

  /** Completes the kept packet from the chunk, and decodes it when complete; returns the number of bytes taken. */
  #gather(
    chunk: Uint8Array,
    position: number,
    batch: (Packet | Malformed)[],
  ): number {
    const headerBytes = fixedHeaderBytes(this.#partial, 0, this.#partialBytes);
    // Without a complete header one byte is taken at a time, five times at most.
    const packetBytes = headerBytes === undefined
      ? this.#partialBytes + 1
      : headerBytes + remainingLengthOf(this.#partial, 0, headerBytes);
    const taken = Math.min(
      packetBytes - this.#partialBytes,
      chunk.length - position,
    );
    this.#room = NOTHING; // The bytes were read into another buffer.
    // Applies also to a view on a chunk, which has no room after it.
    if (this.#partialBytes + taken > this.#partial.length) {
      const grown = new Uint8Array(
        Math.max(16, Math.min(packetBytes, (this.#partialBytes + taken) * 2)),
      );
      grown.set(this.#partial.subarray(0, this.#partialBytes));
      this.#partial = grown;
    }
    this.#partial.set(
      chunk.subarray(position, position + taken),
      this.#partialBytes,
    );
    this.#partialBytes += taken;
    // Also checks the known part of a packet that is still incomplete.
    const whole = this.#partial.subarray(0, this.#partialBytes);
    if (this.#decodeWhole(whole, 0, batch) > 0) {
      this.#partial = NOTHING;
      this.#partialBytes = 0;
    }
    return taken;
  }
}

/** Version of a CONNECT that may be incomplete. */
function levelOf(bytes: Uint8Array, bodyStart: number, end: number): ProtocolVersion | undefined {
  try {
    return readProtocol(new ByteReader(bytes, bodyStart, end)).protocolVersion;
  } catch {
    return undefined; // It is missing or unknown.
  }
}

function tooLarge(packetBytes: number, maximumBytes: number): MqttError {
  return new MqttError(
    `A packet has ${packetBytes} bytes, at most ${maximumBytes} are accepted`,
    ReasonCode.PacketTooLarge,
    "MQTT-3.2.2-15",
  );
}
