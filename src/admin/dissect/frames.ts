/**
 * Packets out of what carries them: WebSocket frames or reads of TCP, which packets need not align with [MQTT-6.0.0-2].
 *
 * ```text
 * frames   | 10 | 33 | 00 04 | 4d 51 54 54 | 04 | c2 | … | 30 05 00 01 61 68 69 c0 00 |
 * packets  | CONNECT, in 13 pieces                      | PUBLISH            | PINGREQ |
 * ```
 */

import { concatenated } from "../../transport/concatenated.ts";
import { CloseCode, Opcode } from "../../transport/web_socket/frames.ts";

export { CloseCode, Opcode };

/** Part of a packet that came at once. */
export interface Piece {
  /** Number of the frame or read that it came in, 0 for the first of its side. */
  readonly source: number;
  /** Range in the packet, the end exclusive. */
  readonly start: number;
  readonly end: number;
}

/** Packet with the pieces that it came in. */
export interface AssembledPacket {
  /** The bytes, or the first of them that were kept. */
  readonly bytes: Uint8Array;
  readonly wireBytes: number;
  readonly pieces: readonly Piece[];
}

/** WebSocket frame; the payload is without its mask. */
export interface Frame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly isMasked: boolean;
  readonly payload: Uint8Array;
  /** Size with its header. */
  readonly wireBytes: number;
}

/** Item of the bytes of one side of a WebSocket connection: the head of HTTP, then frames. */
export type WebSocketItem = { readonly type: "head"; readonly text: string } | {
  readonly type: "frame";
  readonly frame: Frame;
};

const LONGEST_HEADER_BYTES = 5;
const FINAL = 0x80;
const MASKED = 0x80;
const MASK_BYTES = 4;
const OPCODE_NAMES: Readonly<Record<number, string>> = {
  [Opcode.Continuation]: "Continuation",
  [Opcode.Text]: "Text",
  [Opcode.Binary]: "Binary",
  [Opcode.Close]: "Connection Close",
  [Opcode.Ping]: "Ping",
  [Opcode.Pong]: "Pong",
};
const CLOSE_WORDS: Readonly<Record<number, string>> = {
  1000: "Normal Closure",
  1001: "Going Away",
  1002: "Protocol error",
  1003: "Unsupported Data",
  1005: "No Status Received",
  1006: "Abnormal Closure",
  1007: "Invalid frame payload data",
  1008: "Policy Violation",
  1009: "Message Too Big",
  1010: "Missing Extension",
  1011: "Internal Error",
  1012: "Service Restart",
  1013: "Try Again Later",
  1014: "Bad Gateway",
};
/** Fields that say how an upgrade went; any other may have a token, such as `X-Api-Key` or those that a proxy adds. */
const SHOWN_FIELDS =
  /^(?:accept(?:-[\w-]+)?|cache-control|connection|content-(?:length|type)|date|dnt|forwarded|host|keep-alive|origin|pragma|priority|retry-after|sec-(?:ch-ua|fetch|websocket)[\w-]*|server|transfer-encoding|upgrade|user-agent|via|x-forwarded-(?:for|host|port|proto)|x-real-ip)$/i;

/** Puts the packets of one side together. */
export class PacketAssembler {
  #source = 0;
  /** Bytes that are missing of the frames that were announced. */
  readonly #frames: number[] = [];
  #parts: Uint8Array[] = [];
  #pieces: Piece[] = [];
  /** Bytes of the packet so far, on the wire and kept. */
  #wireBytes = 0;
  #keptBytes = 0;
  /** Size of the packet, once its fixed header is there. */
  #packetBytes: number | undefined;
  #isLost = false;

  /** Whether the borders of packets are unknown from here on: a Remaining Length is malformed, or bytes are missing. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Bytes of a packet that is not whole yet. */
  get rest(): Uint8Array {
    return joined(this.#parts);
  }

  /** Announces a data frame whose payload is among the bytes that come next: one read of TCP may bring several frames. */
  announce(payloadBytes: number): void {
    this.#frames.push(payloadBytes);
  }

  /**
   * Takes the next frame or read, or bytes of the frames that were announced, and gives the packets that are whole with
   * them. A packet whose Remaining Length is malformed is given with all bytes there are, and is the last. Packets are views
   * on the bytes, which must not change afterwards.
   *
   * @param wireBytes number of its bytes on the wire, if only the first of them were kept
   */
  add(bytes: Uint8Array, wireBytes = bytes.length): AssembledPacket[] {
    const packets: AssembledPacket[] = [];
    let start = 0;
    do {
      const [frameBytes = wireBytes - start] = this.#frames;
      const count = Math.min(frameBytes, wireBytes - start);
      this.#addPart(bytes.subarray(start, start + count), count, packets);
      start += count;
      if (count < frameBytes) {
        this.#frames[0] = frameBytes - count; // The rest of the frame comes later.
      } else {
        this.#frames.shift();
        this.#source += 1;
      }
    } while (start < wireBytes);
    return packets;
  }

  #addPart(bytes: Uint8Array, wireBytes: number, packets: AssembledPacket[]): void {
    let position = 0;
    while (position < wireBytes && !this.#isLost) {
      position += this.#take(bytes, position, wireBytes);
      if (this.#packetBytes === this.#wireBytes || (this.#isLost && this.#keptBytes > 0)) packets.push(this.#finish());
    }
  }

  /** Takes bytes of one packet; gives their number. */
  #take(bytes: Uint8Array, position: number, wireBytes: number): number {
    let count = 0;
    while (this.#packetBytes === undefined && position + count < bytes.length) {
      count += 1;
      this.#packetBytes = this.#sizeWith(bytes.subarray(position, position + count));
      if (this.#isLost) return this.#append(bytes, position, bytes.length - position, bytes.length - position);
    }
    if (this.#packetBytes === undefined) {
      this.#isLost = position + count < wireBytes; // The fixed header is not among the bytes that were kept.
      return this.#append(bytes, position, count, wireBytes - position);
    }
    const taken = Math.min(this.#packetBytes - this.#wireBytes, wireBytes - position);
    return this.#append(bytes, position, Math.min(taken, Math.max(0, bytes.length - position)), taken);
  }

  #append(bytes: Uint8Array, position: number, kept: number, taken: number): number {
    // Bytes that follow missing ones cannot stand at their place.
    const fits = this.#keptBytes === this.#wireBytes;
    const start = this.#wireBytes;
    if (fits && kept > 0) {
      this.#parts.push(bytes.subarray(position, position + kept));
      this.#keptBytes += kept;
    }
    this.#wireBytes += taken;
    this.#pieces.push({ source: this.#source, start, end: this.#wireBytes });
    return taken;
  }

  /** Size of the packet if `more` completes its fixed header. */
  #sizeWith(more: Uint8Array): number | undefined {
    const header = joined([...this.#parts, more]);
    if (header.length < 2) return undefined;
    let length = 0;
    for (let index = 1; index < header.length; index++) {
      const byte = header[index] as number; // Below its length.
      length += (byte & 0x7f) * 128 ** (index - 1);
      if (byte < 0x80) return index + 1 + length;
    }
    this.#isLost = header.length >= LONGEST_HEADER_BYTES;
    return undefined;
  }

  #finish(): AssembledPacket {
    const packet = { bytes: joined(this.#parts), wireBytes: this.#wireBytes, pieces: this.#pieces };
    this.#parts = [];
    this.#pieces = [];
    this.#wireBytes = this.#keptBytes = 0;
    this.#packetBytes = undefined;
    return packet;
  }
}

/** Reads the bytes of one side of a WebSocket connection, from its HTTP head on. */
export class WebSocketReader {
  /** Bytes that no item has taken, put together only when the next item may be whole. */
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #neededBytes = 0;
  #hasHead = false;

  /** Items that are whole with these bytes. */
  add(bytes: Uint8Array): WebSocketItem[] {
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    const items: WebSocketItem[] = [];
    if (this.#bytes < this.#neededBytes) return items;
    let rest = joined(this.#parts);
    if (!this.#hasHead) {
      const length = headLength(rest);
      this.#hasHead = length > 0;
      if (this.#hasHead) items.push({ type: "head", text: new TextDecoder().decode(rest.subarray(0, length)) });
      rest = rest.subarray(length);
    }
    if (this.#hasHead) {
      for (let frame = readFrame(rest); frame !== undefined; frame = readFrame(rest)) {
        items.push({ type: "frame", frame });
        rest = rest.subarray(frame.wireBytes);
      }
      this.#neededBytes = frameHeader(rest)?.wireBytes ?? 0;
    }
    this.#parts = [rest];
    this.#bytes = rest.length;
    return items;
  }
}

/** First frame of some bytes, if it is whole (RFC 6455, section 5.2). */
export function readFrame(bytes: Uint8Array): Frame | undefined {
  const header = frameHeader(bytes);
  if (header === undefined || bytes.length < header.wireBytes) return undefined;
  const { opcode, isFinal, isMasked, payloadAt, wireBytes } = header;
  const payload = bytes.slice(payloadAt, wireBytes);
  if (isMasked) {
    const mask = bytes.subarray(payloadAt - MASK_BYTES, payloadAt);
    for (let at = 0; at < payload.length; at++) payload[at] = (payload[at] as number) ^ (mask[at % 4] as number); // Below their lengths.
  }
  return { opcode, isFinal, isMasked, payload, wireBytes };
}

function frameHeader(bytes: Uint8Array): Omit<Frame, "payload"> & { readonly payloadAt: number } | undefined {
  if (bytes.length < 2) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [first, second] = [view.getUint8(0), view.getUint8(1)];
  const isMasked = (second & MASKED) !== 0;
  const short = second & 0x7f;
  const lengthBytes = short < 126 ? 0 : short === 126 ? 2 : 8;
  const payloadAt = 2 + lengthBytes + (isMasked ? MASK_BYTES : 0);
  if (bytes.length < payloadAt) return undefined;
  const length = lengthBytes === 0 ? short : lengthBytes === 2 ? view.getUint16(2) : Number(view.getBigUint64(2));
  return { opcode: first & 0x0f, isFinal: (first & FINAL) !== 0, isMasked, payloadAt, wireBytes: payloadAt + length };
}

/** Bytes of a frame for a capture. A masked one has the mask 0, so that its payload can be read in them. */
export function frameBytes({ opcode, isFinal, isMasked, payload }: Omit<Frame, "wireBytes">): Uint8Array {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 0x1_0000 ? 2 : 8;
  const payloadAt = 2 + lengthBytes + (isMasked ? MASK_BYTES : 0);
  const bytes = new Uint8Array(payloadAt + length);
  const view = new DataView(bytes.buffer);
  bytes[0] = (isFinal ? FINAL : 0) | opcode;
  bytes[1] = (isMasked ? MASKED : 0) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) view.setUint16(2, length);
  else if (lengthBytes === 8) view.setBigUint64(2, BigInt(length));
  bytes.set(payload, payloadAt);
  return bytes;
}

/** A frame in words: `Binary, 15 B`, `Connection Close 1001 Going Away "bye"`. */
export function frameText({ opcode, isFinal, payload }: Omit<Frame, "wireBytes">): string {
  const name = OPCODE_NAMES[opcode] ?? `Reserved opcode ${opcode}`;
  if (opcode === Opcode.Close) return [name, closeText(payload)].join(" ").trimEnd();
  return `${name}${isFinal ? "" : ", not final"}, ${payload.length} B`;
}

/** Code and reason of a Close frame, such as `1001 Going Away "bye"`; empty where there is none. */
export function closeText(payload: Uint8Array): string {
  if (payload.length < 2) return "";
  const code = (payload[0] as number) << 8 | (payload[1] as number); // There are two.
  const reason = new TextDecoder().decode(payload.subarray(2));
  return [`${code}`, CLOSE_WORDS[code], reason === "" ? undefined : `"${reason}"`].filter((part) => part !== undefined)
    .join(" ");
}

/**
 * Head of HTTP in which whatever may be a credential is asterisks, of the same length: the values of the query and of the
 * fields that do not say how an upgrade went, and subprotocols of others, where pages have a token that can set no field.
 */
export function headWithoutSecrets(head: string): string {
  const [first = "", ...lines] = head.split("\r\n");
  return [
    first.replace(/\?\S*/, (query) => query.replace(/(?<==)[^&\s]*|(?<=[?&])[^=&\s]+(?=&|$)/g, hidden)),
    ...lines.map(fieldWithoutSecrets),
  ].join("\r\n");
}

function fieldWithoutSecrets(line: string): string {
  const [, name = "", colon = "", value = ""] = /^([^:]*)(:\s*|)(.*)$/.exec(line) ?? [];
  if (/^sec-websocket-protocol$/i.test(name)) {
    return name + colon + value.replace(/[^,\s]+/g, (word) => /^mqtt(?:v[\d.]+)?$/i.test(word) ? word : hidden(word));
  }
  return name + colon + (SHOWN_FIELDS.test(name) ? value : hidden(value));
}

function hidden({ length }: string): string {
  return "*".repeat(length);
}

/** Length of the head of HTTP at the beginning of some bytes; 0 if its end is missing. */
function headLength(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(0x0a, 3); at !== -1; at = bytes.indexOf(0x0a, at + 1)) {
    if (bytes[at - 1] === 0x0d && bytes[at - 2] === 0x0a && bytes[at - 3] === 0x0d) return at + 1;
  }
  return 0;
}

/** Bytes together; a single part is no copy. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  return parts.length === 1 && first !== undefined ? first : concatenated(parts);
}
