/**
 * Packets of one side of a tapped connection, at the speed of the connection: a packet that is whole within a chunk is told
 * as a view on it, and its pieces are only worked out for one that is recorded.
 *
 * ```text
 * chunks   | CONNECT, PUBLISH, PUB | LISH, PINGREQ |
 * told       ^        ^              ^     ^          the second PUBLISH as a copy of what is kept of it
 * ```
 */

import { PacketType } from "../../codec/packet.ts";
import type { TraceFrame, TracePiece } from "./trace_records.ts";

/** A packet while it is told: a view on bytes that are overwritten afterwards. */
export interface ToldPacket {
  readonly bytes: Uint8Array;
  /** Range of the bytes that are there. */
  readonly start: number;
  readonly end: number;
  /** Size on the wire. */
  readonly wireBytes: number;
  /** Frames, reads or writes that it came in; ask once, while it is told. */
  pieces(): TracePiece[];
}

/** Packets that may hold secrets: these are recognized in whole packets only. */
export const SECRET_TYPES: ReadonlySet<number> = new Set([PacketType.connect, PacketType.connack, PacketType.auth]);

const LONGEST_HEADER_BYTES = 5;
const INCOMPLETE = 0;
const MALFORMED = -1;
/** Pieces of a packet that are told apart; the last one has the rest. */
const MOST_PIECES = 4_096;
/** Frames that have come and are still in the list. */
const MOST_TAKEN_FRAMES = 1_024;
const NOTHING: Uint8Array = new Uint8Array(0);

/** One side of a connection. */
export class TappedSide implements ToldPacket {
  /** Whether nothing more is told: the borders of packets are unknown, or what follows is not looked at by the broker. */
  isOver = false;
  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  wireBytes = 0;
  readonly #told: (packet: ToldPacket) => void;
  readonly #mostBytes: (packetType: number) => number;
  /** Frames that were announced, and what is to be done between them, from `#front` on; `#used` bytes of the first have come. */
  #frames: (TraceFrame | (() => void))[] | undefined;
  /** Bytes that were announced and have not come. */
  #missingBytes = 0;
  #front = 0;
  #used = 0;
  #source = 0;
  /** Position in the chunk up to which its frames are counted. */
  #counted = 0;
  #chunkBytes = 0;
  /** Packet that is not whole: what is kept of it, the bytes that came, its size once that is known. */
  #kept: Uint8Array = NOTHING;
  #keptBytes = 0;
  #cameBytes = 0;
  #packetBytes = INCOMPLETE;
  #header: Uint8Array = NOTHING;
  #pieces: TracePiece[] | undefined;

  /**
   * @param told called with each packet
   * @param mostBytes bytes to keep of a packet of a type which comes in several chunks
   */
  constructor(told: (packet: ToldPacket) => void, mostBytes: (packetType: number) => number) {
    this.#told = told;
    this.#mostBytes = mostBytes;
  }

  /** Announces a data frame whose payload is among the bytes that come next. */
  announce(frame: TraceFrame): void {
    (this.#frames ??= []).push(frame);
    this.#missingBytes += frame.length;
  }

  /** Does something when the bytes that were announced have come: frames are announced before their bytes. */
  after(act: () => void): void {
    if (this.#missingBytes > 0) (this.#frames ??= []).push(act);
    else act();
  }

  /** Takes a read or a write. */
  add(chunk: Uint8Array): void {
    this.#chunkBytes = chunk.length;
    this.#counted = 0;
    let position = 0;
    while (position < chunk.length && !this.isOver) {
      const size = this.#cameBytes === 0 ? packetSize(chunk, position, chunk.length) : INCOMPLETE;
      if (size > 0 && position + size <= chunk.length) {
        this.#tell(chunk, position, position + size, size);
        position += size;
      } else {
        position = size === MALFORMED ? this.#lose(chunk, position) : this.#gather(chunk, position);
      }
    }
    this.#count(chunk.length);
    for (let next = this.#next; typeof next === "function"; next = this.#next) this.#act(next);
    if (this.#used === 0 || this.#frames !== undefined) return;
    this.#used = 0; // The end of a read.
    this.#source += 1;
  }

  /** Tells what has come of a packet that will not become whole. */
  finish(): void {
    if (this.#cameBytes > 0 && !this.isOver) this.#tellGathered();
    this.isOver = true;
  }

  pieces(): TracePiece[] {
    if (this.#cameBytes > 0) return this.#pieces ?? [];
    const pieces: TracePiece[] = [];
    this.#count(this.end, pieces, this.start);
    return pieces;
  }

  /** Tells a packet that is whole within a chunk. */
  #tell(chunk: Uint8Array, start: number, end: number, wireBytes: number): void {
    this.#count(start);
    this.bytes = chunk;
    this.start = start;
    this.end = end;
    this.wireBytes = wireBytes;
    this.#told(this);
  }

  /** Tells all that is left: its Remaining Length is malformed. */
  #lose(chunk: Uint8Array, position: number): number {
    this.#tell(chunk, position, chunk.length, chunk.length - position);
    this.isOver = true;
    return chunk.length;
  }

  /** Takes bytes of a packet that is not whole within a chunk; gives the position after them. */
  #gather(chunk: Uint8Array, position: number): number {
    this.#count(position);
    let end = position;
    if (this.#header === NOTHING) this.#header = new Uint8Array(LONGEST_HEADER_BYTES);
    while (this.#packetBytes === INCOMPLETE && end < chunk.length) {
      const headerBytes = this.#cameBytes + end - position;
      this.#header[headerBytes] = chunk[end] as number; // Below its length.
      end += 1;
      this.#packetBytes = packetSize(this.#header, 0, headerBytes + 1);
    }
    const isMalformed = this.#packetBytes === MALFORMED;
    if (isMalformed) this.#packetBytes = this.#cameBytes + chunk.length - position;
    if (this.#packetBytes === INCOMPLETE) end = chunk.length;
    else end = Math.min(chunk.length, position + this.#packetBytes - this.#cameBytes);
    this.#keep(chunk, position, end);
    if (this.#cameBytes === this.#packetBytes) this.#tellGathered();
    this.isOver ||= isMalformed;
    return end;
  }

  #keep(chunk: Uint8Array, start: number, end: number): void {
    const type = (this.#header[0] as number) >> 4; // It has a place for each byte.
    const count = Math.min(end - start, this.#mostBytes(type) - this.#keptBytes);
    const neededBytes = this.#keptBytes + count;
    if (neededBytes > this.#kept.length) { // It grows with the bytes that come: a claimed length reserves nothing.
      const grown = new Uint8Array(neededBytes * 2);
      grown.set(this.#kept.subarray(0, this.#keptBytes));
      this.#kept = grown;
    }
    this.#kept.set(chunk.subarray(start, start + count), this.#keptBytes);
    this.#keptBytes = neededBytes;
    this.#count(end, this.#pieces ??= [], start - this.#cameBytes);
    this.#cameBytes += end - start;
  }

  #tellGathered(): void {
    this.bytes = this.#kept;
    this.start = 0;
    this.end = this.#keptBytes;
    this.wireBytes = this.#cameBytes;
    this.#told(this);
    this.bytes = this.#kept = NOTHING;
    this.#pieces = undefined;
    this.#keptBytes = this.#cameBytes = 0;
    this.#packetBytes = INCOMPLETE;
  }

  /** Counts the frames of a chunk up to a position; adds the pieces of a packet that began at `origin`. */
  #count(to: number, pieces?: TracePiece[], origin = 0): void {
    while (this.#counted < to) {
      const frame = this.#next;
      if (typeof frame === "function") {
        this.#act(frame);
        continue;
      }
      const left = frame === undefined ? this.#chunkBytes - this.#counted : frame.length - this.#used;
      const count = Math.min(left, to - this.#counted);
      if (pieces !== undefined && count > 0) {
        const start = this.#counted - origin;
        addPiece(pieces, { source: this.#source, start, end: start + count, ...frame && { frame } });
      }
      this.#counted += count;
      this.#used += count;
      if (frame !== undefined) this.#missingBytes -= count;
      if (frame !== undefined && this.#used === frame.length) this.#nextFrame();
    }
  }

  /** Next of the announced frames or notes. */
  get #next(): TraceFrame | (() => void) | undefined {
    return this.#frames?.[this.#front];
  }

  #act(act: () => void): void {
    this.#advance();
    act();
  }

  #nextFrame(): void {
    this.#source += 1;
    this.#used = 0;
    this.#advance();
  }

  #advance(): void {
    this.#front += 1;
    const frames = this.#frames ?? [];
    if (this.#front < frames.length && this.#front < MOST_TAKEN_FRAMES) return;
    this.#frames = this.#front === frames.length ? undefined : frames.slice(this.#front);
    this.#front = 0;
  }
}

function addPiece(pieces: TracePiece[], piece: TracePiece): void {
  const last = pieces[MOST_PIECES - 1];
  if (last === undefined) pieces.push(piece);
  else pieces[MOST_PIECES - 1] = { ...last, end: piece.end };
}

/** Size of the packet that begins there; 0: its fixed header is not whole, -1: it is malformed (section 2.1.4). */
function packetSize(bytes: Uint8Array, position: number, end: number): number {
  let length = 0;
  for (let headerBytes = 2; headerBytes <= LONGEST_HEADER_BYTES; headerBytes++) {
    if (position + headerBytes > end) return INCOMPLETE;
    const byte = bytes[position + headerBytes - 1] as number; // Below its end.
    length += (byte & 0x7f) * 128 ** (headerBytes - 2);
    if (byte < 0x80) return headerBytes + length;
  }
  return MALFORMED;
}
