import { MqttError, protocolError } from "../codec/mqtt_error.ts";
import type { QoS, SubscribeEntry, SubscribePacket, UnsubscribePacket } from "../codec/packet.ts";
import { NO_PROPERTIES } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import { type Ask, askAuthorizer, type ConnectionHost } from "./connection_host.ts";
import type { ClientLink } from "./client_link.ts";
import type { Limits } from "./limits.ts";
import type { Session } from "./session.ts";
import { subscriptionBytes } from "./session_holding.ts";
import type { Subscription } from "./subscription.ts";
import { type ParsedTopicFilter, parseTopicFilter } from "./topic_filter.ts";

// A packet has up to 65,535 Topic Filters: after so many others may have their turn, which takes some 0.1 ms. (2026-11-30)
const FILTERS_A_TURN = 64;

/** SUBSCRIBE (MQTT 5, section 3.8). */
export function receiveSubscribe(
  packet: SubscribePacket,
  link: ClientLink,
  session: Session,
  host: ConnectionHost,
  nowMs: number,
): Ask | undefined {
  return new Subscribing(packet, link, session, host).check(nowMs);
}

/** UNSUBSCRIBE (MQTT 5, section 3.10). */
export function receiveUnsubscribe(
  packet: UnsubscribePacket,
  link: ClientLink,
  session: Session,
  host: ConnectionHost,
): Ask | undefined {
  return new Unsubscribing(packet, link, session, host).check();
}

/** Takes a subscription away from its session, and from the storage. */
export function endSubscription(
  session: Session,
  subscription: Subscription,
  host: Pick<ConnectionHost, "unsubscribe" | "log">,
): void {
  const { topicFilter } = subscription.filter;
  session.deleteSubscription(subscription);
  session.dropRetained(topicFilter);
  host.unsubscribe(session, subscription);
  if (session.isDurable) host.log.write({ kind: "unsubscribed", clientId: session.clientId, topicFilter });
}

/** One SUBSCRIBE on its way to SUBACK, which others may interrupt: one Reason Code for each Topic Filter so far. */
class Subscribing {
  readonly #packet: SubscribePacket;
  readonly #link: ClientLink;
  readonly #session: Session;
  readonly #host: ConnectionHost;
  /** Number of Topic Filters that were looked at, and are valid. */
  #checked = 0;
  readonly #reasonCodes: ReasonCode[] = [];
  /** Subscriptions that get retained messages after SUBACK. */
  readonly #withRetained: ParsedTopicFilter[] = [];
  /** Number of Topic Filters that the authorizer has denied. */
  #denied = 0;
  /** Sequence of the last change that was made; 0: none. */
  #heldUntil = 0;

  constructor(packet: SubscribePacket, link: ClientLink, session: Session, host: ConnectionHost) {
    this.#packet = packet;
    this.#link = link;
    this.#session = session;
    this.#host = host;
  }

  /** Looks at all Topic Filters first: if one is invalid, nothing is subscribed. They are not kept, as most may be refused. */
  check(nowMs: number): Ask | undefined {
    const { subscriptions } = this.#packet;
    while (this.#checked < subscriptions.length) {
      const entry = subscriptions[this.#checked++] as SubscribeEntry; // Below the length.
      const filter = parseTopicFilter(entry.topicFilter);
      const error = filter === undefined ? invalidFilter(entry.topicFilter) : sharedNoLocal(filter, entry);
      if (error !== undefined) {
        this.#link.fail(error);
        return undefined;
      }
      if (this.#checked % FILTERS_A_TURN === 0) return { kind: "turn", resume: (_, laterMs) => this.check(laterMs) };
    }
    return this.#subscribe(nowMs);
  }

  /** Goes through the Topic Filters one by one, with a pause wherever the authorizer is asked. [MQTT-3.8.4-5] */
  #subscribe(nowMs: number): Ask | undefined {
    const { subscriptions } = this.#packet;
    while (this.#reasonCodes.length < subscriptions.length) {
      const entry = subscriptions[this.#reasonCodes.length] as SubscribeEntry; // Below the length.
      const filter = parseTopicFilter(entry.topicFilter) as ParsedTopicFilter; // It was checked.
      const refusal = this.#refusalOf(filter);
      if (refusal !== undefined && this.#link.version === 3) return this.#endUntold(filter, refusal);
      if (refusal === undefined && this.#host.asksAuthorizer) return this.#ask(entry, filter);
      this.#reasonCodes.push(refusal ?? this.#grant(entry, filter));
      if (this.#reasonCodes.length % FILTERS_A_TURN === 0) return this.#turn();
    }
    this.#acknowledge();
    this.#session.sendRetained(this.#withRetained, nowMs);
    return undefined;
  }

  #turn(): Ask {
    return { kind: "turn", resume: (_, nowMs) => this.#subscribe(nowMs) };
  }

  #ask(entry: SubscribeEntry, filter: ParsedTopicFilter): Ask {
    const topic = filter.levels.join("/"); // Without `$share` and ShareName: the topics are what is asked about.
    const action = { action: "subscribe", topic, qos: entry.qos, retain: false } as const;
    return askAuthorizer(action, this.#link.identity, (isAllowed) => {
      this.#reasonCodes.push(isAllowed ? this.#grant(entry, filter) : ReasonCode.NotAuthorized);
      if (!isAllowed) this.#denied += 1;
      return this.#turn(); // An answer may take as long as a slice.
    });
  }

  /** Gives the QoS that is granted, which is the Reason Code. [MQTT-3.8.4-7] */
  #grant({ qos: asked, noLocal, retainAsPublished, retainHandling }: SubscribeEntry, filter: ParsedTopicFilter): QoS {
    const { isBridge } = this.#link;
    const session = this.#session;
    const qos = Math.min(asked, this.#host.limits.maximumQos) as QoS; // Between 0 and 2, as both are. [MQTT-3.2.2-10]
    const subscription: Subscription = {
      filter,
      qos,
      // A bridge of 3.1 or 3.1.1 cannot say so in SUBSCRIBE: it gets what MQTT 5 calls No Local and Retain As Published.
      noLocal: noLocal || isBridge,
      retainAsPublished: retainAsPublished || isBridge,
      retainHandling,
      subscriptionIdentifier: this.#packet.properties.subscriptionIdentifiers?.[0],
    };
    const isNew = !session.subscriptions.has(filter.topicFilter);
    session.addSubscription(subscription); // [MQTT-3.8.4-3]
    this.#host.subscribe(session, subscription);
    // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]; a Shared Subscription gets none (section 4.8.2).
    const isRetainedSent = retainHandling === 0 || (retainHandling === 1 && isNew);
    if (isRetainedSent && filter.shareName === undefined) {
      session.requestRetained(filter);
      this.#withRetained.push(filter);
    }
    if (session.isDurable) this.#heldUntil = session.writeSubscribed(subscription);
    return qos;
  }

  #refusalOf(filter: ParsedTopicFilter): ReasonCode | undefined {
    const session = this.#session;
    const { maximumTopicLevels, maximumTopicLength } = this.#host.limits;
    if (filter.levels.length > maximumTopicLevels) return this.#refused(filter, "maximumTopicLevels");
    if (filter.topicFilter.length > maximumTopicLength) return this.#refused(filter, "maximumTopicLength");
    if (session.isDurable && !this.#host.isKeeping) return ReasonCode.QuotaExceeded; // It could not be kept.
    if (session.subscriptions.has(filter.topicFilter)) return undefined;
    const limit = this.#limitOfOneMore(filter);
    return limit === undefined ? undefined : this.#refused(filter, limit);
  }

  #limitOfOneMore(filter: ParsedTopicFilter): keyof Limits | undefined {
    const { holding, subscriptions, subscriptionBytes: bytesBefore } = this.#session;
    const { maximumSubscriptions, maximumSubscriptionBytes } = this.#host.limits;
    // One that was denied counts as well: else a packet could have the authorizer asked without end.
    if (subscriptions.size + this.#denied >= maximumSubscriptions) return "maximumSubscriptions";
    const bytes = subscriptionBytes(filter);
    if (bytesBefore + bytes > maximumSubscriptionBytes) return "maximumSubscriptionBytes";
    const limit = holding?.limitFor(bytes);
    if (limit !== undefined) holding?.refused("subscriptions", limit);
    return limit;
  }

  #refused({ topicFilter }: ParsedTopicFilter, limit: keyof Limits): ReasonCode {
    this.#host.subscriptionRefused(this.#link.identity, topicFilter, limit);
    const isInvalid = limit === "maximumTopicLevels" || limit === "maximumTopicLength";
    return isInvalid ? ReasonCode.TopicFilterInvalid : ReasonCode.QuotaExceeded;
  }

  /**
   * Ends a connection of MQTT 3.1, whose SUBACK can only grant: a client that takes its subscription for granted would wait
   * for messages that never come. One that is denied is granted all the same, as 3.1 demands (its section 3.8).
   */
  #endUntold({ topicFilter }: ParsedTopicFilter, refusal: ReasonCode): undefined {
    this.#link.disconnect(
      refusal,
      `the subscription to "${topicFilter}" is refused, and SUBACK of MQTT 3.1 cannot say so`,
    );
  }

  /** [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-6] */
  #acknowledge(): void {
    const { packetIdentifier, subscriptions } = this.#packet;
    // 3.1 has no code for a Topic Filter that is denied: it reads the QoS that it asked for (its section 3.8).
    const reasonCodes = this.#link.version === 3
      ? this.#reasonCodes.map((code, index) => code < 0x80 ? code : (subscriptions[index] as SubscribeEntry).qos) // As many.
      : this.#reasonCodes;
    this.#link.send({ type: "suback", packetIdentifier, reasonCodes, properties: NO_PROPERTIES }, this.#heldUntil);
  }
}

/** One UNSUBSCRIBE on its way to UNSUBACK, which others may interrupt. */
class Unsubscribing {
  readonly #packet: UnsubscribePacket;
  readonly #link: ClientLink;
  readonly #session: Session;
  readonly #host: ConnectionHost;
  #checked = 0;
  readonly #reasonCodes: ReasonCode[] = [];

  constructor(packet: UnsubscribePacket, link: ClientLink, session: Session, host: ConnectionHost) {
    this.#packet = packet;
    this.#link = link;
    this.#session = session;
    this.#host = host;
  }

  /** Looks at all Topic Filters first: if one is invalid, nothing is unsubscribed. */
  check(): Ask | undefined {
    const { topicFilters } = this.#packet;
    while (this.#checked < topicFilters.length) {
      const topicFilter = topicFilters[this.#checked++] as string; // Below the length.
      if (parseTopicFilter(topicFilter) === undefined) {
        this.#link.fail(invalidFilter(topicFilter));
        return undefined;
      }
      if (this.#checked % FILTERS_A_TURN === 0) return { kind: "turn", resume: () => this.check() };
    }
    return this.#unsubscribe();
  }

  #unsubscribe(): Ask | undefined {
    const { topicFilters, packetIdentifier } = this.#packet;
    const session = this.#session;
    const reasonCodes = this.#reasonCodes;
    while (reasonCodes.length < topicFilters.length) {
      // Compared character by character. [MQTT-3.10.4-1]
      const subscription = session.subscriptions.get(topicFilters[reasonCodes.length] as string); // Below the length.
      if (subscription !== undefined) endSubscription(session, subscription, this.#host);
      reasonCodes.push(subscription === undefined ? ReasonCode.NoSubscriptionExisted : ReasonCode.Success);
      if (reasonCodes.length % FILTERS_A_TURN === 0) return { kind: "turn", resume: () => this.#unsubscribe() };
    }
    const heldUntil = session.isDurable ? this.#host.log.writtenSequence : 0;
    // [MQTT-3.10.4-4] [MQTT-3.10.4-5]
    this.#link.send({ type: "unsuback", packetIdentifier, reasonCodes, properties: NO_PROPERTIES }, heldUntil);
    return undefined;
  }
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
