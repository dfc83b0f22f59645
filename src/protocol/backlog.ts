/**
 * A backlog is what waits in memory for a client that is connected, beyond what its socket and its outbox take: a burst that
 * its network carries more slowly than it was published. It is judged by progress and time:
 *
 * ```text
 * takes bytes and acknowledges   up to maximumBacklogBytes; from half of it on its publishers wait, for a bounded time
 * has taken nothing for 1 s      as before, but publishers do not wait for it
 * for writeTimeoutMs / 10        new messages are dropped beyond maximumOutboxBytes (QoS 0) and maximumQueuedBytes (1 and 2)
 * for writeTimeoutMs             the connection is closed
 * ```
 */

import type { Limits } from "./limits.ts";
import type { ApplicationMessage } from "./message.ts";
import { Queue } from "./queue.ts";

/** Memory of an entry of a queue, beside its message. (Deno 2.9, 2026-11) */
export const ENTRY_BYTES = 200;

// A reader at 1 MB/s takes 0.9 s between two signs of progress: the system tells when a third of its buffer is free again.
const LONGEST_STALL_MS = 1_000;
const STALL_SHARE = 1 / 10;
// When all backlogs together are above half of their bound, publishers wait for such a part of what they do otherwise.
const CROWDED_SHARE = 1 / 16;

/** The backlogs of all sessions together. */
export class Backlog {
  /** A message counts once, however many sessions it waits for: they share its bytes. */
  bytes = 0;
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** A message waits for one more session. */
  add(message: ApplicationMessage): void {
    if (message.waiting++ === 0) this.bytes += message.size + ENTRY_BYTES;
  }

  /** A message waits for one session less. */
  delete(message: ApplicationMessage): void {
    if (--message.waiting === 0) this.bytes -= message.size + ENTRY_BYTES;
  }

  /** Whether publishers may have to wait for a session: only then each is looked at. */
  get isLarge(): boolean {
    const half = this.#half;
    return half > 0 && this.bytes > half;
  }

  /** Bytes that wait for one session above which publishers wait. */
  get mark(): number {
    const isCrowded = this.bytes > this.#limits.maximumTotalBacklogBytes / 2;
    return this.#half * (isCrowded ? CROWDED_SHARE : 1);
  }

  get #half(): number {
    const { maximumBacklogBytes, maximumTotalBacklogBytes } = this.#limits;
    return Math.min(maximumBacklogBytes, maximumTotalBacklogBytes) / 2;
  }

  /** The limit that keeps one more message from waiting for a session; `undefined`: none does. */
  limitFor(message: ApplicationMessage, sessionBytes: number): keyof Limits | undefined {
    const { maximumBacklogBytes, maximumTotalBacklogBytes } = this.#limits;
    const bytes = message.size + ENTRY_BYTES;
    if (sessionBytes + bytes > maximumBacklogBytes) return "maximumBacklogBytes";
    const added = message.waiting > 0 ? 0 : bytes;
    return this.bytes + added > maximumTotalBacklogBytes ? "maximumTotalBacklogBytes" : undefined;
  }

  /** Whether a client that has taken nothing for that long still has a claim to a backlog. */
  isTaking(stalledMs: number): boolean {
    return stalledMs < this.#limits.writeTimeoutMs * STALL_SHARE;
  }

  /** Whether publishers may wait for such a client. */
  isTakingSteadily(stalledMs: number): boolean {
    return stalledMs < LONGEST_STALL_MS && this.isTaking(stalledMs);
  }
}

/** A message with QoS 0 that waits. */
export interface WaitingQos0 {
  readonly message: ApplicationMessage;
  readonly retain: boolean;
  readonly subscriptionIdentifiers: readonly number[];
}

/** Messages with QoS 0 that wait for one client, in order. */
export class Qos0Backlog {
  /** Entries included. */
  bytes = 0;
  readonly #backlog: Backlog;
  readonly #queue = new Queue<WaitingQos0>();

  constructor(backlog: Backlog) {
    this.#backlog = backlog;
  }

  get length(): number {
    return this.#queue.length;
  }

  push(waiting: WaitingQos0): void {
    this.#queue.push(waiting);
    this.bytes += waiting.message.size + ENTRY_BYTES;
    this.#backlog.add(waiting.message);
  }

  shift(): WaitingQos0 | undefined {
    const waiting = this.#queue.shift();
    if (waiting === undefined) return undefined;
    this.bytes -= waiting.message.size + ENTRY_BYTES;
    this.#backlog.delete(waiting.message);
    return waiting;
  }

  values(): Iterable<WaitingQos0> {
    return this.#queue.values();
  }

  clear(): void {
    while (this.shift() !== undefined);
  }
}
