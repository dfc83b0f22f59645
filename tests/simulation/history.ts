import type { QoS } from "../../mod.ts";
import { matchesTopic } from "../../src/protocol/topic_filter.ts";

/** A message that was published, or a Will. Times are moments of {@linkcode History}. */
export interface Published {
  readonly text: string;
  readonly topic: string;
  readonly publisher: string;
  readonly qos: QoS;
  /** When it was sent first; of a Will: the CONNECT that it came with. */
  readonly sentAt: number;
  /** When whoever must get it was settled: PUBACK or PUBREC came; Infinity: never. */
  acknowledgedAt: number;
  /** Of a Will: its connection is over without DISCONNECT, and nobody waits for a delay. */
  isWillDue: boolean;
  /** Whether it may expire on its way. */
  readonly isExpiring: boolean;
}

/** All that was published in a run, and the order of whatever clients did and saw. */
export class History {
  readonly published: Published[] = [];
  readonly byText = new Map<string, Published>();
  #moment = 0;
  #texts = 0;

  /** A moment behind all that were given before. */
  next(): number {
    return ++this.#moment;
  }

  /** @param padding characters behind the name of the message; `undefined`: no payload at all */
  publish(publisher: string, topic: string, qos: QoS, padding: number | undefined, isExpiring = false): Published {
    const text = padding === undefined ? "" : `${publisher}:${++this.#texts}${".".repeat(padding)}`;
    const sentAt = this.next();
    const published: Published = {
      text,
      topic,
      publisher,
      qos,
      sentAt,
      acknowledgedAt: Infinity,
      isWillDue: false,
      isExpiring,
    };
    this.published.push(published);
    if (text !== "") this.byText.set(text, published);
    return published;
  }
}

interface Interval {
  readonly topicFilter: string;
  readonly qos: QoS;
  readonly from: number;
  until: number;
}

/** What a client subscribed to, and when: surely between SUBACK and UNSUBSCRIBE, perhaps between SUBSCRIBE and UNSUBACK. */
export class SubscriptionHistory {
  /** SUBSCRIBE and UNSUBSCRIBE that are not answered, by Packet Identifier. */
  readonly #asked = new Map<number, { readonly topicFilter: string; readonly qos: QoS | undefined }>();
  readonly #sure: Interval[] = [];
  readonly #possible: Interval[] = [];

  /** How many answers are still to come. */
  get asked(): number {
    return this.#asked.size;
  }

  isAsked(packetIdentifier: number): boolean {
    return this.#asked.has(packetIdentifier);
  }

  /** Whether an answer about this Topic Filter is still to come: only one at a time says what holds. */
  isAsking(topicFilter: string): boolean {
    return [...this.#asked.values()].some((asked) => asked.topicFilter === topicFilter);
  }

  /** No answer comes any more: what was asked may hold or not. */
  forgetAsked(): void {
    this.#asked.clear();
  }

  /** SUBSCRIBE is sent. */
  subscribing(packetIdentifier: number, topicFilter: string, qos: QoS, at: number): void {
    this.#asked.set(packetIdentifier, { topicFilter, qos });
    const known = open(this.#sure, topicFilter);
    if (known !== undefined && known.qos !== qos) known.until = at; // Either of the two from now on.
    if (open(this.#possible, topicFilter) === undefined) {
      this.#possible.push({ topicFilter, qos, from: at, until: Infinity });
    }
  }

  /** UNSUBSCRIBE is sent. */
  unsubscribing(packetIdentifier: number, topicFilter: string, at: number): void {
    this.#asked.set(packetIdentifier, { topicFilter, qos: undefined });
    const known = open(this.#sure, topicFilter);
    if (known !== undefined) known.until = at;
  }

  /** SUBACK or UNSUBACK came. */
  answered(packetIdentifier: number, reasonCodes: readonly number[], at: number): void {
    const asked = this.#asked.get(packetIdentifier);
    if (asked === undefined) throw new Error(`an answer came to ${packetIdentifier}, which nobody has asked`);
    this.#asked.delete(packetIdentifier);
    if (reasonCodes.some((reasonCode) => reasonCode >= 0x80)) return; // As if none had come.
    const { topicFilter, qos } = asked;
    if (qos === undefined) {
      const known = open(this.#possible, topicFilter);
      if (known !== undefined) known.until = at;
    } else if (open(this.#sure, topicFilter) === undefined) {
      this.#sure.push({ topicFilter, qos, from: at, until: Infinity });
    }
  }

  /** The session ends, now or soon. */
  ending(at: number): void {
    for (const interval of this.#sure) interval.until = Math.min(interval.until, at);
  }

  /** The session has ended. */
  ended(at: number): void {
    this.ending(at);
    for (const interval of this.#possible) interval.until = Math.min(interval.until, at);
  }

  /** The highest QoS of those that were surely there all the time; `undefined`: there was none. */
  sureQos(topic: string, from: number, until: number): QoS | undefined {
    let highest: QoS | undefined;
    for (const interval of this.#sure) {
      if (interval.from > from || interval.until < until || !matches(interval.topicFilter, topic)) continue;
      if (highest === undefined || interval.qos > highest) highest = interval.qos;
    }
    return highest;
  }

  /** Whether there may have been one at some time in between. */
  isPossible(topic: string, from: number, until: number): boolean {
    return this.#possible.some((interval) =>
      interval.from <= until && interval.until >= from && matches(interval.topicFilter, topic)
    );
  }
}

function open(intervals: readonly Interval[], topicFilter: string): Interval | undefined {
  return intervals.find((interval) => interval.topicFilter === topicFilter && interval.until === Infinity);
}

/** Also for Shared Subscriptions. */
function matches(topicFilter: string, topic: string): boolean {
  const levels = topicFilter.split("/");
  return matchesTopic(levels[0] === "$share" ? levels.slice(2) : levels, topic.split("/"));
}
