/** Changes for tests of storages: some that are made by hand, and random lists that keep to the contract. */

import type { QoS, Storage } from "../../mod.ts";
import { type Change, type CommitItem, type Subscription } from "../../src/storage/mod.ts";
import { ApplicationMessage } from "../../src/protocol/message.ts";
import { parseTopicFilter } from "../../src/protocol/topic_filter.ts";
import { Seeded } from "../seeded.ts";

export function message(text: string, more: Partial<ApplicationMessage> = {}): ApplicationMessage {
  const { topic = "t", qos = 1, retain = false, properties = {}, publisher = "p" } = more;
  const payload = more.payload ?? new TextEncoder().encode(text);
  return new ApplicationMessage({ topic, payload, qos, retain, properties }, publisher, 1000);
}

export function started(clientId: string): Change {
  return { kind: "sessionStarted", clientId, principal: undefined };
}

export function queued(clientId: string, sequence: number, of: ApplicationMessage, packetIdentifier = 0): Change {
  return {
    kind: "queued",
    clientId,
    sequence,
    message: of,
    qos: 1,
    retain: false,
    subscriptionIdentifiers: [],
    sharedFilter: undefined,
    packetIdentifier,
  };
}

export function completed(clientId: string, sequence: number): Change {
  return { kind: "completed", clientId, sequence };
}

export function subscription(topicFilter: string, qos: 0 | 1 | 2 = 1): Subscription {
  const filter = parseTopicFilter(topicFilter);
  if (filter === undefined) throw new TypeError(`"${topicFilter}" is not a Topic Filter`);
  const subscriptionIdentifier = qos === 2 ? 268_435_455 : undefined;
  return { filter, qos, noLocal: qos === 1, retainAsPublished: qos === 2, retainHandling: qos, subscriptionIdentifier };
}

/** All that a storage gives back, as texts, in an order that does not depend on the storage. */
export async function everything(storage: Storage): Promise<string[]> {
  const all: string[] = [];
  const clientIds: string[] = [];
  for await (const change of storage.restore()) {
    if (change.kind === "sessionStarted") clientIds.push(change.clientId);
    all.push(said(change));
  }
  for (const clientId of clientIds) {
    for (const [index, change] of (await restored(storage, clientId)).entries()) {
      // The order in which Packet Identifiers were accepted means nothing.
      all.push(change.includes('"kind":"accepted"') ? change : `${index} ${change}`);
    }
  }
  return all.sort();
}

/** Changes of a session as a storage gives them back. */
export async function restored(storage: Storage, clientId: string, afterSequence?: number): Promise<string[]> {
  return (await Array.fromAsync(storage.restoreSession(clientId, afterSequence))).map(said);
}

/** Bytes by their length and sum: a difference of thousands of them takes minutes to be shown. */
function said(change: Change): string {
  return JSON.stringify(change, (name, value) => {
    if (value === Infinity) return "Infinity";
    if (value instanceof Uint8Array) return `${value.length} bytes, ${sumOf(value)}`;
    if (name === "topic" || name === "topicFilter") {
      return value.length > 60 ? `${value.length} ${value.slice(-9)}` : value;
    }
    if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1));
  });
}

function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < bytes.length; index++) sum = sum * 31 + (bytes[index] ?? 0) | 0;
  return sum;
}

/** State of a session while a list is made. */
interface Known {
  nextSequence: number;
  /** In order. */
  waiting: number[];
  readonly inflight: Set<number>;
}

const CLIENT_IDS = ["a", "b", "c", "__proto__", "é".repeat(300)];
const LONG_TOPIC = `long/${"x".repeat(3000)}`;
const TOPICS = ["t", "t/1", "é/😀", LONG_TOPIC, `${LONG_TOPIC}y`];

/** Makes changes that keep to the contract: messages are sent in the order of their sequences. */
export class RandomChanges {
  readonly #random: Seeded;
  readonly #sessions = new Map<string, Known>();
  #packetIdentifier = 0;

  constructor(random: Seeded, readonly largestPayload = 3000) {
    this.#random = random;
  }

  list(length: number): CommitItem[] {
    return Array.from({ length }, () => this.change());
  }

  change(): CommitItem {
    if (!this.#random.oneIn(6)) return this.#change();
    return { kind: "transaction", changes: Array.from({ length: this.#random.integer(1, 12) }, () => this.#change()) };
  }

  #change(): Change {
    const random = this.#random;
    const clientId = random.pick(CLIENT_IDS);
    const session = this.#sessions.get(clientId);
    if (random.oneIn(15)) return this.#retained();
    if (random.oneIn(60)) return { kind: "clock", nowMs: random.integer(0, 9), wallMs: random.integer(0, 9) };
    if (session === undefined || random.oneIn(60)) return this.#begin(clientId);
    if (random.oneIn(90)) {
      this.#sessions.delete(clientId);
      return { kind: "sessionEnded", clientId };
    }
    if (random.oneIn(4)) return this.#ofSession(clientId);
    return this.#ofMessage(clientId, session);
  }

  #retained(): Change {
    const topic = this.#random.pick(TOPICS);
    return { kind: "retained", topic, message: this.#random.oneIn(3) ? undefined : this.#message(topic) };
  }

  #begin(clientId: string): Change {
    this.#sessions.set(clientId, { nextSequence: 1, waiting: [], inflight: new Set() });
    const principal = this.#random.pick([undefined, "", "somebody"]);
    return { kind: "sessionStarted", clientId, principal, network: this.#random.pick([undefined, "", "192.0.2.7"]) };
  }

  #ofSession(clientId: string): Change {
    const random = this.#random;
    const packetIdentifier = random.integer(1, 6);
    const topicFilter = random.pick([...TOPICS, "+/#", "$share/g/+"]);
    switch (random.integer(1, 6)) {
      case 1:
        return { kind: "accepted", clientId, packetIdentifier };
      case 2:
        return { kind: "released", clientId, packetIdentifier };
      case 3:
        return { kind: "subscribed", clientId, subscription: subscription(topicFilter, random.pick([0, 1, 2])) };
      case 4:
        return { kind: "unsubscribed", clientId, topicFilter };
      case 5: {
        const expiresAtMs = random.pick([undefined, Infinity, 1.5, 1_700_000_000_000]);
        return {
          kind: "sessionExpiry",
          clientId,
          sessionExpirySeconds: random.pick([0, 60, 0xffff_ffff]),
          expiresAtMs,
        };
      }
      default:
        return this.#will(clientId);
    }
  }

  #will(clientId: string): Change {
    const random = this.#random;
    const { topic, payload } = this.#message(random.pick(TOPICS));
    const properties = random.oneIn(2) ? {} : { willDelayInterval: 7, contentType: "text" };
    const qos = random.pick<QoS>([0, 1, 2]);
    const will = random.oneIn(3)
      ? undefined
      : { topic, payload: payload.subarray(0, 65_535), qos, retain: true, properties };
    return { kind: "will", clientId, will, publishAtMs: will && random.pick([undefined, 99]) };
  }

  #ofMessage(clientId: string, session: Known): Change {
    const random = this.#random;
    const { waiting, inflight } = session;
    const [first] = waiting;
    const packetIdentifier = this.#packetIdentifier = this.#packetIdentifier % 65_535 + 1;
    switch (random.integer(1, 5)) {
      case 1:
        if (first === undefined) break;
        waiting.shift();
        inflight.add(first);
        return { kind: "sent", clientId, sequence: first, packetIdentifier };
      case 2:
        if (inflight.size === 0) break;
        return { kind: "received", clientId, sequence: random.pick([...inflight]) };
      case 3: {
        if (inflight.size === 0) break;
        const sequence = random.pick([...inflight]);
        inflight.delete(sequence);
        return completed(clientId, sequence);
      }
      case 4: { // It expired.
        if (waiting.length === 0 || random.oneIn(2)) break;
        const sequence = random.pick(waiting);
        waiting.splice(waiting.indexOf(sequence), 1);
        return completed(clientId, sequence);
      }
    }
    return this.#queued(clientId, session, packetIdentifier);
  }

  #queued(clientId: string, session: Known, packetIdentifier: number): Change {
    const random = this.#random;
    const sequence = session.nextSequence;
    session.nextSequence += random.oneIn(5) ? 3 : 1; // Some were taken back before.
    const isSent = session.waiting.length === 0 && random.oneIn(2);
    if (isSent) session.inflight.add(sequence);
    else session.waiting.push(sequence);
    return {
      kind: "queued",
      clientId,
      sequence,
      message: this.#message(random.pick(TOPICS)),
      qos: random.pick([1, 2]),
      retain: random.oneIn(3),
      subscriptionIdentifiers: random.pick([[], [1], [7, 268_435_455]]),
      sharedFilter: random.pick([undefined, undefined, "$share/g/+"]),
      packetIdentifier: isSent ? packetIdentifier : 0,
    };
  }

  #last: ApplicationMessage | undefined;

  /** Often the one before: one message for many sessions. */
  #message(topic: string): ApplicationMessage {
    const random = this.#random;
    if (this.#last !== undefined && this.#last.topic === topic && random.oneIn(2)) return this.#last;
    const payload = new Uint8Array(random.oneIn(4) ? random.integer(0, this.largestPayload) : random.integer(0, 60));
    payload.fill(random.integer(0, 255));
    const properties = random.pick([
      {},
      { messageExpiryInterval: 60, contentType: "é", userProperties: [["a", "1"], ["a", "2"]] as const },
      { correlationData: random.bytes(4), responseTopic: "r", payloadFormatIndicator: 0 as const },
    ]);
    const publisher = random.pick([undefined, "p"]);
    const qos = random.pick<QoS>([0, 1, 2]);
    return this.#last = new ApplicationMessage(
      { topic, payload, qos, retain: random.oneIn(2), properties },
      publisher,
      5,
    );
  }
}

/** Runs `check` with some seeds, or with the one in `SEED`; a failure names its seed. */
export function randomTest(name: string, runs: number, check: (random: Seeded) => Promise<void>): void {
  Deno.test(name, async () => {
    const given = Deno.env.get("SEED");
    const first = given === undefined ? Date.now() >>> 0 : Number(given);
    for (let seed = first; seed < first + (given === undefined ? runs : 1); seed++) {
      try {
        await check(new Seeded(seed));
      } catch (cause) {
        throw new Error(`SEED=${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
      }
    }
  });
}
