import type { ChangeLog, QueuedChange } from "./change.ts";

/** Writes down what becomes of the messages of one session; a session that ends with its connection writes nothing. */
export class SessionChanges {
  readonly #log: ChangeLog;

  constructor(readonly clientId: string, readonly isDurable: boolean, log: ChangeLog) {
    this.#log = log;
  }

  /** Sequence of the change that packets wait for which depend on the changes of the session; 0: they need not wait. */
  get heldUntil(): number {
    return this.isDurable ? this.#log.writtenSequence : 0;
  }

  /** A message waits, or was sent with its Packet Identifier at once. Gives the sequence of the change; 0: none. */
  queued(
    { sequence, qos, retain, subscriptionIdentifiers, sharedFilter, packetIdentifier }: Omit<
      QueuedChange,
      "kind" | "clientId" | "message"
    >,
    message: QueuedChange["message"],
  ): number {
    if (!this.isDurable) return 0;
    return this.#log.write({
      kind: "queued",
      clientId: this.clientId,
      sequence,
      message: message.own(),
      qos,
      retain,
      subscriptionIdentifiers,
      sharedFilter,
      packetIdentifier,
    });
  }

  /** PUBLISH was sent. Gives the sequence of the change; 0: none. */
  sent(sequence: number, packetIdentifier: number): number {
    if (!this.isDurable) return 0;
    return this.#log.write({ kind: "sent", clientId: this.clientId, sequence, packetIdentifier });
  }

  /** PUBREC came. */
  received(sequence: number): void {
    if (this.isDurable) this.#log.write({ kind: "received", clientId: this.clientId, sequence });
  }

  /** The client has the message, or will not get it. */
  completed(sequence: number): void {
    if (this.isDurable) this.#log.write({ kind: "completed", clientId: this.clientId, sequence });
  }

  /** The same for a message whose changes the storage may not have got yet: then it need not be kept at all. */
  acknowledged({ sequence, queuedAt, sentAt }: Readonly<Record<"sequence" | "queuedAt" | "sentAt", number>>): void {
    if (this.#log.takeBack(queuedAt)) this.#log.takeBack(sentAt);
    else this.completed(sequence);
  }
}
