/**
 * Rows of the inspector out of the records of a trace. A list keeps no trees: a packet is dissected again when it is looked
 * at, and the oldest rows go when there are too many, counted.
 *
 * ```text
 * records ─ base64 ─► Conversation of the connection ─► rows ─► filter ─► shown
 * ```
 */

import { PacketType } from "../../codec/packet.ts";
import { printable } from "../../codec/printable.ts";
import { Conversation, type Entry } from "../dissect/conversation.ts";
import { closeText, Opcode } from "../dissect/frames.ts";
import type { TraceConnection, TracePage, TracePiece, TraceRecord } from "../trace/trace_records.ts";
import { bytesOfBase64 } from "./payload_bytes.ts";

/** Connection of a row, as it is known now. */
export interface RowConnection {
  facts: TraceConnection;
}

/** Row of the list of packets. */
export interface PacketRow {
  /** Number of the record, from 1. */
  readonly number: number;
  readonly timeMs: number;
  readonly isSent: boolean;
  readonly kind: TraceRecord["kind"];
  readonly connection: RowConnection;
  /** Name of the packet, such as `PUBLISH`, or of what happened. */
  readonly name: string;
  readonly details: string;
  /** Bytes on the wire; 0 for what is no packet. */
  readonly wireBytes: number;
  /** Whether it ends in tears: malformed, refused, or closed by a fault. */
  readonly isBroken: boolean;
  /** Packets that the trace lost right before it. */
  readonly lostBefore: number;
  readonly entry: Entry | undefined;
  readonly pieces: readonly TracePiece[];
  /** Entry of docs/troubleshooting.md about a refusal. */
  readonly help: string | undefined;
}

/** Most rows that are kept. A row of a small packet takes about 1 KB. */
export const MOST_ROWS = 50_000;
/** Most bytes of packets that are kept. */
export const MOST_BYTES = 25_165_824;

const OPCODE_WORDS: Readonly<Record<number, string>> = {
  [Opcode.Close]: "Close",
  [Opcode.Ping]: "Ping",
  [Opcode.Pong]: "Pong",
};
const ENDED_BY = { client: "by the client", network: "connection lost", server: "by the broker" } as const;
const NO_PIECES: readonly TracePiece[] = [];

/** Packets of one trace. */
export class PacketList {
  /** Rows that were left out of the front, so that what follows keeps its place. */
  #dropped = 0;
  #rows: PacketRow[] = [];
  #shown: PacketRow[] = [];
  #bytes = 0;
  /** Lost packets of the time before the list was cleared. */
  #lostBefore = 0;
  #matches: ((row: PacketRow) => boolean) | undefined;
  /** Whether rows that were let through have to be looked at again. */
  #isChanging = false;
  readonly #connections = new Map<number, RowConnection>();
  readonly #conversations = new Map<number, Conversation>();
  readonly #limits: { readonly rows: number; readonly bytes: number };

  /** Time of the first row there ever was; times are shown from it on. */
  firstTimeMs: number | undefined;
  /** Number of the last record that was taken. */
  after = 0;
  /** Packets that the broker did not record, because there were too many in a second. */
  lost = 0;
  /** Records that were not read in time. */
  missed = 0;

  constructor(
    limits: { readonly rows: number; readonly bytes: number } = {
      rows: MOST_ROWS,
      bytes: MOST_BYTES,
    },
  ) {
    this.#limits = limits;
  }

  /** All rows that are kept, oldest first. */
  get rows(): readonly PacketRow[] {
    return this.#rows;
  }

  /** Rows that the filter lets through, oldest first. */
  get shown(): readonly PacketRow[] {
    return this.#matches === undefined ? this.#rows : this.#shown;
  }

  /** Rows that are no longer kept. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes the next records of the trace; gives whether rows were added or changed. */
  add({ records, connections, missed, after, trace }: TracePage): boolean {
    const lost = trace.lost - this.#lostBefore;
    const isLostNew = this.lost !== lost;
    this.lost = lost;
    // Packets that were gone before the list began are older than it; the list did not lose them.
    if (this.after === 0) this.#dropped += missed;
    else this.missed += missed;
    let isRenamed = false;
    for (const facts of connections) {
      const known = this.#connections.get(facts.number);
      if (known === undefined) this.#connections.set(facts.number, { facts });
      else {
        isRenamed ||= known.facts.clientId !== facts.clientId ||
          known.facts.principal !== facts.principal;
        known.facts = facts;
      }
    }
    for (const record of records) {
      if (record.number > this.after) this.#push(this.#row(record));
    }
    this.after = Math.max(this.after, after);
    this.#trim();
    if (this.#matches !== undefined && (isRenamed || this.#isChanging)) {
      this.#shown = this.#rows.filter(this.#matches);
    }
    return records.length > 0 || connections.length > 0 || missed > 0 ||
      isLostNew;
  }

  /** Forgets all rows, but not what the conversations need for the packets to come. */
  clear(): void {
    this.#dropped += this.#rows.length;
    this.#rows = [];
    this.#shown = [];
    this.#bytes = 0;
    this.#lostBefore += this.lost;
    this.lost = 0;
    this.missed = 0;
  }

  /** Sets what is shown; `undefined` shows all. */
  filter(
    matches: ((row: PacketRow) => boolean) | undefined,
    isChanging = false,
  ): void {
    this.#matches = matches;
    this.#isChanging = isChanging;
    this.#shown = matches === undefined ? [] : this.#rows.filter(matches);
  }

  /** Row of a record, if it is kept. */
  rowOf(number: number): PacketRow | undefined {
    return this.#rows[indexIn(this.#rows, number)];
  }

  /** Place of a record among the shown rows; -1 if it is not among them. */
  shownIndexOf(number: number): number {
    return indexIn(this.shown, number);
  }

  #push(row: PacketRow): void {
    this.firstTimeMs ??= row.timeMs;
    this.#rows.push(row);
    this.#bytes += row.entry?.bytes.length ?? 0;
    if (this.#matches?.(row)) this.#shown.push(row);
  }

  /** Drops the oldest rows, a tenth more than needed, so that the arrays are moved seldom. */
  #trim(): void {
    const { rows, bytes } = this.#limits;
    if (this.#rows.length <= rows && this.#bytes <= bytes) return;
    let count = 0;
    while (
      count < this.#rows.length - 1 &&
      (this.#rows.length - count > rows * 0.9 || this.#bytes > bytes * 0.9)
    ) {
      this.#bytes -= this.#rows[count]?.entry?.bytes.length ?? 0;
      count += 1;
    }
    const first = this.#rows[count]?.number ?? 0;
    this.#dropped += count;
    this.#rows = this.#rows.slice(count);
    this.#shown = this.#shown.slice(
      Math.max(0, lowerBound(this.#shown, first)),
    );
  }

  #row(record: TraceRecord): PacketRow {
    const { number, timeMs, isSent, kind, lostBefore } = record;
    const connection = this.#connectionOf(record);
    const row = { number, timeMs, isSent, kind, connection, lostBefore, entry: undefined, pieces: NO_PIECES };
    if (record.kind !== "packet") {
      return { ...row, wireBytes: 0, help: undefined, ...eventOf(record, connection.facts) };
    }
    const bytes = bytesOfBase64(record.bytes);
    const { wireBytes, pieces } = record;
    const flaw = record.flaw as Entry["flaw"]; // The broker's dissector has written it.
    const entry = this.#conversationOf(connection.facts, bytes)
      .add({ timeMs, isSent, bytes, wireBytes, pieces, flaw, record: number });
    const { packet: name, details } = entry.summary;
    const isBroken = details.startsWith("malformed");
    return { ...row, name, details, wireBytes, entry, pieces, isBroken, help: undefined };
  }

  #connectionOf(record: TraceRecord): RowConnection {
    const known = this.#connections.get(record.connection);
    if (known !== undefined) return known;
    const connection = { facts: unknownConnection(record) };
    this.#connections.set(record.connection, connection);
    return connection;
  }

  #conversationOf({ number, isFromStart, protocolVersion }: TraceConnection, first: Uint8Array): Conversation {
    const known = this.#conversations.get(number);
    if (known !== undefined) return known;
    // A trace of a topic has read the CONNECT, but not recorded it.
    const isFirst = isFromStart && ((first[0] ?? 0) >> 4 === PacketType.connect || protocolVersion === undefined);
    const conversation = new Conversation(isFirst, isFirst ? undefined : protocolVersion);
    this.#conversations.set(number, conversation);
    return conversation;
  }
}

/** Carrier of a row for the column of frames: their number, or what is there in their place. */
export function framesText({ kind, pieces, connection }: PacketRow): string {
  if (kind !== "packet") return "";
  const { transport } = connection.facts;
  if (transport.startsWith("ws")) return `${pieces.length}`;
  return {
    tcp: "TCP",
    tls: "TLS",
    unix: "Unix",
    memory: "memory",
  }[transport] ?? transport;
}

/** Name of the client of a row: its identifier, or its address before that is known. What turns a text is escaped. */
export function clientText({ connection: { facts } }: PacketRow): string {
  return facts.clientId === "" ? facts.address : printable(facts.clientId);
}

/** Seconds since the first packet, such as `0.652`. */
export function secondsText(timeMs: number, firstMs: number): string {
  return ((timeMs - firstMs) / 1000).toFixed(3);
}

/** Time since the row before, such as `+0.195`; empty for the first row. */
export function deltaText(
  row: PacketRow,
  before: PacketRow | undefined,
): string {
  return before === undefined ? "" : `+${(Math.max(0, row.timeMs - before.timeMs) / 1000).toFixed(3)}`;
}

/** Words of a record that is no packet. */
function eventOf(
  record: Exclude<TraceRecord, { readonly kind: "packet" }>,
  facts: TraceConnection,
): Pick<PacketRow, "name" | "details" | "isBroken"> & { readonly help?: string | undefined } {
  switch (record.kind) {
    case "frame": {
      const { opcode, length } = record.frame;
      const details = opcode === Opcode.Close ? closeText(bytesOfBase64(record.bytes)) : `${length} B`;
      return { name: `WebSocket ${OPCODE_WORDS[opcode] ?? `opcode ${opcode}`}`, details, isBroken: false };
    }
    case "opened":
      return { name: "Connected", details: openedText(facts), isBroken: false };
    case "closed": {
      const { by, reasonCode, reason } = record;
      const why = reasonCode === 0 ? "" : ` · 0x${hex(reasonCode)} ${reason}`;
      return { name: "Closed", details: ENDED_BY[by] + why, isBroken: reasonCode >= 0x80 && by === "server" };
    }
    case "refused":
      return { name: "Refused", details: record.reason, isBroken: true, help: record.help };
  }
}

function openedText({ address, listener, upgrade }: TraceConnection): string {
  return `${address} to ${listener}${upgrade === undefined ? "" : ", HTTP upgrade"}`;
}

function unknownConnection(
  { connection, timeMs }: TraceRecord,
): TraceConnection {
  return {
    number: connection,
    clientId: "",
    principal: undefined,
    address: "",
    listener: "",
    transport: "",
    protocolVersion: undefined,
    connectedAtMs: timeMs,
    isFromStart: false,
    upgrade: undefined,
  };
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

function indexIn(rows: readonly PacketRow[], number: number): number {
  const index = lowerBound(rows, number);
  return rows[index]?.number === number ? index : -1;
}

/** First place whose row has at least that number. */
function lowerBound(rows: readonly PacketRow[], number: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = low + high >> 1;
    if ((rows[middle] as PacketRow).number < number) low = middle + 1; // Below the length.
    else high = middle;
  }
  return low;
}
