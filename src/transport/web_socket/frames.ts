/**
 * Frames of the WebSocket protocol as both sides read and write them (RFC 6455, section 5), without extensions, streams or
 * a clock. MQTT packets need not align with frames [MQTT-6.0.0-2], so payloads of data frames are passed on as they
 * arrive, and no message is assembled.
 */

import type { WebSocketFrame } from "../transport.ts";

export const Opcode = { Continuation: 0x0, Text: 0x1, Binary: 0x2, Close: 0x8, Ping: 0x9, Pong: 0xa } as const;
export type Opcode = typeof Opcode[keyof typeof Opcode];

/** Close codes of RFC 6455, section 7.4.1, and 1013 of the registry it opened. */
export const CloseCode = {
  Normal: 1000,
  GoingAway: 1001,
  ProtocolError: 1002,
  UnsupportedData: 1003,
  NoStatus: 1005,
  Abnormal: 1006,
  InvalidPayload: 1007,
  MessageTooBig: 1009,
  TryAgainLater: 1013,
} as const;

/** End of a WebSocket connection, past or imminent. */
export interface WebSocketEnd {
  /** 1005: the peer gave none. 1006: the connection was lost. */
  readonly code: number;
  /** Reason in words; empty where none was given. */
  readonly reason: string;
  /** Whether the peer ended it. */
  readonly isByPeer: boolean;
}

/** End without a Close frame. */
export const LOST: WebSocketEnd = { code: CloseCode.Abnormal, reason: "the connection was lost", isByPeer: true };

const SLAB_BYTES = 16_384;
const MOST_SHARED_BYTES = 2_048;
const MOST_CONTROL_BYTES = 125;
const LONGEST_HEADER_BYTES = 14;
const FINAL = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
const MASK_BYTES = 4;
const MASKS_AT_ONCE = 64;
// Shared: a decoder that is not streaming keeps nothing between calls.
const UTF8_DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const UTF8_ENCODER = new TextEncoder();
// Shared: the bytes of a mask as one word of this machine, within one call.
const MASK_WORD = new Int32Array(1);
const MASK_VIEW = new DataView(MASK_WORD.buffer);

/** Side of a connection: the frames of a client are masked, those of a server are not (RFC 6455, section 5.1). */
export type WebSocketRole = "client" | "server";

/** Parses the frames that one role receives, however they are cut into chunks; buffers a header and a control frame. */
export class FrameDecoder {
  /** Set by a Close frame or a violation: all that follows is ignored. */
  end: WebSocketEnd | undefined;
  /** Called when the header of a frame is complete; `undefined`: nobody watches. */
  onFrame: ((frame: WebSocketFrame) => void) | undefined;
  readonly #maximumMessageBytes: number;
  readonly #onPing: (payload: Uint8Array) => void;
  readonly #slab: Slab;
  readonly #isMasked: boolean;
  /** Incomplete header. */
  readonly #header = new Uint8Array(LONGEST_HEADER_BYTES);
  #headerBytes = 0;
  /** Bytes of the payload that are still missing, and the mask at their start. */
  #remaining = 0;
  #mask = 0;
  #isWithinMessage = false;
  #messageBytes = 0;
  /** Payload of an incomplete control frame. */
  #control: Uint8Array | undefined;
  #controlOpcode: number = Opcode.Ping;
  #watchedControl: WebSocketFrame | undefined;

  constructor(
    maximumMessageBytes: number,
    onPing: (payload: Uint8Array) => void,
    { slab = new Slab(), role = "server" }: { readonly slab?: Slab; readonly role?: WebSocketRole } = {},
  ) {
    this.#isMasked = role === "server";
    this.#maximumMessageBytes = maximumMessageBytes;
    this.#slab = slab;
    this.#onPing = onPing;
  }

  /** Bytes of the payload of a data frame that are still to come. */
  get missingBytes(): number {
    return this.#control === undefined ? this.#remaining : 0;
  }

  /**
   * Payload of the data frames of a chunk, as one piece; `undefined` if empty. It is unmasked into another buffer, or
   * moved together within the chunk where frames have no mask, which halves the processor time of a load.
   */
  decode(chunk: Uint8Array): Uint8Array | undefined {
    const source = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    const end = chunk.length;
    let target: DataView<ArrayBuffer> | undefined;
    let start = 0;
    let written = 0;
    let position = 0;
    while (position < end && this.end === undefined) {
      if (this.#remaining === 0) {
        position = this.#readHeader(source, position);
        continue;
      }
      const length = Math.min(this.#remaining, end - position);
      if (this.#control !== undefined) {
        this.#readControl(this.#control, source, position, length);
      } else if (!this.#isMasked) {
        if (written === 0) start = position;
        else chunk.copyWithin(start + written, position, position + length);
        written += length;
        this.#remaining -= length;
      } else {
        if (target === undefined) {
          const shared = this.#slab.reserve(end - position);
          target = shared === undefined ? new DataView(new ArrayBuffer(end - position)) : this.#slab.view;
          start = shared ?? 0;
        }
        applyMask(source, position, target, start + written, length, this.#mask);
        written += length;
        this.#consume(length);
      }
      position += length;
    }
    if (!this.#isMasked && written > 0) return chunk.subarray(start, start + written);
    return target && new Uint8Array(target.buffer, start, written);
  }

  /** Reads a header, or the part that is there; gives the position after it. */
  #readHeader(source: DataView, position: number): number {
    if (this.#headerBytes === 0) {
      const length = this.#openFrame(source, position, source.byteLength - position);
      if (length > 0 || this.end !== undefined) return position + length;
    }
    const header = new DataView(this.#header.buffer);
    while (position < source.byteLength && this.end === undefined) {
      header.setUint8(this.#headerBytes++, source.getUint8(position++));
      if (this.#openFrame(header, 0, this.#headerBytes) > 0) {
        this.#headerBytes = 0;
        break;
      }
    }
    return position;
  }

  /** Gives the length of the header; 0 if it is incomplete or not allowed. */
  #openFrame(view: DataView, at: number, available: number): number {
    const first = view.getUint8(at);
    const opcode = first & 0x0f;
    const isFinal = (first & FINAL) !== 0;
    const complaint = this.#complaintAbout(first, opcode, isFinal);
    if (complaint !== undefined) return this.#fail(CloseCode.ProtocolError, complaint);
    if (opcode === Opcode.Text) { // [MQTT-6.0.0-1]
      return this.#fail(CloseCode.UnsupportedData, "MQTT is carried in binary frames, not in text frames");
    }
    if (available < 2) return 0;
    const second = view.getUint8(at + 1);
    if ((second & MASKED) !== 0 !== this.#isMasked) { // RFC 6455, section 5.1
      const complaint = this.#isMasked ? "a frame of a client is not masked" : "a frame of a server is masked";
      return this.#fail(CloseCode.ProtocolError, complaint);
    }
    const shortLength = second & 0x7f;
    const isControl = opcode >= Opcode.Close;
    if (isControl && shortLength > MOST_CONTROL_BYTES) { // RFC 6455, section 5.5
      return this.#fail(CloseCode.ProtocolError, "a control frame has more than 125 bytes");
    }
    const lengthBytes = shortLength < 126 ? 0 : shortLength === 126 ? 2 : 8;
    const headerBytes = 2 + lengthBytes + (this.#isMasked ? MASK_BYTES : 0);
    if (available < headerBytes) return 0;
    const length = lengthBytes === 0 ? shortLength : longLength(view, at + 2, lengthBytes);
    if (length === undefined) { // RFC 6455, section 5.2
      return this.#fail(CloseCode.ProtocolError, "the length of a frame is not well-formed");
    }
    this.#mask = this.#isMasked ? view.getInt32(at + 2 + lengthBytes) : 0;
    this.#remaining = length;
    if (this.onFrame !== undefined) this.#tell(this.onFrame, opcode, isFinal, headerBytes, length);
    if (isControl) this.#openControl(opcode, length);
    else if (!this.#openData(isFinal, length)) return 0;
    return headerBytes;
  }

  /** Reports a frame; a method of its own keeps the one that reads headers small enough to be inlined. */
  #tell(
    onFrame: (frame: WebSocketFrame) => void,
    opcode: number,
    isFinal: boolean,
    headerBytes: number,
    length: number,
  ): void {
    const mask = this.#isMasked ? this.#mask >>> 0 : undefined;
    const frame = { isSent: false, opcode, isFinal, mask, headerBytes, length, payload: undefined };
    if (opcode < Opcode.Close) onFrame(frame);
    else this.#watchedControl = frame; // With its payload, which may come later.
  }

  #complaintAbout(first: number, opcode: number, isFinal: boolean): string | undefined {
    if ((first & RESERVED) !== 0) return "a reserved bit is set"; // RFC 6455, section 5.2
    switch (opcode) {
      case Opcode.Continuation: // RFC 6455, section 5.4
        return this.#isWithinMessage ? undefined : "a continuation frame continues nothing";
      case Opcode.Text:
      case Opcode.Binary:
        return this.#isWithinMessage ? "a message begins within another one" : undefined;
      case Opcode.Close:
      case Opcode.Ping:
      case Opcode.Pong: // RFC 6455, section 5.5
        return isFinal ? undefined : "a control frame is fragmented";
      default:
        return "an opcode is reserved"; // RFC 6455, section 5.2
    }
  }

  #openData(isFinal: boolean, length: number): boolean {
    this.#messageBytes += length;
    if (this.#messageBytes > this.#maximumMessageBytes) {
      this.#fail(CloseCode.MessageTooBig, `a message has more than ${this.#maximumMessageBytes} bytes`);
      return false;
    }
    this.#isWithinMessage = !isFinal;
    if (isFinal) this.#messageBytes = 0;
    return true;
  }

  #openControl(opcode: number, length: number): void {
    this.#controlOpcode = opcode;
    this.#control = new Uint8Array(length);
    if (length === 0) this.#endControl(this.#control);
  }

  #readControl(control: Uint8Array, source: DataView, position: number, length: number): void {
    const target = new DataView(control.buffer);
    applyMask(source, position, target, control.length - this.#remaining, length, this.#mask);
    this.#consume(length);
    if (this.#remaining === 0) this.#endControl(control);
  }

  #endControl(payload: Uint8Array): void {
    this.#control = undefined;
    if (this.#watchedControl !== undefined) this.onFrame?.({ ...this.#watchedControl, payload });
    this.#watchedControl = undefined;
    if (this.#controlOpcode === Opcode.Ping) this.#onPing(payload);
    else if (this.#controlOpcode === Opcode.Close) this.#endByPeer(payload);
    // A Pong needs no answer, whether it was requested or not (RFC 6455, section 5.5.3).
  }

  /** Ends the connection by the peer's Close frame (RFC 6455, section 5.5.1). */
  #endByPeer(payload: Uint8Array): void {
    if (payload.length === 0) {
      this.end = { code: CloseCode.NoStatus, reason: "", isByPeer: true };
      return;
    }
    const code = payload.length === 1 ? 0 : new DataView(payload.buffer).getUint16(0);
    if (!isSendableCloseCode(code)) {
      this.#fail(CloseCode.ProtocolError, "a Close frame has no valid code");
      return;
    }
    try {
      this.end = { code, reason: UTF8_DECODER.decode(payload.subarray(2)), isByPeer: true };
    } catch {
      // A fatal TextDecoder throws only for ill-formed UTF-8.
      this.#fail(CloseCode.InvalidPayload, "the reason of a Close frame is not UTF-8");
    }
  }

  #consume(length: number): void {
    this.#remaining -= length;
    const bits = (length & 3) * 8;
    if (bits !== 0) this.#mask = (this.#mask << bits) | (this.#mask >>> (32 - bits));
  }

  #fail(code: number, reason: string): 0 {
    this.end = { code, reason, isByPeer: false };
    return 0;
  }
}

/**
 * Buffer for small chunks side by side, because allocating one for each costs more than filling it (window 1, 50 pairs:
 * 8 % of the time per message, 2026-11). No byte is given out twice, so chunks may be kept.
 */
export class Slab {
  view: DataView<ArrayBuffer> = new DataView(new ArrayBuffer(0));
  #used = 0;

  /** Reserves bytes in the current {@linkcode Slab.view}; gives their offset, or `undefined` for too large a chunk. */
  reserve(length: number): number | undefined {
    if (length > MOST_SHARED_BYTES) return undefined;
    if (this.view.byteLength - this.#used < length) {
      this.view = new DataView(new ArrayBuffer(SLAB_BYTES));
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    return start;
  }

  /** Reserves bytes as an array, in a buffer of its own if it is large. */
  take(length: number): Uint8Array<ArrayBuffer> {
    const start = this.reserve(length);
    return start === undefined ? new Uint8Array(length) : new Uint8Array(this.view.buffer, start, length);
  }
}

/** Masks for the frames of a client, which must not be predictable (RFC 6455, section 5.3). */
export class Masks {
  readonly #masks = new Int32Array(MASKS_AT_ONCE);
  #left = 0;

  next(): number {
    if (this.#left === 0) {
      crypto.getRandomValues(this.#masks);
      this.#left = MASKS_AT_ONCE;
    }
    return this.#masks[--this.#left] ?? 0;
  }
}

/** Memory for small frames, and the masks of a client. */
export interface FrameParts {
  readonly slab?: Slab;
  readonly masks?: Masks;
}

/** A whole frame, header and payload side by side; masked where there are masks, which are for clients. */
export function encodeFrame(opcode: Opcode, payload: Uint8Array, { slab, masks }: FrameParts = {}): Uint8Array {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 0x1_0000 ? 2 : 8;
  const headerBytes = 2 + lengthBytes + (masks === undefined ? 0 : MASK_BYTES);
  const frame = slab?.take(headerBytes + length) ?? new Uint8Array(headerBytes + length);
  frame[0] = FINAL | opcode;
  if (lengthBytes === 0) {
    frame[1] = length;
  } else if (lengthBytes === 2) {
    frame[1] = 126;
    frame[2] = length >>> 8;
    frame[3] = length;
  } else {
    frame[1] = 127;
    const view = new DataView(frame.buffer, frame.byteOffset);
    view.setUint32(2, Math.floor(length / 0x1_0000_0000));
    view.setUint32(6, length);
  }
  frame.set(payload, headerBytes);
  if (masks !== undefined) mask(frame, headerBytes, masks.next());
  return frame;
}

/** Reads the header of a whole frame that is sent. */
export function sentFrame(frame: Uint8Array): WebSocketFrame {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const [first, second] = [view.getUint8(0), view.getUint8(1)];
  const opcode = first & 0x0f;
  const isMasked = (second & MASKED) !== 0;
  const shortLength = second & 0x7f;
  const maskAt = 2 + (shortLength < 126 ? 0 : shortLength === 126 ? 2 : 8);
  const headerBytes = maskAt + (isMasked ? MASK_BYTES : 0);
  return {
    isSent: true,
    opcode,
    isFinal: (first & FINAL) !== 0,
    mask: isMasked ? view.getUint32(maskAt) : undefined,
    headerBytes,
    length: frame.length - headerBytes,
    payload: opcode >= Opcode.Close && !isMasked ? frame.slice(headerBytes) : undefined,
  };
}

/**
 * Masks a frame. Whole words of the buffer are XORed, and the bytes before and after them: a frame of 80 bytes takes half
 * as long as by {@linkcode applyMask}, which is faster for the frames of a chunk. (Deno 2.9, 2026-11-30)
 */
function mask(frame: Uint8Array, headerBytes: number, mask: number): void {
  frame[1] = (frame[1] ?? 0) | MASKED;
  let key = mask;
  let index = headerBytes - MASK_BYTES;
  for (let shift = 24; shift >= 0; shift -= 8) frame[index++] = mask >>> shift;
  const maskByte = () => {
    frame[index] = (frame[index] ?? 0) ^ (key >>> 24);
    index += 1;
    key = (key << 8) | (key >>> 24);
  };
  while (index < frame.length && (frame.byteOffset + index) % 4 !== 0) maskByte();
  const words = new Int32Array(frame.buffer, (frame.byteOffset + index) & ~3, (frame.length - index) >> 2);
  MASK_VIEW.setInt32(0, key);
  const wordMask = MASK_WORD[0] ?? 0;
  for (let word = 0; word < words.length; word++) words[word] = (words[word] ?? 0) ^ wordMask;
  index += words.length * 4;
  while (index < frame.length) maskByte();
}

/** A Close frame; without a code if no endpoint may send that code. */
export function encodeClose(code: number, reason = "", parts?: FrameParts): Uint8Array {
  if (!isSendableCloseCode(code)) return encodeFrame(Opcode.Close, new Uint8Array(0), parts);
  const payload = new Uint8Array(MOST_CONTROL_BYTES);
  payload[0] = code >>> 8;
  payload[1] = code;
  const { written } = UTF8_ENCODER.encodeInto(reason, payload.subarray(2)); // It cuts between characters.
  return encodeFrame(Opcode.Close, payload.subarray(0, 2 + written), parts);
}

/** Length of 16 or 63 bits; `undefined` if fewer bits would do, or if the most significant bit is set. */
function longLength(view: DataView, at: number, lengthBytes: 2 | 8): number | undefined {
  if (lengthBytes === 2) {
    const length = view.getUint16(at);
    return length < 126 ? undefined : length;
  }
  const high = view.getUint32(at);
  const length = high * 0x1_0000_0000 + view.getUint32(at + 4); // Not exact beyond 2^53, which exceeds every limit.
  return high > 0x7fff_ffff || length < 0x1_0000 ? undefined : length;
}

/**
 * Whether an endpoint may send a code: RFC 6455, section 7.4, and the codes 1012 to 1014 that were registered later.
 */
function isSendableCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/** Copies `source` to `target`, four bytes at a time, each XORed with the rotating key (section 5.3). */
function applyMask(source: DataView, from: number, target: DataView, to: number, length: number, mask: number): void {
  const wordsEnd = length - 3;
  let index = 0;
  for (; index < wordsEnd; index += 4) target.setInt32(to + index, source.getInt32(from + index) ^ mask);
  for (let shift = 24; index < length; index++, shift -= 8) {
    target.setUint8(to + index, source.getUint8(from + index) ^ (mask >>> shift));
  }
}
