import { assertEquals } from "@std/assert";
import { TopicTarget } from "../../../src/admin/trace/trace_target.ts";
import { matchesTopic } from "../../../src/protocol/topic_filter.ts";
import { inForm } from "../../form.ts";
import { seededTest } from "../../seeded.ts";

const LEVELS = ["", "a", "ab", "ä", "$a", "+"];

seededTest("TopicTarget matches bytes as filters match topics, wherever they stand", (random) => {
  const topic = Array.from({ length: random.integer(1, 4) }, () => random.pick(LEVELS.slice(0, -1))).join("/") || "a";
  const levels = Array.from({ length: random.integer(1, 4) }, () => random.pick(LEVELS));
  if (random.oneIn(3)) levels.push("#");
  const filter = levels.join("/") || "+";
  const bytes = new TextEncoder().encode(`x/${topic}/x`);
  const matches = new TopicTarget(filter).matches(bytes, 2, bytes.length - 2);
  assertEquals(matches, matchesTopic(filter.split("/"), topic.split("/")), `${filter} and ${topic}`);
  assertEquals(new TopicTarget(filter).matchesText(topic), matches);
}, inForm(100, 2_000));
