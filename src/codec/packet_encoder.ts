import { ByteWriter } from "./byte_writer.ts";
import { type Frame, writeBatch, writePacket } from "./encoder.ts";
import type { Packet, ProtocolVersion } from "./packet.ts";
import { TopicInterner } from "./topic_interner.ts";

/** Options of {@linkcode PacketEncoder}. */
export interface PacketEncoderOptions {
  /** Version of all packets. */
  readonly protocolVersion: ProtocolVersion;
  /** Topics that were sent before; many encoders may share one. By default each encoder has a small one of its own. */
  readonly topics?: TopicInterner;
}

/**
 * Encodes many packets of one Network Connection, one direction: like {@linkcode encodePacket} but several times as
 * fast, because the bytes of small packets lie side by side in a buffer that is used up before a new one is made.
 *
 * @example
 * ```ts
 * import { PacketEncoder } from "@brooklet/brooklet/codec";
 *
 * const encoder = new PacketEncoder({ protocolVersion: 4 });
 * console.log(encoder.encode({ type: "pingreq" })); // c0 00
 * ```
 */
export class PacketEncoder {
  readonly #writer = new ByteWriter();
  readonly #version: ProtocolVersion;
  readonly #topics: TopicInterner;

  /** Makes an encoder of one direction of a connection. */
  constructor({ protocolVersion, topics }: PacketEncoderOptions) {
    this.#version = protocolVersion;
    this.#topics = topics ?? new TopicInterner(256);
  }

  /** Encodes one packet: a view that must not be written to. Throws as {@linkcode encodePacket} does. */
  encode(packet: Packet): Uint8Array {
    const writer = this.#writer;
    writePacket(writer, packet, this.#version, this.#topics);
    return new Uint8Array(writer.bytes.buffer, writer.start, writer.position - writer.start);
  }

  /** Encodes packets and frames, one after the other. Throws as {@linkcode encodePacket} does. */
  encodeBatch(batch: readonly (Packet | Frame)[]): Uint8Array {
    return writeBatch(batch, this.#version, this.#topics);
  }
}
