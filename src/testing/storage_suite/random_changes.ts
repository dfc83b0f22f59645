import * as changes from "./changes.ts";
import type { QoS } from "../../codec/packet.ts";
import { hasProperties, NO_PROPERTIES, type Properties } from "../../codec/property.ts";
import type { Change, CommitItem, RetainedDue } from "../../protocol/change.ts";

const CLIENT_IDS = ["a", "A", "__proto__", "\u{feff}", "x".repeat(3_000)];
const FILTERS = ["a", "#", "$share/g/a", "+/b", "y".repeat(5_000)];
const TOPICS = ["t", "constructor", "t/\u{feff}", "z".repeat(5_000)];
const QOS: readonly QoS[] = [0, 1, 2];

/** Small random generator of good quality (mulberry32); the same seed gives the same values everywhere. */
export class Seeded {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed >>> 0;
  }

  /** Random integer of 32 bits. */
  uint32(): number {
    this.#state = this.#state + 0x6d2b79f5 >>> 0;
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return (mixed ^ mixed >>> 14) >>> 0;
  }

  /** Random integer from `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.uint32() / 0x1_0000_0000 * (most - least + 1));
  }

  /** True about once in `times` calls. */
  oneIn(times: number): boolean {
    return this.integer(1, times) === 1;
  }

  pick<T>(values: readonly T[]): T {
    if (values.length === 0) throw new RangeError("Cannot pick: there is no value");
    return values[this.integer(0, values.length - 1)] as T; // Within the bounds.
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.uint32() & 0xff);
  }

  /** Cuts bytes into pieces of 1 to `most` bytes. */
  cut(bytes: Uint8Array, most = 40): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (let start = 0; start < bytes.length;) {
      const end = start + this.integer(1, most);
      chunks.push(bytes.slice(start, end));
      start = end;
    }
    return chunks;
  }
}

interface RandomSession {
  lastSequence: number;
  lastIdentifier: number;
  /** Sequences of waiting messages, in order; those with QoS 0 are never sent with a Packet Identifier. */
  waiting: { readonly sequence: number; readonly qos: QoS }[];
  readonly inflight: Set<number>;
}

/** Changes as a broker writes them: messages are sent in order, and a Packet Identifier is used once at a time. */
export class RandomChanges {
  readonly #random: Seeded;
  readonly #sessions = new Map<string, RandomSession>();

  constructor(random: Seeded) {
    this.#random = random;
  }

  list(length: number): CommitItem[] {
    return Array.from({ length }, () => this.#random.oneIn(10) ? this.#transaction() : this.#change());
  }

  #transaction(): CommitItem {
    const length = this.#random.integer(0, this.#random.pick([3, 30]));
    return changes.transaction(...Array.from({ length }, () => this.#change()));
  }

  #change(): Change {
    const random = this.#random;
    if (random.oneIn(30)) return changes.clock(random.integer(0, 9), random.integer(0, 9));
    if (random.oneIn(8)) {
      if (random.oneIn(3)) return changes.retained(random.pick(TOPICS), undefined);
      const sequence = random.pick([undefined, random.integer(1, 1_000_000)]);
      return changes.retained(random.pick(TOPICS), this.#message(), this.#traits(), sequence);
    }
    const clientId = random.pick(CLIENT_IDS);
    const session = this.#sessions.get(clientId);
    if (session === undefined && random.oneIn(5)) return this.#sessionChange(clientId); // It does not exist.
    if (session === undefined || random.oneIn(40)) {
      this.#sessions.set(clientId, newSession());
      return changes.started(clientId, random.pick([undefined, "", "user"]));
    }
    if (random.oneIn(40)) {
      this.#sessions.delete(clientId);
      return changes.ended(clientId);
    }
    return random.oneIn(3) ? this.#sessionChange(clientId) : this.#messageChange(clientId, session);
  }

  #sessionChange(clientId: string): Change {
    const random = this.#random;
    switch (random.integer(0, 5)) {
      case 0: {
        const expiresAtMs = random.pick([undefined, changes.LATER_MS, Infinity]);
        return changes.expiry(clientId, random.pick([1, 60, 0xffff_ffff]), expiresAtMs);
      }
      case 1: {
        const payload = random.bytes(random.integer(0, 50));
        const properties = random.oneIn(2)
          ? NO_PROPERTIES
          : { ...this.#properties(), willDelayInterval: random.uint32() };
        const will = { ...changes.willMessage(payload, properties), qos: random.pick(QOS), retain: random.oneIn(2) };
        if (random.oneIn(3)) return changes.will(clientId, undefined);
        return changes.will(clientId, will, random.pick([undefined, changes.LATER_MS]), this.#traits());
      }
      case 2:
        return changes.unsubscribed(clientId, random.pick(FILTERS));
      case 3:
        return changes.accepted(clientId, random.integer(1, 9));
      case 4:
        return changes.released(clientId, random.integer(1, 9));
      default:
        return changes.subscribed(clientId, random.pick(FILTERS), {
          qos: random.pick(QOS),
          noLocal: random.oneIn(2),
          retainAsPublished: random.oneIn(2),
          retainHandling: random.pick(QOS), // The same three numbers.
          subscriptionIdentifier: random.pick([undefined, 1, 268_435_455]),
        }, random.pick([undefined, this.#due()]));
    }
  }

  #due(): RetainedDue {
    const random = this.#random;
    const [until, passes] = [random.integer(0, 1_000_000), random.integer(1, 300)];
    return { after: random.pick(["", ...TOPICS]), until, passes, passesUntil: until + random.integer(0, 9) };
  }

  #messageChange(clientId: string, session: RandomSession): Change {
    const random = this.#random;
    const { waiting, inflight } = session;
    const [next] = waiting;
    const choice = random.integer(0, 5);
    if (choice === 0 && next !== undefined && next.qos > 0) {
      waiting.shift();
      inflight.add(next.sequence);
      return changes.sent(clientId, next.sequence, identifier(session));
    }
    if (choice === 1 && next !== undefined) { // It expired.
      const index = next.qos === 0 ? 0 : random.integer(0, waiting.length - 1);
      const [expired = next] = waiting.splice(index, 1);
      return changes.completed(clientId, expired.sequence);
    }
    if (choice === 2 && inflight.size > 0) return changes.received(clientId, random.pick([...inflight]));
    if (choice === 3 && inflight.size > 0) {
      const sequence = random.pick([...inflight]);
      inflight.delete(sequence);
      return changes.completed(clientId, sequence);
    }
    return this.#queued(clientId, session);
  }

  #queued(clientId: string, session: RandomSession): Change {
    const random = this.#random;
    const qos = random.pick(QOS);
    session.lastSequence += random.oneIn(5) ? random.integer(2, 9) : 1; // A gap: it was taken back.
    const isSent = qos > 0 && session.waiting.length === 0 && random.oneIn(2);
    if (isSent) session.inflight.add(session.lastSequence);
    else session.waiting.push({ sequence: session.lastSequence, qos });
    return changes.queued(clientId, session.lastSequence, this.#message(), {
      qos,
      retain: random.oneIn(2),
      subscriptionIdentifiers: random.pick([[], [1], [1, 268_435_455]]),
      sharedFilter: random.pick([undefined, "$share/g/a"]),
      packetIdentifier: isSent ? identifier(session) : 0,
    });
  }

  #message() {
    const random = this.#random;
    return changes.message(random.bytes(random.integer(0, random.pick([0, 20, 20, 200, 20_000]))), {
      topic: random.pick(TOPICS),
      qos: random.pick(QOS),
      retain: random.oneIn(2),
      properties: random.oneIn(2) ? NO_PROPERTIES : this.#properties(),
      publisher: random.pick([undefined, ...CLIENT_IDS]),
      nowMs: changes.LATER_MS + random.integer(0, 1_000_000),
    });
  }

  #traits() {
    return this.#random.pick([undefined, ...changes.TRAITS.slice(0, 4)]);
  }

  #properties(): Properties {
    const random = this.#random;
    const properties: Properties = {};
    if (random.oneIn(2)) properties.messageExpiryInterval = random.uint32();
    if (random.oneIn(3)) properties.payloadFormatIndicator = random.integer(0, 1);
    if (random.oneIn(3)) properties.contentType = random.pick(["", "text/plain", "\u{feff}"]);
    if (random.oneIn(3)) properties.responseTopic = random.pick(TOPICS);
    if (random.oneIn(3)) properties.correlationData = random.bytes(random.integer(0, 30));
    if (random.oneIn(3)) properties.userProperties = [["b", "2"], ["a", random.pick(TOPICS)], ["b", "2"]];
    return hasProperties(properties) ? properties : NO_PROPERTIES;
  }
}

function newSession(): RandomSession {
  return { lastSequence: 0, lastIdentifier: 0, waiting: [], inflight: new Set() };
}

function identifier(session: RandomSession): number {
  return session.lastIdentifier = session.lastIdentifier % 65_535 + 1;
}
