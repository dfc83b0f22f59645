import type { Storage } from "../../mod.ts";
import type { Change, CommitItem } from "../../src/storage/mod.ts";

/** What goes wrong: the process, or the call alone; before anything is kept, in the middle of it, or behind it. */
export const FAULTS = [
  "fails before",
  "fails halfway",
  "fails behind",
  "crashes before",
  "crashes halfway",
  "crashes behind",
] as const;
export type Fault = typeof FAULTS[number];

/** Counts the calls of a storage, and has one of them go wrong. */
export class CountedFault {
  calls = 0;
  isCrashed = false;
  readonly #call: number;
  readonly #fault: Fault | undefined;

  /** The `call`-th one, from 1; 0: none does. */
  constructor(call: number, fault?: Fault) {
    this.#call = call;
    this.#fault = fault;
  }

  /** What becomes of the next call. */
  next(): Fault | undefined {
    if (this.isCrashed) throw new Error("the process has crashed");
    this.calls += 1;
    if (this.calls !== this.#call) return undefined;
    if (this.#fault?.startsWith("crashes")) this.isCrashed = true;
    return this.#fault;
  }
}

/** A storage of which one call goes wrong. */
export class FaultyStorage implements Storage {
  readonly isDurable = true;
  readonly #inner: Storage;
  readonly #faults: CountedFault;

  constructor(inner: Storage, faults: CountedFault) {
    this.#inner = inner;
    this.#faults = faults;
  }

  restore(): AsyncIterable<Change> {
    return this.#read(this.#inner.restore());
  }

  restoreSession(clientId: string, afterSequence?: number): AsyncIterable<Change> {
    return this.#read(this.#inner.restoreSession(clientId, afterSequence));
  }

  async commit(changes: readonly CommitItem[]): Promise<void> {
    const fault = this.#faults.next();
    if (fault === undefined) return await this.#inner.commit(changes);
    const kept = fault.endsWith("before") ? 0 : fault.endsWith("halfway") ? changes.length / 2 : changes.length;
    if (kept >= 1) await this.#inner.commit(changes.slice(0, kept));
    throw new Error(`the storage ${fault}`);
  }

  /** It is closed in any case: a process that has crashed holds nothing either. */
  async close(): Promise<void> {
    await this.#inner.close();
    if (!this.#faults.isCrashed && this.#faults.next() !== undefined) throw new Error("the storage fails at its end");
  }

  async *#read(changes: AsyncIterable<Change>): AsyncGenerator<Change, undefined> {
    const fault = this.#faults.next();
    if (fault?.endsWith("before")) throw new Error(`the storage ${fault}`);
    for await (const change of changes) {
      yield change;
      if (fault?.endsWith("halfway")) throw new Error(`the storage ${fault}`);
    }
    if (fault !== undefined) throw new Error(`the storage ${fault}`);
  }
}
