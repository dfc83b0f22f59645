/** Sessions of a Deno KV database: of each a few values in memory, and more while its messages are on their way. */

import type { KvBodies } from "./deno_kv_bodies.ts";
import { pageKey, pagesEnd, progressKey, sessionKey } from "./deno_kv_keys.ts";
import type { Key, KvRows } from "./deno_kv_rows.ts";
import { decodePage, isReference, type PageEntry } from "./queue_page.ts";
import { decodeSession, type SessionRecord } from "./records.ts";
import { SessionProgress } from "./session_progress.ts";

/** Rows read at once: a page may have 60 KiB. */
const PAGES_AT_ONCE = 16;

/** A session that is kept. */
export interface KeptSession {
  readonly clientId: string;
  readonly number: number;
  readonly principal: string | undefined;
  readonly network: string | undefined;
  sessionExpirySeconds: number;
  expiresAtMs: number | undefined;
  /** No message has exceeded it, those included that are being written. */
  lastSequence: number;
  /** The same, of those that are written. */
  keptSequence: number;
  /** Another one each time that its progress may be another. */
  version: object;
  /** Of a session whose messages are on their way. */
  state: SessionState | undefined;
}

/** Messages of a session as far as they had to be known. */
export class SessionState {
  /** By sequence, those that are kept and not completed. */
  readonly pages = new Map<number, KnownPage>();
  /** First sequences of pages that are known. */
  readonly firstSequences = new Set<number>();
  /** All pages up to this sequence are known; of those behind only some. */
  knownUntil = 0;

  constructor(readonly progress: SessionProgress) {}

  /** Takes note of a page; `undefined`: it has no message that is not completed. */
  know(firstSequence: number, entries: Iterable<PageEntry>): void {
    const page: KnownPage = { firstSequence, lastSequence: firstSequence, live: 0, bodies: undefined };
    for (const { sequence, content } of entries) {
      page.lastSequence = sequence;
      if (this.progress.isCompleted(sequence)) continue;
      page.live += 1;
      this.pages.set(sequence, page);
      if (isReference(content)) (page.bodies ??= new Map()).set(sequence, content.body);
    }
    this.firstSequences.add(firstSequence);
  }
}

/** A page, as long as one of its messages is not completed. */
export interface KnownPage {
  readonly firstSequence: number;
  lastSequence: number;
  /** How many of its messages are not completed. */
  live: number;
  /** Bodies of those that stand in one, by sequence. */
  bodies: Map<number, number> | undefined;
}

/** @param lastSequence as far as it is known */
export function keptSession(number: number, record: SessionRecord, lastSequence: number): KeptSession {
  const { clientId, principal, network, sessionExpirySeconds, expiresAtMs } = record;
  return {
    clientId,
    number,
    principal,
    network,
    sessionExpirySeconds,
    expiresAtMs,
    lastSequence,
    keptSequence: lastSequence,
    version: {},
    state: undefined,
  };
}

/** Reads what is kept of sessions. */
export class KvSessionReader {
  readonly #rows: KvRows;
  readonly #bodies: KvBodies;

  constructor(rows: KvRows, bodies: KvBodies) {
    this.#rows = rows;
    this.#bodies = bodies;
  }

  /** A session by its number; `undefined`: there is none. */
  async session(number: number): Promise<KeptSession | undefined> {
    const key = sessionKey(number);
    const row = await this.#rows.get(key);
    if (row === undefined) return undefined;
    const bytes = await this.#bodies.record(key, row);
    const record = this.#rows.decode(key, () => decodeSession(bytes));
    const progress = await this.progress(number);
    return keptSession(number, record, Math.max(progress.lastSequence, await this.#lastSequence(number)));
  }

  async progress(number: number): Promise<SessionProgress> {
    const key = progressKey(number);
    const row = await this.#rows.get(key);
    if (row === undefined) return new SessionProgress();
    const bytes = await this.#bodies.record(key, row);
    return this.#rows.decode(key, () => SessionProgress.decode(bytes));
  }

  /** Pages in order, from the one that has the sequence, or the next. */
  async *pages(number: number, sequence: number): AsyncGenerator<PageEntry[], undefined> {
    let start = pageKey(number, 0);
    const before = { start, end: pageKey(number, sequence + 1) };
    for await (const { key } of this.#rows.list(before, { reverse: true, limit: 1 })) start = key;
    for await (
      const { key, bytes } of this.#rows.list({ start, end: pagesEnd(number) }, { batchSize: PAGES_AT_ONCE })
    ) {
      yield await this.page(key, bytes);
    }
  }

  /** Entries of a page, as it was read. */
  async page(key: Key, row: Uint8Array): Promise<PageEntry[]> {
    const bytes = await this.#bodies.record(key, row);
    return this.#rows.decode(key, () => Array.from(decodePage(bytes)));
  }

  /** Knows of a session whatever pages it has up to a sequence. */
  async know({ number, keptSequence }: KeptSession, state: SessionState, until: number): Promise<void> {
    const rest = { start: pageKey(number, state.knownUntil + 1), end: pagesEnd(number) };
    for await (const rows of this.#rows.batches(rest, { batchSize: PAGES_AT_ONCE })) {
      for (const { key, bytes } of rows) { // All that were read: what comes next is most often about them.
        const entries = await this.page(key, bytes);
        const [first] = entries;
        if (first === undefined) throw this.#rows.damaged(key, "it is empty");
        if (!state.firstSequences.has(first.sequence)) state.know(first.sequence, entries);
        state.knownUntil = entries.at(-1)?.sequence ?? first.sequence;
      }
      if (state.knownUntil >= until) return;
    }
    state.knownUntil = Math.max(state.knownUntil, keptSequence);
  }

  /** Of the last page; 0: there is none. */
  async #lastSequence(number: number): Promise<number> {
    const all = { start: pageKey(number, 0), end: pagesEnd(number) };
    for await (const { key, bytes } of this.#rows.list(all, { reverse: true, limit: 1 })) {
      return (await this.page(key, bytes)).at(-1)?.sequence ?? 0;
    }
    return 0;
  }
}
