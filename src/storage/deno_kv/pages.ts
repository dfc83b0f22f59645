import { ByteWriter } from "../../codec/byte_writer.ts";
import type { QueuedChange } from "../../protocol/change.ts";
import type { ApplicationMessage } from "../../protocol/message.ts";
import { type BodyReference, entryBytes, type PageEntry } from "../records/queue_page.ts";
import { type MessageRecords, written } from "../records/records.ts";
import type { KvBodies, SharedBodies } from "./bodies.ts";
import { LARGEST_INLINE_BYTES, type Touched } from "./draft.ts";
import { LARGEST_ROW_BYTES, type Mutation } from "./rows.ts";

/** Writes queued messages into pages, and messages that are large or that several sessions get into bodies. */

// A body costs two rows, one to set and one to delete: a smaller message is faster written once for each session.
const LEAST_SAVED_BYTES = 2048;
/** Bytes of a page without its entries. */
const PAGE_BYTES = 64;

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
    const uses = new Map<ApplicationMessage, number>();
    for (const { queued } of sessions) {
      for (const { message } of queued.values()) uses.set(message, (uses.get(message) ?? 0) + 1);
    }
    let group: ApplicationMessage[] = [];
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
  content(message: ApplicationMessage): Uint8Array | BodyReference {
    return this.#shared.get(message) ?? this.#messages.encode(message);
  }

  /** Puts messages into one body, which stays at least until the list is written. */
  #add(group: readonly ApplicationMessage[]): void {
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
