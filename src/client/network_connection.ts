import type { PacketBatch } from "../codec/decoder.ts";
import type { Frame } from "../codec/encoder.ts";
import type { Packet, ProtocolVersion } from "../codec/packet.ts";
import { PacketDecoderStream } from "../codec/packet_decoder_stream.ts";
import { PacketEncoder } from "../codec/packet_encoder.ts";
import type { OpenTransport } from "./open_transport.ts";

// Threshold above which a publisher with QoS 0 waits.
const MOST_WAITING_BYTES = 262_144;
// Time limits of a write while the connection ends, and then for the server to close its side.
const STALLED_MS = 15_000;
const LINGER_MS = 2_000;

type Phase = "idle" | "flushDue" | "writing" | "closed";

/**
 * One Network Connection: reads batches of packets, and writes one chunk at a time with everything that waits for it.
 */
export class NetworkConnection {
  /** Whether anything was sent or received since the last check, see `KeepAlive`. */
  hasSent = false;
  hasReceived = false;
  /** Whether the server waits while nothing is read. */
  readonly canPause: boolean;
  /** Reason for its end, if this side knows it. */
  error: Error | undefined;
  readonly #open: OpenTransport;
  readonly #encoder: PacketEncoder;
  readonly #reader: ReadableStreamDefaultReader<PacketBatch>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #phase: Phase = "idle";
  #frames: Frame[] = [];
  #frameBytes = 0;
  /** Batch that was read and not processed yet. */
  #unread: PacketBatch | undefined;
  #whenRoom: PromiseWithResolvers<undefined> | undefined;
  #whenIdle: (() => void) | undefined;
  #writes = 0;
  #ending: Promise<void> | undefined;
  #hasSaidLast = false;
  /** Set while the connection ends. */
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(open: OpenTransport, protocolVersion: ProtocolVersion, maximumPacketBytes: number) {
    this.#open = open;
    this.canPause = open.transport.readsAhead !== true;
    this.#encoder = new PacketEncoder({ protocolVersion });
    const decoder = new PacketDecoderStream({ protocolVersion, maximumPacketBytes });
    this.#reader = open.transport.readable.pipeThrough(decoder).getReader();
    this.#writer = open.transport.writable.getWriter();
    this.#writer.closed.catch(() => {}); // Each write and close has its own owner.
  }

  /** Encodes a packet, to be sent or found too large. Throws as {@linkcode PacketEncoder.encode} does. */
  encode(packet: Packet): Frame {
    return this.#encoder.encode(packet);
  }

  send(packet: Packet): void {
    this.sendFrame(this.#encoder.encode(packet));
  }

  /** Sends a frame; all frames of a turn, or during a write, leave in one write. */
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

  /** Promise to await before sending more, if any. It never rejects. */
  room(): Promise<undefined> | undefined {
    if (this.#frameBytes < MOST_WAITING_BYTES || this.#phase === "closed") return undefined;
    this.#whenRoom ??= Promise.withResolvers();
    return this.#whenRoom.promise;
  }

  /** Reads the next batch; `undefined` at the end. It never rejects, see `error`. */
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

  /** Puts back packets that were read too early. */
  putBack(batch: PacketBatch): void {
    if (batch.length > 0) this.#unread = batch;
  }

  /** Ends the connection at once. */
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

  /** Sends what waits and a last packet, and ends the writing side; the server then has a moment to close its side. */
  end(last: Packet | undefined): Promise<void> {
    this.#ending ??= this.#end(last);
    return this.#ending;
  }

  /** Waits until the server has closed too, ignoring further packets, and releases all resources. */
  async release(): Promise<void> {
    while (this.#timer !== undefined && await this.read() !== undefined);
    clearTimeout(this.#timer);
    this.fail(undefined);
    await this.#reader.cancel().catch(() => {}); // It may be broken.
    await this.#open.served?.catch(() => {}); // Handled elsewhere.
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
    await this.#writer.close().catch(() => {}); // It is broken already.
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
