/** Pages of a trace as entries of conversations: what the page and `brooklet trace` show. Nothing here needs a broker or a DOM. */

import { PacketType, unreachable } from "../../codec/packet.ts";
import { Conversation, type Entry } from "../dissect/conversation.ts";
import { frameText } from "../dissect/frames.ts";
import type { TraceConnection, TracePage, TraceRecord } from "./trace_records.ts";

/** Record as it is shown: a packet, or a line about what carries it. */
export interface TraceItem {
  readonly record: TraceRecord;
  readonly connection: TraceConnection;
  /** The packet; its `number` is that in its connection. */
  readonly entry: Entry | undefined;
  /** The line of any other record. */
  readonly note: string | undefined;
}

/** Reads pages of one trace, in their order. */
export class TraceReader {
  readonly #conversations = new Map<number, Conversation>();

  /** Items of the next page. */
  add({ records, connections }: TracePage): TraceItem[] {
    const facts = new Map(connections.map((connection) => [connection.number, connection]));
    const items: TraceItem[] = [];
    for (const record of records) {
      const connection = facts.get(record.connection);
      if (connection !== undefined) items.push(this.#item(record, connection));
    }
    return items;
  }

  #item(record: TraceRecord, connection: TraceConnection): TraceItem {
    const { kind, timeMs, isSent } = record;
    if (kind !== "packet") {
      if (kind === "opened") this.#conversation(connection, true);
      if (kind === "closed") this.#conversations.delete(record.connection);
      return { record, connection, entry: undefined, note: noteOf(record, connection) };
    }
    const { wireBytes, pieces, topic, flaw } = record;
    const bytes = Uint8Array.fromBase64(record.bytes);
    const isConnect = (bytes[0] ?? 0) >> 4 === PacketType.connect;
    const entry = this.#conversation(connection, isConnect).add({
      timeMs,
      isSent,
      bytes,
      wireBytes,
      pieces,
      topic,
      flaw,
    });
    return { record, connection, entry, note: undefined };
  }

  /** @param isFirst whether the connection begins now: its first packets may no longer be kept */
  #conversation({ number, protocolVersion }: TraceConnection, isFirst: boolean): Conversation {
    let conversation = this.#conversations.get(number);
    if (conversation === undefined) {
      conversation = new Conversation(isFirst, isFirst ? undefined : protocolVersion);
      this.#conversations.set(number, conversation);
    }
    return conversation;
  }
}

function noteOf(record: Exclude<TraceRecord, { readonly kind: "packet" }>, { upgrade }: TraceConnection): string {
  switch (record.kind) {
    case "frame":
      return frameText({ ...record.frame, payload: Uint8Array.fromBase64(record.bytes) });
    case "opened":
      return ["connection opened", upgrade?.request.split("\r\n", 1)[0]].filter((part) => part !== undefined).join(
        ": ",
      );
    case "closed":
      return `connection closed by the ${record.by === "server" ? "broker" : record.by}: ${record.reason}`;
    case "refused":
      return `connection refused: ${record.reason}`;
    default:
      return unreachable(record);
  }
}
