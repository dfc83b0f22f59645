import type { ByteChannel, Peer, Transport } from "./transport.ts";
import { ChannelTransport } from "./channel_transport.ts";

const DEFAULT_QUEUED_CHUNKS = 16;
const CLOSED = "Cannot write: the connection is closed";

/** Both ends of a connection within the process. */
export interface MemoryTransportPair {
  /** For `broker.serve`. */
  readonly server: Transport;
  /** For a client of any kind that speaks MQTT over streams. */
  readonly client: Transport;
}

/**
 * A Network Connection within the process, for embedding and tests. Either end that is closed ends both.
 *
 * @param queuedChunks how many chunks may wait in each direction before a write does not resolve
 */
export function memoryTransport(queuedChunks = DEFAULT_QUEUED_CHUNKS): MemoryTransportPair {
  const toServer = new ChunkQueue(queuedChunks);
  const toClient = new ChunkQueue(queuedChunks);
  const ended = Promise.withResolvers<void>();
  const close = () => {
    toServer.end();
    toClient.end();
    ended.resolve();
  };
  const peer: Peer = { transport: "memory", address: "memory", listener: "memory" };
  const end = (incoming: ChunkQueue, outgoing: ChunkQueue): ByteChannel => ({
    read: () => incoming.take(),
    write: (bytes) => outgoing.put(bytes),
    get isWriting() {
      return outgoing.isFull;
    },
    ended: ended.promise,
    closeWrite() {
      outgoing.end();
      return Promise.resolve();
    },
    close,
  });
  return {
    server: plain(new ChannelTransport(end(toServer, toClient), peer)),
    client: plain(new ChannelTransport(end(toClient, toServer), peer)),
  };
}

/** Gives a transport whose properties are all its own, so that `{ ...transport, peer }` is a transport too. */
function plain(transport: ChannelTransport): Transport {
  return {
    get readable() {
      return transport.readable;
    },
    get writable() {
      return transport.writable;
    },
    peer: transport.peer,
    close: () => transport.close(),
  };
}

/** A write that waits for room; `chunk` is not queued yet. */
interface WaitingWrite {
  chunk: Uint8Array | undefined;
  resolve(): void;
  reject(error: Error): void;
}

/** Chunks on their way in one direction. */
class ChunkQueue {
  readonly #mostChunks: number;
  readonly #chunks: Uint8Array[] = [];
  readonly #waiting: WaitingWrite[] = [];
  #isEnded = false;
  /** Gives the next chunk, or the end, to the read that waits. */
  #give: ((chunk: Uint8Array | undefined) => void) | undefined;

  constructor(mostChunks: number) {
    this.#mostChunks = mostChunks;
  }

  get isFull(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves when there is room for another one. */
  put(chunk: Uint8Array): Promise<void> {
    if (this.#isEnded) return Promise.reject(new Error(CLOSED));
    if (this.isFull) return this.#wait(chunk);
    if (this.#give !== undefined) {
      this.#answer(chunk);
      return Promise.resolve();
    }
    this.#chunks.push(chunk);
    return this.#hasRoom ? Promise.resolve() : this.#wait(undefined);
  }

  take(): Promise<Uint8Array | undefined> {
    const chunk = this.#chunks.shift();
    while (this.#hasRoom) {
      const write = this.#waiting[0];
      if (write === undefined) break;
      if (write.chunk !== undefined) this.#chunks.push(write.chunk);
      write.chunk = undefined;
      if (!this.#hasRoom) break;
      this.#waiting.shift();
      write.resolve();
    }
    if (chunk !== undefined || this.#isEnded) return Promise.resolve(chunk);
    return new Promise((resolve) => this.#give = resolve);
  }

  /** Ends the queue: chunks in it can still be taken, none is added. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#answer(undefined);
    for (const { chunk, resolve, reject } of this.#waiting.splice(0)) {
      if (chunk === undefined) resolve();
      else reject(new Error(CLOSED));
    }
  }

  get #hasRoom(): boolean {
    return this.#chunks.length < this.#mostChunks;
  }

  #wait(chunk: Uint8Array | undefined): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ chunk, resolve, reject }));
  }

  #answer(chunk: Uint8Array | undefined): void {
    this.#give?.(chunk);
    this.#give = undefined;
  }
}
