import type { QueuedMessage } from "./inflight.ts";
import type { Limits } from "./limits.ts";
import type { ApplicationMessage } from "./message.ts";
import { Queue } from "./queue.ts";

// What an entry of the queue holds beside its message. (Deno 2.9, 2026-11)
const ENTRY_BYTES = 200;

/** A sum of messages. */
interface Sum {
  messages: number;
  bytes: number;
}

/** A message that waits, and expires. */
interface Expiring {
  readonly sequence: number;
  readonly expiresAtMs: number;
  readonly bytes: number;
  /** Where it is in memory. */
  readonly entry: QueuedMessage | undefined;
}

/** A message that waits in memory. */
export interface WaitingMessage {
  readonly entry: QueuedMessage;
  readonly message: ApplicationMessage;
}

/**
 * Messages of a session that are not sent yet: in memory while it has a connection, counted while they are in the storage.
 * Those that expire make room for others when they have.
 */
export class WaitingMessages {
  readonly #limits: Limits;
  readonly #onExpired: (sequence: number) => void;
  readonly #queue = new Queue<QueuedMessage>();
  #inMemory: Sum = { messages: 0, bytes: 0 };
  #stored: Sum = { messages: 0, bytes: 0 };
  #expiring: Expiring[] = [];

  /** @param onExpired told of each that is taken out because it has expired */
  constructor(limits: Limits, onExpired: (sequence: number) => void) {
    this.#limits = limits;
    this.#onExpired = onExpired;
  }

  /** Those in memory, and those in the storage of a session without connection. */
  get count(): number {
    return this.#inMemory.messages + this.#stored.messages;
  }

  /** Whether any is in memory, expired or not. */
  get isAnyInMemory(): boolean {
    return this.#queue.length > 0;
  }

  /** Whether the limits let one more wait, in memory or in the storage. */
  hasRoomFor(message: ApplicationMessage, isInMemory: boolean, nowMs: number): boolean {
    const { maximumQueuedMessages, maximumQueuedBytes } = this.#limits;
    const hasRoom = () => {
      // While a session is restored, what is in memory is a part of what is stored.
      if (isInMemory) {
        // A client that reads may be behind a burst: only what it holds counts, its entries included.
        const { messages, bytes } = this.#inMemory;
        return bytes + message.size + (messages + 1) * ENTRY_BYTES <= maximumQueuedBytes;
      }
      const { messages, bytes } = this.#stored;
      return messages < maximumQueuedMessages && bytes + message.size <= maximumQueuedBytes;
    };
    if (hasRoom()) return true;
    if (this.#expiring.length === 0) return false;
    this.#takeExpired(nowMs);
    return hasRoom();
  }

  /** Lets a message wait in memory. */
  push({ entry, message }: WaitingMessage): void {
    this.#queue.push(entry);
    this.#inMemory.messages += 1;
    this.#inMemory.bytes += message.size;
    this.#watchExpiry(message, entry.sequence, entry);
  }

  /** Counts a message that waits in the storage; `isComing`: it is also about to come into memory. */
  addStored(message: ApplicationMessage, sequence: number, isComing: boolean): void {
    this.#stored.messages += 1;
    this.#stored.bytes += message.size;
    if (!isComing) this.#watchExpiry(message, sequence, undefined);
  }

  /** Takes the first out of memory; `undefined`: it had expired, or there is none. */
  shift(nowMs: number): WaitingMessage | undefined {
    const entry = this.#queue.shift();
    const message = entry?.message;
    if (entry === undefined || message === undefined) return undefined;
    this.#inMemory.messages -= 1;
    this.#inMemory.bytes -= message.size;
    if (nowMs < message.expiresAtMs) return { entry, message };
    this.#onExpired(entry.sequence); // [MQTT-3.3.2-5]
    return undefined;
  }

  /** Those in memory, in order. */
  values(): Iterable<QueuedMessage> {
    return this.#queue.values();
  }

  /** What the storage says that it has. */
  setStored(messages: number, bytes: number): void {
    this.#stored = { messages, bytes };
  }

  /** Those in the storage are about to come back through {@linkcode push}. */
  beginRestore(): void {
    this.#expiring = [];
  }

  /** They have come back. */
  endRestore(): void {
    this.#stored = { messages: 0, bytes: 0 };
  }

  /** Leaves to the storage what is in memory, and `inflight` more messages. */
  leaveToStorage(inflight: number): void {
    const { messages, bytes } = this.#inMemory;
    this.#stored = { messages: messages + inflight, bytes };
    const waiting = this.#expiring.filter(isWaiting);
    this.#expiring = waiting.map((expiring) => ({ ...expiring, entry: undefined }));
    this.forget();
  }

  /** Forgets what is in memory. */
  forget(): void {
    this.#queue.clear();
    this.#inMemory = { messages: 0, bytes: 0 };
  }

  /** Takes those out that have expired. */
  #takeExpired(nowMs: number): void {
    this.#expiring = this.#expiring.filter((expiring) => {
      if (!isWaiting(expiring)) return false; // It was sent in the meantime.
      const { entry, bytes, sequence, expiresAtMs } = expiring;
      if (nowMs < expiresAtMs) return true;
      subtract(this.#stored, bytes);
      if (entry !== undefined) {
        subtract(this.#inMemory, bytes);
        entry.message = undefined;
      }
      this.#onExpired(sequence);
      return false;
    });
  }

  #watchExpiry({ expiresAtMs, size: bytes }: ApplicationMessage, sequence: number, entry?: QueuedMessage): void {
    if (expiresAtMs !== Infinity) this.#expiring.push({ sequence, expiresAtMs, bytes, entry });
  }
}

/** Whether it has neither been sent nor taken out. */
function isWaiting({ entry }: Expiring): boolean {
  return entry === undefined || (entry.packetIdentifier === 0 && entry.message !== undefined);
}

/** Takes one message out of a sum that has it; a sum that is not in use stays at 0. */
function subtract(sum: Sum, bytes: number): void {
  sum.messages = Math.max(0, sum.messages - 1);
  sum.bytes = Math.max(0, sum.bytes - bytes);
}
