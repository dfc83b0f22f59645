import type { QoS } from "../codec/packet.ts";
import type { Properties } from "../codec/property.ts";
import type { Limits } from "../protocol/limits.ts";
import type { ApplicationMessage } from "../protocol/message.ts";
import { Queue } from "../protocol/message_queue.ts";
import type { DeliveryOptions, Subscription } from "../protocol/subscription.ts";
import { type ParsedTopicFilter, parseTopicFilter } from "../protocol/topic_filter.ts";
import type { BacklogWait } from "./connection/backlog_wait.ts";
import type { SubscribeOptions } from "./options.ts";
import type { Retention } from "./retained.ts";
import type { Router, Subscriber } from "./router.ts";
import type { SysTopics } from "./sys_topics.ts";
import type { Turn } from "./turn.ts";

const DEFAULT_MESSAGES = 1_000;

/** The parts of a broker that its own subscriptions need. */
export interface OwnSubscriptionsParts {
  readonly limits: Limits;
  readonly router: Router;
  readonly retention: Retention;
  readonly sysTopics: SysTopics;
  readonly backlogWait: BacklogWait;
  readonly turn: Turn;
}

/** Subscriptions in the broker's own process. */
export class OwnSubscriptions {
  readonly #parts: OwnSubscriptionsParts;
  readonly #readers = new Set<BrokerSubscription>();

  constructor(parts: OwnSubscriptionsParts) {
    this.#parts = parts;
  }

  /** Begins one, with its retained messages. Throws RangeError for a Topic Filter or a bound that is none. */
  open(
    topicFilter: string,
    { qos = 2, maximumMessages = DEFAULT_MESSAGES }: SubscribeOptions,
    nowMs: number,
  ): BrokerSubscription {
    checkBound(maximumMessages);
    const filter = ownFilter(topicFilter);
    const subscription: Subscription = {
      filter,
      qos,
      noLocal: false,
      retainAsPublished: true,
      retainHandling: 0,
      subscriptionIdentifier: undefined,
    };
    const { limits, router, retention, sysTopics, backlogWait, turn } = this.#parts;
    const reader = new BrokerSubscription(maximumMessages, {
      limits,
      now: () => turn.now(),
      unsubscribe: (self) => {
        router.unsubscribe(self, subscription);
        this.#readers.delete(self);
      },
      behind: () => backlogWait.ownBehind(),
      caughtUp: () => backlogWait.ownCaughtUp(turn.now()),
    });
    router.subscribe(reader, subscription);
    this.#readers.add(reader);
    const retained = sysTopics.before(retention.match(filter.levels), filter.levels);
    for (const one of retained) {
      const message = one?.message;
      if (message !== undefined && nowMs < message.expiresAtMs) {
        reader.deliver(message, { qos, retainAsPublished: true, subscriptionIdentifiers: [] }, nowMs, true);
      }
    }
    return reader;
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    for (const reader of this.#readers) await reader.return();
  }
}

function checkBound(maximumMessages: number): void {
  if (!(maximumMessages === Infinity || (Number.isInteger(maximumMessages) && maximumMessages >= 1))) {
    throw new RangeError(`Cannot subscribe: maximumMessages "${maximumMessages}" is not an integer of at least 1`);
  }
}

function ownFilter(topicFilter: string): ParsedTopicFilter {
  const filter = parseTopicFilter(topicFilter);
  if (filter === undefined || filter.shareName !== undefined) {
    throw new RangeError(`Cannot subscribe: "${topicFilter}" is not a Topic Filter that is not shared`);
  }
  return filter;
}

/** A message as a reader in the broker's own process gets it. */
export interface Message {
  readonly topic: string;
  /** A view that others share: copy it before writing to it. */
  readonly payload: Uint8Array;
  readonly qos: QoS;
  /** Whether it was published with RETAIN, or comes from the retained messages. */
  readonly retain: boolean;
  readonly properties: Properties;
}

/** Services of the broker that a subscription needs. */
export interface BrokerSubscriptionHost {
  readonly limits: Pick<Limits, "maximumBacklogWaitMs">;
  now(): number;
  unsubscribe(self: BrokerSubscription): void;
  /** Clients that publish may have to wait for it from now on, or not any longer. */
  behind(): void;
  caughtUp(): void;
}

// A reader that has taken nothing for so long is waited for by nobody, as with clients.
const LONGEST_STALL_MS = 1_000;

/**
 * Messages of a subscription in the broker's own process. Iterate it, or call `return` or `await using` to end it.
 * Messages that are not taken wait, up to a number; any beyond that are dropped and counted. Clients that publish
 * wait for a reader that takes messages, from half of that number on until a quarter is left.
 */
export class BrokerSubscription implements AsyncIterableIterator<Message>, Subscriber {
  readonly clientId = undefined;
  /** Messages that were dropped because the reader was too slow. */
  dropped = 0;
  readonly #maximumMessages: number;
  readonly #host: BrokerSubscriptionHost;
  readonly #messages = new Queue<Message>();
  readonly #readers = new Queue<(result: IteratorResult<Message, undefined>) => void>();
  #isEnded = false;
  /** When a message was taken last, or the subscription began. */
  #takenMs: number;
  /** Since when it is behind. */
  #behindSinceMs: number | undefined;

  constructor(maximumMessages: number, host: BrokerSubscriptionHost) {
    this.#maximumMessages = maximumMessages;
    this.#host = host;
    this.#takenMs = host.now();
  }

  get isOnline(): boolean {
    return !this.#isEnded;
  }

  readonly isDurable = false;

  get isReady(): boolean {
    return !this.#isEnded && this.#messages.length < this.#maximumMessages;
  }

  isFarBehind(nowMs: number): boolean {
    if (this.#behindSinceMs === undefined) return false;
    return nowMs < this.#takenMs + LONGEST_STALL_MS &&
      nowMs < this.#behindSinceMs + this.#host.limits.maximumBacklogWaitMs;
  }

  /** What the broker's own process reads is its own affair. */
  permits(): boolean {
    return true;
  }

  deliver(message: ApplicationMessage, delivery: DeliveryOptions, nowMs: number, isRetained = false): void {
    if (this.#isEnded) return;
    const reader = this.#readers.shift();
    if (reader === undefined && this.#messages.length >= this.#maximumMessages) {
      this.dropped += 1;
      return;
    }
    const { topic, payload, properties } = message.own();
    const qos = message.qos < delivery.qos ? message.qos : delivery.qos;
    const value: Message = { topic, payload, qos, retain: isRetained || message.retain, properties };
    if (reader !== undefined) {
      this.#takenMs = nowMs;
      reader({ value, done: false });
      return;
    }
    this.#messages.push(value);
    if (this.#behindSinceMs !== undefined || this.#messages.length < this.#maximumMessages / 2) return;
    this.#behindSinceMs = nowMs;
    this.#host.behind();
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    const value = this.#messages.shift();
    if (value !== undefined) {
      this.#takenMs = this.#host.now();
      if (this.#messages.length <= this.#maximumMessages / 4) this.#catchUp();
      return Promise.resolve({ value, done: false });
    }
    if (this.#isEnded) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  /** Ends the subscription. */
  return(): Promise<IteratorResult<Message, undefined>> {
    if (!this.#isEnded) {
      this.#isEnded = true;
      this.#host.unsubscribe(this);
      this.#catchUp();
      for (let reader = this.#readers.shift(); reader !== undefined; reader = this.#readers.shift()) {
        reader({ value: undefined, done: true });
      }
    }
    this.#messages.clear();
    return Promise.resolve({ value: undefined, done: true });
  }

  #catchUp(): void {
    if (this.#behindSinceMs === undefined) return;
    this.#behindSinceMs = undefined;
    this.#host.caughtUp();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
