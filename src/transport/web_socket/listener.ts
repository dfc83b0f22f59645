import { channelOf } from "../channel_transport.ts";
import { foreignToHttp } from "../first_bytes.ts";
import { type Listener, type OnRefused, preparedListener } from "../listener.ts";
import { ForwardedAddresses, type ForwardedOptions } from "../proxy/forwarded.ts";
import type { ByteChannel, HttpAnswer, HttpRequest, Peer, Transport } from "../transport.ts";
import { CloseCode, Slab } from "./frames.ts";
import { encodeAcceptance, encodeHead, encodeRefusal, parseRequestHead, requestHeadLength } from "./http_head.ts";
import { type HostOptions, hostRefusal, isLoopbackAddress, isLoopbackName } from "./origin.ts";
import {
  checkUpgrade,
  type HandshakeHelp,
  refusal,
  shortened,
  type UpgradeOptions,
  type UpgradeRefusal,
} from "./upgrade.ts";
import { type WebSocketOptions, type WebSocketTransport, webSocketTransport } from "./web_socket_transport.ts";

/** Options of the handshake, and of the connection after it. */
export interface WebSocketHandshakeOptions extends UpgradeOptions, HostOptions, ForwardedOptions, WebSocketOptions {
  /** Time limit from the connection to the end of the request head. @default {10_000} */
  readonly handshakeTimeoutMs?: number;
  /** Limit of a request head, with all its headers; a larger one is answered with 431. @default {32_768} */
  readonly maximumRequestHeadBytes?: number;
  /** Answers a GET or HEAD without an upgrade; `undefined`: with 404. @default a page that says how to connect */
  readonly answer?: (request: HttpRequest) => Promise<HttpAnswer | undefined>;
}

/** Options of {@linkcode listenWebSocket}. */
export interface WebSocketListenOptions extends WebSocketHandshakeOptions {
  /**
   * Called when a connection did not become a WebSocket connection, for logs; `broker.noteRefusal` makes it an event of the
   * broker.
   */
  readonly onRefused?: OnRefused;
}

/** Reports a connection that did not become a WebSocket connection, after it was answered and closed. */
class WebSocketHandshakeError extends Error {
  override readonly name = "WebSocketHandshakeError";

  /** @param status of the answer, if there was one @param address of the client that a trusted proxy names */
  constructor(
    message: string,
    options: ErrorOptions = {},
    readonly help?: HandshakeHelp,
    readonly status?: number,
    readonly address?: string,
  ) {
    super(message, options);
  }
}

// Room for the cookies of a large site.
const DEFAULT_REQUEST_HEAD_BYTES = 32_768;
/** Ping interval of connections of trusted proxies, of which many close after 60 s of silence. */
export const PROXIED_PING_INTERVAL_MS = 30_000;
const FIRST_HEAD_BYTES = 1_024;
const NO_ANSWER: Pick<WebSocketHandshakeError, "help" | "status" | "address"> = {};
const DEFAULT_HANDSHAKE_TIMEOUT_MS = 10_000;
const REFUSED_LINGER_MS = 1_000;
const MOST_LINGER_BYTES = 1_048_576;
// Time limit of an answer, however slowly it is read.
const ANSWER_TIMEOUT_MS = 60_000;

/**
 * Listens for MQTT over WebSocket on another listener: TCP, TLS or a Unix socket. It speaks WebSocket itself, because
 * the server of the runtime cannot pause a peer, buffers fragments without bound, and accepts frames without a mask.
 *
 * @throws RangeError for a trusted proxy that is not an address
 * @example
 * ```ts
 * import { listenTcp, listenWebSocket } from "@brooklet/brooklet";
 *
 * const listener = listenWebSocket(listenTcp({ port: 0 }));
 * console.log(listener.url);
 * listener.close();
 * ```
 */
export function listenWebSocket(below: Listener, options: WebSocketListenOptions = {}): Listener {
  const { paths } = options;
  const path = paths === undefined || paths === "any" ? "/mqtt" : paths[0] ?? "";
  const url = below.url.startsWith("unix:")
    ? `ws+unix:${below.url.slice("unix:".length).replaceAll(":", "%3A")}:${path}`
    : below.url.replace(/^mqtt(s?):(.*)$/, `ws$1:$2${path}`);
  let isClosed = false;
  // A client that is still connected when the listener is closed is told that the server goes away.
  const handshakes = new WebSocketHandshakes(options, url, () => isClosed ? CloseCode.GoingAway : CloseCode.Normal);
  const listener = preparedListener(
    below,
    (transport) => handshakes.accept(transport),
    ({ peer: inner }, reason, error) => {
      const { help, status, address = inner.address } = error instanceof WebSocketHandshakeError ? error : NO_ANSWER;
      const peer = { ...inner, transport: inner.transport === "tls" ? "wss" : "ws", address, listener: url };
      options.onRefused?.(address, reason, help, peer, status);
    },
    url,
  );
  return {
    ...listener,
    close() {
      isClosed = true;
      listener.close();
    },
  };
}

/** Handshakes of one listener (RFC 6455, section 4.2), each on a connection of its own. */
class WebSocketHandshakes {
  readonly #options: WebSocketHandshakeOptions;
  readonly #proxiedOptions: WebSocketHandshakeOptions;
  readonly #url: string;
  readonly #closeCode: () => number;
  readonly #addresses: ForwardedAddresses;
  /** Whether only this machine can reach the listener. */
  readonly #isLoopback: boolean;
  readonly #slab = new Slab();

  /** Throws RangeError for a trusted proxy that is not an address. */
  constructor(options: WebSocketHandshakeOptions, url: string, closeCode: () => number) {
    this.#options = options;
    this.#proxiedOptions = { pingIntervalMs: PROXIED_PING_INTERVAL_MS, ...options };
    this.#url = url;
    this.#closeCode = closeCode;
    this.#addresses = new ForwardedAddresses(options);
    this.#isLoopback = isLoopbackName(URL.parse(url.replace(/^ws/, "http"))?.hostname ?? "");
  }

  /**
   * Gives the WebSocket connection; `undefined` for a request that asked for something else and was answered. Rejects
   * with WebSocketHandshakeError for a connection that was refused or lost.
   */
  async accept(inner: Transport): Promise<WebSocketTransport | undefined> {
    const handshake = new Handshake(inner, this.#options.handshakeTimeoutMs ?? DEFAULT_HANDSHAKE_TIMEOUT_MS);
    try {
      return await this.#decide(handshake);
    } catch (error) {
      inner.close();
      if (error instanceof WebSocketHandshakeError) throw error;
      throw new WebSocketHandshakeError("the connection was lost within its request", { cause: error });
    } finally {
      handshake.end();
    }
  }

  async #decide(handshake: Handshake): Promise<WebSocketTransport | undefined> {
    const { inner, channel: below } = handshake;
    const isSecure = inner.peer.transport === "tls";
    const read = await handshake.readHead(this.#options.maximumRequestHeadBytes ?? DEFAULT_REQUEST_HEAD_BYTES);
    if ("kind" in read) return await handshake.refuse(read);
    const request = parseRequestHead(read.head, isSecure ? "https" : "http");
    if ("kind" in request) return await handshake.refuse(request);
    const { address } = inner.peer;
    handshake.clientAddress = this.#addresses.clientAddress(address, request.headers);
    const isForwarded = this.#addresses.isForwarded(address, request.headers);
    // After a PROXY header the address is that of the client.
    const isFromHere = this.#isLoopback && !isForwarded && isLoopbackAddress(address);
    const misdirected = hostRefusal(request, this.#options, isFromHere);
    if (misdirected !== undefined) {
      const { status, reason, body } = misdirected;
      return await handshake.refuse(refusal(status, "host", reason, body), request.method !== "HEAD");
    }
    const { answer } = this.#options;
    if (answer !== undefined && isPlainRequest(request)) return await handshake.answer(request, answer);
    const scheme = isForwarded ? this.#addresses.scheme(request.headers) : isSecure ? "https" : "http";
    const decision = checkUpgrade(request, this.#options, scheme);
    if (decision.kind === "refused") return await handshake.refuse(decision, request.method !== "HEAD");
    await below.write(await encodeAcceptance(decision));
    const peer: Peer = {
      ...inner.peer,
      transport: isSecure ? "wss" : "ws",
      address: handshake.clientAddress,
      listener: this.#url,
    };
    const { subprotocol } = decision;
    const closeCode = this.#closeCode;
    const slab = this.#slab;
    return webSocketTransport(
      { below, rest: read.rest, peer, request, subprotocol, slab, closeCode },
      this.#addresses.isTrusted(address) ? this.#proxiedOptions : this.#options,
    );
  }
}

/** A connection until it becomes a WebSocket connection, or is refused. */
class Handshake {
  readonly channel: ByteChannel;
  /** Address of the client that a trusted proxy names, once the head is read. */
  clientAddress: string | undefined;
  readonly #late: Promise<"late">;
  readonly #timer: ReturnType<typeof setTimeout>;
  #reading: Promise<Uint8Array | undefined> | undefined;

  constructor(readonly inner: Transport, timeoutMs: number) {
    this.channel = channelOf(inner);
    const { promise, resolve } = Promise.withResolvers<"late">();
    this.#late = promise;
    this.#timer = setTimeout(() => resolve("late"), timeoutMs);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  /** Reads the head, and the bytes after it. Throws WebSocketHandshakeError if an answer makes no sense. */
  async readHead(mostBytes: number): Promise<{ head: Uint8Array; rest: Uint8Array } | UpgradeRefusal> {
    // It doubles, because the cost of copying it for each chunk would grow with the square of the limit.
    let buffer = new Uint8Array(FIRST_HEAD_BYTES);
    let read = 0;
    for (;;) {
      const chunk = await Promise.race([this.#read(), this.#late]); // However slowly the bytes arrive.
      if (chunk === "late") return refusal(408, "http-request", "the request was not complete in time", "Too slow.\n");
      if (chunk === undefined) throw new WebSocketHandshakeError("the connection ended before its request");
      const from = read;
      read += chunk.length;
      if (read > buffer.length) {
        const larger = new Uint8Array(Math.max(read, 2 * buffer.length));
        larger.set(buffer.subarray(0, from));
        buffer = larger;
      }
      buffer.set(chunk, from);
      const bytes = buffer.subarray(0, read);
      const foreign = foreignToHttp(bytes[0] ?? 0x21);
      if (foreign !== undefined) throw new WebSocketHandshakeError(foreign, {}, "wrong-protocol");
      const length = requestHeadLength(bytes, from);
      if ((length > 0 ? length : read) > mostBytes) {
        const body = `A request head has at most ${mostBytes} bytes.\n`;
        return refusal(431, "http-request", `the request head has more than ${mostBytes} bytes`, body);
      }
      if (length > 0) return { head: bytes.subarray(0, length), rest: bytes.subarray(length) };
    }
  }

  /** Reads; resumes a read that lost against the time limit, because only one is allowed at a time. */
  #read(): Promise<Uint8Array | undefined> {
    return this.#reading ??= this.channel.read().finally(() => this.#reading = undefined);
  }

  /** Answers a plain request, and closes. */
  async answer(
    request: HttpRequest,
    answer: (request: HttpRequest) => Promise<HttpAnswer | undefined>,
  ): Promise<undefined> {
    this.end();
    const hasBody = request.method === "GET";
    const found = await answer(request);
    if (found === undefined) {
      const reason = `there is no file "${shortened(new URL(request.url).pathname)}"`;
      return await this.refuse(refusal(404, "path", reason, "Nothing is here.\n"), hasBody);
    }
    const timer = setTimeout(() => this.inner.close(), ANSWER_TIMEOUT_MS);
    try {
      const { length, headers, body } = found;
      const common = { "connection": "close", "content-length": String(length) };
      await this.channel.write(encodeHead("200 OK", { ...headers, ...common }, ""));
      if (hasBody) { for await (const chunk of body()) await this.channel.write(chunk); }
      await this.#farewell();
    } finally {
      clearTimeout(timer);
      this.inner.close();
    }
  }

  /** Refuses, and keeps reading for a moment: closing with unread bytes could destroy the answer. */
  async refuse(refused: UpgradeRefusal, hasBody = true): Promise<never> {
    this.end();
    const timer = setTimeout(() => this.inner.close(), REFUSED_LINGER_MS);
    try {
      await this.channel.write(encodeRefusal(refused, hasBody));
      await this.#farewell();
    } catch {
      // The connection is gone, with or without the answer.
    } finally {
      clearTimeout(timer);
      this.inner.close();
    }
    const { reason, status, help } = refused;
    throw new WebSocketHandshakeError(`${reason}, answered with ${status}`, {}, help, status, this.clientAddress);
  }

  /** Ends the writing side, and reads the remaining bytes. */
  async #farewell(): Promise<void> {
    const timer = setTimeout(() => this.inner.close(), REFUSED_LINGER_MS);
    try {
      await this.channel.closeWrite();
      for (let bytes = 0; bytes <= MOST_LINGER_BYTES;) {
        const chunk = await this.#read();
        if (chunk === undefined) break;
        bytes += chunk.length;
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Whether the request asks for no other protocol. */
function isPlainRequest({ method, headers }: HttpRequest): boolean {
  return (method === "GET" || method === "HEAD") && !headers.has("upgrade");
}
