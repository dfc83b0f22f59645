/**
 * Batches of packets as a stream that reads and decodes its bytes when it is asked.
 *
 * ```text
 * fused   channel of a transport  <- read -  BatchSource with its decoder  <- read -  BatchReader
 * piped   ReadableStream - pipeTo -> WrittenBytes  <- read -  the same
 * ```
 */

import type { PacketBatch, PacketDecoder } from "./decoder.ts";

/** Bytes that can be read without a stream; the channel of a transport is one. */
export interface ByteSource {
  /**
   * Resolves with the next bytes, which are not written to afterwards; with `undefined` after the last, and when it is
   * asked again. One read at a time. They may be read to the beginning of `room`, where some is offered, or to anywhere
   * else.
   */
  read(room?: Uint8Array): Promise<Uint8Array | undefined>;
  /** Whether it reads to the room that is offered; making some costs, so others are offered none. @default {false} */
  readonly usesRoom?: boolean;
  /** Ends it at once; safe to call again. A read that waits ends too. */
  close(reason?: unknown): void;
}

/** Decodes a chunk that may take milliseconds, at once or later. */
export type DecodeLarge = (decoder: PacketDecoder, chunk: Uint8Array) => PacketBatch | Promise<PacketBatch>;

type Read = ReadableStreamReadResult<PacketBatch>;

const LARGE_CHUNK_BYTES = 16_384;
const ON_DEMAND = { highWaterMark: 0 };
// `value` as the platform gives it, which its types leave out.
const DONE = { value: undefined, done: true } as unknown as Read;

/** Iterator that fits the types of Deno as well as those of a browser (`lib: ["dom"]`), which apps may have. */
interface BatchIterator extends AsyncIteratorObject<PacketBatch, undefined> {
  next(): Promise<IteratorResult<PacketBatch, undefined>>;
  [Symbol.asyncIterator](): BatchIterator;
}

/** Stream of batches, whose source is read when a batch is asked for. */
export class BatchStream extends ReadableStream<PacketBatch> {
  readonly #source: BatchSource;

  constructor(source: BatchSource) {
    super(source, ON_DEMAND);
    this.#source = source;
  }

  override getReader(options: { mode: "byob" }): ReadableStreamBYOBReader;
  override getReader(): ReadableStreamDefaultReader<PacketBatch>;
  override getReader(options?: ReadableStreamGetReaderOptions): ReadableStreamReader<PacketBatch>;
  override getReader(options?: ReadableStreamGetReaderOptions): ReadableStreamReader<PacketBatch> {
    this.#refuseLocked();
    // A stream that was read in another way may hold a batch.
    if (options?.mode !== undefined || this.#source.isUsed || super.locked) return super.getReader(options);
    return this.#source.lock();
  }

  override get locked(): boolean {
    return this.#isRead || super.locked;
  }

  override cancel(reason?: unknown): Promise<void> {
    return !this.#isRead ? super.cancel(reason) : Promise.reject(lockedError());
  }

  override tee(): [ReadableStream<PacketBatch>, ReadableStream<PacketBatch>] {
    this.#refuseLocked();
    return super.tee();
  }

  override pipeTo(destination: WritableStream<PacketBatch>, options?: StreamPipeOptions): Promise<void> {
    return !this.#isRead ? super.pipeTo(destination, options) : Promise.reject(lockedError());
  }

  override pipeThrough<Output>(
    transform: ReadableWritablePair<Output, PacketBatch>,
    options?: StreamPipeOptions,
  ): ReadableStream<Output> {
    this.#refuseLocked();
    return super.pipeThrough(transform, options);
  }

  override values(options?: ReadableStreamIteratorOptions): BatchIterator {
    this.#refuseLocked();
    return super.values(options) as BatchIterator; // Async iterators of JavaScript inherit Symbol.asyncDispose.
  }

  override [Symbol.asyncIterator](options?: ReadableStreamIteratorOptions): BatchIterator {
    return this.values(options);
  }

  get #isRead(): boolean {
    return this.#source.reader !== undefined;
  }

  #refuseLocked(): void {
    if (this.#isRead) throw lockedError();
  }
}

/**
 * Reads and decodes, one read after the other: for its stream, or for a reader of ours that stands in the stream's place.
 * The stream is not kept meanwhile: it would cost each connection 1 KiB to say that it is locked. (Deno 2.9, 2026-11-30)
 */
export class BatchSource implements UnderlyingDefaultSource<PacketBatch> {
  /** Whether the stream itself has read it or ended it. */
  isUsed = false;
  reader: BatchReader | undefined;
  #stream: BatchStream | undefined;
  /** Bytes of all chunks so far. */
  receivedBytes = 0;
  /** Called with each chunk before it is decoded. */
  onBytes: ((bytes: Uint8Array) => void) | undefined;
  readonly #decoder: PacketDecoder;
  readonly #decodeLarge: DecodeLarge | undefined;
  readonly #source: ByteSource;
  readonly #take: (bytes: Uint8Array | undefined) => Read | Promise<Read>;
  readonly #fail: (error: unknown) => Read;
  /** Number of reads that are under way. */
  #reads = 0;
  /** The last read. */
  #last: Promise<Read> | undefined;
  #end: { readonly error?: unknown } | undefined;

  constructor(decoder: PacketDecoder, decodeLarge: DecodeLarge | undefined, source: ByteSource) {
    this.#decoder = decoder;
    this.#decodeLarge = decodeLarge;
    this.#source = source;
    this.#take = this.#taken.bind(this);
    this.#fail = this.#failed.bind(this);
  }

  get stream(): BatchStream {
    return this.#stream ??= new BatchStream(this);
  }

  lock(): BatchReader {
    this.#stream = undefined;
    return this.reader = new BatchReader(this);
  }

  pull(controller: ReadableStreamDefaultController<PacketBatch>): Promise<void> {
    if (this.reader !== undefined) throw lockedError(); // The platform does not ask `locked` for a reader of its own.
    this.isUsed = true;
    return this.next().then(({ value, done }) => done ? controller.close() : controller.enqueue(value));
  }

  cancel(reason?: unknown): void {
    this.isUsed = true;
    this.#end ??= {};
    this.#source.close(reason);
  }

  next(): Promise<Read> {
    this.#reads += 1;
    if (this.#reads === 1 || this.#last === undefined) return this.#last = this.#read();
    const read = () => this.#read();
    return this.#last = this.#last.then(read, read);
  }

  /** The read that is under way, if any. */
  get reading(): Promise<Read> | undefined {
    return this.#reads > 0 ? this.#last : undefined;
  }

  /** End of the source, with the error where it broke; `undefined`: it has not ended. */
  get end(): { readonly error?: unknown } | undefined {
    return this.#end;
  }

  #read(): Promise<Read> {
    if (this.#end !== undefined) return Promise.resolve(this.#end).then((end) => this.#ended(end));
    return this.#source.read(this.#source.usesRoom ? this.#decoder.room : undefined).then(this.#take, this.#fail);
  }

  #taken(bytes: Uint8Array | undefined): Read | Promise<Read> {
    if (bytes === undefined || this.#end !== undefined) return this.#ended(this.#end ??= {});
    this.receivedBytes += bytes.length;
    if (this.onBytes !== undefined) this.onBytes(bytes);
    const decoder = this.#decoder;
    if (this.#decodeLarge !== undefined && (bytes.length >= LARGE_CHUNK_BYTES || decoder.isWithinPacket)) {
      return this.#decodedLarge(bytes, this.#decodeLarge);
    }
    return this.#decoded(decoder.decode(bytes));
  }

  #decodedLarge(bytes: Uint8Array, decodeLarge: DecodeLarge): Read | Promise<Read> {
    let batch: PacketBatch | Promise<PacketBatch>;
    try {
      batch = decodeLarge(this.#decoder, bytes);
    } catch (error) {
      return this.#broken(error);
    }
    if (!(batch instanceof Promise)) return this.#decoded(batch);
    return batch.then((decoded) => this.#decoded(decoded), (error) => this.#broken(error));
  }

  /** Ends the source for an error of `decodeLarge`. */
  #broken(error: unknown): Read {
    this.#end ??= { error };
    this.#source.close(error);
    return this.#ended(this.#end);
  }

  /** Passes a batch on that has packets, or says that bytes of one have come. */
  #decoded(value: PacketBatch): Read | Promise<Read> {
    if (value.length === 0 && !this.#decoder.isWithinPacket) return this.#read();
    this.#reads -= 1;
    return { value, done: false };
  }

  #failed(error: unknown): Read {
    return this.#ended(this.#end ??= { error }); // A read that ends because the source was cancelled has not failed.
  }

  #ended(end: { readonly error?: unknown }): Read {
    this.#reads -= 1;
    if ("error" in end) throw end.error;
    return DONE;
  }
}

/** Reads a source as the reader of its stream would, with two promises for a batch where that makes a dozen. */
class BatchReader implements ReadableStreamDefaultReader<PacketBatch> {
  #source: BatchSource | undefined;
  #closed: PromiseWithResolvers<undefined> | undefined;

  constructor(source: BatchSource) {
    this.#source = source;
  }

  read(): Promise<Read> {
    if (this.#source === undefined) return Promise.reject(releasedError());
    const read = this.#source.next();
    if (this.#closed !== undefined) this.#watch(read);
    return read;
  }

  cancel(reason?: unknown): Promise<void> {
    if (this.#source === undefined) return Promise.reject(releasedError());
    this.#source.cancel(reason);
    this.#closed?.resolve(undefined);
    return Promise.resolve();
  }

  /** Throws TypeError while a read is under way: what it reads would be lost. */
  releaseLock(): void {
    if (this.#source === undefined) return;
    if (this.#source.reading !== undefined) throw new TypeError("Cannot release the reader: a read is under way");
    this.#source.reader = undefined;
    this.#source = undefined;
    this.#closed?.reject(releasedError());
  }

  /** Made when it is asked for. */
  get closed(): Promise<undefined> {
    if (this.#closed === undefined) {
      this.#closed = Promise.withResolvers();
      this.#closed.promise.catch(() => {}); // As the platform has it: a rejection that nobody looks at is no error.
      const end = this.#source?.end;
      if (this.#source === undefined) this.#closed.reject(releasedError());
      else if (this.#source.reading !== undefined) this.#watch(this.#source.reading);
      else if (end !== undefined && "error" in end) this.#closed.reject(end.error);
      else if (end !== undefined) this.#closed.resolve(undefined);
    }
    return this.#closed.promise;
  }

  #watch(read: Promise<Read>): void {
    read.then(({ done }) => {
      if (done) this.#closed?.resolve(undefined);
    }, (error) => this.#closed?.reject(error));
  }
}

function lockedError(): TypeError {
  return new TypeError("The stream is locked to a reader");
}

function releasedError(): TypeError {
  return new TypeError("The reader has been released");
}
