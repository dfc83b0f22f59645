import { ReasonCode } from "../../codec/reason_code.ts";
import type { Answer, Ask } from "../../protocol/ask.ts";
import type { Closing } from "../../protocol/client_link.ts";
import type { Limits } from "../../protocol/limits.ts";
import type { SessionLimit } from "../../protocol/session_holding.ts";
import type { CommitQueue } from "../commits.ts";
import type { ConnectionHandle } from "../connection/connections.ts";
import type { BrokerEvent } from "../events.ts";
import type { SessionPages } from "../session_pages.ts";
import type { OpenedSession, OpenSession, Sessions } from "../sessions.ts";
import type { Ban, Evictions } from "./bans.ts";
import type { Hooks } from "./hooks.ts";

const NOT_YOURS: Answer = {
  kind: "refused",
  reasonCode: ReasonCode.NotAuthorized,
  reason: "the Client Identifier belongs to somebody else",
};
/** Nobody hears it: the connection is closing. */
const TAKEN_OVER: Answer = { kind: "refused", reasonCode: ReasonCode.SessionTakenOver, reason: "taken over" };

/** Questions between CONNECT and CONNACK, and of enhanced authentication. */
type AdmissionAsk = Extract<Ask, { kind: "authenticate" | "exchange" | "openSession" }>;

/** What the admission needs of its broker. */
export interface AdmissionHost {
  readonly limits: Limits;
  /** What a Client Identifier begins with that the broker makes. */
  readonly clientIdPrefix: string;
  readonly hooks: Hooks;
  readonly evictions: Evictions;
  readonly sessions: Sessions;
  readonly pages: SessionPages;
  readonly commits: CommitQueue;
  onEvent(event: BrokerEvent): void;
}

/** Lets clients in and gives them their sessions: answers what their connections ask, from CONNECT to the end. */
export class Admission {
  /** How many connections are of clients that were welcome, and have not ended. */
  connected = 0;
  readonly #host: AdmissionHost;
  /** How many connections have a place among `maximumConnections`. */
  #admitted = 0;

  constructor(host: AdmissionHost) {
    this.#host = host;
  }

  /** A Client Identifier that no session has. [MQTT-3.2.2-16] */
  newClientId(): string {
    let clientId: string;
    do clientId = `${this.#host.clientIdPrefix}${crypto.randomUUID()}`; while (this.#host.sessions.has(clientId));
    return clientId;
  }

  /** Answers a question of a client that wants to get in, or to authenticate again; it never rejects. */
  resolve(ask: AdmissionAsk, served: ConnectionHandle): Answer | Promise<Answer> {
    switch (ask.kind) {
      case "authenticate": {
        const ban = this.#host.evictions.banOf(served); // Whoever is known by then costs no password.
        if (ban !== undefined) return refusedFor(ban);
        const { connect, clientId } = ask;
        const { peer: { address, listener, certificateName, certificateSubject }, request } = served.transport;
        const names = { certificateName, certificateSubject };
        return this.#host.hooks.authenticate({ connect, clientId, address, listener, ...names, request });
      }
      case "exchange": {
        const ban = this.#host.evictions.banOf(served);
        if (ban !== undefined) return refusedFor(ban);
        return this.#host.hooks.exchange(ask, served.transport.peer.address);
      }
      case "openSession": {
        const ban = this.#host.evictions.banOf(served); // Now its principal is known.
        return ban === undefined ? this.#openSession(ask, served) : refusedFor(ban);
      }
    }
  }

  /** A connection is over: its place is free, and its session and its Will are taken care of. */
  ended(served: ConnectionHandle, closing: Closing): void {
    if (served.isAdmitted) this.#admitted -= 1;
    if (served.isWelcome) this.connected -= 1;
    served.isAdmitted = served.isWelcome = false;
    const { connection: { clientId }, transport: { peer } } = served;
    this.#host.sessions.connectionEnded(served);
    this.#host.onEvent({ kind: "connectionClosed", peer, clientId, ...closing });
  }

  #openSession(ask: OpenSession, served: ConnectionHandle): Answer | Promise<Answer> {
    if (this.#host.commits.isFailing && ask.terms.sessionExpirySeconds > 0) {
      return { kind: "refused", reasonCode: ReasonCode.ServerUnavailable, reason: "the server cannot store a session" };
    }
    if (!this.#admit(served)) {
      return { kind: "refused", reasonCode: ReasonCode.QuotaExceeded, reason: "there are too many connections" };
    }
    const session = this.#host.sessions.openNew(ask, served);
    if (session === undefined) return this.#reopenSession(ask, served);
    return typeof session === "string" ? refusedBy(session) : this.#welcome(ask, served, { session, isPresent: false });
  }

  /** Whether there is a place for one more. Who has not been authenticated has none: anybody could take them all. */
  #admit(served: ConnectionHandle): boolean {
    if (this.#admitted >= this.#host.limits.maximumConnections) {
      // It gets the place of the connection that it is about to take over. [MQTT-3.1.4-3]
      const owner = this.#host.sessions.ownerOf(served.connection);
      if (owner?.isAdmitted !== true) return false;
      owner.isAdmitted = false;
      this.#admitted -= 1;
    }
    if (served.connection.closing === undefined) {
      served.isAdmitted = true;
      this.#admitted += 1;
    }
    return true;
  }

  /** The connection that was not taken over after all keeps its place. */
  #givePlaceBack(served: ConnectionHandle): void {
    const owner = this.#host.sessions.ownerOf(served.connection);
    if (owner === undefined || owner.isAdmitted || !served.isAdmitted) return;
    owner.isAdmitted = true;
    served.isAdmitted = false;
  }

  async #reopenSession(ask: OpenSession, served: ConnectionHandle): Promise<Answer> {
    try {
      const opened = await this.#host.sessions.open(ask, served);
      if (opened === undefined) return TAKEN_OVER;
      if (opened === "notYours") return NOT_YOURS;
      if (typeof opened !== "string") return this.#welcome(ask, served, opened);
      this.#givePlaceBack(served);
      return refusedBy(opened);
    } catch (error) {
      this.#host.pages.tellReadFailed(served.connection, error);
      return { kind: "refused", reasonCode: ReasonCode.ServerUnavailable, reason: "the session could not be read" };
    }
  }

  #welcome({ connect, terms }: OpenSession, served: ConnectionHandle, opened: OpenedSession): Answer {
    if (served.connection.closing === undefined) {
      const { clientId, keepAliveSeconds } = terms;
      const { principal } = served.connection.identity;
      const { peer } = served.transport;
      served.isWelcome = true;
      this.connected += 1;
      this.#host.onEvent({ kind: "clientConnected", peer, clientId, principal, connect, keepAliveSeconds });
      served.watchKeepAlive();
    }
    return { kind: "openSession", ...opened };
  }
}

function refusedBy(limit: SessionLimit): Answer {
  return { kind: "refused", reasonCode: ReasonCode.QuotaExceeded, reason: `the limit ${limit} is reached` };
}

function refusedFor({ reason }: Ban): Answer {
  return { kind: "refused", reasonCode: ReasonCode.Banned, reason };
}
