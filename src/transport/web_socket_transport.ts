import type { HttpRequest, Peer, Transport } from "./transport.ts";
import type { Slab } from "./web_socket_slab.ts";
import { encodeClose, encodeFrame, FrameDecoder, LOST, Opcode, type WebSocketEnd } from "./web_socket_frames.ts";

/** Options of a WebSocket connection on a transport of ours. */
export interface WebSocketOptions {
  /** A message, that is a frame and what continues it, with more closes with 1009. @default {268_435_460} */
  readonly maximumMessageBytes?: number;
  /**
   * After that long without a byte from the peer a Ping goes out, and after as long again the connection is closed.
   *
   * @default never: MQTT has its own Keep Alive
   */
  readonly pingIntervalMs?: number;
  /** How long the peer may take to answer a Close frame. @default {1_000} */
  readonly closeTimeoutMs?: number;
  /** Told how the connection ended, for logs. It must not throw. */
  readonly onWebSocketEnd?: (end: WebSocketEnd, peer: Peer) => void;
}

/** A WebSocket connection: `readable` and `writable` are what its binary frames carry. */
export interface WebSocketTransport extends Transport {
  /** What opened it, for authenticators. */
  readonly request: HttpRequest;
  readonly subprotocol: string | undefined;
}

/** What the handshake leaves behind. */
export interface OpenedWebSocket {
  readonly inner: Transport;
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  /** Bytes behind the head of the request: the first frames. */
  readonly rest: Uint8Array;
  readonly peer: Peer;
  readonly request: HttpRequest;
  readonly subprotocol: string | undefined;
  /** Shared by the connections of a listener. */
  readonly slab: Slab;
  /** Code of a Close frame that is not about a violation. */
  closeCode(): number;
}

// The largest packet of MQTT, with its fixed header.
const DEFAULT_MESSAGE_BYTES = 268_435_460;
const DEFAULT_CLOSE_TIMEOUT_MS = 1_000;

/**
 * Speaks frames on a connection whose handshake is done. Closing it sends a Close frame and waits a moment for the
 * answer; closing it again, or while a write is stuck, ends it at once.
 */
export function webSocketTransport(opened: OpenedWebSocket, options: WebSocketOptions = {}): WebSocketTransport {
  const connection = new WebSocketConnection(opened, options);
  const { inner, peer, request, subprotocol } = opened;
  return {
    ...inner,
    readable: new ReadableStream(connection, { highWaterMark: 0 }),
    writable: new WritableStream({
      write: (chunk) => connection.write(chunk),
      close: () => connection.sayClose(),
      abort: () => inner.close(),
    }),
    peer,
    request,
    subprotocol,
    close: () => connection.close(),
  };
}

type Phase = "open" | "closing" | "closed";

/**
 * The frame streams of one connection, as a source and a sink right at the streams below. A pair of `TransformStream`s
 * with its pipes is as fast (pairs, fan-out and window 1 within 5 %, 2026-11), but cannot see when a Pong has left, and
 * so not bound them, and its pipes end one direction when the other one still has a Close frame to wait for.
 */
class WebSocketConnection implements UnderlyingDefaultSource<Uint8Array> {
  readonly #opened: OpenedWebSocket;
  readonly #options: WebSocketOptions;
  readonly #decoder: FrameDecoder;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #phase: Phase = "open";
  #end: WebSocketEnd | undefined;
  #rest: Uint8Array | undefined;
  /** One read at a time, for whom asks first. */
  #reading: Promise<void> | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #pingTimer: ReturnType<typeof setInterval> | undefined;
  #isHeard = true;
  #isPinged = false;
  #isPonging = false;
  /** Only the latest Ping is answered when several wait (RFC 6455, section 5.5.3). */
  #nextPong: Uint8Array | undefined;

  constructor(opened: OpenedWebSocket, options: WebSocketOptions) {
    this.#opened = opened;
    this.#options = options;
    const { maximumMessageBytes = DEFAULT_MESSAGE_BYTES, pingIntervalMs } = options;
    this.#decoder = new FrameDecoder(maximumMessageBytes, (payload) => this.#pong(payload), opened.slab);
    if (opened.rest.length > 0) this.#rest = opened.rest;
    opened.writer.closed.catch(() => {}); // Each write and close has its own owner.
    if (pingIntervalMs !== undefined) this.#pingTimer = setInterval(() => this.#ping(), pingIntervalMs);
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
  }

  pull(): Promise<void> {
    return this.#reading ??= this.#read();
  }

  cancel(): void {
    this.#controller = undefined;
    this.#opened.inner.close();
    this.#reading ??= this.#read(); // Sees the end.
  }

  write(chunk: Uint8Array): Promise<void> | void {
    if (this.#phase !== "open") throw new Error("Cannot write: the WebSocket connection is closed");
    const { writer, slab } = this.#opened;
    if (chunk.length > 0) return writer.write(encodeFrame(Opcode.Binary, chunk, slab));
  }

  /** No more will be written: a Close frame, and the peer closes or is closed. */
  sayClose(): Promise<void> | void {
    if (this.#phase !== "open") return;
    return this.#startClosing({ code: this.#opened.closeCode(), reason: "", isByPeer: false });
  }

  close(): void {
    const isStuck = (this.#opened.writer.desiredSize ?? 0) <= 0;
    if (this.#phase !== "open" || isStuck) {
      this.#opened.inner.close();
      this.#reading ??= this.#read(); // Sees the end.
    } else {
      this.sayClose()?.catch(() => {}); // It is over already, as the reads will see.
    }
  }

  /** Reads until there is something to give, or the end; while it is closing, until the end. */
  async #read(): Promise<void> {
    try {
      for (;;) {
        const rest = this.#rest;
        const { value: chunk } = await (rest === undefined ? this.#opened.reader.read() : { value: rest });
        this.#rest = undefined;
        if (chunk === undefined) return this.#over(this.#end ?? LOST);
        this.#isHeard = true;
        // What follows a violation or a Close frame is not looked at.
        const payload = this.#decoder.end === undefined ? this.#decoder.decode(chunk) : undefined;
        const isGiven = payload !== undefined && this.#phase === "open" && this.#controller !== undefined;
        if (isGiven) this.#controller?.enqueue(payload);
        const { end } = this.#decoder;
        if (end?.isByPeer) return await this.#answerClose(end);
        if (end !== undefined && this.#phase === "open") await this.#startClosing(end);
        else if (isGiven) return;
      }
    } catch (error) {
      if (this.#end === undefined) this.#over(LOST, error);
      else this.#over(this.#end); // It ended for that reason, and the peer did not answer.
    } finally {
      this.#reading = undefined;
    }
  }

  async #startClosing(end: WebSocketEnd): Promise<void> {
    const { inner, writer } = this.#opened;
    this.#phase = "closing";
    this.#end = end;
    this.#closeTimer = setTimeout(() => inner.close(), this.#options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS);
    const sent = writer.write(encodeClose(end.code, end.reason));
    this.#reading ??= this.#read(); // Waits for the answer, whether somebody reads or not.
    await sent;
    // Behind a violation no answer can be read: the end of the stream asks for the peer's own.
    if (this.#decoder.end !== undefined) await writer.close();
  }

  /** The peer's Close frame is answered with its code; then it is for us to close (RFC 6455, sections 5.5.1, 7.1.1). */
  async #answerClose(end: WebSocketEnd): Promise<void> {
    const { inner, writer } = this.#opened;
    if (this.#phase === "open") {
      this.#phase = "closing";
      this.#closeTimer = setTimeout(() => inner.close(), this.#options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS);
      await writer.write(encodeClose(end.code)).catch(() => {}); // The peer may be gone without waiting.
    }
    this.#over(this.#end ?? end);
  }

  #over(end: WebSocketEnd, error?: unknown): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    clearTimeout(this.#closeTimer);
    clearInterval(this.#pingTimer);
    if (error === undefined) this.#controller?.close();
    else this.#controller?.error(error);
    this.#controller = undefined;
    this.#opened.inner.close();
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
    // A write that fails ends the connection: the reads see it.
    this.#opened.writer.write(encodeFrame(Opcode.Pong, payload)).then(sent, () => {});
  }

  #ping(): void {
    if (this.#phase !== "open") return;
    if (this.#isHeard) {
      this.#isHeard = false;
      this.#isPinged = false;
    } else if (this.#isPinged) {
      this.#opened.inner.close();
      this.#reading ??= this.#read(); // Sees the end.
    } else {
      this.#isPinged = true;
      this.#opened.writer.write(encodeFrame(Opcode.Ping, new Uint8Array(0))).catch(() => {}); // The reads see it.
      this.#reading ??= this.#read(); // A Pong must be heard, whether somebody reads or not.
    }
  }
}
