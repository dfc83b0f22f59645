import { ByteWriter } from "../codec/byte_writer.ts";
import { encodePacket, type Frame, writePacket } from "../codec/encoder.ts";
import type { Packet, ProtocolVersion, QoS } from "../codec/packet.ts";
import type { TopicInterner } from "../codec/topic_interner.ts";
import type { Limits } from "./limits.ts";

// A view that is kept holds all of its buffer: below this share of it the bytes are copied.
const COPIED_SHARE = 1 / 4;
const FIRST_BUFFER_BYTES = 128;
// A client that reads seldom has more at the end of a turn.
const CROWDED_OUTBOX_BYTES = 65_536;
// A payload of this size or more is shared with other outboxes, after a head of its own, not copied. (2026-11)
const SHARED_PAYLOAD_BYTES = 2_048;

/** Bytes that wait in the outboxes of all connections together, as they were counted after their last writes. */
export class OutboxTotal {
  bytes = 0;
  readonly #limits: Limits;

  /** @param limits of the broker, which may change */
  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Bytes that may wait in one outbox where `maximumBytes` may otherwise. */
  most(maximumBytes: number): number {
    return this.bytes > this.#limits.maximumTotalOutboxBytes
      ? Math.min(maximumBytes, CROWDED_OUTBOX_BYTES)
      : maximumBytes;
  }
}

/** Bytes on their way to one connection: a part of a buffer that others may share. */
interface Part {
  buffer: ArrayBufferLike;
  start: number;
  end: number;
  /** Sequence of the change that must be durable before it may leave; 0: none. */
  heldUntil: number;
}

/**
 * Bytes to be sent to one connection, in order. Small packets are written side by side into a buffer of its own; frames
 * that many connections get are only pointed at; parts that lie side by side become one. So what a turn produces mostly
 * leaves as one view, without a copy.
 *
 * A packet that was pushed with a hold leaves when the changes up to its sequence are durable; all after it wait with it.
 */
export class Outbox {
  /** Version that the packets are encoded for. */
  version: ProtocolVersion = 4;
  /** Number of bytes that wait. */
  bytes = 0;
  /** Counts of packets, of PUBLISH among them, and bytes of their payloads, as pushed since the reader set them to 0. */
  packets = 0;
  publishes = 0;
  /** Counts of PUBLISH with QoS 1 and with QoS 2 among them. */
  publishesQos1 = 0;
  publishesQos2 = 0;
  payloadBytes = 0;
  #writer: ByteWriter | undefined;
  readonly #topics: TopicInterner;
  #parts: Part[] = [];
  /** Number of parts, from the first, that {@linkcode compact} has seen. */
  #compactParts = 0;
  /** Whether what waits may begin within a packet. */
  isCut = false;
  /** Whether {@linkcode pushAfter} is under way: nothing may leave. */
  #isApart = false;
  #isClosed = false;

  /** @param topics encoded before; many outboxes share them */
  constructor(topics: TopicInterner) {
    this.#topics = topics;
  }

  /** Appends a packet; throws RangeError when it cannot be encoded. */
  push(packet: Packet, heldUntil = 0): void {
    if (this.#isClosed) return;
    this.packets += 1;
    if (packet.type === "publish") this.#countPublish(packet.payload.length, packet.qos);
    if (this.#writer === undefined && (packet.type === "connack" || packet.type === "pingresp")) {
      // Many connections never get anything else: what is idle should hold no buffer.
      const { buffer, byteOffset, length } = encodePacket(packet, this.version);
      return this.#append(buffer, byteOffset, byteOffset + length, heldUntil);
    }
    const writer = this.#writer ??= new ByteWriter(FIRST_BUFFER_BYTES);
    writePacket(writer, packet, this.version, this.#topics);
    this.#append(writer.bytes.buffer, writer.start, writer.position, heldUntil);
  }

  /** Appends a PUBLISH whose bytes stay as they are: `buffer[start..end)`. */
  pushShared(buffer: ArrayBufferLike, start: number, end: number, payloadBytes = 0): void {
    if (this.#isClosed) return;
    this.packets += 1;
    this.#countPublish(payloadBytes, 0);
    this.#append(buffer, start, end, 0);
  }

  /** Appends a PUBLISH with QoS 1 or 2 made from a frame that others share: its own head, then the payload. */
  pushPublish(
    frame: Frame,
    payloadBytes: number,
    identifierOffset: number,
    packetIdentifier: number,
    dup: boolean,
    heldUntil = 0,
  ): void {
    if (this.#isClosed) return;
    this.packets += 1;
    this.#countPublish(payloadBytes, ((frame[0] as number) & 0x04) === 0 ? 1 : 2); // QoS in its first byte.
    const writer = this.#writer ??= new ByteWriter(FIRST_BUFFER_BYTES);
    const headBytes = payloadBytes < SHARED_PAYLOAD_BYTES ? frame.length : frame.length - payloadBytes;
    writer.begin(headBytes);
    writer.raw(headBytes === frame.length ? frame : frame.subarray(0, headBytes));
    const { bytes, start, position } = writer;
    if (dup) bytes[start] = (bytes[start] as number) | 0x08; // [MQTT-3.3.1-1]
    bytes[start + identifierOffset] = packetIdentifier >>> 8;
    bytes[start + identifierOffset + 1] = packetIdentifier;
    this.#append(bytes.buffer, start, position, heldUntil);
    if (headBytes < frame.length) {
      this.#append(frame.buffer, frame.byteOffset + headBytes, frame.byteOffset + frame.length, 0);
    }
  }

  /** Calls `push`, and `pushFirst` with the result; what `pushFirst` pushes leaves first. */
  pushAfter<Result>(push: () => Result, pushFirst: (result: Result) => void): void {
    const before = this.#parts;
    this.#parts = [];
    this.#isApart = true;
    let result: Result;
    try {
      result = push();
    } catch (error) {
      this.#parts = before.concat(this.#parts);
      throw error;
    } finally {
      this.#isApart = false;
    }
    const after = this.#parts;
    this.#parts = before;
    pushFirst(result);
    this.#parts.push(...after);
  }

  /**
   * The bytes that may leave, as one, and at most so many; `undefined` for none. The others stay shared.
   *
   * @param isWhole whether they must end with a packet: then a single packet may be larger
   */
  take(durableSequence: number, wantedBytes = Infinity, isWhole = false): Uint8Array | undefined {
    if (this.#isApart) return undefined;
    const parts = this.#parts;
    const mostBytes = isWhole && this.bytes > wantedBytes ? this.#wholeBytes(wantedBytes) : wantedBytes;
    let count = 0;
    let bytes = 0;
    for (const part of parts) {
      if (part.heldUntil > durableSequence || bytes >= mostBytes) break;
      bytes += part.end - part.start;
      count += 1;
    }
    if (count === 0) return undefined;
    this.isCut = !isWhole && bytes >= mostBytes && (bytes > mostBytes || count < parts.length);
    const left = Math.max(0, bytes - mostBytes); // They stay in the last part.
    bytes -= left;
    this.bytes -= bytes;
    const taken = count === 1 ? viewOf(parts[0] as Part, left) : joined(parts, count, bytes);
    const gone = left === 0 ? count : count - 1;
    if (left > 0) {
      const last = parts[gone] as Part; // It is the last that was counted.
      last.start = last.end - left;
    }
    this.#parts = gone === parts.length ? [] : gone === 0 ? parts : parts.slice(gone);
    this.#compactParts = Math.max(0, this.#compactParts - gone);
    return taken;
  }

  /** Bytes of the first packets that are no more than so many; of the first one if it is larger. */
  #wholeBytes(mostBytes: number): number {
    let end = 0;
    let partStart = 0; // Like `end`, counted from the first part.
    for (const { buffer, start, end: partEnd } of this.#parts) {
      const part = new Uint8Array(buffer, start, partEnd - start);
      while (end < partStart + part.length) {
        const next = end + packetBytes(part, end - partStart); // A head lies in one part.
        if (next > mostBytes) return end === 0 ? next : end;
        end = next;
      }
      partStart += part.length;
    }
    return end;
  }

  /** Whether something waits for changes after the sequence `after`, up to `until`. */
  isHeldBetween(after: number, until: number): boolean {
    return this.#parts.some(({ heldUntil }) => heldUntil > after && heldUntil <= until);
  }

  /** Copies views that would hold much more than they show: called when a turn ends and parts still wait. */
  compact(): void {
    if (this.#isApart) return;
    const writer = this.#writer ??= new ByteWriter(FIRST_BUFFER_BYTES);
    const fresh = this.#parts.splice(this.#compactParts);
    for (const { buffer, start, end, heldUntil } of fresh) {
      this.bytes -= end - start; // Appended once more.
      if (end - start >= buffer.byteLength * COPIED_SHARE || buffer === writer.bytes.buffer) {
        this.#append(buffer, start, end, heldUntil);
      } else {
        // Side by side, so that many small ones become one part.
        writer.begin(end - start);
        writer.raw(new Uint8Array(buffer, start, end - start));
        this.#append(writer.bytes.buffer, writer.start, writer.position, heldUntil);
      }
    }
    this.#compactParts = this.#parts.length;
  }

  /** Takes no further packet; those that wait still leave. [MQTT-3.14.4-1] */
  close(): void {
    this.#isClosed = true;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Drops all that waits. */
  clear(): void {
    this.#parts = [];
    this.#compactParts = 0;
    this.bytes = 0;
    this.isCut = false;
  }

  #countPublish(payloadBytes: number, qos: QoS): void {
    this.publishes += 1;
    if (qos === 1) this.publishesQos1 += 1;
    else if (qos === 2) this.publishesQos2 += 1;
    this.payloadBytes += payloadBytes;
  }

  #append(buffer: ArrayBufferLike, start: number, end: number, heldUntil: number): void {
    this.bytes += end - start;
    const last = this.#parts[this.#parts.length - 1];
    if (last !== undefined && last.buffer === buffer && last.end === start && heldUntil <= last.heldUntil) {
      last.end = end;
      return;
    }
    this.#parts.push({ buffer, start, end, heldUntil });
  }
}

/** Size of the packet that begins there, with its fixed header (section 2.1.1). */
function packetBytes(bytes: Uint8Array, at: number): number {
  let length = 0;
  for (let index = 1; index <= 4; index++) {
    const byte = bytes[at + index] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * (index - 1));
    if (byte < 0x80) return 1 + index + length;
  }
  return 5 + length;
}

/** Without the last bytes, which are to stay. */
function viewOf({ buffer, start, end }: Part, left: number): Uint8Array {
  return new Uint8Array(buffer, start, end - start - left);
}

/** The first bytes of so many parts. */
function joined(parts: readonly Part[], count: number, bytes: number): Uint8Array {
  const all = new Uint8Array(bytes);
  let offset = 0;
  for (let index = 0; index < count; index++) {
    const { buffer, start, end } = parts[index] as Part; // Below count.
    const length = Math.min(end - start, bytes - offset);
    all.set(new Uint8Array(buffer, start, length), offset);
    offset += length;
  }
  return all;
}
