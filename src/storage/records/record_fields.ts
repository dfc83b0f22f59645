import type { ByteReader } from "../../codec/byte_reader.ts";
import type { ByteWriter } from "../../codec/byte_writer.ts";

/** Fields of stored records that the wire has no form for. The rest is written as on the wire. */

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

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

/** Whether the text takes the fast path, as most texts do: a third of the time of the encoder. */
function isShortAscii(text: string): boolean {
  if (text.length > 0x7f) return false;
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}
