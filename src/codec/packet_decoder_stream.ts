import { type PacketBatch, PacketDecoder, type PacketDecoderOptions } from "./decoder.ts";

// Several small batches may wait: with 0 each one costs one more round of promises. (window 1, 50 pairs: 6 %, 2026-11)
const BATCHES_READ_AHEAD = 4;

/**
 * Bytes in, batches of packets out, one for each chunk. A chunk that ends within a packet gives what was whole: a batch
 * without packets says that bytes have come.
 * What is malformed is the last item of the last batch, not an error of the stream, so that nothing before it is lost.
 *
 * @example
 * ```ts
 * import { PacketDecoderStream } from "./packet_decoder_stream.ts";
 *
 * const bytes = ReadableStream.from([new Uint8Array([0xc0]), new Uint8Array([0x00, 0xc0, 0x00])]);
 * for await (const batch of bytes.pipeThrough(new PacketDecoderStream({ protocolVersion: 5 }))) {
 *   for (const packet of batch) console.log(packet.type);
 * }
 * ```
 */
export class PacketDecoderStream extends TransformStream<Uint8Array, PacketBatch> {
  /** Options and errors are those of {@linkcode PacketDecoder}. */
  constructor(options: PacketDecoderOptions = {}) {
    const decoder = new PacketDecoder(options);
    super(
      {
        transform(chunk, controller) {
          const batch = decoder.decode(chunk);
          if (batch.length > 0 || decoder.isWithinPacket) controller.enqueue(batch);
        },
      },
      { highWaterMark: BATCHES_READ_AHEAD },
      { highWaterMark: BATCHES_READ_AHEAD },
    );
  }
}
