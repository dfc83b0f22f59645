import type { Will } from "../codec/packet.ts";
import type { AccessAttributes } from "../protocol/access.ts";
import type { Session } from "../protocol/session.ts";
import { willBytes } from "../protocol/session_holding.ts";
import type { ConnectionHandle } from "./connection/connections.ts";
import type { Deadline } from "./deadlines.ts";
import type { CountedSession } from "./session_quota.ts";

/** The Will of a client, as the storage has it, or while it waits for its delay. */
export interface RegisteredWill {
  readonly will: Will;
  /** `undefined`: the session has a connection. */
  readonly publishAtMs: number | undefined;
  /** Access attributes of the client at CONNECT; `undefined`: an earlier version has stored it. */
  readonly source: AccessAttributes | undefined;
  deadline: Deadline | undefined;
}

/** A client that has a session, with or without a connection. */
export class RegisteredClient {
  /** Connection that has the session, or is about to get it. */
  owner: ConnectionHandle | undefined;
  /** Connection that came last of those that wait while the session is restored. */
  newest: ConnectionHandle | undefined;
  /** Resolves when the session is restored from the storage, or has ended; never rejects. */
  restoring: Promise<void> | undefined;
  /** Whether the session is to end, and no connection gets it any more: only its shared messages have still to be read. */
  isEnding = false;
  expiry: Deadline | undefined;
  #will: RegisteredWill | undefined;

  /**
   * @param principal owner of the session: no other principal gets it
   * @param counted bounds the session; `undefined`: it ends with its connection, and is not bounded
   */
  constructor(
    readonly session: Session,
    readonly principal: string | undefined,
    readonly counted: CountedSession | undefined,
  ) {}

  get will(): RegisteredWill | undefined {
    return this.#will;
  }

  set will(will: RegisteredWill | undefined) {
    this.counted?.grow(willBytes(will?.will) - willBytes(this.#will?.will));
    this.#will = will;
  }

  /** Whether the deadline of the session has come, though it was not served yet. */
  hasExpired(nowMs: number): boolean {
    const { owner, expiry } = this;
    return owner === undefined && expiry !== undefined && expiry.place >= 0 && expiry.dueMs <= nowMs;
  }

  /** Keeps the session from all connections until the function is called that this gives. */
  beginRestoring(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.restoring = promise;
    return () => {
      this.restoring = undefined;
      resolve();
    };
  }
}
