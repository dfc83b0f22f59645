import { type ParsedTopicFilter, parseTopicFilter } from "../src/protocol/topic_filter.ts";
import type { Subscription } from "../src/protocol/subscription.ts";

/** Topic of one of many devices. */
export function topicOf(device: number): string {
  return `site/${device % 100}/device/${device}/temperature`;
}

/** A subscription to the topic of one device: a third of them exact, a third with `+`, a third with `#`. */
export function subscriptionOf(device: number): Subscription {
  const base = `site/${device % 100}/device/${device}`;
  return subscriptionTo([`${base}/temperature`, `${base}/+`, `${base}/#`][device % 3] ?? base);
}

export function subscriptionTo(topicFilter: string): Subscription {
  return {
    filter: parseTopicFilter(topicFilter) as ParsedTopicFilter, // The benches write valid ones.
    qos: 0,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    subscriptionIdentifier: undefined,
  };
}
