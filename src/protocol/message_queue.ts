import { type Backlog, ENTRY_BYTES } from "./backlog.ts";
import type { QueuedMessage } from "./inflight.ts";
import type { Limits } from "./limits.ts";
import type { ApplicationMessage } from "./message.ts";

// Of messages in the storage only so many are watched: what is known of one costs about as much as the message.
const MOST_WATCHED_IN_STORAGE = 10_000;
// What comes from the storage at a time, and when it is time for more.
const PAGE_MESSAGES = 2_048;
const PAGE_BYTES = 1_048_576;
const FEW_MESSAGES = 512;

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
 * Messages of a session that are not sent yet. Without a connection they are in the storage, and counted. With one they
 * come back page by page, and as long as some are in the storage only, whatever arrives lines up there behind them.
 * Those that expire make room for others when they have.
 */
export class MessageQueue {
  readonly #limits: Limits;
  readonly #backlog: Backlog;
  readonly #onExpired: (sequence: number) => void;
  readonly #queue = new Queue<QueuedMessage>();
  #inMemory: Sum = { messages: 0, bytes: 0 };
  /** In the storage only. */
  #stored: Sum = { messages: 0, bytes: 0 };
  /** The sequence up to which the storage has nothing more. */
  #readUntil = 0;
  /** What has come back since {@linkcode beginPage}. */
  #page: Sum = { messages: 0, bytes: 0 };
  /** The sequence up to which they have come back from the storage; `undefined`: all have. */
  #loadedUntil: number | undefined;
  #expiring: Expiring[] = [];

  /** @param onExpired told of each that is taken out because it has expired */
  constructor(limits: Limits, backlog: Backlog, onExpired: (sequence: number) => void) {
    this.#limits = limits;
    this.#backlog = backlog;
    this.#onExpired = onExpired;
  }

  /** Those in memory, and those in the storage of a session without connection. */
  get count(): number {
    return this.#inMemory.messages + this.#stored.messages;
  }

  /** What these hold: payloads, topics and properties. */
  get bytes(): number {
    return this.#inMemory.bytes + this.#stored.bytes;
  }

  /** The same with what the entries hold that are in memory. */
  get bytesWithEntries(): number {
    return this.bytes + this.#inMemory.messages * ENTRY_BYTES;
  }

  /** Bytes that they hold with their entries; with a connection, only those in the storage. */
  heldBytes(isOnline: boolean): number {
    const { messages, bytes } = this.#stored;
    const inMemory = isOnline ? { messages: 0, bytes: 0 } : this.#inMemory;
    return bytes + inMemory.bytes + (messages + inMemory.messages) * ENTRY_BYTES;
  }

  /** Whether any is in memory, expired or not. */
  get isAnyInMemory(): boolean {
    return this.#queue.length > 0;
  }

  /** Whether some are in the storage only, while the session has a connection or is about to. */
  get isBehind(): boolean {
    return this.#loadedUntil !== undefined;
  }

  /** Whether it is time to load more of them. */
  get wantsPage(): boolean {
    return this.isBehind && this.#inMemory.messages < FEW_MESSAGES;
  }

  /** Whether enough of them have come for once. */
  get isPageFull(): boolean {
    return this.#page.messages >= PAGE_MESSAGES || this.#page.bytes >= PAGE_BYTES;
  }

  /** Whether the limits let one more wait. */
  hasRoomFor(message: ApplicationMessage, isOnline: boolean, nowMs: number): boolean {
    const { maximumQueuedMessages, maximumQueuedBytes } = this.#limits;
    const hasRoom = () => {
      const stored = this.#stored;
      if (isOnline) {
        // A client that reads may be behind a burst: only what it holds counts, its entries included.
        return this.bytesWithEntries + message.size + ENTRY_BYTES <= maximumQueuedBytes;
      }
      return stored.messages < maximumQueuedMessages && stored.bytes + message.size <= maximumQueuedBytes;
    };
    if (hasRoom()) return true;
    if (this.#expiring.length === 0) return false;
    this.takeExpired(nowMs);
    return hasRoom();
  }

  /** Lets a message wait in memory. */
  push({ entry, message }: WaitingMessage): void {
    this.#queue.push(entry);
    this.#inMemory.messages += 1;
    this.#inMemory.bytes += message.size;
    this.#backlog.add(message);
    this.#watchExpiry(message, entry.sequence, entry);
  }

  /** Counts a message that waits in the storage only. */
  addStored(message: ApplicationMessage, sequence: number): void {
    this.#stored.messages += 1;
    this.#stored.bytes += message.size;
    // It is seen again before it is sent when it comes back soon.
    if (!this.isBehind && this.#expiring.length < MOST_WATCHED_IN_STORAGE) this.#watchExpiry(message, sequence);
  }

  /** Takes the first out of memory; `undefined`: it had expired, or there is none. */
  shift(nowMs: number): WaitingMessage | undefined {
    const entry = this.#queue.shift();
    const message = entry?.message;
    if (entry === undefined || message === undefined) return undefined;
    this.#inMemory.messages -= 1;
    this.#inMemory.bytes -= message.size;
    this.#backlog.delete(message);
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

  /** Those in the storage are about to come back through {@linkcode load}. */
  beginRestore(): void {
    this.#expiring = [];
    this.#loadedUntil = this.#readUntil = 0;
  }

  /** Gives the sequence up to which they have come back. */
  beginPage(): number {
    this.#page = { messages: 0, bytes: 0 };
    return this.#loadedUntil ?? 0;
  }

  /** Takes back a message from the storage; one in flight waits no longer, and is counted only. */
  load({ entry, message }: WaitingMessage): void {
    subtract(this.#stored, message.size);
    this.#loadedUntil = Math.max(this.#loadedUntil ?? 0, entry.sequence);
    if (entry.packetIdentifier > 0) return;
    this.push({ entry, message });
    this.#page.messages += 1;
    this.#page.bytes += message.size;
  }

  /** The storage has nothing more up to a sequence. */
  endPage(until: number): void {
    this.#loadedUntil = this.#readUntil = Math.max(this.#loadedUntil ?? 0, until);
  }

  /** With a connection, whatever arrives lines up in memory again once all up to the last sequence has come back. */
  catchUp(last: number): void {
    if (this.#loadedUntil !== last || this.#readUntil !== last) return;
    this.#loadedUntil = undefined;
    this.#stored = { messages: 0, bytes: 0 };
  }

  /** Leaves to the storage what is in memory, and `inflight` more messages. */
  leaveToStorage(inflight: number): void {
    const { messages, bytes } = this.#inMemory;
    this.#stored.messages += messages + inflight;
    this.#stored.bytes += bytes;
    const waiting = this.#expiring.filter(isWaiting);
    this.#expiring = waiting.map((expiring) => ({ ...expiring, entry: undefined }));
    this.#loadedUntil = undefined;
    for (const { message } of this.#queue.values()) if (message !== undefined) this.#backlog.delete(message);
    this.#queue.clear();
    this.#inMemory = { messages: 0, bytes: 0 };
  }

  /** Takes those out that have expired. */
  takeExpired(nowMs: number): void {
    this.#expiring = this.#expiring.filter((expiring) => {
      if (!isWaiting(expiring)) return false; // It was sent in the meantime.
      const { entry, bytes, sequence, expiresAtMs } = expiring;
      if (nowMs < expiresAtMs) return true;
      subtract(this.#stored, bytes);
      if (entry !== undefined) {
        subtract(this.#inMemory, bytes);
        if (entry.message !== undefined) this.#backlog.delete(entry.message);
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

/** First in, first out, without moving what stays. */
export class Queue<Item> {
  #items: (Item | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  /** The first one, which stays. */
  peek(): Item | undefined {
    return this.#items[this.#head];
  }

  shift(): Item | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) {
      this.clear();
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Without taking them out. */
  *values(): Generator<Item, undefined> {
    // Those behind the head are there.
    for (let index = this.#head; index < this.#items.length; index++) yield this.#items[index] as Item;
  }

  clear(): void {
    if (this.#items.length === 0) return;
    this.#items = [];
    this.#head = 0;
  }
}
