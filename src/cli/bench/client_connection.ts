import { fixedHeaderBytes, remainingLengthOf } from "../../codec/fixed_header.ts";
import type { ByteChannel } from "../../transport/byte_channel.ts";

/** What is kept of a packet that comes in several chunks: enough for all that is looked at. */
const HEAD_BYTES = 1_024;
const LONGEST_FIXED_HEADER = 5;
const FIRST_BUFFER_BYTES = 128;

/** Who makes something of the packets of a connection. */
export interface PacketHandler {
  /**
   * A packet is there: where it begins, where its body begins and how long that is. Of a large packet `bytes` may hold
   * the first kilobyte only.
   */
  packet(bytes: Uint8Array, start: number, body: number, remainingLength: number): void;
  /** All packets of one chunk were given; what is appended now leaves in one write. */
  turnEnded(): void;
  /** What was appended has left. */
  written(): void;
  /** The connection is over, and not by `close`. */
  lost(error: Error): void;
}

/**
 * One connection of a load: it looks at no more of a packet than where it begins and ends, and what is appended within
 * a turn leaves in one write.
 */
export class ClientConnection {
  isWriting = false;
  readonly #channel: ByteChannel;
  readonly #handler: PacketHandler;
  #out = new Uint8Array(FIRST_BUFFER_BYTES);
  #used = 0;
  /** Takes what is appended while the other one is being written. */
  #spare = new Uint8Array(FIRST_BUFFER_BYTES);
  /** The beginning of a packet that is not whole. */
  #head: Uint8Array | undefined;
  /** Bytes of that packet that have come. */
  #seen = 0;
  #isClosed = false;
  #isPaused = false;

  constructor(channel: ByteChannel, handler: PacketHandler) {
    this.#channel = channel;
    this.#handler = handler;
  }

  /** Reads to the end, or to `pause`. Never rejects. */
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

  /** Bytes for the write of this turn: they are copied. */
  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#out.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** A packet of nothing but a Packet Identifier, for the write of this turn. */
  appendAcknowledgement(first: number, packetIdentifier: number): void {
    this.#reserve(4);
    const out = this.#out;
    out[this.#used++] = first;
    out[this.#used++] = 2;
    out[this.#used++] = packetIdentifier >>> 8;
    out[this.#used++] = packetIdentifier;
  }

  /** Writes what was appended, unless a write is under way: then it follows. */
  flush(): void {
    if (this.isWriting || this.#used === 0 || this.#isClosed) return;
    const bytes = this.#out.subarray(0, this.#used);
    [this.#out, this.#spare] = [this.#spare, this.#out];
    this.#used = 0;
    this.isWriting = true;
    this.#channel.write(bytes).then(this.#written, this.#fail);
  }

  /** Reads nothing any more, as a client that is stuck; the read that is under way is not looked at. */
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
    let position = this.#seen > 0 ? this.#goOn(bytes) : 0;
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

  /** Takes what belongs to the packet that is not whole; gives where the next one begins. */
  #goOn(bytes: Uint8Array): number {
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
