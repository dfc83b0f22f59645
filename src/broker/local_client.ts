import { encodePacket } from "../codec/encoder.ts";
import {
  bytesOf,
  checkTopicArgument,
  type Data,
  Message,
  type PublishOptions,
  type SubscribeOptions,
} from "../codec/message.ts";
import { isQoS, type QoS } from "../codec/packet.ts";
import type { Limits } from "../protocol/limits.ts";
import { ApplicationMessage } from "../protocol/message.ts";
import { beyondTopicLimits, isBeyondTopicLimits } from "../protocol/publish_rules.ts";
import { Queue } from "../protocol/queue.ts";
import type { DeliveryOptions, Subscription } from "../protocol/subscription.ts";
import { type ParsedTopicFilter, parseTopicFilter } from "../protocol/topic_filter.ts";
import type { ReviewedMessage } from "../protocol/connection_host.ts";
import type { Hooks } from "./access/hooks.ts";
import type { BrokerSubscription } from "./options.ts";
import type { Retention } from "./retained.ts";
import type { BacklogWait, Publishing, Router, Subscriber } from "./router.ts";
import type { Turn } from "./turn.ts";

const DEFAULT_MESSAGES = 1_000;
// Publishers do not wait for a reader that has taken nothing for so long, as with clients.
const LONGEST_STALL_MS = 1_000;

/** Publishes and subscribes in the broker's own process. */
export class LocalClient {
  readonly #limits: Limits;
  readonly #hooks: Pick<Hooks, "review" | "reviewsMessages">;
  readonly #router: Router;
  readonly #retention: Retention;
  readonly #publishing: Publishing;
  readonly #backlogWait: BacklogWait;
  readonly #turn: Turn;
  readonly #clock: () => number;
  readonly #subscriptions = new Set<LocalSubscription>();
  /** Messages that wait for a subscriber; resolves after the last of them. */
  #waiting: Promise<unknown> | undefined;

  constructor({ limits, hooks, router, retention, publishing, backlogWait, turn, clock }: {
    readonly limits: Limits;
    readonly hooks: Pick<Hooks, "review" | "reviewsMessages">;
    readonly router: Router;
    readonly retention: Retention;
    readonly publishing: Publishing;
    readonly backlogWait: BacklogWait;
    readonly turn: Turn;
    readonly clock: () => number;
  }) {
    this.#limits = limits;
    this.#hooks = hooks;
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
  publish(topic: string, payload: Data, options: PublishOptions, nowMs: number): Promise<void> | undefined {
    const message = this.#message(topic, payload, options, nowMs);
    if (!this.#hooks.reviewsMessages) return this.#publishInOrder(message, options.signal, nowMs);
    const before = new Message(message);
    const reviewed = this.#hooks.review(before, undefined);
    if (reviewed instanceof Promise) {
      const changing = reviewed.then((reviewed) => this.#changed(message, before, reviewed, this.#clock()));
      return this.#publishLater(changing, this.#waiting, options.signal);
    }
    const changed = this.#changed(message, before, reviewed, nowMs);
    return changed === undefined ? undefined : this.#publishInOrder(changed, options.signal, nowMs);
  }

  #publishInOrder(
    message: ApplicationMessage,
    signal: AbortSignal | undefined,
    nowMs: number,
  ): Promise<void> | undefined {
    if (
      this.#waiting !== undefined || this.#backlogWait.subscriberBehind(message.topic, undefined, nowMs) !== undefined
    ) {
      return this.#publishLater(Promise.resolve(message), this.#waiting, signal);
    }
    this.#publish(message, nowMs);
    return undefined;
  }

  /** Message that `onPublish` has made of another one; `undefined`: it is dropped. Throws Error where it failed. */
  #changed(
    message: ApplicationMessage,
    before: Message,
    reviewed: ReviewedMessage,
    nowMs: number,
  ): ApplicationMessage | undefined {
    if (reviewed === before) return message;
    if (reviewed === "dropped") return undefined;
    if (reviewed === "failed") throw new Error(`Cannot publish to "${before.topic}": onPublish has failed`);
    const changed = new ApplicationMessage(reviewed, undefined, nowMs);
    this.#checkPublishable(changed, nowMs);
    return changed;
  }

  /** Resolves when no message waits any longer. */
  async published(): Promise<void> {
    await this.#waiting;
  }

  /** Begins a subscription, with its retained messages. Throws RangeError for a Topic Filter or a bound that is none. */
  subscribe(topicFilters: string | readonly string[], options: SubscribeOptions, nowMs: number): BrokerSubscription {
    const { qos = 2, retainHandling = 0, maximumMessages = DEFAULT_MESSAGES, signal } = options;
    checkBound(maximumMessages);
    if (!isQoS(qos)) throw new RangeError(`Cannot subscribe: "${qos}" is not a QoS`);
    const filters = Array.from(new Set(typeof topicFilters === "string" ? [topicFilters] : topicFilters), ownFilter);
    if (filters.length === 0) throw new RangeError("Cannot subscribe: there is no Topic Filter");
    signal?.throwIfAborted();
    const subscriptions = filters.map((filter): Subscription => ({
      filter,
      qos,
      noLocal: false,
      retainAsPublished: true,
      retainHandling,
      subscriptionIdentifier: undefined,
    }));
    const abort = () => reader.fail(signal?.reason);
    const reader = new LocalSubscription({
      topicFilters: filters.map(({ topicFilter }) => topicFilter),
      maximumMessages,
      limits: this.#limits,
      turn: this.#turn,
      backlogWait: this.#backlogWait,
      onEnd: (self) => {
        signal?.removeEventListener("abort", abort);
        for (const subscription of subscriptions) this.#router.unsubscribe(self, subscription);
        this.#subscriptions.delete(self);
      },
    });
    for (const subscription of subscriptions) this.#router.subscribe(reader, subscription);
    this.#subscriptions.add(reader);
    signal?.addEventListener("abort", abort, { once: true });
    if (retainHandling !== 2) this.#deliverRetained(reader, filters, qos, nowMs);
    return reader;
  }

  /** Delivers retained messages, each once, also where several filters match. */
  #deliverRetained(reader: LocalSubscription, filters: readonly ParsedTopicFilter[], qos: QoS, nowMs: number): void {
    const delivered = new Set<ApplicationMessage>();
    for (const filter of filters) {
      for (const one of this.#retention.matching(filter)) {
        const message = one?.message;
        if (message === undefined || nowMs >= message.expiresAtMs || delivered.has(message)) continue;
        if (filters.length > 1) delivered.add(message);
        reader.deliver(message, { qos, retainAsPublished: true, subscriptionIdentifiers: [] }, nowMs, true);
      }
    }
  }

  /** Ends all subscriptions. */
  close(): void {
    for (const reader of this.#subscriptions) reader.end();
  }

  /** Publishes after the messages that wait already: they stay in order. A signal takes the message back. */
  #publishLater(
    later: Promise<ApplicationMessage | undefined>,
    before: Promise<unknown> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    later.catch(() => {}); // It is looked at in its turn.
    const waiting = (async () => {
      await before;
      const message = await later;
      if (message === undefined) return;
      for (;;) {
        const nowMs = this.#clock();
        const subscriber = this.#backlogWait.subscriberBehind(message.topic, undefined, nowMs);
        const isOver = subscriber === undefined || (await this.#backlogWait.until(subscriber, nowMs)).isOver;
        signal?.throwIfAborted();
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

  #message(topic: string, payload: Data, options: PublishOptions, nowMs: number): ApplicationMessage {
    checkTopicArgument(topic);
    const { qos = 0, retain = false, properties = {} } = options;
    const given = bytesOf(payload);
    const bytes = given === payload ? new Uint8Array(given) : given; // The caller may write to its own.
    const message = new ApplicationMessage({ topic, payload: bytes, qos, retain, properties }, undefined, nowMs);
    this.#checkPublishable(message, nowMs);
    return message;
  }

  #checkPublishable(message: ApplicationMessage, nowMs: number): void {
    const { topic, properties, qos } = message;
    if (isBeyondTopicLimits(topic, this.#limits)) {
      throw new RangeError(`Cannot publish: ${beyondTopicLimits(this.#limits)}`);
    }
    if (!isQoS(qos)) throw new RangeError(`Cannot publish: QoS "${qos}" is not 0, 1 or 2`);
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

/** Subscription of the broker's own process: the reader on one side, a subscriber of the router on the other. */
class LocalSubscription implements BrokerSubscription, Subscriber {
  readonly topicFilters: readonly string[];
  readonly clientId = undefined;
  dropped = 0;
  readonly #maximumMessages: number;
  readonly #limits: Limits;
  readonly #turn: Turn;
  readonly #backlogWait: BacklogWait;
  readonly #onEnd: (self: LocalSubscription) => void;
  readonly #messages = new Queue<Message>();
  /** Readers that wait for a message; none waits for them then. */
  readonly #readings = new Queue<PromiseWithResolvers<IteratorResult<Message, undefined>>>();
  #isEnded = false;
  #failure: { readonly error: unknown } | undefined;
  /** Time when a message was taken last, or the subscription began. */
  #takenMs: number;
  /** Time since it is behind. */
  #behindSinceMs: number | undefined;

  constructor({ topicFilters, maximumMessages, limits, turn, backlogWait, onEnd }: {
    readonly topicFilters: readonly string[];
    readonly maximumMessages: number;
    readonly limits: Limits;
    readonly turn: Turn;
    readonly backlogWait: BacklogWait;
    readonly onEnd: (self: LocalSubscription) => void;
  }) {
    this.topicFilters = topicFilters;
    this.#maximumMessages = maximumMessages;
    this.#limits = limits;
    this.#turn = turn;
    this.#backlogWait = backlogWait;
    this.#onEnd = onEnd;
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
    const reading = this.#readings.shift();
    if (reading === undefined && this.#messages.length >= this.#maximumMessages) {
      this.dropped += 1;
      return;
    }
    const { topic, payload, properties } = message.own();
    const qos = message.qos < delivery.qos ? message.qos : delivery.qos;
    message.trace?.delivered(undefined, qos);
    const value = new Message({ topic, payload, qos, retain: isRetained || message.retain, properties });
    if (reading !== undefined) {
      this.#takenMs = nowMs;
      reading.resolve({ value, done: false });
      return;
    }
    this.#messages.push(value);
    if (this.#behindSinceMs !== undefined || this.#messages.length < this.#maximumMessages / 2) return;
    this.#behindSinceMs = nowMs;
    this.#backlogWait.ownBehind();
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    const value = this.#messages.shift();
    if (value === undefined) return this.#nextLater();
    this.#takenMs = this.#turn.now();
    if (this.#messages.length <= this.#maximumMessages / 4) this.#catchUp();
    return Promise.resolve({ value, done: false });
  }

  async return(): Promise<IteratorResult<Message, undefined>> {
    await this.unsubscribe();
    return { value: undefined, done: true };
  }

  unsubscribe(): Promise<void> {
    this.#messages.clear();
    this.end();
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unsubscribe();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Lets nothing in any more; messages that wait can still be read. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#onEnd(this);
    this.#catchUp();
    for (let reading = this.#readings.shift(); reading !== undefined; reading = this.#readings.shift()) {
      if (this.#failure !== undefined) reading.reject(this.#failure.error);
      else reading.resolve({ value: undefined, done: true });
    }
  }

  /** Ends it at once, and lets reading fail. */
  fail(error: unknown): void {
    if (this.#isEnded && this.#messages.length === 0) return;
    this.#failure = { error };
    this.#messages.clear();
    this.end();
  }

  #nextLater(): Promise<IteratorResult<Message, undefined>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    if (this.#isEnded) return Promise.resolve({ value: undefined, done: true });
    const reading = Promise.withResolvers<IteratorResult<Message, undefined>>();
    this.#readings.push(reading);
    return reading.promise;
  }

  #catchUp(): void {
    if (this.#behindSinceMs === undefined) return;
    this.#behindSinceMs = undefined;
    this.#backlogWait.ownCaughtUp(this.#turn.now());
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
