import { setImmediate } from "node:timers";
import type { HttpRequest, Peer } from "./transport.ts";
import { CloseCode, LOST, type WebSocketEnd } from "./web_socket_frames.ts";
import type { WebSocketTransport } from "./web_socket_transport.ts";
import type { PageScheme } from "./web_socket_origin.ts";
import { checkUpgrade, type UpgradeOptions, type UpgradeRefusal } from "./web_socket_upgrade.ts";

/** Options of a WebSocket connection that the runtime upgraded. */
export interface UpgradedWebSocketOptions {
  /**
   * Bytes that may wait to be read. A peer that exceeds this is closed with 1013.
   *
   * @default {4_194_304}
   */
  readonly maximumQueuedBytes?: number;
  /** Bytes buffered in the socket above which writes wait. @default {262_144} */
  readonly maximumBufferedBytes?: number;
  /** Code of a Close frame that is not about a violation: 1001 when the server goes away. @default 1000 */
  readonly closeCode?: () => number;
  /** Called when the connection has ended, for logs. It must not throw. */
  readonly onWebSocketEnd?: (end: WebSocketEnd, peer: Peer) => void;
}

/** Options of {@linkcode upgradeWebSocket}. */
export interface WebSocketUpgradeOptions extends UpgradeOptions, UpgradedWebSocketOptions {
  readonly peer: Peer;
  /** Scheme by which the client reached the first proxy, or this server. @default as the URL of the request says */
  readonly scheme?: PageScheme;
  /** Seconds of silence after which the runtime sends a Ping. @default {0}, never: MQTT has its own Keep Alive */
  readonly idleTimeoutSeconds?: number;
}

// Memory of a waiting message in addition to its bytes. (Deno 2.9, 2026-11)
const MESSAGE_BYTES = 280;
const DEFAULT_QUEUED_BYTES = 4_194_304;
const DEFAULT_BUFFERED_BYTES = 262_144;
const BUFFERED_POLL_MS = 5;

/**
 * Answers a request of `Deno.serve` that wants to speak MQTT over WebSocket. Return `response` in any case, and serve
 * `transport` if there is one.
 *
 * Limitations of the runtime that this cannot prevent: it assembles the fragments of a message without bound before it
 * gives any of it, and gives whole frames of up to 64 MiB; it keeps reading while nothing reads here; it accepts frames
 * that are not masked; it drops a connection for text that is not UTF-8 without a Close frame; and a peer that never
 * answers a Close frame stays connected, and bytes that it did not read stay in memory. `listenWebSocket` has none of
 * these.
 */
export function upgradeWebSocket(
  request: Request,
  options: WebSocketUpgradeOptions,
): { response: Response; transport: WebSocketTransport | undefined; refusal: UpgradeRefusal | undefined } {
  const decision = checkUpgrade(request, options, options.scheme);
  if (decision.kind === "refused") {
    const { status, headers, body } = decision;
    return { response: new Response(body, { status, headers }), transport: undefined, refusal: decision };
  }
  const { subprotocol } = decision;
  // Copied, because a request of Deno.serve reads its headers lazily, and after the upgrade they are gone.
  const kept: HttpRequest = { method: request.method, url: request.url, headers: new Headers(request.headers) };
  const { socket, response } = Deno.upgradeWebSocket(withSpacedSubprotocols(request), {
    idleTimeout: options.idleTimeoutSeconds ?? 0,
    ...subprotocol !== undefined && { protocol: subprotocol }, // The runtime echoes none by itself.
  });
  return { response, transport: upgradedWebSocketTransport(socket, kept, subprotocol, options), refusal: undefined };
}

/** A `WebSocket` of the runtime, on the server's side, as a transport. */
export function upgradedWebSocketTransport(
  socket: WebSocket,
  request: HttpRequest,
  subprotocol: string | undefined,
  options: UpgradedWebSocketOptions & { readonly peer: Peer },
): WebSocketTransport {
  const connection = new UpgradedWebSocket(socket, options);
  return {
    readable: new ReadableStream(connection, { highWaterMark: 0 }),
    writable: new WritableStream({
      write: (chunk) => connection.write(chunk),
      close: () => connection.close(),
      abort: () => connection.close(),
    }),
    peer: options.peer,
    readsAhead: true,
    request,
    subprotocol,
    close: () => connection.close(),
  };
}

/** Adds spaces: the runtime finds a subprotocol only after ", ", and some clients omit the space (RFC 9110, 5.6.1). */
function withSpacedSubprotocols(request: Request): Request {
  const offered = request.headers.get("sec-websocket-protocol");
  if (!offered?.includes(",")) return request;
  const headers = new Headers(request.headers);
  headers.set("sec-websocket-protocol", offered.split(",").map((name) => name.trim()).join(", "));
  return Object.create(request, { headers: { value: headers } }); // The same request except for these headers.
}

class UpgradedWebSocket implements UnderlyingDefaultSource<Uint8Array> {
  readonly #socket: WebSocket;
  readonly #options: UpgradedWebSocketOptions & { readonly peer: Peer };
  readonly #opened = Promise.withResolvers<void>();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Messages that are not read yet, without empty ones. */
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #isWanted = false;
  #isGathering = false;
  #end: WebSocketEnd | undefined;
  /** Wakes a waiting write. */
  #whenOver = () => {};
  readonly #maximumQueuedBytes: number;
  readonly #maximumBufferedBytes: number;

  constructor(socket: WebSocket, options: UpgradedWebSocketOptions & { readonly peer: Peer }) {
    this.#socket = socket;
    this.#options = options;
    this.#maximumQueuedBytes = options.maximumQueuedBytes ?? DEFAULT_QUEUED_BYTES;
    this.#maximumBufferedBytes = options.maximumBufferedBytes ?? DEFAULT_BUFFERED_BYTES;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#opened.resolve();
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onerror = () => this.#over(LOST);
    socket.onclose = ({ code, reason }) => this.#over({ code, reason, isByPeer: true });
    if (socket.readyState === WebSocket.OPEN) this.#opened.resolve();
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
  }

  pull(): void {
    this.#isWanted = true;
    if (this.#queue.length > 0) this.#gather();
  }

  cancel(): void {
    this.#controller = undefined;
    this.close();
  }

  write(chunk: Uint8Array): void | Promise<void> {
    if (this.#end !== undefined) throw new Error("Cannot write: the WebSocket connection is closed");
    if (this.#socket.readyState === WebSocket.CONNECTING) return this.#opened.promise.then(() => this.write(chunk));
    if (chunk.length > 0) this.#socket.send(chunk as Uint8Array<ArrayBuffer>); // Nothing here shares memory.
    if (this.#socket.bufferedAmount > this.#maximumBufferedBytes) return this.#drained();
  }

  close(): void {
    this.#close({ code: this.#options.closeCode?.() ?? CloseCode.Normal, reason: "", isByPeer: false });
  }

  #receive(data: unknown): void {
    if (this.#end !== undefined) return;
    if (!(data instanceof ArrayBuffer)) { // [MQTT-6.0.0-1]
      const reason = "MQTT is carried in binary frames, not in text frames";
      this.#close({ code: CloseCode.UnsupportedData, reason, isByPeer: false });
      return;
    }
    if (data.byteLength === 0) return;
    // A single message is let through: the runtime holds it already, and the decoder limits the size of a packet.
    const held = this.#queuedBytes + this.#queue.length * MESSAGE_BYTES;
    if (this.#queuedBytes > 0 && held + data.byteLength + MESSAGE_BYTES > this.#maximumQueuedBytes) {
      const reason = "more was sent than could be read";
      this.#close({ code: CloseCode.TryAgainLater, reason, isByPeer: false });
      return;
    }
    this.#queue.push(new Uint8Array(data));
    this.#queuedBytes += data.byteLength;
    if (this.#isWanted) this.#gather();
  }

  /** Gathers messages: each is an event of its own, and those of one turn of the event loop become one chunk. */
  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    setImmediate(() => {
      this.#isGathering = false;
      if (this.#isWanted) this.#give();
    });
  }

  #give(): void {
    if (this.#queue.length === 0) return;
    this.#isWanted = false;
    const chunks = this.#queue;
    const bytes = this.#queuedBytes;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#controller?.enqueue(chunks.length === 1 ? chunks[0] as Uint8Array : joined(chunks, bytes));
  }

  /** Polls until the buffer is drained: the socket has the amount, but no event for it. */
  async #drained(): Promise<void> {
    while (this.#end === undefined && this.#socket.bufferedAmount > this.#maximumBufferedBytes) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, BUFFERED_POLL_MS);
      this.#whenOver = resolve;
      await promise;
      clearTimeout(timer);
    }
  }

  #close(end: WebSocketEnd): void {
    if (this.#end !== undefined) return;
    this.#over(end);
    if (this.#socket.readyState === WebSocket.CONNECTING) {
      this.#socket.onopen = () => this.#closeSocket(end); // Closing it earlier would have no effect, for good.
    } else {
      this.#closeSocket(end);
    }
  }

  #closeSocket({ code, reason }: WebSocketEnd): void {
    try {
      this.#socket.close(code, reason);
    } catch {
      // It is closed already.
    }
  }

  #over(end: WebSocketEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#opened.resolve();
    this.#whenOver();
    this.#give(); // Bytes from before the end count.
    this.#controller?.close();
    this.#controller = undefined;
    this.#options.onWebSocketEnd?.(end, this.#options.peer);
  }
}

function joined(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
