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
