import type { QoS, RetainHandling } from "../codec/packet.ts";
import type { BrokerSettings } from "./settings.ts";
import type { ParsedTopicFilter } from "./topic_filter.ts";

/** A Subscription of a session (MQTT 5, section 3.8.3.1). */
export interface Subscription {
  /** Topic Filter, with its levels. */
  readonly filter: ParsedTopicFilter;
  /** Maximum QoS that was granted. */
  readonly qos: QoS;
  /** No Local: whether to leave out messages of the same client. */
  readonly noLocal: boolean;
  /** Retain As Published: whether RETAIN stays as it was published. */
  readonly retainAsPublished: boolean;
  /** Retain Handling: when retained messages are sent. */
  readonly retainHandling: RetainHandling;
  /** Subscription Identifier of the SUBSCRIBE that made it (section 3.8.2.1.2). */
  readonly subscriptionIdentifier: number | undefined;
}

/**
 * Copies of a message that several subscriptions of one client match (MQTT 5, section 3.3.4): `each`, one for each
 * Subscription Identifier and one for the subscriptions that have none, as mosquitto sends them; `once`, one for all of them.
 */
export type OverlappingSubscriptions = BrokerSettings["overlappingSubscriptions"];

/** Options of one copy of a message: what the subscriptions that it is for say together (section 3.3.4). */
export interface DeliveryOptions {
  /** Highest QoS of them. [MQTT-3.3.4-2] */
  readonly qos: QoS;
  readonly retainAsPublished: boolean;
  /** Identifiers of all of them [MQTT-3.3.4-4], or the one of a copy [MQTT-3.3.4-5]. */
  readonly subscriptionIdentifiers: readonly number[];
  /** Topic Filter of the Shared Subscription that it is of, as it was subscribed (section 4.8.2). */
  readonly sharedFilter?: string;
}

/**
 * Merges subscriptions of one subscriber that match the same topic; `undefined` for none. With `each` they
 * have the same Subscription Identifier, which stands once in their copy; with `once`, as often as it was given.
 */
export function mergeSubscriptions(
  subscriptions: readonly Subscription[],
  overlapping: OverlappingSubscriptions = "once",
): DeliveryOptions | undefined {
  if (subscriptions.length === 0) return undefined;
  let qos: QoS = 0;
  let retainAsPublished = false;
  const subscriptionIdentifiers: number[] = [];
  for (const subscription of subscriptions) {
    if (subscription.qos > qos) qos = subscription.qos;
    retainAsPublished ||= subscription.retainAsPublished;
    const { subscriptionIdentifier } = subscription;
    const isRepeated = overlapping === "each" && subscriptionIdentifiers.length > 0;
    if (subscriptionIdentifier !== undefined && !isRepeated) subscriptionIdentifiers.push(subscriptionIdentifier);
  }
  return { qos, retainAsPublished, subscriptionIdentifiers };
}
