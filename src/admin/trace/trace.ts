import type { Broker } from "../../broker/broker.ts";
import type { BrokerEvent } from "../../broker/events.ts";
import type { WatchedConnection } from "../../broker/connection/watched.ts";
import type { Peer } from "../../transport/transport.ts";
import { TraceCapture } from "./trace_capture.ts";
import { TraceConnections } from "./trace_connections.ts";
import type { TraceFacts, TraceOptions, TracePage, TraceRecord } from "./trace_records.ts";
import { type KeptRecord, TraceRing } from "./trace_ring.ts";
import { isAddress, type Target, targetName, targetOf } from "./trace_target.ts";
import { type ConnectionRecord, RECORD_KINDS, TracedConnection, type TraceOfConnections } from "./traced_connection.ts";

/** Range of records to read. */
export interface TraceRange {
  /** Number of the last record that is known already. @default {0} */
  readonly after?: number | undefined;
  /** Most records of a page; one with large packets has fewer. @default {500} */
  readonly limit?: number | undefined;
}

const MOST_RECORDS_A_SECOND = 5_000;
const MOST_BYTES_A_SECOND = 4_000_000;
const SECOND_MS = 1_000;
const PACKET_BYTES = 4_096;
const WIDE_PACKET_BYTES = 65_536;
const MOST_SECRET_BYTES = 1_048_576;
const LONGEST_MS = 600_000;
const PAGE_RECORDS = 500;
const MOST_PAGE_RECORDS = 5_000;
/** Bytes after which a page ends: a longer text of JSON would hold up the broker for too long. */
const PAGE_BYTES = 262_144;
const PIECE_BYTES = 64;
/** Pause between pages of a trace that is followed: each has what came meanwhile. */
const PAGE_PAUSE_MS = 40;
const NOTHING: Uint8Array = new Uint8Array(0);

/** One live trace. */
export class Trace implements TraceOfConnections {
  readonly target: Target;
  readonly packetBytes: number;
  readonly secretBytes: number;
  readonly now: () => number;
  readonly #id: string;
  readonly #wish: TraceOptions;
  readonly #startedAtMs: number;
  #endsAtMs: number;
  #isActive = true;
  readonly #ring = new TraceRing();
  readonly #table = new TraceConnections();
  /** Connections that are tapped. */
  readonly #tapped = new Map<Peer, TracedConnection>();
  readonly #stops: (() => void)[] = [];
  #lost = 0;
  /** Count of those before the last record. */
  #lostBefore = 0;
  #secondMs = -Infinity;
  #secondRecords = 0;
  #secondBytes = 0;
  #wakes: (() => void)[] = [];

  /** Starts it. Throws RangeError for a target that is none. @param now epoch milliseconds */
  constructor(id: string, broker: Broker, options: TraceOptions, now: () => number) {
    const { isWide = false, ...wish } = options;
    this.target = targetOf(wish);
    this.packetBytes = isWide ? WIDE_PACKET_BYTES : PACKET_BYTES;
    this.secretBytes = Math.min(broker.limits.maximumConnectBytes, MOST_SECRET_BYTES);
    this.now = now;
    this.#id = id;
    this.#wish = options;
    this.#startedAtMs = now();
    this.#endsAtMs = this.#startedAtMs + LONGEST_MS;
    this.#watch(broker);
  }

  /** State of the trace. */
  get facts(): TraceFacts {
    const { isWide = false, ...target } = this.#wish;
    return {
      id: this.#id,
      target,
      name: targetName(target),
      isWide,
      startedAtMs: this.#startedAtMs,
      endsAtMs: this.#endsAtMs,
      isActive: this.#isActive,
      connections: this.#table.count,
      records: this.#ring.last,
      first: this.#ring.first,
      lost: this.#lost,
    };
  }

  /** Records after one, oldest first. Rejects with RangeError for a limit that is none. */
  async records({ after = 0, limit = PAGE_RECORDS }: TraceRange = {}): Promise<TracePage> {
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST_PAGE_RECORDS) {
      throw new RangeError(`Cannot read a trace: limit "${limit}" is not between 1 and ${MOST_PAGE_RECORDS}`);
    }
    const { first, last } = this.#ring;
    const from = Math.max(after + 1, first);
    const end = Math.min(last + 1, from + limit);
    const records: TraceRecord[] = [];
    const numbers = new Set<number>();
    for (let bytes = 0; from + records.length < end && bytes < PAGE_BYTES;) {
      const record = this.#ring.get(from + records.length);
      records.push(told(record));
      numbers.add(record.connection);
      bytes += record.bytes.length + record.pieces.length * PIECE_BYTES;
    }
    const { facts } = this;
    const connections = await this.#table.about(numbers);
    const missed = Math.max(0, from - after - 1);
    return { records, connections, after: Math.max(after, from + records.length - 1), missed, trace: facts };
  }

  /** Resolves when there is a record after one, or the trace has ended; rejects when the signal is aborted. */
  changed(after: number, signal?: AbortSignal): Promise<void> {
    if (this.#ring.last > after || !this.#isActive) return Promise.resolve();
    return passed(signal, (resolve) => {
      this.#wakes.push(resolve);
      return () => void (this.#wakes = this.#wakes.filter((wake) => wake !== resolve));
    });
  }

  /**
   * Pages of records until the trace ends. It is pulled: a slow reader holds nothing, and learns how many records it missed.
   * Ends early, without an error, when the signal is aborted.
   */
  async *pages(
    { after = 0, limit, signal }: TraceRange & { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<TracePage, void> {
    let last = after;
    while (signal?.aborted !== true) {
      const isOver = !this.#isActive;
      const page = await this.records({ after: last, limit });
      if (page.records.length > 0 || page.missed > 0) yield page;
      last = page.after;
      if (last < this.#ring.last) continue;
      if (isOver) return;
      try {
        await this.changed(last, signal);
        await passed(signal, (resolve) => {
          const timer = setTimeout(resolve, PAGE_PAUSE_MS);
          return () => clearTimeout(timer);
        });
      } catch {
        return; // The reader is gone.
      }
    }
  }

  /**
   * Capture in the format pcapng.
   *
   * @param options.isWire whether WebSocket connections have their upgrade and their frames
   * @param options.isLive whether it continues until the trace ends
   */
  async *pcapng(
    { isWire, isLive = false, signal }: {
      readonly isWire?: boolean | undefined;
      readonly isLive?: boolean | undefined;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): AsyncGenerator<Uint8Array, void> {
    const capture = new TraceCapture({ isWire });
    yield capture.begin();
    const { last } = this.#ring;
    if (last === 0 && !isLive) return;
    for await (const page of this.pages({ signal })) {
      yield capture.add(page);
      if (!isLive && page.after >= last) return;
    }
  }

  /** Ends it; its records stay. */
  end(): void {
    if (!this.#isActive) return;
    this.#isActive = false;
    this.#endsAtMs = Math.min(this.#endsAtMs, this.now());
    for (const stop of this.#stops.splice(0)) stop();
    for (const connection of this.#tapped.values()) {
      connection.stop();
      if (connection.number > 0) this.#table.ended(connection.number);
    }
    this.#tapped.clear();
    this.#wake();
  }

  admits(bytes: number, timeMs: number): boolean {
    if (timeMs - this.#secondMs >= SECOND_MS || timeMs < this.#secondMs) {
      this.#secondMs = timeMs;
      this.#secondRecords = this.#secondBytes = 0;
    }
    if (this.#secondRecords >= MOST_RECORDS_A_SECOND || this.#secondBytes + bytes > MOST_BYTES_A_SECOND) {
      this.lose();
      return false;
    }
    this.#secondRecords += 1;
    this.#secondBytes += bytes;
    return true;
  }

  lose(): void {
    this.#lost += 1;
  }

  record(connection: TracedConnection, record: ConnectionRecord): void {
    if (connection.number === 0) {
      connection.number = this.#table.add(connection);
      this.#ring.forget(this.#table.prune(this.#ring.first));
    }
    this.#add(connection.number, record);
  }

  ended(connection: TracedConnection): void {
    this.#tapped.delete(connection.peer);
    if (connection.number > 0) this.#table.ended(connection.number);
  }

  #add(connection: number, record: ConnectionRecord): void {
    this.#ring.add({ ...record, connection, lostBefore: this.#lost - this.#lostBefore });
    this.#lostBefore = this.#lost;
    this.#table.recorded(connection, this.#ring.last);
    if (this.#wakes.length > 0) this.#wake();
  }

  #wake(): void {
    for (const wake of this.#wakes.splice(0)) wake();
  }

  #watch(broker: Broker): void {
    let isNew = false;
    const stopConnections = broker.watchConnections((watched) => this.#begin(watched, isNew));
    isNew = true;
    this.#stops.push(stopConnections, broker.watchEvents((event) => this.#hear(event)));
  }

  #begin(watched: WatchedConnection, isNew: boolean): void {
    const isNext = this.target.kind === "next";
    if (!this.#isActive || (isNext && (!isNew || this.#table.count > 0))) return;
    const connection = new TracedConnection(watched, isNew, this);
    if (connection.phase !== "left") this.#tapped.set(watched.peer, connection);
  }

  #hear(event: BrokerEvent): void {
    switch (event.kind) {
      case "clientConnected":
        this.#tapped.get(event.peer)?.connected(event.clientId, event.principal);
        return;
      case "connectionClosed":
        this.#tapped.get(event.peer)?.closing(event);
        return;
      case "connectionRefused":
        if (this.target.kind === "address" && isAddress(this.target.value, event.peer.address)) this.#refused(event);
        return;
      default: // Others are not about the bytes of a connection.
    }
  }

  /** Records a connection that a listener refused. */
  #refused({ peer, reason, help }: Extract<BrokerEvent, { readonly kind: "connectionRefused" }>): void {
    const timeMs = this.now();
    if (!this.admits(0, timeMs)) return;
    const { address, listener, transport } = peer;
    const facts = {
      ...{ clientId: "", principal: undefined, address, listener, transport, protocolVersion: undefined },
      ...{ connectedAtMs: timeMs, isFromStart: true },
    };
    const number = this.#table.add({ facts, request: undefined });
    this.#ring.forget(this.#table.prune(this.#ring.first));
    const kind = RECORD_KINDS.indexOf("refused");
    const record = { kind, isSent: true, timeMs, bytes: NOTHING, start: 0, end: 0, wireBytes: 0, pieces: [] };
    this.#add(number, { ...record, facts: { reason, help } });
  }
}

/** Record as it is told. */
function told({ kind, facts, bytes, wireBytes, pieces, ...base }: KeptRecord): TraceRecord {
  const name = RECORD_KINDS[kind];
  const record = name === "packet"
    ? { ...base, kind: name, bytes: bytes.toBase64(), wireBytes, pieces, ...facts }
    : name === "frame"
    ? { ...base, kind: name, bytes: bytes.toBase64(), ...facts }
    : { ...base, kind: name, ...facts };
  return record as TraceRecord; // The connection gave each kind its facts.
}

/** Resolves when `begin` says so, and rejects when the signal is aborted; `begin` gives what then undoes it. */
function passed(signal: AbortSignal | undefined, begin: (resolve: () => void) => () => void): Promise<void> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const undo = begin(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    });
    const aborted = () => {
      undo();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", aborted, { once: true });
  });
}
