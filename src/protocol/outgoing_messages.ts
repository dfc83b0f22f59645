import type { QoS } from "../codec/packet.ts";
import { NO_PROPERTIES } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { ClientIdentity } from "./access.ts";
import { ENTRY_BYTES, WaitingQos0 } from "./backlog.ts";
import type { Change, QueuedChange } from "./change.ts";
import { DeliveryGuard } from "./delivery_guard.ts";
import { Inflight, type QueuedMessage } from "./inflight.ts";
import type { Limits } from "./limits.ts";
import type { ApplicationMessage } from "./message.ts";
import { type ConnectionPort, sendIdentified, sendQos0, sendQueuedQos0 } from "./connection_port.ts";
import { MessageQueue, Queue } from "./message_queue.ts";
import { type RetainedReceiver, RetainedReplay } from "./retained_replay.ts";
import type { SessionHolding } from "./session.ts";
import type { SessionContext } from "./session_context.ts";
import type { DeliveryOptions, Subscription } from "./subscription.ts";
import type { ParsedTopicFilter } from "./topic_filter.ts";

/** What the messages need to know of the session that they belong to. */
export interface OutgoingSession {
  readonly clientId: string;
  readonly isDurable: boolean;
  readonly holding: SessionHolding | undefined;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
}

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
 * Messages of a session on their way to its client: those that wait, those in flight, those that are sent again, and the
 * Receive Maximum that bounds them (MQTT 5, sections 3.3.4, 4.3, 4.4 and 4.9).
 */
export class OutgoingMessages implements RetainedReceiver {
  readonly #session: OutgoingSession;
  readonly #context: SessionContext;
  readonly #inflight = new Inflight();
  readonly #waiting: MessageQueue;
  /** In flight on an earlier connection and not sent again yet. */
  readonly #resend = new Queue<QueuedMessage>();
  /** Retained messages that wait; a session that lives on gets the rest when it is resumed. */
  #retained: RetainedReplay | undefined;
  readonly #guard: DeliveryGuard | undefined;
  #port: ConnectionPort | undefined;
  /** Messages with QoS 0 that wait for a client that is connected; `undefined`: there are none. */
  #waitingQos0: WaitingQos0 | undefined;
  /** When a message was sent or acknowledged last. */
  #progressMs = 0;
  /** Time until which publishers wait for the client; `undefined`: none has waited since it caught up. */
  #behindUntilMs: number | undefined;
  #isDropTold = false;
  /** How many QoS 1 and 2 messages may still be sent (section 4.9). */
  #sendQuota = 0;
  /** Of those in flight on this connection, where they are limited. */
  #inflightBytes = 0;
  /** Bytes of messages that wait, as they were counted last for the session. */
  #heldBytes = 0;
  #sequence = 0;

  constructor(session: OutgoingSession, context: SessionContext) {
    this.#session = session;
    this.#context = context;
    if (context.deliveryRules !== undefined) this.#guard = new DeliveryGuard(context.deliveryRules);
    this.#waiting = new MessageQueue(context.limits, context.backlog, (sequence) => {
      context.dropped.expired += 1;
      this.#write({ kind: "completed", clientId: session.clientId, sequence });
    });
  }

  get isOnline(): boolean {
    return this.#port !== undefined;
  }

  /** Whether a message would be sent at once. */
  get isReady(): boolean {
    return this.#port !== undefined && this.#isNoneWaiting && this.#canSend(this.#port);
  }

  /** Whose messages they are: what is sent from now on is what this client may get. */
  set identity(identity: ClientIdentity) {
    if (this.#guard !== undefined) this.#guard.identity = identity;
  }

  /** Whether messages of the topic may be delivered. */
  permits(topic: string): boolean {
    return this.#guard === undefined || this.#guard.permits(topic);
  }

  /** Messages that wait or are in flight. */
  get count(): number {
    return this.#waiting.count + (this.#waitingQos0?.length ?? 0) + this.#inflight.size;
  }

  /** What those hold that wait, in bytes. */
  get bytes(): number {
    return this.#waiting.bytes + (this.#waitingQos0?.bytes ?? 0);
  }

  /** Before what was stored comes back, page by page: what arrives in the meantime lines up behind it, in the storage. */
  beginRestore(): void {
    this.#waiting.beginRestore();
  }

  /** Before a page is read: what it ends with at least, and the sequence behind which it begins. */
  beginPage(): { readonly until: number; readonly after: number } {
    this.#countHeld();
    return { until: this.#sequence, after: this.#waiting.beginPage() };
  }

  /** Whether enough has come back for once. */
  get isPageFull(): boolean {
    return this.#waiting.isPageFull;
  }

  /** All that was in the storage up to a sequence has come back. */
  endPage(until: number): void {
    this.#waiting.endPage(until);
    if (this.#port !== undefined) this.#waiting.catchUp(this.#sequence);
    this.#countHeld();
  }

  /** Gives it a connection. The first page is restored by then; {@linkcode resume} sends it. */
  attach(port: ConnectionPort): void {
    this.#port = port;
    this.#isDropTold = false;
    this.#inflightBytes = 0;
    this.#waiting.catchUp(this.#sequence);
    this.#countHeld();
    this.#retained?.attach();
    this.#sendQuota = Math.min(port.receiveMaximum, this.#context.limits.maximumInflight); // [MQTT-4.9.0-1]
  }

  /** Sends again what was not acknowledged, then what waited (MQTT 5, section 4.4). Behind CONNACK. */
  resume(nowMs: number): void {
    for (const entry of this.#inflight.values()) {
      if (entry.isReceived) {
        this.#sendPubrel(entry.packetIdentifier); // [MQTT-4.3.3-6]
        this.#sendQuota -= 1; // Its PUBCOMP gives it back. Below 0: more of them than the client takes messages now.
      } else {
        this.#resend.push(entry); // In their order. [MQTT-4.6.0-1]
      }
    }
    this.pump(nowMs);
  }

  /** Messages of Shared Subscriptions in memory that another member may get, should the session end (section 4.8.2). */
  sharedMessages(): SharedMessage[] {
    const messages: SharedMessage[] = [];
    for (const { message, sharedFilter, qos, packetIdentifier } of this.#inflight.values()) {
      if (message !== undefined && sharedFilter !== undefined && mayGoToAnother(qos, packetIdentifier)) {
        messages.push({ message, sharedFilter });
      }
    }
    for (const { message, sharedFilter } of this.#waiting.values()) {
      if (message !== undefined && sharedFilter !== undefined) messages.push({ message, sharedFilter });
    }
    return messages;
  }

  /** Sends nothing more on a connection that is closing: messages wait, as without one. {@linkcode detach} follows. */
  unlink(port: ConnectionPort): void {
    if (this.#port === port) this.#port = undefined;
  }

  /** Takes the connection away, or what came back for one that is gone. */
  detach(): void {
    this.#port = undefined;
    this.#waitingQos0?.clear();
    this.#waitingQos0 = undefined;
    this.#behindUntilMs = undefined;
    this.#resend.clear();
    this.#retained?.detach();
    this.#waiting.leaveToStorage(this.#inflight.size);
    this.#inflight.clear();
    this.#countHeld();
  }

  /** Takes a change back from the storage, behind {@linkcode beginRestore} or at start-up. */
  restore(change: Extract<Change, { kind: "backlog" | "queued" | "received" | "subscribed" }>): void {
    switch (change.kind) {
      case "subscribed":
        if (change.retainedDue === undefined) return;
        this.#retainedDeliveries.restore(change.subscription.filter, change.retainedDue);
        return;
      case "backlog":
        this.#sequence = change.lastSequence;
        this.#waiting.setStored(change.messages, change.bytes);
        this.#countHeld();
        return;
      case "queued":
        this.#restoreQueued(change);
        return;
      case "received":
        for (const entry of this.#inflight.values()) if (entry.sequence === change.sequence) entry.isReceived = true;
        return;
    }
  }

  /** Sends a message to the client, or lets it wait, or drops it as the limits say. */
  deliver(message: ApplicationMessage, delivery: DeliveryOptions, nowMs: number, isRetained = false): void {
    if (!this.permits(message.topic)) return;
    const qos = this.qosOf(message, delivery);
    const retain = isRetained || (delivery.retainAsPublished && message.retain); // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
    const port = this.#port;
    if (qos > 0 || this.#queuesQos0(port)) this.#deliverQueued(port, message, delivery, qos, retain, nowMs);
    else if (port !== undefined) this.#deliverQos0(port, message, delivery, retain, isRetained, nowMs);
  }

  /** Sends a message that is in the queue of the session until it is acknowledged, or lets it wait there. */
  #deliverQueued(
    port: ConnectionPort | undefined,
    message: ApplicationMessage,
    delivery: DeliveryOptions,
    qos: QoS,
    retain: boolean,
    nowMs: number,
  ): void {
    if (port === undefined && !this.#session.isDurable) return;
    const isSentNow = port !== undefined && this.#isNoneWaiting && this.#canSend(port);
    if (!isSentNow && !this.#waiting.hasRoomFor(message, port !== undefined, nowMs)) {
      const limit = port === undefined
        ? this.#queueLimit
        : this.#backlogLimit(message, this.#stalledMs(port, nowMs), "maximumQueuedBytes");
      if (limit !== undefined) return this.#drop("queueFull", limit);
    }
    const limit = port === undefined ? this.#holdingLimit(message, nowMs) : undefined;
    if (limit !== undefined) return this.#drop("queueFull", limit);
    const { subscriptionIdentifiers, sharedFilter } = delivery;
    const entry: QueuedMessage = {
      sequence: ++this.#sequence,
      message,
      qos,
      retain,
      subscriptionIdentifiers,
      sharedFilter,
      isSent: false,
      packetIdentifier: 0,
      isReceived: false,
      bytes: 0,
      queuedAt: 0,
      sentAt: 0,
    };
    if (isSentNow) {
      this.#inflight.add(entry);
      this.#writeQueued(entry, message);
      this.#sendPublish(port, entry, message, false, nowMs);
      return;
    }
    this.#writeQueued(entry, message.own());
    if (port === undefined || this.#waiting.isBehind) {
      this.#waiting.addStored(message, entry.sequence);
      this.#countHeld();
    } else {
      this.#waiting.push({ entry, message });
    }
  }

  /** The limit of all that outlives connections which keeps one more message from waiting without one. */
  #holdingLimit(message: ApplicationMessage, nowMs: number): keyof Limits | undefined {
    const { holding } = this.#session;
    const bytes = message.size + ENTRY_BYTES;
    if (holding === undefined || holding.limitFor(bytes) === undefined) return undefined;
    this.#waiting.takeExpired(nowMs);
    this.#countHeld();
    const limit = holding.limitFor(bytes);
    if (limit !== undefined) holding.refused("messages", limit);
    return limit;
  }

  /** Counts for the session what waits without a connection, or in the storage alone. */
  #countHeld(): void {
    const { holding } = this.#session;
    if (holding === undefined) return;
    const bytes = this.#waiting.heldBytes(this.#port !== undefined);
    holding.grow(bytes - this.#heldBytes);
    this.#heldBytes = bytes;
  }

  /** Behind others that wait too, so that messages of a topic stay in order. */
  #queuesQos0(port: ConnectionPort | undefined): boolean {
    if (!this.#context.queuesQos0 || !this.#session.isDurable) return false;
    return port === undefined || (!this.#isNoneWaiting && this.#waitingQos0 === undefined);
  }

  #deliverQos0(
    port: ConnectionPort,
    message: ApplicationMessage,
    { subscriptionIdentifiers }: DeliveryOptions,
    retain: boolean,
    isRetained: boolean,
    nowMs: number,
  ): void {
    const { dropped, encoders } = this.#context;
    if (this.#waitingQos0 !== undefined || port.isFull) {
      this.#waitQos0(port, message, retain, subscriptionIdentifiers, nowMs);
    } else if (isRetained && this.#session.isDurable) {
      this.#sendRetainedQos0(port, message, retain, subscriptionIdentifiers, nowMs);
    } else if (!sendQos0(port, encoders, message, retain, subscriptionIdentifiers, nowMs)) {
      dropped.tooLarge += 1;
    }
  }

  /** Lets a message wait for a client that takes what it gets, or drops it. */
  #waitQos0(
    port: ConnectionPort,
    message: ApplicationMessage,
    retain: boolean,
    subscriptionIdentifiers: readonly number[],
    nowMs: number,
  ): void {
    const limit = this.#backlogLimit(message, nowMs - port.writingSinceMs, "maximumOutboxBytes");
    if (limit !== undefined) return this.#drop("qos0", limit);
    this.#waitingQos0 ??= new WaitingQos0(this.#context.backlog);
    this.#waitingQos0.push({ message: message.own(), retain, subscriptionIdentifiers });
  }

  /** The next change says that it was sent: behind a crash it must not come twice. */
  #sendRetainedQos0(
    port: ConnectionPort,
    message: ApplicationMessage,
    retain: boolean,
    subscriptionIdentifiers: readonly number[],
    nowMs: number,
  ): void {
    const { dropped, log } = this.#context;
    const heldUntil = log.writtenSequence + 1;
    if (!sendQueuedQos0(port, message, { retain, subscriptionIdentifiers }, heldUntil, nowMs)) dropped.tooLarge += 1;
  }

  /** Bytes that wait for the client. */
  get #backlogBytes(): number {
    return this.#waiting.bytesWithEntries + (this.#waitingQos0?.bytes ?? 0);
  }

  /** How long the client has taken nothing of what there is for it: neither bytes nor, beyond its Receive Maximum, messages. */
  #stalledMs(port: ConnectionPort, nowMs: number): number {
    return nowMs - Math.min(port.writingSinceMs, this.#hasQuota ? Infinity : this.#progressMs);
  }

  /**
   * The limit that keeps one more message from waiting; `undefined`: none does.
   *
   * @param reached what holds for a client without a backlog
   */
  #backlogLimit(message: ApplicationMessage, stalledMs: number, reached: keyof Limits): keyof Limits | undefined {
    const { backlog } = this.#context;
    return backlog.isTaking(stalledMs) ? backlog.limitFor(message, this.#backlogBytes) : reached;
  }

  /** The limit that is reached without a connection. */
  get #queueLimit(): keyof Limits {
    const { maximumQueuedMessages } = this.#context.limits;
    return this.#waiting.count >= maximumQueuedMessages ? "maximumQueuedMessages" : "maximumQueuedBytes";
  }

  #drop(reason: "qos0" | "queueFull", limit: keyof Limits): void {
    this.#context.dropped[reason] += 1;
    if (this.#isDropTold) return;
    this.#isDropTold = true;
    this.#context.dropsBegin(this.#session.clientId, this.#port !== undefined, limit);
  }

  /** Whether publishers should wait for the client: it takes what it gets, is far behind, and has not had its time. */
  isFarBehind(nowMs: number): boolean {
    const port = this.#port;
    const { backlog, limits } = this.#context;
    if (port === undefined || this.#backlogBytes <= backlog.mark) return false;
    if (!backlog.isTakingSteadily(this.#stalledMs(port, nowMs))) return false;
    this.#behindUntilMs ??= nowMs + limits.maximumBacklogWaitMs;
    return nowMs < this.#behindUntilMs;
  }

  /** With which QoS a message goes to the client. [MQTT-3.8.4-8] */
  qosOf(message: ApplicationMessage, delivery: DeliveryOptions): QoS {
    return message.qos < delivery.qos && !this.#context.upgradesQos ? message.qos : delivery.qos;
  }

  /** Requests the retained messages for a subscription; they wait for {@linkcode sendRetained}. */
  requestRetained(filter: ParsedTopicFilter): void {
    this.#retainedDeliveries.request(filter);
  }

  /** Keeps a subscription of a session that lives on, with the retained messages that it waits for; gives the sequence. */
  writeSubscribed(subscription: Subscription): number {
    const sequence = this.#retainedDeliveries.write(subscription);
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

  /**
   * PUBACK came; gives whether the message waits for it. An identifier that is not in use says nothing: the message was
   * acknowledged before.
   */
  puback(packetIdentifier: number, nowMs: number): boolean {
    const entry = this.#inflight.get(packetIdentifier);
    if (entry === undefined) return true;
    if (entry.qos !== 1) return false;
    this.#complete(entry, nowMs);
    return true;
  }

  /** PUBREC came; gives whether the message waits for it, or did. */
  pubrec(packetIdentifier: number, reasonCode: ReasonCode, nowMs: number): boolean {
    const entry = this.#inflight.get(packetIdentifier);
    if (entry === undefined) {
      if (reasonCode < 0x80) this.#sendPubrel(packetIdentifier, ReasonCode.PacketIdentifierNotFound);
    } else if (entry.qos !== 2) {
      return false;
    } else if (reasonCode >= 0x80) {
      this.#complete(entry, nowMs); // [MQTT-4.4.0-2]
    } else {
      entry.isReceived = true;
      this.#progressMs = nowMs;
      this.#write({ kind: "received", clientId: this.#session.clientId, sequence: entry.sequence });
      this.#sendPubrel(packetIdentifier); // [MQTT-4.3.3-4]
    }
    return true;
  }

  /** PUBCOMP came; gives whether the message waits for it. */
  pubcomp(packetIdentifier: number, nowMs: number): boolean {
    const entry = this.#inflight.get(packetIdentifier);
    if (entry === undefined) return true;
    if (entry.qos !== 2 || !entry.isReceived) return false;
    this.#complete(entry, nowMs);
    return true;
  }

  /** Whether anything waits for {@linkcode pump}. */
  get isPumpDue(): boolean {
    return !this.#isNoneWaiting || this.#waitingQos0 !== undefined || this.#resend.length > 0 ||
      this.#retained !== undefined;
  }

  /** Whether few messages are left in memory, and more in the storage: the next page is to be read. */
  get wantsPage(): boolean {
    return this.#waiting.wantsPage;
  }

  /** Sends what waits, as far as the Receive Maximum and the outbox allow. */
  pump(nowMs: number): void {
    const port = this.#port;
    if (port === undefined) return;
    while (this.#resend.length > 0 && this.#hasQuota && this.#port === port) {
      const entry = this.#resend.shift() as QueuedMessage; // There is one.
      // It may have been acknowledged in the meantime, in part or wholly.
      if (this.#inflight.get(entry.packetIdentifier) !== entry || entry.isReceived) continue; // [MQTT-4.3.3-6]
      const message = entry.message as ApplicationMessage; // It came from the storage.
      if (this.permits(message.topic)) {
        this.#sendPublish(port, entry, message, true, nowMs);
      } else {
        this.#sendQuota -= 1;
        this.#giveUp(entry);
      }
    }
    // In turns: neither keeps the other from leaving.
    for (let isSent = true; isSent;) {
      isSent = this.#waiting.isAnyInMemory && this.#canSend(port);
      if (isSent) this.#sendWaiting(port, nowMs);
      if (this.#waitingQos0 === undefined || port.isFull) continue;
      isSent = true;
      this.#sendWaitingQos0(this.#waitingQos0, port, nowMs);
    }
    if (this.#isNoneWaiting && this.#waitingQos0 === undefined) this.#behindUntilMs = undefined;
    if (this.wantsPage) port.wake();
    if (this.#retained === undefined || port.isPumpLater) return; // Others have their turn first.
    this.#retained.send(port, nowMs);
    this.#freeRetained();
  }

  /** Whether a message would be sent at once: a retained one waits where it is retained, and not in the queue. */
  canSendRetained(port: ConnectionPort, { qos }: DeliveryOptions): boolean {
    if (this.#waitingQos0 !== undefined) return false;
    return qos === 0 ? !this.#queuesQos0(port) : this.#canSend(port) && this.#isNoneWaiting;
  }

  #restoreQueued(change: QueuedChange): void {
    const entry: QueuedMessage = { ...change, isSent: false, isReceived: false, bytes: 0, queuedAt: 0, sentAt: 0 };
    this.#sequence = Math.max(this.#sequence, change.sequence); // Whatever a storage gives: no number is given twice.
    if (change.packetIdentifier > 0) this.#inflight.restore(entry);
    this.#waiting.load({ entry, message: change.message });
  }

  /** Whether a message that is not sent yet would be the first. */
  get #isNoneWaiting(): boolean {
    return !this.#waiting.isAnyInMemory && !this.#waiting.isBehind;
  }

  #sendWaiting(port: ConnectionPort, nowMs: number): void {
    const waiting = this.#waiting.shift(nowMs);
    if (waiting === undefined) return;
    const { entry, message } = waiting;
    if (!this.permits(message.topic)) { // The rules have changed while it waited.
      this.#write({ kind: "completed", clientId: this.#session.clientId, sequence: entry.sequence });
      return;
    }
    if (entry.qos === 0) {
      this.#finish(entry); // Before it leaves: it must not come twice.
      if (!sendQueuedQos0(port, message, entry, this.#heldUntil, nowMs)) this.#context.dropped.tooLarge += 1;
      return;
    }
    const packetIdentifier = this.#inflight.add(entry);
    entry.sentAt = this.#write({
      kind: "sent",
      clientId: this.#session.clientId,
      sequence: entry.sequence,
      packetIdentifier,
    });
    this.#sendPublish(port, entry, message, false, nowMs);
  }

  #sendWaitingQos0(waiting: WaitingQos0, port: ConnectionPort, nowMs: number): void {
    const first = waiting.shift();
    if (waiting.length === 0) this.#waitingQos0 = undefined;
    if (first === undefined) return;
    const { message, retain, subscriptionIdentifiers } = first;
    const { dropped, encoders } = this.#context;
    if (!this.permits(message.topic)) return; // The rules have changed while it waited.
    if (nowMs >= message.expiresAtMs) dropped.expired += 1; // [MQTT-3.3.2-5]
    else if (!sendQos0(port, encoders, message, retain, subscriptionIdentifiers, nowMs)) dropped.tooLarge += 1;
  }

  get #retainedDeliveries(): RetainedReplay {
    return this.#retained ??= new RetainedReplay(this.#session, this.#context, this);
  }

  /** An idle connection should hold little. */
  #freeRetained(): void {
    if (this.#retained?.isEmpty) this.#retained = undefined;
  }

  get #hasQuota(): boolean {
    return this.#sendQuota > 0 && this.#inflightBytes < this.#context.limits.maximumInflightBytes;
  }

  #canSend(port: ConnectionPort): boolean {
    // A hook that is told of what is sent may have ended the connection: the rest waits in the session.
    return this.#hasQuota && this.#resend.length === 0 && this.#port === port && !port.isFull;
  }

  /** Sends a message that has a Packet Identifier and takes one place of the Receive Maximum. [MQTT-4.9.0-2] */
  #sendPublish(
    port: ConnectionPort,
    entry: QueuedMessage,
    message: ApplicationMessage,
    dup: boolean,
    nowMs: number,
  ): void {
    entry.isSent = true;
    this.#progressMs = nowMs;
    // Sent again on another connection only, and then from the storage; but a QoS 1 message may go to another member.
    entry.message = entry.sharedFilter !== undefined && entry.qos === 1 ? message.own() : undefined;
    this.#sendQuota -= 1;
    if (this.#context.limits.maximumInflightBytes !== Infinity) this.#inflightBytes += entry.bytes = message.size;
    // A QoS 2 message leaves when its identifier is durable: repeated under another one it would be two messages.
    const heldUntil = entry.qos === 2 ? this.#heldUntil : 0;
    if (sendIdentified(port, this.#context.encoders, message, entry, dup, heldUntil, nowMs)) return;
    this.#context.dropped.tooLarge += 1;
    if (dup) this.#giveUp(entry);
    else this.#finish(entry); // [MQTT-3.1.2-25]
  }

  /**
   * Ends a message that was sent on an earlier connection and must not be sent again. The client may have it, and with QoS 2
   * takes the next one with its Packet Identifier for the same until PUBREL has come: the exchange goes on with that.
   */
  #giveUp(entry: QueuedMessage): void {
    entry.isReceived = true; // Takes a place until PUBCOMP.
    if (entry.qos === 1) return this.#finish(entry);
    entry.message = undefined;
    this.#write({ kind: "received", clientId: this.#session.clientId, sequence: entry.sequence });
    this.#sendPubrel(entry.packetIdentifier);
  }

  #sendPubrel(packetIdentifier: number, reasonCode: ReasonCode = ReasonCode.Success): void {
    this.#port?.send({ type: "pubrel", packetIdentifier, reasonCode, properties: NO_PROPERTIES }, this.#heldUntil);
  }

  /** What depends on the changes of this session leaves behind them. */
  get #heldUntil(): number {
    return this.#session.isDurable ? this.#context.log.writtenSequence : 0;
  }

  /** The client has the message, or will not get it: makes room for what waits. */
  #complete(entry: QueuedMessage, nowMs: number): void {
    this.#progressMs = nowMs;
    this.#finish(entry);
    if (this.isPumpDue) this.pump(nowMs);
  }

  #finish(entry: QueuedMessage): void {
    const { sequence } = entry;
    this.#inflight.delete(entry.packetIdentifier);
    // A message that has come before the storage has got it need not be kept.
    if (this.#context.log.takeBack(entry.queuedAt)) this.#context.log.takeBack(entry.sentAt);
    else this.#write({ kind: "completed", clientId: this.#session.clientId, sequence });
    if (!entry.isSent && !entry.isReceived) return; // It took no place on this connection.
    this.#inflightBytes -= entry.bytes;
    const { receiveMaximum } = this.#port ?? { receiveMaximum: 0 };
    this.#sendQuota = Math.min(this.#sendQuota + 1, receiveMaximum, this.#context.limits.maximumInflight);
  }

  /** Keeps a message with the session, where this lives on without its connection. */
  #writeQueued(entry: QueuedMessage, message: ApplicationMessage): void {
    if (!this.#session.isDurable) return;
    const { sequence, qos, retain, subscriptionIdentifiers, sharedFilter, packetIdentifier } = entry;
    const { clientId } = this.#session;
    entry.queuedAt = this.#context.log.write({
      kind: "queued",
      clientId,
      sequence,
      message: message.own(),
      qos,
      retain,
      subscriptionIdentifiers,
      sharedFilter,
      packetIdentifier,
    });
  }

  /** Gives the sequence of the change; 0: none. */
  #write(change: Change): number {
    return this.#session.isDurable ? this.#context.log.write(change) : 0;
  }
}
