/**
 * One broker a database: a row says who has it, and every write checks that row. Who finds a lock takes it only if its owner
 * is gone, so far as can be seen; one that was only thought to be gone cannot write any more.
 */

import { type FileIdentity, isSameFile } from "./deno_kv_file.ts";
import { HEARTBEAT_KEY, LOCK_KEY } from "./deno_kv_keys.ts";
import { deleted, type KvDatabase, type KvRows, reason, sealed } from "./deno_kv_rows.ts";
import { readFloat, readNumber, readText, writeFloat, writeNumber, writeText } from "./record_fields.ts";
import { readerOf, written } from "./records.ts";
import { ByteWriter } from "../codec/byte_writer.ts";

const HEARTBEAT_MS = 5_000;
/** Three heartbeats: an owner that was silent for so long is gone. */
const STALE_MS = 15_000;
const LOOK_AGAIN_MS = 200;
/** Of a process without the permission to know its host. */
const UNKNOWN_HOST = "";

/** Who has a database. */
export interface Owner {
  readonly processId: number;
  /** Empty: it may not know it. */
  readonly hostname: string;
  /** Two processes with the same identifier, in two runs of a container, are not the same. */
  readonly startedAtMs: number;
  /** Two storages of one process are not the same. */
  readonly nonce: string;
}

export class KvLock {
  readonly #rows: KvRows;
  readonly #location: string;
  readonly #file: FileIdentity | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #beating: Promise<void> = Promise.resolve();

  private constructor(rows: KvRows, location: string, file: FileIdentity | undefined) {
    this.#rows = rows;
    this.#location = location;
    this.#file = file;
  }

  /** Takes the database, or says who has it. */
  static async take(
    kv: KvDatabase,
    rows: KvRows,
    location: string,
    file: FileIdentity | undefined,
    heartbeatMs = HEARTBEAT_MS,
  ): Promise<KvLock> {
    const found = await opening(location, () => kv.get(LOCK_KEY));
    const record = found.value === null ? undefined : await rows.get(LOCK_KEY);
    if (record !== undefined) await refuseLive(rows, rows.decode(LOCK_KEY, () => decodeOwner(record)), location);
    rows.owner = { key: LOCK_KEY, versionstamp: found.versionstamp };
    const taken = await opening(location, () => takeRow(kv, rows));
    if (taken === undefined) throw new Error(`Cannot open ${location}: another broker is just opening it`);
    rows.owner = { key: LOCK_KEY, versionstamp: taken };
    const lock = new KvLock(rows, location, file);
    const timer = setInterval(() => lock.#beating = lock.#beat(), heartbeatMs);
    Deno.unrefTimer(timer); // It does not keep the process running.
    lock.#timer = timer;
    return lock;
  }

  /** Gives it back; the last thing that is written. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    if (this.#rows.refusal !== undefined) return; // It is not ours any more.
    await this.#rows.write([deleted(LOCK_KEY), deleted(HEARTBEAT_KEY)]);
  }

  /** Never rejects: what is wrong with the database is seen by whoever writes changes. */
  async #beat(): Promise<void> {
    try {
      if (this.#file !== undefined && !await isSameFile(this.#file)) {
        this.#rows.refusal ??= new Error(
          `Cannot write to ${this.#location}: the file was deleted or replaced; stop the broker and restore it`,
        );
        return;
      }
      await this.#rows.write([heartbeat()]);
    } catch {
      // A full disk, or another owner, which the next change finds out as well.
    }
  }
}

/** Versionstamp of the row that says that it is ours; `undefined`: another one was faster. */
async function takeRow(kv: KvDatabase, { owner }: KvRows): Promise<string | undefined> {
  const { key, value } = sealed(LOCK_KEY, encodeOwner(self()));
  const beat = heartbeat();
  const atomic = kv.atomic();
  if (owner !== undefined) atomic.check(owner);
  const result = await atomic.set(key, value).set(beat.key, beat.value).commit();
  return result.ok ? result.versionstamp : undefined;
}

async function opening<T>(location: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (cause) {
    throw new Error(`Cannot open ${location}: ${reason(cause)}`, { cause });
  }
}

async function refuseLive(rows: KvRows, owner: Owner, location: string): Promise<void> {
  const beatMs = await latestBeatMs(rows);
  if (isStale(beatMs)) return;
  if (!(isThere(owner) ?? await beatsAgain(rows, beatMs))) return;
  const host = owner.hostname === UNKNOWN_HOST ? "" : ` on ${owner.hostname}`;
  throw new Error(`Cannot open ${location}: the broker with process id ${owner.processId}${host} uses it`);
}

/** Whether the owner is there, so far as this process may know; `undefined`: it may not. */
function isThere({ processId, hostname, startedAtMs }: Owner): boolean | undefined {
  const here = self();
  const isOurId = processId === here.processId;
  if (isOurId && startedAtMs === here.startedAtMs) return true;
  if (hostname === UNKNOWN_HOST || here.hostname === UNKNOWN_HOST) return undefined;
  if (hostname !== here.hostname) return true;
  return isOurId ? false : isAlive(processId);
}

/** Waits until a broker that is there has said so again, or is silent for too long. */
async function beatsAgain(rows: KvRows, beatMs: number): Promise<boolean> {
  while (!isStale(beatMs)) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    if (await latestBeatMs(rows) !== beatMs) return true;
  }
  return false;
}

async function latestBeatMs(rows: KvRows): Promise<number> {
  const row = await rows.get(HEARTBEAT_KEY);
  return row === undefined ? 0 : rows.decode(HEARTBEAT_KEY, () => readFloat(readerOf(row)));
}

function isStale(beatMs: number): boolean {
  return Math.abs(Date.now() - beatMs) > STALE_MS; // Also if the clock was set.
}

function self(): Owner {
  // Asked without a question to whoever sits at the terminal: a broker runs without this permission.
  const mayKnowHost = Deno.permissions.querySync({ name: "sys", kind: "hostname" }).state === "granted";
  return {
    processId: Deno.pid,
    hostname: mayKnowHost ? Deno.hostname() : UNKNOWN_HOST,
    startedAtMs: performance.timeOrigin,
    nonce: crypto.randomUUID(),
  };
}

/** Whether a process of this host is there, whoever it belongs to; `undefined`: this one may not ask. */
function isAlive(processId: number): boolean | undefined {
  if (Deno.permissions.querySync({ name: "run" }).state !== "granted") return undefined;
  try {
    // Signal 0 asks only. The type has the names of signals alone.
    Deno.kill(processId, 0 as unknown as Deno.Signal);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound); // Of another user: it is there.
  }
}

function heartbeat() {
  const writer = new ByteWriter();
  writeFloat(writer, Date.now());
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
