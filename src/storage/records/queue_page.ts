import type { ByteReader } from "../../codec/byte_reader.ts";
import { ByteWriter } from "../../codec/byte_writer.ts";
import { isQoS, type QoS } from "../../codec/packet.ts";
import type { QueuedChange } from "../../protocol/change.ts";
import { readNumber, readText, writeNumber, writeText } from "./record_fields.ts";
import { readerOf, written } from "./records.ts";

/**
 * A page: messages that were queued for one session at once, in order. A message is stored in it, or in a body that
 * other pages may refer to as well.
 *
 * ```text
 * count | sequence (less the one before) | flags | size | ... | length, message  or  body, offset, length
 * ```
 */

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

const RETAIN = 0x04;
const HAS_IDENTIFIERS = 0x08;
const HAS_SHARED_FILTER = 0x10;
const IN_BODY = 0x20;

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
  const flags = reader.byte("Flags");
  const size = readNumber(reader);
  const subscriptionIdentifiers: number[] = [];
  if ((flags & HAS_IDENTIFIERS) !== 0) {
    for (let left = readNumber(reader); left > 0; left--) subscriptionIdentifiers.push(readNumber(reader));
  }
  const sharedFilter = (flags & HAS_SHARED_FILTER) !== 0 ? readText(reader) : undefined;
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
