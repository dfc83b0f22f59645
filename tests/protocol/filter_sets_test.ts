import { assertEquals } from "@std/assert";
import { coversFilter, overlapsFilter } from "../../src/protocol/topic_filter.ts";
import { matchesTopic } from "../../src/protocol/topic_filter.ts";

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
