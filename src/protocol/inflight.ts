import { NO_PROPERTIES } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { SessionChanges } from "./change.ts";
import { type ConnectionPort, sendIdentified } from "./connection_port.ts";
import type { ApplicationMessage } from "./message.ts";
import type { QueuedMessage } from "./message_queue.ts";
import { Queue } from "./queue.ts";
import type { SessionContext } from "./session_context.ts";

const LARGEST_PACKET_IDENTIFIER = 65_535;

/** Effect of an acknowledgement: the message is done, nothing has to follow, or another packet was due for its message. */
export type AcknowledgementEffect = "completed" | "none" | "unexpected";

/**
 * Messages with QoS 1 and 2 that were sent and are not acknowledged, in the order in which they were sent; the send quota
 * that bounds them, and those of an earlier connection that have to be sent again (MQTT 5, sections 4.3, 4.4 and 4.9).
 */
export class Inflight {
  readonly #changes: SessionChanges;
  readonly #context: SessionContext;
  /** Made for the first one: most sessions have none. */
  #messages: Map<number, QueuedMessage> | undefined;
  #lastIdentifier = 0;
  /** In flight on an earlier connection and not sent again yet. */
  readonly #resend = new Queue<QueuedMessage>();
  /** Number of messages that may still be sent (section 4.9). */
  #sendQuota = 0;
  /** Number that may be in flight on this connection. */
  #largestQuota = 0;
  /** Bytes in flight on this connection, where they are limited. */
  #bytes = 0;
  #progressMs = 0;

  constructor(changes: SessionChanges, context: SessionContext) {
    this.#changes = changes;
    this.#context = context;
  }

  get size(): number {
    return this.#messages?.size ?? 0;
  }

  /** Time when a message was sent or acknowledged last. */
  get progressMs(): number {
    return this.#progressMs;
  }

  /** Whether the client and the limits let one more message be sent. */
  get hasQuota(): boolean {
    return this.#sendQuota > 0 && this.#bytes < this.#context.limits.maximumInflightBytes;
  }

  /** Whether messages of an earlier connection have to be sent before others. [MQTT-4.6.0-1] */
  get isResending(): boolean {
    return this.#resend.length > 0;
  }

  values(): Iterable<QueuedMessage> {
    return this.#messages?.values() ?? [];
  }

  get(packetIdentifier: number): QueuedMessage | undefined {
    return this.#messages?.get(packetIdentifier);
  }

  /** The session has a connection: its Receive Maximum is the quota. [MQTT-4.9.0-1] */
  attach(receiveMaximum: number): void {
    this.#bytes = 0;
    this.#sendQuota = this.#largestQuota = Math.min(receiveMaximum, this.#context.limits.maximumInflight);
  }

  /** Sends PUBREL again where PUBREC came (MQTT 5, section 4.4); the messages before that wait for {@linkcode shiftResend}. */
  resume(port: ConnectionPort): void {
    for (const entry of this.values()) {
      if (entry.isReceived) {
        this.#sendPubrel(port, entry.packetIdentifier); // [MQTT-4.3.3-6]
        this.#sendQuota -= 1; // Its PUBCOMP gives it back. Below 0: more of them than the client takes messages now.
      } else {
        this.#resend.push(entry); // In their order. [MQTT-4.6.0-1]
      }
    }
  }

  /** Takes the next message that has to be sent again; `undefined`: it was acknowledged in the meantime, in part or wholly. */
  shiftResend(): QueuedMessage | undefined {
    const entry = this.#resend.shift();
    if (entry === undefined || this.get(entry.packetIdentifier) !== entry) return undefined;
    return entry.isReceived ? undefined : entry; // [MQTT-4.3.3-6]
  }

  /** The connection is gone: what was in flight is in the storage. */
  detach(): void {
    this.#resend.clear();
    this.#messages = undefined;
  }

  /** Takes a message back from the storage that was sent on an earlier connection. */
  restore(entry: QueuedMessage): void {
    (this.#messages ??= new Map()).set(entry.packetIdentifier, entry);
    this.#lastIdentifier = Math.max(this.#lastIdentifier, entry.packetIdentifier);
  }

  /** Takes from the storage that PUBREC came for a message. */
  restoreReceived(sequence: number): void {
    for (const entry of this.values()) if (entry.sequence === sequence) entry.isReceived = true;
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

  /**
   * Sends a message that has a Packet Identifier; it takes one place of the Receive Maximum. [MQTT-4.9.0-2] False: it is
   * larger than the client accepts, and ends.
   *
   * @param dup whether it was sent on an earlier connection
   */
  send(port: ConnectionPort, entry: QueuedMessage, message: ApplicationMessage, dup: boolean, nowMs: number): boolean {
    const { limits, encoders, dropped } = this.#context;
    entry.isSent = true;
    this.#progressMs = nowMs;
    // Sent again on another connection only, and then from the storage; but a QoS 1 message may go to another member.
    entry.message = entry.sharedFilter !== undefined && entry.qos === 1 ? message.own() : undefined;
    this.#sendQuota -= 1;
    if (limits.maximumInflightBytes !== Infinity) this.#bytes += entry.bytes = message.size;
    // A QoS 2 message leaves when its identifier is durable: repeated under another one it would be two messages.
    const heldUntil = entry.qos === 2 ? this.#changes.heldUntil : 0;
    if (sendIdentified(port, encoders, message, entry, dup, heldUntil, nowMs)) return true;
    dropped.tooLarge += 1;
    if (dup) this.#giveUp(port, entry);
    else this.#finish(entry); // [MQTT-3.1.2-25]
    return false;
  }

  /** Ends a message of an earlier connection that must not be sent again. */
  giveUp(port: ConnectionPort, entry: QueuedMessage): void {
    this.#sendQuota -= 1;
    this.#giveUp(port, entry);
  }

  /** PUBACK came. One for an identifier that is not in use says nothing: the message was acknowledged before. */
  puback(packetIdentifier: number, nowMs: number): AcknowledgementEffect {
    const entry = this.get(packetIdentifier);
    if (entry === undefined) return "none";
    return entry.qos === 1 ? this.#complete(entry, nowMs) : "unexpected";
  }

  /** PUBREC came; it is answered unless the message ends with it. */
  pubrec(
    port: ConnectionPort | undefined,
    packetIdentifier: number,
    reasonCode: ReasonCode,
    nowMs: number,
  ): AcknowledgementEffect {
    const entry = this.get(packetIdentifier);
    if (entry === undefined) {
      if (reasonCode < 0x80) this.#sendPubrel(port, packetIdentifier, ReasonCode.PacketIdentifierNotFound);
      return "none";
    }
    if (entry.qos !== 2) return "unexpected";
    if (reasonCode >= 0x80) return this.#complete(entry, nowMs); // [MQTT-4.4.0-2]
    entry.isReceived = true;
    this.#progressMs = nowMs;
    this.#changes.received(entry.sequence);
    this.#sendPubrel(port, packetIdentifier); // [MQTT-4.3.3-4]
    return "none";
  }

  /** PUBCOMP came. */
  pubcomp(packetIdentifier: number, nowMs: number): AcknowledgementEffect {
    const entry = this.get(packetIdentifier);
    if (entry === undefined) return "none";
    return entry.qos === 2 && entry.isReceived ? this.#complete(entry, nowMs) : "unexpected";
  }

  /** The client has the message, or will not get it. */
  #complete(entry: QueuedMessage, nowMs: number): "completed" {
    this.#progressMs = nowMs;
    this.#finish(entry);
    return "completed";
  }

  /**
   * The client may have the message, and with QoS 2 takes the next one with its Packet Identifier for the same until PUBREL
   * has come: the exchange resumes with that.
   */
  #giveUp(port: ConnectionPort, entry: QueuedMessage): void {
    entry.isReceived = true; // Takes a place until PUBCOMP.
    if (entry.qos === 1) return this.#finish(entry);
    entry.message = undefined;
    this.#changes.received(entry.sequence);
    this.#sendPubrel(port, entry.packetIdentifier);
  }

  #sendPubrel(
    port: ConnectionPort | undefined,
    packetIdentifier: number,
    reasonCode: ReasonCode = ReasonCode.Success,
  ): void {
    port?.send({ type: "pubrel", packetIdentifier, reasonCode, properties: NO_PROPERTIES }, this.#changes.heldUntil);
  }

  #finish(entry: QueuedMessage): void {
    this.#messages?.delete(entry.packetIdentifier);
    this.#changes.acknowledged(entry);
    if (!entry.isSent && !entry.isReceived) return; // It took no place on this connection.
    this.#bytes -= entry.bytes;
    this.#sendQuota = Math.min(this.#sendQuota + 1, this.#largestQuota);
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
