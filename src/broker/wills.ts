import type { Will } from "../codec/packet.ts";
import type { AccessAttributes, ClientIdentity } from "../protocol/access.ts";
import type { ChangeLog } from "../protocol/change.ts";
import { ApplicationMessage } from "../protocol/message.ts";
import type { Session } from "../protocol/session.ts";
import { willBytes } from "../protocol/session_holding.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";

/** A client, as far as its Will needs to know it. */
export interface WillOwner {
  readonly session: Session;
  readonly principal: string | undefined;
  /** As the storage has it, or while it waits for its delay; {@linkcode setWill} sets it. */
  will: WaitingWill | undefined;
}

interface WaitingWill {
  readonly will: Will;
  /** `undefined`: while the session has a connection. */
  readonly publishAtMs: number | undefined;
  /** What its client was; `undefined`: an earlier version has kept it. */
  readonly source: AccessAttributes | undefined;
  deadline: Deadline | undefined;
}

/** What Wills need of their broker. */
export interface WillsHost {
  readonly commits: ChangeLog;
  readonly deadlines: Deadlines;
  /** Whether the broker ends: a Will that is stored comes when a broker is opened again (section 3.1.2.5). */
  isClosing(): boolean;
  now(): number;
  publishWill(message: ApplicationMessage, identity: ClientIdentity, nowMs: number): void;
  /** Whether the client may still publish it. */
  mayPublish(message: ApplicationMessage, identity: ClientIdentity): boolean | Promise<boolean>;
}

/** When Wills are published, and what the storage knows of them until then (MQTT 5, sections 3.1.2.5 and 3.1.3.2.2). */
export class Wills {
  readonly #host: WillsHost;

  constructor(host: WillsHost) {
    this.#host = host;
  }

  /** The Will of a client that is connected from now on, or of one that has none. */
  set(owner: WillOwner, will: Will | undefined): void {
    this.#keep(owner, will, undefined);
  }

  /** The connection is gone without DISCONNECT. */
  connectionLost(owner: WillOwner, will: Will, nowMs: number): void {
    const publishAtMs = dueMs(will, owner.session, nowMs);
    if (publishAtMs <= nowMs && !this.#host.isClosing()) {
      this.#publish(owner, will, nowMs);
    } else {
      this.#keep(owner, will, publishAtMs);
      this.wait(owner);
    }
  }

  /** A connection was made in time [MQTT-3.1.3-9], unless {@linkcode wait} is called again. */
  stopWaiting({ will }: WillOwner): void {
    this.#host.deadlines.cancel(will?.deadline);
  }

  /** Waits until the Will that the client has is due. */
  wait(owner: WillOwner): void {
    const waiting = owner.will;
    if (waiting?.publishAtMs === undefined) return;
    waiting.deadline = this.#host.deadlines.add(waiting.publishAtMs, (nowMs) => {
      if (owner.will === waiting) this.#publish(owner, waiting.will, nowMs);
    });
  }

  /** Behind a restart: without a time the client was connected when the broker ended, which is found out now. */
  restored(owner: WillOwner, nowMs: number): void {
    const { will, session } = owner;
    if (will === undefined) return;
    if (will.publishAtMs === undefined) this.#keep(owner, will.will, dueMs(will.will, session, nowMs));
    this.wait(owner);
  }

  /** The session ends: a Will that still waits comes now. */
  sessionEnded(owner: WillOwner, nowMs: number): void {
    this.stopWaiting(owner);
    const { will } = owner;
    if (will?.publishAtMs !== undefined && !this.#host.isClosing()) this.#publish(owner, will.will, nowMs);
  }

  /** Publishes it unless its client may not do so any longer. */
  #publish(owner: WillOwner, will: Will, nowMs: number): void {
    this.stopWaiting(owner);
    const source = owner.will?.source;
    setWill(owner, undefined); // Once only, however long the answer takes. [MQTT-3.1.2-10]
    const { willDelayInterval: _, ...properties } = will.properties;
    const { clientId } = owner.session;
    const message = new ApplicationMessage({ ...will, properties }, clientId, nowMs);
    const identity = owner.session.identity ?? { clientId, ...source ?? onlyPrincipal(owner) };
    const isAllowed = this.#host.mayPublish(message, identity);
    const publish = (isAllowed: boolean, nowMs: number) =>
      this.#answered(owner, message, isAllowed ? identity : undefined, nowMs);
    if (typeof isAllowed === "boolean") publish(isAllowed, nowMs);
    else isAllowed.then((isAllowed) => publish(isAllowed, this.#host.now())); // It never rejects.
  }

  /** All or nothing: a Will that is published is not published again behind a crash. */
  #answered(
    owner: WillOwner,
    message: ApplicationMessage,
    publisher: ClientIdentity | undefined,
    nowMs: number,
  ): void {
    const { commits } = this.#host;
    const { clientId } = owner.session;
    const isGone = owner.session.isDurable && owner.will === undefined; // Unless there is a new one in the meantime.
    commits.begin();
    try {
      if (isGone) commits.write({ kind: "will", clientId, will: undefined, publishAtMs: undefined });
      if (publisher !== undefined) this.#host.publishWill(message, publisher, nowMs); // [MQTT-3.1.2-8]
    } finally {
      commits.end();
    }
  }

  #keep(owner: WillOwner, given: Will | undefined, publishAtMs: number | undefined): void {
    this.stopWaiting(owner);
    if (owner.will === undefined && given === undefined) return;
    const source = owner.session.identity ?? owner.will?.source; // Behind a restart it is as it was.
    const will = given && { ...given, payload: given.payload.slice() }; // Kept beyond the batch: copy.
    setWill(owner, will && { will, publishAtMs, source, deadline: undefined });
    const { clientId } = owner.session;
    if (owner.session.isDurable) this.#host.commits.write({ kind: "will", clientId, will, publishAtMs, source });
  }
}

/** Gives a client the Will that is kept for it, which its session holds from now on. */
export function setWill(owner: WillOwner, will: WaitingWill | undefined): void {
  owner.session.holding?.grow(willBytes(will?.will) - willBytes(owner.will?.will));
  owner.will = will;
}

/** All that is known of a client that was not connected since a restart, where an earlier version has kept its Will. */
function onlyPrincipal({ principal }: WillOwner): AccessAttributes {
  return { principal, roles: [], grants: [], listener: undefined };
}

/** With its delay, but no later than its session ends. */
function dueMs({ properties }: Will, session: Session, nowMs: number): number {
  const { willDelayInterval = 0 } = properties;
  return Math.min(nowMs + willDelayInterval * 1000, session.expiresAtMs(nowMs));
}
