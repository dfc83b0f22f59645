import { fixedHeaderBytes, remainingLengthOf } from "../codec/fixed_header.ts";
import type { ByteChannel } from "../transport/transport.ts";

/** Bytes kept of a packet that comes in several chunks: enough for all that is read of it. */
const HEAD_BYTES = 1_024;
const LONGEST_FIXED_HEADER = 5;
const FIRST_BUFFER_BYTES = 128;

/** Handler of the packets of a connection. */
export interface PacketHandler {
  /**
   * Takes a packet: its start, the start of its body, and the length of the body. Of a large packet `bytes` may contain
   * only the first kilobyte.
   */
  packet(bytes: Uint8Array, start: number, body: number, remainingLength: number): void;
  /** Called after all packets of a chunk; packets appended now leave in one write. */
  turnEnded(): void;
  /** Called when the appended packets have been written. */
  written(): void;
  /** Called when the connection ended, unless by `close`. */
  lost(error: Error): void;
}

/**
 * One connection of a load: it reads of a packet only where it begins and ends, and packets appended within a turn
 * leave in one write.
 */
export class ClientConnection {
  isWriting = false;
  readonly #channel: ByteChannel;
  readonly #handler: PacketHandler;
  #out = new Uint8Array(FIRST_BUFFER_BYTES);
  #used = 0;
  /** Buffer for packets that are appended while the other one is written. */
  #spare = new Uint8Array(FIRST_BUFFER_BYTES);
  /** Beginning of an incomplete packet. */
  #head: Uint8Array | undefined;
  /** Bytes of that packet so far. */
  #seen = 0;
  #isClosed = false;
  #isPaused = false;

  constructor(channel: ByteChannel, handler: PacketHandler) {
    this.#channel = channel;
    this.#handler = handler;
  }

  /** Reads until the end, or until `pause`. Never rejects. */
  async read(): Promise<void> {
    try {
      for (let bytes = await this.#channel.read(); bytes !== undefined; bytes = await this.#channel.read()) {
        if (this.#isPaused) return;
        this.#receive(bytes);
      }
      throw new Error("the server has closed the connection");
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Appends bytes to the write of this turn: they are copied. */
  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#out.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** Appends a packet that consists of a Packet Identifier to the write of this turn. */
  appendAcknowledgement(first: number, packetIdentifier: number): void {
    this.#reserve(4);
    const out = this.#out;
    out[this.#used++] = first;
    out[this.#used++] = 2;
    out[this.#used++] = packetIdentifier >>> 8;
    out[this.#used++] = packetIdentifier;
  }

  /** Writes the appended packets, after a write in progress if there is one. */
  flush(): void {
    if (this.isWriting || this.#used === 0 || this.#isClosed) return;
    const bytes = this.#out.subarray(0, this.#used);
    [this.#out, this.#spare] = [this.#spare, this.#out];
    this.#used = 0;
    this.isWriting = true;
    this.#channel.write(bytes).then(this.#written, this.#fail);
  }

  /** Stops reading, like a stuck client; the result of a read in progress is ignored. */
  pause(): void {
    this.#isPaused = true;
  }

  close(): void {
    this.#isClosed = true;
    this.#channel.close();
  }

  readonly #written = () => {
    this.isWriting = false;
    this.#handler.written();
    this.flush();
  };

  readonly #fail = (error: unknown) => {
    if (this.#isClosed) return;
    this.close();
    this.#handler.lost(error instanceof Error ? error : new Error(String(error)));
  };

  #reserve(count: number): void {
    const needed = this.#used + count;
    if (needed <= this.#out.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#out.length * 2));
    grown.set(this.#out.subarray(0, this.#used));
    this.#out = grown;
  }

  #receive(bytes: Uint8Array): void {
    let position = this.#seen > 0 ? this.#resume(bytes) : 0;
    while (position < bytes.length) {
      const headerBytes = fixedHeaderBytes(bytes, position, bytes.length);
      if (headerBytes === undefined) {
        this.#keep(bytes.subarray(position));
        break;
      }
      const remainingLength = remainingLengthOf(bytes, position, headerBytes);
      const body = position + headerBytes;
      if (body + remainingLength > bytes.length) {
        this.#keep(bytes.subarray(position));
        break;
      }
      this.#handler.packet(bytes, position, body, remainingLength);
      position = body + remainingLength;
    }
    this.#handler.turnEnded();
    this.flush();
  }

  /** Resumes an incomplete packet; gives the start of the next one. */
  #resume(bytes: Uint8Array): number {
    const head = this.#head ??= new Uint8Array(HEAD_BYTES);
    let position = 0;
    let headerBytes = fixedHeaderBytes(head, 0, Math.min(this.#seen, LONGEST_FIXED_HEADER));
    while (headerBytes === undefined) {
      if (position === bytes.length) return position;
      head[this.#seen++] = bytes[position++] as number; // Below the length.
      headerBytes = fixedHeaderBytes(head, 0, this.#seen);
    }
    const remainingLength = remainingLengthOf(head, 0, headerBytes);
    const missing = headerBytes + remainingLength - this.#seen;
    const taken = bytes.subarray(position, position + missing);
    this.#keep(taken);
    if (taken.length < missing) return bytes.length;
    this.#seen = 0;
    this.#handler.packet(head, 0, headerBytes, remainingLength);
    return position + missing;
  }

  #keep(bytes: Uint8Array): void {
    const head = this.#head ??= new Uint8Array(HEAD_BYTES);
    if (this.#seen < HEAD_BYTES) head.set(bytes.subarray(0, HEAD_BYTES - this.#seen), this.#seen);
    this.#seen += bytes.length;
  }
}
