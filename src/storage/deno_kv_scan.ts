/** All that a Deno KV database holds, read once from end to end: what routing needs, and what the storage must know. */

import type { Fact } from "../protocol/change.ts";
import { KvBodies } from "./deno_kv_bodies.ts";
import { BODIES, ENDED, RETAINED, sessionKey, SessionRow, SESSIONS } from "./deno_kv_keys.ts";
import type { KvRows, Row } from "./deno_kv_rows.ts";
import { type KeptSession, keptSession } from "./deno_kv_sessions.ts";
import { decodePage, isReference } from "./queue_page.ts";
import { decodeSession, decodeSubscription, MessageRecords, type SessionRecord } from "./records.ts";
import { SessionProgress } from "./session_progress.ts";

/** What the storage must know of a database. */
export class Contents {
  readonly sessions = new Map<string, KeptSession>();
  readonly bodies: KvBodies;
  /** Numbers of sessions whose rows are on their way out. */
  readonly ended: number[] = [];
  nextNumber = 1;

  constructor(rows: KvRows) {
    this.bodies = new KvBodies(rows);
  }
}

/** A session while its rows come. */
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
  /** Without Subscriptions, Wills and messages: they are not asked for. */
  readonly #isForContents: boolean;
  readonly #ended = new Set<number>();

  constructor(rows: KvRows, messages: MessageRecords, contents: Contents, isForContents: boolean) {
    this.#rows = rows;
    this.#messages = messages;
    this.#contents = contents;
    this.#isForContents = isForContents;
  }

  async *facts(): AsyncGenerator<Fact, undefined> {
    const contents = this.#contents;
    for await (const { key } of this.#rows.list({ prefix: ENDED })) this.#ended.add(key[1] as number); // So we write it.
    contents.ended.push(...this.#ended);
    contents.nextNumber = Math.max(0, ...this.#ended) + 1;
    let session: ScannedSession | undefined;
    for await (const row of this.#rows.list({ prefix: SESSIONS })) {
      const number = row.key[1] as number; // So we write it.
      if (session !== undefined && session.number !== number) {
        yield this.#end(session);
        session = undefined;
      }
      contents.nextNumber = Math.max(contents.nextNumber, number + 1);
      if (this.#ended.has(number)) continue;
      if (session === undefined) {
        session = await this.#begin(row, number);
        yield { kind: "sessionStarted", clientId: session.clientId, principal: session.principal };
        const { clientId, sessionExpirySeconds, expiresAtMs } = session;
        yield { kind: "sessionExpiry", clientId, sessionExpirySeconds, expiresAtMs };
      } else {
        const fact = await this.#rowOf(session, row);
        if (fact !== undefined) yield fact;
      }
    }
    if (session !== undefined) yield this.#end(session);
    yield* this.#retained();
    for await (const { key, bytes } of this.#rows.list({ prefix: BODIES }, { batchSize: 16 })) {
      contents.bodies.found(key, bytes);
    }
    contents.bodies.checkFound();
  }

  async #begin({ key, bytes }: Row, number: number): Promise<ScannedSession> {
    if (key.length !== sessionKey(number).length) throw this.#rows.damaged(key, "its session is missing");
    const record = await this.#record(key, bytes);
    const session = this.#rows.decode(key, () => decodeSession(record));
    return { ...session, number, progress: new SessionProgress(), lastSequence: 0, messages: 0, bytes: 0 };
  }

  #end({ number, clientId, lastSequence, messages, bytes, ...record }: ScannedSession): Fact {
    this.#contents.sessions.set(clientId, keptSession(number, { clientId, ...record }, lastSequence));
    return { kind: "backlog", clientId, lastSequence, messages, bytes };
  }

  async #rowOf(session: ScannedSession, { key, bytes }: Row): Promise<Fact | undefined> {
    const { clientId } = session;
    const record = await this.#record(key, bytes);
    switch (key[2]) {
      case SessionRow.will:
        if (this.#isForContents) return;
        return { kind: "will", clientId, ...this.#rows.decode(key, () => this.#messages.decodeWill(record)) };
      case SessionRow.subscription:
      case SessionRow.subscriptionByHash:
        if (this.#isForContents) return;
        return { kind: "subscribed", clientId, subscription: this.#rows.decode(key, () => decodeSubscription(record)) };
      case SessionRow.progress:
        session.progress = this.#rows.decode(key, () => SessionProgress.decode(record));
        session.lastSequence = session.progress.lastSequence;
        return;
      case SessionRow.page:
        this.#rows.decode(key, () => this.#countPage(session, record));
        return;
      default:
        throw this.#rows.damaged(key, "no such row is known");
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

  async *#retained(): AsyncGenerator<Fact, undefined> {
    for await (const { key, bytes } of this.#rows.list({ prefix: RETAINED })) {
      const record = await this.#record(key, bytes);
      if (this.#isForContents) continue;
      const message = this.#rows.decode(key, () => this.#messages.decode(record));
      yield { kind: "retained", topic: message.topic, message };
    }
  }

  /** The record of a row, which is counted if it stands in a body. */
  #record(key: Row["key"], bytes: Uint8Array): Uint8Array | Promise<Uint8Array> {
    this.#contents.bodies.count(key, bytes);
    return this.#contents.bodies.record(key, bytes);
  }
}
