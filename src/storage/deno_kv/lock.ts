import { ByteWriter } from "../../codec/byte_writer.ts";
import {
  readerOf,
  readFloat,
  readNumber,
  readText,
  writeFloat,
  writeNumber,
  writeText,
  written,
} from "../records/record_fields.ts";
import { type FileIdentity, holdLock, isSameFile } from "./file.ts";
import { HEARTBEAT_KEY, LOCK_KEY } from "./keys.ts";
import { deleted, type KvDatabase, type KvRows, reason, sealed } from "./rows.ts";

/**
 * Lock on a database: one broker at a time. A row names the owner, and every write checks that row, so an owner that
 * was only presumed dead cannot write any more. For a file the operating system also holds a lock exactly as long as
 * its owner lives; a database that is reached by KV Connect has only a row that the owner rewrites again and again.
 */

const HEARTBEAT_MS = 5_000;
/** Interval of checks for a file, without writes: a look at the file and a row takes 0.1 ms. (Deno 2.9, 2026-11) */
const LOOK_MS = 1_000;
/** Three heartbeats: an owner that was silent for this long is dead. */
const STALE_MS = 15_000;
/**
 * Minimum watch: an owner whose clock is wrong or was set looks dead too; a live one writes a heartbeat in this time.
 */
const LEAST_WATCH_MS = 7_500;
const LOOK_AGAIN_MS = 200;
/** Host name in a process without the permission to read it. */
const UNKNOWN_HOST = "";

/** Owner of a database, as reported to a broker that is refused. */
export interface Owner {
  readonly processId: number;
  /** Empty: the owner had no permission to read it. */
  readonly hostname: string;
  readonly startedAtMs: number;
  /** Distinguishes two storages of one process. */
  readonly nonce: string;
}

/** Timing of a lock; tests set their own. */
export interface LockTiming {
  /** Interval at which the owner checks its ownership or writes a heartbeat. @default 1 s, or 5 s without a file */
  readonly heartbeatMs?: number | undefined;
  /** Epoch milliseconds. */
  readonly clock?: () => number;
  /** Monotonic clock in milliseconds. */
  readonly monotonic?: () => number;
}

export class KvLock {
  readonly #rows: KvRows;
  readonly #clock: () => number;
  readonly #location: string;
  readonly #file: LockedFile | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #beating: Promise<void> = Promise.resolve();

  private constructor(rows: KvRows, location: string, file: LockedFile | undefined, clock: () => number) {
    this.#rows = rows;
    this.#clock = clock;
    this.#location = location;
    this.#file = file;
  }

  /** Takes the lock, or fails with the name of its owner. */
  static async take(
    kv: KvDatabase,
    rows: KvRows,
    location: string,
    file: FileIdentity | undefined,
    { heartbeatMs = file === undefined ? HEARTBEAT_MS : LOOK_MS, clock = Date.now, monotonic }: LockTiming = {},
  ): Promise<KvLock> {
    const found = await opening(location, () => kv.get(LOCK_KEY));
    const record = found.value === null ? undefined : await rows.get(LOCK_KEY);
    const owner = record && rows.decode(LOCK_KEY, () => decodeOwner(record));
    const held = file && await holdLock(file.path);
    const locked = file && held && { identity: file, lock: held };
    try {
      if (file === undefined ? owner !== undefined && await isThere(rows, clock, monotonic) : locked === undefined) {
        throw new Error(`Cannot open ${location}: ${nameOf(owner)} uses it`);
      }
      rows.owner = { key: LOCK_KEY, versionstamp: found.versionstamp };
      const taken = await opening(location, () => takeRow(kv, rows, file === undefined ? clock() : undefined));
      if (taken === undefined) throw new Error(`Cannot open ${location}: another broker is just opening it`);
      rows.owner = { key: LOCK_KEY, versionstamp: taken };
    } catch (error) {
      locked?.lock.close();
      throw error;
    }
    const lock = new KvLock(rows, location, locked, clock);
    const timer = setInterval(() => lock.#beating = lock.#beat(), heartbeatMs);
    Deno.unrefTimer(timer); // The timer does not keep the process running.
    lock.#timer = timer;
    return lock;
  }

  /** Releases the lock; this is the last write. @param last uses the file before others can */
  async release(last: () => void = () => {}): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    try {
      if (this.#rows.isLost) return; // The database is not ours any more.
      await this.#rows.write([deleted(LOCK_KEY), deleted(HEARTBEAT_KEY)]);
      last();
    } finally {
      this.#file?.lock.close();
    }
  }

  /**
   * Checks ownership or writes a heartbeat. Never rejects: the next change notices a full disk as well, and a lost
   * database reports itself. A process that was stopped for longer than the interval checks as soon as it continues,
   * because its timer is due.
   */
  async #beat(): Promise<void> {
    const rows = this.#rows;
    try {
      if (this.#file === undefined) {
        await rows.write([heartbeat(this.#clock())]);
      } else if (await isSameFile(this.#file.identity)) {
        await rows.checkOwner();
      } else {
        rows.lose(new Error(`Cannot write to ${this.#location}: the file was deleted or replaced; restore it`));
      }
    } catch {
      // A later write reports it, see above.
    }
  }
}

/** Takes the row that names the owner; gives its versionstamp, or `undefined` if another broker was faster. */
async function takeRow(kv: KvDatabase, { owner }: KvRows, beatMs: number | undefined): Promise<string | undefined> {
  const { key, value } = sealed(LOCK_KEY, encodeOwner(self()));
  const atomic = kv.atomic();
  if (owner !== undefined) atomic.check(owner);
  atomic.set(key, value);
  if (beatMs !== undefined) {
    const beat = heartbeat(beatMs);
    atomic.set(beat.key, beat.value);
  }
  const result = await atomic.commit();
  return result.ok ? result.versionstamp : undefined;
}

async function opening<T>(location: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (cause) {
    throw new Error(`Cannot open ${location}: ${reason(cause)}`, { cause });
  }
}

/** A file that this process has locked. */
interface LockedFile {
  readonly identity: FileIdentity;
  /** Open file: closing it releases the lock, also when the process is killed. */
  readonly lock: Deno.FsFile;
}

function nameOf(owner: Owner | undefined): string {
  if (owner === undefined) return "another broker";
  const host = owner.hostname === UNKNOWN_HOST ? "" : ` on ${owner.hostname}`;
  return `the broker with process id ${owner.processId}${host}`;
}

/** Whether the owner lives: waits until it has written another heartbeat, or was silent for too long. */
async function isThere(rows: KvRows, clock: () => number, monotonic = () => performance.now()): Promise<boolean> {
  const beatMs = await latestBeatMs(rows);
  const sinceMs = monotonic();
  for (;;) {
    const watchedMs = monotonic() - sinceMs;
    if (watchedMs > STALE_MS || (watchedMs > LEAST_WATCH_MS && isStale(beatMs, clock()))) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    if (await latestBeatMs(rows) !== beatMs) return true;
  }
}

async function latestBeatMs(rows: KvRows): Promise<number> {
  const row = await rows.get(HEARTBEAT_KEY);
  return row === undefined ? 0 : rows.decode(HEARTBEAT_KEY, () => readFloat(readerOf(row)));
}

function isStale(beatMs: number, nowMs: number): boolean {
  return Math.abs(nowMs - beatMs) > STALE_MS;
}

function self(): Owner {
  // Queried without a prompt at the terminal: a broker runs without this permission.
  const mayKnowHost = Deno.permissions.querySync({ name: "sys", kind: "hostname" }).state === "granted";
  return {
    processId: Deno.pid,
    hostname: mayKnowHost ? Deno.hostname() : UNKNOWN_HOST,
    startedAtMs: performance.timeOrigin,
    nonce: crypto.randomUUID(),
  };
}

function heartbeat(nowMs: number) {
  const writer = new ByteWriter();
  writeFloat(writer, nowMs);
  return sealed(HEARTBEAT_KEY, written(writer));
}

export function encodeOwner({ processId, hostname, startedAtMs, nonce }: Owner): Uint8Array {
  const writer = new ByteWriter();
  writeNumber(writer, processId);
  writeText(writer, hostname);
  writeFloat(writer, startedAtMs);
  writeText(writer, nonce);
  return written(writer);
}

function decodeOwner(bytes: Uint8Array): Owner {
  const reader = readerOf(bytes);
  const processId = readNumber(reader);
  const hostname = readText(reader);
  const startedAtMs = readFloat(reader);
  return { processId, hostname, startedAtMs, nonce: readText(reader) };
}
