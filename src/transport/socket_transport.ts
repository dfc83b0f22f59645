import type { Socket } from "node:net";
import type { Peer, Transport } from "./transport.ts";

const LOST = "Cannot write: the connection is closed";

/**
 * A socket of `node:net` or `node:tls`, which nobody reads from yet, as a transport.
 *
 * @param taken called whenever all that the socket had was taken out
 */
export function socketTransport(socket: Socket, peer: Peer, taken: () => void): Transport {
  return {
    readable: new ReadableStream(new SocketReads(socket, taken), { highWaterMark: 0 }),
    writable: new WritableStream(new SocketWrites(socket)),
    peer,
    close: () => void socket.destroy(),
  };
}

/** Takes from the socket what it has, only when it is asked; the socket reads little ahead, and then waits. */
class SocketReads implements UnderlyingDefaultSource<Uint8Array> {
  readonly #socket: Socket;
  readonly #taken: () => void;
  #waiting: (() => void) | undefined;
  #error: Error | undefined;

  constructor(socket: Socket, taken: () => void) {
    this.#socket = socket;
    this.#taken = taken;
    const wake = () => this.#wake();
    socket.on("readable", wake);
    socket.on("end", wake);
    socket.on("close", wake);
    socket.on("error", (error) => this.#error ??= error); // "close" follows.
  }

  pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> | undefined {
    if (this.#give(controller)) return undefined;
    return new Promise((resolve) => {
      this.#waiting = () => {
        if (!this.#give(controller)) return;
        this.#waiting = undefined;
        resolve();
      };
    });
  }

  cancel(): void {
    this.#socket.destroy();
  }

  #wake(): void {
    this.#waiting?.();
  }

  /** Whether there was something to give, the end included. */
  #give(controller: ReadableStreamDefaultController<Uint8Array>): boolean {
    const socket = this.#socket;
    const chunk: Uint8Array | null = socket.read();
    if (chunk !== null) {
      // Not as the Buffer it is, whose slice() does not copy.
      controller.enqueue(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
      this.#taken();
    } else if (this.#error !== undefined) {
      controller.error(this.#error);
    } else if (socket.readableEnded || socket.destroyed) {
      controller.close();
    } else {
      return false;
    }
    return true;
  }
}

class SocketWrites implements UnderlyingSink<Uint8Array> {
  readonly #socket: Socket;
  /** Ends the write that is under way. */
  #fail: ((error: Error) => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  start(controller: WritableStreamDefaultController): void {
    this.#socket.on("close", () => {
      const error = new Error(LOST);
      this.#fail?.(error); // A socket that is destroyed does not always call back.
      controller.error(error);
    });
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#done((callback) => this.#socket.write(chunk, callback));
  }

  close(): Promise<void> {
    return this.#done((callback) => this.#socket.end(callback));
  }

  abort(): void {
    this.#socket.destroy();
  }

  #done(act: (callback: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) throw new Error(LOST);
      this.#fail = reject;
      act((error) => error ? reject(error) : resolve());
    });
  }
}
