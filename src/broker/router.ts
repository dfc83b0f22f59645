import { encodePacket } from "../codec/encoder.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { AccessAttributes } from "../protocol/access.ts";
import type { BehindSubscriber } from "../protocol/ask.ts";
import type { Limits } from "../protocol/limits.ts";
import { ApplicationMessage } from "../protocol/message.ts";
import { beyondTopicLimits, isBeyondTopicLimits } from "../protocol/publish_rules.ts";
import type { DeliveryOptions, OverlappingSubscriptions, Subscription } from "../protocol/subscription.ts";
import { hasWildcard } from "../protocol/topic_filter.ts";
import type { CommitQueue } from "./commits.ts";
import type { BacklogWait } from "./connection/backlog_wait.ts";
import type { PublishRequest } from "./options.ts";
import type { Retention, RetentionObstacle, RetentionRefusals } from "./retained.ts";
import { type Match, mergedMatches, type SubscriberSet, TopicTrie } from "./topic_trie.ts";
import type { TurnBudget } from "./turn.ts";

// As many matches are kept as there are subscriptions, within these bounds: with many subscriptions they are a small part.
const LEAST_CACHED_TOPICS = 16_384;
const MOST_CACHED_TOPICS = 131_072;
const MOST_CACHED_MATCHES = 1_000_000;
const LONGEST_CACHED_TOPIC = 256;
/** Topics, as a multiple of those that are kept, that must miss before others take their places: a flood does not. */
const MISSES_BEFORE_CLEAR = 4;

/** Whoever gets messages. */
export interface Subscriber {
  /** For No Local; `undefined` for a reader in the broker's own process. */
  readonly clientId: string | undefined;
  readonly isOnline: boolean;
  /** Whether it lives on without a connection, so that what it gets is kept. */
  readonly isDurable: boolean;
  /** Whether a message would go out at once. */
  readonly isReady: boolean;
  /** Whether publishers should wait for it: it takes what it gets, and is far behind. */
  isFarBehind(nowMs: number): boolean;
  /** Whether messages of the topic may be delivered to it. */
  permits(topic: string): boolean;
  deliver(message: ApplicationMessage, delivery: DeliveryOptions, nowMs: number): void;
}

interface TopicMatches {
  /** The only one of all that match, where nothing else has to be looked at. */
  readonly only: Match<Subscriber> | undefined;
  readonly matches: readonly Match<Subscriber>[];
  /** Of Shared Subscriptions: each message goes to one of the members (MQTT 5, section 4.8.2). */
  readonly groups: readonly SubscriberSet<Subscriber>[];
  /** Places in arrays that no other match has. */
  readonly ownPlaces: number;
}

/** Brings messages to subscribers: one match for each topic, kept until subscriptions change. */
export class Router {
  readonly #overlapping: OverlappingSubscriptions;
  readonly #trie = new TopicTrie<Subscriber>();
  readonly #cache = new Map<string, TopicMatches>();
  #cachedPlaces = 0;
  #misses = 0;

  constructor(overlapping: OverlappingSubscriptions = "each") {
    this.#overlapping = overlapping;
  }

  /** How many subscriptions there are, and how many of these are shared. */
  get counts(): { readonly subscriptions: number; readonly shared: number } {
    return { subscriptions: this.#trie.count, shared: this.#trie.sharedCount };
  }

  subscribe(subscriber: Subscriber, subscription: Subscription): void {
    this.#trie.add(subscriber, subscription);
    this.#forget(subscription);
  }

  unsubscribe(subscriber: Subscriber, subscription: Subscription): void {
    if (this.#trie.delete(subscriber, subscription)) this.#forget(subscription);
  }

  /** Whether a session that lives on without its connection would get a message of the topic. */
  isToBeKept(topic: string): boolean {
    const { matches, groups } = this.#matchesOf(topic);
    return matches.some(({ subscriber }) => subscriber.isDurable) ||
      groups.some((group) => group.matches.some(({ subscriber }) => subscriber.isDurable));
  }

  /**
   * Finds a subscriber of the topic that is so far behind that the publisher should wait; `undefined`: none is. A client does
   * not wait for itself: it may be about to read when it has sent all.
   */
  farBehind(topic: string, publisher: string | undefined, nowMs: number): Subscriber | undefined {
    const isFarBehind = ({ subscriber }: Match<Subscriber>) =>
      subscriber.clientId !== publisher && subscriber.isFarBehind(nowMs);
    const { matches, groups } = this.#matchesOf(topic);
    const match = matches.find(isFarBehind);
    if (match !== undefined) return match.subscriber;
    for (const group of groups) {
      if (group.matches.some(({ subscriber }) => subscriber.isReady)) continue; // It gets it.
      const member = group.matches.find(isFarBehind);
      if (member !== undefined) return member.subscriber;
    }
    return undefined;
  }

  /** Delivers a message to all whose subscriptions match; gives how many copies these are. */
  publish(message: ApplicationMessage, nowMs: number): number {
    const { only, matches, groups } = this.#matchesOf(message.topic);
    if (only !== undefined) {
      only.subscriber.deliver(message, only, nowMs);
      return 1;
    }
    const count = matches.length + groups.length;
    if (count > 1) message.isShared = true;
    for (const match of matches) {
      if (match.isNoLocal && message.publisher === match.subscriber.clientId) { // [MQTT-3.8.3-3]
        if (match.deliveryToPublisher !== undefined) {
          match.subscriber.deliver(message, match.deliveryToPublisher, nowMs);
        }
      } else {
        match.subscriber.deliver(message, match, nowMs);
      }
    }
    for (const group of groups) deliverToOne(group, message, nowMs);
    return count;
  }

  /** Delivers a message again, to another member of a Shared Subscription; false: there is none. */
  redistribute(message: ApplicationMessage, sharedFilter: string, nowMs: number): boolean {
    let isDelivered = false;
    this.#trie.match(message.topic, (members) => {
      if (members.filter.topicFilter !== sharedFilter || isDelivered) return;
      deliverToOne(members, message, nowMs);
      isDelivered = true;
    });
    return isDelivered;
  }

  #matchesOf(topic: string): TopicMatches {
    return this.#cache.get(topic) ?? this.#findMatches(topic);
  }

  #findMatches(topic: string): TopicMatches {
    const filters: SubscriberSet<Subscriber>[] = [];
    const groups: SubscriberSet<Subscriber>[] = [];
    this.#trie.match(topic, (members) => (members.filter.shareName === undefined ? filters : groups).push(members));
    const matches = mergedMatches(filters, this.#overlapping);
    const ownPlaces = groups.length + (filters.length > 1 ? matches.length : 0);
    const [first] = matches;
    const only = matches.length + groups.length === 1 && first?.isNoLocal === false ? first : undefined;
    const found: TopicMatches = { only, matches, groups, ownPlaces };
    this.#remember(topic, found);
    return found;
  }

  /** A topic that is not kept. */
  #remember(topic: string, found: TopicMatches): void {
    if (topic.length > LONGEST_CACHED_TOPIC) return;
    const mostTopics = Math.min(Math.max(LEAST_CACHED_TOPICS, this.#trie.count), MOST_CACHED_TOPICS);
    if (this.#cache.size >= mostTopics || this.#cachedPlaces + found.ownPlaces > MOST_CACHED_MATCHES) {
      if (++this.#misses < this.#cache.size * MISSES_BEFORE_CLEAR) return;
      this.#clear();
    }
    this.#cachedPlaces += found.ownPlaces;
    this.#cache.set(topic, found);
  }

  #clear(): void {
    this.#cache.clear();
    this.#cachedPlaces = 0;
    this.#misses = 0;
  }

  /** What is kept of the topics that the filter matches. */
  #forget({ filter: { levels, shareName, topicFilter } }: Subscription): void {
    if (this.#cache.size === 0) return;
    if (hasWildcard(levels)) return this.#clear();
    const topic = shareName === undefined ? topicFilter : levels.join("/");
    this.#cachedPlaces -= this.#cache.get(topic)?.ownPlaces ?? 0;
    this.#cache.delete(topic);
  }
}

/**
 * In turns: to a member that takes it at once, else to one that is there, else to one that lives on; only to one that may
 * get it. A member that is closing and does not live on gets nothing more.
 */
function deliverToOne(group: SubscriberSet<Subscriber>, message: ApplicationMessage, nowMs: number): void {
  const { topic } = message;
  const { matches, turn } = group;
  const at = nextMatch(matches, turn, (subscriber) => subscriber.isReady && subscriber.permits(topic)) ??
    nextMatch(matches, turn, (subscriber) => subscriber.isOnline && subscriber.permits(topic)) ??
    nextMatch(matches, turn, (subscriber) => subscriber.isDurable && subscriber.permits(topic));
  if (at === undefined) return;
  group.turn = (at + 1) % matches.length;
  const match = matches[at];
  match?.subscriber.deliver(message, match, nowMs);
}

function nextMatch(
  matches: readonly Match<Subscriber>[],
  turn: number,
  isFit: (subscriber: Subscriber) => boolean,
): number | undefined {
  for (let tried = 0; tried < matches.length; tried++) {
    const at = (turn + tried) % matches.length;
    const match = matches[at];
    if (match !== undefined && isFit(match.subscriber)) return at;
  }
  return undefined;
}

// A message to so many, and to each of them with QoS 0, and with 1 or 2. (2 cores, Deno 2.9, 2026-11)
const MANY_SUBSCRIBERS = 256;
const QOS_0_MS = 0.00008;
const IDENTIFIED_MS = 0.001;

/** The parts of a broker that publishing needs. */
export interface PublishingParts {
  readonly limits: Limits;
  readonly router: Router;
  readonly retention: Retention;
  readonly retentionRefusals: RetentionRefusals;
  readonly commits: CommitQueue;
  readonly backlogWait: BacklogWait;
  readonly fanOutBudget: TurnBudget;
  readonly clock: () => number;
}

/** Where messages go that are published: to those who have subscribed, and to the retained ones. */
export class Publishing {
  readonly #limits: Limits;
  readonly #router: Router;
  readonly #retention: Retention;
  readonly #commits: CommitQueue;
  readonly #refusals: RetentionRefusals;
  readonly #backlogWait: BacklogWait;
  readonly #fanOutBudget: TurnBudget;
  readonly #clock: () => number;
  /** Messages of the broker's own process that wait for a subscriber; resolves behind the last of them. */
  #ownWaiting: Promise<unknown> | undefined;

  constructor(
    { limits, router, retention, retentionRefusals, commits, backlogWait, fanOutBudget, clock }: PublishingParts,
  ) {
    this.#limits = limits;
    this.#router = router;
    this.#retention = retention;
    this.#commits = commits;
    this.#refusals = retentionRefusals;
    this.#backlogWait = backlogWait;
    this.#fanOutBudget = fanOutBudget;
    this.#clock = clock;
  }

  /** Finds a subscriber of the topic that is so far behind that the publisher should wait. */
  behind(topic: string, publisher: string | undefined, nowMs: number): BehindSubscriber | undefined {
    return this.#backlogWait.isIdle ? undefined : this.#router.farBehind(topic, publisher, nowMs);
  }

  /**
   * Delivers a message, and retains it where it says so: two things, of which the first happens where the second is not
   * possible (section 3.3.1.3). A publisher that can be told is refused instead, and then neither happens.
   *
   * @param source whose message it is, where it is to be retained
   * @param isTold whether the publisher hears the Reason Code
   * @param isWaitedFor whether the publisher waits for the storage
   */
  publish(
    message: ApplicationMessage,
    source: AccessAttributes | undefined,
    nowMs: number,
    isTold: boolean,
    isWaitedFor: boolean,
  ): ReasonCode {
    if (message.retain) {
      const obstacle = this.#retain(message, source, isWaitedFor);
      if (obstacle !== undefined) {
        this.#refusals.tell(message, source, obstacle, isTold, nowMs);
        if (isTold) return ReasonCode.QuotaExceeded;
        this.#retention.forget(message.topic); // It is out of date. [MQTT-3.3.1-7 of 3.1.1]
      }
    }
    const count = this.#router.publish(message, nowMs);
    if (count >= MANY_SUBSCRIBERS) {
      this.#fanOutBudget.spend(count * (message.qos === 0 ? QOS_0_MS : IDENTIFIED_MS));
    }
    return count > 0 ? ReasonCode.Success : ReasonCode.NoMatchingSubscribers;
  }

  /**
   * Publishes from the broker's own process; with a promise where it has to wait for a subscriber. Throws RangeError before
   * anybody has got the message.
   */
  publishOwn(request: PublishRequest, nowMs: number): Promise<void> | undefined {
    const message = this.#ownMessage(request, nowMs);
    if (this.#ownWaiting !== undefined || this.behind(message.topic, undefined, nowMs) !== undefined) {
      return this.#publishLater(message, this.#ownWaiting);
    }
    this.#publishOwn(message, nowMs);
    return undefined;
  }

  /** Resolves when none of the broker's own process waits any longer. */
  async ownSettled(): Promise<void> {
    await this.#ownWaiting;
  }

  /** Behind those that wait already: messages stay in order. */
  #publishLater(message: ApplicationMessage, before: Promise<unknown> | undefined): Promise<void> {
    const waiting = (async () => {
      await before;
      for (;;) {
        const nowMs = this.#clock();
        const subscriber = this.behind(message.topic, undefined, nowMs);
        const isOver = subscriber === undefined || (await this.#backlogWait.until(subscriber, nowMs)).isOver;
        if (isOver) return this.#publishOwn(message, this.#clock());
      }
    })();
    const last = this.#ownWaiting = waiting.catch(() => {}).then(() => {
      if (this.#ownWaiting === last) this.#ownWaiting = undefined;
    });
    return waiting;
  }

  #publishOwn(message: ApplicationMessage, nowMs: number): void {
    const reasonCode = this.publish(message, undefined, nowMs, true, true);
    if (reasonCode >= 0x80) throw new RangeError(`Cannot publish to "${message.topic}": too many retained messages`);
  }

  #ownMessage(request: PublishRequest, nowMs: number): ApplicationMessage {
    const { topic, payload = "", qos = 0, retain = false, properties = {} } = request;
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : new Uint8Array(payload);
    const message = new ApplicationMessage({ topic, payload: bytes, qos, retain, properties }, undefined, nowMs);
    this.#checkPublishable(message, nowMs);
    return message;
  }

  /** Gives what prevents it. */
  #retain(
    message: ApplicationMessage,
    source: AccessAttributes | undefined,
    isWaitedFor: boolean,
  ): RetentionObstacle | undefined {
    // Publishers with QoS 0, and Wills, do not wait for a storage that has too much to do: nothing of them is kept.
    const isRemoval = message.payload.length === 0;
    if (!isWaitedFor && !isRemoval && !this.#commits.hasRoom) return "storage";
    return this.#retention.retain(message, source);
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
    // As they were given: what goes out is made of them.
    const { length } = encodePacket({ ...message.packet(qos, false, nowMs), properties }, 5);
    if (length > this.#limits.maximumPacketBytes) {
      throw new RangeError(
        `Cannot publish: ${length} bytes are more than the limit of ${this.#limits.maximumPacketBytes}`,
      );
    }
  }
}
