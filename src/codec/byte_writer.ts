import { utf8Length, writeUtf8 } from "./utf8.ts";

const SMALLEST_BUFFER_BYTES = 256;
const LARGEST_USUAL_BUFFER_BYTES = 65_536;
/** Largest Variable Byte Integer (section 1.5.5). */
export const LARGEST_VARINT = 268_435_455;

/**
 * Appends to a buffer that grows. Written bytes never change, so that views on them stay valid:
 * a full buffer is left to its views.
 */
export class ByteWriter {
  bytes: Uint8Array;
  /** Position of the next byte. */
  position = 0;
  /** Start of the current packet; it moves when the buffer grows. */
  start = 0;
  readonly #keepsAll: boolean;

  /**
   * @param firstBufferBytes size of the first buffer
   * @param keepsAll whether all packets are moved to a larger buffer, or only the current one
   */
  constructor(firstBufferBytes = SMALLEST_BUFFER_BYTES, keepsAll = false) {
    this.bytes = new Uint8Array(Math.max(firstBufferBytes, 16));
    this.#keepsAll = keepsAll;
  }

  /** Begins a packet, which stays contiguous, and reserves its expected size. */
  begin(expectedBytes: number): void {
    this.start = this.position;
    this.#reserve(expectedBytes);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.bytes[this.position++] = value;
  }

  uint16(value: number): void {
    this.#reserve(2);
    this.bytes[this.position++] = value >>> 8;
    this.bytes[this.position++] = value;
  }

  uint32(value: number): void {
    this.uint16(value >>> 16);
    this.uint16(value & 0xffff);
  }

  varint(value: number): void {
    this.#reserve(4);
    this.position = writeVarint(value, this.bytes, this.position);
  }

  string(text: string): void {
    this.stringOfLength(text, utf8Length(text));
  }

  /** Writes a string whose length in UTF-8 is known. */
  stringOfLength(text: string, byteLength: number): void {
    this.uint16(byteLength);
    this.#reserve(byteLength);
    writeUtf8(text, byteLength, this.bytes, this.position);
    this.position += byteLength;
  }

  /** Writes Binary Data (section 1.5.6). */
  binary(data: Uint8Array): void {
    if (data.length > 65_535) {
      throw new RangeError(
        `Cannot encode Binary Data: it has ${data.length} bytes, at most 65535 can be sent`,
      );
    }
    this.uint16(data.length);
    this.raw(data);
  }

  raw(data: Uint8Array): void {
    this.#reserve(data.length);
    this.bytes.set(data, this.position);
    this.position += data.length;
  }

  /** Reserves a byte for the length of the following fields; {@linkcode endLength} fills it in. */
  beginLength(): number {
    this.byte(0);
    return this.position - this.start;
  }

  /** Writes the length of everything since `mark`, in front of it. */
  endLength(mark: number): void {
    const length = this.position - this.start - mark;
    const lengthBytes = varintSize(length);
    this.#reserve(lengthBytes - 1);
    const start = this.start + mark;
    this.bytes.copyWithin(start + lengthBytes - 1, start, this.position);
    this.position = writeVarint(length, this.bytes, start - 1) + length;
  }

  #reserve(count: number): void {
    if (this.position + count <= this.bytes.length) return;
    const kept = this.#keepsAll ? 0 : this.start;
    const needed = this.position - kept + count;
    const usual = Math.min(this.bytes.length * 2, LARGEST_USUAL_BUFFER_BYTES);
    // A buffer that grows once may grow again: a quarter more keeps that linear. A new packet has given its size.
    const spare = this.position > kept ? needed >>> 2 : 0;
    const grown = new Uint8Array(Math.max(needed + spare, usual));
    grown.set(this.bytes.subarray(kept, this.position));
    this.bytes = grown;
    this.position -= kept;
    this.start -= kept;
  }
}

/** Writes a Variable Byte Integer at `offset`, where there must be room; returns the offset after it. */
function writeVarint(value: number, target: Uint8Array, offset: number): number {
  if (!(value >= 0 && value <= LARGEST_VARINT)) {
    throw new RangeError(
      `Cannot encode a Variable Byte Integer: "${value}" is not between 0 and ${LARGEST_VARINT}`,
    );
  }
  let position = offset;
  let rest = value;
  while (rest > 0x7f) {
    target[position++] = rest | 0x80;
    rest >>>= 7;
  }
  target[position++] = rest;
  return position;
}

/** Size of a Variable Byte Integer in bytes. */
export function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4;
}
