import type { Socket } from "node:net";
import type { ByteChannel } from "./byte_channel.ts";

const LOST = "Cannot write: the connection is closed";

/** What a socket stands on. */
export interface SocketGround {
  /** All that the socket had was taken out. */
  goOn(): void;
  /** Safe to call again. */
  close(): void;
}

/** A socket of `node:net` or `node:tls`, which nobody reads from yet: it reads little ahead, and then waits. */
export class SocketChannel implements ByteChannel {
  readonly #socket: Socket;
  readonly #below: SocketGround;
  /** Looks whether there is something for the read that waits. */
  #look: (() => void) | undefined;
  #error: Error | undefined;
  /** Ends of the writes that are under way. */
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
      for (const fail of this.#writes) fail(new Error(LOST)); // A socket that is destroyed does not always call back.
    });
  }

  read(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      this.#look = () => {
        const chunk: Uint8Array | null = this.#socket.read();
        if (chunk !== null) {
          // Not as the Buffer it is, whose slice() does not copy.
          resolve(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
          this.#below.goOn();
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
