import { assertEquals, assertGreater, assertLess, assertStrictEquals, assertThrows } from "@std/assert";
import { MqttError } from "../../src/codec/mqtt_error.ts";
import { TopicInterner } from "../../src/codec/topic_interner.ts";
import { collectedHeapBytes } from "../broker/collected_heap.ts";

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function topicOf(topics: TopicInterner, text: string): string {
  const bytes = bytesOf(text);
  return topics.topic(bytes, 0, bytes.length);
}

Deno.test("TopicInterner.topic() gives the text of a part of the bytes", () => {
  const topics = new TopicInterner();
  const bytes = bytesOf("xxa/\u4e2dyy");
  assertEquals(topics.topic(bytes, 2, 7), "a/\u4e2d");
  assertEquals(topics.topic(bytes, 2, 3), "a");
  assertEquals(topics.topic(bytes, 2, 2), "");
});

Deno.test("TopicInterner.topic() is right for more topics than it has slots, in any order", () => {
  const topics = new TopicInterner(8);
  for (let round = 0; round < 3; round++) {
    for (let index = 0; index < 500; index++) assertEquals(topicOf(topics, `t/${index}`), `t/${index}`);
    // The same again and again, and back: the shortcut for repetitions must notice.
    for (const text of ["a", "a", "a", "", "b", "b", "", "", "", "a", "c", "c", "cc", "c", "é", "é", "é", "Ã©"]) {
      assertEquals(topicOf(topics, text), text);
    }
  }
});

Deno.test("TopicInterner.topic() tells topics of one slot and one hash apart", () => {
  // "Aa" and "BB" have the same hash in base 31.
  const topics = new TopicInterner(1);
  for (const text of ["Aa", "BB", "Aa", "AaBB", "BBAa", "AaAa", "BBBB", "BB", "Aaé", "BBé", "Aaé", "Aaé"]) {
    assertEquals(topicOf(topics, text), text);
  }
});

Deno.test("TopicInterner.topic() keeps no view on the bytes that it was given", () => {
  const topics = new TopicInterner();
  const bytes = bytesOf("a/b");
  // Twice, so that the shortcut for repetitions is taken.
  for (let times = 0; times < 2; times++) assertEquals(topics.topic(bytes, 0, 3), "a/b");
  bytes.set(bytesOf("x/y"));
  assertEquals(topics.topic(bytes, 0, 3), "x/y");
  assertEquals(topicOf(topics, "a/b"), "a/b");
});

Deno.test("TopicInterner.topic() decodes long topics too", () => {
  const topics = new TopicInterner();
  for (const length of [255, 256, 257, 65_535]) {
    const topic = "x".repeat(length);
    assertEquals(topicOf(topics, topic), topic);
    assertEquals(topicOf(topics, topic), topic);
  }
});

Deno.test("TopicInterner.topic() refuses what is not a Topic Name every time [MQTT-3.3.2-2]", () => {
  const topics = new TopicInterner(1);
  const bad = [
    bytesOf("#"),
    bytesOf("a/+"),
    Uint8Array.of(0x61, 0),
    Uint8Array.of(0xff),
    bytesOf("x".repeat(300) + "#"),
  ];
  for (const bytes of [...bad, ...bad]) {
    assertThrows(() => topics.topic(bytes, 0, bytes.length), MqttError);
    assertEquals(topicOf(topics, "good"), "good");
  }
});

Deno.test("TopicInterner.encoded() gives the field of a topic, the same bytes each time", () => {
  const topics = new TopicInterner();
  const field = topics.encoded("a/\u4e2d");
  assertEquals(field, Uint8Array.of(0, 5, 0x61, 0x2f, 0xe4, 0xb8, 0xad));
  assertStrictEquals(topics.encoded("a/\u4e2d"), field);
});

Deno.test("TopicInterner.encoded() does not remember what is long or not a Topic Name", () => {
  const topics = new TopicInterner();
  for (const topic of ["", "#", "a/+", "a\0", "x".repeat(257)]) assertEquals(topics.encoded(topic), undefined);
  assertThrows(() => topics.encoded("\ud800"), RangeError);
});

Deno.test("TopicInterner.encoded() remembers as many as it has slots, and new ones after a while", () => {
  const topics = new TopicInterner(4);
  const known = ["a", "b", "c", "d"].map((topic) => topics.encoded(topic));
  assertEquals(known.includes(undefined), false);
  assertEquals(topics.encoded("e"), undefined);
  assertStrictEquals(topics.encoded("a"), known[0]);
  let tries = 1;
  while (topics.encoded("e") === undefined) tries += 1;
  assertEquals(tries < 20, true, `${tries} tries`);
});

Deno.test("TopicInterner takes more memory for topics that come back, and none for topics that are all new", () => {
  const topics = new TopicInterner(1024, 65_536);
  for (let index = 0; index < 10_000; index++) topicOf(topics, `warm/${index}`);
  const before = collectedHeapBytes();
  for (let index = 0; index < 100_000; index++) topicOf(topics, `flood/${index}`);
  assertLess(collectedHeapBytes() - before, 500_000);
  const names = Array.from({ length: 20_000 }, (_, index) => `device/${index}`);
  const withNames = collectedHeapBytes();
  for (let round = 0; round < 12; round++) {
    for (const name of names) assertEquals(topicOf(topics, name), name);
  }
  assertGreater(collectedHeapBytes() - withNames, 400_000); // Most of them; 1,024 take 100,000.
  assertEquals(topicOf(topics, "last"), "last"); // It is in use until here.
});

Deno.test("TopicInterner does not take more memory for long topics than for many", () => {
  const topics = new TopicInterner(1024, 262_144);
  const names = Array.from({ length: 100_000 }, (_, index) => bytesOf(`${index}`.padEnd(250, "x")));
  const before = collectedHeapBytes();
  for (let round = 0; round < 8; round++) {
    for (const name of names) topics.topic(name, 0, name.length);
  }
  assertLess(collectedHeapBytes() - before, 24_000_000); // All of them would take 33,000,000.
  assertEquals([topicOf(topics, "last"), names.length], ["last", 100_000]); // They are in use until here.
});

Deno.test("TopicInterner takes a power of two for its slots", () => {
  for (const slots of [0, -1, 3, 1.5, NaN, Infinity, 1000]) assertThrows(() => new TopicInterner(slots), RangeError);
  for (const most of [2, 6, Infinity]) assertThrows(() => new TopicInterner(4, most), RangeError);
  for (const slots of [1, 2, 1024]) assertEquals(topicOf(new TopicInterner(slots), "a"), "a");
});
