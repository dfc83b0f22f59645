import type { Answer } from "../protocol/ask.ts";
import type { Change, ChangeLog, CommitItem } from "../protocol/change.ts";
import type { Storage } from "../storage/storage.ts";
import type { ServedConnection } from "./connection/served_connection.ts";
import type { Deadlines } from "./deadlines.ts";
import type { BrokerEvent } from "./events.ts";
import type { Turn } from "./turn.ts";

/** What the queue tells the broker. */
export interface CommitEvents {
  /** All changes up to {@linkcode CommitQueue.durableSequence} are durable: outboxes may be released. */
  durable(): void;
  /**
   * Changes behind `after`, up to `until`, are not kept yet: whoever waits for one of them must not wait any longer. They
   * are given to the storage again, see {@linkcode CommitQueue.retry}.
   */
  failed(error: unknown, after: number, until: number): void;
  /** Gives what a group begins with, beside what was written; nobody waits for it. */
  ahead?(): Change | undefined;
}

/** What the storage has been given, and holds the next group up. */
interface Group {
  readonly changes: readonly CommitItem[];
  readonly until: number;
  readonly bytes: number;
}

// What a change holds beside its message: the objects that stand for both, and the packet that is held. (Deno 2.9, 2026-11)
const CHANGE_BYTES = 300;

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
  /** Whether the storage did not keep what it was given, and has kept nothing since. */
  isFailing = false;
  /** Why the storage is given nothing any more; `undefined`: it is. */
  #lostBy: Error | undefined;
  readonly #storage: Storage;
  readonly #events: CommitEvents;
  /** Those that no group has, in order; `undefined` where one was taken back. */
  #changes: (Change | undefined)[] = [];
  /** Sequence of the last change before them. */
  #takenSequence = 0;
  /** Where in them what is all or nothing begins, and where it ends, in turns. */
  #bounds: number[] = [];
  /** How many of them are open: what is all or nothing may be a part of such. */
  #depth = 0;
  /** The group on its way; it never rejects. */
  #committing: Promise<void> | undefined;
  /** The group that could not be kept. */
  #failed: Group | undefined;
  #lastError: unknown;

  constructor(storage: Storage, events: CommitEvents) {
    this.#storage = storage;
    this.#events = events;
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

  /** Gives what was written to the storage, at the end of a turn. */
  flush(): void {
    if (this.#changes.length === 0 || this.#committing !== undefined || this.#failed !== undefined) return;
    if (this.#depth > 0) return; // What is all or nothing is not complete.
    if (this.#lostBy !== undefined) return;
    this.#give(this.#take([], 0));
  }

  /** Gives the storage again what it could not keep, and what was written since. */
  retry(): void {
    if (this.#failed === undefined || this.#committing !== undefined || this.#lostBy !== undefined) return;
    if (this.#depth > 0) return;
    const { changes, bytes } = this.#failed;
    this.#failed = undefined;
    this.#give(this.#take(changes, bytes));
    if (this.#committing === undefined) this.#events.durable();
  }

  /** The storage is lost: it is given nothing more, and nothing that waits for it is ever durable. */
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

  /** All that waits, behind what failed before. */
  #take(failed: readonly CommitItem[], failedBytes: number): Group {
    const fresh = this.#bounds.length === 0 ? this.#changes.filter(isThere) : grouped(this.#changes, this.#bounds);
    const bytes = fresh.reduce((sum, change) => sum + sizeOf(change), failedBytes);
    this.#changes = [];
    this.#bounds = [];
    this.#takenSequence = this.writtenSequence;
    const ahead = this.#events.ahead?.();
    if (ahead !== undefined) fresh.unshift(ahead);
    const changes = failed.length === 0 ? fresh : withoutReplacedWills([...failed, ...fresh]);
    return { changes, until: this.writtenSequence, bytes };
  }

  #give(group: Group): void {
    const committed = group.changes.length === 0 ? undefined : this.#commit(group.changes);
    if (committed === undefined) this.#keptGroup(group);
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
    try {
      await committed;
    } catch (error) {
      this.#committing = undefined;
      this.#failed = group;
      this.isFailing = true;
      this.failedCommits += 1;
      if (this.#lostBy !== undefined) return; // It was told.
      this.#lastError = error;
      this.#events.failed(error, this.durableSequence, group.until); // Whoever waits for them is closed by it.
      return;
    }
    this.#committing = undefined;
    this.#keptGroup(group);
    this.flush();
    this.#events.durable();
  }

  #keptGroup({ until, bytes, changes }: Group): void {
    this.isFailing = false;
    if (changes.length > 0) this.commits += 1;
    this.changes += changes.length;
    this.durableSequence = until;
    this.pendingBytes -= bytes;
  }
}

/** Changes with those that are all or nothing in one {@linkcode Transaction}. */
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
 * Changes that are given again, without Wills that others have replaced. Any prefix may be kept already: a crash within the
 * repetition would bring a Will back that was published behind it.
 */
function withoutReplacedWills(changes: readonly CommitItem[]): CommitItem[] {
  const clientIds = new Set<string>();
  const kept: CommitItem[] = [];
  for (const change of changes.toReversed()) {
    const isReplaced = change.kind === "will" && change.will !== undefined && clientIds.has(change.clientId);
    if (!isReplaced) kept.push(change);
    for (const fact of change.kind === "transaction" ? change.changes : [change]) {
      if (fact.kind === "will") clientIds.add(fact.clientId);
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
      return change.changes.reduce((sum, fact) => sum + sizeOf(fact), 0);
    case "queued":
      return change.message.size + CHANGE_BYTES;
    case "retained":
      return (change.message?.size ?? 0) + CHANGE_BYTES;
    default:
      return CHANGE_BYTES;
  }
}

const RETRY_MS = 1_000;
const FAILURE_TOLD_EVERY_MS = 60_000;

/** What it needs of its broker. */
export interface CommitOutcomeHost {
  readonly commits: CommitQueue;
  readonly storageWait: StorageWait;
  readonly turn: Turn;
  readonly connections: Iterable<ServedConnection>;
  clock(): number;
  onEvent(event: BrokerEvent): void;
}

/** What follows when the storage has kept changes, or could not: for connections that wait for that, and in events. */
export class CommitOutcome implements CommitEvents {
  readonly #host: CommitOutcomeHost;
  /** Connections that wait for the storage. */
  #held = new Set<ServedConnection>();
  #retriedMs = 0;
  /** When it is time to say again that the storage fails; 0: it does not. */
  #failureTellMs = 0;

  constructor(host: CommitOutcomeHost) {
    this.#host = host;
  }

  // Bound: connections get it without a call between.
  readonly flushWhenDurable = (served: ServedConnection): void => {
    this.#held.add(served);
  };

  /** It waits no longer: it is over. */
  ended(served: ServedConnection): void {
    this.#held.delete(served);
  }

  durable(): void {
    const { storageWait, turn, onEvent } = this.#host;
    storageWait.kept();
    if (this.#failureTellMs > 0) onEvent({ kind: "commitRecovered" });
    this.#failureTellMs = 0;
    const held = this.#held;
    this.#held = new Set();
    turn.flush(held);
  }

  failed(error: unknown, after: number, until: number): void {
    const { connections, clock, onEvent } = this.#host;
    const nowMs = clock();
    if (nowMs >= this.#failureTellMs) { // It is tried again every second.
      this.#failureTellMs = nowMs + FAILURE_TOLD_EVERY_MS;
      onEvent({ kind: "commitFailed", error });
    }
    for (const served of connections) {
      if (served.connection.outbox.isHeldBetween(after, until)) served.refuseHeld();
    }
  }

  /** Gives the storage once in a while again what it could not keep. */
  retry(nowMs: number): void {
    const { commits } = this.#host;
    if (!commits.isFailing || nowMs < this.#retriedMs + RETRY_MS) return;
    this.#retriedMs = nowMs;
    commits.retry();
  }
}

// How long a client waits for the storage before it is disconnected.
const LONGEST_WAIT_MS = 30_000;

/** Connections that wait for the storage: until it keeps again what it is given, or until it has caught up. */
export class StorageWait {
  readonly #commits: CommitQueue;
  readonly #deadlines: Deadlines;
  readonly #maximumPendingBytes: number;
  readonly #waiting = new Set<(isInTime: boolean) => void>();

  constructor(commits: CommitQueue, deadlines: Deadlines, maximumPendingBytes: number) {
    this.#commits = commits;
    this.#deadlines = deadlines;
    this.#maximumPendingBytes = maximumPendingBytes;
  }

  /** Whether more changes may be made. */
  get hasRoom(): boolean {
    if (this.#commits.pendingBytes > this.#maximumPendingBytes) this.#commits.flush(); // It may keep at once.
    return this.#commits.pendingBytes <= this.#maximumPendingBytes;
  }

  /** Resolves when something was kept: look at {@linkcode hasRoom} again; false: nothing was for too long. */
  room(nowMs: number): Promise<boolean> {
    return this.#wait(nowMs);
  }

  /** Answers when the storage keeps again, or when that has taken too long. */
  async keeping(nowMs: number): Promise<Answer> {
    return { kind: "storage", isKeeping: await this.#wait(nowMs) };
  }

  /** The storage has kept what it was given. */
  kept(): void {
    for (const answer of [...this.#waiting]) answer(true);
  }

  /** Nobody is to wait any longer. */
  close(): void {
    for (const answer of [...this.#waiting]) answer(false);
  }

  #wait(nowMs: number): Promise<boolean> {
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
}
