import type { QoS } from "../codec/packet.ts";
import type { Properties } from "../codec/property.ts";
import type { ApplicationMessage } from "../protocol/message.ts";
import { Queue } from "../protocol/queue.ts";
import type { Delivery } from "../protocol/subscription.ts";
import type { Subscriber } from "./router.ts";

/** A message as a reader in the broker's own process gets it. */
export interface Message {
  readonly topic: string;
  /** A view that others share: copy it before writing to it. */
  readonly payload: Uint8Array;
  readonly qos: QoS;
  /** Whether it was published with RETAIN, or comes from the retained messages. */
  readonly retain: boolean;
  readonly properties: Properties;
}

/**
 * Messages of a subscription in the broker's own process. Iterate it, or call `return` or `await using` to end it.
 * What is not taken waits, up to a number of messages; what comes beyond that is dropped and counted.
 */
export class BrokerSubscription implements AsyncIterableIterator<Message>, Subscriber {
  readonly clientId = undefined;
  /** Messages that were dropped because the reader was too slow. */
  dropped = 0;
  readonly #maximumMessages: number;
  readonly #unsubscribe: (self: BrokerSubscription) => void;
  readonly #messages = new Queue<Message>();
  readonly #readers = new Queue<(result: IteratorResult<Message, undefined>) => void>();
  #isEnded = false;

  constructor(maximumMessages: number, unsubscribe: (self: BrokerSubscription) => void) {
    this.#maximumMessages = maximumMessages;
    this.#unsubscribe = unsubscribe;
  }

  get isOnline(): boolean {
    return !this.#isEnded;
  }

  readonly isDurable = false;

  get isReady(): boolean {
    return !this.#isEnded && this.#messages.length < this.#maximumMessages;
  }

  isFarBehind(): boolean {
    return false;
  }

  /** What the broker's own process reads is its own affair. */
  permits(): boolean {
    return true;
  }

  deliver(message: ApplicationMessage, delivery: Delivery, _nowMs: number, isRetained = false): void {
    if (this.#isEnded) return;
    const reader = this.#readers.shift();
    if (reader === undefined && this.#messages.length >= this.#maximumMessages) {
      this.dropped += 1;
      return;
    }
    const { topic, payload, properties } = message.own();
    const qos = message.qos < delivery.qos ? message.qos : delivery.qos;
    const value: Message = { topic, payload, qos, retain: isRetained || message.retain, properties };
    if (reader === undefined) this.#messages.push(value);
    else reader({ value, done: false });
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    const value = this.#messages.shift();
    if (value !== undefined) return Promise.resolve({ value, done: false });
    if (this.#isEnded) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  /** Ends the subscription. */
  return(): Promise<IteratorResult<Message, undefined>> {
    if (!this.#isEnded) {
      this.#isEnded = true;
      this.#unsubscribe(this);
      for (let reader = this.#readers.shift(); reader !== undefined; reader = this.#readers.shift()) {
        reader({ value: undefined, done: true });
      }
    }
    this.#messages.clear();
    return Promise.resolve({ value: undefined, done: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
