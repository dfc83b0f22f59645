import type { Recipient, UnacknowledgedMessage } from "./unacknowledged_message.ts";
import type { ReceivedMessage } from "./message.ts";

interface Unclaimed {
  readonly message: ReceivedMessage;
  readonly delivery: UnacknowledgedMessage;
}

/**
 * Messages that no subscription of this client wants. A session sends what it has kept right behind CONNACK, before a
 * program that was started again can subscribe: at first, those with QoS 1 and 2 wait for it, unacknowledged. Later they
 * are acknowledged and dropped, because what waits takes places of Receive Maximum from the others.
 */
export class UnclaimedMessages implements Recipient {
  readonly isFull = false;
  dropped = 0;
  /** Who wants all of them. */
  #taker: Recipient | undefined;
  readonly #untilMs: number;
  #messages: Unclaimed[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param waitMs how long they wait, from now on */
  constructor(waitMs: number) {
    this.#untilMs = performance.now() + waitMs;
  }

  take(message: ReceivedMessage, delivery: UnacknowledgedMessage | undefined): void {
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

  /** Gives those that match to somebody who wants them now. */
  claim(isWanted: (topic: string) => boolean, recipient: Recipient): void {
    const wanted = this.#messages.filter(({ message }) => isWanted(message.topic));
    this.#messages = this.#messages.filter(({ message }) => !isWanted(message.topic));
    for (const { message, delivery } of wanted) {
      recipient.take(message, delivery);
      delivery.release();
    }
  }

  /** Gives all of them, now and from now on, to somebody who wants them; `undefined`: he does not any more. */
  passTo(recipient: Recipient | undefined): void {
    this.#taker = recipient;
    if (recipient !== undefined) this.claim(() => true, recipient);
  }

  /** Forgets them; the server has them still. */
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
