import type { PacketBatch } from "../codec/decoder.ts";
import type { Frame } from "../codec/encoder.ts";
import type { Packet, ProtocolVersion } from "../codec/packet.ts";
import { PacketDecoderStream } from "../codec/packet_decoder_stream.ts";
import { PacketEncoder } from "../codec/packet_encoder.ts";
import type { OpenTransport } from "./open_transport.ts";

// From here on a publisher with QoS 0 waits.
const MOST_WAITING_BYTES = 262_144;
// How long a write may take when the connection is to end, and then the server to close its side.
const STALLED_MS = 15_000;
const LINGER_MS = 2_000;

type Phase = "idle" | "flushDue" | "writing" | "closed";

/** One Network Connection: batches of packets in, and one write at a time out, with all that waits for it. */
export class NetworkConnection {
  /** Whether anything was written or came in since somebody looked, see `KeepAlive`. */
  hasSent = false;
  hasReceived = false;
  readonly canPause: boolean;
  /** Why it ended, where this side knows. */
  error: Error | undefined;
  readonly #open: OpenTransport;
  readonly #encoder: PacketEncoder;
  readonly #reader: ReadableStreamDefaultReader<PacketBatch>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #phase: Phase = "idle";
  #frames: Frame[] = [];
  #frameBytes = 0;
  /** What was read and is not looked at yet. */
  #unread: PacketBatch | undefined;
  #whenRoom: PromiseWithResolvers<undefined> | undefined;
  #whenIdle: (() => void) | undefined;
  #writes = 0;
  #ending: Promise<void> | undefined;
  #hasSaidLast = false;
  /** While it ends. */
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(open: OpenTransport, protocolVersion: ProtocolVersion, maximumPacketBytes: number) {
    this.#open = open;
    this.canPause = open.canPause;
    this.#encoder = new PacketEncoder({ protocolVersion });
    const decoder = new PacketDecoderStream({ protocolVersion, maximumPacketBytes });
    this.#reader = open.transport.readable.pipeThrough(decoder).getReader();
    this.#writer = open.transport.writable.getWriter();
    this.#writer.closed.catch(() => {}); // Each write and close has its own owner.
  }

  /** Bytes of a packet, to be sent or found too large. Throws as {@linkcode PacketEncoder.encode} does. */
  encode(packet: Packet): Frame {
    return this.#encoder.encode(packet);
  }

  send(packet: Packet): void {
    this.sendFrame(this.#encoder.encode(packet));
  }

  /** Everything that is sent in a turn, or while a write is under way, leaves in one write. */
  sendFrame(frame: Frame): void {
    if (this.#phase === "closed" || this.#hasSaidLast) return;
    this.#frames.push(frame);
    this.#frameBytes += frame.length;
    if (this.#phase !== "idle") return;
    this.#phase = "flushDue";
    queueMicrotask(this.#flush);
  }

  get waitingBytes(): number {
    return this.#frameBytes;
  }

  /** What somebody who sends more has to wait for, if anything. It never rejects. */
  room(): Promise<undefined> | undefined {
    if (this.#frameBytes < MOST_WAITING_BYTES || this.#phase === "closed") return undefined;
    this.#whenRoom ??= Promise.withResolvers();
    return this.#whenRoom.promise;
  }

  /** The next batch; `undefined` at the end. It never rejects, see `error`. */
  async read(): Promise<PacketBatch | undefined> {
    const unread = this.#unread;
    if (unread !== undefined) {
      this.#unread = undefined;
      return unread;
    }
    try {
      const { value } = await this.#reader.read();
      if (value !== undefined) this.hasReceived = true;
      return value;
    } catch (error) {
      this.fail(asError(error));
      return undefined;
    }
  }

  /** Gives back what was read too far. */
  putBack(batch: PacketBatch): void {
    if (batch.length > 0) this.#unread = batch;
  }

  /** Ends it at once. */
  fail(error: Error | undefined): void {
    this.error ??= error;
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    this.#frames = [];
    this.#frameBytes = 0;
    this.#open.transport.close();
    this.#whenRoom?.resolve(undefined);
    this.#whenIdle?.();
  }

  /** Sends what waits and a last packet, and says that no more comes; the server has then a moment to close its side. */
  end(last: Packet | undefined): Promise<void> {
    this.#ending ??= this.#end(last);
    return this.#ending;
  }

  /** Waits until the server has closed too, without looking at what it says, and gives everything back. */
  async release(): Promise<void> {
    while (this.#timer !== undefined && await this.read() !== undefined);
    clearTimeout(this.#timer);
    this.fail(undefined);
    await this.#reader.cancel().catch(() => {}); // It may be broken.
    await this.#open.served?.catch(() => {}); // Its own concern.
  }

  async #end(last: Packet | undefined): Promise<void> {
    if (last !== undefined) this.send(last);
    this.#hasSaidLast = true; // Nothing may follow DISCONNECT. [MQTT-3.14.4-1]
    let writes = -1;
    this.#timer = setInterval(() => {
      if (this.#writes === writes) this.fail(undefined);
      writes = this.#writes;
    }, STALLED_MS);
    while (this.#phase !== "idle" && this.#phase !== "closed") {
      await new Promise<void>((resolve) => this.#whenIdle = resolve);
    }
    clearInterval(this.#timer);
    if (this.#phase === "closed") return;
    this.#timer = setTimeout(() => this.fail(undefined), LINGER_MS);
    await this.#writer.close().catch(() => {}); // Broken already: that is what was wanted.
  }

  readonly #flush = (): void => {
    const frames = this.#frames;
    if (this.#phase === "closed") return;
    if (frames.length === 0) {
      this.#phase = "idle";
      this.#whenIdle?.();
      return;
    }
    this.#frames = [];
    this.#frameBytes = 0;
    this.#phase = "writing";
    this.#writes += 1;
    this.hasSent = true;
    this.#writer.write(this.#encoder.encodeBatch(frames)).then(this.#flush, this.#broken);
    this.#whenRoom?.resolve(undefined);
    this.#whenRoom = undefined;
  };

  readonly #broken = (error: unknown): void => this.fail(asError(error));
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
