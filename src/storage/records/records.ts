import type { ByteReader } from "../../codec/byte_reader.ts";
import { ByteWriter } from "../../codec/byte_writer.ts";
import { PacketDecoder } from "../../codec/decoder.ts";
import { isQoS, type Packet, type RetainHandling, type Will } from "../../codec/packet.ts";
import { PacketEncoder } from "../../codec/packet_encoder.ts";
import { NO_PROPERTIES } from "../../codec/property.ts";
import { TopicInterner } from "../../codec/topic_interner.ts";
import type { AccessAttributes } from "../../protocol/access.ts";
import type { ClockChange, RetainedDue, SubscribedChange } from "../../protocol/change.ts";
import { type StoredMessage, storedMessage } from "../../protocol/message.ts";
import type { Subscription } from "../../protocol/subscription.ts";
import { parseTopicFilter } from "../../protocol/topic_filter.ts";
import {
  decodeText,
  HAS_MORE,
  readerOf,
  readFlags,
  readFloat,
  readNumber,
  readOptional,
  readText,
  skipMore,
  TraitsReader,
  writeFloat,
  writeNumber,
  writeOptional,
  writeText,
  writeTraits,
  written,
} from "./record_fields.ts";

/** Records of a storage that stores bytes: a session, a Subscription, a Will, a message, the clock. */

const REMEMBERED_TOPICS = 1024;
const HAS_PUBLISHER = 0x01;
const EXPIRES = 0x02;
/** Missing in records of earlier versions. */
const HAS_SOURCE = 0x04;
const HAS_SEQUENCE = 0x08;
const WILL_IS_DUE = 0x01;
const WILL_HAS_SOURCE = 0x02;
/** Mark of the expiry of a session: other bits of the byte are free. */
const HAS_EXPIRY = 0x01;

/** Fields of a session that have no record of their own. */
export interface SessionRecord {
  readonly clientId: string;
  readonly principal: string | undefined;
  /** Missing in records of earlier versions. */
  readonly network?: string | undefined;
  readonly sessionExpirySeconds: number;
  readonly expiresAtMs: number | undefined;
}

/** The Will of a session, and when it is due. */
export interface WillRecord {
  readonly will: Will;
  readonly publishAtMs: number | undefined;
  readonly source?: AccessAttributes | undefined;
}

/** A Subscription, and the retained messages that are still due to it. */
export type SubscriptionRecord = Pick<SubscribedChange, "subscription" | "retainedDue">;

/** A retained message, the access attributes of its publisher, and its place in the order of arrival. */
export interface RetainedRecord {
  readonly message: StoredMessage;
  readonly source: AccessAttributes | undefined;
  readonly sequence: number | undefined;
}

export function encodeSession(
  { clientId, principal, network, sessionExpirySeconds, expiresAtMs }: SessionRecord,
): Uint8Array {
  const writer = new ByteWriter();
  writeText(writer, clientId);
  writeNumber(writer, sessionExpirySeconds);
  writeOptional(writer, principal, writeText);
  writeOptional(writer, expiresAtMs, writeFloat);
  if (network !== undefined) writeText(writer, network);
  return written(writer);
}

export function decodeSession(bytes: Uint8Array): SessionRecord {
  const reader = readerOf(bytes);
  const clientId = readText(reader);
  const sessionExpirySeconds = readNumber(reader);
  const principal = readOptional(reader, readText);
  const flags = readFlags(reader, HAS_EXPIRY);
  const expiresAtMs = (flags & HAS_EXPIRY) === 0 ? undefined : readFloat(reader);
  skipMore(reader, flags);
  const network = reader.position < bytes.length ? readText(reader) : undefined;
  return { clientId, principal, network, sessionExpirySeconds, expiresAtMs };
}

export function encodeSubscription({ subscription, retainedDue }: SubscriptionRecord): Uint8Array {
  const { filter, qos, noLocal, retainAsPublished, retainHandling, subscriptionIdentifier } = subscription;
  const writer = new ByteWriter();
  // Subscription Options of the wire (MQTT 5, section 3.8.3.1).
  writer.byte(qos | (noLocal ? 0x04 : 0) | (retainAsPublished ? 0x08 : 0) | retainHandling << 4);
  writeNumber(writer, subscriptionIdentifier ?? 0); // [MQTT-3.8.2.1.2]: 0 stands for none.
  writeText(writer, filter.topicFilter);
  // Records of earlier versions end here, and earlier versions read no further.
  if (retainedDue !== undefined) writeRetainedDue(writer, retainedDue);
  return written(writer);
}

export function decodeSubscription(bytes: Uint8Array): SubscriptionRecord {
  const reader = readerOf(bytes);
  const options = reader.byte("Subscription Options");
  const qos = options & 0x03;
  const retainHandling = (options & ~HAS_MORE) >> 4;
  const subscriptionIdentifier = readNumber(reader) || undefined;
  const filter = parseTopicFilter(readText(reader));
  skipMore(reader, options);
  if (!isQoS(qos) || !isRetainHandling(retainHandling) || filter === undefined) {
    throw new RangeError("Cannot read a Subscription: it is none");
  }
  const subscription: Subscription = {
    filter,
    qos,
    noLocal: (options & 0x04) !== 0,
    retainAsPublished: (options & 0x08) !== 0,
    retainHandling,
    subscriptionIdentifier,
  };
  return reader.remaining === 0 ? { subscription } : { subscription, retainedDue: readRetainedDue(reader) };
}

function writeRetainedDue(writer: ByteWriter, { after, until, passes, passesUntil }: RetainedDue): void {
  writeText(writer, after);
  writeNumber(writer, until);
  writeNumber(writer, passes);
  writeNumber(writer, passesUntil);
}

function readRetainedDue(reader: ByteReader): RetainedDue {
  const after = readText(reader);
  const until = readNumber(reader);
  const passes = readNumber(reader);
  return { after, until, passes, passesUntil: readNumber(reader) };
}

export function encodeClock({ nowMs, wallMs, uptimeMs, bootId }: ClockChange): Uint8Array {
  const writer = new ByteWriter();
  writeFloat(writer, nowMs);
  writeFloat(writer, wallMs);
  writeOptional(writer, uptimeMs, writeFloat);
  writeOptional(writer, bootId, writeText);
  return written(writer);
}

/** Decodes the clock; what follows in the record is of a later version, as with a {@linkcode SessionProgress}. */
export function decodeClock(bytes: Uint8Array): ClockChange {
  const reader = readerOf(bytes);
  const [nowMs, wallMs] = [readFloat(reader), readFloat(reader)];
  const uptimeMs = readOptional(reader, readFloat);
  return { kind: "clock", nowMs, wallMs, uptimeMs, bootId: readOptional(reader, readText) };
}

/** Encodes and decodes messages and Wills as packets of MQTT 5. */
export class MessageRecords {
  readonly #topics = new TopicInterner(REMEMBERED_TOPICS);
  readonly #writer = new ByteWriter();
  readonly #encoder = new PacketEncoder({ protocolVersion: 5, topics: this.#topics });
  /** Publisher that was read last: mostly that of the next message too. */
  #publisher: { readonly bytes: Uint8Array; readonly text: string } = { bytes: new Uint8Array(), text: "" };
  readonly #traits = new TraitsReader();
  /** Decoder for all messages: each is a whole packet. */
  #decoder = this.#newDecoder();

  write(
    writer: ByteWriter,
    { topic, payload, qos, retain, properties, publisher, expiresAtMs }: StoredMessage,
    source?: AccessAttributes,
    sequence?: number,
  ): void {
    const packetIdentifier = qos > 0 ? 1 : 0; // The message has none, but QoS 1 and 2 need one on the wire.
    writer.byte(
      (publisher === undefined ? 0 : HAS_PUBLISHER) | (expiresAtMs === Infinity ? 0 : EXPIRES) |
        (source === undefined ? 0 : HAS_SOURCE) | (sequence === undefined ? 0 : HAS_SEQUENCE),
    );
    if (publisher !== undefined) writeText(writer, publisher);
    if (expiresAtMs !== Infinity) writeFloat(writer, expiresAtMs);
    if (source !== undefined) writeTraits(writer, source);
    if (sequence !== undefined) writeNumber(writer, sequence);
    writer.raw(
      this.#encoder.encode({ type: "publish", dup: false, qos, retain, topic, packetIdentifier, properties, payload }),
    );
  }

  /** Encodes a message: a view that must not be written to. */
  encode(message: StoredMessage, source?: AccessAttributes, sequence?: number): Uint8Array {
    const writer = this.#writer;
    writer.begin(message.size);
    this.write(writer, message, source, sequence);
    return writer.bytes.subarray(writer.start, writer.position);
  }

  /** Decodes a message with views on the bytes: those of a page are read and dropped together. */
  decode(bytes: Uint8Array): StoredMessage {
    return this.decodeRetained(bytes).message;
  }

  decodeRetained(bytes: Uint8Array): RetainedRecord {
    const reader = readerOf(bytes);
    const flags = readFlags(reader, HAS_PUBLISHER | EXPIRES | HAS_SOURCE | HAS_SEQUENCE);
    const publisher = (flags & HAS_PUBLISHER) === 0 ? undefined : this.#readPublisher(reader);
    const expiresAtMs = (flags & EXPIRES) === 0 ? Infinity : readFloat(reader);
    const source = (flags & HAS_SOURCE) === 0 ? undefined : this.#traits.read(reader);
    const sequence = (flags & HAS_SEQUENCE) === 0 ? undefined : readNumber(reader);
    skipMore(reader, flags);
    const packet = this.#packet(bytes.subarray(reader.position));
    if (packet.type !== "publish") throw new RangeError("Cannot read a message: it is no PUBLISH");
    return { message: storedMessage(packet, publisher, expiresAtMs), source, sequence };
  }

  /** Encodes a Will as a CONNECT, the only packet that contains one. */
  encodeWill({ will, publishAtMs, source }: WillRecord): Uint8Array {
    const writer = new ByteWriter();
    writer.byte((publishAtMs === undefined ? 0 : WILL_IS_DUE) | (source === undefined ? 0 : WILL_HAS_SOURCE));
    if (publishAtMs !== undefined) writeFloat(writer, publishAtMs);
    if (source !== undefined) writeTraits(writer, source);
    writer.raw(this.#encoder.encode({
      type: "connect",
      protocolVersion: 5,
      isBridge: false,
      cleanStart: false,
      keepAliveSeconds: 0,
      clientId: "",
      will,
      userName: undefined,
      password: undefined,
      properties: NO_PROPERTIES,
    }));
    return written(writer);
  }

  decodeWill(bytes: Uint8Array): WillRecord {
    const reader = readerOf(bytes);
    const flags = readFlags(reader, WILL_IS_DUE | WILL_HAS_SOURCE);
    const publishAtMs = (flags & WILL_IS_DUE) === 0 ? undefined : readFloat(reader);
    const source = (flags & WILL_HAS_SOURCE) === 0 ? undefined : this.#traits.read(reader);
    skipMore(reader, flags);
    // Copied: the Will keeps views on its bytes.
    const packet = this.#packet(bytes.slice(reader.position));
    if (packet.type !== "connect" || packet.will === undefined) throw new RangeError("Cannot read a Will: it is none");
    return { will: packet.will, publishAtMs, source };
  }

  #readPublisher(reader: ByteReader): string {
    const view = reader.view(readNumber(reader), "A publisher");
    const { bytes } = this.#publisher;
    const isSame = view.length === bytes.length && view.every((byte, index) => byte === bytes[index]);
    if (!isSame) this.#publisher = { bytes: view.slice(), text: decodeText(view) };
    return this.#publisher.text;
  }

  #packet(bytes: Uint8Array): Packet {
    const [packet] = this.#decoder.decode(bytes);
    if (packet !== undefined && packet.type !== "malformed") return packet;
    this.#decoder = this.#newDecoder(); // Drops what it holds of a cut packet.
    throw packet?.error ?? new RangeError("Cannot read a packet: it is cut");
  }

  #newDecoder(): PacketDecoder {
    return new PacketDecoder({ protocolVersion: 5, topics: this.#topics });
  }
}

function isRetainHandling(value: number): value is RetainHandling {
  return value <= 2;
}
