import type { QoS } from "../codec/packet.ts";
import { ENTRY_BYTES, Qos0Backlog, type WaitingQos0 } from "./backlog.ts";
import type { SessionChanges } from "./change.ts";
import type { Limits } from "./limits.ts";
import type { ApplicationMessage } from "./message.ts";
import { Queue } from "./queue.ts";
import type { DropCounts, SessionContext } from "./session_context.ts";
import type { SessionHolding } from "./session_holding.ts";

// Messages in the storage whose expiry is watched: a note about one costs about as much as the message.
const MOST_WATCHED_IN_STORAGE = 10_000;
// Messages that are read from the storage at a time, and how few are left in memory when the next page is read.
const PAGE_MESSAGES = 2_048;
const PAGE_BYTES = 1_048_576;
const FEW_MESSAGES = 512;

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
  /** Bytes that it counts for in flight; 0 while these are not limited. */
  bytes: number;
  /** Sequences of the changes that say that it is queued, and that it was sent after that; 0: none. */
  queuedAt: number;
  sentAt: number;
}

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
  /** The message in memory; `undefined`: it is in the storage only. */
  readonly entry: QueuedMessage | undefined;
}

/**
 * Messages of a session that are not sent yet. Without a connection they are in the storage, and counted. With one they
 * come back page by page, and as long as some are in the storage only, new ones line up there after them. Messages
 * that have expired make room for others. Messages with QoS 0 wait apart, in memory, for a client that is connected; where
 * they are queued like others, with these.
 */
export class MessageQueue {
  readonly #changes: SessionChanges;
  readonly #context: SessionContext;
  readonly #holding: SessionHolding | undefined;
  readonly #queue = new Queue<QueuedMessage>();
  /** Messages with QoS 0 apart; `undefined`: there are none. */
  #qos0: Qos0Backlog | undefined;
  #isOnline = false;
  /** Sequence of the last message that came to the session. */
  #lastSequence = 0;
  #inMemory: Sum = { messages: 0, bytes: 0 };
  /** In the storage only. */
  #stored: Sum = { messages: 0, bytes: 0 };
  /** The sequence up to which the storage has nothing more. */
  #readUntil = 0;
  /** Messages that have come back since {@linkcode beginPage}. */
  #page: Sum = { messages: 0, bytes: 0 };
  /** The sequence up to which they have come back from the storage; `undefined`: all have. */
  #loadedUntil: number | undefined;
  /** Bytes that were counted last for the session. */
  #heldBytes = 0;
  #expiring: Expiring[] = [];
  /** Made for the first one: most sessions drop none. */
  #dropped: DropCounts | undefined;

  constructor(changes: SessionChanges, context: SessionContext, holding: SessionHolding | undefined) {
    this.#changes = changes;
    this.#context = context;
    this.#holding = holding;
  }

  /** Messages of the session that were not delivered; `undefined`: there are none. */
  get dropped(): Readonly<DropCounts> | undefined {
    return this.#dropped;
  }

  /** Counts a message that is not delivered, for the broker and for the session. */
  countDropped(reason: keyof DropCounts): void {
    this.#context.dropped[reason] += 1;
    this.countDroppedHere(reason);
  }

  /** Counts for the session alone a message that the broker has counted. */
  countDroppedHere(reason: keyof DropCounts): void {
    this.#dropped ??= { qos0: 0, queueFull: 0, tooLarge: 0, expired: 0 };
    this.#dropped[reason] += 1;
  }

  /** Messages in memory, and those in the storage of a session without connection. */
  get count(): number {
    return this.#inMemory.messages + this.#stored.messages + (this.#qos0?.length ?? 0);
  }

  /** Bytes of their payloads, topics and properties, and of entries with QoS 0. */
  get bytes(): number {
    return this.#inMemory.bytes + this.#stored.bytes + (this.#qos0?.bytes ?? 0);
  }

  /** Bytes that wait for the client, with the entries that are in memory. */
  get backlogBytes(): number {
    return this.#queuedBytes + (this.#qos0?.bytes ?? 0);
  }

  /** Bytes that wait for the client, without QoS 0 that waits apart. */
  get #queuedBytes(): number {
    return this.#inMemory.bytes + this.#stored.bytes + this.#inMemory.messages * ENTRY_BYTES;
  }

  /** Whether a message that is not sent yet would be the first, those with QoS 0 apart. */
  get isEmpty(): boolean {
    return this.#queue.length === 0 && this.#loadedUntil === undefined;
  }

  /** Whether any is in memory, expired or not. */
  get isAnyInMemory(): boolean {
    return this.#queue.length > 0;
  }

  /** Whether messages with QoS 0 wait apart. */
  get isQos0Waiting(): boolean {
    return this.#qos0 !== undefined;
  }

  /** Whether it is time to load more of those in the storage. */
  get wantsPage(): boolean {
    return this.#loadedUntil !== undefined && this.#inMemory.messages < FEW_MESSAGES;
  }

  /** Whether enough of them have come for once. */
  get isPageFull(): boolean {
    return this.#page.messages >= PAGE_MESSAGES || this.#page.bytes >= PAGE_BYTES;
  }

  /** Gives the next message its place in the order of delivery. */
  nextSequence(): number {
    return ++this.#lastSequence;
  }

  /** The limit that keeps one more message from waiting without a connection; `undefined`: it may. */
  limitOffline(message: ApplicationMessage, nowMs: number): keyof Limits | undefined {
    if (!this.#hasRoomOffline(message) && !(this.#takeExpired(nowMs) && this.#hasRoomOffline(message))) {
      const { maximumQueuedMessages } = this.#context.limits;
      const count = this.#inMemory.messages + this.#stored.messages;
      return count >= maximumQueuedMessages ? "maximumQueuedMessages" : "maximumQueuedBytes";
    }
    const holding = this.#holding;
    const bytes = message.size + ENTRY_BYTES;
    if (holding === undefined || holding.limitFor(bytes) === undefined) return undefined;
    this.#takeExpired(nowMs);
    this.#countHeld();
    const limit = holding.limitFor(bytes);
    if (limit !== undefined) holding.refused("messages", limit);
    return limit;
  }

  /**
   * The limit that keeps one more message from waiting for a client that is connected; `undefined`: it may.
   *
   * @param stalledMs how long the client has taken nothing
   */
  limitOnline(message: ApplicationMessage, stalledMs: number, nowMs: number): keyof Limits | undefined {
    if (this.#hasRoomOnline(message)) return undefined;
    if (this.#takeExpired(nowMs) && this.#hasRoomOnline(message)) return undefined;
    return this.#backlogLimit(message, stalledMs, "maximumQueuedBytes");
  }

  /** The limit that keeps one more message with QoS 0 from waiting; `undefined`: it may. */
  limitQos0(message: ApplicationMessage, stalledMs: number): keyof Limits | undefined {
    return this.#backlogLimit(message, stalledMs, "maximumOutboxBytes");
  }

  /** Lets a message wait: in memory, or in the storage only where the client is away or others are there before it. */
  add(entry: QueuedMessage, message: ApplicationMessage): void {
    if (this.#isOnline && this.#loadedUntil === undefined) return this.#push(entry, message);
    this.#stored.messages += 1;
    this.#stored.bytes += message.size;
    // It is seen again before it is sent when it comes back soon.
    const isSeenSoon = this.#loadedUntil !== undefined;
    if (!isSeenSoon && this.#expiring.length < MOST_WATCHED_IN_STORAGE) this.#watchExpiry(message, entry.sequence);
    this.#countHeld();
  }

  /** Takes the first, which has its message, out of memory; `undefined`: it had expired, or there is none. */
  shift(nowMs: number): QueuedMessage | undefined {
    const entry = this.#queue.shift();
    const message = entry?.message;
    if (entry === undefined || message === undefined) return undefined;
    this.#inMemory.messages -= 1;
    this.#inMemory.bytes -= message.size;
    this.#context.backlog.delete(message);
    if (nowMs < message.expiresAtMs) return entry;
    this.#expired(entry.sequence); // [MQTT-3.3.2-5]
    return undefined;
  }

  /** Lets a message with QoS 0 wait apart. */
  addQos0(waiting: WaitingQos0): void {
    (this.#qos0 ??= new Qos0Backlog(this.#context.backlog)).push(waiting);
  }

  /** Takes the first of these. */
  shiftQos0(): WaitingQos0 | undefined {
    const waiting = this.#qos0?.shift();
    if (this.#qos0?.length === 0) this.#qos0 = undefined;
    return waiting;
  }

  /** Messages in memory, in order, without those with QoS 0 apart. */
  values(): Iterable<QueuedMessage> {
    return this.#queue.values();
  }

  /** Messages with QoS 0 that wait apart, in order. */
  qos0Values(): Iterable<WaitingQos0> {
    return this.#qos0?.values() ?? [];
  }

  /** Takes what the storage says that it has. */
  restoreBacklog(lastSequence: number, messages: number, bytes: number): void {
    this.#lastSequence = lastSequence;
    this.#stored = { messages, bytes };
    this.#countHeld();
  }

  /** Messages in the storage are about to come back through {@linkcode load}, page by page. */
  beginRestore(): void {
    this.#expiring = [];
    this.#loadedUntil = this.#readUntil = 0;
  }

  /** Before a page is read: the sequence that it ends with at least, and the one after which it begins. */
  beginPage(): { readonly until: number; readonly after: number } {
    this.#countHeld();
    this.#page = { messages: 0, bytes: 0 };
    return { until: this.#lastSequence, after: this.#loadedUntil ?? 0 };
  }

  /** Takes back a message from the storage; one in flight waits no longer, and is counted only. */
  load(entry: QueuedMessage, message: ApplicationMessage): void {
    this.#lastSequence = Math.max(this.#lastSequence, entry.sequence); // No number is given twice, whatever a storage says.
    subtract(this.#stored, message.size);
    this.#loadedUntil = Math.max(this.#loadedUntil ?? 0, entry.sequence);
    if (entry.packetIdentifier > 0) return;
    this.#push(entry, message);
    this.#page.messages += 1;
    this.#page.bytes += message.size;
  }

  /** The storage has nothing more up to a sequence. */
  endPage(until: number): void {
    this.#loadedUntil = this.#readUntil = Math.max(this.#loadedUntil ?? 0, until);
    if (this.#isOnline) this.#catchUp();
    this.#countHeld();
  }

  /** The session has a connection: messages wait in memory, as soon as none is in the storage only. */
  attach(): void {
    this.#isOnline = true;
    this.#catchUp();
    this.#countHeld();
  }

  /** The connection is closing: messages wait as without one. {@linkcode detach} follows. */
  unlink(): void {
    this.#isOnline = false;
  }

  /** The connection is gone: leaves to the storage what is in memory, and `inflight` more messages. */
  detach(inflight: number): void {
    this.#isOnline = false;
    this.#qos0?.clear();
    this.#qos0 = undefined;
    const { messages, bytes } = this.#inMemory;
    this.#stored.messages += messages + inflight;
    this.#stored.bytes += bytes;
    const waiting = this.#expiring.filter(isWaiting);
    this.#expiring = waiting.map((expiring) => ({ ...expiring, entry: undefined }));
    this.#loadedUntil = undefined;
    const { backlog } = this.#context;
    for (const { message } of this.#queue.values()) if (message !== undefined) backlog.delete(message);
    this.#queue.clear();
    this.#inMemory = { messages: 0, bytes: 0 };
    this.#countHeld();
  }

  /** With a connection, new messages line up in memory again once all up to the last sequence has come back. */
  #catchUp(): void {
    if (this.#loadedUntil !== this.#lastSequence || this.#readUntil !== this.#lastSequence) return;
    this.#loadedUntil = undefined;
    this.#stored = { messages: 0, bytes: 0 };
  }

  #push(entry: QueuedMessage, message: ApplicationMessage): void {
    this.#queue.push(entry);
    this.#inMemory.messages += 1;
    this.#inMemory.bytes += message.size;
    this.#context.backlog.add(message);
    this.#watchExpiry(message, entry.sequence, entry);
  }

  #hasRoomOffline({ size }: ApplicationMessage): boolean {
    const { maximumQueuedMessages, maximumQueuedBytes } = this.#context.limits;
    const { messages, bytes } = this.#stored;
    return messages < maximumQueuedMessages && bytes + size <= maximumQueuedBytes;
  }

  /** A client that reads may be behind a burst: only what it holds counts, its entries included. */
  #hasRoomOnline({ size }: ApplicationMessage): boolean {
    return this.#queuedBytes + size + ENTRY_BYTES <= this.#context.limits.maximumQueuedBytes;
  }

  /** @param reached what holds for a client without a backlog */
  #backlogLimit(message: ApplicationMessage, stalledMs: number, reached: keyof Limits): keyof Limits | undefined {
    const { backlog } = this.#context;
    return backlog.isTaking(stalledMs) ? backlog.limitFor(message, this.backlogBytes) : reached;
  }

  /** Counts for the session what waits without a connection, or in the storage only. */
  #countHeld(): void {
    if (this.#holding === undefined) return;
    const { messages, bytes } = this.#stored;
    let held = bytes + messages * ENTRY_BYTES;
    if (!this.#isOnline) held += this.#inMemory.bytes + this.#inMemory.messages * ENTRY_BYTES;
    this.#holding.grow(held - this.#heldBytes);
    this.#heldBytes = held;
  }

  /** Takes out the messages that have expired; gives whether any was watched. */
  #takeExpired(nowMs: number): boolean {
    if (this.#expiring.length === 0) return false;
    this.#expiring = this.#expiring.filter((expiring) => {
      if (!isWaiting(expiring)) return false; // It was sent in the meantime.
      const { entry, bytes, sequence, expiresAtMs } = expiring;
      if (nowMs < expiresAtMs) return true;
      subtract(this.#stored, bytes);
      if (entry !== undefined) {
        subtract(this.#inMemory, bytes);
        if (entry.message !== undefined) this.#context.backlog.delete(entry.message);
        entry.message = undefined;
      }
      this.#expired(sequence);
      return false;
    });
    return true;
  }

  #expired(sequence: number): void {
    this.countDropped("expired");
    this.#changes.completed(sequence);
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
