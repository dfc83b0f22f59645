import type { Frame } from "./encoder.ts";
import type { Packet } from "./packet.ts";
import { PacketEncoder, type PacketEncoderOptions } from "./packet_encoder.ts";

/**
 * Batches of packets in, one `Uint8Array` for each batch out. A {@linkcode Frame} in a batch is passed on as it is.
 * A packet that cannot be encoded errors the stream with RangeError.
 *
 * @example
 * ```ts
 * import { PacketEncoderStream } from "@brooklet/brooklet/codec";
 *
 * const batches = ReadableStream.from([[{ type: "pingreq" as const }]]);
 * for await (const bytes of batches.pipeThrough(new PacketEncoderStream({ protocolVersion: 5 }))) {
 *   console.log(bytes); // c0 00
 * }
 * ```
 */
export class PacketEncoderStream extends TransformStream<readonly (Packet | Frame)[], Uint8Array> {
  /** Options are those of {@linkcode PacketEncoder}. */
  constructor(options: PacketEncoderOptions) {
    const encoder = new PacketEncoder(options);
    super({
      transform(batch, controller) {
        if (batch.length > 0) {
          controller.enqueue(encoder.encodeBatch(batch));
        }
      },
    });
  }
}
