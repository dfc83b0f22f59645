import type { Storage } from "../../mod.ts";
import { type Change, type CommitItem, MemoryStorage } from "../../src/storage/mod.ts";
import type { Seeded } from "../seeded.ts";

/**
 * What a storage can do that breaks its promises: say that changes are durable before they are, take what is all or
 * nothing apart, change the order.
 */
export type Fault = "notHeld" | "torn" | "disordered";

/** What a storage says that cannot be used, as it is meant to be. */
export class StorageFault extends Error {
  override readonly name = "StorageFault";
}

/** A storage of one broker, that its test can end at any moment. */
export interface SimulatedStorage extends Storage {
  /** Whether anybody waits for it. */
  readonly isBusy: boolean;
  /** Whether a crash now would show what it does wrong. */
  readonly isTearing: boolean;
  /** Goes on with something that it was asked for. */
  proceed(): void | Promise<void>;
  /** Fails what is to be kept now: a part of it may have been kept. */
  fail(): void | Promise<void>;
  /** The process ends: a part of what was to be kept now is kept, and nothing more. */
  crash(): void;
}

/** What is left when a process ends. */
export interface Disk {
  /** The storage of the next process. */
  open(): SimulatedStorage | Promise<SimulatedStorage>;
  close(): void;
}

/** A storage in memory that outlives those who use it. */
export class MemoryDisk implements Disk {
  readonly #kept = new MemoryStorage();
  readonly #random: Seeded;
  readonly #isImmediate: boolean;
  readonly #fault: Fault | undefined;

  constructor(random: Seeded, fault: Fault | undefined) {
    this.#random = random;
    this.#isImmediate = fault === undefined && random.oneIn(8);
    this.#fault = fault;
  }

  open(): SimulatedStorage {
    return new CrashingStorage(this.#kept, this.#random, this.#isImmediate, this.#fault);
  }

  close(): void {}
}

interface PendingCommit {
  /** Those that are not kept yet. */
  readonly changes: CommitItem[];
  /** Those that should have been kept with the one before them. */
  readonly torn: ReadonlySet<CommitItem>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Keeps changes in a storage that outlives it: one by one, whenever it is told to, or all at once, so that nothing waits
 * and no crash takes anything back.
 */
class CrashingStorage implements SimulatedStorage {
  readonly isDurable = true;
  readonly #inner: MemoryStorage;
  readonly #random: Seeded;
  readonly #isImmediate: boolean;
  readonly #fault: Fault | undefined;
  #isOver = false;
  /** More than one only where nobody waits for them. */
  #commits: PendingCommit[] = [];
  #reads: (() => void)[] = [];

  constructor(inner: MemoryStorage, random: Seeded, isImmediate: boolean, fault: Fault | undefined) {
    this.#inner = inner;
    this.#random = random;
    this.#isImmediate = isImmediate;
    this.#fault = fault;
  }

  get isBusy(): boolean {
    return this.#commits.length + this.#reads.length > 0;
  }

  get isTearing(): boolean {
    const [commit] = this.#commits;
    return commit !== undefined && cutsOf(commit).length > 0;
  }

  async *restore(): AsyncIterable<Change> {
    for await (const change of this.#inner.restore()) {
      this.#checkIsOpen();
      yield change;
    }
  }

  async *restoreSession(clientId: string, afterSequence?: number): AsyncIterable<Change> {
    await this.#readPause();
    if (this.#fault === "notHeld") this.#keepAll(); // Whoever says that it is there must be able to show it.
    for await (const change of this.#inner.restoreSession(clientId, afterSequence)) {
      yield change;
      await this.#readPause();
    }
  }

  commit(changes: readonly CommitItem[]): void | Promise<void> {
    this.#checkIsOpen();
    if (this.#isImmediate) return this.#inner.commit(changes);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#commits.push({ changes: this.#asKept(changes), torn: this.#tornOf(changes), resolve, reject });
    return this.#fault === "notHeld" ? undefined : promise;
  }

  close(): Promise<void> {
    this.#keepAll();
    this.#isOver = true;
    return Promise.resolve();
  }

  proceed(): void {
    const read = this.#random.oneIn(2) || this.#commits.length === 0 ? this.#reads.shift() : undefined;
    if (read !== undefined) return read();
    const commit = this.#commits[0];
    if (commit === undefined) return;
    this.#keepSome(commit);
    if (commit.changes.length > 0) return;
    this.#commits.shift();
    commit.resolve();
  }

  fail(): void {
    if (this.#fault === "notHeld") return; // Nobody would hear of it.
    const commit = this.#commits.shift();
    if (commit === undefined) return;
    this.#keepSome(commit);
    commit.reject(new StorageFault("the disk is full"));
  }

  crash(): void {
    const [commit] = this.#commits;
    if (commit !== undefined && !this.#tear(commit)) this.#keepSome(commit);
    this.#isOver = true;
    this.#commits = []; // Nobody is there any more to hear of them.
    for (const read of this.#reads.splice(0)) read();
  }

  #keepSome({ changes }: PendingCommit): void {
    const count = this.#random.oneIn(3) ? changes.length : this.#random.integer(0, changes.length);
    this.#inner.commit(changes.splice(0, count));
  }

  /** Keeps a part of what is all or nothing; false: there is no such thing. */
  #tear(commit: PendingCommit): boolean {
    const cuts = cutsOf(commit);
    if (cuts.length === 0) return false;
    this.#inner.commit(commit.changes.splice(0, this.#random.pick(cuts)));
    return true;
  }

  #keepAll(): void {
    for (const { changes, resolve } of this.#commits.splice(0)) {
      this.#inner.commit(changes);
      resolve();
    }
  }

  #tornOf(changes: readonly CommitItem[]): ReadonlySet<CommitItem> {
    if (this.#fault !== "torn") return new Set();
    return new Set(changes.flatMap((change) => change.kind === "transaction" ? change.changes.slice(1) : []));
  }

  #asKept(changes: readonly CommitItem[]): CommitItem[] {
    if (this.#fault === "torn") {
      return changes.flatMap((change): readonly CommitItem[] =>
        change.kind === "transaction" ? change.changes : [change]
      );
    }
    const kept = [...changes];
    if (this.#fault !== "disordered") return kept;
    for (let index = kept.length - 1; index > 0; index--) {
      const other = this.#random.integer(0, index);
      [kept[index], kept[other]] = [kept[other] as CommitItem, kept[index] as CommitItem]; // Both are within it.
    }
    return kept;
  }

  async #readPause(): Promise<void> {
    this.#checkIsOpen();
    if (this.#random.oneIn(2)) await new Promise<void>((resolve) => this.#reads.push(resolve));
    this.#checkIsOpen();
  }

  #checkIsOpen(): void {
    if (this.#isOver) throw new StorageFault("Cannot use the storage: its process has ended");
  }
}

/**
 * Where a list can be cut so that a message is lost for good: its publisher counts as through, or its Will as published, and
 * not all who should get it have it.
 */
function cutsOf({ changes, torn }: PendingCommit): number[] {
  const cuts: number[] = [];
  let isThrough = false;
  for (const [index, change] of changes.entries()) {
    if (!torn.has(change)) isThrough = change.kind === "accepted" || change.kind === "will";
    else if (isThrough && change.kind === "queued" && change.sharedFilter === undefined) cuts.push(index);
  }
  return cuts;
}
