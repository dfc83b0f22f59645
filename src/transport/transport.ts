/** Peer of a connection, for logs and hooks. */
export interface Peer {
  /** Kind of connection, such as `tcp` or `memory`. */
  readonly transport: string;
  /** Address of the peer, such as `127.0.0.1:40312` or `[::1]:40312`. */
  readonly address: string;
  /** Listener that it came in at, such as `mqtt://127.0.0.1:1883`. */
  readonly listener: string;
  /** Common name of the client's certificate, where one was asked for and verified. */
  readonly certificateName?: string;
  /** Subject of the same certificate (RFC 2253), such as `CN=sensor-1,O=Plant`. */
  readonly certificateSubject?: string;
}

/** HTTP request; a `Request` is one. */
export interface HttpRequest {
  /** Method, such as `GET`. */
  readonly method: string;
  /** URL, with host and query. */
  readonly url: string;
  /** Header fields. */
  readonly headers: Headers;
}

/** Answer to a GET that does not ask for WebSocket. */
export interface HttpAnswer {
  /** Header fields, such as `Content-Type`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body. */
  readonly length: number;
  /** Reads the body in chunks; not called for HEAD. */
  body(): AsyncIterable<Uint8Array>;
}

/** Network Connection as a pair of byte streams (MQTT 5, section 4.2). The broker needs nothing else of it. */
export interface Transport {
  /** Received bytes. A chunk is not overwritten after it was read. */
  readonly readable: ReadableStream<Uint8Array>;
  /** A write resolves when the bytes were handed over; `close` ends this direction. */
  readonly writable: WritableStream<Uint8Array>;
  /** Other end of the connection. */
  readonly peer: Peer;
  /** Whether it receives even if nothing is read, so that the peer cannot be slowed down. @default {false} */
  readonly readsAhead?: boolean;
  /**
   * Whether each write is a message of its own, such as a frame of WebSocket: the broker then writes whole packets,
   * because some clients take a message for a packet. @default {false}
   */
  readonly isMessageBased?: boolean;
  /**
   * Bytes that were handed over so far, of writes under way too: a write is in time while this number grows.
   * @default unknown: a whole write has to be in time
   */
  readonly writtenBytes?: number | undefined;
  /** HTTP request that opened the connection, if there was one. */
  readonly request?: HttpRequest;
  /** Makes the system detect a peer that is gone, for connections without a Keep Alive of MQTT. */
  keepAlive?(): void;
  /** Closes both directions at once, and ends waiting reads and writes. Safe to call again. */
  close(): void;
}

/** Frame of WebSocket (RFC 6455, section 5.2), without its payload. */
export interface WebSocketFrame {
  /** Whether this side sent it. */
  readonly isSent: boolean;
  /** Opcode: 0 continuation, 1 text, 2 binary, 8 Close, 9 Ping, 10 Pong. */
  readonly opcode: number;
  /** FIN: the last frame of its message. */
  readonly isFinal: boolean;
  /** Masking key, as a number of 32 bits; `undefined`: it has none. */
  readonly mask: number | undefined;
  /** Bytes of its header. */
  readonly headerBytes: number;
  /** Bytes of its payload. */
  readonly length: number;
  /** Payload of a control frame, without a mask; `undefined` for data, which is read or written after it. */
  readonly payload: Uint8Array | undefined;
}

/** Connection below its streams: a read or a write takes one promise, where a stream takes several. */
export interface ByteChannel {
  /**
   * Reads the next bytes, which are not overwritten afterwards; gives `undefined` at the end. Call it once at a time.
   * The bytes are at the beginning of `room`, if it is given, or in another buffer.
   */
  read(room?: Uint8Array): Promise<Uint8Array | undefined>;
  /** Whether reads use the `room` that is given. @default {false} */
  readonly usesRoom?: boolean;
  /** Resolves when the bytes were handed over. Writes keep their order, also without waiting for each other. */
  write(bytes: Uint8Array): Promise<void>;
  /** Whether a write has not finished yet. */
  readonly isWriting: boolean;
  /** Bytes that were handed over so far, of writes under way too, if that is known. */
  readonly writtenBytes?: number;
  /** Makes the system detect a peer that is gone. */
  keepAlive?(): void;
  /**
   * Calls a function for each frame of WebSocket from now on, before its data is read or written; `undefined`: for none.
   * It must not throw. Other channels have no frames.
   */
  watchFrames?(onFrame: ((frame: WebSocketFrame) => void) | undefined): void;
  /** Bytes of a frame of WebSocket that are still to be read, while its header is read already. */
  readonly missingFrameBytes?: number;
  /** Resolves when the connection has ended, if that is known without a read or a write. */
  readonly ended?: Promise<unknown>;
  /** Ends the writing direction. Call it after all writes have finished. */
  closeWrite(): Promise<void>;
  /** Closes both directions at once, and ends waiting reads and writes. Safe to call again. */
  close(): void;
}
