import type { ByteChannel, Peer, Transport } from "./transport.ts";

/** Transport on a channel; its streams are created on first use. */
export class ChannelTransport implements Transport {
  #readable: ReadableStream<Uint8Array> | undefined;
  #isFused = false;
  #writable: WritableEnd | undefined;

  /** Makes a transport of a channel, for a peer that logs and hooks are told of. */
  constructor(readonly channel: ByteChannel, readonly peer: Peer) {}

  get readable(): ReadableStream<Uint8Array> {
    return this.#readable ??= this.#isFused ? lockedStream() : this.#unread();
  }

  get writable(): WritableStream<Uint8Array> {
    return (this.#writable ??= new WritableEnd(this.channel)).stream;
  }

  get writtenBytes(): number | undefined {
    return this.channel.writtenBytes;
  }

  keepAlive(): void {
    this.channel.keepAlive?.();
  }

  close(): void {
    this.channel.close();
  }

  /** Forgets the stream when its pipe is fused: it is locked for good, and would cost a KiB. */
  #unread(): ReadableStream<Uint8Array> {
    return new ChannelReadable(this.channel, () => {
      this.#isFused = true;
      this.#readable = undefined;
    });
  }
}

function lockedStream(): ReadableStream<Uint8Array> {
  const stream = new ReadableStream<Uint8Array>();
  stream.getReader();
  return stream;
}

/** Gives the channel of a transport, or one on its streams, which must not be used otherwise. */
export function channelOf(transport: Transport): ByteChannel {
  return transport instanceof ChannelTransport ? transport.channel : new StreamChannel(transport);
}

/** Channel on the streams of a transport. */
class StreamChannel implements ByteChannel {
  readonly #transport: Transport;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.#reader = transport.readable.getReader();
    this.#writer = transport.writable.getWriter();
    this.#writer.closed.catch(() => {}); // Each write and close has its own owner.
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#reader.read().then(({ value }) => value);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#writer.write(bytes);
  }

  get isWriting(): boolean {
    return (this.#writer.desiredSize ?? 0) <= 0;
  }

  closeWrite(): Promise<void> {
    return this.#writer.close();
  }

  close(): void {
    this.#transport.close();
  }
}

/**
 * A transform that can read bytes without a pipe, such as `PacketDecoderStream`: `fuse` gives its `readable`, which
 * then reads the source itself, or `undefined` where that cannot be done.
 */
export interface FusibleTransform<Output> extends ReadableWritablePair<Output, Uint8Array> {
  /** Gives the stream that reads the source itself; `undefined`: it cannot, so pipe as usual. */
  fuse(source: Pick<ByteChannel, "read" | "usesRoom" | "close">): ReadableStream<Output> | undefined;
}

const ON_DEMAND = { highWaterMark: 0 };

/** Stream of the bytes of a channel, which reads it on demand. `pipeThrough` fuses if it can. */
export class ChannelReadable extends ReadableStream<Uint8Array> {
  readonly #source: ChannelSource;
  readonly #onFused: () => void;

  constructor(channel: ByteChannel, onFused: () => void) {
    const source = new ChannelSource(channel);
    super(source, ON_DEMAND);
    this.#source = source;
    this.#onFused = onFused;
  }

  override pipeThrough<Output>(
    transform: ReadableWritablePair<Output, Uint8Array>,
    options?: StreamPipeOptions,
  ): ReadableStream<Output> {
    // A pipe with options does more than pass chunks on, and a stream that was read may hold a chunk.
    const canFuse = isFusible(transform) && options === undefined && !this.#source.isUsed && !this.locked;
    const fused = canFuse ? transform.fuse(this.#source.channel) : undefined;
    if (fused === undefined) return super.pipeThrough(transform, options);
    this.getReader(); // Locked for good.
    this.#onFused();
    return fused;
  }
}

function isFusible<Output>(
  transform: ReadableWritablePair<Output, Uint8Array>,
): transform is FusibleTransform<Output> {
  return "fuse" in transform && typeof transform.fuse === "function";
}

class ChannelSource implements UnderlyingDefaultSource<Uint8Array> {
  /** Whether the stream has read it or ended it. */
  isUsed = false;

  constructor(readonly channel: ByteChannel) {}

  pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    this.isUsed = true;
    return this.channel.read().then((bytes) => bytes === undefined ? controller.close() : controller.enqueue(bytes));
  }

  cancel(): void {
    this.isUsed = true;
    this.channel.close();
  }
}

/**
 * The writable end of a channel: its stream, or a writer of ours that stands in the stream's place. The stream is not
 * kept meanwhile: it would cost each connection 1.3 KiB to say that it is locked. (Deno 2.9, 2026-11-30)
 */
export class WritableEnd {
  writer: ChannelWriter | undefined;
  /** Outcome of `close()` or `abort()` of a writer; `undefined`: neither was called. It outlives that writer. */
  closing: Promise<void> | undefined;
  readonly #channel: ByteChannel;
  #stream: ChannelWritable | undefined;

  constructor(channel: ByteChannel) {
    this.#channel = channel;
  }

  get stream(): ChannelWritable {
    return this.#stream ??= new ChannelWritable(this.#channel, this);
  }

  lock(): ChannelWriter {
    this.#stream = undefined;
    return this.writer = new ChannelWriter(this.#channel, this);
  }
}

/** Stream of bytes to a channel. Its own writer hands them to the channel; a pipe goes through the stream. */
export class ChannelWritable extends WritableStream<Uint8Array> {
  readonly #sink: ChannelSink;
  readonly #end: WritableEnd;

  constructor(channel: ByteChannel, end: WritableEnd) {
    const sink = new ChannelSink(channel, end);
    super(sink);
    this.#sink = sink;
    this.#end = end;
  }

  override getWriter(): WritableStreamDefaultWriter<Uint8Array> {
    if (this.#isLocked) throw lockedError();
    // A stream that was written to may have more to write.
    if (this.#sink.isUsed || super.locked) return super.getWriter();
    return this.#end.lock();
  }

  override get locked(): boolean {
    return this.#isLocked || super.locked;
  }

  override close(): Promise<void> {
    if (this.#isLocked) return Promise.reject(lockedError());
    this.#sink.isUsed = true;
    return super.close();
  }

  override abort(reason?: unknown): Promise<void> {
    if (this.#isLocked) return Promise.reject(lockedError());
    this.#sink.isUsed = true;
    return super.abort(reason);
  }

  get #isLocked(): boolean {
    return this.#end.writer !== undefined;
  }
}

class ChannelSink implements UnderlyingSink<Uint8Array> {
  /** Whether the stream has written to it or ended it. */
  isUsed = false;
  readonly #channel: ByteChannel;
  readonly #end: WritableEnd;

  constructor(channel: ByteChannel, end: WritableEnd) {
    this.#channel = channel;
    this.#end = end;
  }

  start(controller: WritableStreamDefaultController): void {
    this.#channel.ended?.then(() => controller.error(new Error("Cannot write: the connection is closed")));
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#refuseLocked();
    this.isUsed = true;
    return this.#channel.write(bytes);
  }

  close(): Promise<void> {
    this.#refuseLocked();
    this.isUsed = true;
    return this.#channel.closeWrite();
  }

  abort(): void {
    this.#refuseLocked();
    this.isUsed = true;
    this.#channel.close();
  }

  /** Refuses a pipe to the stream while a writer of ours has the channel: the platform does not ask `locked`. */
  #refuseLocked(): void {
    if (this.#end.writer !== undefined) throw lockedError();
  }
}

/** Writes to a channel as the writer of its stream would, with the one promise of the channel for a write. */
export class ChannelWriter implements WritableStreamDefaultWriter<Uint8Array> {
  #channel: ByteChannel | undefined;
  readonly #end: WritableEnd;
  #last: Promise<void> | undefined;
  #closed: PromiseWithResolvers<undefined> | undefined;

  constructor(channel: ByteChannel, end: WritableEnd) {
    this.#channel = channel;
    this.#end = end;
  }

  write(bytes: Uint8Array = new Uint8Array(0)): Promise<void> {
    if (this.#channel === undefined) return Promise.reject(releasedError());
    if (this.#end.closing !== undefined) return Promise.reject(closingError());
    const written = this.#last = this.#channel.write(bytes);
    if (this.#closed !== undefined) this.#watch(written);
    return written;
  }

  get desiredSize(): number {
    if (this.#channel === undefined) throw releasedError();
    return this.#channel.isWriting || this.#end.closing !== undefined ? 0 : 1;
  }

  /** Resolves when no write is under way. */
  get ready(): Promise<undefined> {
    if (this.#channel === undefined) return Promise.reject(releasedError());
    if (!this.#channel.isWriting || this.#last === undefined) return Promise.resolve(undefined);
    const ready = this.#last.then(() => undefined);
    ready.catch(() => {}); // As in the platform: its rejection need not be handled.
    return ready;
  }

  close(): Promise<void> {
    const channel = this.#channel;
    if (channel === undefined) return Promise.reject(releasedError());
    if (this.#end.closing !== undefined) return Promise.reject(closingError());
    const closing = channel.isWriting && this.#last !== undefined
      ? this.#last.then(() => channel.closeWrite())
      : channel.closeWrite();
    this.#last = closing;
    this.#closes(closing);
    return closing;
  }

  abort(reason?: unknown): Promise<void> {
    if (this.#channel === undefined) return Promise.reject(releasedError());
    if (this.#end.closing === undefined) this.#closes(Promise.reject(reason));
    this.#channel.close();
    return Promise.resolve();
  }

  releaseLock(): void {
    if (this.#channel === undefined) return;
    this.#channel = undefined;
    this.#end.writer = undefined;
    this.#closed?.reject(releasedError());
  }

  /** Created on first use. */
  get closed(): Promise<undefined> {
    if (this.#closed === undefined) {
      this.#closed = Promise.withResolvers();
      this.#closed.promise.catch(() => {}); // As in the platform: its rejection need not be handled.
      if (this.#channel === undefined) this.#closed.reject(releasedError());
      if (this.#last !== undefined) this.#watch(this.#last);
      if (this.#end.closing !== undefined) this.#closes(this.#end.closing);
      this.#channel?.ended?.then(() => this.#closed?.reject(new Error("The connection is closed")));
    }
    return this.#closed.promise;
  }

  #closes(closing: Promise<void>): void {
    this.#end.closing = closing;
    closing.then(() => this.#closed?.resolve(undefined), (error) => this.#closed?.reject(error));
  }

  #watch(written: Promise<void>): void {
    written.catch((error) => this.#closed?.reject(error));
  }
}

function lockedError(): TypeError {
  return new TypeError("The stream is locked to a writer");
}

function releasedError(): TypeError {
  return new TypeError("The writer has been released");
}

function closingError(): TypeError {
  return new TypeError("The stream is closing or closed");
}
