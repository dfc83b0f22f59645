/** Subscriptions of one client that match the same topic. */

import { assertEquals } from "@std/assert";
import { mergeSubscriptions } from "../../src/protocol/subscription.ts";
import { subscriptionOf } from "./session_parts.ts";

Deno.test("mergeSubscriptions() of none is nothing", () => {
  assertEquals(mergeSubscriptions([]), undefined);
});

Deno.test("mergeSubscriptions() gives the highest QoS, in whatever order they come [MQTT-3.3.4-2]", () => {
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 2, 0]] as const) {
    assertEquals(mergeSubscriptions(order.map((qos) => subscriptionOf("x", { qos })))?.qos, 2);
  }
  assertEquals(mergeSubscriptions([subscriptionOf("x", { qos: 0 })])?.qos, 0);
});

Deno.test("mergeSubscriptions() keeps RETAIN where one of them wants it as it was published [MQTT-3.3.1-13]", () => {
  const merged = (...asPublished: boolean[]) =>
    mergeSubscriptions(asPublished.map((retainAsPublished) => subscriptionOf("x", { retainAsPublished })))
      ?.retainAsPublished;
  assertEquals([merged(false), merged(true), merged(false, true), merged(true, false), merged(false, false)], [
    false,
    true,
    true,
    true,
    false,
  ]);
});

Deno.test("mergeSubscriptions() gives all Subscription Identifiers in one copy [MQTT-3.3.4-4]", () => {
  const subscriptions = [1, undefined, 2, 1].map((subscriptionIdentifier) =>
    subscriptionOf("x", { subscriptionIdentifier })
  );
  assertEquals(mergeSubscriptions(subscriptions)?.subscriptionIdentifiers, [1, 2, 1]);
  assertEquals(mergeSubscriptions(subscriptions, "once")?.subscriptionIdentifiers, [1, 2, 1]);
});

Deno.test("mergeSubscriptions() gives the identifier of a copy once, where each has one [MQTT-3.3.4-5]", () => {
  const subscriptions = [7, 7].map((subscriptionIdentifier) => subscriptionOf("x", { subscriptionIdentifier }));
  assertEquals(mergeSubscriptions(subscriptions, "each")?.subscriptionIdentifiers, [7]);
  assertEquals(mergeSubscriptions([subscriptionOf("x")], "each")?.subscriptionIdentifiers, []);
});
