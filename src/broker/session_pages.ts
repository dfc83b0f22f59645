import { ApplicationMessage } from "../protocol/message.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { Connection } from "../protocol/connection.ts";
import { mayGoToAnother, type Session, type SharedMessage } from "../protocol/session.ts";
import type { Storage } from "../storage/storage.ts";
import type { CommitQueue } from "./commits.ts";
import type { BrokerEvent } from "./events.ts";
import type { Turn } from "./turn.ts";

/** A connection, as far as the pages of its session need to know it. */
type PagedConnection = Pick<Connection, "clientId" | "closing" | "session" | "disconnect">;

/**
 * Reads back what the storage has of a session, page by page: a queue may be larger than the memory that its client should
 * take. A page begins after the last message of the one before, and is read when few of its messages are left.
 */
export class SessionPages {
  readonly #storage: Storage;
  readonly #commits: Pick<CommitQueue, "settled">;
  readonly #turn: Pick<Turn, "now">;
  readonly #onEvent: (event: BrokerEvent) => void;
  /** Connections whose session gets a page. */
  readonly #loading = new Set<PagedConnection>();

  constructor({ storage, commits, turn, onEvent }: {
    readonly storage: Storage;
    readonly commits: Pick<CommitQueue, "settled">;
    readonly turn: Pick<Turn, "now">;
    readonly onEvent: (event: BrokerEvent) => void;
  }) {
    this.#storage = storage;
    this.#commits = commits;
    this.#turn = turn;
    this.#onEvent = onEvent;
  }

  /** Loads the next page for a connection whose session wants one, and sends what it can of it; one page at a time. */
  load(connection: PagedConnection): void {
    const { session } = connection;
    if (session === undefined || this.#loading.has(connection)) return;
    this.#loading.add(connection);
    this.#load(connection, session).catch((error: unknown) => {
      this.tellReadFailed(connection, error);
      connection.disconnect(ReasonCode.ImplementationSpecificError, "the session could not be read");
    });
  }

  /**
   * Reads one page of a session, as long as the connection that it is for is not closing. Rejects when the storage cannot say
   * what was in it.
   */
  async read(session: Session, connection: PagedConnection): Promise<void> {
    const { until, after } = session.beginPage();
    await this.#commits.settled();
    for await (const change of this.#storage.restoreSession(session.clientId, after)) {
      if (connection.closing !== undefined) return;
      session.restore(change);
      if (session.isPageFull) return;
    }
    if (connection.closing === undefined) session.endPage(until);
  }

  /** Messages of Shared Subscriptions that a session leaves to other members when it ends (MQTT 5, section 4.8.2). */
  async sharedMessages(clientId: string): Promise<SharedMessage[]> {
    await this.#commits.settled();
    const messages: SharedMessage[] = [];
    for await (const change of this.#storage.restoreSession(clientId)) {
      if (change.kind !== "queued" || change.sharedFilter === undefined) continue;
      const { message, sharedFilter, qos, packetIdentifier } = change;
      if (mayGoToAnother(qos, packetIdentifier)) {
        messages.push({ message: ApplicationMessage.of(message), sharedFilter });
      }
    }
    return messages;
  }

  /** Reports that a session could not be read, unless its connection ends anyway. */
  tellReadFailed({ closing, clientId }: PagedConnection, error: unknown): void {
    if (closing === undefined) this.#onEvent({ kind: "readFailed", clientId, error });
  }

  async #load(connection: PagedConnection, session: Session): Promise<void> {
    try {
      await this.read(session, connection);
    } finally {
      this.#loading.delete(connection);
    }
    if (connection.closing === undefined) session.pump(this.#turn.now());
  }
}
