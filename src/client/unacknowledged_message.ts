import type { Message } from "../codec/message.ts";

/** A message with QoS 1 or 2 that is not acknowledged yet, because one of its recipients has no room for it. */
export class UnacknowledgedMessage {
  readonly packetIdentifier: number;
  readonly qos: 1 | 2;
  /** Whether its PUBLISH came on the current connection: only then it may be acknowledged. */
  isHere = true;
  #waitingFor = 0;
  readonly #onTaken: (delivery: UnacknowledgedMessage) => void;

  constructor(packetIdentifier: number, qos: 1 | 2, onTaken: (delivery: UnacknowledgedMessage) => void) {
    this.packetIdentifier = packetIdentifier;
    this.qos = qos;
    this.#onTaken = onTaken;
  }

  get isTaken(): boolean {
    return this.#waitingFor === 0;
  }

  /** Adds a recipient that must take it before it is acknowledged. */
  hold(): void {
    this.#waitingFor += 1;
  }

  /** Notes that one of these recipients has taken it, or no longer wants it. */
  release(): void {
    this.#waitingFor -= 1;
    if (this.#waitingFor === 0) this.#onTaken(this);
  }
}

/** Recipient of messages. */
export interface Recipient {
  /** Whether there is no room for another message. */
  readonly isFull: boolean;
  /** Messages that were dropped because there was no room. */
  dropped: number;
  /** Takes a message; without room, it calls `delivery.hold()`, and `delivery.release()` once there is room. */
  take(message: Message, delivery: UnacknowledgedMessage | undefined): void;
}
