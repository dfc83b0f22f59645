import type { KvDatabase } from "../../src/storage/deno_kv/rows.ts";

/** Fate of an atomic: it is kept, or not, or it is kept and reported as failed. */
export type Fault = "none" | "lost" | "unknown";

/** A database whose writes fail when its test says so. */
export class FaultyKv implements KvDatabase {
  /** Asked for each atomic, with how many were written before. */
  fault: (atomic: number) => Fault = () => "none";
  /** Whether reads fail. */
  isUnreadable = false;
  atomics = 0;
  readonly #kv: Deno.Kv;

  constructor(kv: Deno.Kv) {
    this.#kv = kv;
  }

  get<T = unknown>(key: Deno.KvKey): Promise<Deno.KvEntryMaybe<T>> {
    if (this.isUnreadable) return Promise.reject(new Error("disk I/O error"));
    return this.#kv.get<T>(key);
  }

  list<T = unknown>(selector: Deno.KvListSelector, options?: Deno.KvListOptions): Deno.KvListIterator<T> {
    return this.#kv.list<T>(selector, options);
  }

  atomic(): Deno.AtomicOperation {
    const atomic = this.#kv.atomic();
    const commit = atomic.commit.bind(atomic);
    atomic.commit = async () => {
      const fault = this.fault(this.atomics++);
      if (fault === "lost") throw new Error("database or disk is full");
      const result = await commit();
      if (fault === "unknown") throw new Error("disk I/O error");
      return result;
    };
    return atomic;
  }

  /** Does nothing: a test continues with what is kept. */
  close(): void {}
}
