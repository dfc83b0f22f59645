import { BatchSource, type ByteSource, type DecodeLarge } from "./batch_stream.ts";
import { type PacketBatch, PacketDecoder, type PacketDecoderOptions } from "./decoder.ts";

/** Options of {@linkcode PacketDecoderStream}. */
export interface PacketDecoderStreamOptions extends PacketDecoderOptions {
  /**
   * Decodes a chunk that may take milliseconds, at once or later: one of 16 KiB or more, or one that continues a packet.
   * So many connections can share the time for it. Where it throws or rejects, the stream ends with that error.
   *
   * @default {(decoder, chunk) => decoder.decode(chunk)}
   */
  readonly decodeLarge?: DecodeLarge;
}

/**
 * Bytes in, batches of packets out, one for each chunk. A chunk that ends within a packet gives what was whole: a batch
 * without packets says that bytes have come.
 * Bytes that are malformed are the last item of the last batch, not an error of the stream, so that nothing before them is
 * lost.
 * Nothing is decoded before it is asked for.
 *
 * `pipeThrough` of a transport of ours fuses the two, see {@linkcode PacketDecoderStream.fuse}; any other stream is piped
 * to `writable`, which is made on first use. The batches are the same.
 *
 * @example
 * ```ts
 * import { PacketDecoderStream } from "@brooklet/brooklet/codec";
 *
 * const bytes = ReadableStream.from([new Uint8Array([0xc0]), new Uint8Array([0x00, 0xc0, 0x00])]);
 * for await (const batch of bytes.pipeThrough(new PacketDecoderStream({ protocolVersion: 5 }))) {
 *   for (const packet of batch) console.log(packet.type);
 * }
 * ```
 */
export class PacketDecoderStream implements TransformStream<Uint8Array, PacketBatch> {
  readonly #decoder: PacketDecoder;
  readonly #decodeLarge: DecodeLarge | undefined;
  #batches: BatchSource | undefined;
  #writable: WritableStream<Uint8Array> | undefined;
  #onBytes: ((bytes: Uint8Array) => void) | undefined;

  /** Throws as {@linkcode PacketDecoder} does. */
  constructor(options: PacketDecoderStreamOptions = {}) {
    this.#decoder = new PacketDecoder(options);
    this.#decodeLarge = options.decodeLarge;
  }

  /** The batches. */
  get readable(): ReadableStream<PacketBatch> {
    return (this.#batches ??= this.#piped()).stream;
  }

  /**
   * Takes the bytes. A write resolves when the batch after its chunk is asked for, or the stream ends, so that a pipe takes
   * nothing early: code that both writes and reads must not await a write before that read. Locked where the stream is
   * fused, as it is when something is piped to it.
   */
  get writable(): WritableStream<Uint8Array> {
    this.#batches ??= this.#piped();
    return this.#writable ??= lockedStream();
  }

  /** Bytes that have come so far, with those of packets that are not whole and those after a malformed one. */
  get receivedBytes(): number {
    return this.#batches?.receivedBytes ?? 0;
  }

  /** Bytes of an incomplete packet, as {@linkcode PacketDecoder} keeps it; 0 where there is none. */
  get partialBytes(): number {
    return this.#decoder.partialBytes;
  }

  /** The bytes of an incomplete packet that have come: a view, which the next chunk changes. */
  get partial(): Uint8Array {
    return this.#decoder.partial;
  }

  /** Called with each chunk before it is decoded; it must not throw, nor keep the bytes. @default none */
  get onBytes(): ((bytes: Uint8Array) => void) | undefined {
    return this.#onBytes;
  }

  set onBytes(onBytes: ((bytes: Uint8Array) => void) | undefined) {
    this.#onBytes = onBytes;
    if (this.#batches !== undefined) this.#batches.onBytes = onBytes;
  }

  /**
   * Reads `source` without a pipe: gives `readable`, each read of which reads the source, best to where the decoder has
   * room for it, and decodes what came. It is for the `pipeThrough` of a stream that knows where its bytes come from.
   * `undefined` where `readable` or `writable` was taken before: then only a pipe will do.
   *
   * @example
   * ```ts
   * import { PacketDecoderStream } from "@brooklet/brooklet/codec";
   *
   * const chunks = [new Uint8Array([0xc0, 0x00])];
   * const source = { read: () => Promise.resolve(chunks.shift()), close() {} };
   * const batches = new PacketDecoderStream({ protocolVersion: 5 }).fuse(source);
   * console.log((await batches?.getReader().read())?.value); // PINGREQ
   * ```
   */
  fuse(source: ByteSource): ReadableStream<PacketBatch> | undefined {
    if (this.#batches !== undefined) return undefined;
    return (this.#batches = this.#source(source)).stream;
  }

  #piped(): BatchSource {
    const bytes = new WrittenBytes();
    this.#writable = new WritableStream({
      start: (controller) => bytes.start(controller),
      write: (chunk) => bytes.write(chunk),
      close: () => bytes.end({}),
    });
    return this.#source(bytes);
  }

  #source(bytes: ByteSource): BatchSource {
    const source = new BatchSource(this.#decoder, this.#decodeLarge, bytes);
    source.onBytes = this.#onBytes;
    return source;
  }
}

/** Source of the chunks that are written: a write resolves when the next chunk is asked for. */
class WrittenBytes implements ByteSource {
  #controller: WritableStreamDefaultController | undefined;
  /** A chunk that was written and not read yet. */
  #chunk: Uint8Array | undefined;
  /** Ends the write of the last chunk. */
  #written: (() => void) | undefined;
  #waiting: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  #end: { readonly error?: unknown } | undefined;

  start(controller: WritableStreamDefaultController): void {
    this.#controller = controller;
    controller.signal.addEventListener("abort", () => {
      this.end({ error: controller.signal.reason });
      this.#written?.();
    });
  }

  read(): Promise<Uint8Array | undefined> {
    const chunk = this.#chunk;
    if (chunk !== undefined) {
      this.#chunk = undefined;
      return Promise.resolve(chunk);
    }
    this.#waiting = Promise.withResolvers();
    this.#written?.();
    if (this.#end !== undefined) this.end(this.#end);
    return this.#waiting.promise;
  }

  write(chunk: Uint8Array): Promise<void> {
    if (!(chunk instanceof Uint8Array)) { // Such as the ArrayBuffer of a message: it would be lost without a word.
      const error = new TypeError("Cannot decode: a chunk is not a Uint8Array");
      this.end({ error });
      throw error;
    }
    if (this.#waiting === undefined) this.#chunk = chunk;
    else this.#waiting.resolve(chunk);
    this.#waiting = undefined;
    return new Promise((resolve) => this.#written = resolve);
  }

  /** Refuses what is still written. */
  close(reason?: unknown): void {
    this.end({});
    this.#controller?.error(reason);
    this.#written?.();
  }

  /** Answers the read that waits, and all that follow. */
  end(end: { readonly error?: unknown }): void {
    this.#end ??= end;
    if ("error" in this.#end) this.#waiting?.reject(this.#end.error);
    else this.#waiting?.resolve(undefined);
  }
}

function lockedStream(): WritableStream<Uint8Array> {
  const stream = new WritableStream<Uint8Array>();
  stream.getWriter();
  return stream;
}
