import type { QoS } from "../codec/packet.ts";
import { NO_PROPERTIES } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { Change, ChangeLog } from "./change.ts";
import { Inflight, type QueuedMessage } from "./inflight.ts";
import { type Limits, NEVER_EXPIRES } from "./limits.ts";
import { type ApplicationMessage, type FrameEncoders, packetIdentifierOffset } from "./message.ts";
import { Queue } from "./queue.ts";
import type { SessionLink } from "./session_link.ts";
import { type Delivery, mergeSubscriptions, type Subscription } from "./subscription.ts";

/** What sessions share with their broker. */
export interface SessionContext {
  readonly limits: Limits;
  readonly log: ChangeLog;
  readonly encoders: FrameEncoders;
  /** Counts messages that are not delivered. */
  readonly dropped: { qos0: number; queueFull: number; tooLarge: number; expired: number };
}

/** Retained messages on their way to a new subscription, sent as fast as the connection takes them. */
interface RetainedSource {
  readonly subscription: Subscription;
  readonly messages: Iterator<ApplicationMessage>;
  readonly delivery: Delivery;
}

/**
 * Session State of one client (MQTT 5, section 4.1): subscriptions, messages in flight both ways, messages that wait.
 * While it has a connection, messages that wait are in memory; a durable session without one leaves them in the storage.
 */
export class Session {
  readonly subscriptions = new Map<string, Subscription>();
  /** Packet Identifiers of QoS 2 messages that came and are not released. */
  readonly received = new Set<number>();
  /** Session Expiry Interval in seconds; 0: ends with its connection. */
  sessionExpirySeconds = 0;
  readonly #context: SessionContext;
  readonly #inflight = new Inflight();
  readonly #queue = new Queue<QueuedMessage>();
  #queuedBytes = 0;
  /** Messages in the storage of a session without connection. */
  #stored = { messages: 0, bytes: 0 };
  /** In flight on an earlier connection and not sent again yet. */
  readonly #resend = new Queue<QueuedMessage>();
  readonly #retained: RetainedSource[] = [];
  /** What comes while it is restored. */
  #arriving: { readonly storedUntil: number; readonly messages: QueuedMessage[] } | undefined;
  #link: SessionLink | undefined;
  /** How many QoS 1 and 2 messages may still be sent (section 4.9). */
  #sendQuota = 0;
  #sequence = 0;

  constructor(readonly clientId: string, context: SessionContext) {
    this.#context = context;
  }

  /** Whether it lives on without a connection. */
  get isDurable(): boolean {
    return this.sessionExpirySeconds > 0;
  }

  get isOnline(): boolean {
    return this.#link !== undefined;
  }

  /** QoS 1 and 2 messages that wait or are in flight. */
  get pendingMessages(): number {
    return this.#queue.length + this.#inflight.size + this.#stored.messages;
  }

  /** When it ends if its connection closes now; Infinity: never. */
  expiresAtMs(nowMs: number): number {
    return this.sessionExpirySeconds === NEVER_EXPIRES ? Infinity : nowMs + this.sessionExpirySeconds * 1000;
  }

  /** Before what was stored comes back through {@linkcode restore}: what arrives in the meantime lines up behind it. */
  beginRestore(): void {
    this.#arriving = { storedUntil: this.#sequence, messages: [] };
  }

  /** Forgets what came back: the connection is gone that it was for. */
  abandonRestore(): void {
    this.#arriving = undefined;
    this.#forget();
  }

  /** Gives it a connection. What was stored is restored by then; {@linkcode resume} sends it. */
  attach(link: SessionLink): void {
    this.#link = link;
    for (const entry of this.#arriving?.messages ?? []) this.#enqueue(entry);
    this.#arriving = undefined;
    this.#sendQuota = Math.min(link.receiveMaximum, this.#context.limits.maximumInflight); // [MQTT-4.9.0-1]
    this.#stored = { messages: 0, bytes: 0 };
  }

  /** Sends again what was not acknowledged, then what waited (MQTT 5, section 4.4). Behind CONNACK. */
  resume(nowMs: number): void {
    for (const entry of this.#inflight.values()) {
      if (entry.isReceived) {
        this.#sendPubrel(entry.packetIdentifier); // [MQTT-4.3.3-6]
        this.#sendQuota = Math.max(0, this.#sendQuota - 1); // Its PUBCOMP gives it back.
      } else {
        this.#resend.push(entry); // In their order. [MQTT-4.6.0-1]
      }
    }
    this.pump(nowMs);
  }

  /** Takes the connection away. */
  detach(): void {
    this.#link = undefined;
    this.#retained.length = 0;
    this.#resend.clear();
    this.#stored = { messages: this.#queue.length + this.#inflight.size, bytes: this.#queuedBytes };
    this.#forget();
  }

  /** Takes a change back from the storage, between {@linkcode beginRestore} and {@linkcode attach}, or at start-up. */
  restore(change: Change): void {
    switch (change.kind) {
      case "backlog":
        this.#sequence = change.lastSequence;
        this.#stored = { messages: change.messages, bytes: change.bytes };
        return;
      case "queued": {
        if (this.#arriving !== undefined && change.sequence > this.#arriving.storedUntil) return; // Lined up behind.
        const entry: QueuedMessage = { ...change, isReceived: false };
        if (change.packetIdentifier > 0) this.#inflight.restore(entry);
        else this.#enqueue(entry);
        return;
      }
      case "received":
        for (const entry of this.#inflight.values()) if (entry.sequence === change.sequence) entry.isReceived = true;
        return;
      case "accepted":
        this.received.add(change.packetIdentifier);
        return;
      case "subscribed":
        this.subscriptions.set(change.subscription.filter.topicFilter, change.subscription);
        return;
      default: // The rest is not of a session, or is already applied by the storage.
        return;
    }
  }

  /** Sends a message to the client, or lets it wait, or drops it as the limits say. */
  deliver(message: ApplicationMessage, delivery: Delivery, nowMs: number, isRetained = false): void {
    // [MQTT-3.8.4-8]
    const qos = message.qos < delivery.qos ? message.qos : delivery.qos;
    const retain = isRetained || (delivery.retainAsPublished && message.retain); // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
    const link = this.#link;
    if (qos === 0) {
      if (link !== undefined) this.#sendQos0(link, message, retain, delivery.subscriptionIdentifiers, nowMs);
      return;
    }
    if (link === undefined && !this.isDurable) return;
    if (!this.#hasRoomFor(message, link)) {
      this.#context.dropped.queueFull += 1;
      return;
    }
    const { subscriptionIdentifiers } = delivery;
    const entry: QueuedMessage = {
      sequence: ++this.#sequence,
      message,
      qos,
      retain,
      subscriptionIdentifiers,
      packetIdentifier: 0,
      isReceived: false,
    };
    if (link === undefined) {
      this.#stored.messages += 1;
      this.#stored.bytes += message.size;
      this.#arriving?.messages.push(entry);
      this.#writeQueued(entry, message.own());
    } else if (this.#canSend(link) && this.#queue.length === 0) {
      this.#inflight.add(entry);
      if (this.isDurable) this.#writeQueued(entry, message.own());
      this.#sendPublish(link, entry, false, nowMs);
    } else {
      if (this.isDurable) this.#writeQueued(entry, message.own());
      message.own();
      this.#enqueue(entry);
    }
  }

  /** Retained messages for a subscription that was made (MQTT 5, section 3.3.1.3). */
  deliverRetained(subscription: Subscription, messages: Iterator<ApplicationMessage>): void {
    const delivery = mergeSubscriptions([subscription]) as Delivery; // Of one subscription.
    this.#retained.push({ subscription, messages, delivery });
  }

  /** PUBACK came. An identifier that is not in use says nothing: the message was acknowledged before. */
  puback(packetIdentifier: number, nowMs: number): void {
    const entry = this.#inflight.get(packetIdentifier);
    if (entry?.qos === 1) this.#complete(entry, nowMs);
  }

  /** PUBREC came. */
  pubrec(packetIdentifier: number, reasonCode: ReasonCode, nowMs: number): void {
    const entry = this.#inflight.get(packetIdentifier);
    if (entry?.qos !== 2) {
      if (reasonCode < 0x80) this.#sendPubrel(packetIdentifier, ReasonCode.PacketIdentifierNotFound);
    } else if (reasonCode >= 0x80) {
      this.#complete(entry, nowMs); // [MQTT-4.4.0-2]
    } else {
      entry.isReceived = true;
      if (this.isDurable) this.#write({ kind: "received", clientId: this.clientId, sequence: entry.sequence });
      this.#sendPubrel(packetIdentifier); // [MQTT-4.3.3-4]
    }
  }

  /** PUBCOMP came. */
  pubcomp(packetIdentifier: number, nowMs: number): void {
    const entry = this.#inflight.get(packetIdentifier);
    if (entry?.qos === 2 && entry.isReceived) this.#complete(entry, nowMs);
  }

  /** Sends what waits, as far as the Receive Maximum and the outbox allow. */
  pump(nowMs: number): void {
    const link = this.#link;
    if (link === undefined) return;
    while (this.#resend.length > 0 && this.#sendQuota > 0) {
      const entry = this.#resend.shift() as QueuedMessage; // There is one.
      // It may have been acknowledged in the meantime.
      if (this.#inflight.get(entry.packetIdentifier) === entry) this.#sendPublish(link, entry, true, nowMs);
    }
    while (this.#queue.length > 0 && this.#canSend(link)) this.#sendQueued(link, nowMs);
    while (this.#retained.length > 0 && link.outbox.bytes < this.#context.limits.maximumOutboxBytes / 2) {
      if (!this.#sendRetained(this.#retained[0] as RetainedSource, link, nowMs)) break; // There is one.
    }
  }

  /** What a durable session holds is in the storage; any other session ends with its connection. */
  #forget(): void {
    this.#queue.clear();
    this.#queuedBytes = 0;
    this.#inflight.clear();
    this.received.clear();
  }

  #sendQueued(link: SessionLink, nowMs: number): void {
    const entry = this.#queue.shift() as QueuedMessage; // There is one.
    const message = entry.message as ApplicationMessage; // It was not sent yet.
    this.#queuedBytes -= message.size;
    if (nowMs >= message.expiresAtMs) { // [MQTT-3.3.2-5]
      this.#context.dropped.expired += 1;
      if (this.isDurable) this.#write({ kind: "completed", clientId: this.clientId, sequence: entry.sequence });
      return;
    }
    const packetIdentifier = this.#inflight.add(entry);
    if (this.isDurable) {
      this.#write({ kind: "sent", clientId: this.clientId, sequence: entry.sequence, packetIdentifier });
    }
    this.#sendPublish(link, entry, false, nowMs);
  }

  /** Sends one retained message; false: it has to wait. */
  #sendRetained(source: RetainedSource, link: SessionLink, nowMs: number): boolean {
    const { subscription, delivery } = source;
    // None is taken before it can be sent: in the meantime a newer one may take its place.
    if (delivery.qos > 0 && (!this.#canSend(link) || this.#queue.length > 0)) return false;
    // None behind UNSUBSCRIBE, or for a subscription that was replaced. [MQTT-3.10.4-2]
    const isInForce = this.subscriptions.get(subscription.filter.topicFilter) === subscription;
    const message = isInForce ? source.messages.next().value as ApplicationMessage | undefined : undefined; // At its end.
    if (message === undefined) {
      this.#retained.shift();
      return true;
    }
    if (nowMs < message.expiresAtMs) this.deliver(message, delivery, nowMs, true);
    return true;
  }

  #canSend(link: SessionLink): boolean {
    return this.#sendQuota > 0 && this.#resend.length === 0 && !link.isFull;
  }

  #hasRoomFor(message: ApplicationMessage, link: SessionLink | undefined): boolean {
    if (link !== undefined && this.#queue.length === 0 && this.#canSend(link)) return true;
    const { maximumQueuedMessages, maximumQueuedBytes } = this.#context.limits;
    // While it is restored, what is in memory is a part of what is stored.
    const waiting = link === undefined ? this.#stored : { messages: this.#queue.length, bytes: this.#queuedBytes };
    return waiting.messages < maximumQueuedMessages && waiting.bytes + message.size <= maximumQueuedBytes;
  }

  #enqueue(entry: QueuedMessage): void {
    this.#queue.push(entry);
    this.#queuedBytes += (entry.message as ApplicationMessage).size; // It was not sent yet.
  }

  #sendQos0(
    link: SessionLink,
    message: ApplicationMessage,
    retain: boolean,
    subscriptionIdentifiers: readonly number[],
    nowMs: number,
  ): void {
    const { outbox, version } = link;
    if (link.isFull) {
      this.#context.dropped.qos0 += 1;
      return;
    }
    if (subscriptionIdentifiers.length > 0 && version === 5 || link.aliases.maximum > 0) {
      this.#sendOwn(link, message, 0, retain, subscriptionIdentifiers, 0, false, nowMs);
      return;
    }
    const wire = retain ? undefined : message.wireFrame(version);
    if (wire !== undefined) {
      if (wire.end - wire.start > link.maximumPacketBytes) this.#context.dropped.tooLarge += 1; // [MQTT-3.1.2-25]
      else outbox.pushShared(wire.buffer, wire.start, wire.end);
    } else {
      const frame = message.frame(this.#context.encoders, version, 0, retain, nowMs);
      if (frame.length > link.maximumPacketBytes) this.#context.dropped.tooLarge += 1;
      else outbox.pushShared(frame.buffer, frame.byteOffset, frame.byteOffset + frame.length);
    }
    link.wake();
    link.onSent?.(message.packet(0, retain, nowMs));
  }

  /** Sends a message that has a Packet Identifier and takes one place of the Receive Maximum. [MQTT-4.9.0-2] */
  #sendPublish(link: SessionLink, entry: QueuedMessage, dup: boolean, nowMs: number): void {
    const { qos, retain, packetIdentifier, subscriptionIdentifiers } = entry;
    const message = entry.message as ApplicationMessage; // Neither received nor completed.
    entry.message = undefined; // Sent again on another connection only, and then from the storage.
    this.#sendQuota -= 1;
    const { version } = link;
    // A QoS 2 message leaves when its identifier is durable: repeated under another one it would be two messages.
    const heldUntil = qos === 2 && this.isDurable ? this.#context.log.writtenSequence : 0;
    if (subscriptionIdentifiers.length > 0 && version === 5 || link.aliases.maximum > 0 || !message.isShared) {
      if (
        !this.#sendOwn(link, message, qos, retain, subscriptionIdentifiers, packetIdentifier, dup, nowMs, heldUntil)
      ) {
        this.#finish(entry);
      }
      return;
    }
    const frame = message.frame(this.#context.encoders, version, qos, retain, nowMs);
    if (frame.length > link.maximumPacketBytes) {
      this.#context.dropped.tooLarge += 1;
      this.#finish(entry); // [MQTT-3.1.2-25]
      return;
    }
    const offset = packetIdentifierOffset(frame);
    link.outbox.pushPublish(frame, message.payload.length, offset, packetIdentifier, dup, heldUntil);
    link.wake();
    link.onSent?.({ ...message.packet(qos, retain, nowMs), packetIdentifier, dup });
  }

  /** Sends a PUBLISH that is this client's alone; false: it is larger than the client accepts. */
  #sendOwn(
    link: SessionLink,
    message: ApplicationMessage,
    qos: QoS,
    retain: boolean,
    subscriptionIdentifiers: readonly number[],
    packetIdentifier: number,
    dup: boolean,
    nowMs: number,
    heldUntil = 0,
  ): boolean {
    const packet = { ...message.packet(qos, retain, nowMs), packetIdentifier, dup };
    if (link.version === 5 && subscriptionIdentifiers.length > 0) {
      packet.properties = { ...packet.properties, subscriptionIdentifiers };
    }
    if (link.send(packet, heldUntil)) return true;
    this.#context.dropped.tooLarge += 1; // [MQTT-3.1.2-25]
    return false;
  }

  #sendPubrel(packetIdentifier: number, reasonCode: ReasonCode = ReasonCode.Success): void {
    const heldUntil = this.isDurable ? this.#context.log.writtenSequence : 0;
    this.#link?.send({ type: "pubrel", packetIdentifier, reasonCode, properties: NO_PROPERTIES }, heldUntil);
  }

  /** The client has the message, or will not get it: makes room for what waits. */
  #complete(entry: QueuedMessage, nowMs: number): void {
    this.#finish(entry);
    if (this.#queue.length > 0 || this.#resend.length > 0 || this.#retained.length > 0) this.pump(nowMs);
  }

  #finish(entry: QueuedMessage): void {
    this.#inflight.delete(entry.packetIdentifier);
    if (this.isDurable) this.#write({ kind: "completed", clientId: this.clientId, sequence: entry.sequence });
    const { receiveMaximum } = this.#link ?? { receiveMaximum: 0 };
    this.#sendQuota = Math.min(this.#sendQuota + 1, receiveMaximum, this.#context.limits.maximumInflight);
  }

  #writeQueued(entry: QueuedMessage, message: ApplicationMessage): void {
    const { sequence, qos, retain, subscriptionIdentifiers, packetIdentifier } = entry;
    const { clientId } = this;
    this.#write({
      kind: "queued",
      clientId,
      sequence,
      message,
      qos,
      retain,
      subscriptionIdentifiers,
      packetIdentifier,
    });
  }

  #write(change: Change): void {
    this.#context.log.write(change);
  }
}
