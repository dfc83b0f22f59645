import { Queue } from "../protocol/queue.ts";
import type { Recipient, UnacknowledgedMessage } from "./unacknowledged_message.ts";
import type { ReceivedMessage } from "./message.ts";

/**
 * Buffer of one subscription for messages until its reader takes them. Up to `maximumMessages` are acknowledged on
 * arrival; those beyond, with QoS 1 and 2, when they have moved up, so that the server sends no more than Receive
 * Maximum of them. If requested, none is acknowledged before the reader takes it.
 */
export class MessageBuffer implements UnderlyingDefaultSource<ReceivedMessage>, Recipient {
  dropped = 0;
  readonly #maximumMessages: number;
  readonly #onRoom: () => void;
  readonly #onCancel: () => Promise<void>;
  readonly #messages = new Queue<ReceivedMessage>();
  /** Deliveries of the last messages: those beyond the maximum. */
  readonly #held = new Queue<UnacknowledgedMessage>();
  /** Deliveries of messages that are acknowledged on reading; `undefined`: all are acknowledged before. */
  readonly #untilRead: Map<ReceivedMessage, UnacknowledgedMessage> | undefined;
  #controller: ReadableStreamDefaultController<ReceivedMessage> | undefined;
  #isWanted = false;
  #phase: "open" | "ending" | "over" = "open";

  /**
   * @param onRoom called when the buffer has become half empty
   * @param onCancel called when the reader wants no more messages
   */
  constructor(
    maximumMessages: number,
    acknowledges: "buffered" | "read",
    onRoom: () => void,
    onCancel: () => Promise<void>,
  ) {
    this.#maximumMessages = maximumMessages;
    this.#untilRead = acknowledges === "read" ? new Map() : undefined;
    this.#onRoom = onRoom;
    this.#onCancel = onCancel;
  }

  get isFull(): boolean {
    return this.#messages.length >= this.#maximumMessages && !this.#isWanted;
  }

  start(controller: ReadableStreamDefaultController<ReceivedMessage>): void {
    this.#controller = controller;
    if (this.#phase === "over") controller.close();
  }

  pull(controller: ReadableStreamDefaultController<ReceivedMessage>): void {
    const message = this.#messages.shift();
    if (message === undefined) {
      this.#isWanted = true;
      return;
    }
    controller.enqueue(message);
    this.#untilRead?.get(message)?.release();
    this.#untilRead?.delete(message);
    while (this.#held.length > Math.max(0, this.#messages.length - this.#maximumMessages)) {
      this.#held.shift()?.release();
    }
    if (this.#phase === "ending" && this.#messages.length === 0) this.#close();
    else if (this.#messages.length === this.#maximumMessages >> 1) this.#onRoom();
  }

  async cancel(): Promise<void> {
    this.#phase = "over";
    this.#empty();
    await this.#onCancel();
  }

  take(message: ReceivedMessage, delivery: UnacknowledgedMessage | undefined): void {
    if (this.#phase !== "open") return;
    if (this.#isWanted) {
      this.#isWanted = false;
      this.#controller?.enqueue(message);
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

  /** Ends the stream after the messages that were acknowledged; the server still has the others. */
  end(): void {
    if (this.#phase !== "open") return;
    const kept = this.#messages.length - this.#held.length;
    const messages = [...this.#messages.values()].slice(0, kept).filter((message) => !this.#untilRead?.has(message));
    this.#messages.clear();
    this.#held.clear();
    this.#untilRead?.clear();
    for (const message of messages) this.#messages.push(message);
    this.#phase = "ending";
    if (messages.length === 0) this.#close();
  }

  /** Ends the stream at once. */
  stop(): void {
    this.#empty();
    this.#close();
  }

  fail(error: unknown): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#empty();
    this.#controller?.error(error);
  }

  /** Drops all messages, and releases their deliveries. */
  #empty(): void {
    this.#messages.clear();
    for (let delivery = this.#held.shift(); delivery !== undefined; delivery = this.#held.shift()) delivery.release();
    for (const delivery of this.#untilRead?.values() ?? []) delivery.release();
    this.#untilRead?.clear();
    this.#onRoom();
  }

  #close(): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#controller?.close();
  }
}
