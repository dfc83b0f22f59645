import type { Answer } from "../protocol/connection_host.ts";
import type { Change, ChangeLog, CommitItem } from "../protocol/change.ts";
import type { Storage } from "../storage/storage.ts";
import type { ConnectionHandle } from "./connection/connections.ts";
import { Histogram } from "./counters.ts";
import type { Deadlines } from "./deadlines.ts";
import type { BrokerEvent } from "./events.ts";

// Memory of a change beside its message: the objects that stand for both, and the packet that is held. (Deno 2.9, 2026-11)
const CHANGE_BYTES = 300;
const RETRY_MS = 1_000;
// Longest time for which a client waits for the storage before it is disconnected.
const LONGEST_WAIT_MS = 30_000;
const FAILURE_TOLD_EVERY_MS = 60_000;

/** Called by a {@linkcode CommitQueue} with the changes that the storage has kept. */
export interface StorageListener {
  /** All changes up to {@linkcode CommitQueue.durableSequence} are durable: what was held for them may leave. */
  durable(): void;
  /**
   * Changes after `after`, up to `until`, are not kept yet: nothing may wait for one of them any longer. They are given to
   * the storage again, see {@linkcode CommitQueue.retry}.
   */
  failed(error: unknown, after: number, until: number): void;
}

/** Changes that the storage was given together; the next group waits for it. */
interface Group {
  readonly changes: readonly CommitItem[];
  readonly until: number;
  readonly bytes: number;
}

/**
 * Collects changes and gives them to the storage in groups: the next group goes when the last one is durable, so groups
 * grow by themselves under load. With a storage in memory nothing ever waits.
 *
 * A group that could not be kept is not given up: what is in memory must come to be in the storage, or else a later change
 * would be kept of a session that the storage does not know.
 */
export class CommitQueue implements ChangeLog {
  /** Sequence of the last change that was written. */
  writtenSequence = 0;
  /** Sequence up to which changes are durable. */
  durableSequence = 0;
  /** Bytes of changes that are not durable, about. */
  pendingBytes = 0;
  /** Groups that were kept, changes in them, and how often one could not be kept. */
  commits = 0;
  changes = 0;
  failedCommits = 0;
  /** Times that the storage took for groups that it did not keep at once. */
  readonly times = new Histogram();
  /** Whether the storage did not keep what it was given, and has kept nothing since. */
  isFailing = false;
  /** Error by which the storage was lost, which is given nothing any more; `undefined`: it is there. */
  #lostBy: Error | undefined;
  readonly #storage: Storage;
  readonly #listener: StorageListener;
  readonly #maximumPendingBytes: number;
  readonly #firstOfGroup: () => Change | undefined;
  /** Changes that no group has, in order; `undefined` where one was taken back. */
  #changes: (Change | undefined)[] = [];
  /** Sequence of the last change before them. */
  #takenSequence = 0;
  /** Indexes in them where a transaction begins, and where it ends, in turns. */
  #bounds: number[] = [];
  /** Number of transactions that are open: one may be a part of another. */
  #depth = 0;
  /** The group on its way; it never rejects. */
  #committing: Promise<void> | undefined;
  /** The group that could not be kept. */
  #failed: Group | undefined;
  #lastError: unknown;
  #retriedMs = 0;

  /**
   * @param maximumPendingBytes bytes beyond which it has no room
   * @param firstOfGroup gives a change that a group begins with, beside what was written; nothing waits for it
   */
  constructor(
    storage: Storage,
    listener: StorageListener,
    maximumPendingBytes = Infinity,
    firstOfGroup: () => Change | undefined = () => undefined,
  ) {
    this.#storage = storage;
    this.#listener = listener;
    this.#maximumPendingBytes = maximumPendingBytes;
    this.#firstOfGroup = firstOfGroup;
  }

  write(change: Change): number {
    this.#changes.push(change);
    this.pendingBytes += sizeOf(change);
    return ++this.writtenSequence;
  }

  takeBack(sequence: number): boolean {
    const index = sequence - this.#takenSequence - 1;
    const change = this.#changes[index];
    if (change === undefined) return false;
    this.#changes[index] = undefined;
    this.pendingBytes -= sizeOf(change);
    return true;
  }

  begin(): void {
    if (this.#depth++ === 0) this.#bounds.push(this.#changes.length);
  }

  end(): void {
    if (--this.#depth > 0) return;
    if (this.#bounds.at(-1) === this.#changes.length) this.#bounds.pop(); // Nothing was written: no trace is left.
    else this.#bounds.push(this.#changes.length);
  }

  /** Whether more changes may be made. */
  get hasRoom(): boolean {
    if (this.pendingBytes > this.#maximumPendingBytes) this.flush(); // The storage may keep at once.
    return this.pendingBytes <= this.#maximumPendingBytes;
  }

  /** Gives what was written to the storage, at the end of a turn. */
  flush(): void {
    if (this.#changes.length === 0 || this.#committing !== undefined || this.#failed !== undefined) return;
    if (this.#depth > 0) return; // A transaction is not complete.
    if (this.#lostBy !== undefined) return;
    this.#give(this.#take([], 0));
  }

  /** Calls {@linkcode retry} once a second where the storage fails. */
  tick(nowMs: number): void {
    if (!this.isFailing || nowMs < this.#retriedMs + RETRY_MS) return;
    this.#retriedMs = nowMs;
    this.retry();
  }

  /** Gives the storage again what it could not keep, and what was written since. */
  retry(): void {
    if (this.#failed === undefined || this.#committing !== undefined || this.#lostBy !== undefined) return;
    if (this.#depth > 0) return;
    const { changes, bytes } = this.#failed;
    this.#failed = undefined;
    this.#give(this.#take(changes, bytes));
    if (this.#committing === undefined) this.#listener.durable();
  }

  /** Gives a storage that is lost nothing more: nothing that waits for it is ever durable. */
  abandon(error: Error): void {
    this.#lostBy = error;
    this.#lastError = error;
  }

  /** Resolves when all that was written by now is with the storage; rejects when it could not keep some of it. */
  async settled(): Promise<void> {
    const until = this.writtenSequence;
    this.flush();
    while (this.#committing !== undefined && this.durableSequence < until && this.#lostBy === undefined) {
      await this.#committing;
      this.flush();
    }
    if (this.durableSequence < until) {
      throw new Error("Cannot keep all changes: the storage failed", { cause: this.#lastError });
    }
  }

  /** Takes all that waits, after what failed before. */
  #take(failed: readonly CommitItem[], failedBytes: number): Group {
    const fresh = this.#bounds.length === 0 ? this.#changes.filter(isThere) : grouped(this.#changes, this.#bounds);
    const bytes = fresh.reduce((sum, change) => sum + sizeOf(change), failedBytes);
    this.#changes = [];
    this.#bounds = [];
    this.#takenSequence = this.writtenSequence;
    const first = this.#firstOfGroup();
    if (first !== undefined) fresh.unshift(first);
    const changes = failed.length === 0 ? fresh : withoutReplacedWills([...failed, ...fresh]);
    return { changes, until: this.writtenSequence, bytes };
  }

  #give(group: Group): void {
    const committed = group.changes.length === 0 ? undefined : this.#commit(group.changes);
    if (committed === undefined) this.#kept(group);
    else this.#committing = this.#wait(committed, group);
  }

  #commit(changes: readonly CommitItem[]): Promise<void> | undefined {
    try {
      return this.#storage.commit(changes) ?? undefined;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #wait(committed: Promise<void>, group: Group): Promise<void> {
    const sinceMs = performance.now();
    try {
      await committed;
      this.times.add(performance.now() - sinceMs);
    } catch (error) {
      this.#committing = undefined;
      this.#failed = group;
      this.isFailing = true;
      this.failedCommits += 1;
      if (this.#lostBy !== undefined) return; // It was told.
      this.#lastError = error;
      this.#listener.failed(error, this.durableSequence, group.until);
      return;
    }
    this.#committing = undefined;
    this.#kept(group);
    this.flush();
    this.#listener.durable();
  }

  #kept({ until, bytes, changes }: Group): void {
    this.isFailing = false;
    if (changes.length > 0) this.commits += 1;
    this.changes += changes.length;
    this.durableSequence = until;
    this.pendingBytes -= bytes;
  }
}

/**
 * Waits of clients for the storage: connections whose packets are held until changes are durable, and publishers that wait
 * until it has room, or keeps again what it is given.
 */
export class StorageWait implements StorageListener {
  readonly #deadlines: Deadlines;
  readonly #connections: Iterable<ConnectionHandle>;
  readonly #clock: () => number;
  readonly #onEvent: (event: BrokerEvent) => void;
  /** Connections that hold packets. */
  #held = new Set<ConnectionHandle>();
  readonly #waiting = new Set<(isInTime: boolean) => void>();
  /** Time to say again that the storage fails; 0: it does not. */
  #failureTellMs = 0;

  constructor(
    deadlines: Deadlines,
    connections: Iterable<ConnectionHandle>,
    clock: () => number,
    onEvent: (event: BrokerEvent) => void,
  ) {
    this.#deadlines = deadlines;
    this.#connections = connections;
    this.#clock = clock;
    this.#onEvent = onEvent;
  }

  /** Wakes a connection when more changes are durable. */
  wakeWhenDurable(served: ConnectionHandle): void {
    this.#held.add(served);
  }

  /** Forgets a connection that is over. */
  ended(served: ConnectionHandle): void {
    this.#held.delete(served);
  }

  /** Resolves when something was kept: look at {@linkcode CommitQueue.hasRoom} again; false: nothing was for too long. */
  kept(nowMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const answer = (isInTime: boolean) => {
        this.#deadlines.cancel(deadline);
        this.#waiting.delete(answer);
        resolve(isInTime);
      };
      const deadline = this.#deadlines.add(nowMs + LONGEST_WAIT_MS, () => answer(false));
      this.#waiting.add(answer);
    });
  }

  /** Answers when the storage keeps again, or when that has taken too long. */
  async keeping(nowMs: number): Promise<Answer> {
    return { kind: "storage", isKeeping: await this.kept(nowMs) };
  }

  durable(): void {
    for (const answer of [...this.#waiting]) answer(true);
    if (this.#failureTellMs > 0) this.#onEvent({ kind: "commitRecovered" });
    this.#failureTellMs = 0;
    const held = this.#held;
    this.#held = new Set();
    for (const served of held) served.wake();
  }

  failed(error: unknown, after: number, until: number): void {
    const nowMs = this.#clock();
    if (nowMs >= this.#failureTellMs) { // It is tried again every second.
      this.#failureTellMs = nowMs + FAILURE_TOLD_EVERY_MS;
      this.#onEvent({ kind: "commitFailed", error });
    }
    for (const served of this.#connections) {
      if (served.connection.outbox.isHeldBetween(after, until)) served.refuseHeld();
    }
  }

  /** Ends all waits. */
  close(): void {
    for (const answer of [...this.#waiting]) answer(false);
  }
}

/** Puts changes between two bounds into one {@linkcode Transaction}. */
function grouped(changes: readonly (Change | undefined)[], bounds: readonly number[]): CommitItem[] {
  const all: CommitItem[] = [];
  let transaction: Change[] | undefined;
  let bound = 0;
  for (const [index, change] of changes.entries()) {
    for (; bounds[bound] === index; bound++) { // One may end where another begins.
      if (transaction !== undefined) all.push({ kind: "transaction", changes: transaction });
      transaction = transaction === undefined ? [] : undefined;
    }
    if (change !== undefined) (transaction ?? all).push(change);
  }
  if (transaction !== undefined) all.push({ kind: "transaction", changes: transaction });
  return all.filter((change) => change.kind !== "transaction" || change.changes.length > 0);
}

/**
 * Leaves out Wills that later ones replace, of changes that are given again. Any prefix may be kept already: a crash within
 * the repetition would bring a Will back that was published after it.
 */
function withoutReplacedWills(changes: readonly CommitItem[]): CommitItem[] {
  const clientIds = new Set<string>();
  const kept: CommitItem[] = [];
  for (const change of changes.toReversed()) {
    const isReplaced = change.kind === "will" && change.will !== undefined && clientIds.has(change.clientId);
    if (!isReplaced) kept.push(change);
    for (const one of change.kind === "transaction" ? change.changes : [change]) {
      if (one.kind === "will") clientIds.add(one.clientId);
    }
  }
  return kept.reverse();
}

function isThere(change: Change | undefined): change is Change {
  return change !== undefined;
}

function sizeOf(change: CommitItem): number {
  switch (change.kind) {
    case "transaction":
      return change.changes.reduce((sum, one) => sum + sizeOf(one), 0);
    case "queued":
      return change.message.size + CHANGE_BYTES;
    case "retained":
      return (change.message?.size ?? 0) + CHANGE_BYTES;
    default:
      return CHANGE_BYTES;
  }
}
