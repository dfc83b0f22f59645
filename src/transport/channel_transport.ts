import type { ByteChannel } from "./byte_channel.ts";
import { ChannelReadable, WritableEnd } from "./channel_streams.ts";
import type { Peer, Transport } from "./transport.ts";

/** A transport made of a channel; its streams are made when somebody asks for them. */
export class ChannelTransport implements Transport {
  #readable: ReadableStream<Uint8Array> | undefined;
  #isFused = false;
  #writable: WritableEnd | undefined;

  constructor(readonly channel: ByteChannel, readonly peer: Peer) {}

  get readable(): ReadableStream<Uint8Array> {
    return this.#readable ??= this.#isFused ? lockedStream() : this.#unread();
  }

  get writable(): WritableStream<Uint8Array> {
    return (this.#writable ??= new WritableEnd(this.channel)).stream;
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

/** Gives the channel of a transport, or one that reads and writes its streams: use neither stream besides. */
export function channelOf(transport: Transport): ByteChannel {
  return transport instanceof ChannelTransport ? transport.channel : new StreamChannel(transport);
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
