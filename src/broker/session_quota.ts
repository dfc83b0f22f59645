import type { Limits } from "../protocol/limits.ts";
import type { SessionHolding, SessionLimit } from "../protocol/session_holding.ts";
import type { BrokerEvent } from "./events.ts";

const TOLD_EVERY_MS = 10_000;

/**
 * Client that began a session. Its network is where a client without a principal came from; `undefined`: it is not known, for
 * the storage of an earlier version did not have it.
 */
export interface SessionBeginner {
  readonly clientId: string;
  readonly principal: string | undefined;
  readonly network: string | undefined;
}

/** Sum of sessions that outlive their connections, and of their bytes. */
interface Sum {
  sessions: number;
  bytes: number;
}

/** Refusals since the broker was opened. */
export interface SessionRefusals {
  clients: number;
  subscriptions: number;
  messages: number;
}

/**
 * Bounds sessions that outlive their connections, and their bytes: for the broker, and for each principal, or each network
 * of clients that have none. All sums are counters that the sessions change; nothing goes through all sessions.
 */
export class SessionQuota {
  readonly total: Readonly<Sum>;
  readonly refusals: Readonly<SessionRefusals>;
  readonly #total: Sum = { sessions: 0, bytes: 0 };
  readonly #refusals: SessionRefusals = { clients: 0, subscriptions: 0, messages: 0 };
  readonly #limits: Limits;
  readonly #onEvent: (event: BrokerEvent) => void;
  /** Sums by principal or network; those without a session are not there. */
  readonly #shares = new Map<string, Sum>();
  /** Last refusal that was not told. */
  #refused: { readonly beginner: SessionBeginner; readonly limit: SessionLimit } | undefined;
  #told: SessionRefusals = { ...this.#refusals };
  #toldMs = -Infinity;

  constructor(limits: Limits, onEvent: (event: BrokerEvent) => void) {
    this.#limits = limits;
    this.#onEvent = onEvent;
    this.total = this.#total;
    this.refusals = this.#refusals;
  }

  /** Counts a session from now on, whatever the limits are. */
  begin(beginner: SessionBeginner): CountedSession {
    const key = keyOf(beginner);
    let share = this.#shares.get(key);
    if (share === undefined) this.#shares.set(key, share = { sessions: 0, bytes: 0 });
    share.sessions += 1;
    this.#total.sessions += 1;
    return new CountedSession(this, beginner, share);
  }

  /**
   * Gives the limit that forbids a client to begin a session that holds so many bytes, and counts that as a refusal.
   *
   * @param replaced session of the client that ends for it
   */
  limitOfBeginning(beginner: SessionBeginner, bytes: number, replaced?: CountedSession): SessionLimit | undefined {
    const share = this.#shares.get(keyOf(beginner)) ?? { sessions: 0, bytes: 0 };
    const { total } = this;
    const freed = replaced === undefined ? { sessions: 0, bytes: 0 } : { sessions: 1, bytes: replaced.bytes };
    const ofShare = replaced?.share === share ? freed : { sessions: 0, bytes: 0 };
    const limits = this.#limits;
    const [ownSessions, ownBytes] = limitsOf(beginner);
    const limit = total.sessions - freed.sessions >= limits.maximumSessions
      ? "maximumSessions"
      : share.sessions - ofShare.sessions >= limits[ownSessions]
      ? ownSessions
      : bytes > 0 && share.bytes - ofShare.bytes + bytes > limits[ownBytes]
      ? ownBytes
      : bytes > 0 && total.bytes - freed.bytes + bytes > limits.maximumSessionBytes
      ? "maximumSessionBytes"
      : undefined;
    if (limit !== undefined) this.refused("clients", beginner, limit);
    return limit;
  }

  /** Gives the limit that forbids a client to resume a session which would hold so many bytes more, and counts that. */
  limitOfGrowth(session: CountedSession, bytes: number): SessionLimit | undefined {
    const limit = bytes > 0 ? this.limitOfBytes(session, bytes) : undefined;
    if (limit !== undefined) this.refused("clients", session.beginner, limit);
    return limit;
  }

  /** Gives the limit that forbids a session to hold so many bytes more. */
  limitOfBytes({ share, beginner }: CountedSession, bytes: number): SessionLimit | undefined {
    const [, ownBytes] = limitsOf(beginner);
    if (share.bytes + bytes > this.#limits[ownBytes]) return ownBytes;
    return this.#total.bytes + bytes > this.#limits.maximumSessionBytes ? "maximumSessionBytes" : undefined;
  }

  /** Counts a refusal. */
  refused(what: keyof SessionRefusals, beginner: SessionBeginner, limit: SessionLimit): void {
    this.#refusals[what] += 1;
    this.#refused = { beginner, limit };
  }

  /** Reports refusals, at most every 10 s. */
  tell(nowMs: number): void {
    if (this.#refused === undefined || nowMs < this.#toldMs + TOLD_EVERY_MS) return;
    const { beginner, limit } = this.#refused;
    const { clients, subscriptions, messages } = this.#refusals;
    this.#onEvent({
      kind: "sessionsFull",
      ...beginner,
      limit,
      clients: clients - this.#told.clients,
      subscriptions: subscriptions - this.#told.subscriptions,
      messages: messages - this.#told.messages,
    });
    this.#refused = undefined;
    this.#told = { ...this.#refusals };
    this.#toldMs = nowMs;
  }

  /** Called by {@linkcode CountedSession} alone. */
  grow(share: Sum, bytes: number): void {
    share.bytes += bytes;
    this.#total.bytes += bytes;
  }

  /** Called by {@linkcode CountedSession} alone. */
  end({ beginner, share, bytes }: CountedSession): void {
    this.grow(share, -bytes);
    share.sessions -= 1;
    this.#total.sessions -= 1;
    if (share.sessions === 0) this.#shares.delete(keyOf(beginner));
  }
}

/** Counts what one session holds, until it ends. */
export class CountedSession implements SessionHolding {
  bytes = 0;
  readonly #quota: SessionQuota;
  #hasEnded = false;

  constructor(quota: SessionQuota, readonly beginner: SessionBeginner, readonly share: Sum) {
    this.#quota = quota;
  }

  limitFor(bytes: number): SessionLimit | undefined {
    return this.#quota.limitOfBytes(this, bytes);
  }

  grow(bytes: number): void {
    if (this.#hasEnded) return;
    this.bytes += bytes;
    this.#quota.grow(this.share, bytes);
  }

  refused(what: keyof SessionRefusals, limit: SessionLimit): void {
    this.#quota.refused(what, this.beginner, limit);
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#quota.end(this);
  }
}

/** Counts a client with a principal there, wherever it comes from: a fleet may share one address. */
function keyOf({ principal, network }: SessionBeginner): string {
  return principal === undefined ? `network ${network ?? ""}` : `principal ${principal}`;
}

function limitsOf({ principal }: SessionBeginner): readonly [sessions: SessionLimit, bytes: SessionLimit] {
  return principal === undefined
    ? ["maximumSessionsPerAddress", "maximumSessionBytesPerAddress"]
    : ["maximumSessionsPerPrincipal", "maximumSessionBytesPerPrincipal"];
}
