/** Opening a database: by whom it may be opened, what it must hold, and what is said when it does not. */

import { FORMAT_KEY } from "./deno_kv_keys.ts";
import { type KvDatabase, KvRows, reason, sealed } from "./deno_kv_rows.ts";

/** Version of the layout, see deno_kv_keys.ts. */
const FORMAT_VERSION = 1;
export const OWNER_ONLY = 0o600;

/** A database that is open, and of our format. */
export interface OpenDatabase {
  readonly kv: KvDatabase;
  readonly rows: KvRows;
  /** Whether it was made just now. */
  readonly isNew: boolean;
  /** Whether it is there when the process has ended. */
  readonly isDurable: boolean;
  /** `undefined`: it is no file. */
  readonly file: FileIdentity | undefined;
}

/** Which file it is, whatever is at its path later. */
export interface FileIdentity {
  readonly path: string;
  readonly device: number;
  readonly inode: number | null;
}

/** Opens `:memory:`, a URL, or a file, which is made if there is none. Each failure is one line that says what to do. */
export async function openDatabase(location: string): Promise<OpenDatabase> {
  if (typeof Deno.openKv !== "function") {
    throw new Error(`Cannot open ${location}: Deno KV is not enabled; run deno with --unstable-kv`);
  }
  if (location === ":memory:" || /^https?:\/\//.test(location)) {
    const kv = await openKv(location);
    const rows = new KvRows(kv, location);
    const isNew = await closingOnError(kv, () => checkFormat(rows, location, true));
    return { kv, rows, isNew, isDurable: location !== ":memory:", file: undefined };
  }
  const isNew = await makeFile(location);
  const { size, dev, ino } = await Deno.stat(location);
  if (size === 0) throw new Error(`Cannot open ${location}: the file is empty; ${RESTORE}`);
  const kv = await openKv(location);
  const rows = new KvRows(kv, location);
  await closingOnError(kv, () => checkFormat(rows, location, false));
  return { kv, rows, isNew, isDurable: true, file: { path: location, device: dev, inode: ino } };
}

/**
 * Looks through the whole file for damage that SQLite does not see by itself: one bit can hide rows.
 * (500,000 rows in 78 MB: 0.3 s; `quick_check` takes 0.1 s and does not see rows out of order. Deno 2.9, 2026-11)
 */
export async function checkStructure({ path }: FileIdentity): Promise<void> {
  const { DatabaseSync } = await import("node:sqlite"); // Who keeps nothing in a file does not load it.
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

/** Whether the file is still the one that was opened. */
export async function isSameFile({ path, device, inode }: FileIdentity): Promise<boolean> {
  try {
    const { dev, ino } = await Deno.stat(path);
    return dev === device && ino === inode;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound); // Any other error says nothing about it.
  }
}

/** Closes a database that cannot be used. */
export async function closingOnError<T>(kv: KvDatabase, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    kv.close();
    throw error;
  }
}

/**
 * Whether the database was empty and is made ours.
 *
 * @param mayBeEmpty otherwise one without a format is refused
 */
export async function checkFormat(rows: KvRows, location: string, mayBeEmpty: boolean): Promise<boolean> {
  const row = await rows.get(FORMAT_KEY);
  if (row === undefined) {
    if (!mayBeEmpty || !await rows.isEmpty()) {
      throw new Error(`Cannot open ${location}: it is not a database of Brooklet; ${RESTORE}`);
    }
    await rows.write([sealed(FORMAT_KEY, new Uint8Array([FORMAT_VERSION]))]);
    return true;
  }
  const [version] = row;
  if (version === FORMAT_VERSION) return false;
  throw new Error(
    `Cannot open ${location}: its format is version ${version}, this Brooklet knows version ${FORMAT_VERSION}`,
  );
}

const RESTORE = "give another path, restore a backup, or delete the file to begin without what it held";

async function openKv(location: string): Promise<Deno.Kv> {
  try {
    return await Deno.openKv(location);
  } catch (cause) {
    throw new Error(`Cannot open ${location}: ${reason(cause)}; ${RESTORE}`, { cause });
  }
}

/** Makes a database where there is none: whole or not at all, so that one without a format is never one of ours. */
async function makeFile(path: string): Promise<boolean> {
  if (await sizeOf(path) !== undefined) return false;
  if ((await sizeOf(`${path}-wal`) ?? 0) > 0) {
    throw new Error(
      `Cannot open ${path}: the file is gone, and ${path}-wal with its last changes is there; ${RESTORE_GONE}`,
    );
  }
  const made = `${path}.new-${Deno.pid}`;
  try {
    await removeDatabase(made); // Left by a crash.
    const kv = await openKv(made);
    await closingOnError(kv, () => checkFormat(new KvRows(kv, made), made, true));
    kv.close(); // With it all is in one file.
    if (Deno.build.os !== "windows") await Deno.chmod(made, OWNER_ONLY);
    await Deno.link(made, path); // Does not replace one that another process has made meanwhile.
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists) return false;
    throw new Error(`Cannot make ${path}: ${reason(cause)}`, { cause });
  } finally {
    await removeDatabase(made);
  }
  return true;
}

const RESTORE_GONE = "restore the file, or delete that one too to begin without what they held";

/** `undefined`: there is no such file. */
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
