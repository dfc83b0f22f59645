import { assertEquals } from "@std/assert";
import { mergedMatches, SubscriberSet } from "../../src/broker/topic_trie.ts";
import type { Subscription } from "../../src/protocol/subscription.ts";
import { type ParsedTopicFilter, parseTopicFilter } from "../../src/protocol/topic_filter.ts";
import { seededTest } from "../seeded.ts";

seededTest("SubscriberSet holds what a Map holds, in its order", (random) => {
  const members = new SubscriberSet("s0", subscription("a", 0));
  const expected = new Map([["s0", subscription("a", 0)]]);
  for (let count = 0; count < 50; count++) {
    const subscriber = `s${random.integer(0, 3)}`;
    if (random.oneIn(2)) {
      assertEquals(members.delete(subscriber), expected.delete(subscriber));
    } else {
      const qos = random.pick([0, 1, 2] as const);
      members.set(subscriber, subscription("a", qos));
      expected.set(subscriber, subscription("a", qos));
    }
    assertEquals([...members.all], [...expected]);
    assertEquals(members.size, expected.size);
    assertEquals(
      members.matches.map((match) => [match.subscriber, match.qos]),
      Array.from(expected, ([name, { qos }]) => [name, qos]),
    );
  }
});

for (const overlapping of ["each", "once"] as const) {
  Deno.test(`Targets of several filters without identifiers name each subscriber once, with ${overlapping}`, () => {
    const filters = [new SubscriberSet("a", subscription("t", 0)), new SubscriberSet("b", subscription("+", 1))];
    filters[1]?.set("a", subscription("+", 2)); // The highest QoS holds. [MQTT-3.3.4-2]
    const matches = mergedMatches(filters, overlapping);
    assertEquals(matches.map(({ subscriber, qos }) => [subscriber, qos]), [["a", 2], ["b", 1]]);
    assertEquals(mergedMatches([], overlapping), []);
  });
}

Deno.test("Targets of a Shared Subscription name its filter", () => {
  const [match] = new SubscriberSet("a", subscription("$share/g/t", 0)).matches;
  assertEquals(match?.sharedFilter, "$share/g/t");
});

function subscription(topicFilter: string, qos: 0 | 1 | 2): Subscription {
  const filter = parseTopicFilter(topicFilter) as ParsedTopicFilter; // The tests write valid ones.
  const options = {
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    subscriptionIdentifier: undefined,
  } as const;
  return { filter, qos, ...options };
}
