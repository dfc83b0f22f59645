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
  if (typeof Deno.openKv !== "function") {
    throw new Error(`Cannot open ${location}: Deno KV is not enabled; run deno with --unstable-kv`);
  }
  if (location === ":memory:" || /^https?:\/\//.test(location)) {
    const kv = await openKv(location);
    const rows = new KvRows(kv, location);
    const format = await closingOnError(kv, () => checkFormat(rows, location, true));
    return { kv, rows, ...format, isDurable: location !== ":memory:", file: undefined };
  }
  const isNew = await makeFile(location);
  const { size, dev, ino } = await Deno.stat(location);
  if (size === 0) throw new Error(`Cannot open ${location}: the file is empty; ${RESTORE}`);
  const kv = await openKv(location);
  const rows = new KvRows(kv, location);
  const { version } = await closingOnError(kv, () => checkFormat(rows, location, false));
  return { kv, rows, isNew, version, isDurable: true, file: { path: location, device: dev, inode: ino } };
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
      throw new Error(`Cannot open ${location}: it is not a database of Brooklet; ${RESTORE}`);
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

async function openKv(location: string): Promise<Deno.Kv> {
  try {
    return await Deno.openKv(location);
  } catch (cause) {
    throw new Error(`Cannot open ${location}: ${reason(cause)}; ${RESTORE}`, { cause });
  }
}

/**
 * Creates a database if there is none: whole or not at all, so that a database without a format is never one of ours.
 */
async function makeFile(path: string): Promise<boolean> {
  if (await sizeOf(path) !== undefined) return false;
  if ((await sizeOf(`${path}-wal`) ?? 0) > 0) {
    throw new Error(
      `Cannot open ${path}: the file is gone, and ${path}-wal with its last changes is there; ${RESTORE_GONE}`,
    );
  }
  const made = `${path}.new-${Deno.pid}`;
  try {
    await removeDatabase(made); // A crash may have left it.
    const kv = await openKv(made);
    await closingOnError(kv, () => checkFormat(new KvRows(kv, made), made, true));
    kv.close(); // Closing merges everything into one file.
    if (Deno.build.os !== "windows") await Deno.chmod(made, OWNER_ONLY);
    await Deno.link(made, path); // Does not replace one that another process has created meanwhile.
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists) return false;
    throw new Error(`Cannot make ${path}: ${reason(cause)}`, { cause });
  } finally {
    await removeDatabase(made);
  }
  return true;
}

const RESTORE_GONE = "restore the file, or delete that one too to begin without what they held";

/** Size of a file; `undefined`: it does not exist. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).size;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`Cannot open ${path}: ${reason(cause)}`, { cause });
  }
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
