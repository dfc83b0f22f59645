import { MqttError, protocolError } from "../codec/mqtt_error.ts";
import type { PublishPacket, SubackPacket, SubscribeEntry, SubscribePacket, UnsubackPacket } from "../codec/packet.ts";
import { NO_PROPERTIES, type Properties } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import { matchesTopic, overlapsFilter, type ParsedTopicFilter, parseTopicFilter } from "../protocol/topic_filter.ts";
import type { Recipient } from "./unacknowledged_message.ts";
import type { NetworkConnection } from "./network_connection.ts";
import type { PacketIdentifiers } from "./packet_identifiers.ts";
import { RefusedError } from "./refused_error.ts";
import type { ServerTerms } from "./server_terms.ts";

/** Request for a subscription; the options are the same for all of its Topic Filters. */
export interface SubscriptionRequest {
  readonly topicFilters: readonly string[];
  readonly options: Omit<SubscribeEntry, "topicFilter">;
  readonly properties: Properties;
  readonly recipient: SubscriptionRecipient;
}

/** Recipient of the messages of a subscription. */
export interface SubscriptionRecipient extends Recipient {
  /** Called when the subscription ended by itself: with the client, or because the server does not restore it. */
  end(): void;
  fail(error: Error): void;
}

/** A subscription of this client. */
export interface Subscribed extends SubscriptionRequest {
  readonly filters: readonly ParsedTopicFilter[];
  readonly parts: readonly Part[];
  /** Set if topics can match filters of several parts. */
  readonly furtherCopies: FurtherCopies | undefined;
}

/**
 * Topic Filters of a subscription for one SUBSCRIBE. No topic matches two of them: each part has its own Subscription
 * Identifier, by which the copies that a server sends for several parts are told apart.
 */
interface Part {
  readonly topicFilters: readonly string[];
  /** Subscription Identifier (MQTT 5, section 3.8.2.1.2). */
  readonly identifier: number;
}

interface Question {
  readonly of: Subscribed | undefined;
  /** Part of that subscription. */
  readonly part: Part | undefined;
  readonly topicFilters: readonly string[];
  readonly properties: Properties;
  readonly resolve: (packet: SubackPacket | UnsubackPacket | undefined) => void;
  readonly reject: (error: Error) => void;
}

interface Matching {
  readonly subscribed: readonly Subscribed[];
  readonly recipients: readonly Recipient[];
  /** Whether each copy of a message is for all recipients. */
  readonly isPlain: boolean;
}

const LARGEST_IDENTIFIER = 268_435_455;
const MOST_REMEMBERED_TOPICS = 1_000;

/**
 * Subscriptions of a client: makes them at the server, again if they were lost, and finds the recipients of a message.
 */
export class Subscriptions {
  readonly #identifiers: PacketIdentifiers;
  readonly #onAwaiting: () => void;
  readonly #subscribed = new Set<Subscribed>();
  /** Subscription Identifier that the server has for a Topic Filter: that of the last SUBSCRIBE that named it. */
  readonly #identifierOf = new Map<string, number>();
  /** Cache of the subscriptions that match a topic. */
  readonly #matches = new Map<string, Matching>();
  readonly #asked = new Map<number, Question>();
  /** Questions for the next connection. */
  #unsent: Question[] = [];
  #connection: NetworkConnection | undefined;
  #terms: ServerTerms | undefined;
  #lastIdentifier = 0;

  /** @param onAwaiting called when an answer of the server is awaited */
  constructor(identifiers: PacketIdentifiers, onAwaiting: () => void) {
    this.#identifiers = identifiers;
    this.#onAwaiting = onAwaiting;
  }

  get isAwaiting(): boolean {
    return this.#asked.size > 0;
  }

  /** Adds a subscription: messages may come from now on. Throws RangeError for an invalid Topic Filter. */
  add(request: SubscriptionRequest): Subscribed {
    const filters = request.topicFilters.map((topicFilter) => {
      const filter = parseTopicFilter(topicFilter);
      if (filter === undefined) throw new RangeError(`Cannot subscribe: "${topicFilter}" is not a Topic Filter`);
      return filter;
    });
    if (filters.length === 0) throw new RangeError("Cannot subscribe: there is no Topic Filter");
    const parts = separated(filters).map((group): Part => {
      this.#lastIdentifier = this.#lastIdentifier % LARGEST_IDENTIFIER + 1;
      return { topicFilters: group.map(({ topicFilter }) => topicFilter), identifier: this.#lastIdentifier };
    });
    const furtherCopies = parts.length > 1 ? new FurtherCopies() : undefined;
    const subscribed = { ...request, filters, parts, furtherCopies };
    this.#subscribed.add(subscribed);
    this.#matches.clear();
    return subscribed;
  }

  /** Requests it, or some of its parts, from the server; rejects with RefusedError if the server refuses all of it. */
  async ask(subscribed: Subscribed, parts = subscribed.parts): Promise<SubackPacket> {
    const answer = await this.#askParts(subscribed, parts);
    const [first] = answer.reasonCodes;
    const isWhole = parts.length === subscribed.parts.length;
    if (isWhole && first !== undefined && answer.reasonCodes.every((code) => code >= 0x80)) {
      const names = subscribed.topicFilters.map((topicFilter) => `"${topicFilter}"`).join(", ");
      throw new RefusedError(`Cannot subscribe to ${names}`, first, "MQTT-3.9.3-2", answer.properties);
    }
    return answer;
  }

  /** Combines the answers for all parts, with a Reason Code for each Topic Filter, in their order. */
  async #askParts(subscribed: Subscribed, parts: readonly Part[]): Promise<SubackPacket> {
    const asked = parts.map((part) => this.#ask(subscribed, part.topicFilters, NO_PROPERTIES, part));
    const answers = (await Promise.all(asked)).map((answer) => {
      if (answer?.type !== "suback") throw protocolError("UNSUBACK in answer to SUBSCRIBE", "MQTT-3.8.4-1");
      return answer;
    });
    const first = answers[0] as SubackPacket; // There is at least one part.
    if (answers.length === 1) return first;
    const codes = new Map(
      answers.flatMap(({ reasonCodes }, index) =>
        reasonCodes.map((code, at) => [parts[index]?.topicFilters[at], code] as const)
      ),
    );
    return { ...first, reasonCodes: subscribed.topicFilters.flatMap((topicFilter) => codes.get(topicFilter) ?? []) };
  }

  /** Forgets it without telling the server. */
  forget(subscribed: Subscribed): boolean {
    this.#matches.clear();
    return this.#subscribed.delete(subscribed);
  }

  /** Ends it; resolves when the server has done so, and at once without a connection. It never rejects. */
  async remove(subscribed: Subscribed): Promise<void> {
    if (!this.forget(subscribed)) return;
    const others = new Set([...this.#subscribed].flatMap(({ topicFilters }) => topicFilters));
    const topicFilters = subscribed.topicFilters.filter((topicFilter) => !others.has(topicFilter));
    this.#unsent = this.#unsent.filter(({ of }) => of !== subscribed);
    for (const topicFilter of topicFilters) this.#identifierOf.delete(topicFilter);
    if (topicFilters.length === 0) return;
    const isOffline = this.#connection === undefined;
    const answered = this.#ask(undefined, topicFilters).catch(() => {}); // The end of the client is an answer, too.
    if (!isOffline) await answered;
  }

  /** Unsubscribes filters that an earlier client left in the session; `undefined`: the session is gone. */
  async unsubscribe(topicFilters: readonly string[], properties: Properties): Promise<UnsubackPacket | undefined> {
    const answer = await this.#ask(undefined, topicFilters, properties);
    if (answer?.type === "suback") throw protocolError("SUBACK in answer to UNSUBSCRIBE", "MQTT-3.10.4-4");
    return answer;
  }

  /** Recipients of a copy of a message, without those that already had one; `undefined`: no subscription matches. */
  recipients(topic: string, packet: PublishPacket): readonly Recipient[] | undefined {
    const { subscribed, recipients, isPlain } = this.#matching(topic);
    if (subscribed.length === 0) return undefined;
    const { properties: { subscriptionIdentifiers } } = packet;
    if (subscriptionIdentifiers === undefined || isPlain) return recipients;
    // Overlapping subscriptions each get the copies that the server sends for them. [MQTT-3.3.4-5]
    const named = subscribed.filter((candidate) => this.#isNamed(candidate, topic, subscriptionIdentifiers));
    return (named.length === 0 ? subscribed : named)
      .filter(({ furtherCopies }) => furtherCopies?.isOne(topic, packet, subscriptionIdentifiers) !== true)
      .map(({ recipient }) => recipient);
  }

  /** Continues over a new connection; subscribes again if the server has lost the session. */
  attach(connection: NetworkConnection, terms: ServerTerms, sessionPresent: boolean): void {
    this.#connection = connection;
    this.#terms = terms;
    const questions = this.#unsent;
    this.#unsent = [];
    if (!sessionPresent) {
      this.#identifierOf.clear();
      const isAsked = new Set(questions.map(({ part }) => part));
      for (const subscribed of this.#subscribed) {
        const parts = subscribed.parts.filter((part) => !isAsked.has(part));
        if (parts.length > 0) this.ask(subscribed, parts).catch((error) => this.#lost(subscribed, error));
      }
    }
    for (const question of questions) {
      if (question.of === undefined && !sessionPresent) question.resolve(undefined); // There is no subscription to end.
      else this.#send(question);
    }
  }

  detach(): void {
    this.#connection = undefined;
    this.#unsent.push(...this.#asked.values());
    for (const identifier of this.#asked.keys()) this.#identifiers.free(identifier);
    this.#asked.clear();
  }

  receive(packet: SubackPacket | UnsubackPacket): void {
    const question = this.#asked.get(packet.packetIdentifier);
    if (question === undefined) return;
    const isExpected = (packet.type === "suback") === (question.of !== undefined) &&
      (packet.type === "unsuback" || packet.reasonCodes.length === question.topicFilters.length); // [MQTT-3.8.4-6]
    if (!isExpected) throw protocolError(`${packet.type.toUpperCase()} does not answer what was asked`, "MQTT-3.8.4-6");
    this.#asked.delete(packet.packetIdentifier);
    this.#identifiers.free(packet.packetIdentifier);
    question.resolve(packet);
  }

  /** Ends all subscriptions with the client. */
  close(error: Error | undefined, asked: Error): void {
    for (const { recipient } of this.#subscribed) {
      if (error === undefined) recipient.end();
      else recipient.fail(error);
    }
    this.#subscribed.clear();
    this.#matches.clear();
    for (const question of this.#unsent) question.reject(asked);
    this.#unsent = [];
  }

  #ask(
    of: Subscribed | undefined,
    topicFilters: readonly string[],
    properties: Properties = NO_PROPERTIES,
    part?: Part,
  ): Promise<SubackPacket | UnsubackPacket | undefined> {
    return new Promise((resolve, reject) => {
      const question: Question = { of, part, topicFilters, properties, resolve, reject };
      if (this.#connection === undefined) this.#unsent.push(question);
      else this.#send(question);
    });
  }

  #send(question: Question): void {
    const { of, part, topicFilters, properties } = question;
    let packetIdentifier = 0;
    try {
      packetIdentifier = this.#identifiers.take();
      const frame = this.#connection?.encode(
        of === undefined || part === undefined
          ? { type: "unsubscribe", packetIdentifier, topicFilters, properties }
          : this.#subscribePacket(of, part, packetIdentifier),
      );
      if (frame === undefined || this.#terms === undefined) return;
      if (frame.length > this.#terms.maximumPacketBytes) { // [MQTT-3.2.2-15]
        throw new MqttError("Cannot subscribe: the packet is too large", ReasonCode.PacketTooLarge, "MQTT-3.2.2-15");
      }
      this.#asked.set(packetIdentifier, question);
      this.#connection?.sendFrame(frame);
      this.#onAwaiting();
    } catch (error) {
      this.#identifiers.free(packetIdentifier);
      question.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #subscribePacket(of: Subscribed, { identifier, topicFilters }: Part, packetIdentifier: number): SubscribePacket {
    const { options } = of;
    const isIdentified = this.#terms?.subscriptionIdentifiersAvailable === true;
    if (isIdentified) { for (const topicFilter of topicFilters) this.#identifierOf.set(topicFilter, identifier); }
    return {
      type: "subscribe",
      packetIdentifier,
      subscriptions: topicFilters.map((topicFilter) => ({ topicFilter, ...options })),
      properties: { ...of.properties, ...isIdentified && { subscriptionIdentifiers: [identifier] } },
    };
  }

  /** Fails a subscription that the server had granted and does not restore. */
  #lost(subscribed: Subscribed, error: Error): void {
    if (this.forget(subscribed)) subscribed.recipient.fail(error);
  }

  #matching(topic: string): Matching {
    const remembered = this.#matches.get(topic);
    if (remembered !== undefined) return remembered;
    const levels = topic.split("/");
    const subscribed = [...this.#subscribed].filter(({ filters }) =>
      filters.some((filter) => matchesTopic(filter.levels, levels))
    );
    const isPlain = subscribed.length < 2 && subscribed.every(({ furtherCopies }) => furtherCopies === undefined);
    const matching = { subscribed, recipients: subscribed.map(({ recipient }) => recipient), isPlain };
    if (this.#matches.size >= MOST_REMEMBERED_TOPICS) this.#matches.clear();
    this.#matches.set(topic, matching);
    return matching;
  }

  #isNamed({ filters }: Subscribed, topic: string, identifiers: readonly number[]): boolean {
    const levels = topic.split("/");
    return filters.some((filter) => {
      const identifier = this.#identifierOf.get(filter.topicFilter);
      return identifier !== undefined && identifiers.includes(identifier) && matchesTopic(filter.levels, levels);
    });
  }
}

/** Groups Topic Filters so that no topic matches two different ones of a group. */
function separated(filters: readonly ParsedTopicFilter[]): readonly (readonly ParsedTopicFilter[])[] {
  const groups: ParsedTopicFilter[][] = [];
  for (const filter of filters) {
    const group = groups.find((others) =>
      others.every((other) => other.topicFilter === filter.topicFilter || !overlapsFilter(other.levels, filter.levels))
    );
    if (group === undefined) groups.push([filter]);
    else group.push(filter);
  }
  return groups;
}

/**
 * Finds the copies that a server sends of one message to a subscription of which several Topic Filters match: they
 * arrive one after the other, each with the Subscription Identifier of another SUBSCRIBE. (mosquitto 2.0.11, MQTT 5,
 * section 3.3.4) A PUBLISH by a filter by which the message has already come is not a copy but another message with the
 * same payload.
 */
class FurtherCopies {
  #topic = "";
  #payload = new Uint8Array();
  /** Subscription Identifiers by which the message has come. */
  readonly #identifiers = new Set<number>();
  #last: PublishPacket | undefined;
  #isLastOne = false;

  /** Whether a PUBLISH repeats the message of an earlier one; the answer is the same for the same packet. */
  isOne(topic: string, packet: PublishPacket, identifiers: readonly number[]): boolean {
    if (packet === this.#last) return this.#isLastOne;
    this.#last = packet;
    this.#isLastOne = topic === this.#topic && !identifiers.some((identifier) => this.#identifiers.has(identifier)) &&
      isSame(packet.payload, this.#payload);
    if (!this.#isLastOne) {
      this.#topic = topic;
      this.#payload = packet.payload.slice(); // Kept beyond the batch: copy.
      this.#identifiers.clear();
    }
    for (const identifier of identifiers) this.#identifiers.add(identifier);
    return this.#isLastOne;
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
