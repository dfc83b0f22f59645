import type { Peer, Transport } from "./transport.ts";

// Bytes buffered in the socket above which writes wait.
const MOST_BUFFERED_BYTES = 262_144;
const BUFFERED_POLL_MS = 5;
const LOST = "the WebSocket connection is closed";

/** Opens a WebSocket; lets a caller use options beyond the standard. */
export type OpenWebSocket = (url: string, subprotocol: string) => WebSocket;

/**
 * Connects over the `WebSocket` that browsers and Deno share. It cannot be paused: the server's bytes arrive whether
 * they are read or not, so the caller must read all the time.
 */
export async function connectWebSocket(
  url: string,
  signal?: AbortSignal,
  open: OpenWebSocket = (url, subprotocol) => new WebSocket(url, [subprotocol]),
): Promise<Transport> {
  const connection = new ClientWebSocket(open(url, "mqtt"));
  const close = () => connection.close();
  signal?.addEventListener("abort", close);
  try {
    if (!await connection.opened) throw signal?.reason ?? new Error(`Cannot connect to ${url}: ${connection.reason}`);
  } finally {
    signal?.removeEventListener("abort", close);
  }
  const peer: Peer = { transport: url.startsWith("wss:") ? "wss" : "ws", address: new URL(url).host, listener: url };
  return {
    readable: new ReadableStream(connection),
    writable: new WritableStream({
      start: (controller) => connection.failWritesBy(controller),
      write: (chunk) => connection.write(chunk),
      close: () => connection.end(),
      abort: close,
    }),
    peer,
    close,
  };
}

class ClientWebSocket implements UnderlyingDefaultSource<Uint8Array> {
  /** Resolves to whether the connection could be opened. */
  readonly opened: Promise<boolean>;
  /** Reason for its end. */
  reason = LOST;
  readonly #socket: WebSocket;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #writes: WritableStreamDefaultController | undefined;
  #isOver = false;
  /** Wakes a waiting write. */
  #whenOver = () => {};
  /** Resolves when it has ended. */
  readonly #ended = Promise.withResolvers<void>();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    const opened = Promise.withResolvers<boolean>();
    this.opened = opened.promise;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => opened.resolve(true);
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onerror = (event) => {
      if ("message" in event && typeof event.message === "string") this.reason = event.message;
      this.#over();
      opened.resolve(false);
    };
    socket.onclose = () => {
      this.#over();
      opened.resolve(false);
    };
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    if (this.#isOver) controller.close();
  }

  failWritesBy(controller: WritableStreamDefaultController): void {
    this.#writes = controller;
    if (this.#isOver) controller.error(new Error(`Cannot write: ${LOST}`));
  }

  cancel(): void {
    this.#controller = undefined;
    this.close();
  }

  write(chunk: Uint8Array): void | Promise<void> {
    if (this.#isOver) throw new Error(`Cannot write: ${LOST}`);
    this.#socket.send(chunk as Uint8Array<ArrayBuffer>); // Nothing here shares memory.
    if (this.#socket.bufferedAmount > MOST_BUFFERED_BYTES) return this.#drained();
  }

  close(): void {
    this.#over();
    this.#socket.close(); // Also aborts opening.
  }

  /** Resolves when the other side has closed too: until then written bytes may still be on their way. */
  async end(): Promise<void> {
    if (!this.#isOver) this.#socket.close();
    await this.#ended.promise;
  }

  #receive(data: unknown): void {
    if (this.#isOver) return;
    if (data instanceof ArrayBuffer) {
      this.#controller?.enqueue(new Uint8Array(data));
    } else {
      this.close(); // MQTT is carried in binary frames. [MQTT-6.0.0-1]
    }
  }

  /** Polls until the buffer is drained: the socket has the amount, but no event for it. */
  async #drained(): Promise<void> {
    while (!this.#isOver && this.#socket.bufferedAmount > MOST_BUFFERED_BYTES) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, BUFFERED_POLL_MS);
      this.#whenOver = resolve;
      await promise;
      clearTimeout(timer);
    }
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended.resolve();
    this.#whenOver();
    this.#controller?.close();
    this.#controller = undefined;
    this.#writes?.error(new Error(`Cannot write: ${LOST}`));
  }
}
