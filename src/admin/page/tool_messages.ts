import type { Message } from "../../codec/message.ts";

/** Message as the list of a connection keeps it. */
export interface ReceivedMessage {
  /** Number within the connection, from 1. */
  readonly number: number;
  readonly timeMs: number;
  readonly message: Message;
  /** Topic Filter of the subscription that got it. */
  readonly topicFilter: string;
}

/** Most messages of a connection that are kept. */
export const MOST_MESSAGES = 500;
/** Most bytes of topics and payloads of a connection that are kept: 4 MiB. */
export const MOST_MESSAGE_BYTES = 4_194_304;

/** Last messages of a connection; the oldest go, counted. */
export class MessageLog {
  #messages: ReceivedMessage[] = [];
  #bytes = 0;
  #count = 0;
  readonly #limits: { readonly messages: number; readonly bytes: number };

  constructor(limits = { messages: MOST_MESSAGES, bytes: MOST_MESSAGE_BYTES }) {
    this.#limits = limits;
  }

  /** Messages that are kept, oldest first. */
  get messages(): readonly ReceivedMessage[] {
    return this.#messages;
  }

  /** Messages that came. */
  get count(): number {
    return this.#count;
  }

  /** Messages that are no longer kept. */
  get dropped(): number {
    return this.#count - this.#messages.length;
  }

  add(message: Message, topicFilter: string, timeMs: number): void {
    this.#count += 1;
    this.#messages.push({ number: this.#count, timeMs, message, topicFilter });
    this.#bytes += bytesOf(message);
    // One message stays in any case: a list that is empty after a large one would say that none came.
    while (
      this.#messages.length > 1 &&
      (this.#messages.length > this.#limits.messages ||
        this.#bytes > this.#limits.bytes)
    ) {
      const oldest = this.#messages.shift();
      if (oldest !== undefined) this.#bytes -= bytesOf(oldest.message);
    }
  }

  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
    this.#count = 0;
  }
}

function bytesOf({ topic, payload }: Message): number {
  return topic.length * 2 + payload.length;
}
