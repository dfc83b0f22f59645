import type { ApplicationMessage } from "./message.ts";
import type { ParsedTopicFilter } from "./topic_filter.ts";

/** The retained messages of the broker, as subscriptions get them. */
export interface RetainedSource {
  /**
   * Messages that a Topic Filter matches, as they are when they are taken. `undefined` comes where many were looked at that
   * do not match.
   */
  matching(filter: ParsedTopicFilter): Iterator<ApplicationMessage | undefined>;
}

/** Retained messages that a subscription still has to get. */
export interface RetainedDelivery {
  readonly filter: ParsedTopicFilter;
  /** The rest of a pass through the messages; `undefined`: none is under way. */
  messages: Iterator<ApplicationMessage | undefined> | undefined;
  /** How many passes follow. */
  passes: number;
  /** How many passes more were requested by a SUBSCRIBE that is not answered yet. */
  requested: number;
}

/**
 * Retained messages on their way to the subscriptions of one session (MQTT 5, section 3.3.1.3). Each SUBSCRIBE that asks
 * for them begins one more pass through all that its Topic Filter matches. A subscription that replaces another one gets
 * the rest of what that one waited for. [MQTT-3.8.4-4]
 */
export class RetainedDeliveries {
  readonly #source: RetainedSource;
  readonly #deliveries = new Map<string, RetainedDelivery>();

  constructor(source: RetainedSource) {
    this.#source = source;
  }

  get isEmpty(): boolean {
    return this.#deliveries.size === 0;
  }

  /** Requests one more pass, which waits for {@linkcode begin}. */
  request(filter: ParsedTopicFilter): void {
    const known = this.#deliveries.get(filter.topicFilter);
    if (known !== undefined) known.requested += 1;
    else this.#deliveries.set(filter.topicFilter, { filter, messages: undefined, passes: 0, requested: 1 });
  }

  /** SUBACK was sent: one pass that was requested may begin. */
  begin(topicFilter: string): void {
    const delivery = this.#deliveries.get(topicFilter);
    if (delivery === undefined || delivery.requested === 0) return; // The subscription was ended in the meantime.
    delivery.requested -= 1;
    delivery.passes += 1;
  }

  /** No SUBACK is on its way: all passes that were requested may begin. */
  beginAll(): void {
    for (const delivery of this.#deliveries.values()) {
      delivery.passes += delivery.requested;
      delivery.requested = 0;
    }
  }

  /** The subscription ends: nothing more is sent. [MQTT-3.10.4-2] */
  drop(topicFilter: string): void {
    this.#deliveries.delete(topicFilter);
  }

  values(): Iterable<RetainedDelivery> {
    return this.#deliveries.values();
  }

  /** The next message of a delivery; `done`: all have come that may come now. */
  next(delivery: RetainedDelivery): IteratorResult<ApplicationMessage | undefined> {
    for (;;) {
      if (delivery.messages === undefined) {
        if (delivery.passes === 0) break;
        delivery.passes -= 1;
        delivery.messages = this.#source.matching(delivery.filter);
      }
      const result = delivery.messages.next();
      if (result.done !== true) return result;
      delivery.messages = undefined;
    }
    if (delivery.requested === 0) this.#deliveries.delete(delivery.filter.topicFilter);
    return { value: undefined, done: true };
  }
}
