import { decodeSession, type SessionRecord } from "../records/records.ts";
import { decodePage, isReference, type PageEntry, SessionProgress } from "../records/session_queue.ts";
import type { KvBodies } from "./bodies.ts";
import { pageKey, pagesEnd, progressKey, sessionKey } from "./keys.ts";
import type { Key, KvRows } from "./rows.ts";

/** Sessions of a Deno KV database: a few values of each are in memory, and more while its messages are in delivery. */

/** Rows read at once: a page may take 60 KiB. */
const PAGES_AT_ONCE = 16;

/** A session in the database. */
export interface KeptSession {
  readonly clientId: string;
  readonly number: number;
  readonly principal: string | undefined;
  readonly network: string | undefined;
  sessionExpirySeconds: number;
  expiresAtMs: number | undefined;
  /** Sequence that no message exceeds, including messages that are being written. */
  lastSequence: number;
  /** Sequence that no written message exceeds. */
  keptSequence: number;
  /** Replaced whenever the progress may have changed. */
  version: object;
  /** State of a session whose messages are in delivery. */
  state: SessionState | undefined;
}

/** Messages of a session, as far as they had to be read. */
export class SessionState {
  /** Pages by sequence of messages that are stored and not completed. */
  readonly pages = new Map<number, KnownPage>();
  /** First sequences of pages that are known. */
  readonly firstSequences = new Set<number>();
  /** All pages up to this sequence are known; of later ones only some. */
  knownUntil = 0;

  constructor(readonly progress: SessionProgress) {}

  /** Notes a page, unless all of its messages are completed. */
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

/** A page that has at least one message that is not completed. */
export interface KnownPage {
  readonly firstSequence: number;
  lastSequence: number;
  /** Number of its messages that are not completed. */
  live: number;
  /** Bodies by sequence, of messages that are in one. */
  bodies: Map<number, number> | undefined;
}

/** Makes a session of its record. @param lastSequence as far as it is known */
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

/** Reads the rows of sessions. */
export class KvSessionReader {
  readonly #rows: KvRows;
  readonly #bodies: KvBodies;

  constructor(rows: KvRows, bodies: KvBodies) {
    this.#rows = rows;
    this.#bodies = bodies;
  }

  /** Reads a session by its number; `undefined`: it does not exist. */
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

  /** Reads pages in order, from the one that contains the sequence, or the next. */
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

  /** Decodes the entries of a page. */
  async page(key: Key, row: Uint8Array): Promise<PageEntry[]> {
    const bytes = await this.#bodies.record(key, row);
    return this.#rows.decode(key, () => Array.from(decodePage(bytes)));
  }

  /** Reads the pages of a session up to a sequence into its state. */
  async know({ number, keptSequence }: KeptSession, state: SessionState, until: number): Promise<void> {
    const rest = { start: pageKey(number, state.knownUntil + 1), end: pagesEnd(number) };
    for await (const rows of this.#rows.batches(rest, { batchSize: PAGES_AT_ONCE })) {
      for (const { key, bytes } of rows) { // All that were read: the next change is mostly about them.
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

  /** Last sequence of the last page; 0: there is none. */
  async #lastSequence(number: number): Promise<number> {
    const all = { start: pageKey(number, 0), end: pagesEnd(number) };
    for await (const { key, bytes } of this.#rows.list(all, { reverse: true, limit: 1 })) {
      return (await this.page(key, bytes)).at(-1)?.sequence ?? 0;
    }
    return 0;
  }
}
