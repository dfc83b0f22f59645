import type { QoS } from "../codec/packet.ts";
import type { ReasonCode } from "../codec/reason_code.ts";
import type { ClientIdentity } from "./access.ts";
import { type Change, SessionChanges } from "./change.ts";
import type { ConnectionPort } from "./connection_port.ts";
import { Delivery } from "./delivery.ts";
import { type AcknowledgementEffect, Inflight, PacketIdentifierSet } from "./inflight.ts";
import { NEVER_EXPIRES } from "./limit_table.ts";
import { ApplicationMessage } from "./message.ts";
import { MessageQueue, type QueuedMessage } from "./message_queue.ts";
import { RetainedReplay } from "./retained_replay.ts";
import type { DropCounts, SessionContext } from "./session_context.ts";
import { identityBytes, type SessionHolding, subscriptionBytes } from "./session_holding.ts";
import type { DeliveryOptions, Subscription } from "./subscription.ts";
import type { ParsedTopicFilter } from "./topic_filter.ts";

/** A message that one member of a Shared Subscription did not get, and another one may. */
export interface SharedMessage {
  readonly message: ApplicationMessage;
  readonly sharedFilter: string;
}

/** A QoS 2 message that was sent must not go to anybody else. [MQTT-4.8.2-5] */
export function mayGoToAnother(qos: QoS, packetIdentifier: number): boolean {
  return qos < 2 || packetIdentifier === 0;
}

/**
 * Session State of one client (MQTT 5, section 4.1): subscriptions, messages in flight both ways, messages that wait.
 * While it has a connection, messages that wait are in memory; a durable session without one leaves them in the storage.
 */
export class Session {
  readonly clientId: string;
  /** Whether the storage knows it: then all that happens to it is kept, also when it is to end with its connection. */
  readonly isDurable: boolean;
  /** Counts what outlives its connection; `undefined`: nothing does. */
  readonly holding: SessionHolding | undefined;
  /** Session Expiry Interval in seconds; 0: ends with its connection. */
  sessionExpirySeconds = 0;
  readonly #context: SessionContext;
  readonly #changes: SessionChanges;
  readonly #queue: MessageQueue;
  readonly #inflight: Inflight;
  readonly #delivery: Delivery;
  /** Retained messages that wait; a session that lives on gets the rest when it is resumed. */
  #retained: RetainedReplay | undefined;
  #subscriptions: Map<string, Subscription> | undefined;
  #subscriptionBytes = 0;
  #received: PacketIdentifierSet | undefined;
  #identity: ClientIdentity | undefined;
  #identityBytes = 0;

  /** @param holding counts a durable session; `undefined`: one that ends with its connection */
  constructor(clientId: string, context: SessionContext, holding?: SessionHolding) {
    this.clientId = clientId;
    this.isDurable = holding !== undefined;
    this.holding = holding;
    this.#context = context;
    this.#changes = new SessionChanges(clientId, this.isDurable, context.log);
    this.#queue = new MessageQueue(this.#changes, context, holding);
    this.#inflight = new Inflight(this.#changes, context);
    this.#delivery = new Delivery(this.#changes, context, this.#queue, this.#inflight);
  }

  get subscriptions(): Map<string, Subscription> {
    return this.#subscriptions ??= new Map();
  }

  /** Number of subscriptions, without a Map for a session that has none. */
  get subscriptionCount(): number {
    return this.#subscriptions?.size ?? 0;
  }

  /** Adds a subscription, or puts it in the place of the one with its Topic Filter. */
  addSubscription(subscription: Subscription): void {
    const { filter } = subscription;
    if (!this.subscriptions.has(filter.topicFilter)) this.#countSubscription(subscriptionBytes(filter));
    this.subscriptions.set(filter.topicFilter, subscription);
  }

  deleteSubscription({ filter }: Subscription): void {
    if (this.subscriptions.delete(filter.topicFilter)) this.#countSubscription(-subscriptionBytes(filter));
  }

  /** Memory of its subscriptions, about. */
  get subscriptionBytes(): number {
    return this.#subscriptionBytes;
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
    return this.#delivery.port !== undefined;
  }

  /** Whether a message would be sent at once. */
  get isReady(): boolean {
    return this.#delivery.isReady;
  }

  /** Messages that wait or are in flight. */
  get messageCount(): number {
    return this.#queue.count + this.#inflight.size;
  }

  /** Messages that wait. */
  get queuedCount(): number {
    return this.#queue.count;
  }

  /** Messages that were sent and are not acknowledged. */
  get inflightCount(): number {
    return this.#inflight.size;
  }

  /** Messages that were not delivered; `undefined`: there are none. */
  get dropped(): Readonly<DropCounts> | undefined {
    return this.#queue.dropped;
  }

  /** Bytes of messages that wait. */
  get messageBytes(): number {
    return this.#queue.bytes;
  }

  /** The client as access rules see it; `undefined` after a restart until it is back. */
  get identity(): ClientIdentity | undefined {
    return this.#identity;
  }

  set identity(identity: ClientIdentity) {
    const bytes = identityBytes(identity);
    this.holding?.grow(bytes - this.#identityBytes);
    this.#identityBytes = bytes;
    this.#identity = identity;
    this.#delivery.identity = identity;
  }

  /** Whether publishers should wait for its client. */
  isFarBehind(nowMs: number): boolean {
    return this.#delivery.isFarBehind(nowMs);
  }

  /** Whether messages of the topic may be delivered to its client. */
  permits(topic: string): boolean {
    return this.#delivery.permits(topic);
  }

  /** Time when it ends if its connection closes now; Infinity: never. */
  expiresAtMs(nowMs: number): number {
    return this.sessionExpirySeconds === NEVER_EXPIRES ? Infinity : nowMs + this.sessionExpirySeconds * 1000;
  }

  /** Gives it a connection. The first page of what was stored is restored by then; {@linkcode resume} sends it. */
  attach(port: ConnectionPort): void {
    this.#delivery.attach(port);
    this.#queue.attach();
    this.#retained?.attach();
    this.#inflight.attach(port.receiveMaximum);
  }

  /** Sends again what was not acknowledged, then what waited (MQTT 5, section 4.4). After CONNACK. */
  resume(nowMs: number): void {
    const { port } = this.#delivery;
    if (port === undefined) return;
    this.#inflight.resume(port);
    this.pump(nowMs);
  }

  /** Sends nothing more on a connection that is closing: messages wait, as without one. {@linkcode detach} follows. */
  unlink(port: ConnectionPort): void {
    if (this.#delivery.port !== port) return;
    this.#delivery.unlink();
    this.#queue.unlink();
  }

  /**
   * Takes the connection away, or what came back for one that is gone. Messages of a durable session are in the storage; any
   * other session ends now.
   */
  detach(): void {
    this.#delivery.detach();
    this.#retained?.detach();
    this.#queue.detach(this.#inflight.size);
    this.#inflight.detach();
    this.#received = undefined;
  }

  /** Sends a message to the client, or lets it wait, or drops it as the limits say. */
  deliver(message: ApplicationMessage, options: DeliveryOptions, nowMs: number): void {
    this.#delivery.deliver(message, options, nowMs);
  }

  /** Whether anything waits for {@linkcode pump}. */
  get isPumpDue(): boolean {
    return !this.#queue.isEmpty || this.#queue.isQos0Waiting || this.#inflight.isResending ||
      this.#retained !== undefined;
  }

  /** Whether retained messages wait for a subscription that was granted. */
  get isRetainedDue(): boolean {
    return this.#retained !== undefined;
  }

  /** Sends what waits, as far as the Receive Maximum and the outbox allow. */
  pump(nowMs: number): void {
    const { port } = this.#delivery;
    if (port === undefined) return;
    this.#delivery.pump(port, nowMs);
    if (this.#retained === undefined || port.isPumpLater) return; // Others have their turn first.
    this.#retained.send(port, nowMs);
    this.#freeRetained();
  }

  /** PUBACK came; gives whether the message waits for it, or has been acknowledged before. */
  puback(packetIdentifier: number, nowMs: number): boolean {
    return this.#acknowledged(this.#inflight.puback(packetIdentifier, nowMs), nowMs);
  }

  /** PUBREC came; gives whether the message waits for it, or did. */
  pubrec(packetIdentifier: number, reasonCode: ReasonCode, nowMs: number): boolean {
    const { port } = this.#delivery;
    return this.#acknowledged(this.#inflight.pubrec(port, packetIdentifier, reasonCode, nowMs), nowMs);
  }

  /** PUBCOMP came; gives whether the message waits for it, or did. */
  pubcomp(packetIdentifier: number, nowMs: number): boolean {
    return this.#acknowledged(this.#inflight.pubcomp(packetIdentifier, nowMs), nowMs);
  }

  /** Messages in memory: those in flight, then those that wait, with QoS 0 last where it waits apart. */
  *messages(): Generator<Pick<QueuedMessage, "message" | "qos" | "packetIdentifier">, void> {
    yield* this.#inflight.values();
    yield* this.#queue.values();
    for (const { message } of this.#queue.qos0Values()) yield { message, qos: 0, packetIdentifier: 0 };
  }

  /** Messages of Shared Subscriptions in memory that another member may get, should the session end (section 4.8.2). */
  sharedMessages(): SharedMessage[] {
    const messages: SharedMessage[] = [];
    for (const { message, sharedFilter, qos, packetIdentifier } of this.#inflight.values()) {
      if (message !== undefined && sharedFilter !== undefined && mayGoToAnother(qos, packetIdentifier)) {
        messages.push({ message, sharedFilter });
      }
    }
    for (const { message, sharedFilter } of this.#queue.values()) {
      if (message !== undefined && sharedFilter !== undefined) messages.push({ message, sharedFilter });
    }
    return messages;
  }

  /** Requests the retained messages for a subscription; they wait for {@linkcode sendRetained}. */
  requestRetained(filter: ParsedTopicFilter): void {
    this.#retainedReplay.request(filter);
  }

  /** Keeps a subscription of a durable session, with the retained messages that it waits for; gives the sequence. */
  writeSubscribed(subscription: Subscription): number {
    const sequence = this.#retainedReplay.write(subscription);
    this.#freeRetained();
    return sequence;
  }

  /** Lets the retained messages come that were requested for these subscriptions: SUBACK was sent. */
  sendRetained(filters: readonly ParsedTopicFilter[], nowMs: number): void {
    for (const { topicFilter } of filters) this.#retained?.begin(topicFilter);
    this.pump(nowMs);
  }

  /** Forgets the retained messages that wait for a subscription which ends. [MQTT-3.10.4-2] */
  dropRetained(topicFilter: string): void {
    this.#retained?.drop(topicFilter);
    this.#freeRetained();
  }

  /** Messages in the storage are about to come back, page by page: new ones line up after them, in the storage. */
  beginRestore(): void {
    this.#queue.beginRestore();
  }

  /** Before a page is read: the sequence that it ends with at least, and the one after which it begins. */
  beginPage(): { readonly until: number; readonly after: number } {
    return this.#queue.beginPage();
  }

  /** Whether few messages are left in memory, and more in the storage: the next page is to be read. */
  get wantsPage(): boolean {
    return this.#queue.wantsPage;
  }

  /** Whether enough has come back for once. */
  get isPageFull(): boolean {
    return this.#queue.isPageFull;
  }

  /** Ends a page: everything in the storage up to a sequence has come back. */
  endPage(until: number): void {
    this.#queue.endPage(until);
  }

  /** Takes a change back from the storage, after {@linkcode beginRestore} or at start-up. */
  restore(change: Change): void {
    switch (change.kind) {
      case "backlog":
        this.#queue.restoreBacklog(change.lastSequence, change.messages, change.bytes);
        return;
      case "queued": {
        const message = ApplicationMessage.of(change.message);
        const entry = { ...change, message, isSent: false, isReceived: false, bytes: 0, queuedAt: 0, sentAt: 0 };
        if (entry.packetIdentifier > 0) this.#inflight.restore(entry);
        this.#queue.load(entry, message);
        return;
      }
      case "received":
        this.#inflight.restoreReceived(change.sequence);
        return;
      case "accepted":
        this.received.add(change.packetIdentifier);
        return;
      case "subscribed":
        this.addSubscription(change.subscription);
        if (change.retainedDue === undefined) return;
        this.#retainedReplay.restore(change.subscription.filter, change.retainedDue);
        return;
      default: // The rest is not of a session, or is already applied by the storage.
        return;
    }
  }

  /** A message that is done makes room for those that wait. */
  #acknowledged(effect: AcknowledgementEffect, nowMs: number): boolean {
    if (effect === "completed" && this.isPumpDue) this.pump(nowMs);
    return effect !== "unexpected";
  }

  get #retainedReplay(): RetainedReplay {
    return this.#retained ??= new RetainedReplay(this.#changes, this.#context, this.subscriptions, this.#delivery);
  }

  #countSubscription(bytes: number): void {
    this.#subscriptionBytes += bytes;
    this.holding?.grow(bytes);
  }

  /** An idle connection should hold little. */
  #freeRetained(): void {
    if (this.#retained?.isEmpty) this.#retained = undefined;
  }
}
