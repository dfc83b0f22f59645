import type { Change, CommitItem } from "../protocol/change.ts";

/**
 * Keeps changes and gives them back. It never routes and never calls back.
 *
 * Promises: changes are applied in the order of the list; one change is all or nothing, a list need not be; after a crash
 * a prefix of what was committed is there; when `commit` has resolved it is durable; a change applied twice is the same as
 * once. A change of a session that is not there says nothing.
 *
 * The next list comes when `commit` has resolved or rejected. After a rejection the same changes come again, with others
 * behind them, until they are kept: any prefix of them may be there already.
 */
export interface Storage {
  /** Whether what it keeps is there after the process has ended. */
  readonly isDurable: boolean;
  /**
   * Resolves, with the reason, when the storage is lost to its owner for good: another one has taken it over, or it is not
   * there any more. From then on it keeps nothing, and a commit under way rejects. It is pending as long as trying again
   * makes sense, also while commits fail. A storage that nobody else can get at needs none.
   */
  readonly lost?: Promise<Error>;
  /**
   * What routing needs: the clock first, then sessions with their expiry and Will, subscriptions and backlog, and retained
   * messages. Each session begins before whatever else is said of it.
   */
  restore(): AsyncIterable<Change>;
  /**
   * What one client left: Packet Identifiers of messages it has sent, then messages that are in flight or wait, in order,
   * `received` behind the message that it is about. Whoever reads may stop, and go on later behind a sequence: then only
   * messages with larger ones come. Messages that are kept while it is read come too.
   *
   * A read that ends has given all that is kept: where that cannot be said, because a commit has failed meanwhile, it waits
   * until it can be, or rejects.
   *
   * @param afterSequence 0: all
   */
  restoreSession(clientId: string, afterSequence?: number): AsyncIterable<Change>;
  /** Keeps changes; without a promise they are kept when it returns. A rejection: none of them is confirmed. */
  commit(changes: readonly CommitItem[]): void | Promise<void>;
  close(): Promise<void>;
}
