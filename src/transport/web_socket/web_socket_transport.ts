import type { ByteChannel, HttpRequest, Peer, Transport, WebSocketFrame } from "../transport.ts";
import { ChannelTransport } from "../channel_transport.ts";
import {
  encodeClose,
  encodeFrame,
  FrameDecoder,
  LOST,
  type Masks,
  Opcode,
  sentFrame,
  type Slab,
  type WebSocketEnd,
} from "./frames.ts";

/** Options of a WebSocket connection on one of our transports. */
export interface WebSocketOptions {
  /**
   * Limit of a message, that is a frame and its continuations; a larger one closes with 1009. @default {268_435_460}
   */
  readonly maximumMessageBytes?: number;
  /**
   * Longest silence of the peer before a Ping is sent; after as long again without an answer the connection is closed.
   * 0: never.
   *
   * @default {0}: MQTT has its own Keep Alive; 30,000 for connections of a trusted proxy, which closes silent ones
   */
  readonly pingIntervalMs?: number;
  /** Time limit for the peer's answer to a Close frame. @default {1_000} */
  readonly closeTimeoutMs?: number;
  /** Called when the connection has ended, for logs. It must not throw. */
  readonly onWebSocketEnd?: (end: WebSocketEnd, peer: Peer) => void;
}

/** A WebSocket connection: `readable` and `writable` carry the payload of its binary frames. */
export interface WebSocketTransport extends Transport {
  /** Request that opened it, for authenticators. */
  readonly request: HttpRequest;
  readonly subprotocol: string | undefined;
}

/** A connection after its handshake. */
export interface OpenedConnection {
  readonly below: ByteChannel;
  /** Bytes after the head of the handshake: the first frames. */
  readonly rest: Uint8Array;
  readonly peer: Peer;
  /** Slab, which connections of a listener share. */
  readonly slab: Slab;
  /** Masks of a client; `undefined`: it is the side of a server. */
  readonly masks?: Masks;
  /** Code of a Close frame that is not about a violation. */
  closeCode(): number;
}

/** A connection that a server has accepted. */
export interface AcceptedConnection extends OpenedConnection {
  readonly request: HttpRequest;
  readonly subprotocol: string | undefined;
}

// Largest packet of MQTT, with its fixed header.
const DEFAULT_MESSAGE_BYTES = 268_435_460;
// A larger frame is written in pieces, of which each shows that the peer reads.
const PIECE_BYTES = 131_072;
const DEFAULT_CLOSE_TIMEOUT_MS = 1_000;

/** The transport of a connection that a server has accepted. */
export function webSocketTransport(accepted: AcceptedConnection, options: WebSocketOptions = {}): WebSocketTransport {
  const { peer, request, subprotocol } = accepted;
  const transport = new ChannelTransport(new WebSocketChannel(accepted, options), peer);
  return Object.assign(transport, { isMessageBased: true, request, subprotocol });
}

type Phase = "open" | "closing" | "closed";
/** Result of a read. */
type Payload = Uint8Array | undefined;

/**
 * Frames of one connection. Closing sends a Close frame and waits a moment for the answer; closing again, or while a
 * write is stuck, ends the connection at once.
 *
 * It is no pair of `TransformStream`s: these cannot see when a Pong has been sent, and so cannot bound Pongs, and end
 * one direction while the other still has to wait for a Close frame.
 */
export class WebSocketChannel implements ByteChannel {
  readonly #opened: OpenedConnection;
  readonly #below: ByteChannel;
  readonly #options: WebSocketOptions;
  readonly #decoder: FrameDecoder;
  #phase: Phase = "open";
  #end: WebSocketEnd | undefined;
  #rest: Uint8Array | undefined;
  #isReading = false;
  /** Reads that began before they were asked for: for a Pong, or for the answer to a Close frame. */
  readonly #ahead: Promise<Payload>[] = [];
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #pingTimer: ReturnType<typeof setInterval> | undefined;
  /** Bytes of pieces that were handed over. */
  writtenBytes = 0;
  #isHeard = true;
  /** Halves of the ping interval in which nothing was heard. */
  #silentHalves = 0;
  #isPonging = false;
  /** Resolves at the end. */
  #ending: PromiseWithResolvers<void> | undefined;
  /** Latest Ping, the only one that is answered if several wait (RFC 6455, section 5.5.3). */
  #nextPong: Uint8Array | undefined;

  constructor(opened: OpenedConnection, options: WebSocketOptions = {}) {
    this.#opened = opened;
    this.#below = opened.below;
    this.#options = options;
    const { maximumMessageBytes = DEFAULT_MESSAGE_BYTES, pingIntervalMs = 0 } = options;
    this.#decoder = new FrameDecoder(maximumMessageBytes, (payload) => this.#pong(payload), {
      slab: opened.slab,
      role: opened.masks === undefined ? "server" : "client",
    });
    if (opened.rest.length > 0) this.#rest = opened.rest;
    // Halves: the silence before a Ping is between a half and a whole interval, not between one and two.
    if (pingIntervalMs > 0) this.#pingTimer = setInterval(() => this.#pingIfSilent(), pingIntervalMs / 2);
  }

  read(room?: Uint8Array): Promise<Payload> {
    return this.#ahead.shift() ?? this.#read(room);
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#phase !== "open") return Promise.reject(new Error("Cannot write: the WebSocket connection is closed"));
    if (bytes.length === 0) return Promise.resolve();
    const frame = this.#sent(encodeFrame(Opcode.Binary, bytes, this.#opened));
    return frame.length > PIECE_BYTES ? this.#writeInPieces(frame) : this.#below.write(frame);
  }

  /** Writes a frame in pieces, all of them at once, so that no other frame comes between. */
  async #writeInPieces(frame: Uint8Array): Promise<void> {
    const pieces: Promise<void>[] = [];
    for (let at = 0; at < frame.length; at += PIECE_BYTES) {
      const piece = frame.subarray(at, at + PIECE_BYTES);
      pieces.push(this.#below.write(piece).then(() => void (this.writtenBytes += piece.length)));
    }
    await Promise.all(pieces);
  }

  watchFrames(onFrame: ((frame: WebSocketFrame) => void) | undefined): void {
    this.#decoder.onFrame = onFrame;
  }

  get missingFrameBytes(): number {
    return this.#decoder.missingBytes;
  }

  /** Reports a frame to the one who watches; gives it as it is. */
  #sent(frame: Uint8Array): Uint8Array {
    const { onFrame } = this.#decoder;
    if (onFrame !== undefined) onFrame(sentFrame(frame));
    return frame;
  }

  get isWriting(): boolean {
    return this.#below.isWriting;
  }

  /**
   * Sends a Close frame; the peer closes or is closed. For a client it resolves when that is done: all that it has
   * written has arrived then.
   */
  async closeWrite(): Promise<void> {
    if (this.#phase === "open") {
      await this.#startClosing({ code: this.#opened.closeCode(), reason: "", isByPeer: false });
    }
    if (this.#opened.masks === undefined || this.#phase === "closed") return;
    this.#ending ??= Promise.withResolvers();
    await this.#ending.promise;
  }

  close(): void {
    if (this.#phase !== "open" || this.isWriting) this.#break();
    else this.closeWrite().catch(() => {}); // It has ended already, as the reads will show.
  }

  /** Ends the connection without a Close frame, or without waiting for the answer. */
  #break(): void {
    this.#below.close();
    this.#readAhead(); // Sees the end.
  }

  /** Reads until there is a payload, or the end; while closing, until the end. */
  #read(room?: Uint8Array): Promise<Payload> {
    if (this.#phase === "closed") return Promise.resolve(undefined);
    this.#isReading = true;
    const rest = this.#rest;
    if (rest === undefined) return this.#below.read(room).then(this.#received, this.#lost);
    this.#rest = undefined;
    return Promise.resolve(rest).then(this.#received);
  }

  #readAhead(): void {
    if (this.#isReading || this.#phase === "closed") return;
    const reading = this.#read();
    reading.catch(() => {}); // The later read reports it.
    this.#ahead.push(reading);
  }

  readonly #received = (chunk: Uint8Array | undefined): Payload | Promise<Payload> => {
    if (chunk === undefined) return this.#over(this.#end ?? LOST);
    this.#isHeard = true;
    // Bytes after a violation or a Close frame are ignored.
    const decoded = this.#decoder.end === undefined ? this.#decoder.decode(chunk) : undefined;
    const payload = this.#phase === "open" ? decoded : undefined;
    const { end } = this.#decoder;
    if (end === undefined && payload === undefined) return this.#read();
    this.#isReading = false;
    if (end === undefined) return payload;
    const ended = this.#finish(end);
    if (payload === undefined) return ended;
    this.#ahead.push(ended);
    return payload;
  };

  /** Finishes after a Close frame of the peer, or a violation: only the end is left to read. */
  #finish(end: WebSocketEnd): Promise<Payload> {
    this.#isReading = true;
    if (end.isByPeer) return this.#answerClose(end);
    if (this.#phase === "open") this.#startClosing(end).catch(() => this.#over(end)); // The peer does not hear it.
    return this.#read();
  }

  readonly #lost = (error: unknown): undefined => {
    this.#over(this.#end ?? LOST);
    if (this.#end === undefined) throw error;
    // It ended for that reason, and the peer did not answer.
  };

  async #startClosing(end: WebSocketEnd): Promise<void> {
    this.#phase = "closing";
    this.#end = end;
    this.#closeInTime();
    const sent = this.#below.write(this.#sent(encodeClose(end.code, end.reason, this.#opened)));
    this.#readAhead(); // Waits for the answer, whether the channel is read or not.
    await sent;
    // After a violation no answer can be read: the end of the stream asks the peer for its own.
    if (this.#decoder.end !== undefined) await this.#below.closeWrite();
  }

  /** Answers the peer's Close frame with its code; then this side closes (RFC 6455, sections 5.5.1, 7.1.1). */
  async #answerClose(end: WebSocketEnd): Promise<undefined> {
    if (this.#phase === "open") {
      this.#phase = "closing";
      this.#closeInTime();
      const close = this.#sent(encodeClose(end.code, "", this.#opened));
      await this.#below.write(close).catch(() => {}); // The peer may be gone without waiting.
    }
    this.#over(this.#end ?? end);
  }

  #closeInTime(): void {
    const { closeTimeoutMs = DEFAULT_CLOSE_TIMEOUT_MS } = this.#options;
    this.#closeTimer = setTimeout(() => this.#below.close(), closeTimeoutMs);
  }

  #over(end: WebSocketEnd): undefined {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    clearTimeout(this.#closeTimer);
    clearInterval(this.#pingTimer);
    this.#below.close();
    this.#ending?.resolve();
    this.#options.onWebSocketEnd?.(end, this.#opened.peer);
  }

  #pong(payload: Uint8Array): void {
    if (this.#phase !== "open") return;
    if (this.#isPonging) {
      this.#nextPong = payload;
      return;
    }
    this.#isPonging = true;
    const sent = () => {
      this.#isPonging = false;
      const next = this.#nextPong;
      this.#nextPong = undefined;
      if (next !== undefined) this.#pong(next);
    };
    // A failed write ends the connection: the reads see it.
    this.#below.write(this.#sent(encodeFrame(Opcode.Pong, payload, this.#opened))).then(sent, () => {});
  }

  #pingIfSilent(): void {
    if (this.#phase !== "open") return;
    const isUnread = this.#ahead.length > 0 && !this.#isReading; // Unread bytes: the peer's silence cannot be judged.
    if (this.#isHeard || isUnread) {
      this.#isHeard = false;
      this.#silentHalves = 0;
      return;
    }
    this.#silentHalves += 1;
    if (this.#silentHalves > 2) {
      this.#break();
    } else if (this.#silentHalves === 1) {
      const ping = this.#sent(encodeFrame(Opcode.Ping, new Uint8Array(0), this.#opened));
      this.#below.write(ping).catch(() => {}); // The reads see it.
      this.#readAhead(); // A Pong must be heard, whether the channel is read or not.
    }
  }
}
