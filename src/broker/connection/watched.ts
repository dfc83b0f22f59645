import type { ProtocolVersion } from "../../codec/packet.ts";
import type { HttpRequest, Peer, WebSocketFrame } from "../../transport/transport.ts";

/**
 * Connection as a watcher sees it, see {@linkcode Broker.watchConnections}. When it ends, the event `connectionClosed` has
 * the same `peer`.
 */
export interface WatchedConnection {
  /** Other end of the connection: the same object as in its events. */
  readonly peer: Peer;
  /** HTTP request that opened it, if there was one. */
  readonly request: HttpRequest | undefined;
  /** Client Identifier; empty before CONNECT. */
  readonly clientId: string;
  /** Name that the authenticator gave to its client; `undefined` before that. */
  readonly principal: string | undefined;
  /** Version of MQTT: 3, 4 (3.1.1) or 5; 4 before CONNECT. */
  readonly protocolVersion: ProtocolVersion;
  /** Time when it began, in epoch milliseconds. */
  readonly connectedAtMs: number;
  /**
   * Calls a function with the bytes of MQTT as they are read and written, without TLS and WebSocket; gives the function that
   * ends that. The bytes are in the buffers of the broker: copy what is kept, and do not write to them. They contain
   * passwords. Its errors are ignored.
   */
  tap(onBytes: (bytes: Uint8Array, isSent: boolean) => void): () => void;
  /**
   * Calls a function for each frame of WebSocket, before {@linkcode WatchedConnection.tap} gives its bytes; gives the function
   * that ends that. Connections of other kinds have no frames, nor those of {@linkcode Broker.upgrade}.
   */
  watchFrames(onFrame: (frame: WebSocketFrame) => void): () => void;
}

/** Called with bytes of a connection. */
export type Tap = (bytes: Uint8Array, isSent: boolean) => void;

/** Taps of one connection, which calls one function for all of them. */
export class Taps {
  readonly #set: (tap: Tap | undefined) => void;
  #taps: readonly Tap[] = [];

  /** @param set has the connection call a function; `undefined`: none */
  constructor(set: (tap: Tap | undefined) => void) {
    this.#set = set;
  }

  /** Adds one; gives the function that takes it away, which is safe to call again. */
  add(onBytes: Tap): () => void {
    const tap: Tap = (bytes, isSent) => {
      try {
        onBytes(bytes, isSent);
      } catch {
        // A watcher with a defect ends nothing.
      }
    };
    this.#change([...this.#taps, tap]);
    return () => this.#change(this.#taps.filter((other) => other !== tap));
  }

  #change(taps: readonly Tap[]): void {
    this.#taps = taps;
    const [first] = taps;
    const tellAll: Tap = (bytes, isSent) => {
      for (const tap of taps) tap(bytes, isSent);
    };
    this.#set(taps.length > 1 ? tellAll : first);
  }
}
