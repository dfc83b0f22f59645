import { ByteWriter } from "../../codec/byte_writer.ts";
import type { QueuedChange } from "../../protocol/change.ts";
import type { StoredMessage } from "../../protocol/message.ts";
import { written } from "../records/record_fields.ts";
import type { MessageRecords } from "../records/records.ts";
import { type BodyReference, entryBytes, type PageEntry } from "../records/session_queue.ts";
import type { KvBodies, SharedBodies } from "./bodies.ts";
import { type Key, LARGEST_ROW_BYTES, type Mutation } from "./rows.ts";
import type { KeptSession } from "./sessions.ts";

/**
 * Contents of the next atomic, collected change by change. Its messages are written into pages; those that are large, or
 * that several sessions get, into bodies.
 */

/** Largest message that is stored in a page; a larger one gets a body of its own. */
const LARGEST_INLINE_BYTES = 16 * 1024;
// A body costs two rows, one to set and one to delete: a smaller message is faster written once for each session.
const LEAST_SAVED_BYTES = 2048;
/** Bytes of a page without its entries. */
const PAGE_BYTES = 64;

/** Changes of one session in the draft. */
export interface Touched {
  /** New messages by sequence, in order, without those that were completed meanwhile. */
  readonly queued: Map<number, QueuedChange>;
  isProgressChanged: boolean;
  isRecordChanged: boolean;
}

/** A row that contains no messages. */
export interface DraftRow {
  readonly key: Key;
  /** `undefined`: the row is deleted. */
  readonly record: Uint8Array | undefined;
}

export class Draft {
  readonly sessions = new Map<KeptSession, Touched>();
  /** Rows by the text of their key: the last one counts. */
  readonly rows = new Map<string, DraftRow>();
  /** Pages whose messages are all completed, by the state that knows them. */
  readonly pages: { readonly session: KeptSession; readonly firstSequence: number }[] = [];
  /** Bodies of messages that are completed. */
  readonly released: number[] = [];
  /** Sessions that began or ended, with the numbers that they may have while it is unknown what was written. */
  readonly numbers = new Map<string, Set<number>>();
  readonly ended: number[] = [];
  /** Estimated size of the atomic. */
  mutations = 0;
  bytes = 0;
  keyBytes = 0;

  get isEmpty(): boolean {
    return this.sessions.size === 0 && this.rows.size === 0;
  }

  touch(session: KeptSession): Touched {
    let touched = this.sessions.get(session);
    if (touched === undefined) {
      touched = { queued: new Map(), isProgressChanged: false, isRecordChanged: false };
      this.sessions.set(session, touched);
      this.#grow(2, 64 + (session.state?.progress.encodedBytes ?? 0));
    }
    return touched;
  }

  put(key: Key, record: Uint8Array | undefined): void {
    this.rows.set(JSON.stringify(key), { key, record });
    this.#grow(1, record?.length ?? 0);
    for (const part of key) if (typeof part === "string") this.keyBytes += part.length * 3;
  }

  queue(session: KeptSession, change: QueuedChange): void {
    this.touch(session).queued.set(change.sequence, change);
    this.#grow(0, messageBytes(change.message));
  }

  deletePage(session: KeptSession, firstSequence: number): void {
    this.pages.push({ session, firstSequence });
    this.#grow(1, 0);
  }

  mayHave(clientId: string, number: number): void {
    const numbers = this.numbers.get(clientId) ?? new Set();
    this.numbers.set(clientId, numbers.add(number));
  }

  #grow(mutations: number, bytes: number): void {
    this.mutations += mutations;
    this.keyBytes += mutations * 32;
    this.bytes += bytes + mutations * 64;
  }
}

/** Approximate bytes of a message in a page, or of its share of one. */
export function messageBytes(message: StoredMessage): number {
  return Math.min(message.size, LARGEST_INLINE_BYTES) + 64 + (message.publisher?.length ?? 0);
}

/** Puts messages into bodies; {@linkcode KvBodyWriter.mutations} must be written with the pages or before them. */
export class KvBodyWriter {
  readonly mutations: Mutation[] = [];
  readonly #bodies: KvBodies;
  readonly #messages: MessageRecords;
  /** Bodies shared within the whole list. */
  readonly #shared: SharedBodies;

  constructor(bodies: KvBodies, messages: MessageRecords, shared: SharedBodies) {
    this.#bodies = bodies;
    this.#messages = messages;
    this.#shared = shared;
  }

  /** Finds the messages that are stored beside the pages. */
  share(sessions: Iterable<Touched>): void {
    const uses = new Map<StoredMessage, number>();
    for (const { queued } of sessions) {
      for (const { message } of queued.values()) uses.set(message, (uses.get(message) ?? 0) + 1);
    }
    let group: StoredMessage[] = [];
    let bytes = 0;
    for (const [message, count] of uses) {
      const { size } = message;
      if (this.#shared.has(message)) continue;
      if (size > LARGEST_INLINE_BYTES) {
        this.#add([message]);
      } else if ((count - 1) * size > LEAST_SAVED_BYTES) {
        if (bytes + size > LARGEST_ROW_BYTES / 2) {
          this.#add(group);
          group = [];
          bytes = 0;
        }
        group.push(message);
        bytes += size;
      }
    }
    if (group.length > 0) this.#add(group);
  }

  /** Content of a page's entry: the message, or a reference to its body. */
  content(message: StoredMessage): Uint8Array | BodyReference {
    return this.#shared.get(message) ?? this.#messages.encode(message);
  }

  /** Puts messages into one body, which stays at least until the list is written. */
  #add(group: readonly StoredMessage[]): void {
    const writer = new ByteWriter();
    const ends = group.map((message) => {
      this.#messages.write(writer, message);
      return writer.position;
    });
    const { body, mutations } = this.#bodies.add(written(writer));
    this.#bodies.refer(body);
    this.mutations.push(...mutations);
    for (const [index, message] of group.entries()) {
      const offset = index === 0 ? 0 : ends[index - 1] as number; // There is one for each message.
      this.#shared.set(message, { body, offset, length: (ends[index] as number) - offset });
    }
  }
}

/** Distributes messages of a session over as many pages as needed. */
export function pagesOf(queued: Iterable<QueuedChange>, bodies: KvBodyWriter): PageEntry[][] {
  const pages: PageEntry[][] = [];
  let page: PageEntry[] = [];
  let bytes = LARGEST_ROW_BYTES;
  for (const { sequence, qos, retain, subscriptionIdentifiers, sharedFilter, message } of queued) {
    const content = bodies.content(message);
    const entry = { sequence, qos, retain, subscriptionIdentifiers, sharedFilter, size: message.size, content };
    bytes += entryBytes(entry);
    if (bytes > LARGEST_ROW_BYTES - PAGE_BYTES) {
      page = [];
      pages.push(page);
      bytes = entryBytes(entry);
    }
    page.push(entry);
  }
  return pages;
}
