import type { Message } from "../codec/message.ts";
import { Queue } from "../protocol/queue.ts";
import type { Recipient, UnacknowledgedMessage } from "./unacknowledged_message.ts";

type Reading = PromiseWithResolvers<IteratorResult<Message, undefined>>;

/**
 * Buffer of one subscription for messages until its reader takes them. Up to `maximumMessages` are acknowledged on
 * arrival; those beyond, with QoS 1 and 2, when they have moved up, so that the server sends no more than Receive
 * Maximum of them. If requested, none is acknowledged before the reader takes it.
 */
export class MessageBuffer implements Recipient {
  dropped = 0;
  readonly #maximumMessages: number;
  readonly #onRoom: () => void;
  readonly #messages = new Queue<Message>();
  /** Readers that wait for a message; there is none in the buffer then. */
  readonly #readings = new Queue<Reading>();
  /** Deliveries of the last messages: those beyond the maximum. */
  readonly #held = new Queue<UnacknowledgedMessage>();
  /** Deliveries of messages that are acknowledged on reading; `undefined`: all are acknowledged before. */
  readonly #untilRead: Map<Message, UnacknowledgedMessage> | undefined;
  #isOpen = true;
  #failure: { readonly error: unknown } | undefined;

  /** @param onRoom called when the buffer has become half empty */
  constructor(maximumMessages: number, acknowledges: "buffered" | "read", onRoom: () => void) {
    this.#maximumMessages = maximumMessages;
    this.#untilRead = acknowledges === "read" ? new Map() : undefined;
    this.#onRoom = onRoom;
  }

  get isFull(): boolean {
    return this.#messages.length >= this.#maximumMessages && this.#readings.length === 0;
  }

  /** Next message, as soon as there is one; rejects after a failure. */
  next(): Promise<IteratorResult<Message, undefined>> {
    const message = this.#messages.shift();
    if (message === undefined) return this.#nextLater();
    this.#untilRead?.get(message)?.release();
    this.#untilRead?.delete(message);
    while (this.#held.length > Math.max(0, this.#messages.length - this.#maximumMessages)) {
      this.#held.shift()?.release();
    }
    if (this.#messages.length === this.#maximumMessages >> 1) this.#onRoom();
    return Promise.resolve({ value: message, done: false });
  }

  take(message: Message, delivery: UnacknowledgedMessage | undefined): void {
    if (!this.#isOpen) return;
    const reading = this.#readings.shift();
    if (reading !== undefined) {
      reading.resolve({ value: message, done: false });
      return;
    }
    if (delivery !== undefined && this.#untilRead !== undefined) {
      delivery.hold();
      this.#untilRead.set(message, delivery);
    } else if (this.isFull) {
      if (delivery === undefined) {
        this.dropped += 1;
        return;
      }
      delivery.hold();
      this.#held.push(delivery);
    }
    this.#messages.push(message);
  }

  /** Ends after the messages that were acknowledged; the server still has the others. */
  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const kept = this.#messages.length - this.#held.length;
    const messages = [...this.#messages.values()].slice(0, kept).filter((message) => !this.#untilRead?.has(message));
    this.#messages.clear();
    this.#held.clear();
    this.#untilRead?.clear();
    for (const message of messages) this.#messages.push(message);
    this.#endReadings();
  }

  /** Ends at once, without the messages that wait, and releases their deliveries. */
  stop(): void {
    this.#isOpen = false;
    this.#empty();
    this.#endReadings();
  }

  /** Ends at once, and lets reading fail. */
  fail(error: unknown): void {
    if (this.#failure !== undefined || !this.#isOpen && this.#messages.length === 0) return;
    this.#failure = { error };
    this.stop();
  }

  #nextLater(): Promise<IteratorResult<Message, undefined>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    if (!this.#isOpen) return Promise.resolve({ value: undefined, done: true });
    const reading: Reading = Promise.withResolvers();
    this.#readings.push(reading);
    return reading.promise;
  }

  #empty(): void {
    this.#messages.clear();
    for (let delivery = this.#held.shift(); delivery !== undefined; delivery = this.#held.shift()) delivery.release();
    for (const delivery of this.#untilRead?.values() ?? []) delivery.release();
    this.#untilRead?.clear();
    this.#onRoom();
  }

  #endReadings(): void {
    for (let reading = this.#readings.shift(); reading !== undefined; reading = this.#readings.shift()) {
      if (this.#failure !== undefined) reading.reject(this.#failure.error);
      else reading.resolve({ value: undefined, done: true });
    }
  }
}
