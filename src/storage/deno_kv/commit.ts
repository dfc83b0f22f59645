import type { Change, CommitItem } from "../../protocol/change.ts";
import { encodeSession, type MessageRecords } from "../records/records.ts";
import { encodePage, isReference, type PageEntry } from "../records/session_queue.ts";
import { bodiesOfPage, bodyOf, type KvBodies, type SharedBodies } from "./bodies.ts";
import { Draft, KvBodyWriter, messageBytes, pagesOf } from "./draft.ts";
import { KvFold } from "./fold.ts";
import { recoverJournal, writeJournal } from "./journal.ts";
import { pageKey, progressKey, sessionKey, SessionRow } from "./keys.ts";
import { AtomicSize, deleted, type Key, type KvRows, type Mutation } from "./rows.ts";
import type { Contents } from "./scan.ts";
import { type KeptSession, KvSessionReader } from "./sessions.ts";

/** Writes lists of changes as atomics: in order, cut only between two changes. */

// Limits at which a draft is written: below those of Deno KV, because sizes are estimates.
const ENOUGH_MUTATIONS = 900;
const ENOUGH_BYTES = 600_000;
const ENOUGH_KEY_BYTES = 60_000;
const MOST_GARBAGE = 100;

/** A draft as rows, with the values that are true once the rows are written. */
interface WrittenDraft {
  /** Written before the rest, or with it. */
  readonly ahead: Mutation[];
  readonly rows: Mutation[];
  readonly pages: { readonly session: KeptSession; readonly entries: PageEntry[] }[];
  /** Bodies by row; `undefined`: the row no longer has one. */
  readonly bodies: { readonly key: Key; readonly body: number | undefined }[];
}

/** Unknowns after a failure: which rows were written. */
interface Doubts {
  /** Numbers that a session may have. */
  readonly sessions: Map<string, Set<number>>;
  /** Rows that may refer to bodies. */
  readonly rows: Key[];
  /** Bodies of the list that failed, each of which counts once more than rows refer to it. */
  readonly bodies: Set<number>;
}

/** Bodies that a row refers to. */
interface Reference {
  readonly key: Key;
  readonly body: number | undefined;
  readonly inPage: readonly number[];
}

export class KvCommit {
  readonly #rows: KvRows;
  readonly #contents: Contents;
  readonly #bodies: KvBodies;
  readonly #messages: MessageRecords;
  readonly #reader: KvSessionReader;
  readonly #fold: KvFold;
  #doubts: Doubts | undefined;
  #resolving: Promise<void> | undefined;
  /** Commit in progress; it never rejects. */
  #underWay: Promise<unknown> | undefined;
  #draft = new Draft();
  #shared: SharedBodies = new Map();

  constructor(rows: KvRows, contents: Contents, messages: MessageRecords) {
    this.#rows = rows;
    this.#contents = contents;
    this.#bodies = contents.bodies;
    this.#messages = messages;
    this.#reader = new KvSessionReader(rows, contents.bodies);
    this.#fold = new KvFold(contents, this.#reader, messages);
  }

  /** Writes changes in order. After an error it is unknown which were written; the next list begins by finding out. */
  commit(changes: readonly CommitItem[]): Promise<void> {
    const committing = this.#commit(changes);
    this.#underWay = committing.catch(() => {});
    return committing;
  }

  async #commit(items: readonly CommitItem[]): Promise<void> {
    await this.ready();
    try {
      for (const item of items) {
        const changes = item.kind === "transaction" ? item.changes : [item];
        if (!this.#hasRoomFor(changes)) await this.#flush();
        for (const change of changes) {
          const reading = this.#fold.put(this.#draft, change);
          if (reading !== undefined) await reading;
        }
      }
      await this.#flush();
    } catch (error) {
      this.#doubt();
      throw error;
    }
    for (const body of this.#endList()) this.#bodies.release(body);
  }

  /** Resolves when it is known what the database contains, also after a failure. */
  async ready(): Promise<void> {
    if (this.#doubts === undefined) return;
    this.#resolving ??= this.#resolveDoubts(this.#doubts).finally(() => this.#resolving = undefined);
    await this.#resolving;
  }

  /**
   * The session of a client in the database. Absence from memory proves nothing: a failed list removes the session from
   * memory until it is known what was written, and a list in progress may begin or end it and still fail.
   */
  async session(clientId: string): Promise<KeptSession | undefined> {
    while (true) {
      if (this.#doubts?.sessions.has(clientId)) await this.ready();
      else if (this.#draft.numbers.has(clientId)) await this.#underWay;
      else return this.#contents.sessions.get(clientId);
    }
  }

  #hasRoomFor(changes: readonly Change[]): boolean {
    const { mutations, bytes, keyBytes, isEmpty } = this.#draft;
    if (isEmpty) return true;
    let moreBytes = 0;
    let moreKeyBytes = 0;
    for (const change of changes) {
      moreBytes += 128;
      moreKeyBytes += 100;
      if (change.kind === "queued") moreBytes += messageBytes(change.message);
      else if (change.kind === "retained") moreKeyBytes += 200;
    }
    return mutations + changes.length * 3 <= ENOUGH_MUTATIONS && bytes + moreBytes <= ENOUGH_BYTES &&
      keyBytes + moreKeyBytes <= ENOUGH_KEY_BYTES;
  }

  /** Writes the draft and begins a new one. */
  async #flush(): Promise<void> {
    const draft = this.#draft;
    if (draft.isEmpty) return;
    const written = this.#write(draft);
    const garbage = this.#bodies.takeGarbage(MOST_GARBAGE);
    try {
      await this.#writeRows(written, garbage);
    } catch (error) {
      this.#bodies.giveBack(garbage);
      this.#doubtRows(written);
      throw error;
    }
    this.#draft = new Draft();
    this.#settle(draft, written);
    // Large messages leave more unneeded rows than the following drafts remove.
    while (this.#bodies.garbageRows > MOST_GARBAGE) await this.#writeGarbage();
  }

  async #writeGarbage(): Promise<void> {
    const garbage = this.#bodies.takeGarbage(ENOUGH_MUTATIONS);
    try {
      await this.#rows.write(garbage);
    } catch (error) {
      this.#bodies.giveBack(garbage);
      throw error;
    }
  }

  #write(draft: Draft): WrittenDraft {
    const written: WrittenDraft = { ahead: [], rows: [], pages: [], bodies: [] };
    const bodies = new KvBodyWriter(this.#bodies, this.#messages, this.#shared);
    bodies.share(draft.sessions.values());
    for (const { session, firstSequence } of draft.pages) {
      this.#put(written, pageKey(session.number, firstSequence), undefined);
    }
    for (const { key, record } of draft.rows.values()) this.#put(written, key, record);
    for (const [session, { queued, isProgressChanged, isRecordChanged }] of draft.sessions) {
      const { number, state } = session;
      if (isRecordChanged) this.#put(written, sessionKey(number), encodeSession(session));
      for (const entries of pagesOf(queued.values(), bodies)) {
        const [first] = entries as [PageEntry]; // A page has at least one entry.
        this.#put(written, pageKey(number, first.sequence), encodePage(entries));
        written.pages.push({ session, entries });
      }
      if (!isProgressChanged || state === undefined) continue;
      state.progress.lastSequence = session.lastSequence;
      this.#put(written, progressKey(number), state.progress.encode());
    }
    written.ahead.push(...bodies.mutations);
    return written;
  }

  #put({ ahead, rows, bodies }: WrittenDraft, key: Key, record: Uint8Array | undefined): void {
    if (record === undefined) {
      rows.push(deleted(key));
      bodies.push({ key, body: undefined });
      return;
    }
    const row = this.#bodies.row(key, record);
    ahead.push(...row.ahead);
    rows.push(row.mutation);
    bodies.push({ key, body: row.body });
  }

  /** Writes in one atomic if it fits; otherwise the bodies first, and then the rows that must be all or nothing. */
  async #writeRows({ ahead, rows }: WrittenDraft, garbage: readonly Mutation[]): Promise<void> {
    const all = [...ahead, ...rows, ...garbage];
    if (all.length === 0) return; // Nothing was new.
    if (fits(all)) return await this.#rows.write(all);
    await this.#rows.writeCut([...garbage, ...ahead]);
    if (fits(rows)) await this.#rows.write(rows);
    else await writeJournal(this.#rows, rows);
  }

  /** Updates memory after the draft became durable. */
  #settle(draft: Draft, { pages, bodies }: WrittenDraft): void {
    for (const { session, entries } of pages) this.#settlePage(session, entries);
    for (const { key, body } of bodies) this.#bodies.replaced(key, body);
    for (const { session, firstSequence } of draft.pages) session.state?.firstSequences.delete(firstSequence);
    for (const body of draft.released) this.#bodies.release(body);
    for (const number of draft.ended) this.#contents.ended.add(number);
    for (const [session, { isProgressChanged }] of draft.sessions) {
      if (isProgressChanged) session.version = {};
      if (session.expiresAtMs !== undefined) session.state = undefined; // It has no connection: its state is seldom read.
    }
  }

  #settlePage(session: KeptSession, entries: readonly PageEntry[]): void {
    for (const { content } of entries) if (isReference(content)) this.#bodies.refer(content.body);
    const { state, keptSequence } = session;
    const [first, last] = [entries[0], entries.at(-1)] as [PageEntry, PageEntry]; // A page has at least one entry.
    state?.know(first.sequence, entries);
    if (state !== undefined && state.knownUntil >= keptSequence) state.knownUntil = last.sequence;
    session.keptSequence = last.sequence;
  }

  /** Bodies of the list, on whose behalf each was referred to until here. */
  #endList(): Set<number> {
    const bodies = new Set<number>();
    for (const { body } of this.#shared.values()) bodies.add(body);
    this.#shared = new Map();
    return bodies;
  }

  #doubtRows({ pages, bodies }: WrittenDraft): void {
    const doubts = this.#allDoubts();
    for (const { session, entries } of pages) {
      const [first] = entries as [PageEntry]; // A page has at least one entry.
      if (entries.some(({ content }) => isReference(content))) {
        doubts.rows.push(pageKey(session.number, first.sequence));
      }
    }
    for (const { key, body } of bodies) {
      if (body === undefined) continue;
      doubts.rows.push(key);
      this.#bodies.refer(body);
      doubts.bodies.add(body);
    }
  }

  /** Forgets the in-memory state of each session in the draft. */
  #doubt(): void {
    const doubts = this.#allDoubts();
    for (const body of this.#endList()) doubts.bodies.add(body);
    for (const { clientId, number } of this.#draft.sessions.keys()) this.#draft.mayHave(clientId, number);
    for (const [clientId, numbers] of this.#draft.numbers) {
      doubts.sessions.set(clientId, numbers.union(doubts.sessions.get(clientId) ?? new Set()));
      this.#contents.sessions.delete(clientId);
    }
    this.#draft = new Draft();
  }

  #allDoubts(): Doubts {
    return this.#doubts ??= { sessions: new Map(), rows: [], bodies: new Set() };
  }

  /** Finds out what a failed list has written. */
  async #resolveDoubts({ sessions, rows, bodies }: Doubts): Promise<void> {
    await recoverJournal(this.#rows); // Otherwise it would later overwrite newer rows.
    const found = new Map<string, KeptSession>();
    const ended: number[] = [];
    for (const [clientId, numbers] of sessions) {
      for (const number of numbers) {
        const session = await this.#reader.session(number);
        if (session === undefined) ended.push(number);
        else found.set(clientId, session);
      }
    }
    const references: Reference[] = [];
    for (const key of rows) {
      const row = await this.#rows.get(key);
      if (row === undefined) continue;
      const record = key[2] === SessionRow.page ? await this.#bodies.record(key, row) : undefined;
      references.push({ key, body: bodyOf(row), inPage: record === undefined ? [] : bodiesOfPage(record) });
    }
    for (const { key, body, inPage } of references) { // From here on nothing can fail.
      if (body !== undefined) this.#bodies.replaced(key, body);
      for (const one of inPage) if (bodies.has(one)) this.#bodies.refer(one);
    }
    for (const body of bodies) this.#bodies.release(body);
    for (const [clientId, session] of found) this.#contents.sessions.set(clientId, session);
    for (const number of ended) this.#contents.ended.add(number);
    this.#doubts = undefined;
  }
}

function fits(mutations: readonly Mutation[]): boolean {
  const size = new AtomicSize();
  for (const mutation of mutations) size.add(mutation);
  return size.fits;
}
