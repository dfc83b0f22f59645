import { networkOf } from "../auth/failure_limit.ts";
import type { Will } from "../codec/packet.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { ClientIdentity } from "../protocol/access.ts";
import type { Ask } from "../protocol/ask.ts";
import type { Change } from "../protocol/change.ts";
import type { ApplicationMessage } from "../protocol/message.ts";
import { Session, type SharedMessage } from "../protocol/session.ts";
import { identityBytes, type SessionLimit, willBytes } from "../protocol/session_holding.ts";
import type { SessionContext } from "../protocol/session_context.ts";
import type { Peer } from "../transport/transport.ts";
import type { CommitQueue } from "./commits.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import type { Router } from "./router.ts";
import type { ConnectionHandle } from "./connection/connections.ts";
import type { SessionPages } from "./session_pages.ts";
import type { CountedSession, SessionBeginner, SessionQuota } from "./session_quota.ts";
import { setWill, type WillOwner, Wills } from "./wills.ts";

// A session that could not be ended, because the storage could not say what it shares.
const END_AGAIN_MS = 1_000;

export type OpenSession = Extract<Ask, { kind: "openSession" }>;

export interface OpenedSession {
  readonly session: Session;
  readonly isPresent: boolean;
}

/** A client that has a session, with or without a connection. */
interface Client extends WillOwner {
  /** Whose it is: nobody else gets it. */
  readonly principal: string | undefined;
  /** `undefined`: it ends with its connection, and is not bounded. */
  readonly counted: CountedSession | undefined;
  /** The connection that has the session, or is about to get it. */
  owner: ConnectionHandle | undefined;
  /** Resolves when the session is restored from the storage, or has ended; it never rejects. */
  restoring: Promise<void> | undefined;
  /** Whether it is to end, and nobody gets it any more: only what it shares has still to be read. */
  isEnding: boolean;
  /** The last connection that waits for it while it is restored. */
  newest: ConnectionHandle | undefined;
  expiry: Deadline | undefined;
}

/** What the sessions need of their broker. */
export interface SessionsHost {
  readonly context: SessionContext;
  readonly pages: SessionPages;
  readonly commits: CommitQueue;
  readonly deadlines: Deadlines;
  readonly router: Router;
  readonly sessionQuota: SessionQuota;
  now(): number;
  /** Whether the broker ends. */
  isClosing(): boolean;
  publishWill(message: ApplicationMessage, identity: ClientIdentity, nowMs: number): void;
  /** Whether a client may still publish its Will. */
  mayPublish(message: ApplicationMessage, identity: ClientIdentity): boolean | Promise<boolean>;
  /** Ends subscriptions that the client may not have any more; rejects where nobody can say. */
  reviewSubscriptions(session: Session, served: ConnectionHandle): Promise<void>;
  takenOver(served: ConnectionHandle): void;
  readFailed(clientId: string, error: unknown): void;
}

/** All sessions by Client Identifier: who owns one, what comes back of it, and when it ends (MQTT 5, section 4.1). */
export class Sessions {
  readonly #host: SessionsHost;
  readonly #clients = new Map<string, Client>();
  readonly #wills: Wills;
  /** Sessions that have expired since the broker was opened. */
  expiredCount = 0;

  constructor(host: SessionsHost) {
    this.#host = host;
    this.#wills = new Wills(host);
  }

  get size(): number {
    return this.#clients.size;
  }

  *[Symbol.iterator](): Generator<Session, void> {
    for (const { session } of this.#clients.values()) yield session;
  }

  has(clientId: string): boolean {
    return this.#clients.has(clientId);
  }

  /** The connection that has the session of a client, or is about to get it; `undefined`: none, or somebody else's. */
  ownerOf({ clientId, principal }: Pick<ClientIdentity, "clientId" | "principal">): ConnectionHandle | undefined {
    const client = this.#clients.get(clientId);
    return client?.principal === principal ? client?.owner : undefined;
  }

  /**
   * A session for a client that has none, which nobody has to wait for, or the limit that forbids it; `undefined`: it has one,
   * see {@linkcode open}.
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
      if (known !== undefined && (known.isEnding || this.#hasExpired(known))) {
        await this.#endNow(known); // Then the Client Identifier is free for everybody.
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
        await client.restoring; // The connection that was about to get it has to be through with it.
        if (client.newest !== served) return undefined; // Each is taken over by the next one. [MQTT-3.1.4-3]
        client.newest = undefined; // A session without connection should hold none.
      } else if (client === undefined) {
        return { session: this.#begin(ask, served), isPresent: false };
      } else if (!connect.cleanStart) {
        return await this.#resume(client, sessionExpirySeconds, served, connect.will); // [MQTT-3.1.2-5]
      } else {
        client.owner = served;
        await this.#end(client); // [MQTT-3.1.2-4]
      }
      if (served.connection.closing !== undefined) return undefined;
    }
  }

  /** A connection is over: publishes its Will, and ends its session or lets it wait. */
  connectionEnded(served: ConnectionHandle): void {
    const { connection } = served;
    const client = this.#clients.get(connection.clientId);
    if (client?.owner !== served) return;
    client.owner = undefined;
    const { session } = client;
    const nowMs = this.#host.now();
    const hadSession = connection.session === session; // Not while it is restored.
    const isStored = session.isDurable;
    const shared = hadSession && !isStored ? session.sharedMessages() : []; // Else they are in the storage.
    if (hadSession || client.restoring === undefined) session.detach();
    const { will } = connection;
    connection.will = undefined; // Once only. [MQTT-3.1.2-10]
    if (!hadSession && client.will?.publishAtMs !== undefined) this.#wills.wait(client); // Nobody has come in time.
    else if (!hadSession || will === undefined) this.#wills.set(client, undefined);
    else this.#wills.connectionLost(client, will, nowMs);
    if (!session.livesOn) { // [MQTT-4.1.0-2]
      if (isStored) this.#endOrTryAgain(client);
      else this.#forget(client, shared);
      return;
    }
    const expiresAtMs = session.expiresAtMs(nowMs);
    this.#expireAt(client, expiresAtMs);
    this.#writeExpiry(client, expiresAtMs);
  }

  /** Takes back what the storage kept of all sessions; those that expired in the meantime end. */
  restore(change: Change): void {
    if (!("clientId" in change)) return;
    const { clientId } = change;
    if (change.kind === "sessionStarted") {
      const { principal, network } = change;
      const counted = this.#host.sessionQuota.begin({ clientId, principal, network });
      const session = new Session(clientId, this.#host.context, counted);
      this.#clients.set(clientId, {
        session,
        principal,
        counted,
        owner: undefined,
        restoring: undefined,
        isEnding: false,
        newest: undefined,
        expiry: undefined,
        will: undefined,
      });
      return;
    }
    const client = this.#clients.get(clientId);
    if (client === undefined) return;
    const { session } = client;
    switch (change.kind) {
      case "sessionExpiry": {
        session.sessionExpirySeconds = change.sessionExpirySeconds;
        const expiresAtMs = change.expiresAtMs ?? session.expiresAtMs(this.#host.now());
        this.#expireAt(client, expiresAtMs);
        // Without a time it was online when the broker ended: its time begins now.
        if (change.expiresAtMs === undefined) this.#writeExpiry(client, expiresAtMs);
        return;
      }
      case "will": {
        const { will, publishAtMs, source } = change;
        setWill(client, will && { will, publishAtMs, source, deadline: undefined });
        return;
      }
      case "subscribed":
        this.#host.router.subscribe(session, change.subscription);
        session.restore(change);
        return;
      default:
        session.restore(change);
    }
  }

  /** All that the storage kept was restored: Wills wait on, and come at once where their time is over. */
  endRestore(): void {
    const nowMs = this.#host.now();
    for (const client of this.#clients.values()) this.#wills.restored(client, nowMs);
  }

  /** The limit that forbids a client to begin its session, or to come back to it with a larger Will. */
  #limitOf(
    { connect, terms: { sessionExpirySeconds } }: OpenSession,
    { connection: { identity }, transport: { peer } }: ConnectionHandle,
    known: Client | undefined,
  ): SessionLimit | undefined {
    const { sessionQuota } = this.#host;
    const bytes = willBytes(connect.will);
    const counted = known?.counted;
    if (counted !== undefined && !connect.cleanStart) {
      return sessionQuota.limitOfGrowth(counted, bytes - willBytes(known?.will?.will));
    }
    if (sessionExpirySeconds === 0) return undefined;
    return sessionQuota.limitOfBeginning(beginnerOf(identity, peer), bytes + identityBytes(identity), counted);
  }

  #begin(
    { connect: { will }, terms: { clientId, sessionExpirySeconds } }: OpenSession,
    owner: ConnectionHandle,
  ): Session {
    const { connection: { identity, principal }, transport: { peer } } = owner;
    const beginner = beginnerOf(identity, peer);
    const counted = sessionExpirySeconds > 0 ? this.#host.sessionQuota.begin(beginner) : undefined;
    const session = new Session(clientId, this.#host.context, counted);
    session.sessionExpirySeconds = sessionExpirySeconds;
    session.identity = identity;
    const client: Client = {
      session,
      principal,
      counted,
      owner,
      restoring: undefined,
      isEnding: false,
      newest: undefined,
      expiry: undefined,
      will: undefined,
    };
    this.#clients.set(clientId, client);
    if (session.isDurable) {
      const { network } = beginner;
      this.#host.commits.write({
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

  async #resume(
    client: Client,
    sessionExpirySeconds: number,
    served: ConnectionHandle,
    will: Will | undefined,
  ): Promise<OpenedSession | undefined> {
    client.owner = served;
    this.#host.deadlines.cancel(client.expiry);
    this.#wills.stopWaiting(client);
    const { session } = client;
    session.identity = served.connection.identity;
    const resolve = beginRestoring(client);
    session.beginRestore();
    try {
      await this.#host.pages.read(session, served.connection);
      // Last of all: rules that change behind it find the client connected.
      if (session.subscriptions.size > 0) await this.#host.reviewSubscriptions(session, served);
    } finally {
      client.restoring = undefined;
      if (client.owner !== served) session.detach(); // The connection is gone that it was for.
      resolve();
    }
    if (client.owner !== served) return undefined;
    session.sessionExpirySeconds = sessionExpirySeconds;
    this.#writeExpiry(client, undefined);
    this.#wills.set(client, will);
    return { session, isPresent: true };
  }

  /** Whether its deadline has come, though it was not served yet. */
  #hasExpired({ owner, expiry }: Client): boolean {
    return owner === undefined && expiry !== undefined && expiry.place >= 0 && expiry.dueMs <= this.#host.now();
  }

  /** Ends a session whose time is over. Rejects when the storage cannot say what it shares. */
  async #endNow(client: Client): Promise<void> {
    if (client.restoring !== undefined) return await client.restoring;
    const hasExpired = this.#hasExpired(client);
    await this.#end(client);
    if (hasExpired) this.expiredCount += 1;
  }

  #expireAt(client: Client, expiresAtMs: number): void {
    this.#host.deadlines.cancel(client.expiry);
    if (expiresAtMs === Infinity) return;
    client.expiry = this.#host.deadlines.add(expiresAtMs, () => {
      if (client.owner === undefined) this.#endOrTryAgain(client, () => this.expiredCount += 1);
    });
  }

  #endOrTryAgain(client: Client, ended = () => {}): void {
    client.isEnding = true;
    this.#end(client).then(ended, (error: unknown) => {
      this.#host.readFailed(client.session.clientId, error);
      this.#expireAt(client, this.#host.now() + END_AGAIN_MS);
    });
  }

  /**
   * Ends a session without connection; what its Shared Subscriptions left in the storage goes to other members. Rejects
   * when the storage cannot say what that is: then nothing has changed.
   */
  async #end(client: Client): Promise<void> {
    const { session } = client;
    const subscriptions = [...session.subscriptions.values()];
    if (!session.isDurable || !subscriptions.some(({ filter }) => filter.shareName !== undefined)) {
      this.#forget(client, []);
      return;
    }
    const { router } = this.#host;
    for (const subscription of subscriptions) router.unsubscribe(session, subscription); // Nothing more comes to it.
    const resolve = beginRestoring(client);
    const { isEnding } = client;
    client.isEnding = true;
    let shared: SharedMessage[];
    try {
      shared = await this.#host.pages.sharedMessages(session.clientId);
    } catch (error) {
      for (const subscription of subscriptions) router.subscribe(session, subscription);
      client.isEnding = isEnding;
      throw error;
    } finally {
      client.restoring = undefined;
      resolve();
    }
    this.#forget(client, shared);
  }

  /** Messages that a member of a Shared Subscription did not get go to another one, if there is one (section 4.8.2). */
  #redistribute(messages: readonly SharedMessage[]): void {
    const nowMs = this.#host.now();
    for (const { message, sharedFilter } of messages) {
      if (nowMs < message.expiresAtMs) this.#host.router.redistribute(message, sharedFilter, nowMs);
    }
  }

  #takeOver(owner: ConnectionHandle): void {
    this.#host.takenOver(owner);
    // [MQTT-3.1.4-3]
    owner.connection.disconnect(ReasonCode.SessionTakenOver, "another connection has the same Client Identifier");
    this.connectionEnded(owner);
  }

  /**
   * Ends a session: with it go its subscriptions, its Will comes now if it still waited, and others get what it has
   * shared. All or nothing: what others get must not be lost with it.
   */
  #forget(client: Client, shared: readonly SharedMessage[]): void {
    const { session } = client;
    if (this.#clients.get(session.clientId) !== client) return;
    this.#clients.delete(session.clientId);
    const { deadlines, router, commits } = this.#host;
    deadlines.cancel(client.expiry);
    for (const subscription of session.subscriptions.values()) router.unsubscribe(session, subscription);
    commits.begin();
    try {
      this.#wills.sessionEnded(client, this.#host.now());
      this.#redistribute(shared);
      if (session.isDurable) commits.write({ kind: "sessionEnded", clientId: session.clientId });
    } finally {
      commits.end();
    }
    client.counted?.end();
  }

  #writeExpiry(client: Client, expiresAtMs: number | undefined): void {
    const { clientId, sessionExpirySeconds, isDurable } = client.session;
    if (!isDurable) return;
    this.#host.commits.write({ kind: "sessionExpiry", clientId, sessionExpirySeconds, expiresAtMs });
  }
}

/** A client that has a principal is bounded by that, wherever it comes from. */
function beginnerOf({ clientId, principal }: ClientIdentity, { address }: Peer): SessionBeginner {
  return { clientId, principal, network: principal === undefined ? networkOf(address) : undefined };
}

/** Nobody else gets the session until the function is called that this gives. */
function beginRestoring(client: Client): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  client.restoring = promise;
  return resolve;
}
