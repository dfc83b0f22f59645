import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { ByteChannel } from "../transport.ts";

const LOST = "Cannot write: the connection is closed";
// Time after which bytes read earlier have been processed.
const ENDED_HANDSHAKE_MS = 100;
// RFC 8446, section 6
const ALERT = 0x15;
const FATAL = 2;

/** Channel on a socket of `node:tls`, which no other code may read. It reads a little ahead, and then waits. */
export class SocketChannel implements ByteChannel {
  readonly #socket: TLSSocket;
  readonly #below: ChannelStream;
  /** Checks whether the waiting read can be answered. */
  #look: (() => void) | undefined;
  #error: Error | undefined;
  /** Rejections of the writes in progress. */
  readonly #writes = new Set<(error: Error) => void>();

  constructor(socket: TLSSocket, below: ChannelStream) {
    this.#socket = socket;
    this.#below = below;
    const look = () => this.#look?.();
    socket.on("readable", look);
    socket.on("end", look);
    socket.on("error", (error) => this.#error ??= error); // "close" follows.
    socket.on("close", () => {
      look();
      for (const fail of this.#writes) fail(new Error(LOST)); // A destroyed socket does not always call back.
    });
  }

  read(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      this.#look = () => {
        const chunk: Uint8Array | null = this.#socket.read();
        if (chunk !== null) {
          // Not the Buffer itself, whose slice() does not copy.
          resolve(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
          this.#below.continueReading();
        } else if (this.#error !== undefined) {
          reject(this.#error);
        } else if (this.#socket.readableEnded || this.#socket.destroyed) {
          resolve(undefined);
        } else {
          return;
        }
        this.#look = undefined;
      };
      this.#look();
    });
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#done((callback) => this.#socket.write(bytes, callback));
  }

  get isWriting(): boolean {
    return this.#writes.size > 0;
  }

  closeWrite(): Promise<void> {
    return this.#done((callback) => this.#socket.end(callback));
  }

  close(): void {
    this.#socket.destroy();
    this.#below.close(); // Whatever the socket still waits for.
  }

  #done(act: (callback: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) throw new Error(LOST);
      this.#writes.add(reject);
      act((error) => {
        this.#writes.delete(reject);
        if (error) reject(error);
        else resolve();
      });
    });
  }
}

/**
 * Stream on a channel, for `node:tls`. TLS reads it without end, even if the TLS socket is not read; so this stream
 * holds the client back while decrypted bytes wait.
 */
export class ChannelStream extends Duplex {
  readonly #inner: ByteChannel;
  /** First bytes of the client. */
  readonly #first: Uint8Array;
  /** TLS socket above, after the handshake; from then on the two are closed together. */
  secured: TLSSocket | undefined;
  #isFirstRead = false;
  #isHeld = false;
  #isWritten = false;
  #endTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(inner: ByteChannel, first: Uint8Array) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    this.#first = first;
  }

  /** Sends an alert, because the runtime does not. Only before TLS has written anything: later bytes are encrypted. */
  async refuse(alert: number): Promise<void> {
    if (!this.#isWritten) await this.#inner.write(Uint8Array.of(ALERT, 3, 3, 0, 2, FATAL, alert));
  }

  /** Resumes reading after all decrypted bytes were taken. */
  continueReading(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this._read();
  }

  close(): void {
    this.#inner.close();
  }

  override _read(): void {
    if (!this.#isFirstRead) {
      this.#isFirstRead = true;
      this.push(this.#first);
    } else if (this.secured !== undefined && this.secured.readableLength > 0) {
      this.#isHeld = true;
    } else {
      this.#inner.read().then((bytes) => bytes === undefined ? this.#end() : this.push(bytes), (error) => {
        this.destroy(error);
      });
    }
  }

  /** Ends a handshake that can no longer be completed, because the runtime would keep waiting. */
  #end(): void {
    this.push(null);
    if (this.secured !== undefined) return;
    this.#endTimer = setTimeout(() => {
      if (this.secured === undefined) this.destroy();
    }, ENDED_HANDSHAKE_MS);
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#isWritten = true;
    this.#inner.write(chunk).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#inner.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#endTimer);
    if (this.secured !== undefined) this.#inner.close();
    done(error);
  }
}
