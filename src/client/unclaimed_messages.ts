import type { Message } from "../codec/message.ts";
import type { Recipient, UnacknowledgedMessage } from "./unacknowledged_message.ts";

interface Unclaimed {
  readonly message: Message;
  readonly delivery: UnacknowledgedMessage;
}

/**
 * Messages that no subscription of this client wants. A session sends its stored messages right after CONNACK, before a
 * restarted program can subscribe: at first, those with QoS 1 and 2 wait for it, unacknowledged. Later ones are
 * acknowledged and dropped, because waiting messages take places of Receive Maximum from others.
 */
export class UnclaimedMessages implements Recipient {
  readonly isFull = false;
  dropped = 0;
  /** Recipient that wants all of them. */
  #taker: Recipient | undefined;
  readonly #untilMs: number;
  #messages: Unclaimed[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param waitMs time for which they wait, from now on */
  constructor(waitMs: number) {
    this.#untilMs = performance.now() + waitMs;
  }

  take(message: Message, delivery: UnacknowledgedMessage | undefined): void {
    if (this.#taker !== undefined) return this.#taker.take(message, delivery);
    const leftMs = this.#untilMs - performance.now();
    if (delivery === undefined || leftMs <= 0) {
      this.dropped += 1;
      return;
    }
    delivery.hold();
    this.#messages.push({ message, delivery });
    this.#timer ??= setTimeout(() => this.#expire(), leftMs);
  }

  /** Gives the matching messages to a recipient that wants them now. */
  claim(isWanted: (topic: string) => boolean, recipient: Recipient): void {
    const wanted = this.#messages.filter(({ message }) => isWanted(message.topic));
    this.#messages = this.#messages.filter(({ message }) => !isWanted(message.topic));
    for (const { message, delivery } of wanted) {
      recipient.take(message, delivery);
      delivery.release();
    }
  }

  /** Gives all messages, now and from now on, to a recipient; `undefined`: it no longer wants them. */
  passTo(recipient: Recipient | undefined): void {
    this.#taker = recipient;
    if (recipient !== undefined) this.claim(() => true, recipient);
  }

  /** Forgets them; the server still has them. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#messages = [];
  }

  #expire(): void {
    const messages = this.#messages;
    this.#messages = [];
    this.dropped += messages.length;
    for (const { delivery } of messages) delivery.release();
  }
}
