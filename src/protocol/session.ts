import type { Will } from "../codec/packet.ts";
import type { ClientIdentity } from "./access.ts";
import type { Change } from "./change.ts";
import type { ConnectionPort } from "./connection_port.ts";
import { PacketIdentifierSet } from "./inflight.ts";
import { NEVER_EXPIRES } from "./limit_table.ts";
import type { Limits } from "./limits.ts";
import { type ApplicationMessage, propertiesSize } from "./message.ts";
import { OutgoingMessages } from "./outgoing_messages.ts";
import type { SessionContext } from "./session_context.ts";
import type { DeliveryOptions, Subscription } from "./subscription.ts";
import type { ParsedTopicFilter } from "./topic_filter.ts";

/**
 * Session State of one client (MQTT 5, section 4.1): subscriptions, messages in flight both ways, messages that wait.
 * While it has a connection, messages that wait are in memory; a durable session without one leaves them in the storage.
 */
export class Session {
  #subscriptions: Map<string, Subscription> | undefined;
  #received: PacketIdentifierSet | undefined;
  /** Messages to the client. */
  readonly outgoing: OutgoingMessages;
  /** Session Expiry Interval in seconds; 0: ends with its connection. */
  sessionExpirySeconds = 0;
  /** Whether the storage knows it: then all that happens to it is kept, also when it is to end with its connection. */
  isDurable = false;
  /** `undefined`: nothing of it outlives its connection. */
  holding: SessionHolding | undefined;
  #identity: ClientIdentity | undefined;
  #identityBytes = 0;

  constructor(readonly clientId: string, context: SessionContext) {
    this.outgoing = new OutgoingMessages(this, context);
  }

  get subscriptions(): Map<string, Subscription> {
    return this.#subscriptions ??= new Map();
  }

  /** Adds a subscription, or puts it in the place of the one with its Topic Filter. */
  addSubscription(subscription: Subscription): void {
    const { filter } = subscription;
    if (!this.subscriptions.has(filter.topicFilter)) this.holding?.grow(subscriptionBytes(filter));
    this.subscriptions.set(filter.topicFilter, subscription);
  }

  deleteSubscription({ filter }: Subscription): void {
    if (this.subscriptions.delete(filter.topicFilter)) this.holding?.grow(-subscriptionBytes(filter));
  }

  /** Packet Identifiers of QoS 2 messages that came and are not released. */
  get received(): PacketIdentifierSet {
    return this.#received ??= new PacketIdentifierSet(); // Most sessions have none.
  }

  /** Whether it lives on without a connection. */
  get livesOn(): boolean {
    return this.sessionExpirySeconds > 0;
  }

  get isOnline(): boolean {
    return this.outgoing.isOnline;
  }

  /** Whether a message would be sent at once. */
  get isReady(): boolean {
    return this.outgoing.isReady;
  }

  /** Whose it is, as access rules see it; `undefined` behind a restart until its client is back. */
  get identity(): ClientIdentity | undefined {
    return this.#identity;
  }

  set identity(identity: ClientIdentity) {
    const bytes = identityBytes(identity);
    this.holding?.grow(bytes - this.#identityBytes);
    this.#identityBytes = bytes;
    this.#identity = identity;
    this.outgoing.identity = identity;
  }

  /** Whether publishers should wait for its client. */
  isFarBehind(nowMs: number): boolean {
    return this.outgoing.isFarBehind(nowMs);
  }

  permits(topic: string): boolean {
    return this.outgoing.permits(topic);
  }

  /** When it ends if its connection closes now; Infinity: never. */
  expiresAtMs(nowMs: number): number {
    return this.sessionExpirySeconds === NEVER_EXPIRES ? Infinity : nowMs + this.sessionExpirySeconds * 1000;
  }

  /** Gives it a connection. The first page of what was stored is restored by then; `outgoing.resume` sends it. */
  attach(port: ConnectionPort): void {
    this.outgoing.attach(port);
  }

  /**
   * Takes the connection away, or what came back for one that is gone. What a durable session holds is in the storage; any
   * other session ends now.
   */
  detach(): void {
    this.outgoing.detach();
    this.#received = undefined;
  }

  /** Takes a change back from the storage, behind `outgoing.beginRestore` or at start-up. */
  restore(change: Change): void {
    switch (change.kind) {
      case "backlog":
      case "queued":
      case "received":
        this.outgoing.restore(change);
        return;
      case "accepted":
        this.received.add(change.packetIdentifier);
        return;
      case "subscribed":
        this.addSubscription(change.subscription);
        this.outgoing.restore(change);
        return;
      default: // The rest is not of a session, or is already applied by the storage.
        return;
    }
  }

  /** Sends a message to the client, or lets it wait, or drops it as the limits say. */
  deliver(message: ApplicationMessage, delivery: DeliveryOptions, nowMs: number): void {
    this.outgoing.deliver(message, delivery, nowMs);
  }
}

// Memory of one beside its texts and bytes; of a Will with its deadline. (Deno 2.9, 2026-11-30)
const SUBSCRIPTION_BYTES = 300;
const LEVEL_BYTES = 150;
const WILL_BYTES = 300;
const GRANT_BYTES = 64;
const USUAL_IDENTITY_BYTES = 512;

/** A bound of sessions that outlive their connections. */
export type SessionLimit = Extract<keyof Limits, `maximumSession${"s" | "Bytes"}${"" | "PerPrincipal" | "PerAddress"}`>;

/**
 * Counts the bytes of a session that outlive its connection, within the limits of the broker, of its principal and of its
 * address: its Will, its subscriptions, and the messages that wait for it while it has no connection.
 */
export interface SessionHolding {
  /** The limit that forbids it to hold so much more. */
  limitFor(bytes: number): SessionLimit | undefined;
  /** It holds more, or less. */
  grow(bytes: number): void;
  /** A subscription or a message was refused because there is no room for it. */
  refused(what: "subscriptions" | "messages", limit: SessionLimit): void;
}

export function subscriptionBytes({ levels, topicFilter }: ParsedTopicFilter): number {
  return SUBSCRIPTION_BYTES + levels.length * LEVEL_BYTES + topicFilter.length;
}

export function willBytes(will: Will | undefined): number {
  return will === undefined
    ? 0
    : WILL_BYTES + will.topic.length + will.payload.length + propertiesSize(will.properties);
}

/** Bytes of the names and rights of a client beyond what is usual: they may come from its token. */
export function identityBytes({ clientId, principal = "", roles, grants }: ClientIdentity): number {
  let bytes = clientId.length + principal.length;
  for (const role of roles) bytes += role.length;
  for (const { topicFilter } of grants) bytes += GRANT_BYTES + topicFilter.length;
  return Math.max(0, bytes - USUAL_IDENTITY_BYTES);
}
