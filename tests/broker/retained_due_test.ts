/** Retained messages that wait for a session that lives on are a part of it: they outlive its connection and the broker. */

import { assert, assertEquals } from "@std/assert";
import { matchesTopic } from "../../src/protocol/topic_filter.ts";
import { Seeded } from "../seeded.ts";
import { randomTest } from "../storage/kv_changes.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { converse } from "../wire/conversation.ts";
import { MortalBroker, mortalKv, mortalMemory } from "./mortal_storage.ts";
import { RetainedReader } from "./retained_reader.ts";

const PLACES = { memory: mortalMemory, "Deno KV": mortalKv } as const;
const ENDS = {
  "its connection is lost": (_: MortalBroker) => Promise.resolve(),
  "the broker is closed": (mortal: MortalBroker) => mortal.restart(false),
  "the broker is killed": (mortal: MortalBroker) => mortal.restart(true),
} as const;
const TOPICS = Array.from({ length: 300 }, (_, index) => `r/${index}`);

for (const [storage, placeOf] of Object.entries(PLACES)) {
  for (const [end, bringAbout] of Object.entries(ENDS)) {
    for (const qos of [1, 2] as const) {
      Deno.test(`Retained messages of QoS ${qos} that wait when ${end} come once at a resume, by ${storage}`, async () => {
        const mortal = await MortalBroker.open(await placeOf(new Seeded(1)), {});
        for (const topic of TOPICS) await mortal.broker.publish(topic, topic, { qos, retain: true });
        const reader = new RetainedReader("reader", 100);
        await reader.connect(mortal.broker);
        await reader.subscribe("r/#", qos, 0, 1);
        await reader.ping();
        assertEquals(reader.got.length, 100);
        reader.acknowledge(30); // Of QoS 2 a part of these is released.
        await reader.ping();
        await mortal.broker.publish("settled", "");
        await reader.drop();
        await bringAbout(mortal);
        assertEquals(await reader.connect(mortal.broker), true);
        await reader.drain();
        assertEquals(reader.got.map(({ topic }) => topic).sort(), TOPICS.toSorted());
        assert(reader.got.every(({ retain }) => retain));
        assert(reader.repeated > 0);
        await reader.drop();
        await mortal.restart(false);
        assertEquals(await reader.connect(mortal.broker), true);
        await reader.drain();
        assertEquals(reader.got.length, 300);
        await reader.drop();
        await mortal.close();
      });
    }
  }
}

Deno.test("How far retained messages have come is kept with those that were sent, all or nothing", async () => {
  const storage = new GatedStorage();
  await converse(5, { storage, limits: { maximumInflight: 200 } }, async (conversation) => {
    for (let index = 100; index < 500; index++) {
      await conversation.broker.publish(`r/${index}`, "m", { qos: 2, retain: true });
    }
    await conversation.run("s connects durable");
    storage.isGated = true;
    await conversation.run("s > 82 [ 0001 [] 'r/#' 02 ]");
    const commit = await storage.nextCommit();
    const groups = commit.changes.map((change) => change.kind === "transaction" ? change.changes : [change]);
    assertEquals(groups.map((changes) => changes.length), [129, 73]); // The one that SUBSCRIBE has made is not needed any more.
    for (const [index, changes] of groups.entries()) {
      const last = changes.at(-1);
      assert(last?.kind === "subscribed");
      const after = index === 0 ? "r/227" : "r/299";
      assertEquals(last.retainedDue, { after, until: 400, passes: 1, passesUntil: 400 });
      assert(changes.slice(0, -1).every(({ kind }) => kind === "queued"));
    }
    assertEquals(conversation.client("s").unread.length, 0); // Neither SUBACK nor a message has left.
    commit.keep();
    storage.open();
    await conversation.run("s < 90 [ 0001 [] 02 ]", "s drops");
  });
});

Deno.test("Retained messages of QoS 0 for a session that lives on leave when it is kept that they were sent", async () => {
  const storage = new GatedStorage();
  await converse(5, { storage, limits: { maximumOutboxBytes: 1_024 } }, async (conversation) => {
    for (const name of ["1", "2"]) {
      await conversation.broker.publish(`r/${name}`, name.repeat(600), { retain: true });
    }
    await conversation.run("s connects durable");
    storage.isGated = true;
    await conversation.run("s > 82 [ 0001 [] 'r/#' 00 ]");
    const first = await storage.nextCommit();
    assertEquals(conversation.client("s").unread.length, 0);
    first.keep();
    await conversation.run(`s < 90 [ 0001 [] 00 ] 31 [ 'r/1' [] "${"1".repeat(600)}" ]`);
    const second = await storage.nextCommit(); // The outbox had no room for the other one until then.
    assertEquals(conversation.client("s").unread.length, 0);
    second.keep();
    storage.open();
    await conversation.run(`s < 31 [ 'r/2' [] "${"2".repeat(600)}" ]`);
  });
});

Deno.test("A message of QoS 2 that is retained while others wait comes once, also where these have gone by a restart", async () => {
  const mortal = await MortalBroker.open(mortalMemory(new Seeded(1)), {});
  for (const topic of ["r/1", "r/2"]) await mortal.broker.publish(topic, "old", { qos: 2, retain: true });
  const reader = new RetainedReader("reader", 1);
  await reader.connect(mortal.broker);
  await reader.subscribe("r/#", 2, 0, 1);
  await reader.ping();
  await reader.drop();
  for (const topic of ["r/1", "r/2"]) await mortal.broker.publish(topic, "", { retain: true });
  await mortal.restart(false);
  for (const topic of ["r/2", "r/3"]) await mortal.broker.publish(topic, "new", { qos: 2, retain: true });
  await reader.connect(mortal.broker);
  await reader.drain();
  const got = reader.got.map(({ topic, retain }) => `${topic} ${retain}`);
  assertEquals(got, ["r/1 true", "r/2 false", "r/3 false"]);
  await reader.drop();
  await mortal.close();
});

/** A pass through the retained messages of a filter, as the reader is to get it. */
interface Pass {
  readonly identifier: number;
  /** Payloads by topic, when it was asked for; those that were replaced or removed since may come or not. */
  readonly due: Map<string, string>;
  readonly uncertain: Map<string, string>;
}

const FILTERS = ["r/#", "r/+/x", "r/1/#", "+/+/y"] as const;

/** What a reader of QoS 2 is to get of retained messages, whatever happens to it, to them, and to the broker. */
class ExpectedPasses {
  readonly #passes: Pass[] = [];
  readonly #retained = new Map<string, string>();

  begin(filter: number): void {
    const matching = [...this.#retained].filter(([topic]) => isMatching(FILTERS[filter] ?? "", topic));
    this.#passes.push({ identifier: filter + 1, due: new Map(matching), uncertain: new Map() });
  }

  end(filter: number): void {
    for (const { identifier, due, uncertain } of this.#passes) {
      if (identifier !== filter + 1) continue;
      for (const [topic, payload] of due) uncertain.set(topic, payload);
      due.clear();
    }
  }

  retain(topic: string, payload: string): void {
    for (const { due, uncertain } of this.#passes) {
      const earlier = due.get(topic);
      if (earlier !== undefined) uncertain.set(topic, earlier);
      due.delete(topic);
    }
    if (payload === "") this.#retained.delete(topic);
    else this.#retained.set(topic, payload);
  }

  check(reader: RetainedReader): void {
    const got = new Map<string, number>();
    for (const { topic, payload, retain, properties } of reader.got) {
      if (!retain) continue;
      const key = `${properties.subscriptionIdentifiers} ${topic} ${new TextDecoder().decode(payload)}`;
      got.set(key, (got.get(key) ?? 0) + 1);
    }
    const [least, most] = [new Map<string, number>(), new Map<string, number>()];
    for (const { identifier, due, uncertain } of this.#passes) {
      for (const [topic, payload] of due) {
        for (const count of [least, most]) add(count, `${identifier} ${topic} ${payload}`);
      }
      for (const [topic, payload] of uncertain) add(most, `${identifier} ${topic} ${payload}`);
    }
    for (const [key, count] of least) assert((got.get(key) ?? 0) >= count, `${key}: ${got.get(key)} of ${count}`);
    for (const [key, count] of got) assert(count <= (most.get(key) ?? 0), `${key}: ${count} for ${most.get(key)}`);
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function isMatching(filter: string, topic: string): boolean {
  return matchesTopic(filter.split("/"), topic.split("/"));
}

for (const [storage, placeOf] of Object.entries(PLACES)) {
  randomTest(
    `Retained messages of QoS 2 come once for each SUBSCRIBE, whatever happens, by ${storage}`,
    12,
    async (random) => {
      const mortal = await MortalBroker.open(await placeOf(random), {});
      const expected = new ExpectedPasses();
      const topics = Array.from({ length: 24 }, (_, index) => `r/${index % 8}/${random.pick(["x", "y", "z"])}`);
      let version = 0;
      const publish = async () => {
        const topic = random.pick(topics);
        const payload = random.oneIn(6) ? "" : `${++version}`;
        await mortal.broker.publish(topic, payload, { qos: 2, retain: true });
        expected.retain(topic, payload);
      };
      for (let count = 0; count < 40; count++) await publish();
      const reader = new RetainedReader("reader", random.integer(1, 8));
      await reader.connect(mortal.broker);
      const subscribed = new Set<number>();
      const passes = FILTERS.map(() => 0);
      for (let step = 0; step < 40; step++) {
        const filter = random.integer(0, FILTERS.length - 1);
        const topicFilter = FILTERS[filter] ?? "";
        switch (random.integer(0, 7)) {
          case 0:
          case 1: {
            // Of more than two passes that wait, the later ones may have what was retained before the last.
            const retainHandling = random.pick(passes[filter] === 2 ? [1, 2] as const : [0, 1, 2] as const);
            await reader.subscribe(topicFilter, 2, retainHandling, filter + 1);
            if (retainHandling === 0 || (retainHandling === 1 && !subscribed.has(filter))) {
              passes[filter] = (passes[filter] ?? 0) + 1;
              expected.begin(filter);
            }
            subscribed.add(filter);
            break;
          }
          case 2:
            if (!random.oneIn(3)) break;
            await reader.unsubscribe(topicFilter);
            expected.end(filter);
            subscribed.delete(filter);
            passes[filter] = 0;
            break;
          case 3:
            await publish();
            break;
          case 4:
            if (random.oneIn(2)) reader.acknowledge(random.integer(1, 3));
            await reader.drop();
            if (random.oneIn(2)) await mortal.restart(random.oneIn(2));
            if (random.oneIn(2)) await publish();
            assertEquals(await reader.connect(mortal.broker), true);
            break;
          case 5:
            reader.acknowledge(random.integer(1, 5));
            if (random.oneIn(2)) break;
            for (let turns = random.integer(0, 40); turns > 0; turns--) await Promise.resolve();
            await Promise.all([mortal.restart(true), reader.drop()]); // In the middle of all that is under way.
            assertEquals(await reader.connect(mortal.broker), true);
            break;
          case 6:
            if (!random.oneIn(4)) break;
            await reader.drain();
            passes.fill(0);
            break;
          default:
            reader.acknowledge(random.integer(1, 5));
            await reader.ping();
        }
      }
      await reader.drain();
      expected.check(reader);
      await reader.drop();
      await mortal.close();
    },
  );
}
