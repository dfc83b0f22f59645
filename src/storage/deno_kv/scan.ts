import type { Change } from "../../protocol/change.ts";
import {
  decodeClock,
  decodeSession,
  decodeSubscription,
  MessageRecords,
  type SessionRecord,
} from "../records/records.ts";
import { decodePage, isReference, SessionProgress } from "../records/session_queue.ts";
import { KvBodies } from "./bodies.ts";
import { BODIES, CLOCK_KEY, ENDED, FIRST_SKIPPED, RETAINED, sessionKey, SessionRow, SESSIONS } from "./keys.ts";
import type { Key, KvRows, Row } from "./rows.ts";
import { type KeptSession, keptSession } from "./sessions.ts";

/** Scan of a Deno KV database, once from end to end: collects what routing needs and what the storage must know. */

/** Contents of a database that the storage must know. */
export class Contents {
  readonly sessions = new Map<string, KeptSession>();
  readonly bodies: KvBodies;
  /** Numbers of sessions whose rows are being deleted. */
  readonly ended = new Set<number>();
  nextNumber = 1;

  constructor(rows: KvRows) {
    this.bodies = new KvBodies(rows);
  }
}

/** A session while its rows are read. */
interface ScannedSession extends SessionRecord {
  readonly number: number;
  progress: SessionProgress;
  lastSequence: number;
  messages: number;
  bytes: number;
}

export class KvScan {
  readonly #rows: KvRows;
  readonly #messages: MessageRecords;
  readonly #contents: Contents;
  /** Leaves out Subscriptions, Wills and messages, which were not requested. */
  readonly #isForContents: boolean;
  readonly #ended = new Set<number>();
  #session: ScannedSession | undefined;

  constructor(rows: KvRows, messages: MessageRecords, contents: Contents, isForContents: boolean) {
    this.#rows = rows;
    this.#messages = messages;
    this.#contents = contents;
    this.#isForContents = isForContents;
  }

  async *changes(): AsyncGenerator<Change, undefined> {
    const contents = this.#contents;
    yield* await this.#clock();
    for await (const { key } of this.#rows.list({ prefix: ENDED })) {
      const number = key[1] as number; // So we write it.
      this.#ended.add(number);
      contents.ended.add(number);
      contents.nextNumber = Math.max(contents.nextNumber, number + 1);
    }
    for await (const rows of this.#rows.batches({ prefix: SESSIONS })) {
      for (const row of rows) {
        const changes = this.#put(row);
        yield* changes instanceof Promise ? await changes : changes;
      }
    }
    yield* this.#end();
    yield* this.#retained();
    for await (const { key, bytes } of this.#rows.list({ prefix: BODIES }, { batchSize: 16 })) {
      contents.bodies.found(key, bytes);
    }
    contents.bodies.checkFound();
  }

  async #clock(): Promise<Change[]> {
    const row = this.#isForContents ? undefined : await this.#rows.get(CLOCK_KEY);
    if (row === undefined) return [];
    const record = await this.#contents.bodies.record(CLOCK_KEY, row);
    return [this.#rows.decode(CLOCK_KEY, () => decodeClock(record))];
  }

  #put({ key, bytes }: Row): Change[] | Promise<Change[]> {
    const number = key[1] as number; // So we write it.
    this.#contents.nextNumber = Math.max(this.#contents.nextNumber, number + 1);
    const before = this.#session?.number === number ? [] : this.#end();
    if (this.#ended.has(number)) return before;
    this.#contents.bodies.count(key, bytes);
    const record = this.#contents.bodies.record(key, bytes);
    if (record instanceof Promise) return record.then((read) => [...before, ...this.#putRecord(number, key, read)]);
    const changes = this.#putRecord(number, key, record);
    return before.length === 0 ? changes : [...before, ...changes];
  }

  #putRecord(number: number, key: Key, record: Uint8Array): Change[] {
    const current = this.#session;
    if (current !== undefined) return this.#rows.decode(key, () => this.#putRow(current, key, record));
    if (key.length !== sessionKey(number).length) throw this.#rows.damaged(key, "its session is missing");
    const session = this.#rows.decode(key, () => decodeSession(record));
    this.#session = { ...session, number, progress: new SessionProgress(), lastSequence: 0, messages: 0, bytes: 0 };
    const { clientId, principal, network, sessionExpirySeconds, expiresAtMs } = session;
    return [
      { kind: "sessionStarted", clientId, principal, network },
      { kind: "sessionExpiry", clientId, sessionExpirySeconds, expiresAtMs },
    ];
  }

  /** Ends the session whose rows have all been read. */
  #end(): Change[] {
    if (this.#session === undefined) return [];
    const { number, clientId, lastSequence, messages, bytes, progress: _, ...record } = this.#session;
    this.#session = undefined;
    this.#contents.sessions.set(clientId, keptSession(number, { clientId, ...record }, lastSequence));
    return [{ kind: "backlog", clientId, lastSequence, messages, bytes }];
  }

  #putRow(session: ScannedSession, key: Key, record: Uint8Array): Change[] {
    const { clientId } = session;
    switch (key[2]) {
      case SessionRow.will:
        return this.#isForContents ? [] : [{ kind: "will", clientId, ...this.#messages.decodeWill(record) }];
      case SessionRow.subscription:
      case SessionRow.subscriptionByHash:
        return this.#isForContents ? [] : [{ kind: "subscribed", clientId, ...decodeSubscription(record) }];
      case SessionRow.progress:
        session.progress = SessionProgress.decode(record);
        session.lastSequence = session.progress.lastSequence;
        return [];
      case SessionRow.page:
        this.#countPage(session, record);
        return [];
      default:
        if (Number(key[2]) >= FIRST_SKIPPED) return [];
        throw new RangeError("no such row is known");
    }
  }

  #countPage(session: ScannedSession, record: Uint8Array): void {
    for (const { sequence, size, content } of decodePage(record)) {
      session.lastSequence = Math.max(session.lastSequence, sequence);
      if (session.progress.isCompleted(sequence)) continue;
      session.messages += 1;
      session.bytes += size;
      if (isReference(content)) this.#contents.bodies.refer(content.body);
    }
  }

  async *#retained(): AsyncGenerator<Change, undefined> {
    for await (const { key, bytes } of this.#rows.list({ prefix: RETAINED })) {
      this.#contents.bodies.count(key, bytes);
      if (this.#isForContents) continue;
      const record = await this.#contents.bodies.record(key, bytes);
      const { message, ...rest } = this.#rows.decode(key, () => this.#messages.decodeRetained(record));
      yield { kind: "retained", topic: message.topic, message, ...rest };
    }
  }
}
