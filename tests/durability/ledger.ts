import type { QoS } from "../../mod.ts";
import type { PublishPacket } from "../../src/codec/mod.ts";

/** A message that a subscriber must get. */
interface Expected {
  readonly topic: string;
  readonly qos: QoS;
  /** It may come. */
  isOptional: boolean;
  count: number;
}

interface Subscriber {
  /** By the beginning of its payload. */
  readonly expected: Map<string, Expected>;
  /** Number of the last message that came from each publisher for the first time. */
  readonly lastNumbers: Map<string, number>;
  outstanding: number;
}

// On its way between two processes that have much to do.
const LONGEST_WAY_MS = 30;
const MOST_PROBLEMS = 20;

/** The beginning of a payload, by which a message is known: who sent it, and which one of his it is. */
export function nameOf(publisher: string, number: number): string {
  return `${publisher} ${number} `;
}

/** Knows which messages have to come to whom, and which have come. */
export class Ledger {
  readonly problems: string[] = [];
  delivered = 0;
  /** QoS 1 messages that came once more. */
  duplicates = 0;
  readonly #subscribers = new Map<string, Subscriber>();
  /** When QoS 1 messages have come of late. */
  #recentMs: number[] = [];

  /** Has each of them get a message, with the lower QoS of message and subscription; an optional one may come or not. */
  expect(name: string, topic: string, qos: QoS, recipients: ReadonlyMap<string, QoS>, isOptional = false): void {
    for (const [clientId, granted] of recipients) {
      const subscriber = this.#subscriber(clientId);
      subscriber.expected.set(name, { topic, qos: qos < granted ? qos : granted, isOptional, count: 0 });
      if (!isOptional) subscriber.outstanding += 1;
    }
  }

  /** An optional message has to come after all. */
  require(clientId: string, name: string): void {
    const subscriber = this.#subscriber(clientId);
    const expected = subscriber.expected.get(name);
    if (!expected?.isOptional) return;
    expected.isOptional = false;
    if (expected.count === 0) subscriber.outstanding += 1;
  }

  /** A message came; gives whether it is the first time. */
  came(clientId: string, { topic, payload, qos }: PublishPacket): boolean {
    const [publisher = "", number = ""] = new TextDecoder().decode(payload.subarray(0, 40)).split(" ", 2);
    const name = nameOf(publisher, Number(number));
    const subscriber = this.#subscriber(clientId);
    const expected = subscriber.expected.get(name);
    if (expected?.topic !== topic || expected.qos !== qos) {
      this.problem(`${clientId} got "${name}" on ${topic} with QoS ${qos}, expected ${JSON.stringify(expected)}`);
      return false;
    }
    this.delivered += 1;
    expected.count += 1;
    if (qos === 1) this.#recentMs.push(performance.now());
    if (expected.count > 1) {
      if (qos === 2) this.problem(`${clientId} got "${name}" ${expected.count} times with QoS 2`);
      else this.duplicates += 1;
      return false;
    }
    if (!expected.isOptional) subscriber.outstanding -= 1;
    const last = subscriber.lastNumbers.get(publisher) ?? -1;
    if (Number(number) < last) this.problem(`${clientId} got "${name}" behind ${last}`);
    subscriber.lastNumbers.set(publisher, Number(number));
    return true;
  }

  /** How many messages a subscriber has still to get. */
  outstanding(clientId: string): number {
    return this.#subscriber(clientId).outstanding;
  }

  get outstandingInSum(): number {
    return [...this.#subscribers.values()].reduce((sum, { outstanding }) => sum + outstanding, 0);
  }

  /**
   * How many may come once more after a crash now, as QoS 1 allows: those that are published again, and those whose PUBACK
   * the broker has not kept. It has kept what it got before a PUBLISH of that time that it has acknowledged.
   */
  lawfulDuplicates(unacknowledged: readonly string[], keptUntilMs: number): number {
    let count = this.#recentMs.filter((ms) => ms > keptUntilMs - LONGEST_WAY_MS).length;
    this.#recentMs = [];
    for (const name of unacknowledged) {
      for (const { expected } of this.#subscribers.values()) if (expected.get(name)?.qos === 1) count += 1;
    }
    return count;
  }

  /** Everything must have come by now. */
  settle(): void {
    for (const [clientId, { expected, outstanding }] of this.#subscribers) {
      if (outstanding === 0) continue;
      for (const [name, { topic, qos, isOptional, count }] of expected) {
        if (count === 0 && !isOptional) this.problem(`${clientId} never got "${name}" on ${topic} with QoS ${qos}`);
      }
    }
  }

  problem(text: string): void {
    if (this.problems.length < MOST_PROBLEMS) this.problems.push(text);
  }

  #subscriber(clientId: string): Subscriber {
    let subscriber = this.#subscribers.get(clientId);
    if (subscriber === undefined) {
      subscriber = { expected: new Map(), lastNumbers: new Map(), outstanding: 0 };
      this.#subscribers.set(clientId, subscriber);
    }
    return subscriber;
  }
}
