import { MqttError, protocolError } from "../codec/mqtt_error.ts";
import type { QoS, RetainHandling, SubscribeEntry, SubscribePacket, UnsubscribePacket } from "../codec/packet.ts";
import { NO_PROPERTIES } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { Ask } from "./ask.ts";
import type { ConnectionHost, PacketPort } from "./connection_host.ts";
import { type Session, subscriptionBytes } from "./session.ts";
import { type ParsedTopicFilter, parseTopicFilter } from "./topic_filter.ts";

/** A Subscription of a session (MQTT 5, section 3.8.3.1). */
export interface Subscription {
  readonly filter: ParsedTopicFilter;
  /** Maximum QoS that was granted. */
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: RetainHandling;
  /** Of the SUBSCRIBE that made it (section 3.8.2.1.2). */
  readonly subscriptionIdentifier: number | undefined;
}

/**
 * Copies of a message that several subscriptions of one client match (MQTT 5, section 3.3.4): `each`, one for each
 * Subscription Identifier and one for the subscriptions that have none, as mosquitto sends them; `once`, one for all of them.
 */
export type OverlappingSubscriptions = "each" | "once";

/** How one copy of a message goes to a subscriber: what the subscriptions that it is for say together (section 3.3.4). */
export interface DeliveryOptions {
  /** The highest of them. [MQTT-3.3.4-2] */
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

// A packet has up to 65,535 Topic Filters: after so many others may have their turn, which takes some 0.1 ms. (2026-11-30)
const FILTERS_A_TURN = 64;

/** What a SUBSCRIBE has come to: one Reason Code for each Topic Filter so far. */
interface Progress {
  /** How many Topic Filters were looked at, and are some. */
  checked: number;
  readonly reasonCodes: ReasonCode[];
  /** Subscriptions that get retained messages behind SUBACK. */
  readonly withRetained: ParsedTopicFilter[];
  /** How many Topic Filters the authorizer has denied. */
  denied: number;
  /** Sequence of the last change that was made; 0: none. */
  heldUntil: number;
}

/** SUBSCRIBE (MQTT 5, section 3.8). */
export function receiveSubscribe(
  packet: SubscribePacket,
  connection: PacketPort,
  session: Session,
  host: ConnectionHost,
  nowMs: number,
): Ask | undefined {
  const progress: Progress = { checked: 0, reasonCodes: [], withRetained: [], denied: 0, heldUntil: 0 };
  return checkNext(packet, connection, session, host, progress, nowMs);
}

/** Looks at all Topic Filters first: if one is none, nothing is subscribed. They are not kept, as most may be refused. */
function checkNext(
  packet: SubscribePacket,
  connection: PacketPort,
  session: Session,
  host: ConnectionHost,
  progress: Progress,
  nowMs: number,
): Ask | undefined {
  while (progress.checked < packet.subscriptions.length) {
    const entry = packet.subscriptions[progress.checked++] as SubscribeEntry; // Below the length.
    const filter = parseTopicFilter(entry.topicFilter);
    const error = filter === undefined ? invalidFilter(entry.topicFilter) : sharedNoLocal(filter, entry);
    if (error !== undefined) {
      connection.fail(error);
      return undefined;
    }
    if (progress.checked % FILTERS_A_TURN === 0) {
      return connection.waitForTurn((_, laterMs) => checkNext(packet, connection, session, host, progress, laterMs));
    }
  }
  return subscribeNext(packet, connection, session, host, progress, nowMs);
}

/** UNSUBSCRIBE (MQTT 5, section 3.10). */
export function receiveUnsubscribe(
  { topicFilters, packetIdentifier }: UnsubscribePacket,
  connection: PacketPort,
  session: Session,
  host: ConnectionHost,
): Ask | undefined {
  const reasonCodes: ReasonCode[] = [];
  let checked = 0;
  const checkNext = (): Ask | undefined => {
    while (checked < topicFilters.length) {
      const topicFilter = topicFilters[checked++] as string; // Below the length.
      if (parseTopicFilter(topicFilter) === undefined) {
        connection.fail(invalidFilter(topicFilter));
        return undefined;
      }
      if (checked % FILTERS_A_TURN === 0) return connection.waitForTurn(checkNext);
    }
    return unsubscribeNext();
  };
  const unsubscribeNext = (): Ask | undefined => {
    while (reasonCodes.length < topicFilters.length) {
      // Compared character by character. [MQTT-3.10.4-1]
      const subscription = session.subscriptions.get(topicFilters[reasonCodes.length] as string); // Below the length.
      if (subscription !== undefined) endSubscription(session, subscription, host);
      reasonCodes.push(subscription === undefined ? ReasonCode.NoSubscriptionExisted : ReasonCode.Success);
      if (reasonCodes.length % FILTERS_A_TURN === 0) return connection.waitForTurn(unsubscribeNext);
    }
    const heldUntil = session.isDurable ? host.log.writtenSequence : 0;
    // [MQTT-3.10.4-4] [MQTT-3.10.4-5]
    connection.send({ type: "unsuback", packetIdentifier, reasonCodes, properties: NO_PROPERTIES }, heldUntil);
    return undefined;
  };
  return checkNext();
}

/** Takes a subscription away from its session, and from the storage. */
export function endSubscription(
  session: Session,
  subscription: Subscription,
  host: Pick<ConnectionHost, "unsubscribe" | "log">,
): void {
  const { topicFilter } = subscription.filter;
  session.deleteSubscription(subscription);
  session.outgoing.dropRetained(topicFilter);
  host.unsubscribe(session, subscription);
  if (session.isDurable) host.log.write({ kind: "unsubscribed", clientId: session.clientId, topicFilter });
}

/** Goes through the Topic Filters one by one, with a pause wherever somebody has to be asked. [MQTT-3.8.4-5] */
function subscribeNext(
  packet: SubscribePacket,
  connection: PacketPort,
  session: Session,
  host: ConnectionHost,
  progress: Progress,
  nowMs: number,
): Ask | undefined {
  const { reasonCodes } = progress;
  const goOn = (_: boolean, laterMs: number) => subscribeNext(packet, connection, session, host, progress, laterMs);
  while (reasonCodes.length < packet.subscriptions.length) {
    const entry = packet.subscriptions[reasonCodes.length] as SubscribeEntry; // Below the length.
    const filter = parseTopicFilter(entry.topicFilter) as ParsedTopicFilter; // It was checked.
    const refusal = refusalOf(filter, session, host, progress.denied);
    if (refusal !== undefined) {
      reasonCodes.push(refusal);
    } else if (!host.asksAuthorizer) {
      subscribe(packet, entry, filter, connection, session, host, progress);
    } else {
      const { qos } = entry;
      const topic = filter.levels.join("/"); // Without `$share` and ShareName: the topics are what is asked about.
      return connection.authorize({ action: "subscribe", topic, qos, retain: false }, (isAllowed) => {
        if (isAllowed) {
          subscribe(packet, entry, filter, connection, session, host, progress);
        } else {
          reasonCodes.push(ReasonCode.NotAuthorized);
          progress.denied += 1;
        }
        return connection.waitForTurn(goOn); // An answer may take as long as a slice.
      }, nowMs);
    }
    if (reasonCodes.length % FILTERS_A_TURN === 0) return connection.waitForTurn(goOn);
  }
  const { packetIdentifier, subscriptions } = packet;
  // 3.1 has no code for a failure: what was asked for is what it reads.
  if (connection.version === 3) {
    for (const [index, { qos }] of subscriptions.entries()) {
      if ((reasonCodes[index] ?? 0) >= 0x80) reasonCodes[index] = qos;
    }
  }
  // [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-6]
  connection.send({ type: "suback", packetIdentifier, reasonCodes, properties: NO_PROPERTIES }, progress.heldUntil);
  session.outgoing.sendRetained(progress.withRetained, nowMs);
  return undefined;
}

function subscribe(
  packet: SubscribePacket,
  entry: SubscribeEntry,
  filter: ParsedTopicFilter,
  { isBridge }: PacketPort,
  session: Session,
  host: ConnectionHost,
  progress: Progress,
): void {
  const { retainHandling } = entry;
  const qos = Math.min(entry.qos, host.limits.maximumQos) as QoS; // Between 0 and 2, as both are. [MQTT-3.2.2-10]
  // A bridge of 3.1 or 3.1.1 cannot say so in SUBSCRIBE: it gets what MQTT 5 calls No Local and Retain As Published.
  const noLocal = entry.noLocal || isBridge;
  const retainAsPublished = entry.retainAsPublished || isBridge;
  const subscriptionIdentifier = packet.properties.subscriptionIdentifiers?.[0];
  const subscription: Subscription = {
    filter,
    qos,
    noLocal,
    retainAsPublished,
    retainHandling,
    subscriptionIdentifier,
  };
  const isNew = !session.subscriptions.has(filter.topicFilter);
  session.addSubscription(subscription); // [MQTT-3.8.4-3]
  host.subscribe(session, subscription);
  // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]; a Shared Subscription gets none (section 4.8.2).
  const isRetainedSent = retainHandling === 0 || (retainHandling === 1 && isNew);
  if (isRetainedSent && filter.shareName === undefined) {
    session.outgoing.requestRetained(filter);
    progress.withRetained.push(filter);
  }
  if (session.isDurable) progress.heldUntil = session.outgoing.writeSubscribed(subscription);
  progress.reasonCodes.push(qos); // The QoS that is granted is its Reason Code. [MQTT-3.8.4-7]
}

/** @param denied how many Topic Filters of the packet were denied: each counts as a subscription, or nobody would count them */
function refusalOf(
  filter: ParsedTopicFilter,
  session: Session,
  host: ConnectionHost,
  denied: number,
): ReasonCode | undefined {
  const { maximumSubscriptions, maximumTopicLevels, maximumTopicLength } = host.limits;
  if (filter.levels.length > maximumTopicLevels || filter.topicFilter.length > maximumTopicLength) {
    return ReasonCode.TopicFilterInvalid;
  }
  if (session.isDurable && !host.isKeeping) return ReasonCode.QuotaExceeded; // It could not be kept.
  if (session.subscriptions.has(filter.topicFilter)) return undefined;
  if (session.subscriptions.size + denied >= maximumSubscriptions) return ReasonCode.QuotaExceeded;
  const limit = session.holding?.limitFor(subscriptionBytes(filter));
  if (limit === undefined) return undefined;
  session.holding?.refused("subscriptions", limit);
  return ReasonCode.QuotaExceeded;
}

function sharedNoLocal(filter: ParsedTopicFilter, entry: SubscribeEntry): MqttError | undefined {
  if (filter.shareName === undefined || !entry.noLocal) return undefined;
  return protocolError("No Local is set on a Shared Subscription", "MQTT-3.8.3-4");
}

function invalidFilter(topicFilter: string): MqttError {
  const message = `"${topicFilter}" is not a Topic Filter`;
  const clause = topicFilter.startsWith("$share/") ? "MQTT-4.8.2-2" : "MQTT-4.7.1-1";
  return new MqttError(message, ReasonCode.TopicFilterInvalid, clause);
}

/** Topic Filters as the sets of topics that they match, by their levels. */

/** Whether some topic matches both. */
export function overlapsFilter(one: readonly string[], other: readonly string[]): boolean {
  for (let index = 0;; index++) {
    const a = one[index];
    const b = other[index];
    // [MQTT-4.7.2-1]
    if (index === 0 && isWildcard(a) !== isWildcard(b) && (a?.startsWith("$") || b?.startsWith("$"))) return false;
    if (a === "#" || b === "#") return true;
    if (a === undefined || b === undefined) return a === b;
    if (a !== b && a !== "+" && b !== "+") return false;
  }
}

/** Whether each topic that `inner` matches also matches `outer`. */
export function coversFilter(outer: readonly string[], inner: readonly string[]): boolean {
  for (let index = 0;; index++) {
    const a = outer[index];
    const b = inner[index];
    if (index === 0 && isWildcard(a) && b?.startsWith("$")) return false; // [MQTT-4.7.2-1]
    if (a === "#" || (index === 0 && a === "+" && outer[1] === "#")) return true; // Each topic has a first level.
    if (a === undefined || b === undefined) return a === b;
    if (b === "#" || (a !== "+" && a !== b)) return false;
  }
}

function isWildcard(level: string | undefined): boolean {
  return level === "#" || level === "+";
}
