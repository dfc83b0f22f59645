import type { QoS } from "../codec/packet.ts";
import type { ClientIdentity } from "./access.ts";
import type { WaitingQos0 } from "./backlog.ts";
import type { SessionChanges } from "./change.ts";
import { type ConnectionPort, sendQos0, sendQueuedQos0 } from "./connection_port.ts";
import type { Inflight } from "./inflight.ts";
import type { Limits } from "./limits.ts";
import type { ApplicationMessage } from "./message.ts";
import type { MessageQueue, QueuedMessage } from "./message_queue.ts";
import type { SessionContext } from "./session_context.ts";
import type { DeliveryOptions } from "./subscription.ts";

/**
 * Decides over each message for the client of a session, when it comes and again while it waits: it is sent, queued or
 * dropped (MQTT 5, sections 3.3.4 and 4.9).
 */
export class Delivery {
  readonly #changes: SessionChanges;
  readonly #context: SessionContext;
  readonly #queue: MessageQueue;
  readonly #inflight: Inflight;
  readonly #guard: DeliveryGuard | undefined;
  #port: ConnectionPort | undefined;
  /** Whether QoS 0 waits in the queue: asked for each message, which would otherwise load one more object a subscriber. */
  #isQos0Waiting = false;
  /** Time until which publishers wait for the client; `undefined`: none has waited since it caught up. */
  #behindUntilMs: number | undefined;
  #isDropTold = false;

  constructor(changes: SessionChanges, context: SessionContext, queue: MessageQueue, inflight: Inflight) {
    this.#changes = changes;
    this.#context = context;
    this.#queue = queue;
    this.#inflight = inflight;
    if (context.deliveryRules !== undefined) this.#guard = new DeliveryGuard(context.deliveryRules);
  }

  /** The connection that messages go to; `undefined`: none, or one that is closing. */
  get port(): ConnectionPort | undefined {
    return this.#port;
  }

  /** Whether a message would be sent at once. */
  get isReady(): boolean {
    return this.#port !== undefined && this.#queue.isEmpty && this.#canSend(this.#port);
  }

  /** The client as access rules see it: messages are sent from now on if it may get them. */
  set identity(identity: ClientIdentity) {
    if (this.#guard !== undefined) this.#guard.identity = identity;
  }

  /** Whether messages of the topic may be delivered. */
  permits(topic: string): boolean {
    return this.#guard === undefined || this.#guard.permits(topic);
  }

  /** The QoS with which a message goes to the client. [MQTT-3.8.4-8] */
  qosOf(message: ApplicationMessage, options: DeliveryOptions): QoS {
    return message.qos < options.qos && !this.#context.settings.upgradesOutgoingQos ? message.qos : options.qos;
  }

  /** Messages may be sent to a connection from now on. */
  attach(port: ConnectionPort): void {
    this.#port = port;
    this.#isDropTold = false;
  }

  /** Nothing more is sent: the connection is closing. */
  unlink(): void {
    this.#port = undefined;
  }

  /** The connection is gone. */
  detach(): void {
    this.#port = undefined;
    this.#isQos0Waiting = false;
    this.#behindUntilMs = undefined;
  }

  /** Sends a message to the client, or lets it wait, or drops it as the limits say. */
  deliver(message: ApplicationMessage, options: DeliveryOptions, nowMs: number, isRetained = false): void {
    if (!this.permits(message.topic)) return;
    const qos = this.qosOf(message, options);
    const retain = isRetained || (options.retainAsPublished && message.retain); // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
    const port = this.#port;
    if (qos > 0 || this.#queuesQos0Message(port)) this.#deliverQueued(port, message, options, qos, retain, nowMs);
    else if (port !== undefined) this.#deliverQos0(port, message, options, retain, isRetained, nowMs);
  }

  /** Whether a retained message would be sent at once: it waits where it is retained, and not in the queue. */
  canSendRetained(port: ConnectionPort, { qos }: DeliveryOptions): boolean {
    if (this.#queue.isQos0Waiting) return false;
    return qos === 0 ? !this.#queuesQos0Message(port) : this.#canSend(port) && this.#queue.isEmpty;
  }

  /** Whether publishers should wait for the client: it takes what it gets, is far behind, and has not had its time. */
  isFarBehind(nowMs: number): boolean {
    const port = this.#port;
    const { backlog, limits } = this.#context;
    if (port === undefined || this.#queue.backlogBytes <= backlog.mark) return false;
    if (!backlog.isTakingSteadily(this.#stalledMs(port, nowMs))) return false;
    this.#behindUntilMs ??= nowMs + limits.maximumBacklogWaitMs;
    return nowMs < this.#behindUntilMs;
  }

  /** Sends what waits, as far as the Receive Maximum and the outbox allow. */
  pump(port: ConnectionPort, nowMs: number): void {
    this.#pumpResend(port, nowMs);
    const queue = this.#queue;
    // In turns: neither keeps the other from leaving.
    for (let isSent = true; isSent;) {
      isSent = queue.isAnyInMemory && this.#canSend(port);
      if (isSent) this.#sendQueued(port, nowMs);
      if (!queue.isQos0Waiting || port.isFull) continue;
      isSent = true;
      const waiting = queue.shiftQos0();
      this.#isQos0Waiting = queue.isQos0Waiting;
      this.#sendWaitingQos0(port, waiting, nowMs);
    }
    if (queue.isEmpty && !queue.isQos0Waiting) this.#behindUntilMs = undefined;
    if (queue.wantsPage) port.wake();
  }

  /** Sends again what was in flight on an earlier connection, before all else. [MQTT-4.6.0-1] */
  #pumpResend(port: ConnectionPort, nowMs: number): void {
    const inflight = this.#inflight;
    while (inflight.isResending && inflight.hasQuota && this.#port === port) {
      const entry = inflight.shiftResend();
      if (entry === undefined) continue;
      const message = entry.message as ApplicationMessage; // It came from the storage.
      if (this.permits(message.topic)) this.#sendIdentified(port, entry, message, true, nowMs);
      else inflight.giveUp(port, entry);
    }
  }

  /** Sends a message that is in the queue of the session until it is acknowledged, or lets it wait there. */
  #deliverQueued(
    port: ConnectionPort | undefined,
    message: ApplicationMessage,
    options: DeliveryOptions,
    qos: QoS,
    retain: boolean,
    nowMs: number,
  ): void {
    if (port === undefined && !this.#changes.isDurable) return;
    const isSentNow = port !== undefined && this.#queue.isEmpty && this.#canSend(port);
    if (!isSentNow) {
      const limit = port === undefined
        ? this.#queue.limitOffline(message, nowMs)
        : this.#queue.limitOnline(message, this.#stalledMs(port, nowMs), nowMs);
      if (limit !== undefined) return this.#drop("queueFull", limit);
    }
    const { subscriptionIdentifiers, sharedFilter } = options;
    const entry: QueuedMessage = {
      sequence: this.#queue.nextSequence(),
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
      entry.queuedAt = this.#changes.queued(entry, message);
      this.#sendIdentified(port, entry, message, false, nowMs);
    } else {
      entry.queuedAt = this.#changes.queued(entry, message.own());
      this.#queue.add(entry, message);
    }
  }

  /** Whether QoS 0 waits in the queue, after others that wait too, so that messages of a topic stay in order. */
  #queuesQos0Message(port: ConnectionPort | undefined): boolean {
    if (!this.#context.settings.queuesQos0Messages || !this.#changes.isDurable) return false;
    return port === undefined || (!this.#queue.isEmpty && !this.#queue.isQos0Waiting);
  }

  #deliverQos0(
    port: ConnectionPort,
    message: ApplicationMessage,
    { subscriptionIdentifiers }: DeliveryOptions,
    retain: boolean,
    isRetained: boolean,
    nowMs: number,
  ): void {
    const { encoders } = this.#context;
    if (this.#isQos0Waiting || port.isFull) {
      this.#waitQos0(port, message, retain, subscriptionIdentifiers, nowMs);
    } else if (isRetained && this.#changes.isDurable) {
      this.#sendRetainedQos0(port, message, retain, subscriptionIdentifiers, nowMs);
    } else if (sendQos0(port, encoders, message, retain, subscriptionIdentifiers, nowMs)) {
      message.trace?.delivered(this.#changes.clientId, 0);
    } else {
      this.#queue.countDropped("tooLarge");
    }
  }

  /** The next change says that it was sent: after a crash it must not come twice. */
  #sendRetainedQos0(
    port: ConnectionPort,
    message: ApplicationMessage,
    retain: boolean,
    subscriptionIdentifiers: readonly number[],
    nowMs: number,
  ): void {
    const heldUntil = this.#context.log.writtenSequence + 1;
    if (sendQueuedQos0(port, message, { retain, subscriptionIdentifiers }, heldUntil, nowMs)) return;
    this.#queue.countDropped("tooLarge");
  }

  /** Lets a message wait for a client that takes what it gets, or drops it. */
  #waitQos0(
    port: ConnectionPort,
    message: ApplicationMessage,
    retain: boolean,
    subscriptionIdentifiers: readonly number[],
    nowMs: number,
  ): void {
    const limit = this.#queue.limitQos0(message, nowMs - port.writingSinceMs);
    if (limit !== undefined) return this.#drop("qos0", limit);
    this.#queue.addQos0({ message: message.own(), retain, subscriptionIdentifiers });
    this.#isQos0Waiting = true;
  }

  #sendQueued(port: ConnectionPort, nowMs: number): void {
    const entry = this.#queue.shift(nowMs);
    if (entry === undefined) return;
    const message = entry.message as ApplicationMessage; // It is not sent yet.
    if (!this.permits(message.topic)) return this.#changes.completed(entry.sequence); // The rules have changed since.
    if (entry.qos === 0) {
      this.#changes.acknowledged(entry); // Before it leaves: it must not come twice.
      const { heldUntil } = this.#changes;
      if (sendQueuedQos0(port, message, entry, heldUntil, nowMs)) message.trace?.delivered(this.#changes.clientId, 0);
      else this.#queue.countDropped("tooLarge");
      return;
    }
    entry.sentAt = this.#changes.sent(entry.sequence, this.#inflight.add(entry));
    this.#sendIdentified(port, entry, message, false, nowMs);
  }

  #sendIdentified(
    port: ConnectionPort,
    entry: QueuedMessage,
    message: ApplicationMessage,
    dup: boolean,
    nowMs: number,
  ): void {
    if (this.#inflight.send(port, entry, message, dup, nowMs)) {
      message.trace?.delivered(this.#changes.clientId, entry.qos);
    } else this.#queue.countDroppedHere("tooLarge");
  }

  #sendWaitingQos0(port: ConnectionPort, waiting: WaitingQos0 | undefined, nowMs: number): void {
    if (waiting === undefined) return;
    const { message, retain, subscriptionIdentifiers } = waiting;
    if (!this.permits(message.topic)) return; // The rules have changed while it waited.
    const { encoders } = this.#context;
    if (nowMs >= message.expiresAtMs) this.#queue.countDropped("expired"); // [MQTT-3.3.2-5]
    else if (sendQos0(port, encoders, message, retain, subscriptionIdentifiers, nowMs)) {
      message.trace?.delivered(this.#changes.clientId, 0);
    } else {
      this.#queue.countDropped("tooLarge");
    }
  }

  #canSend(port: ConnectionPort): boolean {
    const inflight = this.#inflight;
    // A hook that is told of what is sent may have ended the connection: the rest waits in the session.
    return inflight.hasQuota && !inflight.isResending && this.#port === port && !port.isFull;
  }

  /** Time for which the client has taken neither bytes that wait nor, beyond its Receive Maximum, messages. */
  #stalledMs(port: ConnectionPort, nowMs: number): number {
    const { hasQuota, progressMs } = this.#inflight;
    return nowMs - Math.min(port.writingSinceMs, hasQuota ? Infinity : progressMs);
  }

  #drop(reason: "qos0" | "queueFull", limit: keyof Limits): void {
    this.#queue.countDropped(reason);
    if (this.#isDropTold) return;
    this.#isDropTold = true;
    this.#context.dropsBegin(this.#changes.clientId, this.#port !== undefined, limit);
  }
}

// A client that gets messages of more topics is asked about again: 64 MiB for 10,000 clients, at most.
const MOST_REMEMBERED_TOPICS = 128;

type DeliveryRules = NonNullable<SessionContext["deliveryRules"]>;

/** Access at delivery for one client: asked once for each topic, until the rules change. */
class DeliveryGuard {
  readonly #rules: DeliveryRules;
  readonly #answers = new Map<string, boolean>();
  #version: number;
  #identity: ClientIdentity | undefined;

  constructor(rules: DeliveryRules) {
    this.#rules = rules;
    this.#version = rules.version;
  }

  /** `undefined`: a session that was restored and has not been connected since. */
  set identity(identity: ClientIdentity | undefined) {
    this.#identity = identity;
    this.#answers.clear();
  }

  permits(topic: string): boolean {
    // Its rights are known when it connects: until then its messages wait, and are asked about before they are sent.
    if (this.#identity === undefined) return true;
    if (this.#version !== this.#rules.version) {
      this.#version = this.#rules.version;
      this.#answers.clear();
    }
    const known = this.#answers.get(topic);
    if (known !== undefined) return known;
    const answer = this.#rules.mayReceive(this.#identity, topic);
    if (this.#answers.size >= MOST_REMEMBERED_TOPICS) this.#answers.clear();
    this.#answers.set(topic, answer);
    return answer;
  }
}
