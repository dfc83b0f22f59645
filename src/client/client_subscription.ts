import type { Message } from "../codec/message.ts";
import type { SubackPacket } from "../codec/packet.ts";
import type { MessageBuffer } from "./message_buffer.ts";

/**
 * Messages of a subscription: iterate it, or take one after the other with `next`. Leaving the loop, `unsubscribe` or
 * `await using` unsubscribes. It ends when the client is closed, and fails when the client has given up.
 * `ReadableStream.from(subscription)` makes a stream of it.
 */
export interface ClientSubscription extends AsyncIterableIterator<Message, undefined>, AsyncDisposable {
  /** Topic Filters as they were given. */
  readonly topicFilters: readonly string[];
  /** Answer of the server: a granted QoS or a refusal for each Topic Filter, and its properties. */
  readonly suback: SubackPacket;
  /** Number of messages with QoS 0 that were dropped because there was no room and reading could not stop. */
  readonly dropped: number;
  /** Next message, as soon as there is one; rejects when the subscription has failed. */
  next(): Promise<IteratorResult<Message, undefined>>;
  /** Unsubscribes, as leaving a loop does; see {@linkcode ClientSubscription.unsubscribe}. */
  return(): Promise<IteratorResult<Message, undefined>>;
  /** Ends the subscription, also during a read; resolves when the server has confirmed. Unread messages are lost. */
  unsubscribe(): Promise<void>;
  /** The same as {@linkcode ClientSubscription.unsubscribe}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Subscription that reads from a buffer. */
export class BufferedSubscription implements ClientSubscription {
  readonly topicFilters: readonly string[];
  readonly suback: SubackPacket;
  readonly #buffer: MessageBuffer;
  readonly #unsubscribe: () => Promise<void>;

  constructor(
    topicFilters: readonly string[],
    suback: SubackPacket,
    buffer: MessageBuffer,
    unsubscribe: () => Promise<void>,
  ) {
    this.topicFilters = topicFilters;
    this.suback = suback;
    this.#buffer = buffer;
    this.#unsubscribe = unsubscribe;
  }

  get dropped(): number {
    return this.#buffer.dropped;
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    return this.#buffer.next();
  }

  async return(): Promise<IteratorResult<Message, undefined>> {
    await this.unsubscribe();
    return { value: undefined, done: true };
  }

  async unsubscribe(): Promise<void> {
    this.#buffer.stop();
    await this.#unsubscribe();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unsubscribe();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
