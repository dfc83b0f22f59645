import type { Storage } from "../../mod.ts";
import { type Change, type CommitItem, MemoryStorage } from "../../src/storage/mod.ts";
import { changeFromJson, changeToJson } from "../../src/storage/records/change_json.ts";
import type { StorageHarness } from "../../src/testing/storage_suite.ts";
import { Seeded } from "../seeded.ts";

/** Lines that were written: they outlive the process. */
export interface Log {
  readonly lines: string[];
  readonly random: Seeded;
}

/** Keeps changes as lines of JSON, one by one and each after a while, as a storage elsewhere does. */
export class LogStorage implements Storage {
  readonly isDurable = true;
  /** How many changes are kept before a commit rejects. */
  failsAfter: number | undefined;
  /** Its process has ended. */
  isDead = false;
  readonly #log: Log;
  readonly #memory = new MemoryStorage();

  constructor(log: Log) {
    this.#log = log;
    log.lines.forEach((line, index) => this.#memory.commit([changeFromJson(line, index + 1)]));
  }

  restore(): AsyncIterable<Change> {
    return this.#memory.restore();
  }

  restoreSession(clientId: string, afterSequence?: number): AsyncIterable<Change> {
    return this.#memory.restoreSession(clientId, afterSequence);
  }

  async commit(changes: readonly CommitItem[]): Promise<void> {
    const pauses = changes.length > 100 ? 100 : 10;
    for (const change of changes) {
      if (this.failsAfter !== undefined) {
        this.failsAfter -= 1;
        if (this.failsAfter < 0) {
          this.failsAfter = undefined;
          throw new Error("the disk is full");
        }
      }
      if (this.#log.random.oneIn(pauses)) await new Promise((resolve) => setTimeout(resolve, 0));
      if (this.isDead) throw new Error("the process has ended");
      this.#log.lines.push(changeToJson(change));
      this.#memory.commit([change]);
    }
  }

  async close(): Promise<void> {}
}

/** Runs the suite on a {@linkcode LogStorage}, or on one that `make` makes of its log. */
export function logHarness<S extends LogStorage>(make: (log: Log) => S): StorageHarness<Log> {
  const opened = new WeakMap<object, S>();
  const of = (storage: Storage): S => opened.get(storage) as S; // All that are opened are there.
  return {
    isDurable: true,
    create: () => ({ lines: [], random: new Seeded(1) }),
    open: (log) => {
      const storage = make(log);
      opened.set(storage, storage);
      return storage;
    },
    crash: (storage) => {
      of(storage).isDead = true;
    },
    failNextCommit: (storage) => {
      of(storage).failsAfter = 0;
    },
  };
}
