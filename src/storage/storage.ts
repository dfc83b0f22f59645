import type { Change, CommitItem } from "../protocol/change.ts";

/** Size of a storage on its disk. */
export interface StorageSize {
  /** Bytes in all. */
  readonly bytes: number;
  /** Bytes that are kept free for later changes. */
  readonly freeBytes: number;
}

/**
 * Keeps changes and gives them back. It never routes and never calls back.
 *
 * Promises: changes are applied in the order of the list; one change is all or nothing, a list need not be; after a
 * crash a prefix of what was committed is there; when `commit` has resolved it is durable; applying a change twice is
 * the same as once. A change of a session that does not exist has no effect.
 *
 * The next list comes after `commit` has resolved or rejected. After a rejection the same changes are committed again,
 * followed by others, until they are kept: any prefix of them may have been kept already.
 */
export interface Storage {
  /** Whether its contents outlive the process. */
  readonly isDurable: boolean;
  /**
   * Resolves, with the reason, when the storage is lost to its owner for good: another owner has taken it over, or it
   * no longer exists. From then on it keeps nothing, and a commit in progress rejects. It is pending as long as trying
   * again makes sense, also while commits fail. A storage that no other owner can reach needs none.
   */
  readonly lost?: Promise<Error>;
  /**
   * Gives the size of the file or files that it keeps all in, for metrics; it takes far less than a millisecond.
   * `undefined`: there is none, or it cannot be read now.
   */
  size?(): StorageSize | undefined;
  /**
   * Gives what routing needs: the clock first, then sessions with their expiry and Will, subscriptions and backlog, and
   * retained messages. Each session begins before anything else is said of it.
   */
  restore(): AsyncIterable<Change>;
  /**
   * Gives the messages of one client: Packet Identifiers of messages it has sent, then messages that are in flight or
   * wait, in order, `received` after the message that it is about. A reader may stop, and resume later after a
   * sequence: then only messages with larger ones come. Messages that are stored during the read come too.
   *
   * A read that ends has given everything that is stored: when that is uncertain, because a commit has failed
   * meanwhile, it waits until it is certain, or rejects.
   *
   * @param afterSequence 0: all
   */
  restoreSession(clientId: string, afterSequence?: number): AsyncIterable<Change>;
  /**
   * Keeps changes; without a promise they are kept when it returns. A rejection means that none of them is confirmed.
   */
  commit(changes: readonly CommitItem[]): void | Promise<void>;
  /** Releases what it uses, after everything that was committed is kept. It is not used again. */
  close(): Promise<void>;
}
