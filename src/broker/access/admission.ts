import { ReasonCode } from "../../codec/reason_code.ts";
import type { Answer, Ask } from "../../protocol/connection_host.ts";
import type { Closing } from "../../protocol/client_link.ts";
import type { Limits } from "../../protocol/limits.ts";
import type { SessionLimit } from "../../protocol/session_holding.ts";
import type { CommitQueue } from "../commits.ts";
import type { ConnectionHandle } from "../connection/connections.ts";
import type { BrokerEvent } from "../events.ts";
import type { SessionPages } from "../session_pages.ts";
import type { OpenedSession, OpenSession, Sessions } from "../sessions.ts";
import type { Evictions } from "./bans.ts";
import type { Hooks } from "./hooks.ts";

const NOT_YOURS: Answer = {
  kind: "refused",
  reasonCode: ReasonCode.NotAuthorized,
  reason: "the Client Identifier belongs to somebody else",
};
/** Answer that no client hears: the connection is closing. */
const TAKEN_OVER: Answer = { kind: "refused", reasonCode: ReasonCode.SessionTakenOver, reason: "taken over" };

/** Questions between CONNECT and CONNACK, and of enhanced authentication. */
type AdmissionAsk = Extract<Ask, { kind: "authenticate" | "exchange" | "openSession" }>;

/** Admits clients: authenticates them, gives each a place among `maximumConnections` and its session, until its end. */
export class Admission {
  /** Connections whose clients got CONNACK with Success and that have not ended. */
  connected = 0;
  /** Connections that ended by this broker before their clients were let in, by Reason Code. */
  readonly refused = new Map<ReasonCode, number>();
  readonly #limits: Limits;
  readonly #assignedClientIdPrefix: string;
  readonly #hooks: Pick<Hooks, "authenticate" | "exchange">;
  readonly #evictions: Pick<Evictions, "banOf">;
  readonly #sessions: Pick<Sessions, "has" | "ownerOf" | "openNew" | "open" | "connectionEnded">;
  readonly #pages: Pick<SessionPages, "tellReadFailed">;
  readonly #commits: Pick<CommitQueue, "isFailing">;
  readonly #onEvent: (event: BrokerEvent) => void;
  /** Connections that have a place among `maximumConnections`. */
  #admitted = 0;

  constructor({ limits, assignedClientIdPrefix, hooks, evictions, sessions, pages, commits, onEvent }: {
    readonly limits: Limits;
    readonly assignedClientIdPrefix: string;
    readonly hooks: Pick<Hooks, "authenticate" | "exchange">;
    readonly evictions: Pick<Evictions, "banOf">;
    readonly sessions: Pick<Sessions, "has" | "ownerOf" | "openNew" | "open" | "connectionEnded">;
    readonly pages: Pick<SessionPages, "tellReadFailed">;
    readonly commits: Pick<CommitQueue, "isFailing">;
    readonly onEvent: (event: BrokerEvent) => void;
  }) {
    this.#limits = limits;
    this.#assignedClientIdPrefix = assignedClientIdPrefix;
    this.#hooks = hooks;
    this.#evictions = evictions;
    this.#sessions = sessions;
    this.#pages = pages;
    this.#commits = commits;
    this.#onEvent = onEvent;
  }

  /** Makes a Client Identifier that no session has. [MQTT-3.2.2-16] */
  newClientId(): string {
    let clientId: string;
    do clientId = `${this.#assignedClientIdPrefix}${crypto.randomUUID()}`; while (this.#sessions.has(clientId));
    return clientId;
  }

  /** Answers a question of a connection; never rejects. A ban is looked at each time: by then more of the client is known. */
  resolve(ask: AdmissionAsk, served: ConnectionHandle): Answer | Promise<Answer> {
    const ban = this.#evictions.banOf(served); // First: a client that is banned costs no password.
    if (ban !== undefined) return { kind: "refused", reasonCode: ReasonCode.Banned, reason: ban.reason };
    const { peer: { address, listener, certificateName, certificateSubject }, request } = served.transport;
    switch (ask.kind) {
      case "authenticate": {
        const { connect, clientId } = ask;
        const names = { certificateName, certificateSubject };
        return this.#hooks.authenticate({ connect, clientId, address, listener, ...names, request });
      }
      case "exchange":
        return this.#hooks.exchange(ask, address);
      case "openSession":
        return this.#openSession(ask, served);
    }
  }

  /** Frees the place of a connection that is over, and ends its session or lets it wait. */
  ended(served: ConnectionHandle, closing: Closing): void {
    if (served.isAdmitted) this.#admitted -= 1;
    const { reasonCode, by } = closing;
    const wasConnected = served.isWelcome;
    if (wasConnected) this.connected -= 1;
    else if (by === "server") this.refused.set(reasonCode, (this.refused.get(reasonCode) ?? 0) + 1);
    served.isAdmitted = served.isWelcome = false;
    const { connection: { clientId, principal }, transport: { peer } } = served;
    this.#sessions.connectionEnded(served);
    this.#onEvent({ kind: "connectionClosed", peer, clientId, principal, wasConnected, ...closing });
  }

  #openSession(ask: OpenSession, served: ConnectionHandle): Answer | Promise<Answer> {
    if (this.#commits.isFailing && ask.terms.sessionExpirySeconds > 0) {
      return { kind: "refused", reasonCode: ReasonCode.ServerUnavailable, reason: "the server cannot store a session" };
    }
    if (!this.#admit(served)) {
      return { kind: "refused", reasonCode: ReasonCode.QuotaExceeded, reason: "there are too many connections" };
    }
    const session = this.#sessions.openNew(ask, served);
    if (session === undefined) return this.#reopenSession(ask, served);
    return typeof session === "string" ? refusedBy(session) : this.#welcome(ask, served, { session, isPresent: false });
  }

  /** Gives a connection a place; false: there is none. Only authenticated clients get one: anybody could take them all. */
  #admit(served: ConnectionHandle): boolean {
    if (this.#admitted >= this.#limits.maximumConnections) {
      // It gets the place of the connection that it takes over. [MQTT-3.1.4-3]
      const owner = this.#sessions.ownerOf(served.connection);
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

  /** Gives the place back to the connection that was not taken over after all. */
  #givePlaceBack(served: ConnectionHandle): void {
    const owner = this.#sessions.ownerOf(served.connection);
    if (owner === undefined || owner.isAdmitted || !served.isAdmitted) return;
    owner.isAdmitted = true;
    served.isAdmitted = false;
  }

  async #reopenSession(ask: OpenSession, served: ConnectionHandle): Promise<Answer> {
    try {
      const opened = await this.#sessions.open(ask, served);
      if (opened === undefined) return TAKEN_OVER;
      if (opened === "notYours") return NOT_YOURS;
      if (typeof opened !== "string") return this.#welcome(ask, served, opened);
      this.#givePlaceBack(served);
      return refusedBy(opened);
    } catch (error) {
      this.#pages.tellReadFailed(served.connection, error);
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
      this.#onEvent({ kind: "clientConnected", peer, clientId, principal, connect, keepAliveSeconds });
      served.watchKeepAlive();
    }
    return { kind: "openSession", ...opened };
  }
}

function refusedBy(limit: SessionLimit): Answer {
  return { kind: "refused", reasonCode: ReasonCode.QuotaExceeded, reason: `the limit ${limit} is reached` };
}
