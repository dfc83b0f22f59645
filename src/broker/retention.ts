import type { AccessRequest, ClientTraits } from "../protocol/ask.ts";
import type { ChangeLog } from "../protocol/change.ts";
import type { Limits } from "../protocol/limits.ts";
import { ApplicationMessage } from "../protocol/message.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import { type RetainedMessage, RetainedMessages } from "./retained_messages.ts";

// How many messages of publishers that may not publish them any more are as much work as one stop.
const REFUSED_BETWEEN_STOPS = 256;

/** Asked about the publisher of a message that is about to go to a new subscription. */
export type MayStillPublish = (request: AccessRequest) => boolean;

/** A limit that keeps a message from being retained. */
export type RetentionLimit = "maximumRetainedMessages" | "maximumRetainedBytes";

/** Which messages are retained, how many may be, and until when (MQTT 5, sections 3.3.1.3 and 3.3.2.3.3). */
export class Retention {
  readonly messages = new RetainedMessages();
  readonly #limits: Limits;
  readonly #log: ChangeLog;
  readonly #deadlines: Deadlines;
  /** `undefined`: publishers are not asked about. */
  readonly #mayStillPublish: MayStillPublish | undefined;
  #lastSequence = 0;
  /** When messages expire, by topic. */
  readonly #expiry = new Map<string, Deadline>();

  constructor(limits: Limits, log: ChangeLog, deadlines: Deadlines, mayStillPublish?: MayStillPublish) {
    this.#limits = limits;
    this.#log = log;
    this.#deadlines = deadlines;
    this.#mayStillPublish = mayStillPublish;
  }

  /** Replaces or removes the retained message of a topic; gives the limit that forbids it, and then nothing has changed. */
  retain(message: ApplicationMessage, source?: ClientTraits): RetentionLimit | undefined {
    const { topic } = message;
    if (message.payload.length === 0) { // [MQTT-3.3.1-6] [MQTT-3.3.1-7]
      this.forget(topic);
      return undefined;
    }
    const limit = this.#limitAgainst(message, source);
    if (limit !== undefined) return limit;
    // Without the frames that subscribers share now: each would hold a whole buffer, for as long as it is retained.
    const kept = ApplicationMessage.restored(message.own(), message.publisher, message.expiresAtMs);
    const sequence = this.#lastSequence + 1;
    this.keep(kept, source, sequence);
    this.#log.write({ kind: "retained", topic, message: kept, source, sequence });
    return undefined;
  }

  /** Removes the retained message of a topic, if there is one. */
  forget(topic: string): void {
    if (!this.messages.delete(topic)) return;
    this.#deadlines.cancel(this.#expiry.get(topic));
    this.#expiry.delete(topic);
    this.#log.write({ kind: "retained", topic, message: undefined });
  }

  /** Takes a message as it is, without a limit or a change: the storage has it already. */
  keep(message: ApplicationMessage, source?: ClientTraits, sequence = 0): void {
    const { topic, expiresAtMs } = message;
    this.messages.set(message, source, sequence);
    this.neverBefore(sequence);
    this.#deadlines.cancel(this.#expiry.get(topic));
    if (expiresAtMs === Infinity) this.#expiry.delete(topic);
    else this.#expiry.set(topic, this.#deadlines.add(expiresAtMs, () => this.forget(topic)));
  }

  /** Sequence of the last message that was retained. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Messages that come have larger sequences than this one, which a storage has kept. */
  neverBefore(sequence: number): void {
    this.#lastSequence = Math.max(this.#lastSequence, sequence);
  }

  /**
   * Messages for whoever subscribes, as {@linkcode RetainedMessages.match} gives them, or
   * {@linkcode RetainedMessages.matchInOrder} behind a topic: only what may still be published.
   */
  *match(levels: readonly string[], after?: string): Generator<RetainedMessage | undefined, undefined> {
    let refused = 0;
    const matching = after === undefined ? this.messages.match(levels) : this.messages.matchInOrder(levels, after);
    for (const retained of matching) {
      if (retained === undefined || this.#isStillAllowed(retained)) yield retained;
      else if (++refused % REFUSED_BETWEEN_STOPS === 0) yield undefined;
    }
  }

  /** What nobody knows the publisher of is not asked about: it is of the broker's own process, or of an earlier version. */
  #isStillAllowed({ message, source }: RetainedMessage): boolean {
    if (this.#mayStillPublish === undefined || source === undefined || message?.publisher === undefined) return true;
    const { topic, qos, retain, publisher } = message;
    const { principal, roles, grants, listener } = source;
    const identity = { clientId: publisher, principal, roles, grants, listener };
    return this.#mayStillPublish({ ...identity, action: "publish", topic, qos, retain });
  }

  /** A message that makes nothing grow is no matter for limits, also where they have been lowered. */
  #limitAgainst(message: ApplicationMessage, source: ClientTraits | undefined): RetentionLimit | undefined {
    const { maximumRetainedMessages, maximumRetainedBytes } = this.#limits;
    const { count, bytes } = this.messages;
    if (count >= maximumRetainedMessages && this.messages.get(message.topic) === undefined) {
      return "maximumRetainedMessages";
    }
    const growth = this.messages.growthWith(message, source);
    return growth > 0 && bytes + growth > maximumRetainedBytes ? "maximumRetainedBytes" : undefined;
  }
}
