import type { Peer, Transport } from "./transport.ts";

const DEFAULT_QUEUED_CHUNKS = 16;

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
  const toServer = pipe(queuedChunks);
  const toClient = pipe(queuedChunks);
  const close = () => {
    toServer.end();
    toClient.end();
  };
  const peer: Peer = { transport: "memory", address: "memory", listener: "memory" };
  return {
    server: { readable: toServer.readable, writable: toClient.writable, peer, close },
    client: { readable: toClient.readable, writable: toServer.writable, peer, close },
  };
}

interface Pipe {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  /** Ends both sides: what was written can still be read, what is written from now on is refused. */
  end(): void;
}

function pipe(queuedChunks: number): Pipe {
  let source: ReadableStreamDefaultController<Uint8Array> | undefined;
  let sink: WritableStreamDefaultController | undefined;
  let hasRoom: (() => void) | undefined;
  let isEnded = false;
  const endReadable = () => {
    if (isEnded) return;
    isEnded = true;
    source?.close();
    hasRoom?.();
  };
  const readable = new ReadableStream<Uint8Array>({
    start(controller) {
      source = controller;
    },
    pull() {
      hasRoom?.();
    },
    cancel() {
      isEnded = true;
      hasRoom?.();
      sink?.error(new Error("Cannot write: the other end has closed the connection"));
    },
  }, { highWaterMark: queuedChunks });
  const writable = new WritableStream<Uint8Array>({
    start(controller) {
      sink = controller;
    },
    async write(chunk) {
      if (isEnded) throw new Error("Cannot write: the connection is closed");
      source?.enqueue(chunk);
      if ((source?.desiredSize ?? 1) > 0) return;
      await new Promise<void>((resolve) => hasRoom = resolve);
    },
    close: endReadable,
    abort: endReadable,
  });
  return {
    readable,
    writable,
    end() {
      endReadable();
      sink?.error(new Error("Cannot write: the connection is closed"));
    },
  };
}
