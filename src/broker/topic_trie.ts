import {
  type DeliveryOptions,
  mergeSubscriptions,
  type OverlappingSubscriptions,
  type Subscription,
} from "../protocol/subscription.ts";
import { matchesFrom, type ParsedTopicFilter } from "../protocol/topic_filter.ts";

interface Node<Subscriber> {
  /**
   * Levels of the only Topic Filter at and below this node, as long as there is one: its last levels have no nodes of
   * their own, because most filters share only their first levels with others. `undefined` for a node on the way to
   * several, or at the end of its filter.
   */
  levels: readonly string[] | undefined;
  children: Map<string, Node<Subscriber>> | undefined;
  /** Child for `+`. */
  plus: Node<Subscriber> | undefined;
  /** Child for `#`. */
  hash: Node<Subscriber> | undefined;
  /** Subscribers of the filter that ends here. */
  members: SubscriberSet<Subscriber> | undefined;
  /** Shared Subscriptions of the filter that ends here, by ShareName. */
  shared: Map<string, SubscriberSet<Subscriber>> | undefined;
}

/** Subscriptions by the levels of their Topic Filters (MQTT 5, section 4.7). Neither adding nor matching recurses. */
export class TopicTrie<Subscriber> {
  readonly #root: Node<Subscriber> = nodeWith(undefined);
  /** Subscriptions, those that are shared among them. */
  count = 0;
  sharedCount = 0;

  add(subscriber: Subscriber, subscription: Subscription): void {
    const { levels, shareName } = subscription.filter;
    let node = this.#root;
    let isAnother = false; // Known of a filter that is compared once: it is the same at the next level.
    for (let depth = 0; depth < levels.length; depth++) {
      if (node.levels !== undefined) {
        isAnother ||= !isSameFrom(depth, node.levels, levels);
        if (!isAnother) break;
        moveDown(node, depth);
      }
      const level = levels[depth] as string; // Below the length.
      let child = childOf(node, level);
      if (child === undefined) {
        child = nodeWith(depth + 1 < levels.length ? levels : undefined);
        setChild(node, level, child);
        node = child;
        break;
      }
      node = child;
    }
    // A longer filter has its end further down.
    if (node.levels !== undefined && node.levels.length !== levels.length) moveDown(node, levels.length);
    const members = shareName === undefined ? node.members : node.shared?.get(shareName);
    const sizeBefore = members?.size ?? 0;
    if (members !== undefined) {
      members.set(subscriber, subscription);
    } else {
      const first = new SubscriberSet(subscriber, subscription);
      if (shareName === undefined) node.members = first;
      else (node.shared ??= new Map()).set(shareName, first);
    }
    this.#count(shareName, (members?.size ?? 1) - sizeBefore);
  }

  /** Deletes a subscription; false: there was none. */
  delete(subscriber: Subscriber, subscription: Subscription): boolean {
    const { levels, shareName } = subscription.filter;
    const path: Node<Subscriber>[] = [this.#root];
    let node = this.#root;
    for (let depth = 0; depth < levels.length && node.levels === undefined; depth++) {
      const next = childOf(node, levels[depth] as string); // Below the length.
      if (next === undefined) return false;
      path.push(node = next);
    }
    if (node.levels !== undefined && !isSameFrom(path.length - 1, node.levels, levels)) return false;
    const members = shareName === undefined ? node.members : node.shared?.get(shareName);
    if (!members?.delete(subscriber)) return false;
    this.#count(shareName, -1);
    if (members.size === 0) {
      if (shareName === undefined) node.members = undefined;
      else node.shared?.delete(shareName);
      if (node.shared?.size === 0) node.shared = undefined;
    }
    // Branches without a filter go.
    for (let depth = path.length - 1; depth > 0 && isEmpty(path[depth] as Node<Subscriber>); depth--) {
      // One for each node below the root, and above depth.
      setChild(path[depth - 1] as Node<Subscriber>, levels[depth - 1] as string, undefined);
    }
    return true;
  }

  #count(shareName: string | undefined, change: number): void {
    this.count += change;
    if (shareName !== undefined) this.sharedCount += change;
  }

  /** Calls `visit` for the subscribers of each matching filter. */
  match(topic: string, visit: (members: SubscriberSet<Subscriber>) => void): void {
    const levels = topic.split("/");
    const isServerTopic = topic.startsWith("$");
    // Nodes still to be seen, with the depth at which each stands.
    const nodes: Node<Subscriber>[] = [this.#root];
    const depths: number[] = [0];
    for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
      const depth = depths.pop() as number; // One for each node.
      if (node.levels !== undefined) {
        if (matchesFrom(depth, node.levels, levels)) visitAll(node, visit);
        continue;
      }
      const mayBeWildcard = depth > 0 || !isServerTopic; // [MQTT-4.7.2-1]
      if (mayBeWildcard && node.hash !== undefined) visitAll(node.hash, visit);
      if (depth === levels.length) {
        visitAll(node, visit);
        continue;
      }
      const child = node.children?.get(levels[depth] as string); // Below the length.
      if (child !== undefined) {
        nodes.push(child);
        depths.push(depth + 1);
      }
      if (mayBeWildcard && node.plus !== undefined) {
        nodes.push(node.plus);
        depths.push(depth + 1);
      }
    }
  }
}

function nodeWith<Subscriber>(levels: readonly string[] | undefined): Node<Subscriber> {
  return { levels, children: undefined, plus: undefined, hash: undefined, members: undefined, shared: undefined };
}

function childOf<Subscriber>(node: Node<Subscriber>, level: string): Node<Subscriber> | undefined {
  if (level === "+") return node.plus;
  return level === "#" ? node.hash : node.children?.get(level);
}

function setChild<Subscriber>(node: Node<Subscriber>, level: string, child: Node<Subscriber> | undefined): void {
  if (level === "+") {
    node.plus = child;
  } else if (level === "#") {
    node.hash = child;
  } else if (child !== undefined) {
    (node.children ??= new Map()).set(level, child);
  } else {
    node.children?.delete(level);
    if (node.children?.size === 0) node.children = undefined;
  }
}

/** Makes a node of the next level of the only filter below this one, which then stands there. */
function moveDown<Subscriber>(node: Node<Subscriber>, depth: number): void {
  const { levels, members, shared } = node;
  if (levels === undefined) return;
  const child = nodeWith<Subscriber>(depth + 1 < levels.length ? levels : undefined);
  child.members = members;
  child.shared = shared;
  node.levels = node.members = node.shared = undefined;
  setChild(node, levels[depth] as string, child); // A node that has levels stands before their end.
}

/** Whether two filters that are the same up to a level are the same from there on. */
function isSameFrom(depth: number, levels: readonly string[], others: readonly string[]): boolean {
  if (levels.length !== others.length) return false;
  for (let index = depth; index < levels.length; index++) if (levels[index] !== others[index]) return false;
  return true;
}

function isEmpty<Subscriber>(node: Node<Subscriber>): boolean {
  return node.members === undefined && node.shared === undefined && node.children === undefined &&
    node.plus === undefined && node.hash === undefined;
}

function visitAll<Subscriber>(node: Node<Subscriber>, visit: (members: SubscriberSet<Subscriber>) => void): void {
  if (node.members !== undefined) visit(node.members);
  if (node.shared !== undefined) {
    for (const members of node.shared.values()) visit(members);
  }
}

/**
 * Subscriber that gets a copy of a message, and how: one object, because with many subscriptions each one more is out of
 * the processor's caches.
 */
export interface Match<Subscriber> extends DeliveryOptions {
  readonly subscriber: Subscriber;
  /** Whether one of the subscriptions says No Local, and what the others say to the publisher itself. */
  readonly isNoLocal: boolean;
  readonly deliveryToPublisher: DeliveryOptions | undefined;
}

/** Subscribers of one Topic Filter with their subscriptions. Most filters have one, for which a Map would be much. */
export class SubscriberSet<Subscriber> {
  readonly filter: ParsedTopicFilter;
  /** Index in {@linkcode matches} of the member of a Shared Subscription whose turn it is. It stays when members change. */
  turn = 0;
  /** The first, while there is no Map. */
  #subscriber: Subscriber;
  #subscription: Subscription | undefined;
  #map: Map<Subscriber, Subscription> | undefined;
  #matches: readonly Match<Subscriber>[] | undefined;

  constructor(subscriber: Subscriber, subscription: Subscription) {
    this.filter = subscription.filter;
    this.#subscriber = subscriber;
    this.#subscription = subscription;
  }

  get size(): number {
    return this.#map?.size ?? (this.#subscription === undefined ? 0 : 1);
  }

  /** Subscribers and their subscriptions, in the order in which they came. */
  get all(): Iterable<readonly [Subscriber, Subscription]> {
    if (this.#map !== undefined) return this.#map;
    return this.#subscription === undefined ? [] : [[this.#subscriber, this.#subscription]];
  }

  /** Matches where no other filter matches the topic: the same array for all topics, until members change. */
  get matches(): readonly Match<Subscriber>[] {
    return this.#matches ??= this.#matchesOfAll();
  }

  #matchesOfAll(): readonly Match<Subscriber>[] {
    if (this.#map === undefined && this.#subscription !== undefined) {
      return [matchOf(this.#subscriber, [this.#subscription])];
    }
    return Array.from(this.all, ([subscriber, subscription]) => matchOf(subscriber, [subscription]));
  }

  /** Adds a subscription, or puts it in place of the one that the subscriber had. */
  set(subscriber: Subscriber, subscription: Subscription): void {
    this.#matches = undefined;
    if (this.#map === undefined && this.#subscriber === subscriber) {
      this.#subscription = subscription;
      return;
    }
    this.#map ??= new Map(this.all);
    this.#map.set(subscriber, subscription);
  }

  /** Deletes the subscription of a subscriber; false: there was none. */
  delete(subscriber: Subscriber): boolean {
    this.#matches = undefined;
    if (this.#map !== undefined) return this.#map.delete(subscriber);
    if (this.#subscriber !== subscriber || this.#subscription === undefined) return false;
    this.#subscription = undefined;
    return true;
  }
}

/** Copies for each subscriber, one or as many as its matching subscriptions ask for. */
export function mergedMatches<Subscriber>(
  filters: readonly SubscriberSet<Subscriber>[],
  overlapping: OverlappingSubscriptions,
): readonly Match<Subscriber>[] {
  const first = filters[0];
  if (first === undefined) return [];
  if (filters.length === 1) return first.matches;
  const matching = new Map<Subscriber, Subscription[]>();
  for (const { all } of filters) {
    for (const [subscriber, subscription] of all) {
      const subscriptions = matching.get(subscriber);
      if (subscriptions === undefined) matching.set(subscriber, [subscription]);
      else subscriptions.push(subscription);
    }
  }
  const matches: Match<Subscriber>[] = [];
  for (const [subscriber, subscriptions] of matching) {
    if (overlapping === "once" || subscriptions.length === 1) {
      matches.push(matchOf(subscriber, subscriptions));
      continue;
    }
    const copies = Map.groupBy(subscriptions, ({ subscriptionIdentifier }) => subscriptionIdentifier);
    for (const copy of copies.values()) matches.push(matchOf(subscriber, copy, "each"));
  }
  return matches;
}

function matchOf<Subscriber>(
  subscriber: Subscriber,
  subscriptions: readonly Subscription[],
  overlapping?: OverlappingSubscriptions,
): Match<Subscriber> {
  const delivery = mergeSubscriptions(subscriptions, overlapping) as DeliveryOptions; // There is at least one subscription.
  const { shareName, topicFilter } = (subscriptions[0] as Subscription).filter;
  const isNoLocal = subscriptions.some(({ noLocal }) => noLocal);
  const others = isNoLocal ? subscriptions.filter(({ noLocal }) => !noLocal) : [];
  const deliveryToPublisher = mergeSubscriptions(others, overlapping);
  const { qos, retainAsPublished, subscriptionIdentifiers } = delivery;
  const match = { qos, retainAsPublished, subscriptionIdentifiers, subscriber, isNoLocal, deliveryToPublisher };
  return shareName === undefined ? match : { ...match, sharedFilter: topicFilter };
}
