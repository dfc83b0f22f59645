import type { ProtocolVersion } from "../../codec/packet.ts";
import { ChannelTransport } from "../../transport/channel_transport.ts";
import type { ByteChannel, HttpRequest, Peer, Transport, WebSocketFrame } from "../../transport/transport.ts";
import { quiet, Watchers } from "../events.ts";

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
  /** Bytes of MQTT that have come. */
  readonly receivedBytes: number;
  /** Bytes that have come of a packet that is not whole; a tap gets them again. */
  readonly partialBytes: number;
  /** Resolves when the connection has ended and no more of its bytes come, which is after the event `connectionClosed`. */
  readonly ended: Promise<void>;
  /**
   * Calls a function with the bytes of MQTT as they are read and written, without TLS and WebSocket; gives the function that
   * ends that. The first bytes of each direction begin with a packet: what has come of a packet that is not whole is given
   * again, and what has still to be sent of one is left out. The bytes are in the buffers of the broker: copy what is kept,
   * and do not write to them. They contain passwords. Its errors are ignored.
   */
  tap(onBytes: (bytes: Uint8Array, isSent: boolean) => void): () => void;
  /**
   * Calls a function for each frame of WebSocket, before {@linkcode WatchedConnection.tap} gives its bytes; gives the function
   * that ends that. The first one may be the rest of a data frame, without a header (`headerBytes` is 0). Connections of other
   * kinds have no frames, nor those of {@linkcode Broker.upgrade}.
   */
  watchFrames(onFrame: (frame: WebSocketFrame) => void): () => void;
}

/** Called with bytes of a connection. */
export type Tap = (bytes: Uint8Array, isSent: boolean) => void;

/**
 * Tap of a connection whose bytes have begun, which gets whole packets from its first bytes on.
 *
 * @param partial what has come of a packet that is not whole, asked before the next bytes are decoded
 * @param unsentBytes bytes to leave out of those that are sent, as they begin within a packet
 */
export function alignedTap(onBytes: Tap, partial: () => Uint8Array, unsentBytes: number): Tap {
  let isBegun = false;
  let leftOut = unsentBytes;
  return (bytes, isSent) => {
    if (isSent) {
      const skipped = Math.min(leftOut, bytes.length);
      leftOut -= skipped;
      if (skipped < bytes.length) onBytes(skipped === 0 ? bytes : bytes.subarray(skipped), true);
      return;
    }
    const before = isBegun ? undefined : partial();
    isBegun = true;
    if (before !== undefined && before.length > 0) onBytes(before, false);
    onBytes(bytes, false);
  };
}

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

/** Watchers of the frames of one connection. */
export class FrameTaps {
  readonly #channel: ByteChannel | undefined;
  readonly #watchers = new Watchers<WebSocketFrame>();

  constructor(transport: Transport) {
    this.#channel = transport instanceof ChannelTransport ? transport.channel : undefined;
  }

  /** Adds one; gives the function that takes it away. */
  add(onFrame: (frame: WebSocketFrame) => void): () => void {
    const length = this.#channel?.missingFrameBytes ?? 0;
    // The rest of a frame whose header was read before.
    const rest = { isSent: false, opcode: 0, isFinal: true, mask: 0, headerBytes: 0, length, payload: undefined };
    if (length > 0) quiet(onFrame)(rest);
    const stop = this.#watchers.add(onFrame);
    this.#channel?.watchFrames?.(this.#watchers.tell);
    return () => {
      stop();
      if (!this.#watchers.isWatched) this.#channel?.watchFrames?.(undefined);
    };
  }
}
