/**
 * Messages of a session as records: pages of messages that were queued, and the progress of their delivery.
 *
 * A page holds messages that were queued for one session at once, in order. A message is stored in it, or in a body that
 * other pages may refer to as well.
 *
 * ```text
 * count | sequence (less the one before) | flags | size | ... | length, message  or  body, offset, length
 * ```
 *
 * The progress covers both directions, and is small enough to be written with each commit that changes it:
 *
 * ```text
 * sequence   1 2 3 4 5 6 | 7 8 9 10        nextUnsent is 7
 *            . . 3 . 5 . |     g           3 and 5 are in flight; the others below 7 are completed;
 *                                          9 was completed without being sent; 7, 8 and 10 wait
 * ```
 */

import type { ByteReader } from "../../codec/byte_reader.ts";
import { ByteWriter } from "../../codec/byte_writer.ts";
import { isQoS, type QoS } from "../../codec/packet.ts";
import type { QueuedChange } from "../../protocol/change.ts";
import { PacketIdentifierSet } from "../../protocol/inflight.ts";
import {
  readerOf,
  readFlags,
  readNumber,
  readText,
  skipMore,
  writeNumber,
  writeText,
  written,
} from "./record_fields.ts";

const RETAIN = 0x04;
const HAS_IDENTIFIERS = 0x08;
const HAS_SHARED_FILTER = 0x10;
const IN_BODY = 0x20;

/** Reference to a message that is stored beside the pages. */
export interface BodyReference {
  readonly body: number;
  readonly offset: number;
  readonly length: number;
}

/** One message of a page. */
export interface PageEntry extends Omit<QueuedChange, "kind" | "clientId" | "message" | "packetIdentifier"> {
  /** Size of the message, for limits on memory. */
  readonly size: number;
  readonly content: Uint8Array | BodyReference;
}

export function isReference(content: Uint8Array | BodyReference): content is BodyReference {
  return !(content instanceof Uint8Array);
}

/** Upper bound of an entry's bytes in a page. */
export function entryBytes({ content, subscriptionIdentifiers, sharedFilter }: PageEntry): number {
  return 48 + subscriptionIdentifiers.length * 4 + (sharedFilter?.length ?? 0) * 3 +
    (isReference(content) ? 0 : content.length);
}

/** Encodes a page. @param entries in the order of their sequences */
export function encodePage(entries: readonly PageEntry[]): Uint8Array {
  const writer = new ByteWriter(entries.reduce((sum, entry) => sum + entryBytes(entry), 16));
  writeNumber(writer, entries.length);
  let before = 0;
  for (const entry of entries) {
    writeNumber(writer, entry.sequence - before);
    before = entry.sequence;
    writeEntry(writer, entry);
  }
  return written(writer);
}

/** Decodes the entries in order; throws if the bytes are not a page. */
export function* decodePage(bytes: Uint8Array): Generator<PageEntry, undefined> {
  const reader = readerOf(bytes);
  let sequence = 0;
  for (let left = readNumber(reader); left > 0; left--) {
    sequence += readNumber(reader);
    yield readEntry(reader, sequence);
  }
}

function writeEntry(writer: ByteWriter, entry: PageEntry): void {
  const { qos, retain, subscriptionIdentifiers, sharedFilter, size, content } = entry;
  const isInBody = isReference(content);
  writer.byte(
    qos | (retain ? RETAIN : 0) | (subscriptionIdentifiers.length > 0 ? HAS_IDENTIFIERS : 0) |
      (sharedFilter === undefined ? 0 : HAS_SHARED_FILTER) | (isInBody ? IN_BODY : 0),
  );
  writeNumber(writer, size);
  if (subscriptionIdentifiers.length > 0) {
    writeNumber(writer, subscriptionIdentifiers.length);
    for (const identifier of subscriptionIdentifiers) writeNumber(writer, identifier);
  }
  if (sharedFilter !== undefined) writeText(writer, sharedFilter);
  if (isInBody) {
    writeNumber(writer, content.body);
    writeNumber(writer, content.offset);
    writeNumber(writer, content.length);
  } else {
    writeNumber(writer, content.length);
    writer.raw(content);
  }
}

function readEntry(reader: ByteReader, sequence: number): PageEntry {
  const flags = readFlags(reader, 0x03 | RETAIN | HAS_IDENTIFIERS | HAS_SHARED_FILTER | IN_BODY);
  const size = readNumber(reader);
  const subscriptionIdentifiers: number[] = [];
  if ((flags & HAS_IDENTIFIERS) !== 0) {
    for (let left = readNumber(reader); left > 0; left--) subscriptionIdentifiers.push(readNumber(reader));
  }
  const sharedFilter = (flags & HAS_SHARED_FILTER) !== 0 ? readText(reader) : undefined;
  skipMore(reader, flags);
  const content = (flags & IN_BODY) !== 0
    ? { body: readNumber(reader), offset: readNumber(reader), length: readNumber(reader) }
    : reader.view(readNumber(reader), "A message");
  const qos = readQoS(flags);
  const retain = (flags & RETAIN) !== 0;
  return { sequence, qos, retain, subscriptionIdentifiers, sharedFilter, size, content };
}

function readQoS(flags: number): QoS {
  const qos = flags & 0x03;
  if (!isQoS(qos)) throw new RangeError("Cannot read a message: its QoS is 3");
  return qos;
}

/** A message that was sent and is not completed. */
export interface SentMessage {
  packetIdentifier: number;
  /** Whether PUBREC has arrived. */
  isReceived: boolean;
}

/** Progress, see the picture. */
export class SessionProgress {
  /** No message with this sequence or a larger one has been sent. */
  nextUnsent = 1;
  /** Sequence that no stored message exceeded when this was written. */
  lastSequence = 0;
  /** Messages in flight by sequence, in order. */
  readonly inflight = new Map<number, SentMessage>();
  /** Sequences that were completed without being sent. */
  readonly gone = new Set<number>();
  /** Packet Identifiers of messages from the client that are not released. */
  readonly accepted = new PacketIdentifierSet();

  /** Whether a message that was stored is completed. */
  isCompleted(sequence: number): boolean {
    return sequence < this.nextUnsent ? !this.inflight.has(sequence) : this.gone.has(sequence);
  }

  /**
   * Notes that a message was sent, and with it all earlier ones: a skipped message counts as sent without a Packet
   * Identifier.
   *
   * @param kept sequences of messages that are stored and not completed
   */
  send(sequence: number, packetIdentifier: number | undefined, kept: ReadonlySetLike<number>): SentMessage {
    if (sequence > this.nextUnsent) this.#passOver(sequence, kept);
    if (sequence >= this.nextUnsent) {
      this.inflight.set(sequence, { packetIdentifier: 0, isReceived: false });
      this.nextUnsent = sequence + 1;
    }
    const sent = this.inflight.get(sequence) ?? { packetIdentifier: 0, isReceived: false };
    if (packetIdentifier !== undefined) sent.packetIdentifier = packetIdentifier;
    return sent;
  }

  complete(sequence: number): void {
    if (!this.inflight.delete(sequence) && sequence >= this.nextUnsent) this.gone.add(sequence);
  }

  /** Skips to a sequence. Those between were completed, count as sent, or never existed: sequences may have gaps. */
  #passOver(sequence: number, kept: ReadonlySetLike<number>): void {
    for (const one of this.gone) if (one < sequence) this.gone.delete(one);
    for (const one of between(this.nextUnsent, sequence, kept)) {
      this.inflight.set(one, { packetIdentifier: 0, isReceived: false });
    }
  }

  /** Upper estimate of the bytes of {@linkcode SessionProgress.encode}. */
  get encodedBytes(): number {
    return 32 + this.inflight.size * 5 + this.gone.size * 3 + this.accepted.size * 2;
  }

  encode(): Uint8Array {
    const writer = new ByteWriter(this.encodedBytes);
    writeNumber(writer, this.nextUnsent);
    writeNumber(writer, this.lastSequence);
    writeNumber(writer, this.accepted.size);
    for (const packetIdentifier of this.accepted) writer.uint16(packetIdentifier);
    writeNumber(writer, this.inflight.size);
    let before = 0;
    for (const [sequence, { packetIdentifier, isReceived }] of this.inflight) {
      writeNumber(writer, (sequence - before) * 2 + (isReceived ? 1 : 0));
      writer.uint16(packetIdentifier);
      before = sequence;
    }
    const gone = [...this.gone].sort((a, b) => a - b);
    writeNumber(writer, gone.length);
    before = 0;
    for (const sequence of gone) {
      writeNumber(writer, sequence - before);
      before = sequence;
    }
    return written(writer);
  }

  /** Decodes a progress; what follows in the record is of a later version. */
  static decode(bytes: Uint8Array): SessionProgress {
    const reader = readerOf(bytes);
    const progress = new SessionProgress();
    progress.nextUnsent = readNumber(reader);
    progress.lastSequence = readNumber(reader);
    for (let left = readNumber(reader); left > 0; left--) progress.accepted.add(reader.uint16("Packet Identifier"));
    readInflight(reader, progress);
    let sequence = 0;
    for (let left = readNumber(reader); left > 0; left--) progress.gone.add(sequence += readNumber(reader));
    return progress;
  }
}

function readInflight(reader: ByteReader, { inflight }: SessionProgress): void {
  let sequence = 0;
  for (let left = readNumber(reader); left > 0; left--) {
    const step = readNumber(reader);
    sequence += Math.floor(step / 2);
    inflight.set(sequence, { packetIdentifier: reader.uint16("Packet Identifier"), isReceived: step % 2 === 1 });
  }
}

/** Members of a set from `start` to below `end`, in order, found in the shorter of two ways. */
function between(start: number, end: number, set: ReadonlySetLike<number>): number[] {
  const members: number[] = [];
  if (end - start < set.size) {
    for (let one = start; one < end; one++) if (set.has(one)) members.push(one);
    return members;
  }
  const keys = set.keys();
  for (let next = keys.next(); !next.done; next = keys.next()) {
    if (next.value >= start && next.value < end) members.push(next.value);
  }
  return members.sort((a, b) => a - b);
}
