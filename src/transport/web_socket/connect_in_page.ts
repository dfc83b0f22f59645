import { ChannelTransport } from "../channel_transport.ts";
import type { ByteChannel, Peer, Transport } from "../transport.ts";

// Bytes buffered in the socket above which writes wait.
const MOST_BUFFERED_BYTES = 262_144;
const BUFFERED_POLL_MS = 5;
const LOST = "the WebSocket connection is closed";

/**
 * Connects over the `WebSocket` of a web page. It cannot be paused: the server's bytes arrive whether they are read or
 * not.
 */
export async function connectWebSocket(
  url: string,
  signal?: AbortSignal,
  open = (url: string, subprotocol: string) => new WebSocket(url, [subprotocol]),
): Promise<Transport> {
  const connection = new PageWebSocket(open(url, "mqtt"));
  const close = () => connection.close();
  signal?.addEventListener("abort", close);
  try {
    if (!await connection.opened) throw signal?.reason ?? new Error(`Cannot connect to ${url}: ${connection.reason}`);
  } finally {
    signal?.removeEventListener("abort", close);
  }
  const peer: Peer = { transport: url.startsWith("wss:") ? "wss" : "ws", address: new URL(url).host, listener: url };
  return Object.assign(new ChannelTransport(connection, peer), { readsAhead: true });
}

class PageWebSocket implements ByteChannel {
  /** Resolves to whether the connection could be opened. */
  readonly opened: Promise<boolean>;
  /** Reason for its end. */
  reason = LOST;
  readonly #socket: WebSocket;
  /** Messages that were not read yet. */
  readonly #queue: Uint8Array[] = [];
  /** Gives the next message, or the end, to the read that waits. */
  #give: ((bytes: Uint8Array | undefined) => void) | undefined;
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

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  read(): Promise<Uint8Array | undefined> {
    const bytes = this.#queue.shift();
    if (bytes !== undefined || this.#isOver) return Promise.resolve(bytes);
    return new Promise((resolve) => this.#give = resolve);
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#isOver) throw new Error(`Cannot write: ${LOST}`);
    this.#socket.send(chunk as Uint8Array<ArrayBuffer>); // Nothing here shares memory.
    if (this.isWriting) await this.#drained();
  }

  get isWriting(): boolean {
    return this.#socket.bufferedAmount > MOST_BUFFERED_BYTES;
  }

  close(): void {
    this.#over();
    this.#socket.close(); // Also aborts opening.
  }

  /** Resolves when the other side has closed too: until then written bytes may still be on their way. */
  async closeWrite(): Promise<void> {
    if (!this.#isOver) this.#socket.close();
    await this.#ended.promise;
  }

  #receive(data: unknown): void {
    if (this.#isOver) return;
    if (data instanceof ArrayBuffer) {
      const bytes = new Uint8Array(data);
      if (this.#give === undefined) this.#queue.push(bytes);
      else this.#answer(bytes);
    } else {
      this.close(); // MQTT is carried in binary frames. [MQTT-6.0.0-1]
    }
  }

  /** Polls until the buffer is drained: the socket has the amount, but no event for it. */
  async #drained(): Promise<void> {
    while (!this.#isOver && this.isWriting) {
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
    this.#answer(undefined); // Bytes from before the end are read first.
  }

  #answer(bytes: Uint8Array | undefined): void {
    this.#give?.(bytes);
    this.#give = undefined;
  }
}
