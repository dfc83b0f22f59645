import { basename, dirname, join } from "node:path";
import { ByteWriter } from "../../codec/byte_writer.ts";
import { FORMAT, type Format, whyUnreadable } from "../format.ts";
import type { StorageSize } from "../storage.ts";
import { readerOf, readText, writeText, written } from "../records/record_fields.ts";
import { FORMAT_KEY } from "./keys.ts";
import { type KvDatabase, KvRows, reason, sealed } from "./rows.ts";

/** Opens a database: permissions, the expected format, and the errors when either is wrong. */

export const OWNER_ONLY = 0o600;

/** Longest wait for a read of Deno KV that is under way. */
const COMPACT_WAIT_MS = 10_000;

/** Module that is loaded only for a file. */
export type Sqlite = typeof import("node:sqlite");

/** Attempts: a child process has the descriptors of this one, and with them its locks, from its fork to its exec. */
const LOCK_ATTEMPTS = 10;
const LOCK_AGAIN_MS = 20;

/** A database that is open and has our format. */
export interface OpenDatabase {
  readonly kv: KvDatabase;
  readonly rows: KvRows;
  /** Whether opening it created it. */
  readonly isNew: boolean;
  /** Version of its rows. */
  readonly version: number;
  /** Whether it outlives the process. */
  readonly isDurable: boolean;
  /** `undefined`: it is not a file. */
  readonly file: FileIdentity | undefined;
}

/** Identity of a file, whatever is at its path later. */
export interface FileIdentity {
  readonly path: string;
  readonly device: number;
  readonly inode: number | null;
}

/** Opens `:memory:`, a URL, or a file, which is created if missing. Each failure is one line that says what to do. */
export async function openDatabase(location: string): Promise<OpenDatabase> {
  checkRuntime(location);
  if (location === ":memory:" || /^https?:\/\//.test(location)) {
    const kv = await openKv(location);
    const rows = new KvRows(kv, location);
    const format = await closingOnError(kv, () => checkFormat(rows, location, true));
    return { kv, rows, ...format, isDurable: location !== ":memory:", file: undefined };
  }
  await checkPath(location);
  const isNew = await makeFile(location);
  const { dev, ino } = await Deno.stat(location);
  const kv = await openKv(location);
  const rows = new KvRows(kv, location);
  const { version } = await closingOnError(kv, () => checkFormat(rows, location, false));
  return { kv, rows, isNew, version, isDurable: true, file: { path: location, device: dev, inode: ino } };
}

/**
 * Checks what can be known of a file before it is opened or made, and leaves it and its folder as they are. Another
 * process may have it open. Throws the errors of {@linkcode openDatabase}.
 */
export async function checkFile(path: string): Promise<void> {
  checkRuntime(path);
  await checkPath(path);
  const name = await lockName(path);
  const probe = `${name}.${crypto.randomUUID()}`;
  try {
    if (await infoOf(name, Deno.stat) !== undefined) (await Deno.open(name, { write: true })).close();
    else if ((await Deno.permissions.query({ name: "write", path: probe })).state === "granted") {
      (await Deno.open(probe, { write: true, createNew: true })).close();
      await Deno.remove(probe);
    }
  } catch (cause) {
    throw await lockError(path, cause);
  }
}

function checkRuntime(location: string): void {
  if (typeof Deno.FsFile.prototype.tryLock !== "function") {
    throw new Error(
      `Cannot open ${location}: this is Deno ${Deno.version.deno}, a storage needs Deno 2.9; upgrade Deno`,
    );
  }
  if (typeof kvOpener() !== "function") {
    throw new Error(`Cannot open ${location}: Deno KV is not enabled; run deno with --unstable-kv`);
  }
}

/**
 * Checks the whole file for damage that SQLite does not notice by itself: one flipped bit can hide rows.
 * (500,000 rows in 78 MB: 0.3 s; `quick_check` takes 0.1 s and misses rows out of order. Deno 2.9, 2026-11)
 */
export function checkStructure({ path }: FileIdentity, { DatabaseSync }: Sqlite): void {
  let complaint: unknown;
  try {
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      complaint = database.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
    } finally {
      database.close();
    }
  } catch (cause) {
    throw new Error(`Cannot open ${path}: ${reason(cause)}; ${RESTORE}`, { cause });
  }
  if (complaint !== "ok") throw new Error(`Cannot open ${path}: it is damaged (${reason(complaint)}); ${RESTORE}`);
}

/** Size of the file; a file that is open takes 0.1 ms. (Deno 2.9, 2026-11-30) */
export function sizeOfFile({ path }: FileIdentity, { DatabaseSync }: Sqlite): StorageSize {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const pages = (name: string) => Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
    const pageBytes = pages("page_size");
    return { bytes: pages("page_count") * pageBytes, freeBytes: pages("freelist_count") * pageBytes };
  } finally {
    database.close();
  }
}

/**
 * Gives free pages back to the file system. SQLite writes the smaller file to its log first: after a crash the file is
 * whole, in its old or its new size.
 */
export function compactFile({ path }: FileIdentity, { DatabaseSync }: Sqlite): void {
  const database = new DatabaseSync(path, { timeout: COMPACT_WAIT_MS });
  try {
    database.exec("VACUUM");
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } finally {
    database.close();
  }
}

/** Whether the file at the path is still the one that was opened. */
export async function isSameFile({ path, device, inode }: FileIdentity): Promise<boolean> {
  try {
    const { dev, ino } = await Deno.stat(path);
    return dev === device && ino === inode;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound); // Any other error proves nothing.
  }
}

/** Runs `use`, and closes the database if it fails. */
export async function closingOnError<T>(kv: KvDatabase, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    kv.close();
    throw error;
  }
}

/**
 * Checks the format, and writes it to an empty database.
 *
 * @param mayBeEmpty false: a database without a format is refused
 */
export async function checkFormat(
  rows: KvRows,
  location: string,
  mayBeEmpty: boolean,
): Promise<{ readonly isNew: boolean; readonly version: number }> {
  const row = await rows.get(FORMAT_KEY);
  if (row === undefined) {
    if (!mayBeEmpty || !await rows.isEmpty()) {
      throw new Error(`Cannot open ${location}: it is not a database of Brooklet; give another path`);
    }
    await writeFormat(rows);
    return { isNew: true, version: FORMAT.version };
  }
  const format = rows.decode(FORMAT_KEY, () => decodeFormat(row));
  const why = whyUnreadable(format);
  if (why !== undefined) throw new Error(`Cannot open ${location}: ${why}`);
  return { isNew: false, version: format.version };
}

/** Writes the format of this build: before anything that an earlier one cannot read. */
export async function writeFormat(rows: KvRows): Promise<void> {
  const writer = new ByteWriter();
  writer.byte(FORMAT.needs); // First, and alone in version 1, whose builds compare it with their own.
  writer.byte(FORMAT.version);
  writeText(writer, FORMAT.brooklet);
  await rows.write([sealed(FORMAT_KEY, written(writer))]);
}

function decodeFormat(bytes: Uint8Array): Format {
  const reader = readerOf(bytes);
  const needs = reader.byte("A version");
  if (reader.remaining === 0) return { version: needs, needs, brooklet: "" };
  return { version: reader.byte("A version"), needs, brooklet: readText(reader) };
}

const RESTORE = "give another path, restore a backup, or delete the file to begin without what it held";
const NO_DATABASE = "file is not a database; give another path, or restore a backup if it was a storage";
const SQLITE_HEAD = "SQLite format 3\0";
const RIGHT = "give this user the right to write there, or give another path";
const RESTORE_GONE = "restore the file, or delete that one too to begin without what they held";

async function openKv(location: string): Promise<KvDatabase> {
  try {
    return await kvOpener()(location);
  } catch (cause) {
    const why = await whyUnusable(location, cause);
    throw new Error(`Cannot open ${location}: ${why ?? `${reason(cause)}; ${RESTORE}`}`, { cause });
  }
}

/** `Deno.openKv`, which is unstable: without `--unstable-kv` it is no function, and its type may be missing. */
function kvOpener(): (path: string) => Promise<KvDatabase> {
  return (Deno as unknown as { readonly openKv: (path: string) => Promise<KvDatabase> }).openKv;
}

async function checkPath(path: string): Promise<void> {
  const why = path === "" ? "its path is empty" : await whyNoFile(path) ?? await whyUnfit(path);
  if (why !== undefined) throw new Error(`Cannot open ${path || "a storage"}: ${why}`);
}

/** Reason why there can be no database at a path; `undefined`: there can be one. */
async function whyNoFile(path: string): Promise<string | undefined> {
  if (await infoOf(path, Deno.stat) !== undefined) return undefined;
  if (await infoOf(path, Deno.lstat) !== undefined) return "it is a link to a file that does not exist";
  const directory = dirname(path);
  const info = await infoOf(directory, Deno.stat);
  if (info === undefined) return `the directory ${directory} does not exist; make it, or give another path`;
  if (!info.isDirectory) return `${directory} is not a directory; give another path`;
  if (((await infoOf(`${path}-wal`, Deno.stat))?.size ?? 0) === 0) return undefined;
  return `the file is gone, and ${path}-wal with its last changes is there; ${RESTORE_GONE}`;
}

/** Reason why the file at a path can be no database that is written; `undefined`: it can, or there is none. */
async function whyUnfit(path: string): Promise<string | undefined> {
  const info = await infoOf(path, Deno.stat);
  if (info === undefined) return undefined;
  if (info.isDirectory) return "it is a directory; name a file in it";
  if (info.size === 0) return `the file is empty; ${RESTORE}`;
  try {
    // One that cannot be written would be opened for reading, and refuse the first write.
    using file = await Deno.open(path, { read: true, write: true });
    const head = new Uint8Array(SQLITE_HEAD.length);
    const read = await file.read(head);
    if (read !== head.length || new TextDecoder().decode(head) !== SQLITE_HEAD) return NO_DATABASE;
  } catch (cause) {
    // Deno names the permission when the database is opened.
    if (!(cause instanceof Deno.errors.NotCapable)) return `it cannot be written: ${reasonOfSystem(cause)}`;
  }
  return undefined;
}

/** Reason why SQLite cannot open a path, which says no more than that; `undefined`: it is not known. */
async function whyUnusable(path: string, error: unknown): Promise<string | undefined> {
  if (error instanceof Deno.errors.NotCapable) return reason(error);
  if (/not a database/.test(reason(error))) return NO_DATABASE; // Messages of SQLite, which has no other name for it.
  if (!/unable to open|read-?only/.test(reason(error))) return undefined;
  const lock = await holdLock(path); // It says whether the directory can be written.
  lock?.close();
  return undefined;
}

/**
 * Creates a database if there is none: whole or not at all, so that a database without a format is never one of ours.
 */
async function makeFile(path: string): Promise<boolean> {
  if (await infoOf(path, Deno.stat) !== undefined) return false;
  const lock = await holdLock(path);
  if (lock === undefined) throw new Error(`Cannot make ${path}: another broker uses it, or is just making it`);
  const made = `${path}.new`;
  try {
    if (await infoOf(path, Deno.stat) !== undefined) return false;
    await removeDatabase(made); // A crash may have left it.
    const kv = await kvOpener()(made);
    await closingOnError(kv, () => checkFormat(new KvRows(kv, made), made, true));
    kv.close(); // Closing merges everything into one file.
    await makePrivate(made);
    await Deno.rename(made, path); // FAT has no hard links. Nothing is replaced: only the holder of the lock makes a file.
    return true;
  } catch (cause) {
    throw new Error(`Cannot make ${path}: ${reason(cause)}`, { cause });
  } finally {
    await removeDatabase(made);
    lock.close();
  }
}

/** Leaves a file to its owner alone, where the file system knows owners: FAT does not. */
async function makePrivate(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  try {
    await Deno.chmod(path, OWNER_ONLY);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotSupported)) throw error;
  }
}

/**
 * Takes the lock of a database; `undefined`: another process holds it. Closing the file releases it, also when the process
 * is killed. The lock is on a file beside the database, found by its real path whichever name leads to it: opening and
 * closing the database itself would end the locks that SQLite holds on it. The lock file stays when the broker ends,
 * because deleting it could delete the one of the next broker.
 */
export async function holdLock(path: string): Promise<Deno.FsFile | undefined> {
  let lock: Deno.FsFile;
  try {
    lock = await Deno.open(await lockName(path), { write: true, create: true, mode: OWNER_ONLY });
  } catch (cause) {
    throw await lockError(path, cause);
  }
  for (let attempt = 1; !await lock.tryLock(true); attempt++) {
    if (attempt === LOCK_ATTEMPTS) {
      lock.close();
      return undefined;
    }
    await new Promise((resolve) => setTimeout(resolve, LOCK_AGAIN_MS));
  }
  return lock;
}

async function lockName(path: string): Promise<string> {
  const isThere = await infoOf(path, Deno.stat) !== undefined;
  return `${isThere ? await Deno.realPath(path) : join(await Deno.realPath(dirname(path)), basename(path))}.lock`;
}

async function lockError(path: string, cause: unknown): Promise<Error> {
  const isThere = await infoOf(path, Deno.stat) !== undefined;
  const what = isThere ? `cannot lock ${await lockName(path)}` : `the directory ${dirname(path)} cannot be written`;
  return new Error(`Cannot open ${path}: ${what}: ${reasonOfSystem(cause)}`, { cause });
}

/** Kind and size of the file at a path; `undefined`: there is none. */
async function infoOf(path: string, look: typeof Deno.stat): Promise<Deno.FileInfo | undefined> {
  try {
    return await look(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) return undefined;
    throw new Error(`Cannot open ${path}: ${reasonOfSystem(cause)}`, { cause });
  }
}

/** Reason of an error of the system, without its number and the call, and with advice where a right is missing. */
function reasonOfSystem(error: unknown): string {
  const text = reason(error).replace(/ \(os error .*$/, "");
  return /^(?:Permission denied|Operation not permitted|Read-only)/.test(text) ? `${text}; ${RIGHT}` : text;
}

async function removeDatabase(path: string): Promise<void> {
  for (const name of [path, `${path}-wal`, `${path}-shm`, `${path}-journal`]) {
    try {
      await Deno.remove(name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
