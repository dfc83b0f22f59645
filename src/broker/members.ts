import {
  type Delivery,
  mergeSubscriptions,
  type OverlappingSubscriptions,
  type Subscription,
} from "../protocol/subscription.ts";
import type { ParsedTopicFilter } from "../protocol/topic_filter.ts";

/** Subscriber that gets a copy of a message, and how: one object, because with many subscriptions each one more is out of the processor's caches. */
export interface Target<Subscriber> extends Delivery {
  readonly subscriber: Subscriber;
  /** Whether one of the subscriptions says No Local, and what the others say to the publisher itself. */
  readonly isNoLocal: boolean;
  readonly deliveryToPublisher: Delivery | undefined;
}

/** Who has subscribed to one Topic Filter, with what. Most filters have one subscriber, for whom a Map would be much. */
export class Members<Subscriber> {
  readonly filter: ParsedTopicFilter;
  /** Of a Shared Subscription: whose turn it is, as an index of {@linkcode targets}. It stays when members change. */
  turn = 0;
  /** The first, while there is no Map. */
  #subscriber: Subscriber;
  #subscription: Subscription | undefined;
  #map: Map<Subscriber, Subscription> | undefined;
  #targets: readonly Target<Subscriber>[] | undefined;

  constructor(subscriber: Subscriber, subscription: Subscription) {
    this.filter = subscription.filter;
    this.#subscriber = subscriber;
    this.#subscription = subscription;
  }

  get size(): number {
    return this.#map?.size ?? (this.#subscription === undefined ? 0 : 1);
  }

  /** In the order in which they came. */
  get all(): Iterable<readonly [Subscriber, Subscription]> {
    if (this.#map !== undefined) return this.#map;
    return this.#subscription === undefined ? [] : [[this.#subscriber, this.#subscription]];
  }

  /** What they get where no other filter matches: the same array for all topics, until members change. */
  get targets(): readonly Target<Subscriber>[] {
    return this.#targets ??= this.#targetsOfAll();
  }

  #targetsOfAll(): readonly Target<Subscriber>[] {
    if (this.#map === undefined && this.#subscription !== undefined) {
      return [targetOf(this.#subscriber, [this.#subscription])];
    }
    return Array.from(this.all, ([subscriber, subscription]) => targetOf(subscriber, [subscription]));
  }

  /** In place of the subscription that the subscriber had, if any. */
  set(subscriber: Subscriber, subscription: Subscription): void {
    this.#targets = undefined;
    if (this.#map === undefined && this.#subscriber === subscriber) {
      this.#subscription = subscription;
      return;
    }
    this.#map ??= new Map(this.all);
    this.#map.set(subscriber, subscription);
  }

  /** False: there was no such subscriber. */
  delete(subscriber: Subscriber): boolean {
    this.#targets = undefined;
    if (this.#map !== undefined) return this.#map.delete(subscriber);
    if (this.#subscriber !== subscriber || this.#subscription === undefined) return false;
    this.#subscription = undefined;
    return true;
  }
}

/** Copies for each subscriber, one or as many as its matching subscriptions ask for. */
export function mergedTargets<Subscriber>(
  filters: readonly Members<Subscriber>[],
  overlapping: OverlappingSubscriptions,
): readonly Target<Subscriber>[] {
  const first = filters[0];
  if (first === undefined) return [];
  if (filters.length === 1) return first.targets;
  const matching = new Map<Subscriber, Subscription[]>();
  for (const { all } of filters) {
    for (const [subscriber, subscription] of all) {
      const subscriptions = matching.get(subscriber);
      if (subscriptions === undefined) matching.set(subscriber, [subscription]);
      else subscriptions.push(subscription);
    }
  }
  const targets: Target<Subscriber>[] = [];
  for (const [subscriber, subscriptions] of matching) {
    if (overlapping === "once" || subscriptions.length === 1) {
      targets.push(targetOf(subscriber, subscriptions));
      continue;
    }
    const copies = Map.groupBy(subscriptions, ({ subscriptionIdentifier }) => subscriptionIdentifier);
    for (const copy of copies.values()) targets.push(targetOf(subscriber, copy, "each"));
  }
  return targets;
}

function targetOf<Subscriber>(
  subscriber: Subscriber,
  subscriptions: readonly Subscription[],
  overlapping?: OverlappingSubscriptions,
): Target<Subscriber> {
  const delivery = mergeSubscriptions(subscriptions, overlapping) as Delivery; // There is at least one subscription.
  const { shareName, topicFilter } = (subscriptions[0] as Subscription).filter;
  const isNoLocal = subscriptions.some(({ noLocal }) => noLocal);
  const others = isNoLocal ? subscriptions.filter(({ noLocal }) => !noLocal) : [];
  const deliveryToPublisher = mergeSubscriptions(others, overlapping);
  const { qos, retainAsPublished, subscriptionIdentifiers } = delivery;
  const target = { qos, retainAsPublished, subscriptionIdentifiers, subscriber, isNoLocal, deliveryToPublisher };
  return shareName === undefined ? target : { ...target, sharedFilter: topicFilter };
}
