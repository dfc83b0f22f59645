import type { Peer, Transport } from "./transport.ts";

/** The bytes of a connection below its streams: one promise for a read or a write, where a stream makes several. */
export interface ByteChannel {
  /**
   * The next bytes, which are not written to afterwards; `undefined` behind the last. One read at a time. They may be
   * read to the beginning of `room`, where some is offered, or to anywhere else.
   */
  read(room?: Uint8Array): Promise<Uint8Array | undefined>;
  /** Resolves when the bytes are handed over. Writes that are under way at once leave in their order. */
  write(bytes: Uint8Array): Promise<void>;
  /** Whether a write is not through yet. */
  readonly isWriting: boolean;
  /** Has the system find out when the peer is gone without a word, because nobody else will. */
  keepAlive?(): void;
  /** Says that no more will be written; all writes are through by then. */
  closeWrite(): Promise<void>;
  /** Ends it at once, both ways; safe to call again. Reads and writes that wait end too. */
  close(): void;
}

/** A transport made of a channel; its streams are made when somebody asks for them. */
export class ChannelTransport implements Transport {
  #readable: ReadableStream<Uint8Array> | undefined;
  #writable: WritableStream<Uint8Array> | undefined;

  constructor(readonly channel: ByteChannel, readonly peer: Peer) {}

  get readable(): ReadableStream<Uint8Array> {
    return this.#readable ??= readableOf(this.channel);
  }

  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= writableOf(this.channel);
  }

  close(): void {
    this.channel.close();
  }
}

/** The bytes of a transport, for one who then is the only one to read and write them. */
export function channelOf(transport: Transport): ByteChannel {
  return transport instanceof ChannelTransport ? transport.channel : new StreamChannel(transport);
}

function readableOf(channel: ByteChannel): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: (controller) =>
      channel.read().then((bytes) => {
        if (bytes === undefined) controller.close();
        else controller.enqueue(bytes);
      }),
    cancel: () => channel.close(),
  }, { highWaterMark: 0 });
}

function writableOf(channel: ByteChannel): WritableStream<Uint8Array> {
  return new WritableStream({
    write: (bytes) => channel.write(bytes),
    close: () => channel.closeWrite(),
    abort: () => channel.close(),
  });
}

/** A transport that is nothing but its streams. */
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
