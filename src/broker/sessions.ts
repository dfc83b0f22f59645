import { networkOf } from "../auth/throttle.ts";
import type { Will } from "../codec/packet.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { ClientIdentity } from "../protocol/access.ts";
import type { Ask } from "../protocol/connection_host.ts";
import type { Change } from "../protocol/change.ts";
import { Session } from "../protocol/session.ts";
import { identityBytes, type SessionLimit, willBytes } from "../protocol/session_holding.ts";
import type { SessionContext } from "../protocol/session_context.ts";
import type { Peer } from "../transport/transport.ts";
import type { CommitQueue } from "./commits.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Router } from "./router.ts";
import type { ConnectionHandle } from "./connection/connections.ts";
import type { BrokerEvent } from "./events.ts";
import type { SubscriptionReview } from "./access/review.ts";
import { SessionEnds } from "./session_ends.ts";
import { RegisteredClient } from "./registered_client.ts";
import type { SessionPages } from "./session_pages.ts";
import type { SessionBeginner, SessionQuota } from "./session_quota.ts";
import type { Turn } from "./turn.ts";
import type { Wills } from "./wills.ts";

export type OpenSession = Extract<Ask, { kind: "openSession" }>;

export interface OpenedSession {
  readonly session: Session;
  readonly isPresent: boolean;
}

/** Registry of all sessions by Client Identifier: opens, takes over, resumes and ends them (MQTT 5, section 4.1). */
export class Sessions {
  readonly #context: SessionContext;
  readonly #commits: CommitQueue;
  readonly #deadlines: Deadlines;
  readonly #router: Router;
  readonly #quota: SessionQuota;
  readonly #pages: SessionPages;
  readonly #wills: Wills;
  readonly #review: SubscriptionReview;
  readonly #turn: Turn;
  readonly #onEvent: (event: BrokerEvent) => void;
  readonly #clients = new Map<string, RegisteredClient>();
  readonly #ends: SessionEnds;
  #most = 0;

  constructor({ context, commits, deadlines, router, sessionQuota, pages, wills, review, turn, onEvent }: {
    readonly context: SessionContext;
    readonly commits: CommitQueue;
    readonly deadlines: Deadlines;
    readonly router: Router;
    readonly sessionQuota: SessionQuota;
    readonly pages: SessionPages;
    readonly wills: Wills;
    readonly review: SubscriptionReview;
    readonly turn: Turn;
    readonly onEvent: (event: BrokerEvent) => void;
  }) {
    this.#context = context;
    this.#commits = commits;
    this.#deadlines = deadlines;
    this.#router = router;
    this.#quota = sessionQuota;
    this.#pages = pages;
    this.#wills = wills;
    this.#review = review;
    this.#turn = turn;
    this.#onEvent = onEvent;
    const clients = this.#clients;
    this.#ends = new SessionEnds({ clients, commits, deadlines, router, pages, wills, turn, onEvent });
  }

  get size(): number {
    return this.#clients.size;
  }

  /** Most sessions that there were at once since the broker was opened. */
  get most(): number {
    return this.#most;
  }

  /** Sessions that have expired since the broker was opened. */
  get expiredCount(): number {
    return this.#ends.expiredCount;
  }

  *[Symbol.iterator](): Generator<Session, void> {
    for (const { session } of this.#clients.values()) yield session;
  }

  /** Clients that have a session. */
  clients(): Iterable<RegisteredClient> {
    return this.#clients.values();
  }

  has(clientId: string): boolean {
    return this.#clients.has(clientId);
  }

  /** Connection that has the session of a client, or is about to get it; `undefined`: none, or one of another principal. */
  ownerOf({ clientId, principal }: Pick<ClientIdentity, "clientId" | "principal">): ConnectionHandle | undefined {
    const client = this.#clients.get(clientId);
    return client?.principal === principal ? client?.owner : undefined;
  }

  /**
   * Begins a session for a client that has none, without a promise, or gives the limit that forbids it; `undefined`: there is
   * one, see {@linkcode open}.
   */
  openNew(ask: OpenSession, served: ConnectionHandle): Session | SessionLimit | undefined {
    if (this.has(ask.terms.clientId)) return undefined;
    return this.#limitOf(ask, served, undefined) ?? this.#begin(ask, served);
  }

  /**
   * Gives a connection its session, or the limit that forbids it; `undefined`: another connection took over in the meantime;
   * `notYours`: it belongs to another principal. Rejects when the storage cannot say what the session was.
   */
  async open(
    ask: OpenSession,
    served: ConnectionHandle,
  ): Promise<OpenedSession | "notYours" | SessionLimit | undefined> {
    const { connect, terms: { clientId, sessionExpirySeconds } } = ask;
    for (;;) {
      const known = this.#clients.get(clientId);
      if (known?.owner?.connection.closing !== undefined) {
        this.connectionEnded(known.owner); // It is closing in this turn.
        continue;
      }
      if (known !== undefined && (known.isEnding || known.hasExpired(this.#turn.now()))) {
        await this.#ends.endNow(known); // Then any principal may have the Client Identifier.
        if (served.connection.closing !== undefined) return undefined;
        continue;
      }
      if (known !== undefined && known.principal !== served.connection.principal) return "notYours";
      const limit = this.#limitOf(ask, served, known);
      if (limit !== undefined) return limit;
      const owner = known?.owner;
      if (owner !== undefined) this.#takeOver(owner);
      const client = this.#clients.get(clientId);
      if (client?.restoring !== undefined) {
        client.newest = served;
        await client.restoring; // The connection that was about to get it lets go of it first.
        if (client.newest !== served) return undefined; // Each is taken over by the next one. [MQTT-3.1.4-3]
        client.newest = undefined; // A session without connection should hold none.
      } else if (client === undefined) {
        return { session: this.#begin(ask, served), isPresent: false };
      } else if (!connect.cleanStart) {
        return await this.#resume(client, sessionExpirySeconds, served, connect.will); // [MQTT-3.1.2-5]
      } else {
        client.owner = served;
        await this.#ends.end(client); // [MQTT-3.1.2-4]
      }
      if (served.connection.closing !== undefined) return undefined;
    }
  }

  /** Publishes the Will of a connection that is over, and ends its session or lets it wait. */
  connectionEnded(served: ConnectionHandle): void {
    const { connection } = served;
    const client = this.#clients.get(connection.clientId);
    if (client?.owner !== served) return;
    client.owner = undefined;
    const { session } = client;
    const nowMs = this.#turn.now();
    const hadSession = connection.session === session; // Not while it is restored.
    const isStored = session.isDurable;
    const shared = hadSession && !isStored ? session.sharedMessages() : []; // Else they are in the storage.
    if (hadSession || client.restoring === undefined) session.detach();
    const { will } = connection;
    connection.will = undefined; // Once only. [MQTT-3.1.2-10]
    if (!hadSession && client.will?.publishAtMs !== undefined) this.#wills.wait(client); // It was not back in time.
    else if (!hadSession || will === undefined) this.#wills.set(client, undefined);
    else this.#wills.connectionLost(client, will, nowMs);
    if (!session.livesOn) { // [MQTT-4.1.0-2]
      if (isStored) this.#ends.endOrRetry(client);
      else this.#ends.endAtOnce(client, shared);
      return;
    }
    const expiresAtMs = session.expiresAtMs(nowMs);
    this.#ends.expireAt(client, expiresAtMs);
    this.#writeExpiry(client, expiresAtMs);
  }

  /** The client with a Client Identifier, if it has a session. */
  find(clientId: string): RegisteredClient | undefined {
    return this.#clients.get(clientId);
  }

  /**
   * Ends a session as the operator wants it, and before that its connection; false: there is none. Rejects when the storage
   * cannot say what it shares.
   */
  async endNow(clientId: string, reason: string): Promise<boolean> {
    let isEnded = false;
    for (;;) {
      const client = this.#clients.get(clientId);
      if (client === undefined) return isEnded;
      if (client.restoring !== undefined) {
        await client.restoring; // Its connection has it then, or it has ended.
        continue;
      }
      const { owner } = client;
      if (owner !== undefined) {
        owner.connection.disconnect(ReasonCode.AdministrativeAction, reason);
        this.connectionEnded(owner);
      }
      isEnded = true;
      if (this.#clients.get(clientId) !== client) return true; // It ended with its connection.
      if (client.restoring === undefined) await this.#ends.end(client);
    }
  }

  /** Takes back a change of a session from the storage when the broker is opened; sessions that have expired end. */
  restore(change: Change): void {
    if (!("clientId" in change)) return;
    const { clientId } = change;
    if (change.kind === "sessionStarted") {
      const { principal, network } = change;
      const counted = this.#quota.begin({ clientId, principal, network });
      const session = new Session(clientId, this.#context, counted);
      this.#register(clientId, new RegisteredClient(session, principal, counted));
      return;
    }
    const client = this.#clients.get(clientId);
    if (client === undefined) return;
    const { session } = client;
    switch (change.kind) {
      case "sessionExpiry": {
        session.sessionExpirySeconds = change.sessionExpirySeconds;
        const expiresAtMs = change.expiresAtMs ?? session.expiresAtMs(this.#turn.now());
        this.#ends.expireAt(client, expiresAtMs);
        // Without a time it was online when the broker ended: its expiry begins now.
        if (change.expiresAtMs === undefined) this.#writeExpiry(client, expiresAtMs);
        return;
      }
      case "will": {
        const { will, publishAtMs, source } = change;
        client.will = will && { will, publishAtMs, source, deadline: undefined };
        return;
      }
      case "subscribed":
        this.#router.subscribe(session, change.subscription);
        session.restore(change);
        return;
      default:
        session.restore(change);
    }
  }

  /** Resumes the wait of Wills when all was restored; those that are due come at once. */
  endRestore(): void {
    const nowMs = this.#turn.now();
    for (const client of this.#clients.values()) this.#wills.restored(client, nowMs);
  }

  /** Limit that forbids a client to begin its session, or to come back to it with a larger Will. */
  #limitOf(
    { connect, terms: { sessionExpirySeconds } }: OpenSession,
    { connection: { identity }, transport: { peer } }: ConnectionHandle,
    known: RegisteredClient | undefined,
  ): SessionLimit | undefined {
    const bytes = willBytes(connect.will);
    const counted = known?.counted;
    if (counted !== undefined && !connect.cleanStart) {
      return this.#quota.limitOfGrowth(counted, bytes - willBytes(known?.will?.will));
    }
    if (sessionExpirySeconds === 0) return undefined;
    return this.#quota.limitOfBeginning(beginnerOf(identity, peer), bytes + identityBytes(identity), counted);
  }

  #begin(
    { connect: { will }, terms: { clientId, sessionExpirySeconds } }: OpenSession,
    owner: ConnectionHandle,
  ): Session {
    const { connection: { identity, principal }, transport: { peer } } = owner;
    const beginner = beginnerOf(identity, peer);
    const counted = sessionExpirySeconds > 0 ? this.#quota.begin(beginner) : undefined;
    const session = new Session(clientId, this.#context, counted);
    session.sessionExpirySeconds = sessionExpirySeconds;
    const client = new RegisteredClient(session, principal, counted);
    session.identity = identity;
    client.owner = owner;
    this.#register(clientId, client);
    if (session.isDurable) {
      const { network } = beginner;
      this.#commits.write({
        kind: "sessionStarted",
        clientId,
        principal,
        ...network === undefined ? {} : { network },
      });
      this.#writeExpiry(client, undefined);
      this.#wills.set(client, will);
    }
    return session;
  }

  #register(clientId: string, client: RegisteredClient): void {
    this.#clients.set(clientId, client);
    this.#most = Math.max(this.#most, this.size);
  }

  async #resume(
    client: RegisteredClient,
    sessionExpirySeconds: number,
    served: ConnectionHandle,
    will: Will | undefined,
  ): Promise<OpenedSession | undefined> {
    client.owner = served;
    this.#deadlines.cancel(client.expiry);
    this.#wills.stopWaiting(client);
    const { session } = client;
    session.identity = served.connection.identity;
    const restored = client.beginRestoring();
    session.beginRestore();
    try {
      await this.#pages.read(session, served.connection);
      // Last of all: rules that change from now on find the client connected.
      if (session.subscriptions.size > 0) await this.#review.resumed(served, session);
    } finally {
      if (client.owner !== served) session.detach(); // Its connection is gone.
      restored();
    }
    if (client.owner !== served) return undefined;
    session.sessionExpirySeconds = sessionExpirySeconds;
    this.#writeExpiry(client, undefined);
    this.#wills.set(client, will);
    return { session, isPresent: true };
  }

  #takeOver(owner: ConnectionHandle): void {
    const { connection: { clientId }, transport: { peer } } = owner;
    this.#onEvent({ kind: "clientTakenOver", peer, clientId });
    // [MQTT-3.1.4-3]
    owner.connection.disconnect(ReasonCode.SessionTakenOver, "another connection has the same Client Identifier");
    this.connectionEnded(owner);
  }

  #writeExpiry(client: RegisteredClient, expiresAtMs: number | undefined): void {
    const { clientId, sessionExpirySeconds, isDurable } = client.session;
    if (!isDurable) return;
    this.#commits.write({ kind: "sessionExpiry", clientId, sessionExpirySeconds, expiresAtMs });
  }
}

/** Bounds a client that has a principal by that, wherever it comes from; any other by its network. */
function beginnerOf({ clientId, principal }: ClientIdentity, { address }: Peer): SessionBeginner {
  return { clientId, principal, network: principal === undefined ? networkOf(address) : undefined };
}
