/** Peer of a connection, for logs and hooks. */
export interface Peer {
  /** Such as `tcp` or `memory`. */
  readonly transport: string;
  /** Such as `127.0.0.1:40312` or `[::1]:40312`. */
  readonly address: string;
  /** Listener that it came in at, such as `mqtt://127.0.0.1:1883`. */
  readonly listener: string;
  /** Common name of the client's certificate, where one was asked for and verified. */
  readonly certificateName?: string;
  /** Subject of the same certificate (RFC 2253), such as `CN=sensor-1,O=Plant`. */
  readonly certificateSubject?: string;
}

/** An HTTP request as far as it matters here; a `Request` is one. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
}

/** Answer to a GET that does not ask for WebSocket. */
export interface HttpAnswer {
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body. */
  readonly length: number;
  /** Gives the body piece by piece; not called for a HEAD. */
  body(): AsyncIterable<Uint8Array>;
}

/** One Network Connection as bytes (MQTT 5, section 4.2): whatever it is below, this is all that the broker knows of it. */
export interface Transport {
  /** Chunks as they come; they are not written to afterwards. */
  readonly readable: ReadableStream<Uint8Array>;
  /** A write resolves when the bytes are handed over; `close` says that no more will come. */
  readonly writable: WritableStream<Uint8Array>;
  readonly peer: Peer;
  /** Whether it takes what comes while nobody reads, so that the peer cannot be made to wait. @default {false} */
  readonly readsAhead?: boolean;
  /** HTTP request that opened it, where there was one. */
  readonly request?: HttpRequest;
  /** Has the system find out when the peer is gone without a word, where MQTT has no Keep Alive. */
  keepAlive?(): void;
  /** Ends it at once, both ways; safe to call again. Reads and writes that wait end too. */
  close(): void;
}

/** Bytes of a connection below its streams: one promise for a read or a write, where a stream makes several. */
export interface ByteChannel {
  /**
   * The next bytes, which are not written to afterwards; `undefined` after the last. One read at a time. They may be
   * read to the beginning of `room`, where some is offered, or to anywhere else.
   */
  read(room?: Uint8Array): Promise<Uint8Array | undefined>;
  /** Whether it reads to the room that is offered. @default {false} */
  readonly usesRoom?: boolean;
  /** Resolves when the bytes are handed over. Writes that are under way at once leave in their order. */
  write(bytes: Uint8Array): Promise<void>;
  /** Whether a write is not through yet. */
  readonly isWriting: boolean;
  /** Has the system find out when the peer is gone without a word. */
  keepAlive?(): void;
  /** Resolves when it has ended, where it knows that without a read or a write. */
  readonly ended?: Promise<unknown>;
  /** Says that no more will be written; all writes are through by then. */
  closeWrite(): Promise<void>;
  /** Ends it at once, both ways; safe to call again. Reads and writes that wait end too. */
  close(): void;
}
