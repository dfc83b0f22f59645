import type { PacketBatch } from "../../src/codec/decoder.ts";
import type { ByteSource } from "../../src/codec/batch_stream.ts";
import { PacketDecoderStream, type PacketDecoderStreamOptions } from "../../src/codec/packet_decoder_stream.ts";

/** Gives chunks one by one, and remembers what was asked of it. */
export class ChunkSource implements ByteSource {
  reads = 0;
  isClosed = false;
  readonly #chunks: (Uint8Array | Error)[];

  constructor(chunks: readonly (Uint8Array | Error)[]) {
    this.#chunks = [...chunks];
  }

  read(): Promise<Uint8Array | undefined> {
    this.reads += 1;
    const chunk = this.isClosed ? undefined : this.#chunks.shift();
    return chunk instanceof Error ? Promise.reject(chunk) : Promise.resolve(chunk);
  }

  close(): void {
    this.isClosed = true;
  }
}

/** What a decoder stream gives that reads the chunks itself. */
export async function fusedBatches(
  chunks: readonly Uint8Array[],
  options: PacketDecoderStreamOptions,
): Promise<PacketBatch[]> {
  const reader = new PacketDecoderStream(options).fuse(new ChunkSource(chunks.map((chunk) => chunk.slice())))
    ?.getReader();
  const batches: PacketBatch[] = [];
  for (let read = await reader?.read(); read?.value !== undefined; read = await reader?.read()) {
    batches.push(read.value);
  }
  return batches;
}

/** What the same chunks give through a pipe of the platform. */
export async function pipedBatches(
  chunks: readonly Uint8Array[],
  options: PacketDecoderStreamOptions,
): Promise<PacketBatch[]> {
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk.slice());
      controller.close();
    },
  });
  return await Array.fromAsync(source.pipeThrough(new PacketDecoderStream(options)));
}

/** A batch that can be compared: errors are equal when they say the same. */
export function comparable(batch: PacketBatch): unknown[] {
  return batch.map((item) =>
    item.type === "malformed"
      ? { ...item, error: [item.error.reasonCode, item.error.message, item.error.clause] }
      : item
  );
}
