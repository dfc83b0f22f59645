import { encodePacket } from "../codec/encoder.ts";
import { fixedHeaderBytes } from "../codec/fixed_header.ts";
import type { ProtocolVersion, QoS } from "../codec/packet.ts";
import { NO_PROPERTIES } from "../codec/property.ts";
import type { PublisherPlan } from "./load_plan.ts";

/** Size of the stamp that begins a load's payloads: publisher, sequence number, time of sending, four bytes each. */
export const STAMP_BYTES = 12;

const LARGEST_BLOCK_BYTES = 65_536;
const MOST_FRAMES = 1_024;
const LENGTH_BYTES = 2;

/** Options of a block. */
export interface BlockOptions {
  readonly plan: PublisherPlan;
  readonly protocolVersion: ProtocolVersion;
  readonly qos: QoS;
  readonly payloadBytes: number;
  /** Largest number of frames sent at once. */
  readonly mostFrames: number;
}

/** PUBLISH packets of one publisher, encoded once, side by side: each time only the changed fields are written. */
export class PublishBlock {
  /** Number of frames. */
  readonly frames: number;
  readonly #bytes: Uint8Array;
  readonly #frameBytes: number;
  readonly #topicAt: number;
  readonly #identifierAt: number;
  readonly #stampAt: number;
  readonly #publisher: number;
  /** Topics, one after the other. */
  readonly #topics: Uint8Array;
  readonly #topicBytes: number;

  constructor({ plan, protocolVersion, qos, payloadBytes, mostFrames }: BlockOptions) {
    const [topic = ""] = plan.topics;
    const frame = encodePacket({
      type: "publish",
      dup: false,
      qos,
      retain: plan.retain,
      topic,
      packetIdentifier: qos === 0 ? 0 : 1,
      properties: NO_PROPERTIES,
      payload: new Uint8Array(payloadBytes).fill(0x62),
    }, protocolVersion);
    this.#frameBytes = frame.length;
    this.frames = Math.max(1, Math.min(mostFrames, MOST_FRAMES, Math.floor(LARGEST_BLOCK_BYTES / frame.length)));
    this.#bytes = new Uint8Array(this.frames * frame.length);
    for (let index = 0; index < this.frames; index++) this.#bytes.set(frame, index * frame.length);
    this.#topics = new TextEncoder().encode(plan.topics.join(""));
    this.#topicBytes = this.#topics.length / plan.topics.length;
    this.#topicAt = (fixedHeaderBytes(frame, 0, frame.length) ?? 0) + LENGTH_BYTES;
    this.#identifierAt = this.#topicAt + this.#topicBytes;
    this.#stampAt = frame.length - payloadBytes;
    this.#publisher = plan.index;
  }

  /** Turns the frame with this number within the block into that of a message. */
  stamp(frame: number, sequence: number, sentAt: number): void {
    const at = frame * this.#frameBytes + this.#stampAt;
    writeUint32(this.#bytes, at, this.#publisher);
    writeUint32(this.#bytes, at + 4, sequence);
    writeUint32(this.#bytes, at + 8, sentAt);
  }

  identify(frame: number, packetIdentifier: number): void {
    const at = frame * this.#frameBytes + this.#identifierAt;
    this.#bytes[at] = packetIdentifier >>> 8;
    this.#bytes[at + 1] = packetIdentifier;
  }

  /** Gives the frame another topic of the plan. */
  address(frame: number, topic: number): void {
    const start = topic * this.#topicBytes;
    this.#bytes.set(this.#topics.subarray(start, start + this.#topicBytes), frame * this.#frameBytes + this.#topicAt);
  }

  /** Bytes of the first frames. */
  first(frames: number): Uint8Array {
    return this.#bytes.subarray(0, frames * this.#frameBytes);
  }
}

/** Reads four bytes; the caller has checked that they are there. */
export function readUint32(bytes: Uint8Array, at: number): number {
  const view = bytes as { readonly [index: number]: number }; // Below the length.
  return (((view[at] as number) << 24) | ((view[at + 1] as number) << 16) | ((view[at + 2] as number) << 8) |
    (view[at + 3] as number)) >>> 0;
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
