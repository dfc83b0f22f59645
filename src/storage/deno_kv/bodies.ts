import { ByteWriter } from "../../codec/byte_writer.ts";
import type { StoredMessage } from "../../protocol/message.ts";
import { readerOf, readNumber, writeNumber, written } from "../records/record_fields.ts";
import { type BodyReference, decodePage, isReference } from "../records/session_queue.ts";
import { bodyKey, partKey } from "./keys.ts";
import { deleted, type Key, type KvRows, LARGEST_ROW_BYTES, type Mutation, sealed } from "./rows.ts";

/**
 * Bodies: bytes beside the rows that refer to them. A body is written before the rows that refer to it, or with them; a
 * crash in between leaves one without references, which the next start deletes.
 */

interface Body {
  /** 0: the body is in its own row. */
  readonly parts: number;
  references: number;
}

/** Form of a body's row: the bytes of the body follow, or the number of its parts. */
const Form = { whole: 0, parts: 1 } as const;
/** Last byte of a row: its record stands before it, or the number of the body that contains the record. */
const Place = { here: 0, body: 1 } as const;
const MOST_CACHED_BODIES = 4;
/** Replaces the number of parts while references are counted: the body itself comes later. */
const NOT_FOUND = -1;

/** Messages of one list that are stored beside the pages, each once. */
export type SharedBodies = Map<StoredMessage, BodyReference>;

export class KvBodies {
  readonly #rows: KvRows;
  readonly #bodies = new Map<number, Body>();
  #nextNumber = 1;
  /** Rows that are no longer needed. */
  #garbage: Mutation[] = [];
  /** Numbers of bodies by row, for rows whose record is in a body. */
  readonly #ofRow = new Map<string, number>();

  constructor(rows: KvRows) {
    this.#rows = rows;
  }

  /** Adds a body; the caller writes its rows. */
  add(bytes: Uint8Array): { readonly body: number; readonly mutations: Mutation[] } {
    const body = this.#nextNumber++;
    const mutations: Mutation[] = [];
    let parts = 0;
    if (bytes.length < LARGEST_ROW_BYTES) {
      mutations.push(bodyRow(body, Form.whole, (writer) => writer.raw(bytes)));
    } else {
      parts = Math.ceil(bytes.length / LARGEST_ROW_BYTES);
      for (let index = 0; index < parts; index++) {
        const start = index * LARGEST_ROW_BYTES;
        mutations.push(sealed(partKey(body, index), bytes.subarray(start, start + LARGEST_ROW_BYTES)));
      }
      mutations.unshift(bodyRow(body, Form.parts, (writer) => writeNumber(writer, parts)));
    }
    this.#bodies.set(body, { parts, references: 0 });
    return { body, mutations };
  }

  /** Makes a row for a record of any size: the rows that must be written first, and the row itself. */
  row(key: Key, record: Uint8Array): { readonly ahead: Mutation[]; readonly mutation: Mutation; body?: number } {
    if (record.length < LARGEST_ROW_BYTES) return { ahead: [], mutation: sealed(key, record, Place.here) };
    const { body, mutations } = this.add(record);
    const writer = new ByteWriter();
    writeNumber(writer, body);
    return { ahead: mutations, mutation: sealed(key, written(writer), Place.body), body };
  }

  /** Notes that a row was written or deleted: the body that it referred to before is no longer needed. */
  replaced(key: Key, body: number | undefined): void {
    if (body === undefined && this.#ofRow.size === 0) return;
    const name = JSON.stringify(key);
    const before = this.#ofRow.get(name);
    if (before === body) return;
    if (body === undefined) {
      this.#ofRow.delete(name);
    } else {
      this.#ofRow.set(name, body);
      this.refer(body);
    }
    if (before !== undefined) this.release(before);
  }

  /** Reads the record of a row, whether in the row or in a body. */
  record(key: Key, row: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const body = this.#rows.decode(key, () => bodyOf(row));
    return body === undefined ? row.subarray(0, -1) : this.read(body, key);
  }

  /** Bytes of a body. @param key of the row that refers to it */
  async read(body: number, key: Key): Promise<Uint8Array> {
    const row = await this.#rows.get(bodyKey(body));
    if (row === undefined) throw this.#rows.damaged(key, `body ${body} is missing`);
    if (row[0] === Form.whole) return row.subarray(1);
    const parts = this.#rows.decode(bodyKey(body), () => partsOf(row));
    const bytes: Uint8Array[] = [];
    for await (
      const part of this.#rows.list({ start: partKey(body, 0), end: partKey(body, parts) }, { batchSize: 8 })
    ) {
      bytes.push(part.bytes);
    }
    if (bytes.length !== parts) throw this.#rows.damaged(key, `body ${body} has lost a part`);
    return concatenated(bytes);
  }

  /** Reads bodies and caches the last ones: consecutive pages refer to the same bodies. */
  reader(): (body: number, key: Key) => Promise<Uint8Array> {
    const cached = new Map<number, Uint8Array>();
    return async (body, key) => {
      const known = cached.get(body);
      if (known !== undefined) return known;
      const bytes = await this.read(body, key);
      for (const oldest of cached.keys()) if (cached.size >= MOST_CACHED_BODIES) cached.delete(oldest);
      cached.set(body, bytes);
      return bytes;
    };
  }

  refer(body: number): void {
    const known = this.#bodies.get(body);
    if (known === undefined) this.#bodies.set(body, { parts: NOT_FOUND, references: 1 });
    else known.references += 1;
  }

  release(body: number): void {
    const known = this.#bodies.get(body);
    if (known === undefined) return;
    known.references -= 1;
    if (known.references <= 0) this.drop(body);
  }

  /** Drops a body that has no references left. */
  drop(body: number): void {
    const known = this.#bodies.get(body);
    if (known === undefined || known.references > 0) return;
    this.#bodies.delete(body);
    for (let index = 0; index < known.parts; index++) this.#garbage.push(deleted(partKey(body, index)));
    this.#garbage.push(deleted(bodyKey(body))); // Last: it has the number of parts.
  }

  /** Counts the references of a row of a session or of a topic. */
  count(key: Key, bytes: Uint8Array): void {
    const body = this.#rows.decode(key, () => bodyOf(bytes));
    if (body !== undefined) this.replaced(key, body);
  }

  /** Notes a body that was found, after all rows that may refer to it. */
  found(key: Key, bytes: Uint8Array): void {
    const body = key[1] as number; // The checksum has the key in it.
    const references = this.#bodies.get(body)?.references ?? 0;
    this.#bodies.set(body, { parts: this.#rows.decode(key, () => partsOf(bytes)), references });
    this.#nextNumber = Math.max(this.#nextNumber, body + 1);
    this.drop(body);
  }

  /** Checks that no body is missing, after {@linkcode KvBodies.found} was called for all. */
  checkFound(): void {
    for (const [body, { parts }] of this.#bodies) {
      if (parts === NOT_FOUND) throw this.#rows.damaged(bodyKey(body), "it is missing");
    }
  }

  /** Number of rows that are no longer needed. */
  get garbageRows(): number {
    return this.#garbage.length;
  }

  /** Takes up to `most` of the rows that are no longer needed; they are not given again. */
  takeGarbage(most: number): Mutation[] {
    return this.#garbage.splice(0, most);
  }

  /** Takes back rows whose deletion failed. */
  giveBack(garbage: readonly Mutation[]): void {
    this.#garbage.push(...garbage);
  }
}

/** Bodies that contain the messages of a page, one for each message. */
export function bodiesOfPage(bytes: Uint8Array): number[] {
  const bodies: number[] = [];
  for (const { content } of decodePage(bytes)) if (isReference(content)) bodies.push(content.body);
  return bodies;
}

/** Number of the body that contains the record of a row; `undefined`: the row contains it. */
export function bodyOf(row: Uint8Array): number | undefined {
  return row.at(-1) === Place.here ? undefined : readNumber(readerOf(row));
}

function bodyRow(body: number, form: number, write: (writer: ByteWriter) => void): Mutation {
  const writer = new ByteWriter(1024);
  writer.byte(form);
  write(writer);
  return sealed(bodyKey(body), written(writer));
}

function partsOf(row: Uint8Array): number {
  const reader = readerOf(row);
  return reader.byte("A form") === Form.whole ? 0 : readNumber(reader);
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
