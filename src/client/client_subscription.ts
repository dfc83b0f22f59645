import type { SubackPacket } from "../codec/packet.ts";
import type { ReceivedMessage } from "./message.ts";
import type { MessageBuffer } from "./message_buffer.ts";

/**
 * Messages of a subscription, as a stream: iterate it, pipe it, or take a reader of it. Leaving the loop, cancelling
 * the stream or `await using` unsubscribes. It ends when the client is closed, and fails when the client has given up.
 */
export class ClientSubscription extends ReadableStream<ReceivedMessage> implements AsyncDisposable {
  readonly topicFilters: readonly string[];
  /** Answer of the server: a granted QoS or a refusal for each Topic Filter, and its properties. */
  readonly suback: SubackPacket;
  readonly #buffer: MessageBuffer;
  readonly #unsubscribe: () => Promise<void>;

  /** Made by {@linkcode Client.subscribe}. */
  constructor(
    topicFilters: readonly string[],
    suback: SubackPacket,
    buffer: MessageBuffer,
    unsubscribe: () => Promise<void>,
  ) {
    super(buffer, { highWaterMark: 0 });
    this.topicFilters = topicFilters;
    this.suback = suback;
    this.#buffer = buffer;
    this.#unsubscribe = unsubscribe;
  }

  /** Number of messages with QoS 0 that were dropped because there was no room and reading could not stop. */
  get dropped(): number {
    return this.#buffer.dropped;
  }

  /** Ends the subscription, also during a read; resolves when the server has confirmed. Unread messages are lost. */
  async unsubscribe(): Promise<void> {
    this.#buffer.stop();
    await this.#unsubscribe();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unsubscribe();
  }
}
