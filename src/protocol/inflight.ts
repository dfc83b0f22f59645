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

// More than these are a bit each: until then the list is smaller, and as fast to look through.
const MOST_IN_LIST = 128;
const WORDS = 65_536 / 32;

/**
 * Packet Identifiers in use, in no particular order. A `Set` of all 65,535 holds 2 MB; this one holds 8 KiB.
 * (Deno 2.9, 2026-11-30)
 */
export class PacketIdentifierSet {
  #size = 0;
  #list: number[] = [];
  /** One bit for each identifier, in place of the list. */
  #bits: Uint32Array | undefined;

  get size(): number {
    return this.#size;
  }

  has(identifier: number): boolean {
    if (this.#bits === undefined) return this.#list.includes(identifier);
    return (wordOf(this.#bits, identifier) & maskOf(identifier)) !== 0;
  }

  add(identifier: number): void {
    if (this.has(identifier)) return;
    this.#size += 1;
    if (this.#bits === undefined && this.#size <= MOST_IN_LIST) {
      this.#list.push(identifier);
      return;
    }
    if (this.#bits === undefined) {
      const bits = this.#bits = new Uint32Array(WORDS);
      for (const known of this.#list) bits[known >>> 5] = wordOf(bits, known) | maskOf(known);
      this.#list = [];
    }
    this.#bits[identifier >>> 5] = wordOf(this.#bits, identifier) | maskOf(identifier);
  }

  /** Gives whether it was there. */
  delete(identifier: number): boolean {
    if (!this.has(identifier)) return false;
    this.#size -= 1;
    if (this.#bits !== undefined) {
      this.#bits[identifier >>> 5] = wordOf(this.#bits, identifier) & ~maskOf(identifier);
      if (this.#size === 0) this.#bits = undefined; // An idle session should hold little.
      return true;
    }
    const last = this.#list.pop();
    if (last !== undefined && last !== identifier) this.#list[this.#list.indexOf(identifier)] = last;
    return true;
  }

  *[Symbol.iterator](): Generator<number, void> {
    const bits = this.#bits;
    if (bits === undefined) {
      yield* this.#list;
      return;
    }
    for (let identifier = 0; identifier < WORDS * 32; identifier++) {
      if ((wordOf(bits, identifier) & maskOf(identifier)) !== 0) yield identifier;
    }
  }
}

function wordOf(bits: Uint32Array, identifier: number): number {
  return bits[identifier >>> 5] as number; // There is one for each of 16 bits.
}

function maskOf(identifier: number): number {
  return 1 << (identifier & 31);
}
