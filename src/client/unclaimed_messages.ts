import type { Delivery, Recipient } from "./delivery.ts";
import type { ReceivedMessage } from "./message.ts";

interface Unclaimed {
  readonly message: ReceivedMessage;
  readonly delivery: Delivery;
  readonly sinceMs: number;
}

/**
 * Messages that no subscription of this client wants. A session sends what it has kept right behind CONNACK, before a
 * program that was started again can subscribe: those with QoS 1 and 2 wait for it, unacknowledged, for a while.
 */
export class UnclaimedMessages implements Recipient {
  readonly isFull = false;
  dropped = 0;
  readonly #timeoutMs: number;
  #messages: Unclaimed[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  take(message: ReceivedMessage, delivery: Delivery | undefined): void {
    if (delivery === undefined) {
      this.dropped += 1;
      return;
    }
    delivery.hold();
    this.#messages.push({ message, delivery, sinceMs: performance.now() });
    this.#timer ??= setTimeout(this.#expire, this.#timeoutMs);
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

  /** Forgets them; the server has them still. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#messages = [];
  }

  readonly #expire = (): void => {
    const untilMs = performance.now() - this.#timeoutMs;
    const isLate = ({ sinceMs }: Unclaimed) => sinceMs <= untilMs;
    const late = this.#messages.filter(isLate);
    this.#messages = this.#messages.filter((unclaimed) => !isLate(unclaimed));
    this.dropped += late.length;
    for (const { delivery } of late) delivery.release();
    const next = this.#messages[0];
    this.#timer = next === undefined ? undefined : setTimeout(this.#expire, next.sinceMs - untilMs);
  };
}
