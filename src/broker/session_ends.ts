import type { ChangeLog } from "../protocol/change.ts";
import type { SharedMessage } from "../protocol/session.ts";
import type { Deadlines } from "./deadlines.ts";
import type { BrokerEvent } from "./events.ts";
import type { RegisteredClient } from "./registered_client.ts";
import type { Router } from "./router.ts";
import type { SessionPages } from "./session_pages.ts";
import type { Turn } from "./turn.ts";
import type { Wills } from "./wills.ts";

// Pause before a session is ended again, when the storage could not say what it shares.
const END_AGAIN_MS = 1_000;

/** Ends sessions: when they expire, when Clean Start replaces them, and with their connection (MQTT 5, section 4.1). */
export class SessionEnds {
  /** Sessions that have expired since the broker was opened. */
  expiredCount = 0;
  readonly #clients: Map<string, RegisteredClient>;
  readonly #commits: ChangeLog;
  readonly #deadlines: Deadlines;
  readonly #router: Router;
  readonly #pages: SessionPages;
  readonly #wills: Wills;
  readonly #turn: Turn;
  readonly #onEvent: (event: BrokerEvent) => void;

  /** @param parts.clients all that have a session, by Client Identifier; those whose session ends are taken out */
  constructor({ clients, commits, deadlines, router, pages, wills, turn, onEvent }: {
    readonly clients: Map<string, RegisteredClient>;
    readonly commits: ChangeLog;
    readonly deadlines: Deadlines;
    readonly router: Router;
    readonly pages: SessionPages;
    readonly wills: Wills;
    readonly turn: Turn;
    readonly onEvent: (event: BrokerEvent) => void;
  }) {
    this.#clients = clients;
    this.#commits = commits;
    this.#deadlines = deadlines;
    this.#router = router;
    this.#pages = pages;
    this.#wills = wills;
    this.#turn = turn;
    this.#onEvent = onEvent;
  }

  /** Ends a session that has expired or is ending already; rejects when the storage cannot say what it shares. */
  async endNow(client: RegisteredClient): Promise<void> {
    if (client.restoring !== undefined) return await client.restoring;
    const hasExpired = client.hasExpired(this.#turn.now());
    await this.end(client);
    if (hasExpired) this.expiredCount += 1;
  }

  /** Ends a session at a time, unless a connection has it by then. */
  expireAt(client: RegisteredClient, expiresAtMs: number): void {
    this.#deadlines.cancel(client.expiry);
    if (expiresAtMs === Infinity) return;
    client.expiry = this.#deadlines.add(expiresAtMs, () => {
      if (client.owner === undefined) this.endOrRetry(client, () => this.expiredCount += 1);
    });
  }

  /** Ends a session without connection, and tries again when the storage cannot say what it shares. */
  endOrRetry(client: RegisteredClient, ended = () => {}): void {
    client.isEnding = true;
    this.end(client).then(ended, (error: unknown) => {
      this.#onEvent({ kind: "readFailed", clientId: client.session.clientId, error });
      this.expireAt(client, this.#turn.now() + END_AGAIN_MS);
    });
  }

  /**
   * Ends a session without connection; messages that its Shared Subscriptions left in the storage go to other members.
   * Rejects when the storage cannot say which: then nothing has changed.
   */
  async end(client: RegisteredClient): Promise<void> {
    const { session } = client;
    const subscriptions = [...session.subscriptions.values()];
    if (!session.isDurable || !subscriptions.some(({ filter }) => filter.shareName !== undefined)) {
      this.endAtOnce(client, []);
      return;
    }
    for (const subscription of subscriptions) this.#router.unsubscribe(session, subscription); // Nothing more comes to it.
    const read = client.beginRestoring();
    const { isEnding } = client;
    client.isEnding = true;
    let shared: SharedMessage[];
    try {
      shared = await this.#pages.sharedMessages(session.clientId);
    } catch (error) {
      for (const subscription of subscriptions) this.#router.subscribe(session, subscription);
      client.isEnding = isEnding;
      throw error;
    } finally {
      read();
    }
    this.endAtOnce(client, shared);
  }

  /**
   * Ends a session and its subscriptions in this turn: its Will comes now if it still waited, and other members get its
   * shared messages. All or nothing: what others get must not be lost with it.
   */
  endAtOnce(client: RegisteredClient, shared: readonly SharedMessage[]): void {
    const { session } = client;
    if (this.#clients.get(session.clientId) !== client) return;
    this.#clients.delete(session.clientId);
    this.#deadlines.cancel(client.expiry);
    for (const subscription of session.subscriptions.values()) this.#router.unsubscribe(session, subscription);
    this.#commits.begin();
    try {
      this.#wills.sessionEnded(client, this.#turn.now());
      this.#redistribute(shared);
      if (session.isDurable) this.#commits.write({ kind: "sessionEnded", clientId: session.clientId });
    } finally {
      this.#commits.end();
    }
    client.counted?.end();
  }

  /** Gives messages that a member of a Shared Subscription did not get to another one, if there is one (section 4.8.2). */
  #redistribute(messages: readonly SharedMessage[]): void {
    const nowMs = this.#turn.now();
    for (const { message, sharedFilter } of messages) {
      if (nowMs < message.expiresAtMs) this.#router.redistribute(message, sharedFilter, nowMs);
    }
  }
}
