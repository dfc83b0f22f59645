/**
 * Changes that outlive a Network Connection, in the words in which a storage keeps them. A session whose Session Expiry
 * Interval is 0 writes none.
 *
 * Times in them, `expiresAtMs` and `publishAtMs`, are milliseconds of the broker's own time, which only goes forward;
 * {@linkcode ClockChange} says what the wall clock showed at one moment of it.
 */

import type { QoS, Will } from "../codec/packet.ts";
import type { AccessAttributes } from "./access.ts";
import type { ApplicationMessage, StoredMessage } from "./message.ts";
import type { Subscription } from "./subscription.ts";

/** One change, or several that are one; applying it twice is the same as once. */
export type CommitItem = Change | Transaction;

/** All or nothing, in this order: what one PUBLISH with QoS 2 has made (MQTT 5, section 4.3.3). */
export interface Transaction {
  /** Kind of the item. */
  readonly kind: "transaction";
  /** Changes in their order. */
  readonly changes: readonly Change[];
}

/** See {@linkcode CommitItem}. */
export type Change =
  /** A session begins; whatever was kept of this Client Identifier is gone. */
  | {
    readonly kind: "sessionStarted";
    readonly clientId: string;
    readonly principal: string | undefined;
    /** Address of a client without a principal, of IPv6 the network of 64 bits; `undefined`: not known. */
    readonly network?: string | undefined;
  }
  /** Session Expiry Interval of a session; `expiresAtMs` is there while it has no connection. */
  | {
    readonly kind: "sessionExpiry";
    readonly clientId: string;
    readonly sessionExpirySeconds: number;
    readonly expiresAtMs: number | undefined;
  }
  | { readonly kind: "sessionEnded"; readonly clientId: string }
  /**
   * The Will of a session, `undefined`: none from now on. `publishAtMs` is there while the session has no connection: a
   * Will without it is due when its connection is found to be gone, the Will Delay Interval included.
   */
  | {
    readonly kind: "will";
    readonly clientId: string;
    readonly will: Will | undefined;
    readonly publishAtMs: number | undefined;
    /** Attributes of its client at CONNECT, for access rules after a restart; `undefined`: not known. */
    readonly source?: AccessAttributes | undefined;
  }
  | SubscribedChange
  | { readonly kind: "unsubscribed"; readonly clientId: string; readonly topicFilter: string }
  /** Ownership of a QoS 2 message was taken: its Packet Identifier is in use by the publisher until it is released. */
  | { readonly kind: "accepted"; readonly clientId: string; readonly packetIdentifier: number }
  /** PUBREL came. */
  | { readonly kind: "released"; readonly clientId: string; readonly packetIdentifier: number }
  /** A message waits for a client; with a Packet Identifier it was sent at once. Sequences are sent in their order. */
  | QueuedChange
  /** PUBLISH was sent with this Packet Identifier. */
  | { readonly kind: "sent"; readonly clientId: string; readonly sequence: number; readonly packetIdentifier: number }
  /** PUBREC came: from now on PUBREL is repeated, not PUBLISH. */
  | { readonly kind: "received"; readonly clientId: string; readonly sequence: number }
  /** PUBACK or PUBCOMP came, or the message expired. */
  | { readonly kind: "completed"; readonly clientId: string; readonly sequence: number }
  /**
   * From a storage only: messages that are not completed, in sum with the {@linkcode StoredMessage.size} of each, and
   * a sequence that no message of the session has exceeded that is kept or was sent.
   */
  | {
    readonly kind: "backlog";
    readonly clientId: string;
    readonly lastSequence: number;
    readonly messages: number;
    readonly bytes: number;
  }
  /** The retained message of a topic; `undefined`: none from now on. */
  | RetainedChange
  | ClockChange;

/** See {@linkcode CommitItem}. */
export interface SubscribedChange {
  /** Kind of the change. */
  readonly kind: "subscribed";
  /** Client Identifier of the session. */
  readonly clientId: string;
  /** Subscription, in place of an earlier one with the same Topic Filter. */
  readonly subscription: Subscription;
  /** Retained messages that it still has to get, as of now; `undefined`: none. */
  readonly retainedDue?: RetainedDue | undefined;
}

/**
 * Retained messages that a subscription still has to get (MQTT 5, section 3.3.1.3), in the order of their topics, level by
 * level: whatever restarts come between, each comes once.
 */
export interface RetainedDue {
  /** Topic of the last one that was sent; empty: none was. */
  readonly after: string;
  /** Sequence of the last message that was retained when they were asked for: what came later has come as it was published. */
  readonly until: number;
  /** Number of times that all of them are to come, with the pass that is under way. */
  readonly passes: number;
  /** As `until`, for the passes after the first. */
  readonly passesUntil: number;
}

/** See {@linkcode CommitItem}. */
export interface RetainedChange {
  /** Kind of the change. */
  readonly kind: "retained";
  /** Topic of the message. */
  readonly topic: string;
  /** Message that is retained; `undefined`: none from now on. */
  readonly message: StoredMessage | undefined;
  /** Attributes of its publisher when it was published; `undefined`: not known, or the broker's own process. */
  readonly source?: AccessAttributes | undefined;
  /** Counts up with each message that is retained; `undefined`: an earlier version has kept it, which is before all others. */
  readonly sequence?: number | undefined;
}

/**
 * One moment by each clock, in whole milliseconds: the next broker reads from it how long none ran. The last one counts, for
 * all times in the storage.
 */
export interface ClockChange {
  /** Kind of the change. */
  readonly kind: "clock";
  /** By the broker's own time. */
  readonly nowMs: number;
  /** By the wall clock, in epoch milliseconds. */
  readonly wallMs: number;
  /** Since the machine booted; `undefined`: it is not known. */
  readonly uptimeMs?: number | undefined;
  /** Another one each time that a machine boots; `undefined`: it is not known. */
  readonly bootId?: string | undefined;
}

/** See {@linkcode CommitItem}. */
export interface QueuedChange {
  /** Kind of the change. */
  readonly kind: "queued";
  /** Client Identifier of the session. */
  readonly clientId: string;
  /** Counts up in a session, in the order in which messages are delivered. */
  readonly sequence: number;
  /** Message that waits. */
  readonly message: StoredMessage;
  /** QoS of the delivery. */
  readonly qos: QoS;
  /** RETAIN of the delivery. */
  readonly retain: boolean;
  /** Subscription Identifiers of the delivery. */
  readonly subscriptionIdentifiers: readonly number[];
  /** Topic Filter of the Shared Subscription that it came by, with `$share`. */
  readonly sharedFilter: string | undefined;
  /** 0: not sent yet. */
  readonly packetIdentifier: number;
}

/** Takes changes down; what depends on them leaves when they are durable. */
export interface ChangeLog {
  /** Gives the sequence of the change. */
  write(change: Change): number;
  /** Takes a change back that no storage has got yet, by its sequence; false: it is too late. */
  takeBack(sequence: number): boolean;
  /** Begins a {@linkcode Transaction}: changes up to {@linkcode ChangeLog.end} are all or nothing. */
  begin(): void;
  end(): void;
  /** Sequence of the last change that was written. */
  readonly writtenSequence: number;
}

/** Changes to the messages of one session; a session that ends with its connection writes none. */
export class SessionChanges {
  readonly #log: ChangeLog;

  constructor(readonly clientId: string, readonly isDurable: boolean, log: ChangeLog) {
    this.#log = log;
  }

  /** Sequence of the change that packets wait for which depend on the changes of the session; 0: they need not wait. */
  get heldUntil(): number {
    return this.isDurable ? this.#log.writtenSequence : 0;
  }

  /** A message waits, or was sent with its Packet Identifier at once. Gives the sequence of the change; 0: none. */
  queued(
    { sequence, qos, retain, subscriptionIdentifiers, sharedFilter, packetIdentifier }: Omit<
      QueuedChange,
      "kind" | "clientId" | "message"
    >,
    message: ApplicationMessage,
  ): number {
    if (!this.isDurable) return 0;
    return this.#log.write({
      kind: "queued",
      clientId: this.clientId,
      sequence,
      message: message.own(),
      qos,
      retain,
      subscriptionIdentifiers,
      sharedFilter,
      packetIdentifier,
    });
  }

  /** PUBLISH was sent. Gives the sequence of the change; 0: none. */
  sent(sequence: number, packetIdentifier: number): number {
    if (!this.isDurable) return 0;
    return this.#log.write({ kind: "sent", clientId: this.clientId, sequence, packetIdentifier });
  }

  /** PUBREC came. */
  received(sequence: number): void {
    if (this.isDurable) this.#log.write({ kind: "received", clientId: this.clientId, sequence });
  }

  /** Completes a message: the client has it, or will not get it. */
  completed(sequence: number): void {
    if (this.isDurable) this.#log.write({ kind: "completed", clientId: this.clientId, sequence });
  }

  /** Completes a message, whose changes are taken back where the storage has not got them: then it need not be kept. */
  acknowledged({ sequence, queuedAt, sentAt }: Readonly<Record<"sequence" | "queuedAt" | "sentAt", number>>): void {
    if (this.#log.takeBack(queuedAt)) this.#log.takeBack(sentAt);
    else this.completed(sequence);
  }
}
