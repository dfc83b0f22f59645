/** Which matches are kept, what they hold, and who gets the messages of a Shared Subscription. */

import { assertEquals, assertLess } from "@std/assert";
import { randomTopic, randomTopicFilter } from "../protocol/random_topic.ts";
import { inForm } from "../form.ts";
import { seededTest } from "../seeded.ts";
import { type Subscription } from "../../src/storage/mod.ts";
import { ApplicationMessage } from "../../src/protocol/message.ts";
import { Router, type Subscriber } from "../../src/broker/router.ts";
import { matchesTopic, type ParsedTopicFilter, parseTopicFilter } from "../../src/protocol/topic_filter.ts";
import { collectedHeapBytes, heapGrowthBytes } from "./collected_heap.ts";

seededTest("Router delivers what a comparison of every filter gives, while filters come and go", (random) => {
  const overlapping = random.pick(["each", "once"] as const);
  const router = new Router(overlapping);
  const subscribers = Array.from({ length: 4 }, () => new Recorder());
  const subscribed = new Map(subscribers.map((subscriber) => [subscriber, new Map<string, Subscription>()]));
  const topics = Array.from({ length: 8 }, () => randomTopic(random)); // Few, so that matches are kept.
  for (let count = 0; count < 200; count++) {
    const [subscriber, filters] = random.pick([...subscribed]);
    const topicFilter = random.oneIn(3) ? random.pick(topics) : randomTopicFilter(random);
    const known = random.oneIn(2) ? random.pick([...filters.values(), undefined]) : filters.get(topicFilter);
    if (known !== undefined) {
      filters.delete(known.filter.topicFilter);
      router.unsubscribe(subscriber, known);
    } else {
      const added = subscription(topicFilter, random.pick([undefined, 1, 2]));
      filters.set(topicFilter, added);
      router.subscribe(subscriber, added);
    }
    const topic = random.pick(topics);
    const matching = subscribers.map((each) => matchingOf(subscribed.get(each)?.values() ?? [], topic));
    const copies = matching.map((own) => {
      const alone = own.filter(({ filter }) => filter.shareName === undefined);
      return new Set(alone.map((one) => overlapping === "each" ? one.subscriptionIdentifier : "all")).size;
    });
    const sharedOf = (own: readonly Subscription[]) =>
      own.filter(({ filter }) => filter.shareName !== undefined).map(({ filter }) => filter.topicFilter);
    const shared = new Set(sharedOf(matching.flat()));
    const sum = copies.reduce((all, count) => all + count, shared.size);
    assertEquals(router.publish(message(topic), 0), sum, topic);
    // Copies for each by itself, and one of each Shared Subscription.
    for (const [index, count] of subscribers.map((each) => each.taken()).entries()) {
      const least = copies[index] ?? 0;
      const most = least + sharedOf(matching[index] ?? []).length;
      assertEquals(count >= least && count <= most, true, `${topic}: ${count}`);
    }
  }
});

const TOPICS = inForm(40_000, 100_000);

Deno.test("Matches that are kept are as many as subscriptions or some thousands, whatever topics come", async () => {
  const router = new Router();
  router.subscribe(new Recorder(), subscription("t/#"));
  const flood = (round: number) => {
    for (let topic = 0; topic < TOPICS; topic++) router.publish(message(`t/${round}/${topic}`), 0);
  };
  assertLess(await heapGrowthBytes(flood), 2_000_000); // Each takes about 150 bytes.
  assertEquals(router.publish(message("t"), 0), 1); // It is in use until here.
});

Deno.test("Matches with Shared Subscriptions that are kept take no memory for each of their members", () => {
  const router = new Router();
  for (let member = 0; member < 200; member++) router.subscribe(new Recorder(), subscription("$share/g/#"));
  const one = new Recorder();
  for (let group = 0; group < 200; group++) router.subscribe(one, subscription(`$share/g${group}/#`));
  router.publish(message("warm"), 0);
  const before = collectedHeapBytes();
  for (let topic = 0; topic < 2_000; topic++) router.publish(message(`t/${topic}`), 0);
  // 201 places each in an array, and not 401 objects.
  assertLess(collectedHeapBytes() - before, 2_000 * 201 * 16);
  assertEquals(router.publish(message("t"), 0), 201); // It is in use until here.
  assertEquals(one.received, 200 * 2_002);
});

Deno.test("Matches of topics that are long are not kept", () => {
  const router = new Router();
  router.publish(message("warm"), 0);
  const before = collectedHeapBytes();
  for (let topic = 0; topic < 300; topic++) router.publish(message(`${topic}/${"x".repeat(60_000)}`), 0);
  assertLess(collectedHeapBytes() - before, 3_000_000);
  assertEquals(router.publish(message("t"), 0), 0); // It is in use until here.
});

Deno.test("SubscriberSet of a Shared Subscription come and go, and all that are there have their turns (section 4.8.2)", () => {
  const router = new Router();
  for (const filter of ["$share/g/t/+", "$share/h/t/0"]) {
    const [a, b, c, d] = [new Recorder(), new Recorder(), new Recorder(), new Recorder()];
    const joined = subscription(filter);
    const publish = (count: number) => {
      for (let at = 0; at < count; at++) router.publish(message(filter.endsWith("+") ? `t/${at % 2 + 1}` : "t/0"), 0);
      return [a, b, c, d].map((member) => member.taken());
    };
    for (const member of [a, b, c]) router.subscribe(member, joined);
    assertEquals(publish(6), [2, 2, 2, 0]);
    assertEquals(publish(1), [1, 0, 0, 0]);
    router.unsubscribe(b, joined);
    assertEquals(publish(4), [2, 0, 2, 0]);
    router.subscribe(d, joined);
    assertEquals(publish(6), [2, 0, 2, 2]);
    c.isOnline = c.isReady = false;
    assertEquals(publish(4), [2, 0, 0, 2]);
    a.isReady = false;
    assertEquals(publish(4), [0, 0, 0, 4]);
    d.isReady = false; // Nobody takes it at once: whoever is there.
    assertEquals(publish(4), [2, 0, 0, 2]);
    for (const member of [a, c, d]) router.unsubscribe(member, joined);
    assertEquals(publish(2), [0, 0, 0, 0]);
    router.subscribe(b, joined);
    assertEquals(publish(2), [0, 2, 0, 0]);
    router.unsubscribe(b, joined);
  }
});

Deno.test("A Shared Subscription brings a message to the member that may get it, wherever that is (section 4.8.2)", () => {
  const router = new Router();
  const [allowed, forbidden] = [new Recorder(), new Recorder()];
  for (const member of [forbidden, allowed]) router.subscribe(member, subscription("$share/g/t"));
  forbidden.isPermitted = false;
  allowed.isDurable = true;
  const publish = (count: number) => {
    for (let at = 0; at < count; at++) router.publish(message("t"), 0);
    return [allowed.taken(), forbidden.taken()];
  };
  assertEquals(publish(3), [3, 0]);
  allowed.isReady = false;
  assertEquals(publish(3), [3, 0]);
  allowed.isOnline = false; // It waits for the member that is away.
  assertEquals(publish(3), [3, 0]);
  forbidden.isReady = false; // Online, and takes nothing at once.
  assertEquals(publish(3), [3, 0]);
  forbidden.isOnline = false;
  forbidden.isDurable = true;
  assertEquals(publish(3), [3, 0]);
  forbidden.isPermitted = true;
  allowed.isDurable = false; // It is closing: its session ends, and would lose the message.
  assertEquals(publish(3), [0, 3]);
});

/** Counts what it gets. */
class Recorder implements Subscriber {
  readonly clientId = "recorder";
  isOnline = true;
  isReady = true;
  isDurable = false;
  isPermitted = true;
  isFarBehind(): boolean {
    return false;
  }
  permits(_topic: string): boolean {
    return this.isPermitted;
  }
  received = 0;

  deliver(): void {
    this.received += 1;
  }

  /** How many came since it was asked last. */
  taken(): number {
    const { received } = this;
    this.received = 0;
    return received;
  }
}

function matchingOf(subscriptions: Iterable<Subscription>, topic: string): Subscription[] {
  const levels = topic.split("/");
  return Array.from(subscriptions).filter(({ filter }) => matchesTopic(filter.levels, levels));
}

function subscription(topicFilter: string, subscriptionIdentifier?: number): Subscription {
  const filter = parseTopicFilter(topicFilter) as ParsedTopicFilter; // The tests write valid ones.
  return {
    filter,
    qos: 0,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    subscriptionIdentifier,
  };
}

function message(topic: string): ApplicationMessage {
  const packet = { topic, payload: Uint8Array.of(1), qos: 0, retain: true, properties: {} } as const;
  return new ApplicationMessage(packet, undefined, 0);
}
