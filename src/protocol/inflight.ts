import type { QoS } from "../codec/packet.ts";
import type { ApplicationMessage } from "./message.ts";

/** A message of a session until the client has it: with QoS 1 or 2, or with QoS 0 where such messages wait. */
export interface QueuedMessage {
  /** Counts up in a session, in the order of delivery. */
  readonly sequence: number;
  /**
   * `undefined` once it was sent, because whatever is sent again comes from the storage; but kept where another member of
   * a Shared Subscription may have to get it.
   */
  message: ApplicationMessage | undefined;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly subscriptionIdentifiers: readonly number[];
  /** Topic Filter of the Shared Subscription that it came by. */
  readonly sharedFilter: string | undefined;
  /** Whether it was sent on the connection that the session has. */
  isSent: boolean;
  /** 0 until it is sent. */
  packetIdentifier: number;
  /** Whether PUBREC came (QoS 2): from then on PUBREL is repeated, not PUBLISH. */
  isReceived: boolean;
  /** What it counts for in flight; 0 while that is not limited. */
  bytes: number;
  /** Sequences of the changes that say that it is queued, and that it was sent behind that; 0: none. */
  queuedAt: number;
  sentAt: number;
}

const LARGEST_PACKET_IDENTIFIER = 65_535;

/** Messages that were sent and are not acknowledged, in the order in which they were sent (MQTT 5, sections 4.3, 4.9). */
export class Inflight {
  /** Made for the first one: most sessions have none. */
  #messages: Map<number, QueuedMessage> | undefined;
  #lastIdentifier = 0;

  get size(): number {
    return this.#messages?.size ?? 0;
  }

  /** Gives a message a Packet Identifier that is not in use. [MQTT-2.2.1-4] Fewer than 65,535 must be in flight. */
  add(entry: QueuedMessage): number {
    const messages = this.#messages ??= new Map();
    let identifier = this.#lastIdentifier;
    do {
      identifier = identifier === LARGEST_PACKET_IDENTIFIER ? 1 : identifier + 1;
    } while (messages.has(identifier));
    this.#lastIdentifier = identifier;
    entry.packetIdentifier = identifier;
    messages.set(identifier, entry);
    return identifier;
  }

  /** Takes a message back that was sent on an earlier connection. */
  restore(entry: QueuedMessage): void {
    this.#messages ??= new Map();
    this.#messages.set(entry.packetIdentifier, entry);
    this.#lastIdentifier = Math.max(this.#lastIdentifier, entry.packetIdentifier);
  }

  get(packetIdentifier: number): QueuedMessage | undefined {
    return this.#messages?.get(packetIdentifier);
  }

  delete(packetIdentifier: number): void {
    this.#messages?.delete(packetIdentifier);
  }

  clear(): void {
    this.#messages = undefined;
  }

  values(): Iterable<QueuedMessage> {
    return this.#messages?.values() ?? [];
  }
}
