import type { Frame } from "../codec/encoder.ts";
import { PacketEncoder } from "../codec/packet_encoder.ts";
import type { ProtocolVersion, PublishPacket, QoS } from "../codec/packet.ts";
import { NO_PROPERTIES, type Properties } from "../codec/property.ts";
import type { ReasonCode } from "../codec/reason_code.ts";
import type { TopicInterner } from "../codec/topic_interner.ts";

const OBJECT_BYTES = 64;

/** An Application Message as a storage keeps it and gives it back. */
export interface StoredMessage {
  /** Topic Name. */
  readonly topic: string;
  /** Payload; it is not written to. */
  readonly payload: Uint8Array;
  /** QoS that it was published with. */
  readonly qos: QoS;
  /** RETAIN as it was published. */
  readonly retain: boolean;
  /** Properties that are passed on: neither Topic Alias nor Subscription Identifiers. */
  readonly properties: Properties;
  /** Client Identifier of the publisher, for No Local; `undefined` for a message of the broker's own process. */
  readonly publisher: string | undefined;
  /** Time at which it expires (MQTT 5, section 3.3.2.3.3), in milliseconds of the broker's own time; Infinity: never. */
  readonly expiresAtMs: number;
  /** Size for limits on memory, in bytes. */
  readonly size: number;
}

/** Trace of a message through the broker, see {@linkcode Broker.traceMessages}. What it throws is ignored. */
export interface MessageTrace {
  /**
   * The message was routed, and the storage has what must be kept of it, or it was refused.
   *
   * @param reasonCode answer to its publisher: `NoMatchingSubscribers` if there are none
   * @param error error of the storage, if that could not keep it
   */
  published(reasonCode: ReasonCode, error?: unknown): void;
  /**
   * The message is on its way to a subscriber: at once, or after it has waited in memory. Messages that are read back from a
   * storage have no trace any more.
   *
   * @param clientId `undefined`: a reader in the broker's own process
   */
  delivered(clientId: string | undefined, qos: QoS): void;
}

/** Makes a message of what a storage has kept of it; see {@linkcode StoredMessage}. */
export function storedMessage(
  packet: Pick<StoredMessage, "topic" | "payload" | "qos" | "retain" | "properties">,
  publisher: string | undefined,
  expiresAtMs: number,
): StoredMessage {
  return ApplicationMessage.restored(packet, publisher, expiresAtMs);
}

/** An Application Message in the broker: what was published, and the bytes that go out for it. */
export class ApplicationMessage implements StoredMessage {
  /** Topic Name, resolved if the PUBLISH had a Topic Alias. */
  readonly topic: string;
  /** Payload; see {@linkcode ApplicationMessage.own}. */
  payload: Uint8Array;
  /** QoS that it was published with. */
  readonly qos: QoS;
  /** RETAIN as it was published. */
  readonly retain: boolean;
  /** Properties that are passed on: neither Topic Alias nor Subscription Identifiers. */
  properties: Properties;
  #size: number | undefined;
  /** Client Identifier of the publisher, for No Local; `undefined` for a message of the broker's own process. */
  readonly publisher: string | undefined;
  /** Whether it goes to more than one subscriber, so that a frame for all of them is worth its memory. */
  isShared = false;
  /** Number of sessions that it waits for in memory; only `Backlog` sets it. */
  waiting = 0;
  /** Told where it goes; `undefined`: nobody looks at it. */
  trace: MessageTrace | undefined;
  /** Time at which it expires (MQTT 5, section 3.3.2.3.3); Infinity: never. */
  readonly expiresAtMs: number;
  /** Length of the PUBLISH it came in, if that can go out as it is, with QoS 0 and no RETAIN; 0: it cannot. */
  #wireBytes = 0;
  #wireVersion: ProtocolVersion = 4;
  #wireFrame: WireFrame | undefined;
  /** Encoded once for each version, QoS and RETAIN. */
  #frames: (Frame | undefined)[] | undefined;

  /** Takes a message over at the time `nowMs`, from which its Message Expiry Interval counts. */
  constructor(
    packet: Pick<PublishPacket, "topic" | "payload" | "qos" | "retain" | "properties">,
    publisher: string | undefined,
    nowMs: number,
  ) {
    this.topic = packet.topic;
    this.payload = packet.payload;
    this.qos = packet.qos;
    this.retain = packet.retain;
    this.properties = packet.properties;
    this.publisher = publisher;
    const expirySeconds = packet.properties.messageExpiryInterval;
    this.expiresAtMs = expirySeconds === undefined ? Infinity : nowMs + expirySeconds * 1000;
  }

  /** From a PUBLISH of a client whose Topic Alias was resolved. Keeps a view on its bytes: see {@linkcode own}. */
  static fromPacket(
    packet: PublishPacket,
    topic: string,
    version: ProtocolVersion,
    publisher: string,
    nowMs: number,
  ): ApplicationMessage {
    if (packet.properties === NO_PROPERTIES) {
      const message = new ApplicationMessage(packet, publisher, nowMs);
      if (packet.qos === 0 && !packet.retain && packet.wireBytes !== undefined) {
        message.#wireBytes = packet.wireBytes;
        message.#wireVersion = version;
      }
      return message;
    }
    // A Topic Alias is between the client and this broker. [MQTT-3.3.2-7]
    const { topicAlias: _, ...properties } = packet.properties;
    const { qos, retain, payload } = packet;
    return new ApplicationMessage({ topic, payload, qos, retain, properties }, publisher, nowMs);
  }

  /** Message that comes back from a storage. @param expiresAtMs as {@linkcode ApplicationMessage.expiresAtMs} was */
  static restored(
    packet: Pick<PublishPacket, "topic" | "payload" | "qos" | "retain" | "properties">,
    publisher: string | undefined,
    expiresAtMs: number,
  ): ApplicationMessage {
    const expirySeconds = packet.properties.messageExpiryInterval ?? 0; // Infinity needs none.
    return new ApplicationMessage(packet, publisher, expiresAtMs - expirySeconds * 1000);
  }

  /** The same message, or one like it where a storage has made its own. */
  static of(stored: StoredMessage): ApplicationMessage {
    return stored instanceof ApplicationMessage
      ? stored
      : ApplicationMessage.restored(stored, stored.publisher, stored.expiresAtMs);
  }

  /** Size for limits on memory, in bytes. */
  get size(): number {
    return this.#size ??= this.payload.length + this.topic.length + propertiesSize(this.properties);
  }

  /** Makes its bytes its own, to be kept beyond the batch: a small view would hold the whole chunk. */
  own(): this {
    const { correlationData } = this.properties;
    if (correlationData !== undefined && correlationData.length < correlationData.buffer.byteLength) {
      this.properties = { ...this.properties, correlationData: correlationData.slice() };
    }
    if (this.payload.length * 2 < this.payload.buffer.byteLength) {
      this.payload = this.payload.slice();
      this.#wireBytes = 0;
      this.#wireFrame = undefined;
      this.#frames = undefined;
    }
    return this;
  }

  /**
   * The bytes of the PUBLISH it came in, where these are what goes out with QoS 0 to a client of this version. Frames of
   * one chunk lie side by side.
   */
  wireFrame(version: ProtocolVersion): WireFrame | undefined {
    if (this.#wireBytes === 0 || (this.#wireVersion === 5) !== (version === 5)) return undefined;
    if (this.#wireFrame === undefined) {
      const { buffer, byteOffset, byteLength } = this.payload;
      const end = byteOffset + byteLength; // The payload is the last part of the packet.
      this.#wireFrame = { buffer, start: end - this.#wireBytes, end };
    }
    return this.#wireFrame;
  }

  /** PUBLISH as it goes to all clients of a version with this QoS and RETAIN; its Packet Identifier is still to be set. */
  frame(encoders: FrameEncoders, version: ProtocolVersion, qos: QoS, retain: boolean, nowMs: number): Frame {
    // It changes with the time: not kept.
    if (this.expiresAtMs !== Infinity && version === 5) {
      return encoders.encode(this.packet(qos, retain, nowMs), version);
    }
    const index = (version === 5 ? 6 : 0) + qos * 2 + (retain ? 1 : 0);
    this.#frames ??= new Array(12).fill(undefined);
    return this.#frames[index] ??= encoders.encode(this.packet(qos, retain, nowMs), version);
  }

  /** PUBLISH for a subscriber; its Packet Identifier is a placeholder. */
  packet(qos: QoS, retain: boolean, nowMs: number): PublishPacket {
    return {
      type: "publish",
      dup: false,
      qos,
      retain,
      topic: this.topic,
      packetIdentifier: qos > 0 ? 1 : 0,
      properties: this.outgoingProperties(nowMs),
      payload: this.payload,
    };
  }

  /** Properties as they go out now, Message Expiry Interval reduced by the time it waited. [MQTT-3.3.2-6] */
  outgoingProperties(nowMs: number): Properties {
    if (this.expiresAtMs === Infinity) return this.properties;
    const messageExpiryInterval = Math.max(0, Math.ceil((this.expiresAtMs - nowMs) / 1000));
    return { ...this.properties, messageExpiryInterval };
  }
}

/** Bytes in a buffer that others share. */
export interface WireFrame {
  readonly buffer: ArrayBufferLike;
  readonly start: number;
  readonly end: number;
}

/** Encoders of frames that many connections share: frames lie side by side in their buffers. */
export class FrameEncoders {
  readonly #v4: PacketEncoder; // PUBLISH of 3.1 is the same.
  readonly #v5: PacketEncoder;

  constructor(topics: TopicInterner) {
    this.#v4 = new PacketEncoder({ protocolVersion: 4, topics });
    this.#v5 = new PacketEncoder({ protocolVersion: 5, topics });
  }

  encode(packet: PublishPacket, version: ProtocolVersion): Frame {
    return (version === 5 ? this.#v5 : this.#v4).encode(packet);
  }
}

/** Offset of the Packet Identifier in a PUBLISH with QoS 1 or 2. */
export function packetIdentifierOffset(frame: Frame): number {
  let topicLength = 2;
  while ((frame[topicLength - 1] as number) > 0x7f) topicLength += 1; // After the Remaining Length.
  return topicLength + 2 + ((frame[topicLength] as number) << 8 | (frame[topicLength + 1] as number));
}

/** Bytes that properties hold, about: an object has its price, and a text up to two bytes a character. */
export function propertiesSize(properties: Properties): number {
  if (Object.keys(properties).length === 0) return 0;
  const { contentType = "", responseTopic = "", correlationData, userProperties = [] } = properties;
  let size = OBJECT_BYTES + contentType.length + responseTopic.length + (correlationData?.length ?? 0);
  for (const [name, value] of userProperties) size += OBJECT_BYTES + name.length + value.length;
  return size;
}
