import { MqttError, protocolError } from "../codec/mqtt_error.ts";
import type { QoS, SubscribeEntry, SubscribePacket, UnsubscribePacket } from "../codec/packet.ts";
import { NO_PROPERTIES } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { Ask } from "./ask.ts";
import type { ClientConnection, ConnectionHost } from "./connection_host.ts";
import type { Session } from "./session.ts";
import type { Subscription } from "./subscription.ts";
import { type ParsedTopicFilter, parseTopicFilter } from "./topic_filter.ts";

/** What a SUBSCRIBE has come to: one Reason Code for each Topic Filter so far. */
interface Progress {
  readonly filters: readonly ParsedTopicFilter[];
  readonly reasonCodes: ReasonCode[];
  /** Subscriptions that get retained messages behind SUBACK. */
  readonly withRetained: ParsedTopicFilter[];
  /** Sequence of the last change that was made; 0: none. */
  heldUntil: number;
}

/** SUBSCRIBE (MQTT 5, section 3.8). */
export function receiveSubscribe(
  packet: SubscribePacket,
  connection: ClientConnection,
  session: Session,
  host: ConnectionHost,
  nowMs: number,
): Ask | undefined {
  const filters: ParsedTopicFilter[] = [];
  for (const entry of packet.subscriptions) {
    const filter = parseTopicFilter(entry.topicFilter);
    const error = filter === undefined ? invalidFilter(entry.topicFilter) : sharedNoLocal(filter, entry);
    if (filter === undefined || error !== undefined) {
      if (error !== undefined) connection.fail(error);
      return undefined;
    }
    filters.push(filter);
  }
  const progress: Progress = { filters, reasonCodes: [], withRetained: [], heldUntil: 0 };
  return subscribeNext(packet, connection, session, host, progress, nowMs);
}

/** UNSUBSCRIBE (MQTT 5, section 3.10). */
export function receiveUnsubscribe(
  packet: UnsubscribePacket,
  connection: ClientConnection,
  session: Session,
  host: ConnectionHost,
): void {
  const reasonCodes: ReasonCode[] = [];
  for (const topicFilter of packet.topicFilters) {
    if (parseTopicFilter(topicFilter) === undefined) return connection.fail(invalidFilter(topicFilter));
  }
  for (const topicFilter of packet.topicFilters) {
    // Compared character by character. [MQTT-3.10.4-1]
    const subscription = session.subscriptions.get(topicFilter);
    if (subscription !== undefined) {
      endSubscription(session, subscription, host);
      reasonCodes.push(ReasonCode.Success);
    } else {
      reasonCodes.push(ReasonCode.NoSubscriptionExisted);
    }
  }
  const { packetIdentifier } = packet;
  const heldUntil = session.isDurable ? host.log.writtenSequence : 0;
  // [MQTT-3.10.4-4] [MQTT-3.10.4-5]
  connection.send({ type: "unsuback", packetIdentifier, reasonCodes, properties: NO_PROPERTIES }, heldUntil);
}

/** Takes a subscription away from its session, and from the storage. */
export function endSubscription(
  session: Session,
  subscription: Subscription,
  host: Pick<ConnectionHost, "unsubscribe" | "log">,
): void {
  const { topicFilter } = subscription.filter;
  session.subscriptions.delete(topicFilter);
  session.outgoing.dropRetained(topicFilter);
  host.unsubscribe(session, subscription);
  if (session.isDurable) host.log.write({ kind: "unsubscribed", clientId: session.clientId, topicFilter });
}

/** Goes through the Topic Filters one by one, with a pause wherever somebody has to be asked. [MQTT-3.8.4-5] */
function subscribeNext(
  packet: SubscribePacket,
  connection: ClientConnection,
  session: Session,
  host: ConnectionHost,
  progress: Progress,
  nowMs: number,
): Ask | undefined {
  const { reasonCodes, filters } = progress;
  while (reasonCodes.length < filters.length) {
    const index = reasonCodes.length;
    const filter = filters[index] as ParsedTopicFilter; // One for each entry.
    const entry = packet.subscriptions[index] as SubscribeEntry; // Below the length of both.
    const refusal = refusalOf(filter, session, host);
    if (refusal !== undefined) {
      reasonCodes.push(refusal);
    } else if (!host.asksAuthorizer) {
      subscribe(packet, entry, filter, connection, session, host, progress);
    } else {
      const { qos } = entry;
      const topic = filter.levels.join("/"); // Without `$share` and ShareName: the topics are what is asked about.
      return connection.authorize({ action: "subscribe", topic, qos, retain: false }, (isAllowed, answeredMs) => {
        if (isAllowed) subscribe(packet, entry, filter, connection, session, host, progress);
        else reasonCodes.push(ReasonCode.NotAuthorized);
        return subscribeNext(packet, connection, session, host, progress, answeredMs);
      }, nowMs);
    }
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
  { isBridge }: ClientConnection,
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
  session.subscriptions.set(filter.topicFilter, subscription); // [MQTT-3.8.4-3]
  host.subscribe(session, subscription);
  if (session.isDurable) {
    progress.heldUntil = host.log.write({ kind: "subscribed", clientId: session.clientId, subscription });
  }
  // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]; a Shared Subscription gets none (section 4.8.2).
  const isRetainedSent = retainHandling === 0 || (retainHandling === 1 && isNew);
  if (isRetainedSent && filter.shareName === undefined) {
    session.outgoing.requestRetained(filter);
    progress.withRetained.push(filter);
  }
  progress.reasonCodes.push(qos); // The QoS that is granted is its Reason Code. [MQTT-3.8.4-7]
}

function refusalOf(filter: ParsedTopicFilter, session: Session, host: ConnectionHost): ReasonCode | undefined {
  const { maximumSubscriptions, maximumTopicLevels, maximumTopicLength } = host.limits;
  if (filter.levels.length > maximumTopicLevels || filter.topicFilter.length > maximumTopicLength) {
    return ReasonCode.TopicFilterInvalid;
  }
  if (session.isDurable && !host.isKeeping) return ReasonCode.QuotaExceeded; // It could not be kept.
  const isNew = !session.subscriptions.has(filter.topicFilter);
  return isNew && session.subscriptions.size >= maximumSubscriptions ? ReasonCode.QuotaExceeded : undefined;
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
