import { crc32 } from "node:zlib";

/** Rows of a Deno KV database: contents are checked when they are read, and errors name the database. */

/**
 * Methods of `Deno.Kv` that are used. An app that imports this may check types without those of unstable parts of Deno, where
 * `Deno.Kv` is missing.
 */
export interface KvDatabase {
  get(key: Key): Promise<{ readonly value: unknown; readonly versionstamp: string | null }>;
  list(selector: Selector, options?: KvListOptions): KvIterator;
  atomic(): KvAtomic;
  close(): void;
}

/** As `Deno.KvListOptions`. */
export interface KvListOptions {
  readonly limit?: number;
  readonly reverse?: boolean;
  readonly batchSize?: number;
}

/** As `Deno.AtomicCheck`. */
export interface KvCheck {
  readonly key: Key;
  readonly versionstamp: string | null;
}

interface KvEntry {
  readonly key: readonly unknown[];
  readonly value: unknown;
}

interface KvIterator {
  next(): Promise<IteratorResult<KvEntry, unknown>>;
}

interface KvAtomic {
  check(check: KvCheck): unknown;
  set(key: Key, value: unknown): unknown;
  delete(key: Key): unknown;
  commit(): Promise<{ readonly ok: true; readonly versionstamp: string } | { readonly ok: false }>;
}

/**
 * Parts of a key: only types that can be written as text. No other keys are written, and the checksum covers the key.
 */
export type Key = readonly (string | number)[];

/** A row to set, or to delete if it has no value. */
export interface Mutation {
  readonly key: Key;
  /** Bytes with the checksum, see {@linkcode sealed}; `undefined`: the row is deleted. */
  readonly value: Uint8Array | undefined;
}

/** A row as it was read: checked, without its checksum. */
export interface Row {
  readonly key: Key;
  readonly bytes: Uint8Array;
}

/** All rows with a prefix, or those from `start` to before `end`. */
export type Selector = { readonly prefix: Key } | { readonly start: Key; readonly end: Key };

/** Rows read at once: each may take 64 KiB. */
const DEFAULT_BATCH = 100;
/** Most bytes of a record in one row; Deno KV takes 64 KiB including the checksum. */
export const LARGEST_ROW_BYTES = 60 * 1024;
/** Limits of one atomic: Deno KV takes 1,000 mutations, 800 KiB of keys and values, and 80 KiB of keys. */
const MOST_MUTATIONS = 1000;
const MOST_BYTES = 780_000;
const MOST_KEY_BYTES = 76_000;
const CHECKSUM_BYTES = 4;

/** Size of an atomic, added up by mutation. */
export class AtomicSize {
  #mutations = 0;
  #bytes = 0;
  #keyBytes = 0;

  add({ key, value }: Mutation): void {
    const bytes = keyBytes(key);
    this.#mutations += 1;
    this.#keyBytes += bytes;
    this.#bytes += bytes + (value?.length ?? 0) + 16;
  }

  /** Whether all that was added fits into one atomic. */
  get fits(): boolean {
    return this.#mutations <= MOST_MUTATIONS && this.#bytes <= MOST_BYTES && this.#keyBytes <= MOST_KEY_BYTES;
  }
}

/** A database with the name that its errors use. */
export class KvRows {
  /** The row that names us as the owner; every write checks it. */
  owner: KvCheck | undefined;
  /** Resolves with the reason when nothing can be written any more. */
  readonly lost: Promise<Error>;
  #refusal: Error | undefined;
  readonly #resolveLost: (error: Error) => void;
  readonly #kv: KvDatabase;
  readonly #name: string;

  constructor(kv: KvDatabase, name: string) {
    this.#kv = kv;
    this.#name = name;
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.lost = promise;
    this.#resolveLost = resolve;
  }

  get isLost(): boolean {
    return this.#refusal !== undefined;
  }

  /** Refuses all writes from now on; gives the reason, which is that of the first call. */
  lose(error: Error): Error {
    this.#refusal ??= error;
    this.#resolveLost(this.#refusal);
    return this.#refusal;
  }

  /** Bytes of a row; `undefined`: it does not exist. */
  async get(key: Key): Promise<Uint8Array | undefined> {
    const { value } = await this.#reading(() => this.#kv.get(key));
    return value === null ? undefined : this.#opened(key, value);
  }

  /** Whether the database has no row at all, ours or foreign. */
  async isEmpty(): Promise<boolean> {
    const { done = false } = await this.#reading(() => this.#kv.list({ prefix: [] }, { limit: 1 }).next());
    return done;
  }

  /** Rows in the order of their keys, all with a prefix or between two keys. */
  async *list(selector: Selector, options: KvListOptions = {}): AsyncGenerator<Row, undefined> {
    for await (const rows of this.batches(selector, options)) yield* rows;
  }

  /** Batches of rows, otherwise like {@linkcode KvRows.list}: takes half as long with many rows. */
  async *batches(selector: Selector, options: KvListOptions = {}): AsyncGenerator<Row[], undefined> {
    const { batchSize = DEFAULT_BATCH } = options;
    const iterator = this.#kv.list(selector, { ...options, batchSize });
    while (true) {
      const rows = await this.#reading(() => take(iterator, batchSize));
      if (rows.length === 0) return;
      yield rows.map(({ key, value }) => ({ key: key as Key, bytes: this.#opened(key as Key, value) })); // See Key.
    }
  }

  /** Writes all mutations or none; durable when it resolves. */
  async write(mutations: readonly Mutation[]): Promise<void> {
    if (this.#refusal !== undefined) throw this.#refusal;
    const atomic = this.#kv.atomic();
    if (this.owner !== undefined) atomic.check(this.owner);
    for (const { key, value } of mutations) {
      if (value === undefined) atomic.delete(key);
      else atomic.set(key, value);
    }
    let result;
    try {
      result = await atomic.commit();
    } catch (cause) {
      throw new Error(`Cannot write to ${this.#name}: ${reason(cause)}`, { cause });
    }
    if (!result.ok) throw this.#loseToAnother();
  }

  /** Finds out, without a write, whether another broker has taken the database over. */
  async checkOwner(): Promise<void> {
    const { owner } = this;
    if (owner === undefined) return;
    const { versionstamp } = await this.#reading(() => this.#kv.get(owner.key));
    if (versionstamp !== owner.versionstamp) this.#loseToAnother();
  }

  #loseToAnother(): Error {
    return this.lose(new Error(`Cannot write to ${this.#name}: another broker has taken it over`));
  }

  /** Writes in order, in as many atomics as needed. */
  async writeCut(mutations: readonly Mutation[]): Promise<void> {
    let size = new AtomicSize();
    let group: Mutation[] = [];
    for (const mutation of mutations) {
      size.add(mutation);
      if (!size.fits && group.length > 0) {
        await this.write(group);
        size = new AtomicSize();
        size.add(mutation);
        group = [];
      }
      group.push(mutation);
    }
    if (group.length > 0) await this.write(group);
  }

  /** Decodes; an error names the row. */
  decode<T>(key: Key, decode: () => T): T {
    try {
      return decode();
    } catch (cause) {
      throw this.damaged(key, reason(cause), cause);
    }
  }

  damaged(key: Key, why: string, cause?: unknown): Error {
    return new Error(`Cannot read ${this.#name}: the row ${JSON.stringify(key)} is damaged (${why})`, { cause });
  }

  #opened(key: Key, value: unknown): Uint8Array {
    if (!(value instanceof Uint8Array) || value.length < CHECKSUM_BYTES) throw this.damaged(key, "it is no record");
    const end = value.length - CHECKSUM_BYTES;
    const expected = new DataView(value.buffer, value.byteOffset + end).getUint32(0);
    if (checksum(key, value.subarray(0, end)) !== expected) throw this.damaged(key, "its checksum is wrong");
    return value.subarray(0, end);
  }

  async #reading<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (cause) {
      throw new Error(`Cannot read ${this.#name}: ${reason(cause)}`, { cause });
    }
  }
}

/** A record with its checksum, as it is written under a key. @param mark one more byte, after the record */
export function sealed(key: Key, record: Uint8Array, mark?: number): Mutation {
  const end = record.length + (mark === undefined ? 0 : 1);
  const value = new Uint8Array(end + CHECKSUM_BYTES);
  value.set(record);
  if (mark !== undefined) value[end - 1] = mark;
  new DataView(value.buffer).setUint32(end, checksum(key, value.subarray(0, end)));
  return { key, value };
}

export function deleted(key: Key): Mutation {
  return { key, value: undefined };
}

async function take(iterator: KvIterator, most: number): Promise<KvEntry[]> {
  const entries: KvEntry[] = [];
  while (entries.length < most) {
    const { value, done } = await iterator.next();
    if (done) break;
    entries.push(value);
  }
  return entries;
}

/** Reason of an error, in one line. */
export function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1).join();
}

/** Upper bound of a key's bytes in Deno KV. */
function keyBytes(key: Key): number {
  return key.reduce<number>((sum, part) => sum + (typeof part === "number" ? 10 : part.length * 3 + 2), 0);
}

/** CRC-32 of the key and the record: one flipped bit anywhere changes it. */
function checksum(key: Key, record: Uint8Array): number {
  return crc32(record, crc32(JSON.stringify(key)));
}
