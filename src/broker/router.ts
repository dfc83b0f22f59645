import type { ApplicationMessage } from "../protocol/message.ts";
import { type Delivery, mergeSubscriptions, type Subscription } from "../protocol/subscription.ts";
import { hasWildcard } from "../protocol/topic_filter.ts";
import { TopicTrie } from "./topic_trie.ts";

const MOST_CACHED_TOPICS = 16_384;
const MOST_CACHED_TARGETS = 1_000_000;
const LONGEST_CACHED_TOPIC = 256;

/** Whoever gets messages. */
export interface Subscriber {
  /** For No Local; `undefined` for a reader in the broker's own process. */
  readonly clientId: string | undefined;
  readonly isOnline: boolean;
  /** Whether it lives on without a connection, so that what it gets is kept. */
  readonly isDurable: boolean;
  /** Whether a message would go out at once. */
  readonly isReady: boolean;
  /** Whether messages of the topic may be delivered to it. */
  permits(topic: string): boolean;
  deliver(message: ApplicationMessage, delivery: Delivery, nowMs: number): void;
}

interface Target {
  readonly subscriber: Subscriber;
  readonly delivery: Delivery;
  /** Whether one of the subscriptions says No Local, and what the others say to the publisher itself. */
  readonly isNoLocal: boolean;
  readonly deliveryToPublisher: Delivery | undefined;
}

/** Members of a Shared Subscription; each message goes to one of them (MQTT 5, section 4.8.2). */
interface SharedGroup {
  readonly members: readonly { readonly subscriber: Subscriber; readonly delivery: Delivery }[];
  readonly turn: { next: number };
}

interface Match {
  /** The cache is good while the router's version is this. */
  readonly version: number;
  readonly targets: readonly Target[];
  readonly groups: readonly SharedGroup[];
}

/** Brings messages to subscribers: one match for each topic, kept until subscriptions change. */
export class Router {
  readonly #trie = new TopicTrie<Subscriber>();
  readonly #matches = new Map<string, Match>();
  #cachedTargets = 0;
  #version = 0;
  /** One for all topics that it matches, made anew when its members change. */
  readonly #groups = new WeakMap<ReadonlyMap<Subscriber, Subscription>, SharedGroup>();

  /** How many subscriptions there are, and how many of these are shared. */
  get counts(): { readonly subscriptions: number; readonly shared: number } {
    return { subscriptions: this.#trie.count, shared: this.#trie.sharedCount };
  }

  subscribe(subscriber: Subscriber, subscription: Subscription): void {
    const members = this.#trie.add(subscriber, subscription);
    this.#forget(subscription, members);
  }

  unsubscribe(subscriber: Subscriber, subscription: Subscription): void {
    const members = this.#trie.delete(subscriber, subscription);
    if (members !== undefined) this.#forget(subscription, members);
  }

  /** Whether a session that lives on without its connection would get a message of the topic. */
  isToBeKept(topic: string): boolean {
    const { targets, groups } = this.#matchOf(topic);
    return targets.some(({ subscriber }) => subscriber.isDurable) ||
      groups.some(({ members }) => members.some(({ subscriber }) => subscriber.isDurable));
  }

  /** Delivers a message to all whose subscriptions match; gives how many these are. */
  publish(message: ApplicationMessage, nowMs: number): number {
    const { targets, groups } = this.#matchOf(message.topic);
    const count = targets.length + groups.length;
    if (count > 1) message.isShared = true;
    for (const target of targets) {
      if (target.isNoLocal && message.publisher === target.subscriber.clientId) { // [MQTT-3.8.3-3]
        if (target.deliveryToPublisher !== undefined) {
          target.subscriber.deliver(message, target.deliveryToPublisher, nowMs);
        }
      } else {
        target.subscriber.deliver(message, target.delivery, nowMs);
      }
    }
    for (const group of groups) deliverToOne(group, message, nowMs);
    return count;
  }

  /** Delivers a message again, to another member of a Shared Subscription; false: there is none. */
  redistribute(message: ApplicationMessage, sharedFilter: string, nowMs: number): boolean {
    let isDelivered = false;
    this.#trie.match(message.topic, (shareName, members) => {
      if (shareName === "" || isDelivered) return;
      const { topicFilter } = members.values().next().value?.filter ?? {};
      if (topicFilter !== sharedFilter) return;
      deliverToOne(this.#group(members), message, nowMs);
      isDelivered = true;
    });
    return isDelivered;
  }

  #matchOf(topic: string): Match {
    const known = this.#matches.get(topic);
    return known !== undefined && known.version === this.#version ? known : this.#match(topic);
  }

  #match(topic: string): Match {
    const matching = new Map<Subscriber, Subscription[]>();
    const groups: SharedGroup[] = [];
    this.#trie.match(topic, (shareName, members) => {
      if (shareName !== "") {
        groups.push(this.#group(members));
        return;
      }
      for (const [subscriber, subscription] of members) {
        const subscriptions = matching.get(subscriber);
        if (subscriptions === undefined) matching.set(subscriber, [subscription]);
        else subscriptions.push(subscription);
      }
    });
    const targets: Target[] = [];
    for (const [subscriber, subscriptions] of matching) {
      const delivery = mergeSubscriptions(subscriptions) as Delivery; // There is at least one subscription.
      const isNoLocal = subscriptions.some(({ noLocal }) => noLocal);
      const deliveryToPublisher = isNoLocal ? mergeSubscriptions(subscriptions.filter((s) => !s.noLocal)) : delivery;
      targets.push({ subscriber, delivery, isNoLocal, deliveryToPublisher });
    }
    const match: Match = { version: this.#version, targets, groups };
    this.#keep(topic, match);
    return match;
  }

  #group(members: ReadonlyMap<Subscriber, Subscription>): SharedGroup {
    const known = this.#groups.get(members);
    if (known !== undefined && known.members.length > 0) return known;
    const deliveries = Array.from(members, ([subscriber, subscription]) => ({
      subscriber,
      delivery: {
        ...mergeSubscriptions([subscription]) as Delivery, // Of one subscription.
        sharedFilter: subscription.filter.topicFilter,
      },
    }));
    const group: SharedGroup = { members: deliveries, turn: known?.turn ?? { next: 0 } };
    this.#groups.set(members, group);
    return group;
  }

  #keep(topic: string, match: Match): void {
    if (topic.length > LONGEST_CACHED_TOPIC) return;
    this.#dropMatch(topic);
    if (this.#matches.size >= MOST_CACHED_TOPICS || this.#cachedTargets + countOf(match) > MOST_CACHED_TARGETS) {
      this.#matches.clear();
      this.#cachedTargets = 0;
    }
    this.#cachedTargets += countOf(match);
    this.#matches.set(topic, match);
  }

  #dropMatch(topic: string): void {
    const match = this.#matches.get(topic);
    if (match === undefined) return;
    this.#cachedTargets -= countOf(match);
    this.#matches.delete(topic);
  }

  #forget(subscription: Subscription, members: ReadonlyMap<Subscriber, Subscription>): void {
    const { levels } = subscription.filter;
    const group = this.#groups.get(members);
    if (group !== undefined) this.#groups.set(members, { members: [], turn: group.turn }); // Whose turn it is stays.
    if (hasWildcard(levels)) this.#version += 1;
    else this.#dropMatch(levels.join("/"));
  }
}

function countOf({ targets, groups }: Match): number {
  return targets.length + groups.length;
}

/** In turns: to a member that takes it at once, else to one that is there, else to any; only to one that may get it. */
function deliverToOne({ members, turn }: SharedGroup, message: ApplicationMessage, nowMs: number): void {
  const { topic } = message;
  const at = nextMember(members, turn, (subscriber) => subscriber.isReady && subscriber.permits(topic)) ??
    nextMember(members, turn, (subscriber) => subscriber.isOnline && subscriber.permits(topic)) ??
    nextMember(members, turn, (subscriber) => subscriber.permits(topic));
  if (at === undefined) return;
  turn.next = (at + 1) % members.length;
  const member = members[at];
  member?.subscriber.deliver(message, member.delivery, nowMs);
}

function nextMember(
  members: SharedGroup["members"],
  turn: SharedGroup["turn"],
  isFit: (subscriber: Subscriber) => boolean,
): number | undefined {
  for (let tried = 0; tried < members.length; tried++) {
    const at = (turn.next + tried) % members.length;
    const member = members[at];
    if (member !== undefined && isFit(member.subscriber)) return at;
  }
  return undefined;
}
