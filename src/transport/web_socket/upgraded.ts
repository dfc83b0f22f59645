import { setImmediate } from "node:timers";
import { concatenated } from "../concatenated.ts";
import type { ByteChannel, HttpRequest, Peer } from "../transport.ts";
import { ChannelTransport } from "../channel_transport.ts";
import { CloseCode, LOST, type WebSocketEnd } from "./frames.ts";
import type { PageScheme } from "./origin.ts";
import { checkUpgrade, type UpgradeOptions, type UpgradeRefusal } from "./upgrade.ts";
import type { WebSocketTransport } from "./web_socket_transport.ts";

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
  /**
   * Seconds without an answer after which a peer is lost: the runtime sends it a Ping twice in this time. 0: never.
   * @default {0}: MQTT has its own Keep Alive
   */
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
  const transport = new ChannelTransport(new UpgradedWebSocket(socket, options), options.peer);
  return Object.assign(transport, { readsAhead: true, isMessageBased: true, request, subprotocol });
}

/** Adds spaces: the runtime finds a subprotocol only after ", ", and some clients omit the space (RFC 9110, 5.6.1). */
function withSpacedSubprotocols(request: Request): Request {
  const offered = request.headers.get("sec-websocket-protocol");
  if (!offered?.includes(",")) return request;
  const headers = new Headers(request.headers);
  headers.set("sec-websocket-protocol", offered.split(",").map((name) => name.trim()).join(", "));
  return Object.create(request, { headers: { value: headers } }); // The same request except for these headers.
}

class UpgradedWebSocket implements ByteChannel {
  readonly #socket: WebSocket;
  readonly #options: UpgradedWebSocketOptions & { readonly peer: Peer };
  readonly #opened = Promise.withResolvers<void>();
  /** Gives the next bytes, or the end, to the read that waits. */
  #give: ((bytes: Uint8Array | undefined) => void) | undefined;
  /** Messages that are not read yet, without empty ones. */
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #sentBytes = 0;
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

  read(): Promise<Uint8Array | undefined> {
    if (this.#end !== undefined) return Promise.resolve(this.#queued());
    return new Promise((resolve) => {
      this.#give = resolve;
      if (this.#queue.length > 0) this.#gather();
    });
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#socket.readyState === WebSocket.CONNECTING) await this.#opened.promise;
    if (this.#end !== undefined) throw new Error("Cannot write: the WebSocket connection is closed");
    if (chunk.length > 0) this.#socket.send(chunk as Uint8Array<ArrayBuffer>); // Nothing here shares memory.
    this.#sentBytes += chunk.length;
    if (this.isWriting) await this.#drained();
  }

  get writtenBytes(): number {
    return this.#sentBytes - this.#socket.bufferedAmount;
  }

  get isWriting(): boolean {
    return this.#socket.bufferedAmount > this.#maximumBufferedBytes;
  }

  closeWrite(): Promise<void> {
    this.close();
    return Promise.resolve();
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
    if (this.#give !== undefined) this.#gather();
  }

  /** Gathers messages: each is an event of its own, and those of one turn of the event loop become one chunk. */
  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    setImmediate(() => {
      this.#isGathering = false;
      if (this.#queue.length > 0) this.#answer();
    });
  }

  /** Answers the read that waits, if any, with what has come, or the end. */
  #answer(): void {
    this.#give?.(this.#queued());
    this.#give = undefined;
  }

  #queued(): Uint8Array | undefined {
    if (this.#queue.length === 0) return undefined;
    const chunks = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    return chunks.length === 1 ? chunks[0] : concatenated(chunks);
  }

  /** Polls until the buffer is drained: the socket has the amount, but no event for it. */
  async #drained(): Promise<void> {
    while (this.#end === undefined && this.isWriting) {
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
    this.#answer(); // Bytes from before the end count, and are still read.
    this.#options.onWebSocketEnd?.(end, this.#options.peer);
  }
}
