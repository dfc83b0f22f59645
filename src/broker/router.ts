import { ReasonCode } from "../codec/reason_code.ts";
import type { AccessAttributes } from "../protocol/access.ts";
import type { Answer, BehindSubscriber } from "../protocol/connection_host.ts";
import type { Backlog } from "../protocol/backlog.ts";
import type { ApplicationMessage, MessageTrace } from "../protocol/message.ts";
import type { DeliveryOptions, OverlappingSubscriptions, Subscription } from "../protocol/subscription.ts";
import { hasWildcard } from "../protocol/topic_filter.ts";
import type { CommitQueue } from "./commits.ts";
import type { RetentionRefusals } from "./counters.ts";
import type { BeginTrace } from "./message_tracing.ts";
import type { Retention, RetentionObstacle } from "./retained.ts";
import { type Match, mergedMatches, type SubscriberSet, TopicTrie } from "./topic_trie.ts";
import type { TurnBudget } from "./turn.ts";

// Matches are kept for as many topics as there are subscriptions, within these bounds: with many they are a small part.
const LEAST_CACHED_TOPICS = 16_384;
const MOST_CACHED_TOPICS = 131_072;
const MOST_CACHED_MATCHES = 1_000_000;
const LONGEST_CACHED_TOPIC = 256;
// Topics, as a multiple of those that are kept, that must miss before others take their places: a flood does not.
const MISSES_BEFORE_CLEAR = 4;
// Subscribers of a message that takes time from the budget, and this time for each, with QoS 0 and with QoS 1 or 2.
// (2 cores, Deno 2.9, 2026-11)
const MANY_SUBSCRIBERS = 256;
const QOS_0_MS = 0.00008;
const IDENTIFIED_MS = 0.001;

/** Receiver of messages: a session, or a reader in the broker's own process. */
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
  /** The only match, where nothing else has to be looked at. */
  readonly only: Match<Subscriber> | undefined;
  readonly matches: readonly Match<Subscriber>[];
  /** Shared Subscriptions: each message goes to one of the members (MQTT 5, section 4.8.2). */
  readonly groups: readonly SubscriberSet<Subscriber>[];
  /** Places in arrays that no other topic has. */
  readonly ownPlaces: number;
}

type SubscriberAnswer = Extract<Answer, { kind: "subscriber" }>;

interface Waiting {
  readonly subscriber: BehindSubscriber;
  readonly answer: (answer: SubscriberAnswer) => void;
}

/** Brings messages to subscribers: the matches of a topic are remembered until subscriptions change. */
export class Router {
  readonly #overlapping: OverlappingSubscriptions;
  readonly #trie = new TopicTrie<Subscriber>();
  readonly #cache = new Map<string, TopicMatches>();
  #cachedPlaces = 0;
  #misses = 0;

  constructor(overlapping: OverlappingSubscriptions = "each") {
    this.#overlapping = overlapping;
  }

  /** Number of subscriptions, and of those that are shared among them. */
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

  /** Subscriptions that match a topic, with those who have them. */
  *subscribersOf(topic: string): Generator<readonly [Subscriber, Subscription], void> {
    const sets: SubscriberSet<Subscriber>[] = [];
    this.#trie.match(topic, (members) => sets.push(members));
    for (const { all } of sets) yield* all;
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

  /** Remembers the matches of a topic that is not in the cache. */
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

  /** Forgets the matches of topics that the filter matches. */
  #forget({ filter: { levels, shareName, topicFilter } }: Subscription): void {
    if (this.#cache.size === 0) return;
    if (hasWildcard(levels)) return this.#clear();
    const topic = shareName === undefined ? topicFilter : levels.join("/");
    this.#cachedPlaces -= this.#cache.get(topic)?.ownPlaces ?? 0;
    this.#cache.delete(topic);
  }
}

/** Publishes messages: to their subscribers, and to the retained ones. */
export class Publishing {
  readonly #router: Router;
  readonly #retention: Retention;
  readonly #refusals: RetentionRefusals;
  readonly #commits: CommitQueue;
  readonly #fanOutBudget: TurnBudget;
  /** Begins the trace of a message; `undefined`: none is traced. */
  beginTrace: BeginTrace | undefined;

  constructor(
    router: Router,
    retention: Retention,
    refusals: RetentionRefusals,
    commits: CommitQueue,
    fanOutBudget: TurnBudget,
  ) {
    this.#router = router;
    this.#retention = retention;
    this.#refusals = refusals;
    this.#commits = commits;
    this.#fanOutBudget = fanOutBudget;
  }

  /**
   * Delivers a message, and retains it where it says so: two things, of which the first happens where the second is not
   * possible (section 3.3.1.3). A publisher that can be told is refused instead, and then neither happens.
   *
   * @param source attributes of its publisher, where it is to be retained
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
    const trace = this.beginTrace?.(message);
    if (trace === undefined) return this.#publish(message, source, nowMs, isTold, isWaitedFor);
    message.trace = trace;
    const before = this.#commits.writtenSequence;
    const reasonCode = this.#publish(message, source, nowMs, isTold, isWaitedFor);
    const isKept = reasonCode < 0x80 && this.#commits.writtenSequence > before;
    if (isKept) this.#tellKept(trace, reasonCode); // It never rejects.
    else trace.published(reasonCode);
    return reasonCode;
  }

  async #tellKept(trace: MessageTrace, reasonCode: ReasonCode): Promise<void> {
    await undefined; // Until the turn ends: transactions are complete then.
    try {
      await this.#commits.settled();
      trace.published(reasonCode);
    } catch (error) {
      trace.published(reasonCode, error);
    }
  }

  #publish(
    message: ApplicationMessage,
    source: AccessAttributes | undefined,
    nowMs: number,
    isTold: boolean,
    isWaitedFor: boolean,
  ): ReasonCode {
    if (message.retain) {
      const obstacle = this.#retain(message, source, isWaitedFor, nowMs);
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

  /** Retains a message; gives the obstacle that prevents it. */
  #retain(
    message: ApplicationMessage,
    source: AccessAttributes | undefined,
    isWaitedFor: boolean,
    nowMs: number,
  ): RetentionObstacle | undefined {
    // Publishers with QoS 0, and Wills, do not wait for a storage that has too much to do: nothing of them is kept.
    const isRemoval = message.payload.length === 0;
    if (!isWaitedFor && !isRemoval && !this.#commits.hasRoom) return "storage";
    return this.#retention.retain(message, source, nowMs);
  }
}

/**
 * Waits of publishers for a subscriber that is far behind. They are looked at once in a tick, for half of a backlog lasts its
 * reader for longer than that, and when a reader of the own process has caught up.
 */
export class BacklogWait {
  readonly #router: Router;
  readonly #backlog: Backlog;
  #waiting: Waiting[] = [];
  #isClosed = false;
  /** Readers of the own process that are behind. */
  #ownBehind = 0;

  constructor(router: Router, backlog: Backlog) {
    this.#router = router;
    this.#backlog = backlog;
  }

  /** Finds a subscriber of a topic that its publisher should wait for; `undefined`: none. Called for each PUBLISH. */
  subscriberBehind(topic: string, publisher: string | undefined, nowMs: number): BehindSubscriber | undefined {
    const { bytes } = this.#backlog;
    if (this.#ownBehind === 0 && (bytes === 0 || !this.#backlog.isLarge)) return undefined;
    return this.#router.farBehind(topic, publisher, nowMs);
  }

  ownBehind(): void {
    this.#ownBehind += 1;
  }

  ownCaughtUp(nowMs: number): void {
    this.#ownBehind -= 1;
    this.tick(nowMs);
  }

  /** Answers when the subscriber is not far behind any more, or has had its time: look again for others. */
  until(subscriber: BehindSubscriber, nowMs: number): SubscriberAnswer | Promise<SubscriberAnswer> {
    if (this.#isClosed) return { kind: "subscriber", isOver: true };
    if (!subscriber.isFarBehind(nowMs)) return { kind: "subscriber", isOver: false };
    return new Promise((answer) => this.#waiting.push({ subscriber, answer }));
  }

  tick(nowMs: number): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      if (one.subscriber.isFarBehind(nowMs)) this.#waiting.push(one);
      else one.answer({ kind: "subscriber", isOver: false });
    }
  }

  /** Resumes all publishers that wait; none waits from now on. */
  close(): void {
    this.#isClosed = true;
    for (const { answer } of this.#waiting) answer({ kind: "subscriber", isOver: true });
    this.#waiting = [];
  }
}

/**
 * Delivers a message to one member of a Shared Subscription, in turns: to one that takes it at once, else to one that is
 * there, else to one that lives on; only to one that may get it. A member that is closing and does not live on gets nothing
 * more.
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
