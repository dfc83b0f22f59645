/**
 * Records of a trace in memory that is taken once: bytes one after another in one buffer, and three numbers for each. A new
 * record takes the place of the oldest ones.
 *
 * ```text
 * a record   head, 24 bytes | pieces, 17 bytes each | facts in JSON, mostly none | bytes of the packet
 * ```
 */

import type { TraceFrame, TracePiece } from "./trace_records.ts";

/** Record as it goes in. */
export interface NewRecord {
  /** Number that the kind of record has for its writer, 0 to 127. */
  readonly kind: number;
  readonly isSent: boolean;
  /** Epoch milliseconds. */
  readonly timeMs: number;
  /** Number of its connection. */
  readonly connection: number;
  readonly lostBefore: number;
  /** Bytes of which those of the range are copied. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly wireBytes: number;
  readonly pieces: readonly TracePiece[];
  /** Facts that only few records have. */
  readonly facts: Readonly<Record<string, unknown>> | undefined;
}

/** Record as it comes out; its bytes are a copy. */
export interface KeptRecord extends Omit<NewRecord, "start" | "end"> {
  readonly number: number;
}

const RING_BYTES = 4_194_304;
const MOST_RECORDS = 65_536;
const NUMBERS = 3;
const HEAD_BYTES = 24;
const PIECE_BYTES = 17;
const SENT = 0x80;
const Flag = { hasFrame: 1, isFinal: 2, isMasked: 4 } as const;
const OPCODE_SHIFT = 4;
/** Length of a frame that is written; one that is longer is refused anyway. */
const MOST_LENGTH = 0xffff_ffff;
const NOTHING: Uint8Array = new Uint8Array(0);
const UTF8_ENCODER = new TextEncoder();
const UTF8_DECODER = new TextDecoder();

/** Ring of records, numbered from 1. */
export class TraceRing {
  /** Number of the last record that was added. */
  last = 0;
  /** Number of the oldest one that is kept; 1 more than `last` where there is none. */
  first = 1;
  readonly #ring: Uint8Array;
  readonly #view: DataView;
  /** Time, position and size of each record. A position counts all bytes so far; modulo the ring it is a place in it. */
  readonly #numbers: Float64Array;
  /** Position after the last record. */
  #end = 0;

  /** @param mostBytes size of the ring @param mostRecords records that it can hold */
  constructor(mostBytes = RING_BYTES, mostRecords = MOST_RECORDS) {
    this.#ring = new Uint8Array(mostBytes);
    this.#view = new DataView(this.#ring.buffer);
    this.#numbers = new Float64Array(mostRecords * NUMBERS);
  }

  /** Adds a record, whose size is at most that of the ring. */
  add(record: NewRecord): void {
    const { bytes, start, end, pieces } = record;
    const facts = record.facts === undefined ? NOTHING : UTF8_ENCODER.encode(JSON.stringify(record.facts));
    const size = HEAD_BYTES + pieces.length * PIECE_BYTES + facts.length + end - start;
    const ringBytes = this.#ring.length;
    const place = this.#end % ringBytes;
    const position = place + size <= ringBytes ? this.#end : this.#end - place + ringBytes;
    this.#makeRoom(position + size);
    const slot = this.last % (this.#numbers.length / NUMBERS) * NUMBERS;
    this.#numbers[slot] = record.timeMs;
    this.#numbers[slot + 1] = position;
    this.#numbers[slot + 2] = size;
    this.last += 1;
    this.#end = position + size;
    const at = this.#write(record, position % ringBytes, facts.length);
    this.#ring.set(facts, at);
    if (bytes.length === end - start) this.#ring.set(bytes, at + facts.length);
    else this.#ring.set(bytes.subarray(start, end), at + facts.length);
  }

  /** Forgets the records before one. */
  forget(first: number): void {
    this.first = Math.max(this.first, Math.min(first, this.last + 1));
  }

  /** Record of a number from `first` to `last`. */
  get(number: number): KeptRecord {
    if (number < this.first || number > this.last) throw new RangeError(`Cannot read record ${number}: it is not kept`);
    const slot = (number - 1) % (this.#numbers.length / NUMBERS) * NUMBERS;
    const [timeMs = 0, position = 0, size = 0] = this.#numbers.subarray(slot, slot + NUMBERS);
    return this.#read(number, timeMs, position % this.#ring.length, size);
  }

  /** Forgets the oldest records until the bytes up to a position have room, and one more record. */
  #makeRoom(end: number): void {
    const most = this.#numbers.length / NUMBERS;
    for (; this.first <= this.last; this.first++) {
      const position = this.#numbers[(this.first - 1) % most * NUMBERS + 1] as number; // A slot of the ring.
      if (position + this.#ring.length >= end && this.last - this.first + 1 < most) return;
    }
  }

  /** Writes head and pieces; gives the place after them. */
  #write(
    { kind, isSent, connection, lostBefore, wireBytes, pieces }: NewRecord,
    at: number,
    factBytes: number,
  ): number {
    const view = this.#view;
    view.setUint32(at, kind | (isSent ? SENT : 0));
    view.setUint32(at + 4, connection);
    view.setUint32(at + 8, lostBefore);
    view.setUint32(at + 12, wireBytes);
    view.setUint32(at + 16, pieces.length);
    view.setUint32(at + 20, factBytes);
    let place = at + HEAD_BYTES;
    for (const { source, start, end, frame } of pieces) {
      view.setUint32(place, source);
      view.setUint32(place + 4, start);
      view.setUint32(place + 8, end);
      view.setUint32(place + 12, Math.min(frame?.length ?? 0, MOST_LENGTH));
      view.setUint8(place + 16, frame === undefined ? 0 : frameFlags(frame));
      place += PIECE_BYTES;
    }
    return place;
  }

  #read(number: number, timeMs: number, at: number, size: number): KeptRecord {
    const view = this.#view;
    const kind = view.getUint32(at);
    const pieceCount = view.getUint32(at + 16);
    const factsAt = at + HEAD_BYTES + pieceCount * PIECE_BYTES;
    const bytesAt = factsAt + view.getUint32(at + 20);
    return {
      number,
      kind: kind & ~SENT,
      isSent: (kind & SENT) !== 0,
      timeMs,
      connection: view.getUint32(at + 4),
      lostBefore: view.getUint32(at + 8),
      wireBytes: view.getUint32(at + 12),
      pieces: Array.from({ length: pieceCount }, (_, index) => this.#readPiece(at + HEAD_BYTES + index * PIECE_BYTES)),
      facts: bytesAt === factsAt ? undefined : JSON.parse(UTF8_DECODER.decode(this.#ring.subarray(factsAt, bytesAt))),
      bytes: this.#ring.slice(bytesAt, at + size),
    };
  }

  #readPiece(at: number): TracePiece {
    const view = this.#view;
    const flags = view.getUint8(at + 16);
    return {
      source: view.getUint32(at),
      start: view.getUint32(at + 4),
      end: view.getUint32(at + 8),
      ...(flags & Flag.hasFrame) !== 0 && {
        frame: {
          opcode: flags >> OPCODE_SHIFT,
          isFinal: (flags & Flag.isFinal) !== 0,
          isMasked: (flags & Flag.isMasked) !== 0,
          length: view.getUint32(at + 12),
        },
      },
    };
  }
}

function frameFlags({ opcode, isFinal, isMasked }: TraceFrame): number {
  return Flag.hasFrame | (isFinal ? Flag.isFinal : 0) | (isMasked ? Flag.isMasked : 0) | opcode << OPCODE_SHIFT;
}
