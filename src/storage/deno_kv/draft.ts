import type { QueuedChange } from "../../protocol/change.ts";
import type { ApplicationMessage } from "../../protocol/message.ts";
import type { Key } from "./rows.ts";
import type { KeptSession } from "./sessions.ts";

/** Contents of the next atomic, collected change by change. */

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
export function messageBytes(message: ApplicationMessage): number {
  return Math.min(message.size, LARGEST_INLINE_BYTES) + 64 + (message.publisher?.length ?? 0);
}

/** Largest message that is stored in a page; a larger one gets a body of its own. */
export const LARGEST_INLINE_BYTES = 16 * 1024;
