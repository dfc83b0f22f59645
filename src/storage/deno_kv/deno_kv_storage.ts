import type { Change, CommitItem } from "../../protocol/change.ts";
import { FORMAT } from "../format.ts";
import { MessageRecords } from "../records/records.ts";
import { type BodyReference, isReference } from "../records/session_queue.ts";
import type { Storage, StorageSize } from "../storage.ts";
import { KvCommit } from "./commit.ts";
import {
  checkFormat,
  checkStructure,
  closingOnError,
  compactFile,
  type FileIdentity,
  type OpenDatabase,
  openDatabase,
  sizeOfFile,
  type Sqlite,
  writeFormat,
} from "./file.ts";
import { recoverJournal } from "./journal.ts";
import { pageKey } from "./keys.ts";
import { KvLock, type LockTiming } from "./lock.ts";
import { type KvDatabase, KvRows } from "./rows.ts";
import { Contents, KvScan } from "./scan.ts";
import { KvSessionReader } from "./sessions.ts";
import { KvSweep } from "./sweep.ts";

/** Parts that work on the contents of a database, made once these are known. */
interface Work {
  readonly contents: Contents;
  readonly commit: KvCommit;
  readonly reader: KvSessionReader;
  readonly sweep: KvSweep;
}

/**
 * Storage in Deno KV: a file, or a database that is reached by KV Connect. Deno must run with `--unstable-kv`.
 *
 * @example
 * ```ts
 * import { DenoKvStorage } from "@brooklet/brooklet/storage";
 *
 * const storage = await DenoKvStorage.open(":memory:");
 * await storage.commit([{ kind: "sessionStarted", clientId: "c", principal: undefined }]);
 * for await (const change of storage.restore()) console.log(change.kind);
 * await storage.close();
 * ```
 */
export interface DenoKvStorage extends Storage {
  /** Whether the database was made by opening it. */
  readonly isNew: boolean;
}

/** Opens storages in Deno KV. */
export const DenoKvStorage: {
  /**
   * Opens a database and keeps other brokers from opening it. Rejects with one line that says why it cannot be opened: Deno
   * KV is not enabled, another broker uses it, it is damaged, it is of a later version, or it is not a database of Brooklet.
   *
   * @param location path of a file, which is created readable only by its owner if it does not exist; the URL of a
   * database that is reached by KV Connect; or `:memory:`
   */
  open(location: string): Promise<DenoKvStorage>;
} = { open: (location) => KvStorage.open(location) };

/** Storage in a database of Deno KV, with what its tests need besides. */
export class KvStorage implements DenoKvStorage {
  readonly isDurable: boolean;
  /** Whether the database was made by opening it. */
  readonly isNew: boolean;
  readonly #kv: KvDatabase;
  readonly #rows: KvRows;
  readonly #lock: KvLock | undefined;
  readonly #file: FileIdentity | undefined;
  readonly #sqlite: Sqlite | undefined;
  readonly #messages = new MessageRecords();
  /** Version of its rows: that of this build once it has written any. */
  #version: number;
  #work: Work | undefined;
  #isClosed = false;

  private constructor(
    { kv, rows, isDurable, isNew, version, file }: OpenDatabase,
    lock: KvLock | undefined,
    sqlite?: Sqlite,
  ) {
    this.isDurable = isDurable;
    this.isNew = isNew;
    this.#version = version;
    this.#kv = kv;
    this.#rows = rows;
    this.#lock = lock;
    this.#file = file;
    this.#sqlite = sqlite;
  }

  /**
   * Opens a database, see {@linkcode DenoKvStorage.open}.
   *
   * @param heartbeatMs interval of the checks that the file exists and is still its own: every second, except in tests;
   * without a file, interval of the heartbeats that it writes: every 5 seconds
   */
  static async open(location: string, heartbeatMs?: number): Promise<KvStorage> {
    const database = await openDatabase(location);
    const { kv, rows, file, isDurable } = database;
    return await closingOnError(kv, async () => {
      const lock = isDurable ? await KvLock.take(kv, rows, location, file, { heartbeatMs }) : undefined;
      let sqlite: Sqlite | undefined;
      try {
        if (file !== undefined) {
          sqlite = await import("node:sqlite"); // Loaded only by a broker that stores to a file.
          checkStructure(file, sqlite);
        }
        await recoverJournal(rows);
      } catch (error) {
        await lock?.release().catch(() => {}); // The first error says more.
        throw error;
      }
      return new KvStorage(database, lock, sqlite);
    });
  }

  /** Makes a storage over an open database that no other broker uses, or with a lock. */
  static async over(kv: KvDatabase, lockTiming?: LockTiming): Promise<KvStorage> {
    const name = "the database";
    const rows = new KvRows(kv, name);
    const format = await checkFormat(rows, name, true);
    const lock = lockTiming && await KvLock.take(kv, rows, name, undefined, lockTiming);
    await recoverJournal(rows);
    return new KvStorage({ kv, rows, ...format, isDurable: true, file: undefined }, lock);
  }

  get lost(): Promise<Error> {
    return this.#rows.lost;
  }

  /** Gives what routing needs. @throws {Error} when it is damaged or cannot be read */
  async *restore(): AsyncGenerator<Change, undefined> {
    const contents = new Contents(this.#rows);
    await this.#work?.commit.ready();
    yield* new KvScan(this.#rows, this.#messages, contents, false).changes();
    this.#begin(contents);
  }

  /** Gives the messages of one client. @throws {Error} when it is damaged or cannot be read */
  async *restoreSession(clientId: string, afterSequence = 0): AsyncGenerator<Change, undefined> {
    const { commit, contents, reader } = await this.#ready();
    await commit.ready();
    const session = await commit.session(clientId);
    if (session === undefined) return;
    const { number } = session;
    let { version } = session;
    let progress = await reader.progress(number);
    if (afterSequence === 0) {
      for (const packetIdentifier of progress.accepted) yield { kind: "accepted", clientId, packetIdentifier };
    }
    const readBody = contents.bodies.reader();
    for await (const entries of reader.pages(number, afterSequence + 1)) {
      const current = await commit.session(clientId);
      if (current?.number !== number) return; // It ended meanwhile, and its pages are deleted one after the other.
      if (version !== current.version) {
        version = current.version;
        progress = await reader.progress(number);
      }
      for (const entry of entries) {
        const { content, size: _, ...queued } = entry;
        const { sequence } = queued;
        if (sequence <= afterSequence || progress.isCompleted(sequence)) continue;
        const key = pageKey(number, sequence); // Key of the message: more precise in an error than the key of the page.
        let bytes: Uint8Array;
        try {
          bytes = isReference(content) ? partOf(await readBody(content.body, key), content) : content;
        } catch (error) {
          progress = await reader.progress(number);
          if (!progress.isCompleted(sequence) && await reader.session(number) !== undefined) throw error;
          continue; // Its body is gone because it was completed meanwhile.
        }
        const message = this.#rows.decode(key, () => this.#messages.decode(bytes));
        const { packetIdentifier = 0, isReceived = false } = progress.inflight.get(sequence) ?? {};
        yield { kind: "queued", clientId, ...queued, message, packetIdentifier };
        if (isReceived) yield { kind: "received", clientId, sequence };
      }
    }
  }

  async commit(changes: readonly CommitItem[]): Promise<void> {
    if (changes.length === 0) return;
    const { commit, sweep } = await this.#ready();
    if (this.#version < FORMAT.version) {
      await writeFormat(this.#rows);
      this.#version = FORMAT.version;
    }
    await commit.commit(changes);
    sweep.start();
  }

  /** Resolves when the rows of sessions that have ended are gone. */
  async swept(): Promise<void> {
    await this.#work?.sweep.settled();
  }

  size(): StorageSize | undefined {
    if (this.#file === undefined || this.#sqlite === undefined || this.#isClosed) return undefined;
    try {
      return sizeOfFile(this.#file, this.#sqlite);
    } catch {
      return undefined; // A commit tells what is wrong with the file.
    }
  }

  /**
   * Closes the database, gives the free part of its file back to the file system, and lets others open it then. Rejects
   * with TypeError for a database that is no file.
   */
  async compact(): Promise<{ readonly before: StorageSize; readonly after: StorageSize }> {
    const [file, sqlite] = [this.#file, this.#sqlite];
    if (file === undefined || sqlite === undefined) throw new TypeError("it is not a file");
    await this.#ready();
    await this.swept();
    const before = sizeOfFile(file, sqlite);
    let after = before;
    await this.close(() => {
      compactFile(file, sqlite);
      after = sizeOfFile(file, sqlite); // Not later: its log would stay beside a file that no other connection uses.
    });
    return { before, after };
  }

  /** Closes the database; others may open it then. @param last uses the file before */
  async close(last?: () => void): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      await this.#work?.sweep.stop();
      await this.#lock?.release(last);
    } finally {
      this.#kv.close();
    }
  }

  /** Reads the whole database unless that has been done. */
  async #ready(): Promise<Work> {
    if (this.#work !== undefined) return this.#work;
    const contents = new Contents(this.#rows);
    for await (const _ of new KvScan(this.#rows, this.#messages, contents, true).changes());
    return this.#begin(contents);
  }

  /** Starts the parts that work on the contents, once. */
  #begin(contents: Contents): Work {
    if (this.#work !== undefined) return this.#work;
    const rows = this.#rows;
    this.#work = {
      contents,
      commit: new KvCommit(rows, contents, this.#messages),
      reader: new KvSessionReader(rows, contents.bodies),
      sweep: new KvSweep(rows, contents),
    };
    this.#work.sweep.start();
    return this.#work;
  }
}

function partOf(body: Uint8Array, { offset, length }: BodyReference): Uint8Array {
  return body.subarray(offset, offset + length);
}
