/**
 * Connection that a trace taps: decides whether it is one of the trace, hides secrets, and gives records.
 *
 * ```text
 * undecided   its CONNECT, or the authenticator, has not said yet whose it is: records wait
 * traced      records go to the ring
 * left        it is another client's: no tap, no record
 * ```
 */

import type { BrokerEvent } from "../../broker/events.ts";
import type { WatchedConnection } from "../../broker/connection/watched.ts";
import { PacketType } from "../../codec/packet.ts";
import { ReasonCode } from "../../codec/reason_code.ts";
import type { HttpRequest, Peer, WebSocketFrame } from "../../transport/transport.ts";
import { dissect, withoutSecrets } from "../dissect/dissector.ts";
import { Opcode } from "../dissect/frames.ts";
import { connectNames, hasTopicFilter, type PublishTopic, publishTopic, SideAliases } from "./packet_contents.ts";
import { SECRET_TYPES, TappedSide, type ToldPacket } from "./tapped_side.ts";
import type { TraceConnection, TraceRecord } from "./trace_records.ts";
import type { NewRecord } from "./trace_ring.ts";
import { isAddress, type Target, type TopicTarget } from "./trace_target.ts";

/** Kinds of records by the number that they have in the ring. */
export const RECORD_KINDS: readonly TraceRecord["kind"][] = ["packet", "frame", "opened", "closed", "refused"];

/** Record of a connection, before it is numbered. */
export type ConnectionRecord = Omit<NewRecord, "connection" | "lostBefore">;

/** Trace as its connections see it. */
export interface TraceOfConnections {
  readonly target: Target;
  /** Bytes to keep of a packet. */
  readonly packetBytes: number;
  /** Bytes to read of a packet that may hold secrets, which are found in whole ones. */
  readonly secretBytes: number;
  /** Epoch milliseconds. */
  now(): number;
  /** Whether a record of so many bytes is not too much for this second; it is counted as lost if it is. */
  admits(bytes: number, timeMs: number): boolean;
  /** Counts a record that could not be kept. */
  lose(): void;
  record(connection: TracedConnection, record: ConnectionRecord): void;
  ended(connection: TracedConnection): void;
}

type ConnectionClosed = Extract<BrokerEvent, { readonly kind: "connectionClosed" }>;

const MOST_WAITING_RECORDS = 64;
/** Bytes to keep of a first packet that is no CONNECT: it may be of another protocol, with its credentials. */
const FOREIGN_BYTES = 16;
const ASTERISK = 0x2a;
const MOST_NAME_CHARACTERS = 1_024;
/** Bytes that hold the topic of a PUBLISH and its properties, mostly, and the first Topic Filters of a SUBSCRIBE. */
const LONGEST_TOPIC_PART_BYTES = 70_000;
const NOTHING: Uint8Array = new Uint8Array(0);

/** One connection of a trace. */
export class TracedConnection {
  phase: "undecided" | "traced" | "left" = "undecided";
  /** Number in the trace; 0 before its first record. */
  number = 0;
  readonly #watched: WatchedConnection;
  readonly #trace: TraceOfConnections;
  readonly #isNew: boolean;
  readonly #stops: (() => void)[] = [];
  readonly #received: TappedSide;
  readonly #sent: TappedSide;
  #receivedAliases: SideAliases | undefined;
  #sentAliases: SideAliases | undefined;
  /** Records that wait until it is decided whose it is. */
  #waiting: ConnectionRecord[] = [];
  /** Number of records for which no place was to wait. */
  #unkept = 0;
  #timeMs = 0;
  #hasReceived = false;
  /** Whether its first packet is no CONNECT. */
  #isForeign = false;
  /** Whether it has frames of WebSocket. */
  #isFramed = false;
  /** Bytes of a packet that was not whole when the trace began. */
  readonly #partialBytes: number;
  /** Whether the tap begins with the first packet, also where the connection was there before the trace. */
  readonly #hasFirst: boolean;
  #isFromStart: boolean;
  #protocolVersion: number | undefined;
  #clientId: string;
  #closed: ConnectionClosed | undefined;

  /** @param isNew whether it has just begun */
  constructor(watched: WatchedConnection, isNew: boolean, trace: TraceOfConnections) {
    this.#watched = watched;
    this.#trace = trace;
    this.#isNew = this.#isFromStart = isNew;
    this.#clientId = watched.clientId;
    this.#partialBytes = watched.partialBytes;
    this.#hasFirst = watched.receivedBytes === watched.partialBytes;
    this.#protocolVersion = watched.clientId === "" ? undefined : watched.protocolVersion;
    const mostBytes = (type: number) => this.#mostBytes(type);
    this.#received = new TappedSide((packet) => this.#packet(packet, false), mostBytes);
    this.#sent = new TappedSide((packet) => this.#packet(packet, true), mostBytes);
    this.#begin(trace.target);
  }

  /** Facts about it, as they are known now. */
  get facts(): Omit<TraceConnection, "upgrade"> {
    const { peer: { address, listener, transport }, principal, connectedAtMs } = this.#watched;
    return {
      number: this.number,
      clientId: (this.#watched.clientId || this.#clientId).slice(0, MOST_NAME_CHARACTERS).toWellFormed(),
      principal: principal?.slice(0, MOST_NAME_CHARACTERS).toWellFormed(),
      address,
      listener,
      transport,
      protocolVersion: this.#protocolVersion,
      connectedAtMs,
      isFromStart: this.#isFromStart,
    };
  }

  /** Other end, by which events name it. */
  get peer(): Peer {
    return this.#watched.peer;
  }

  /** HTTP request that opened it. */
  get request(): HttpRequest | undefined {
    return this.#watched.request;
  }

  /** Hears that its client is accepted. */
  connected(clientId: string, principal: string | undefined): void {
    this.#clientId = clientId;
    const { target } = this.#trace;
    if (this.phase !== "undecided" || (target.kind !== "clientId" && target.kind !== "user")) return;
    this.#decide(target.value === (target.kind === "user" ? principal : clientId));
  }

  /** Hears why it ends; its last bytes are still to come. */
  closing(event: ConnectionClosed): void {
    this.#closed = event;
    if (this.phase !== "undecided") return;
    this.#received.finish(); // A CONNECT that is not whole may say whose it is.
    if (this.#isUndecided) this.#decide(false);
  }

  /** Ends the taps. */
  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#waiting = [];
  }

  #begin(target: Target): void {
    const { clientId, principal, peer: { address } } = this.#watched;
    if (target.kind === "topic" || target.kind === "next") this.phase = "traced";
    else if (target.kind === "address") this.#decide(isAddress(target.value, address));
    else if (clientId !== "") this.#decide(target.value === (target.kind === "user" ? principal : clientId));
    if (this.phase === "left") return;
    if (this.#isNew && target.kind !== "topic") this.#note("opened", false);
    this.#stops.push(
      this.#watched.watchFrames((frame) => this.#frame(frame)),
      this.#watched.tap((bytes, isSent) => this.#bytes(bytes, isSent)),
    );
    if (this.phase === "traced") this.#awaitEnd();
  }

  #awaitEnd(): void {
    this.#watched.ended.then(() => this.#ended()); // It never rejects.
  }

  get #isUndecided(): boolean {
    return this.phase === "undecided";
  }

  #decide(isOfTrace: boolean): void {
    this.phase = isOfTrace ? "traced" : "left";
    const waiting = this.#waiting;
    this.#waiting = [];
    if (!isOfTrace) {
      this.stop();
      this.#trace.ended(this);
      return;
    }
    if (this.#stops.length > 0) this.#awaitEnd(); // It was undecided for a while.
    for (const record of waiting) this.#recordIfAdmitted(record);
    for (; this.#unkept > 0; this.#unkept--) this.#trace.lose();
  }

  #bytes(bytes: Uint8Array, isSent: boolean): void {
    this.#timeMs = this.#trace.now();
    const side = isSent ? this.#sent : this.#received;
    if (isSent && this.#isFramed) { // A write is one frame, which is watched only when it is tapped already.
      side.announce({ opcode: Opcode.Binary, isFinal: true, isMasked: false, length: bytes.length });
    }
    side.add(bytes);
  }

  #frame({ isSent, opcode, isFinal, mask, length, payload }: WebSocketFrame): void {
    if (!this.#isFramed && this.#partialBytes > 0) { // The tap gives these bytes again: they came in earlier frames.
      this.#received.announce({
        opcode: Opcode.Continuation,
        isFinal: true,
        isMasked: true,
        length: this.#partialBytes,
      });
    }
    this.#isFramed = true;
    const frame = { opcode, isFinal, isMasked: mask !== undefined, length };
    if (opcode < Opcode.Close) {
      if (!isSent) this.#received.announce(frame);
    } else if (this.#trace.target.kind !== "topic") {
      this.#received.after(() => this.#note("frame", isSent, { frame }, payload));
    }
  }

  #packet(packet: ToldPacket, isSent: boolean): void {
    if (this.phase === "left") return;
    const type = (packet.bytes[packet.start] ?? 0) >> 4;
    if (isSent) this.#answering(packet, type);
    else if (!this.#hasReceived) this.#first(packet, type);
    const { target } = this.#trace;
    const needsTopic = type === PacketType.publish && (this.#protocolVersion === 5 || target.kind === "topic");
    const topic = needsTopic ? publishTopic(packet, this.#protocolVersion) : undefined;
    const aliasTopic = topic?.alias === undefined ? undefined : this.#aliases(isSent).resolve(packet, topic);
    if (target.kind !== "topic") this.#keep(packet, type, isSent, aliasTopic);
    else if (this.#isAbout(target.value, packet, type, topic, aliasTopic)) this.#keep(packet, type, isSent, aliasTopic);
  }

  #aliases(isSent: boolean): SideAliases {
    return isSent ? this.#sentAliases ??= new SideAliases() : this.#receivedAliases ??= new SideAliases();
  }

  /** Reads the first packet of a client, which says whose it is. */
  #first(packet: ToldPacket, type: number): void {
    this.#hasReceived = true;
    if (type !== PacketType.connect) {
      this.#isForeign = this.#received.isOver = this.#hasFirst; // The broker looks at nothing that follows.
      return;
    }
    this.#isFromStart = true;
    const { protocolVersion, clientId = "", userName } = connectNames(packet);
    this.#protocolVersion = protocolVersion;
    this.#clientId = clientId;
    const { target } = this.#trace;
    if (this.phase !== "undecided") return;
    // An empty identifier is assigned later, and an authenticator may give a name.
    if (target.kind === "clientId" && clientId !== "") this.#decide(target.value === clientId);
    else if (target.kind === "user" && userName === target.value) this.#decide(true);
  }

  /** Tells what has come of a packet that is refused before it is whole: its answer follows. */
  #answering({ bytes, start }: ToldPacket, type: number): void {
    const isRefusal = type === PacketType.connack && bytes[start + 3] !== ReasonCode.Success;
    if (isRefusal || type === PacketType.disconnect) this.#received.finish();
  }

  /** Whether a packet is about the topics of a trace. */
  #isAbout(
    target: TopicTarget,
    packet: ToldPacket,
    type: number,
    topic: PublishTopic | undefined,
    aliasTopic: string | undefined,
  ): boolean {
    switch (type) {
      case PacketType.publish:
        if (aliasTopic !== undefined) return target.matchesText(aliasTopic);
        return topic !== undefined && topic.end > topic.start && target.matches(packet.bytes, topic.start, topic.end);
      case PacketType.subscribe:
      case PacketType.unsubscribe:
        return hasTopicFilter(packet, target, this.#protocolVersion, type === PacketType.subscribe);
      default:
        return false;
    }
  }

  #keep(packet: ToldPacket, type: number, isSent: boolean, topic: string | undefined): void {
    if (this.phase === "left") return;
    const keptBytes = Math.min(packet.end - packet.start, this.#trace.packetBytes);
    const isHidden = this.#hasSecrets(type) || (this.#isForeign && !isSent);
    if (this.phase === "traced" && !this.#trace.admits(keptBytes, this.#timeMs)) {
      // Nothing is read after it, which only its fault would tell.
      if (isHidden && !isSent) this.#hide(packet, type, isSent);
      return;
    }
    const pieces = packet.pieces();
    const { bytes, start, flaw } = isHidden
      ? this.#hide(packet, type, isSent)
      : { bytes: packet.bytes, start: packet.start, flaw: undefined };
    const facts = flaw === undefined && topic === undefined ? undefined : { flaw, topic };
    const { wireBytes } = packet;
    const record = { kind: 0, isSent, timeMs: this.#timeMs, wireBytes, pieces, facts };
    this.#record({ ...record, bytes, start, end: start + keptBytes });
  }

  /** Copy of a packet without its secrets, and its fault, which cannot be seen in the copy. */
  #hide(packet: ToldPacket, type: number, isSent: boolean) {
    const whole = packet.bytes.subarray(packet.start, packet.end);
    if (this.#isForeign && !isSent && type !== PacketType.connect) {
      return {
        bytes: whole.slice().fill(ASTERISK, FOREIGN_BYTES),
        start: 0,
        flaw: dissect(whole, { isFirst: true }).flaw,
      };
    }
    const { bytes, flaw } = withoutSecrets(whole, { protocolVersion: this.#protocolVersion, isSent });
    if (flaw !== undefined && !isSent) this.#received.isOver = true; // The bytes after it may be the rest of a secret.
    return { bytes, start: 0, flaw };
  }

  #hasSecrets(type: number): boolean {
    const isOld = this.#protocolVersion === 3 || this.#protocolVersion === 4;
    return SECRET_TYPES.has(type) && !(type === PacketType.connack && isOld);
  }

  #mostBytes(type: number): number {
    const { target, packetBytes, secretBytes } = this.#trace;
    return SECRET_TYPES.has(type) ? secretBytes : target.kind === "topic" ? LONGEST_TOPIC_PART_BYTES : packetBytes;
  }

  /** Records what is not a packet. */
  #note(
    kind: TraceRecord["kind"],
    isSent: boolean,
    facts?: Readonly<Record<string, unknown>>,
    bytes: Uint8Array = NOTHING,
  ): void {
    if (this.phase === "left") return; // A frame that came with the CONNECT of another client.
    const record = { kind: RECORD_KINDS.indexOf(kind), isSent, timeMs: this.#trace.now(), pieces: [], facts };
    const { length } = bytes;
    if (this.phase === "undecided") this.#record({ ...record, bytes, start: 0, end: length, wireBytes: length });
    else this.#recordIfAdmitted({ ...record, bytes, start: 0, end: length, wireBytes: length });
  }

  #recordIfAdmitted(record: ConnectionRecord): void {
    if (this.#trace.admits(record.end - record.start, record.timeMs)) this.#trace.record(this, record);
  }

  #record(record: ConnectionRecord): void {
    if (this.phase === "traced") return this.#trace.record(this, record);
    if (this.#waiting.length === MOST_WAITING_RECORDS) {
      this.#unkept += 1;
      return;
    }
    const bytes = record.bytes.slice(record.start, record.end); // Kept beyond the chunk: copy.
    this.#waiting.push({ ...record, bytes, start: 0, end: bytes.length });
  }

  #ended(): void {
    if (this.#stops.length === 0) return; // The trace has ended before.
    this.#timeMs = this.#trace.now();
    this.#received.finish();
    this.#sent.finish();
    if (this.#closed !== undefined && (this.number > 0 || this.#trace.target.kind !== "topic")) {
      const { reasonCode, reason, by } = this.#closed;
      this.#note("closed", by === "server", { reasonCode, reason, by });
    }
    this.stop();
    this.#trace.ended(this);
  }
}
