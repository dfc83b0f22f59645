import { assertEquals } from "@std/assert";
import {
  coversFilter,
  hasWildcard,
  matchesTopic,
  overlapsFilter,
  parseTopicFilter,
  topicLevels,
} from "../../src/protocol/topic_filter.ts";

/** Filter, topics that it matches, topics that it does not. */
const MATCHES: readonly (readonly [filter: string, matching: readonly string[], others: readonly string[]])[] = [
  ["a/b", ["a/b"], ["a", "a/b/", "/a/b", "a/b/c", "A/b", "a/B"]],
  ["sport/#", ["sport", "sport/", "sport/a", "sport/a/b/c", "sport/$x"], ["sports", "/sport", "spor", "$sport"]],
  ["#", ["a", "/", "a/b/c", "a/$b"], ["$SYS", "$SYS/a", "$"]],
  ["+", ["a", "b$"], ["a/b", "/", "/a", "a/", "$x"]],
  ["/+", ["/a", "/"], ["a", "/a/b", "//"]],
  ["+/+", ["a/b", "/a", "a/", "/"], ["a", "a/b/c", "$a/b"]],
  ["+/#", ["a", "a/b", "/", "a/b/c"], ["$a", "$a/b"]],
  ["a/+/c", ["a/b/c", "a//c", "a/$/c"], ["a/c", "a/b/b/c", "a/b/c/d", "a/b"]],
  ["a/+", ["a/b", "a/"], ["a", "a/b/c"]],
  ["a/+/#", ["a/b", "a/", "a/b/c/d"], ["a", "b/a"]],
  ["/", ["/"], ["", "a", "//"]],
  ["//", ["//"], ["/", "///"]],
  ["$SYS/#", ["$SYS", "$SYS/a/b"], ["SYS/a", "$sys/a"]],
  ["$SYS/+/x", ["$SYS/a/x"], ["$SYS/x"]],
  ["é/Ω", ["é/Ω"], ["e\u0301/Ω"]], // No normalization. [MQTT-4.7.3-4]
  [" a ", [" a "], ["a"]],
];

for (const [filter, matching, others] of MATCHES) {
  Deno.test(`"${filter}" matches what it stands for [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.2-1]`, () => {
    const levels = parseTopicFilter(filter)?.levels ?? [];
    assertEquals(levels, filter.split("/"));
    assertEquals(matching.filter((topic) => !matchesTopic(levels, topic.split("/"))), []);
    assertEquals(others.filter((topic) => matchesTopic(levels, topic.split("/"))), []);
  });
}

const INVALID: readonly string[] = [
  "",
  "a#",
  "#a",
  "a/#/b",
  "#/",
  "##",
  "#/#",
  "a+",
  "+a",
  "++",
  "a/b+/c",
  "a\0",
  "$share/",
  "$share/g",
  "$share/group",
  "$share//a",
  "$share/g/",
  "$share/g+/a",
  "$share/#/a",
  "$share/+/a",
  "$share/g/a#",
];
for (const filter of INVALID) {
  Deno.test(`${JSON.stringify(filter)} is not a Topic Filter [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-4.8.2-1]`, () => {
    assertEquals(parseTopicFilter(filter), undefined);
  });
}

Deno.test("A Shared Subscription is taken apart [MQTT-4.8.2-1]", () => {
  assertEquals(parseTopicFilter("$share/group/a/+/#"), {
    topicFilter: "$share/group/a/+/#",
    shareName: "group",
    levels: ["a", "+", "#"],
  });
  assertEquals(parseTopicFilter("$share/g//")?.levels, ["", ""]);
  assertEquals(parseTopicFilter("$share/g/$SYS/a")?.levels, ["$SYS", "a"]);
  // Neither of them is shared.
  for (const filter of ["$shared/g/a", "$Share/g/a", "/$share/g/a", "$share"]) {
    assertEquals(parseTopicFilter(filter)?.shareName, undefined);
    assertEquals(parseTopicFilter(filter)?.topicFilter, filter);
  }
});

Deno.test("hasWildcard() is true for `+` and `#`", () => {
  const withWildcard = ["+", "#", "a/+/b", "a/#", "+/a"];
  const without = ["a", "a/b", "/", ""];
  assertEquals(withWildcard.map((filter) => hasWildcard(filter.split("/"))), withWildcard.map(() => true));
  assertEquals(without.map((filter) => hasWildcard(filter.split("/"))), without.map(() => false));
});

Deno.test("topicLevels() counts as split does", () => {
  for (const topic of ["a", "/", "a/b", "//", "a//b/", "a".repeat(10)]) {
    assertEquals(topicLevels(topic), topic.split("/").length, topic);
  }
});

const LEVELS = ["a", "b", "", "$s", "+", "#"];
const FILTERS = [1, 2, 3].flatMap(filtersOf);
const TOPICS = [1, 2, 3, 4].flatMap(topicsOf);

Deno.test("Whether Topic Filters overlap and cover each other is what their topics say", () => {
  const matched = FILTERS.map((filter) => TOPICS.map((topic) => matchesTopic(filter, topic)));
  for (const [one, filter] of FILTERS.entries()) {
    for (const [other, otherFilter] of FILTERS.entries()) {
      const both = TOPICS.some((_, topic) => matched[one]?.[topic] && matched[other]?.[topic]);
      const all = TOPICS.every((_, topic) => matched[one]?.[topic] || !matched[other]?.[topic]);
      const pair = `${filter.join("/")} and ${otherFilter.join("/")}`;
      assertEquals([pair, overlapsFilter(filter, otherFilter)], [pair, both]);
      assertEquals([pair, coversFilter(filter, otherFilter)], [pair, all]);
    }
  }
});

function filtersOf(length: number): string[][] {
  return combinations(LEVELS, length).filter((levels) => {
    const hash = levels.indexOf("#");
    return hash === -1 || hash === levels.length - 1;
  });
}

/** With a level that no filter names. */
function topicsOf(length: number): string[][] {
  return combinations(["a", "b", "", "$s", "other", "$other"], length);
}

function combinations(levels: readonly string[], length: number): string[][] {
  if (length === 0) return [[]];
  return combinations(levels, length - 1).flatMap((before) => levels.map((level) => [...before, level]));
}
