import type { RetainedDue, SessionChanges } from "./change.ts";
import type { ApplicationMessage } from "./message.ts";
import type { ConnectionPort } from "./connection_port.ts";
import type { Delivery } from "./delivery.ts";
import type { Retained, SessionContext } from "./session_context.ts";
import { type DeliveryOptions, mergeSubscriptions, type Subscription } from "./subscription.ts";
import type { ParsedTopicFilter } from "./topic_filter.ts";

// Milliseconds of the budget for a search through some 500 topics that matches none, for a message that the client may not
// get, and for one that is sent: to a session that ends with its connection, or to a durable one. (Deno 2.9, 2026-11-30)
const SEARCH_MS = 0.4;
const REFUSAL_MS = 0.002;
const SENT_MS = 0.001;
const SENT_DURABLY_MS = 0.002;
// Messages in one transaction with how far delivery has come: as much as Deno KV writes at once.
const TRANSACTION_MESSAGES = 128;
const TRANSACTION_BYTES = 131_072;

/** Retained messages that a subscription still has to get, see {@linkcode RetainedDue}. */
interface Waiting {
  readonly filter: ParsedTopicFilter;
  /** The rest of a pass through the messages; `undefined`: none is under way on this connection. */
  messages: Iterator<Retained | undefined> | undefined;
  /** Whether the pass has come upon any message. */
  isAny: boolean;
  after: string;
  until: number;
  passes: number;
  passesUntil: number;
  /** Number of further passes that were requested by a SUBSCRIBE which is not answered yet. */
  requested: number;
  /** Whether the storage does not know how far it has come. */
  isChanged: boolean;
  /** Sequence of the change that SUBSCRIBE has made; 0: another one has followed. */
  subscribedAt: number;
}

/**
 * Retained messages on their way to the subscriptions of one session (MQTT 5, section 3.3.1.3), as fast as the connection
 * takes them. Each SUBSCRIBE that asks for them adds a pass through all that its Topic Filter matches. A subscription that
 * replaces another one gets the rest of what that one waited for. [MQTT-3.8.4-4]
 *
 * A session that lives on keeps how far it has come: with the messages that were sent, all or nothing, so that each comes
 * once whatever happens in between.
 */
export class RetainedReplay {
  readonly #changes: SessionChanges;
  readonly #context: SessionContext;
  readonly #subscriptions: ReadonlyMap<string, Subscription>;
  readonly #delivery: Delivery;
  readonly #waiting = new Map<string, Waiting>();

  constructor(
    changes: SessionChanges,
    context: SessionContext,
    subscriptions: ReadonlyMap<string, Subscription>,
    delivery: Delivery,
  ) {
    this.#changes = changes;
    this.#context = context;
    this.#subscriptions = subscriptions;
    this.#delivery = delivery;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Takes back what a storage kept of a subscription. */
  restore(filter: ParsedTopicFilter, due: RetainedDue): void {
    this.#waiting.set(filter.topicFilter, { ...newWaiting(filter, 0), ...due });
  }

  /** Requests one more pass, which waits for {@linkcode begin}. */
  request(filter: ParsedTopicFilter): void {
    const { lastSequence } = this.#context.retained;
    const waiting = this.#waiting.get(filter.topicFilter) ?? newWaiting(filter, lastSequence);
    waiting.requested += 1;
    waiting.passesUntil = lastSequence;
    this.#waiting.set(filter.topicFilter, waiting);
  }

  /** SUBACK was sent: one pass that was requested may begin. */
  begin(topicFilter: string): void {
    const waiting = this.#waiting.get(topicFilter);
    if (waiting === undefined || waiting.requested === 0) return; // The subscription was ended in the meantime.
    waiting.requested -= 1;
    waiting.passes += 1;
  }

  /** The session has a connection: no SUBACK is on its way. */
  attach(): void {
    for (const waiting of this.#waiting.values()) {
      waiting.passes += waiting.requested;
      waiting.requested = 0;
    }
  }

  /** The connection is gone. */
  detach(): void {
    for (const waiting of this.#waiting.values()) waiting.messages = undefined;
  }

  /** The subscription ends: nothing more is sent. [MQTT-3.10.4-2] */
  drop(topicFilter: string): void {
    this.#waiting.delete(topicFilter);
  }

  /** Keeps a subscription of a session that lives on, with what it waits for; gives the sequence of the change. */
  write(subscription: Subscription): number {
    const { clientId } = this.#changes;
    const waiting = this.#waiting.get(subscription.filter.topicFilter);
    if (waiting === undefined) return this.#context.log.write({ kind: "subscribed", clientId, subscription });
    return waiting.subscribedAt = this.#write(subscription, waiting);
  }

  /** Sends what the connection takes. */
  send(port: ConnectionPort, nowMs: number): void {
    for (const waiting of this.#waiting.values()) if (!this.#sendAll(waiting, port, nowMs)) return;
  }

  /** Sends all messages of a subscription; false: the rest has to wait. */
  #sendAll(waiting: Waiting, port: ConnectionPort, nowMs: number): boolean {
    const subscription = this.#subscriptions.get(waiting.filter.topicFilter);
    if (subscription === undefined) return true; // It ends, and what waits for it.
    let outcome: "sent" | "waits" | "continues";
    do {
      outcome = this.#changes.isDurable
        ? this.#sendTransaction(waiting, subscription, port, nowMs)
        : this.#sendSome(waiting, subscription, port, nowMs, Infinity, Infinity);
    } while (outcome === "continues");
    return outcome === "sent";
  }

  /** Sends some messages, and keeps them with how far it has come. */
  #sendTransaction(waiting: Waiting, subscription: Subscription, port: ConnectionPort, nowMs: number) {
    const { log } = this.#context;
    log.begin();
    try {
      return this.#sendSome(waiting, subscription, port, nowMs, TRANSACTION_MESSAGES, TRANSACTION_BYTES);
    } finally {
      if (waiting.isChanged) {
        log.takeBack(waiting.subscribedAt); // This one says more.
        this.#write(subscription, waiting);
        waiting.subscribedAt = 0;
      }
      log.end();
    }
  }

  #sendSome(
    waiting: Waiting,
    subscription: Subscription,
    port: ConnectionPort,
    nowMs: number,
    most: number,
    mostBytes: number,
  ): "sent" | "waits" | "continues" {
    const delivery = this.#delivery;
    const { budget, limits } = this.#context;
    const options = mergeSubscriptions([subscription]) as DeliveryOptions; // There is one subscription.
    let bytes = 0;
    for (let count = 0; count < most && bytes < mostBytes;) {
      if (budget.isSpent) {
        port.pumpLater(); // Others have their turn first.
        return "waits";
      }
      if (port.outbox.bytes >= limits.maximumOutboxBytes / 2 || port.isFull) return "waits";
      // None is taken before it can be sent: in the meantime a newer one may take its place.
      if (!delivery.canSendRetained(port, options)) return "waits";
      const { value: retained, done } = this.#next(waiting);
      if (done) return "sent";
      const message = retained?.message;
      if (message === undefined) {
        budget.spend(SEARCH_MS);
      } else if (!this.#isDue(retained, message, waiting, subscription, options, nowMs)) {
        budget.spend(REFUSAL_MS);
      } else {
        delivery.deliver(message, options, nowMs, true);
        budget.spend(this.#changes.isDurable ? SENT_DURABLY_MS : SENT_MS);
        if (retained?.sequence !== undefined) this.#advance(waiting, message.topic);
        count += 1;
        bytes += message.size;
      }
    }
    return "continues";
  }

  #isDue(
    retained: Retained | undefined,
    message: ApplicationMessage,
    { until }: Waiting,
    { noLocal }: Subscription,
    options: DeliveryOptions,
    nowMs: number,
  ): boolean {
    if (nowMs >= message.expiresAtMs || !this.#delivery.permits(message.topic)) return false;
    if (noLocal && message.publisher === this.#changes.clientId) return false; // [MQTT-3.8.3-3]
    // With QoS 2 it was sent, or waits, as it was published since. With less that may have been left out.
    return (retained?.sequence ?? 0) <= until || this.#delivery.qosOf(message, options) < 2;
  }

  /** The next message; `done`: all have come that may come now. */
  #next(waiting: Waiting): IteratorResult<Retained | undefined> {
    while (waiting.passes > 0) {
      waiting.messages ??= this.#context.retained.matching(
        waiting.filter,
        this.#changes.isDurable ? waiting.after : undefined,
      );
      const result = waiting.messages.next();
      if (result.done !== true) {
        if (result.value !== undefined) waiting.isAny = true;
        return result;
      }
      // Where there is none, there is none in those that follow either.
      waiting.passes = waiting.isAny || waiting.after !== "" ? waiting.passes - 1 : 0;
      waiting.messages = undefined;
      waiting.isAny = false;
      waiting.after = "";
      waiting.until = waiting.passesUntil;
      waiting.isChanged = true;
    }
    if (waiting.requested === 0) this.#waiting.delete(waiting.filter.topicFilter);
    return { value: undefined, done: true };
  }

  #advance(waiting: Waiting, topic: string): void {
    waiting.after = topic;
    waiting.isChanged = true;
  }

  #write(subscription: Subscription, waiting: Waiting): number {
    waiting.isChanged = false;
    const { clientId } = this.#changes;
    const { after, until, passes, passesUntil, requested } = waiting;
    const due: RetainedDue = { after, until, passes: passes + requested, passesUntil };
    const rest = due.passes === 0 ? {} : { retainedDue: due };
    return this.#context.log.write({ kind: "subscribed", clientId, subscription, ...rest });
  }
}

function newWaiting(filter: ParsedTopicFilter, until: number): Waiting {
  return {
    filter,
    messages: undefined,
    isAny: false,
    after: "",
    until,
    passes: 0,
    passesUntil: until,
    requested: 0,
    isChanged: false,
    subscribedAt: 0,
  };
}
