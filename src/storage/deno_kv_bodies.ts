/**
 * Bodies: bytes beside the rows that refer to them. A body is written before what refers to it, or with it; a crash between
 * leaves one to which nothing refers, which goes at the next start.
 */

import type { ApplicationMessage } from "../protocol/message.ts";
import { bodyKey, partKey } from "./deno_kv_keys.ts";
import { deleted, type Key, type KvRows, LARGEST_ROW_BYTES, type Mutation, sealed } from "./deno_kv_rows.ts";
import { type BodyReference, decodePage, isReference } from "./queue_page.ts";
import { readNumber, writeNumber } from "./record_fields.ts";
import { readerOf, written } from "./records.ts";
import { ByteWriter } from "../codec/byte_writer.ts";

interface Body {
  /** 0: it stands in its own row. */
  readonly parts: number;
  references: number;
}

/** Whether bytes of a body follow, or the number of its parts. */
const Form = { whole: 0, parts: 1 } as const;
/** Last byte of a row: whether its record stands before it, or the number of the body that has it. */
const Place = { here: 0, body: 1 } as const;
const MOST_CACHED_BODIES = 4;
/** Instead of the parts, while references are counted: the body itself comes later. */
const NOT_FOUND = -1;

/** Messages of one list that stand beside the pages, each once. */
export type SharedBodies = Map<ApplicationMessage, BodyReference>;

export class KvBodies {
  readonly #rows: KvRows;
  readonly #bodies = new Map<number, Body>();
  #nextNumber = 1;
  /** Rows that nothing needs any more. */
  #garbage: Mutation[] = [];
  /** Numbers of bodies that rows refer to, for rows whose record is in one. */
  readonly #ofRow = new Map<string, number>();

  constructor(rows: KvRows) {
    this.#rows = rows;
  }

  /** A body and its rows, which the caller writes. */
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

  /** A row with a record of any size: what must be written before it, and the row. */
  row(key: Key, record: Uint8Array): { readonly ahead: Mutation[]; readonly mutation: Mutation; body?: number } {
    if (record.length < LARGEST_ROW_BYTES) return { ahead: [], mutation: sealed(key, record, Place.here) };
    const { body, mutations } = this.add(record);
    const writer = new ByteWriter();
    writeNumber(writer, body);
    return { ahead: mutations, mutation: sealed(key, written(writer), Place.body), body };
  }

  /** A row was written or deleted: the body that it referred to before is not needed any more. */
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

  /** The record of a row, wherever it is. */
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

  /** Reads bodies, and keeps the last ones: pages that follow each other refer to the same. */
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

  /** A body goes if nothing refers to it. */
  drop(body: number): void {
    const known = this.#bodies.get(body);
    if (known === undefined || known.references > 0) return;
    this.#bodies.delete(body);
    for (let index = 0; index < known.parts; index++) this.#garbage.push(deleted(partKey(body, index)));
    this.#garbage.push(deleted(bodyKey(body))); // Last: it says how many parts there are.
  }

  /** Counts what a row of a session or of a topic refers to. */
  count(key: Key, bytes: Uint8Array): void {
    const body = this.#rows.decode(key, () => bodyOf(bytes));
    if (body !== undefined) this.replaced(key, body);
  }

  /** A body was found, behind all rows that may refer to it. */
  found(key: Key, bytes: Uint8Array): void {
    const body = key[1] as number; // The checksum has the key in it.
    const references = this.#bodies.get(body)?.references ?? 0;
    this.#bodies.set(body, { parts: this.#rows.decode(key, () => partsOf(bytes)), references });
    this.#nextNumber = Math.max(this.#nextNumber, body + 1);
    this.drop(body);
  }

  /** Behind {@linkcode KvBodies.found} of all. */
  checkFound(): void {
    for (const [body, { parts }] of this.#bodies) {
      if (parts === NOT_FOUND) throw this.#rows.damaged(bodyKey(body), "it is missing");
    }
  }

  /** How many rows there are that nothing needs. */
  get garbageRows(): number {
    return this.#garbage.length;
  }

  /** Some of the rows that nothing needs; they are not given again. */
  takeGarbage(most: number): Mutation[] {
    return this.#garbage.splice(0, most);
  }

  /** What could not be written. */
  giveBack(garbage: readonly Mutation[]): void {
    this.#garbage.push(...garbage);
  }
}

/** Bodies that the messages of a page are in, one for each message. */
export function bodiesOfPage(bytes: Uint8Array): number[] {
  const bodies: number[] = [];
  for (const { content } of decodePage(bytes)) if (isReference(content)) bodies.push(content.body);
  return bodies;
}

/** The body that has the record of a row; `undefined`: the row has it. */
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
