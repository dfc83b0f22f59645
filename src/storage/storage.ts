import type { Change } from "../protocol/change.ts";

/**
 * Keeps changes and gives them back. It never routes and never calls back.
 *
 * Promises: changes are applied in the order of the list; one change is all or nothing, a list need not be; after a crash
 * a prefix of what was committed is there; when `commit` has resolved it is durable; a change applied twice is the same as
 * once.
 */
export interface Storage {
  /** Whether what it keeps is there after the process has ended. */
  readonly isDurable: boolean;
  /** What routing needs: sessions with their expiry, subscriptions and backlog, and retained messages. */
  restore(): AsyncIterable<Change>;
  /** What one client left: messages that wait or are in flight, in order, and identifiers of messages it has sent. */
  restoreSession(clientId: string): AsyncIterable<Change>;
  /** Keeps changes; without a promise they are kept when it returns. A rejection: none of them is confirmed. */
  commit(changes: readonly Change[]): void | Promise<void>;
  close(): Promise<void>;
}
