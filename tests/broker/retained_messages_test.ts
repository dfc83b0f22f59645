import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { DEFAULT_LIMITS } from "../../mod.ts";
import { TopicInterner } from "../../src/codec/mod.ts";
import { ApplicationMessage } from "../../src/protocol/message.ts";
import { Deadlines } from "../../src/broker/deadlines.ts";
import { RetainedMessages, Retention } from "../../src/broker/retained.ts";
import { FrameEncoders } from "../../src/protocol/message.ts";
import type { Retained } from "../../src/protocol/session_context.ts";
import { matchesTopic, parseTopicFilter } from "../../src/protocol/topic_filter.ts";
import { seededTest } from "../seeded.ts";
import { collectedHeapBytes, heapGrowthBytes } from "./collected_heap.ts";
import { randomTopic, randomTopicFilter } from "../protocol/random_topic.ts";

seededTest(
  "RetainedMessages matches what a comparison of every topic matches, while messages come and go",
  (random) => {
    const retained = new RetainedMessages();
    const expected = new Map<string, ApplicationMessage>();
    for (let count = 0; count < 60; count++) {
      const topic = randomTopic(random);
      if (random.oneIn(3)) {
        assertEquals(retained.delete(topic), expected.delete(topic), topic);
      } else {
        const message = messageOf(topic, random.integer(1, 20));
        retained.set(message);
        expected.set(topic, message);
      }
      assertEquals(retained.get(topic), expected.get(topic));
      const levels = parseTopicFilter(randomTopicFilter(random))?.levels ?? [];
      const matching = [...expected.keys()].filter((known) => matchesTopic(levels, known.split("/")));
      const topicsOf = (found: Iterable<Retained | undefined>) =>
        [...found].flatMap((one) => one?.message?.topic ?? []);
      assertEquals(topicsOf(retained.match(levels)).sort(), matching.sort(), levels.join("/"));
      const inOrder = matching.sort(byLevels);
      const after = random.pick(["", topic, randomTopic(random)]);
      const behind = inOrder.filter((known) => after === "" || byLevels(known, after) > 0);
      assertEquals(topicsOf(retained.matchInOrder(levels, after)), behind, `${levels.join("/")} behind "${after}"`);
      assertEquals(retained.count, expected.size);
      const sizes = [...expected.values()].reduce((sum, { size }) => sum + size, 0);
      assertEquals(retained.bytes, sizes + 280 * levelsOf([...expected.keys()]));
    }
    for (const topic of expected.keys()) assertEquals(retained.delete(topic), true);
    assertEquals([retained.count, retained.bytes], [0, 0]);
    assertEquals([...retained.match(["#"])], []);
  },
);

/** As {@linkcode RetainedMessages.matchInOrder} orders topics. */
function byLevels(one: string, other: string): number {
  const [left, right] = [one.split("/"), other.split("/")];
  const index = left.findIndex((level, at) => level !== right[at]);
  const [mine = "", its] = [left[index], right[index]];
  if (index < 0) return left.length - right.length;
  return its === undefined || mine > its ? 1 : -1;
}

Deno.test("Retained messages that were deleted leave nothing behind", async () => {
  const retained = new RetainedMessages();
  const churn = (round: number) => {
    for (let count = round * 20_000; count < (round + 1) * 20_000; count++) {
      retained.set(messageOf(`a/${count}/b/c`));
      retained.delete(`a/${count}/b/c`);
    }
  };
  assertLess(await heapGrowthBytes(churn), 500_000);
});

Deno.test("A retained message holds nothing of what was encoded beside it when it was published", () => {
  const log = { write: () => 0, takeBack: () => false, begin: () => {}, end: () => {}, writtenSequence: 0 };
  const retention = new Retention(DEFAULT_LIMITS, log, new Deadlines());
  const encoders = new FrameEncoders(new TopicInterner());
  const large = messageOf("large", 4_096);
  const before = collectedHeapBytes();
  for (let count = 0; count < 1_000; count++) {
    const message = messageOf(`a/${count}`);
    retention.retain(message);
    message.frame(encoders, 4, 0, false, 0); // Subscribers share it.
    encoders.encode(large.packet(0, false, 0), 4);
  }
  assertLess(collectedHeapBytes() - before, 1_000 * 3_000);
  assertEquals(retention.messages.count, 1_000);
});

Deno.test("RetainedMessages.match() goes on while messages come and go", () => {
  const retained = new RetainedMessages();
  for (const topic of ["a/1", "a/2", "a/3", "b"]) retained.set(messageOf(topic));
  const found: string[] = [];
  for (const message of retained.match(["#"])) {
    const topic = message?.message?.topic ?? "";
    found.push(topic);
    if (topic === "a/1") {
      retained.delete("a/2");
      retained.delete("a/1");
    }
  }
  assertEquals(found, ["a/1", "a/3", "b"]);
});

Deno.test("RetainedMessages gives a message as it is when it is taken", () => {
  const retained = new RetainedMessages();
  retained.set(messageOf("a/1"));
  retained.set(messageOf("a/2"));
  const matching = retained.match(["a", "+"]);
  matching.next();
  const later = messageOf("a/2", 9);
  retained.set(later);
  assertEquals(matching.next().value?.message, later);
  assertEquals(matching.next().done, true);
});

Deno.test("RetainedMessages takes topics of 65,535 levels without recursion", () => {
  const retained = new RetainedMessages();
  const topic = "/".repeat(65_534);
  retained.set(messageOf(topic));
  const found = () => [...retained.match(["#"])].filter((message) => message !== undefined).length;
  assertEquals(found(), 1);
  assertEquals(retained.delete(topic), true);
  assertEquals(found(), 0);
});

Deno.test("RetainedMessages.matchInOrder() sorts many topics of one level some at a time", () => {
  const retained = new RetainedMessages();
  const names = Array.from({ length: 20_000 }, (_, index) => `${(index * 7_919) % 20_000}`);
  for (const name of names) retained.set(messageOf(`a/${name}/b`, 1));
  const expected = names.toSorted().map((name) => `a/${name}/b`);
  const found: string[] = [];
  let stops = 0;
  for (const one of retained.matchInOrder(["a", "+", "b"], "")) {
    if (one?.message === undefined) stops += 1;
    else found.push(one.message.topic);
  }
  assertEquals(found, expected);
  assertGreater(stops, 80);
  const rest = [...retained.matchInOrder(["#"], "a/17/b")].flatMap((one) => one?.message?.topic ?? []);
  assertEquals(rest, expected.slice(expected.indexOf("a/17/b") + 1));
});

Deno.test("RetainedMessages.match() stops now and then where nothing matches", () => {
  const retained = new RetainedMessages();
  for (let index = 0; index < 5_000; index++) retained.set(messageOf(`a/${index}`));
  const found = [...retained.match(["+", "+", "none"])];
  assertEquals(found.every((message) => message === undefined), true);
  assertGreater(found.length, 5);
});

Deno.test("RetainedMessages knows names that mean something in JavaScript as topics only", () => {
  const retained = new RetainedMessages();
  assertEquals(retained.get("__proto__"), undefined);
  retained.set(messageOf("__proto__/constructor"));
  assertEquals([...retained.match(["__proto__", "+"])].length, 1);
  assertEquals(retained.get("__proto__"), undefined);
});

function messageOf(topic: string, payloadBytes = 1): ApplicationMessage {
  const payload = new Uint8Array(payloadBytes);
  return new ApplicationMessage({ topic, payload, qos: 0, retain: true, properties: {} }, "p", 0);
}

/** How many levels there are, those that topics share counted once. */
function levelsOf(topics: readonly string[]): number {
  const prefixes = topics.flatMap((topic) =>
    topic.split("/").map((_, index, levels) => levels.slice(0, index + 1).join("/"))
  );
  return new Set(prefixes).size;
}
