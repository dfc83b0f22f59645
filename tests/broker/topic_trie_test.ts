import { assertEquals, assertLess } from "@std/assert";
import { TopicTrie } from "../../src/broker/topic_trie.ts";
import type { Subscription } from "../../src/protocol/subscription.ts";
import { matchesTopic, parseTopicFilter } from "../../src/protocol/topic_filter.ts";
import { inForm } from "../form.ts";
import { type Seeded, seededTest } from "../seeded.ts";
import { heapGrowthBytes } from "./collected_heap.ts";
import { randomTopic, randomTopicFilter } from "../protocol/random_topic.ts";

/** Subscriber, a space, and the Topic Filter as it was subscribed. */
type Entry = string;

seededTest("TopicTrie matches what a comparison of every filter matches, while filters come and go", (random) => {
  const trie = new TopicTrie<string>();
  const entries = new Map<Entry, Subscription>();
  for (let count = 0; count < 60; count++) {
    const entry = `s${random.integer(1, 4)} ${randomTopicFilter(random)}`;
    const known = random.oneIn(3) && entries.size > 0 ? random.pick([...entries.keys()]) : entry;
    const subscription = entries.get(known);
    if (subscription !== undefined && !random.oneIn(3)) {
      entries.delete(known);
      trie.delete(subscriberOf(known), subscription);
    } else {
      const added = subscriptionOf(known, random);
      entries.set(known, added);
      trie.add(subscriberOf(known), added);
    }
    expectSameMatches(trie, entries, randomTopic(random));
  }
  // Taken back in any order, nothing is left.
  for (const [entry, subscription] of entries) trie.delete(subscriberOf(entry), subscription);
  assertEquals(matchesOf(trie, randomTopic(random)), []);
});

Deno.test("TopicTrie.delete() of what is not there changes nothing", () => {
  const trie = new TopicTrie<string>();
  trie.add("s1", subscription("a/+/c"));
  for (const filter of ["a", "a/+", "a/+/c/d", "a/+/c/#", "a/b/c", "#", "$share/g/a/+/c"]) {
    trie.delete("s1", subscription(filter));
  }
  trie.delete("s2", subscription("a/+/c"));
  assertEquals(matchesOf(trie, "a/b/c"), ["s1 a/+/c"]);
});

const CHURNED = inForm(10_000, 20_000);

Deno.test("Filters that were added and deleted leave nothing behind", async () => {
  const trie = new TopicTrie<string>();
  const churn = (round: number) => {
    for (let count = round * CHURNED; count < (round + 1) * CHURNED; count++) {
      for (const filter of [`a/${count}/b/c`, `a/+/${count}/#`, `$share/g${count}/${count}/+`]) {
        trie.add("s", subscription(filter));
        trie.delete("s", subscription(filter));
      }
    }
  };
  assertLess(await heapGrowthBytes(churn), 500_000); // A Map for each would be 20 times as much.
  assertEquals(matchesOf(trie, "a/1/b/c"), []);
});

Deno.test("TopicTrie gives the subscription that was added last", () => {
  const trie = new TopicTrie<string>();
  trie.add("s", subscription("a", 0));
  trie.add("s", subscription("a", 2));
  trie.match("a", ({ all }) => assertEquals([...all].map(([name, { qos }]) => [name, qos]), [["s", 2]]));
  assertEquals(matchesOf(trie, "a"), ["s a"]);
});

Deno.test("TopicTrie keeps members of a Shared Subscription together, by name and filter", () => {
  const trie = new TopicTrie<string>();
  for (const subscriber of ["s1", "s2"]) {
    for (const filter of ["$share/g/a", "$share/h/a", "$share/g/+", "a"]) trie.add(subscriber, subscription(filter));
  }
  const groups: [string, string[]][] = [];
  trie.match("a", ({ filter, all }) => groups.push([filter.shareName ?? "", Array.from(all, ([name]) => name)]));
  assertEquals(groups.length, 4);
  assertEquals(groups.map(([shareName]) => shareName).sort(), ["", "g", "g", "h"]);
  assertEquals(groups.every(([, members]) => members.join() === "s1,s2"), true);
});

Deno.test("TopicTrie takes filters of 65,535 levels without recursion", () => {
  const trie = new TopicTrie<string>();
  const deep = "+/".repeat(32_766);
  trie.add("s", subscription(`${deep}#`));
  assertEquals(matchesOf(trie, "a/".repeat(40_000)).length, 1);
  trie.delete("s", subscription(`${deep}#`));
  assertEquals(matchesOf(trie, "a/".repeat(40_000)), []);
});

function expectSameMatches(trie: TopicTrie<string>, entries: ReadonlyMap<Entry, Subscription>, topic: string): void {
  const expected: Entry[] = [];
  for (const [entry, { filter }] of entries) if (matchesTopic(filter.levels, topic.split("/"))) expected.push(entry);
  assertEquals(matchesOf(trie, topic), expected.sort(), topic);
  // With the subscription as it was added last.
  trie.match(topic, ({ all }) => {
    for (const [subscriber, found] of all) {
      assertEquals<Subscription | undefined>(found, entries.get(`${subscriber} ${found.filter.topicFilter}`));
    }
  });
}

function matchesOf(trie: TopicTrie<string>, topic: string): Entry[] {
  const entries: Entry[] = [];
  trie.match(topic, ({ all }) => {
    for (const [subscriber, { filter }] of all) entries.push(`${subscriber} ${filter.topicFilter}`);
  });
  return entries.sort();
}

function subscriberOf(entry: Entry): string {
  return entry.slice(0, entry.indexOf(" "));
}

function subscriptionOf(entry: Entry, random: Seeded): Subscription {
  return subscription(entry.slice(entry.indexOf(" ") + 1), random.pick([0, 1, 2]));
}

function subscription(topicFilter: string, qos: 0 | 1 | 2 = 0): Subscription {
  const filter = parseTopicFilter(topicFilter);
  if (filter === undefined) throw new TypeError(`"${topicFilter}" is not a Topic Filter`);
  return {
    filter,
    qos,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    subscriptionIdentifier: undefined,
  };
}
