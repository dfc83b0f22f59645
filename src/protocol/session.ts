import type { ClientIdentity } from "./ask.ts";
import type { Fact } from "./change.ts";
import { NEVER_EXPIRES } from "./limits.ts";
import type { ApplicationMessage } from "./message.ts";
import { OutgoingMessages, type SessionContext } from "./outgoing_messages.ts";
import { PacketIdentifierSet } from "./packet_identifier_set.ts";
import { identityBytes, type SessionHolding, subscriptionBytes } from "./session_holding.ts";
import type { SessionLink } from "./session_link.ts";
import type { Delivery, Subscription } from "./subscription.ts";

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
  attach(link: SessionLink): void {
    this.outgoing.attach(link);
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
  restore(change: Fact): void {
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
  deliver(message: ApplicationMessage, delivery: Delivery, nowMs: number): void {
    this.outgoing.deliver(message, delivery, nowMs);
  }
}
