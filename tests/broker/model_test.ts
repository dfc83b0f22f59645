/**
 * Clients that publish, subscribe, and lose their connections at random, compared with a model that knows who has to get
 * what: QoS 1 at least once, QoS 2 exactly once and in order, for sessions that outlive their connections.
 */

import { Broker, type Change, type Fact, MemoryStorage, type QoS, type Storage } from "../../mod.ts";
import { matchesTopic } from "../../src/protocol/topic_filter.ts";
import { Seeded } from "../seeded.ts";
import { ModelClient } from "./model_client.ts";

const TOPICS = ["a", "a/b", "a/c", "b"];
const FILTERS = ["a", "a/+", "a/#", "#", "b", "+/b"];
const STEPS = 120;

/** A message that a client must get. */
interface Expected {
  readonly publisher: string;
  readonly text: string;
  /** The lower one of message and subscription. */
  readonly qos: QoS;
}

Deno.test("Random clients over random connections get what a model says: QoS 1 at least once, QoS 2 once and in order", async () => {
  const given = Deno.env.get("SEED");
  const end = performance.now() + 1_000;
  for (let seed = given === undefined ? Date.now() >>> 0 : Number(given);; seed = seed + 1 >>> 0) {
    try {
      await new Model(new Seeded(seed)).run();
    } catch (cause) {
      throw new Error(`SEED=${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
    if (given !== undefined || performance.now() > end) return;
  }
});

class Model {
  readonly #random: Seeded;
  readonly #storage: Storage;
  readonly #clients: readonly ModelClient[];
  readonly #subscriptions = new Map<ModelClient, Map<string, QoS>>();
  readonly #expected = new Map<ModelClient, Expected[]>();
  readonly #errors: unknown[] = [];
  #broker: Broker | undefined;
  #texts = 0;

  constructor(random: Seeded) {
    this.#random = random;
    this.#storage = random.oneIn(2) ? new MemoryStorage() : new LateStorage(random);
    this.#clients = Array.from(
      { length: 5 },
      (_, index) => new ModelClient(`c${index}`, random.pick([4, 5]), index > 0, random), // One is not durable.
    );
    for (const client of this.#clients) {
      this.#subscriptions.set(client, new Map());
      this.#expected.set(client, []);
    }
  }

  async run(): Promise<void> {
    await this.#restart();
    for (let step = 0; step < STEPS; step++) {
      await this.#step();
      this.#throwErrors();
    }
    await this.#settle();
    for (const client of this.#clients) await client.drop();
    await this.#broker?.close();
    this.#throwErrors();
    for (const client of this.#clients) this.#check(client);
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const client = random.pick(this.#clients);
    const kind = random.integer(1, 100);
    if (kind <= 50) {
      if (client.isConnected) this.#publish(client);
    } else if (kind <= 70) {
      if (client.isConnected) client.answer(random.integer(1, 5));
    } else if (kind <= 90) {
      if (client.isConnected) await this.#drop(client);
      else await client.connect(this.#running);
    } else if (kind <= 93) {
      // What is on its way would be for whom?
      await this.#settle();
      await this.#changeSubscription(client);
    } else if (kind <= 94) {
      await this.#restart();
    } else if (client.isConnected) {
      await client.ping();
    }
  }

  get #running(): Broker {
    if (this.#broker === undefined) throw new Error("there is no broker");
    return this.#broker;
  }

  #publish(publisher: ModelClient): void {
    const random = this.#random;
    const topic = random.pick(TOPICS);
    const text = `${publisher.clientId}:${++this.#texts}${"x".repeat(random.pick([0, 10, 3_000]))}`;
    const publishedQos = random.pick([0, 1, 2] as const);
    publisher.publish(topic, text, publishedQos);
    // What a client that is not durable sends may be lost with its connection, and is not repeated.
    if (!publisher.isDurable || publishedQos === 0) return;
    for (const [client, subscriptions] of this.#subscriptions) {
      const granted = matching(subscriptions, topic);
      const qos = granted < publishedQos ? granted : publishedQos;
      if (client.isDurable && qos > 0) {
        this.#expected.get(client)?.push({ publisher: publisher.clientId, text, qos: qos === 2 ? 2 : 1 });
      }
    }
  }

  async #drop(client: ModelClient): Promise<void> {
    await client.drop();
    if (!client.isDurable) this.#subscriptions.get(client)?.clear();
  }

  async #changeSubscription(client: ModelClient): Promise<void> {
    const subscriptions = this.#subscriptions.get(client);
    const topicFilter = this.#random.pick(FILTERS);
    if (subscriptions?.has(topicFilter) && this.#random.oneIn(2)) {
      await client.unsubscribe(topicFilter);
      subscriptions.delete(topicFilter);
    } else {
      const qos = this.#random.pick([0, 1, 2] as const);
      await client.subscribe(topicFilter, qos);
      subscriptions?.set(topicFilter, qos);
    }
  }

  /** All are connected, and nothing is on its way. */
  async #settle(): Promise<void> {
    for (const client of this.#clients) if (!client.isConnected) await client.connect(this.#running);
    for (let isQuiet = false; !isQuiet;) {
      const before = this.#clients.map(({ received }) => received);
      for (const client of this.#clients) {
        client.answer();
        await client.ping();
      }
      isQuiet = this.#clients.every((client, index) => client.pending === 0 && client.received === before[index]);
    }
  }

  /** Another broker on the same storage. */
  async #restart(): Promise<void> {
    for (const client of this.#clients) if (client.isConnected) await this.#drop(client);
    await this.#broker?.close();
    this.#broker = await Broker.open({
      storage: this.#storage,
      limits: { maximumInflight: this.#random.pick([1, 3, 100]) },
      onEvent: (event) => {
        if (event.kind === "unexpectedError") this.#errors.push(event.error);
      },
    });
  }

  #throwErrors(): void {
    const errors = [...this.#clients.flatMap(({ errors }) => errors), ...this.#errors];
    if (errors.length > 0) throw errors[0];
  }

  #check(client: ModelClient): void {
    const counts = new Map<string, number>();
    for (const { text } of client.delivered) counts.set(text, (counts.get(text) ?? 0) + 1);
    const expected = this.#expected.get(client) ?? [];
    for (const { text, qos } of expected) {
      const count = counts.get(text) ?? 0;
      if (count < 1) throw new Error(`${client.clientId} did not get "${text.slice(0, 12)}" with QoS ${qos}`);
      if (qos === 2 && count > 1) throw new Error(`${client.clientId} got "${text.slice(0, 12)}" ${count} times`);
    }
    // In the order in which each publisher sent them.
    const once = new Set(expected.filter(({ qos }) => qos === 2).map(({ text }) => text));
    for (const { clientId } of this.#clients) {
      const inOrder = expected.filter(({ text, publisher }) => publisher === clientId && once.has(text));
      const came = client.delivered.filter(({ text }) => text.startsWith(`${clientId}:`) && once.has(text));
      if (inOrder.map(({ text }) => text).join() !== came.map(({ text }) => text).join()) {
        throw new Error(`${client.clientId} got messages of ${clientId} in another order`);
      }
    }
  }
}

/** The highest QoS of the filters that match; 0 also when none does. */
function matching(subscriptions: ReadonlyMap<string, QoS>, topic: string): QoS {
  let granted: QoS = 0;
  for (const [filter, qos] of subscriptions) {
    if (qos > granted && matchesTopic(filter.split("/"), topic.split("/"))) granted = qos;
  }
  return granted;
}

/** Keeps changes some turns later. */
class LateStorage implements Storage {
  readonly isDurable = true;
  readonly #inner = new MemoryStorage();
  readonly #random: Seeded;

  constructor(random: Seeded) {
    this.#random = random;
  }

  restore(): AsyncIterable<Fact> {
    return this.#inner.restore();
  }

  async *restoreSession(clientId: string): AsyncIterable<Fact> {
    for await (const change of this.#inner.restoreSession(clientId)) {
      yield change;
      if (this.#random.oneIn(3)) await turns(this.#random.integer(1, 3));
    }
  }

  async commit(changes: readonly Change[]): Promise<void> {
    await turns(this.#random.integer(0, 3));
    this.#inner.commit(changes);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

/** Lets everything else go on so many times. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}
