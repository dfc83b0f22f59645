/**
 * Records of a live trace, in values that JSON can hold: the API gives them as they are, and the page and `brooklet trace`
 * dissect the bytes themselves. Nothing here needs a broker, Deno or a DOM.
 *
 * ```text
 * const traces = new Traces(broker);                    one for each API; close() ends all
 * const trace = traces.start({ clientId: "device-77" }); undefined when 8 are active; throws RangeError, whose message
 *                                                        is for people, for a target that is none
 * traces.list(): TraceFacts[]                            active ones and those that have ended and are kept
 * traces.get(id): Trace | undefined
 * traces.stop(id): boolean                               ends it; its records stay until delete(id), a ninth trace or an hour
 * traces.delete(id): boolean                             ends it and forgets its records
 * trace.facts: TraceFacts
 * await trace.records({ after, limit }): TracePage       at once; `after` 0 for all, then `page.after`
 * trace.changed(after, signal): Promise<void>            resolves when there is a record after it, or the trace has ended
 * trace.pages({ after, limit, signal })                  async iterator of pages until the trace ends: it is pulled, so a
 *                                                        slow reader holds nothing, and `page.missed` counts what it misses
 * trace.pcapng({ isWire, isLive, signal })               async iterator of bytes; live: until the trace ends
 * ```
 */

import type { Flaw } from "../dissect/dissector.ts";

/** Wish for a trace: whose packets it has. Exactly one of the five. */
export interface TraceTarget {
  /** Client Identifier, also of clients that are refused. */
  readonly clientId?: string | undefined;
  /** Address of a peer, without its port for all of its connections. */
  readonly address?: string | undefined;
  /** User Name of CONNECT, or the name that the authenticator gave. */
  readonly user?: string | undefined;
  /** Topic Name or Topic Filter: PUBLISH to what it matches, and SUBSCRIBE and UNSUBSCRIBE with a filter that overlaps it. */
  readonly topic?: string | undefined;
  /** `true`: the connection that begins next. */
  readonly next?: boolean | undefined;
}

/** Options of a trace. */
export interface TraceOptions extends TraceTarget {
  /** Whether 64 KiB of each packet are kept, in place of 4 KiB. @default {false} */
  readonly isWide?: boolean | undefined;
}

/** State of a trace. */
export interface TraceFacts {
  readonly id: string;
  readonly target: TraceTarget;
  /** Target in words, such as `client "device-77"`. */
  readonly name: string;
  readonly isWide: boolean;
  /** Epoch milliseconds. */
  readonly startedAtMs: number;
  /** Time at which it ends by itself, or at which it has ended. */
  readonly endsAtMs: number;
  readonly isActive: boolean;
  /** Connections of which it has records. */
  readonly connections: number;
  /** Records that were made: the number of the last one. */
  readonly records: number;
  /** Number of the oldest record that is kept; newer ones take the place of older ones. 1 more than `records`: none is. */
  readonly first: number;
  /** Records that were not made, because there were more than 5,000 or 4 MB of them in a second. */
  readonly lost: number;
}

/** Connection of a trace. */
export interface TraceConnection {
  /** Number within the trace, from 1. */
  readonly number: number;
  /** Client Identifier; empty before it is known. */
  readonly clientId: string;
  /** Name that the authenticator gave. */
  readonly principal: string | undefined;
  /** Address of the client with its port, such as `10.0.0.7:4431`. */
  readonly address: string;
  /** URL of the listener, such as `wss://0.0.0.0:8084/mqtt`. */
  readonly listener: string;
  /** Kind of connection, such as `tcp`, `tls`, `ws`, `wss`, `unix` or `memory`. */
  readonly transport: string;
  /** Version of MQTT: 3, 4 (3.1.1) or 5; `undefined` before CONNECT. */
  readonly protocolVersion: number | undefined;
  /** Epoch milliseconds. */
  readonly connectedAtMs: number;
  /** Whether the trace has seen it from its first byte on, so that its first packet must be CONNECT. */
  readonly isFromStart: boolean;
  /** Heads of the HTTP exchange that opened it, credentials overwritten with `*`. */
  readonly upgrade: { readonly request: string; readonly response: string } | undefined;
}

/** Part of a packet that came at once. */
export interface TracePiece {
  /** Number of the frame, read or write of its side, from 0; two packets with the same one came together. */
  readonly source: number;
  /** Range in the packet, the end exclusive. */
  readonly start: number;
  readonly end: number;
  /** WebSocket frame that it came in; `undefined`: a read or write of TCP, or a message of the runtime's WebSocket. */
  readonly frame?: TraceFrame | undefined;
}

/** WebSocket frame (RFC 6455, section 5.2). */
export interface TraceFrame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly isMasked: boolean;
  /** Bytes of its payload, which may hold several packets. */
  readonly length: number;
}

/** Record of any kind. */
interface RecordBase {
  /** Number within the trace, from 1, without gaps. */
  readonly number: number;
  /** Epoch milliseconds, with a fraction. */
  readonly timeMs: number;
  /** {@linkcode TraceConnection.number}. */
  readonly connection: number;
  /** Whether the broker sent it. */
  readonly isSent: boolean;
  /** Records that were lost since the one before. */
  readonly lostBefore: number;
}

/** Record of a trace. */
export type TraceRecord =
  /** Packet. Of one that is malformed, all bytes that came. */
  | RecordBase & {
    readonly kind: "packet";
    /** Bytes in base64, or the first of them; password and Authentication Data are `*`. */
    readonly bytes: string;
    /** Number of its bytes on the wire; more than `bytes` has where it was cut. */
    readonly wireBytes: number;
    readonly pieces: readonly TracePiece[];
    /** Fault that can no longer be seen in the bytes; pass it to `Conversation.add`. */
    readonly flaw?: Flaw | undefined;
    /** Topic behind the Topic Alias of a PUBLISH that has the alias alone; pass it to `Conversation.add`. */
    readonly topic?: string | undefined;
  }
  /** Control frame of WebSocket: Ping, Pong, Close. */
  | RecordBase & {
    readonly kind: "frame";
    readonly frame: TraceFrame;
    /** Payload in base64; of a Close frame code and reason. */
    readonly bytes: string;
  }
  /** The connection began: its CONNECT is still to come. */
  | RecordBase & { readonly kind: "opened" }
  /** The connection was over. */
  | RecordBase & {
    readonly kind: "closed";
    readonly reasonCode: number;
    readonly reason: string;
    readonly by: "client" | "network" | "server";
  }
  /** A listener refused the connection before MQTT began; traces of an address have it. */
  | RecordBase & {
    readonly kind: "refused";
    readonly reason: string;
    /** Entry of docs/troubleshooting.md about it. */
    readonly help?: string | undefined;
  };

/** Records of a trace, oldest first: fewer than were asked for, but one at least if there is one, where packets are large. */
export interface TracePage {
  readonly records: readonly TraceRecord[];
  /** Connections of these records, as they are known now. */
  readonly connections: readonly TraceConnection[];
  /** Number to pass as `after` for what follows. */
  readonly after: number;
  /** Records after the one that was asked for which are no longer kept. */
  readonly missed: number;
  /** State of the trace now. */
  readonly trace: TraceFacts;
}
