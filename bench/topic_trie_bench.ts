import { TopicTrie } from "../src/broker/topic_trie.ts";
import { subscriptionOf, topicOf } from "./topic_corpus.ts";

const TOPICS = 1_000;
const CHANGES = 1_000;

for (const filters of [10, 1_000, 100_000]) {
  const trie = new TopicTrie<string>();
  for (let device = 0; device < filters; device++) trie.add(`client-${device % 1_000}`, subscriptionOf(device));
  const isBaseline = filters === 10;
  const topics = Array.from({ length: TOPICS }, (_, index) => topicOf(index * 97 % filters));
  Deno.bench(`match ${TOPICS} topics, ${filters} filters`, { group: "match", baseline: isBaseline }, () => {
    let found = 0;
    for (const topic of topics) trie.match(topic, () => found += 1);
    if (found !== TOPICS) throw new Error(`Cannot measure: ${found} of ${TOPICS} topics match`);
  });
  const others = Array.from({ length: CHANGES }, (_, index) => subscriptionOf(1_000_000 + index));
  Deno.bench(`add and delete ${CHANGES} among ${filters}`, { group: "add, delete", baseline: isBaseline }, () => {
    for (const subscription of others) trie.add("other", subscription);
    for (const subscription of others) trie.delete("other", subscription);
  });
}
