import type { Seeded } from "../seeded.ts";

const LEVELS = ["a", "b", "c", "", "$s", "é"];

/** A Topic Name of few words, so that many match. */
export function randomTopic(random: Seeded): string {
  const levels = Array.from({ length: random.integer(1, 5) }, () => random.pick(LEVELS));
  const topic = levels.join("/");
  return topic === "" ? "a" : topic;
}

/** A Topic Filter of the same words; about a tenth of them is shared. */
export function randomTopicFilter(random: Seeded): string {
  const levels = Array.from({ length: random.integer(1, 5) }, () => random.oneIn(3) ? "+" : random.pick(LEVELS));
  if (random.oneIn(3)) levels.push("#");
  const filter = levels.join("/");
  const valid = filter === "" ? "+" : filter;
  return random.oneIn(10) ? `$share/${random.pick(["g", "h"])}/${valid}` : valid;
}
