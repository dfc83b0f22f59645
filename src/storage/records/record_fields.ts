import { ByteReader } from "../../codec/byte_reader.ts";
import type { ByteWriter } from "../../codec/byte_writer.ts";
import { type AccessAttributes, type Grant, GRANT_ACCESS } from "../../protocol/access.ts";

/** Fields of stored records that the wire has no form for: numbers, texts, access attributes. The rest is written as on the wire. */

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const HAS_PRINCIPAL = 0x01;
const HAS_LISTENER = 0x02;
const MOST_REMEMBERED = 1024;

/**
 * Flag of a record: a block of fields that a later version has added follows, after all fields of the flags and before
 * what they stand in front of. This build writes none, and skips the block.
 */
export const HAS_MORE = 0x80;

/** Reads flags, and refuses one that is not known: its field would be taken for another. */
export function readFlags(reader: ByteReader, known: number): number {
  const flags = reader.byte("Flags");
  if ((flags & ~(known | HAS_MORE)) !== 0) {
    throw new RangeError(`Cannot read flags: 0x${flags.toString(16)} has an unknown one`);
  }
  return flags;
}

/** Skips the fields of a later version. */
export function skipMore(reader: ByteReader, flags: number): void {
  if ((flags & HAS_MORE) !== 0) reader.view(readNumber(reader), "Fields of a later version");
}

/** Writes an integer from 0 to Number.MAX_SAFE_INTEGER, seven bits a byte. */
export function writeNumber(writer: ByteWriter, value: number): void {
  let rest = value;
  while (rest > 0x7f) {
    writer.byte(rest % 0x80 | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  writer.byte(rest);
}

export function readNumber(reader: ByteReader): number {
  let value = 0;
  for (let scale = 1; scale <= Number.MAX_SAFE_INTEGER; scale *= 0x80) {
    const byte = reader.byte("A number");
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
  throw new RangeError("Cannot read a number: it has more than eight bytes");
}

/** Writes any number, also Infinity. */
export function writeFloat(writer: ByteWriter, value: number): void {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  writer.raw(bytes);
}

export function readFloat(reader: ByteReader): number {
  const { buffer, byteOffset } = reader.view(8, "A number");
  return new DataView(buffer, byteOffset, 8).getFloat64(0);
}

/** Writes a text of any length. */
export function writeText(writer: ByteWriter, text: string): void {
  if (isShortAscii(text)) {
    writer.byte(text.length);
    for (let index = 0; index < text.length; index++) writer.byte(text.charCodeAt(index));
    return;
  }
  const bytes = ENCODER.encode(text);
  writeNumber(writer, bytes.length);
  writer.raw(bytes);
}

export function readText(reader: ByteReader): string {
  return decodeText(reader.view(readNumber(reader), "A text"));
}

/** Decodes UTF-8; throws TypeError for anything else. */
export function decodeText(bytes: Uint8Array): string {
  return DECODER.decode(bytes);
}

/** Written bytes, without the rest of the buffer. */
export function written(writer: ByteWriter): Uint8Array {
  return writer.bytes.subarray(0, writer.position);
}

export function readerOf(bytes: Uint8Array): ByteReader {
  return new ByteReader(bytes, 0, bytes.length);
}

export function writeOptional<T>(
  writer: ByteWriter,
  value: T | undefined,
  write: (writer: ByteWriter, value: T) => void,
): void {
  writer.byte(value === undefined ? 0 : 1);
  if (value !== undefined) write(writer, value);
}

export function readOptional<T>(reader: ByteReader, read: (reader: ByteReader) => T): T | undefined {
  return reader.byte("A mark") === 0 ? undefined : read(reader);
}

/** Writes access attributes of a client: of the publisher of a retained message, or of the owner of a Will. */
export function writeTraits(writer: ByteWriter, { principal, roles, grants, listener }: AccessAttributes): void {
  writer.byte((principal === undefined ? 0 : HAS_PRINCIPAL) | (listener === undefined ? 0 : HAS_LISTENER));
  if (principal !== undefined) writeText(writer, principal);
  if (listener !== undefined) writeText(writer, listener);
  writeNumber(writer, roles.length);
  for (const role of roles) writeText(writer, role);
  writeNumber(writer, grants.length);
  for (const { access, topicFilter } of grants) {
    writer.byte(GRANT_ACCESS.indexOf(access));
    writeText(writer, topicFilter);
  }
}

/** Reads access attributes; publishers with equal attributes, as most messages have, share one object. */
export class TraitsReader {
  readonly #known = new Map<string, AccessAttributes>();

  read(reader: ByteReader): AccessAttributes {
    const traits = readTraits(reader);
    const key = JSON.stringify(traits);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= MOST_REMEMBERED) this.#known.clear();
    this.#known.set(key, traits);
    return traits;
  }
}

function readTraits(reader: ByteReader): AccessAttributes {
  const flags = readFlags(reader, HAS_PRINCIPAL | HAS_LISTENER);
  const principal = (flags & HAS_PRINCIPAL) === 0 ? undefined : readText(reader);
  const listener = (flags & HAS_LISTENER) === 0 ? undefined : readText(reader);
  const roles = readList(reader, readText);
  const grants = readList(reader, readGrant);
  skipMore(reader, flags);
  return { principal, roles, grants, listener };
}

/** Reads a list. A cut record ends it: each item takes at least a byte. */
function readList<Item>(reader: ByteReader, read: (reader: ByteReader) => Item): Item[] {
  const items: Item[] = [];
  for (let left = readNumber(reader); left > 0; left--) items.push(read(reader));
  return items;
}

function readGrant(reader: ByteReader): Grant {
  const access = GRANT_ACCESS[reader.byte("Access")];
  if (access === undefined) throw new RangeError("Cannot read a right: it is none");
  return { access, topicFilter: readText(reader) };
}

/** Whether the text takes the fast path, as most texts do: a third of the time of the encoder. */
function isShortAscii(text: string): boolean {
  if (text.length > 0x7f) return false;
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}
