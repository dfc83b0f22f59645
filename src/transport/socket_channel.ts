import type { Socket } from "node:net";
import type { ByteChannel } from "./byte_channel.ts";

const LOST = "Cannot write: the connection is closed";

/** Connection below a socket. */
export interface SocketGround {
  /** Resumes after all bytes of the socket were taken. */
  continueReading(): void;
  /** Closes it. Safe to call again. */
  close(): void;
}

/** A socket of `node:net` or `node:tls` without other readers: it reads a little ahead, and then waits. */
export class SocketChannel implements ByteChannel {
  readonly #socket: Socket;
  readonly #below: SocketGround;
  /** Checks whether the waiting read can be answered. */
  #look: (() => void) | undefined;
  #error: Error | undefined;
  /** Rejections of the writes in progress. */
  readonly #writes = new Set<(error: Error) => void>();

  constructor(socket: Socket, below: SocketGround) {
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
