import { encodePacket } from "../codec/encoder.ts";
import type { QoS } from "../codec/packet.ts";
import type { Properties } from "../codec/property.ts";
import type { Limits } from "../protocol/limits.ts";
import { ApplicationMessage } from "../protocol/message.ts";
import { beyondTopicLimits, isBeyondTopicLimits } from "../protocol/publish_rules.ts";
import { Queue } from "../protocol/queue.ts";
import type { DeliveryOptions, Subscription } from "../protocol/subscription.ts";
import { type ParsedTopicFilter, parseTopicFilter } from "../protocol/topic_filter.ts";
import type { PublishRequest, SubscribeOptions } from "./options.ts";
import type { Retention } from "./retained.ts";
import type { BacklogWait, Publishing, Router, Subscriber } from "./router.ts";
import type { Turn } from "./turn.ts";

const DEFAULT_MESSAGES = 1_000;
// Publishers do not wait for a reader that has taken nothing for so long, as with clients.
const LONGEST_STALL_MS = 1_000;

/** Publishes and subscribes in the broker's own process. */
export class LocalClient {
  readonly #limits: Limits;
  readonly #router: Router;
  readonly #retention: Retention;
  readonly #publishing: Publishing;
  readonly #backlogWait: BacklogWait;
  readonly #turn: Turn;
  readonly #clock: () => number;
  readonly #subscriptions = new Set<BrokerSubscription>();
  /** Messages that wait for a subscriber; resolves after the last of them. */
  #waiting: Promise<unknown> | undefined;

  constructor({ limits, router, retention, publishing, backlogWait, turn, clock }: {
    readonly limits: Limits;
    readonly router: Router;
    readonly retention: Retention;
    readonly publishing: Publishing;
    readonly backlogWait: BacklogWait;
    readonly turn: Turn;
    readonly clock: () => number;
  }) {
    this.#limits = limits;
    this.#router = router;
    this.#retention = retention;
    this.#publishing = publishing;
    this.#backlogWait = backlogWait;
    this.#turn = turn;
    this.#clock = clock;
  }

  /**
   * Publishes a message; with a promise where it has to wait for a subscriber. Throws RangeError before any subscriber has
   * got the message.
   */
  publish(request: PublishRequest, nowMs: number): Promise<void> | undefined {
    const message = this.#message(request, nowMs);
    const { topic } = message;
    if (this.#waiting !== undefined || this.#backlogWait.subscriberBehind(topic, undefined, nowMs) !== undefined) {
      return this.#publishLater(message, this.#waiting);
    }
    this.#publish(message, nowMs);
    return undefined;
  }

  /** Resolves when no message waits any longer. */
  async published(): Promise<void> {
    await this.#waiting;
  }

  /** Begins a subscription, with its retained messages. Throws RangeError for a Topic Filter or a bound that is none. */
  subscribe(
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
    const reader = new BrokerSubscription({
      maximumMessages,
      limits: this.#limits,
      turn: this.#turn,
      backlogWait: this.#backlogWait,
      unsubscribe: (self) => {
        this.#router.unsubscribe(self, subscription);
        this.#subscriptions.delete(self);
      },
    });
    this.#router.subscribe(reader, subscription);
    this.#subscriptions.add(reader);
    for (const one of this.#retention.matching(filter)) {
      const message = one?.message;
      if (message !== undefined && nowMs < message.expiresAtMs) {
        reader.deliver(message, { qos, retainAsPublished: true, subscriptionIdentifiers: [] }, nowMs, true);
      }
    }
    return reader;
  }

  /** Ends all subscriptions. */
  async close(): Promise<void> {
    for (const reader of this.#subscriptions) await reader.return();
  }

  /** Publishes after the messages that wait already: they stay in order. */
  #publishLater(message: ApplicationMessage, before: Promise<unknown> | undefined): Promise<void> {
    const waiting = (async () => {
      await before;
      for (;;) {
        const nowMs = this.#clock();
        const subscriber = this.#backlogWait.subscriberBehind(message.topic, undefined, nowMs);
        const isOver = subscriber === undefined || (await this.#backlogWait.until(subscriber, nowMs)).isOver;
        if (isOver) return this.#publish(message, this.#clock());
      }
    })();
    const last = this.#waiting = waiting.catch(() => {}).then(() => {
      if (this.#waiting === last) this.#waiting = undefined;
    });
    return waiting;
  }

  #publish(message: ApplicationMessage, nowMs: number): void {
    const reasonCode = this.#publishing.publish(message, undefined, nowMs, true, true);
    if (reasonCode >= 0x80) throw new RangeError(`Cannot publish to "${message.topic}": too many retained messages`);
  }

  #message(request: PublishRequest, nowMs: number): ApplicationMessage {
    const { topic, payload = "", qos = 0, retain = false, properties = {} } = request;
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : new Uint8Array(payload);
    const message = new ApplicationMessage({ topic, payload: bytes, qos, retain, properties }, undefined, nowMs);
    this.#checkPublishable(message, nowMs);
    return message;
  }

  #checkPublishable(message: ApplicationMessage, nowMs: number): void {
    const { topic, properties, qos } = message;
    if (isBeyondTopicLimits(topic, this.#limits)) {
      throw new RangeError(`Cannot publish: ${beyondTopicLimits(this.#limits)}`);
    }
    if (![0, 1, 2].includes(qos)) throw new RangeError(`Cannot publish: QoS "${qos}" is not 0, 1 or 2`);
    for (const name of ["topicAlias", "subscriptionIdentifiers"] as const) {
      if (properties[name] !== undefined) throw new RangeError(`Cannot publish: ${name} is set by the broker alone`);
    }
    // With its properties as they were given: what goes out is made of them.
    const { length } = encodePacket({ ...message.packet(qos, false, nowMs), properties }, 5);
    if (length > this.#limits.maximumPacketBytes) {
      throw new RangeError(
        `Cannot publish: ${length} bytes are more than the limit of ${this.#limits.maximumPacketBytes}`,
      );
    }
  }
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
  readonly #limits: Limits;
  readonly #turn: Turn;
  readonly #backlogWait: BacklogWait;
  readonly #unsubscribe: (self: BrokerSubscription) => void;
  readonly #messages = new Queue<Message>();
  readonly #readers = new Queue<(result: IteratorResult<Message, undefined>) => void>();
  #isEnded = false;
  /** Time when a message was taken last, or the subscription began. */
  #takenMs: number;
  /** Time since it is behind. */
  #behindSinceMs: number | undefined;

  constructor({ maximumMessages, limits, turn, backlogWait, unsubscribe }: {
    readonly maximumMessages: number;
    readonly limits: Limits;
    readonly turn: Turn;
    readonly backlogWait: BacklogWait;
    readonly unsubscribe: (self: BrokerSubscription) => void;
  }) {
    this.#maximumMessages = maximumMessages;
    this.#limits = limits;
    this.#turn = turn;
    this.#backlogWait = backlogWait;
    this.#unsubscribe = unsubscribe;
    this.#takenMs = turn.now();
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
      nowMs < this.#behindSinceMs + this.#limits.maximumBacklogWaitMs;
  }

  /** Permits everything: access rules are for clients. */
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
    this.#backlogWait.ownBehind();
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    const value = this.#messages.shift();
    if (value !== undefined) {
      this.#takenMs = this.#turn.now();
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
      this.#unsubscribe(this);
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
    this.#backlogWait.ownCaughtUp(this.#turn.now());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
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
