import { KvStorage } from "../../src/storage/deno_kv/deno_kv_storage.ts";
import type { KvDatabase } from "../../src/storage/deno_kv/rows.ts";
import type { Change, CommitItem } from "../../src/storage/mod.ts";
import type { Seeded } from "../seeded.ts";
import { type Disk, type SimulatedStorage, StorageFault } from "./crashing_storage.ts";
import { turn } from "./turns.ts";

/** Of the rows that Deno KV reads at once. */
const DEFAULT_BATCH = 100;

/** A database of Deno KV, in memory, that outlives those who use it. */
export class KvDisk implements Disk {
  readonly #kv: Deno.Kv;
  readonly #random: Seeded;

  private constructor(kv: Deno.Kv, random: Seeded) {
    this.#kv = kv;
    this.#random = random;
  }

  static async make(random: Seeded): Promise<KvDisk> {
    return new KvDisk(await Deno.openKv(":memory:"), random);
  }

  async open(): Promise<SimulatedStorage> {
    if (this.#random.oneIn(4)) await this.#endWhileItOpens();
    const kv = new CrashingKv(this.#kv, this.#random);
    const storage = await KvStorage.over(kv);
    kv.isGated = true;
    return new CrashingKvStorage(storage, kv);
  }

  close(): void {
    this.#kv.close();
  }

  /** A process that ends while it makes good what the last one has left. */
  async #endWhileItOpens(): Promise<void> {
    const kv = new CrashingKv(this.#kv, this.#random);
    kv.isGated = true;
    const opening = readAll(kv).catch((error: unknown) => {
      if (!isStorageFault(error)) throw error;
    });
    await turn();
    for (let left = this.#random.integer(0, 12); left > 0 && kv.isBusy; left--) {
      await kv.proceed();
      await turn();
    }
    kv.crash();
    await opening;
  }
}

async function readAll(kv: KvDatabase): Promise<void> {
  const storage = await KvStorage.over(kv);
  for await (const _ of storage.restore());
}

/** A storage over a database, that ends between two of its atomics. */
class CrashingKvStorage implements SimulatedStorage {
  readonly isDurable = true;
  readonly #storage: KvStorage;
  readonly #kv: CrashingKv;

  constructor(storage: KvStorage, kv: CrashingKv) {
    this.#storage = storage;
    this.#kv = kv;
  }

  get isBusy(): boolean {
    return this.#kv.isBusy;
  }

  get isTearing(): boolean {
    return false;
  }

  restore(): AsyncIterable<Change> {
    return this.#storage.restore();
  }

  restoreSession(clientId: string, afterSequence?: number): AsyncIterable<Change> {
    return this.#storage.restoreSession(clientId, afterSequence);
  }

  commit(changes: readonly CommitItem[]): Promise<void> {
    return this.#storage.commit(changes);
  }

  close(): Promise<void> {
    return this.#storage.close();
  }

  proceed(): Promise<void> {
    return this.#kv.proceed();
  }

  fail(): Promise<void> {
    return this.#kv.fail();
  }

  crash(): void {
    this.#kv.crash();
  }
}

/** Something that is asked of the database. */
interface Operation {
  readonly kind: "read" | "write";
  readonly run: () => Promise<void>;
  readonly refuse: (error: Error) => void;
}

/** A handle on a database whose operations wait for their test, and whose process can end. */
class CrashingKv implements KvDatabase {
  isGated = false;
  readonly #kv: Deno.Kv;
  readonly #random: Seeded;
  #isOver = false;
  #operations: Operation[] = [];

  constructor(kv: Deno.Kv, random: Seeded) {
    this.#kv = kv;
    this.#random = random;
  }

  get isBusy(): boolean {
    return this.#operations.length > 0;
  }

  readonly get: Deno.Kv["get"] = (key, options) => this.#ask("read", () => this.#kv.get(key, options));

  readonly list: Deno.Kv["list"] = (selector, options) => {
    const rows = this.#kv.list<never>(selector, options);
    const next = rows.next.bind(rows);
    const { limit = DEFAULT_BATCH, batchSize = limit } = options ?? {};
    let count = 0;
    rows.next = () => count++ % batchSize === 0 ? this.#ask("read", next) : next(); // The others are in memory then.
    return rows;
  };

  atomic(): Deno.AtomicOperation {
    const atomic = this.#kv.atomic();
    const commit = atomic.commit.bind(atomic);
    atomic.commit = () => this.#ask("write", commit);
    return atomic;
  }

  close(): void {
    this.#isOver = true;
  }

  async proceed(): Promise<void> {
    const [operation] = this.#operations.splice(this.#random.integer(0, this.#operations.length - 1), 1);
    await operation?.run();
  }

  /** An atomic fails; it may have been kept. */
  async fail(): Promise<void> {
    const index = this.#operations.findIndex(({ kind }) => kind === "write");
    const operation = this.#operations[index];
    if (operation === undefined) return;
    this.#operations.splice(index, 1);
    operation.refuse(new StorageFault("the disk is full"));
    if (this.#random.oneIn(2)) await operation.run();
  }

  crash(): void {
    this.#isOver = true;
    for (const { refuse } of this.#operations.splice(0)) refuse(ended());
  }

  #ask<T>(kind: Operation["kind"], run: () => Promise<T>): Promise<T> {
    if (this.#isOver) return Promise.reject(ended());
    if (!this.isGated) return inOrder(run);
    return new Promise((resolve, reject) => {
      this.#operations.push({ kind, run: () => inOrder(run).then(resolve, reject), refuse: reject });
    });
  }
}

/** Some operations are through at once, some later, as it happens: others have their turn in any case. */
async function inOrder<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } finally {
    await turn();
  }
}

/** Also as the cause of what a storage says. */
function isStorageFault(error: unknown): boolean {
  return error instanceof StorageFault || (error instanceof Error && isStorageFault(error.cause));
}

function ended(): StorageFault {
  return new StorageFault("Cannot use the database: its process has ended");
}
