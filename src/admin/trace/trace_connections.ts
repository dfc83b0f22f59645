/** Connections that the records of a trace are of: what is told of them stays small, however many there are. */

import type { HttpRequest } from "../../transport/transport.ts";
import { encodeAcceptance } from "../../transport/web_socket/http_head.ts";
import { checkUpgrade } from "../../transport/web_socket/upgrade.ts";
import { headWithoutSecrets } from "../dissect/frames.ts";
import type { TraceConnection } from "./trace_records.ts";

/** Connection that can be asked for its facts. */
export interface KnownConnection {
  readonly facts: Omit<TraceConnection, "number" | "upgrade">;
  readonly request: HttpRequest | undefined;
}

interface Row {
  /** The connection until it ends; its last facts then. */
  known: KnownConnection;
  /** Number of its last record. */
  lastRecord: number;
  readonly headBytes: number;
}

const MOST_ROWS = 4_096;
/** Bytes of the HTTP heads of all connections; one that does not fit is not told. */
const MOST_HEAD_BYTES = 1_048_576;
const UTF8_DECODER = new TextDecoder();

/** Table of the connections of a trace, numbered from 1. */
export class TraceConnections {
  /** Number of all connections so far. */
  count = 0;
  readonly #rows = new Map<number, Row>();
  #headBytes = 0;

  /** Adds a connection; gives its number. */
  add(known: KnownConnection): number {
    const headBytes = known.request === undefined ? 0 : sizeOf(known.request);
    const fits = this.#headBytes + headBytes <= MOST_HEAD_BYTES;
    this.#headBytes += fits ? headBytes : 0;
    this.#rows.set(this.count += 1, { known, lastRecord: 0, headBytes: fits ? headBytes : 0 });
    return this.count;
  }

  /** Notes the last record of a connection. */
  recorded(number: number, record: number): void {
    const row = this.#rows.get(number);
    if (row !== undefined) row.lastRecord = record;
  }

  /** Keeps the facts of a connection that is over, and not the connection. */
  ended(number: number): void {
    const row = this.#rows.get(number);
    if (row === undefined) return;
    const { facts, request } = row.known;
    row.known = { facts, request };
  }

  /**
   * Forgets connections without records from `first` on, if there are many; gives the number of the first record that may
   * be kept, so that no record is without its connection.
   */
  prune(first: number): number {
    if (this.#rows.size <= MOST_ROWS) return first;
    let kept = first;
    for (const [number, { lastRecord, headBytes }] of this.#rows) {
      if (this.#rows.size <= MOST_ROWS / 2 && lastRecord >= kept) break;
      if (this.#rows.size > MOST_ROWS / 2) kept = Math.max(kept, lastRecord + 1);
      this.#rows.delete(number);
      this.#headBytes -= headBytes;
    }
    return kept;
  }

  /** Facts about connections, in the order of their numbers. */
  async about(numbers: ReadonlySet<number>): Promise<TraceConnection[]> {
    const connections: TraceConnection[] = [];
    for (const number of [...numbers].sort((a, b) => a - b)) {
      const row = this.#rows.get(number);
      if (row === undefined) continue;
      const { known: { facts, request }, headBytes } = row;
      const upgrade = request === undefined || headBytes === 0 ? undefined : await headsOf(request);
      connections.push({ number, ...facts, upgrade });
    }
    return connections;
  }
}

function sizeOf({ url, headers }: HttpRequest): number {
  let bytes = url.length;
  for (const [name, value] of headers) bytes += name.length + value.length;
  return bytes;
}

/** Heads of an upgrade, credentials overwritten. The broker keeps the request in its parts, and the answer follows from it. */
async function headsOf(request: HttpRequest): Promise<TraceConnection["upgrade"]> {
  const { pathname, search } = new URL(request.url);
  const lines = [...request.headers].map(([name, value]) => `${fieldName(name)}: ${value}\r\n`);
  const head = headWithoutSecrets(`${request.method} ${pathname}${search} HTTP/1.1\r\n${lines.join("")}\r\n`);
  const decision = checkUpgrade(request, { paths: "any", requireSubprotocol: false, origins: ["*"] });
  if (decision.kind !== "accepted") return undefined; // Another listener than ours took it for an upgrade.
  return { request: head, response: UTF8_DECODER.decode(await encodeAcceptance(decision)) };
}

/** Name of a field as it is mostly written, such as `Sec-WebSocket-Key`. */
function fieldName(name: string): string {
  return name.replace(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase()).replace("Websocket", "WebSocket");
}
