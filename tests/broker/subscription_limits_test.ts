/** Limits of the subscriptions of one session, and the word that the operator gets about them. */

import { assertEquals, assertGreater } from "@std/assert";
import type { BrokerEvent } from "../../mod.ts";
import { encodePacket } from "../../src/codec/encoder.ts";
import { NO_PROPERTIES } from "../../src/codec/property.ts";
import { converse } from "../wire/conversation.ts";

const MANY = 100_000;
const FILTERS_A_PACKET = 500;

Deno.test("Refused subscriptions are told once for each client, with the limit and its value", async () => {
  const events: BrokerEvent[] = [];
  const limits = { maximumSubscriptions: 1, maximumTopicLevels: 2 };
  const onEvent = (event: BrokerEvent) => void (event.kind === "subscriptionRefused" && events.push(event));
  await converse(4, { limits, onEvent }, async (conversation) => {
    await conversation.run(
      "a connects",
      "a > 82 [ 0001 'x' 00 'y' 00 'z' 00 'a/b/c' 00 ]",
      "a < 90 [ 0001 00 80 80 80 ]",
    );
    await conversation.run("b connects", "b > 82 [ 0001 'a/b/c' 00 ]", "b < 90 [ 0001 80 ]");
    await conversation.run("a > 82 [ 0002 'z' 00 ]", "a < 90 [ 0002 80 ]");
  });
  const refused = { kind: "subscriptionRefused", principal: undefined } as const;
  assertEquals(events, [
    { ...refused, clientId: "a", topicFilter: "y", limit: "maximumSubscriptions", value: 1 },
    { ...refused, clientId: "b", topicFilter: "a/b/c", limit: "maximumTopicLevels", value: 2 },
  ]);
});

Deno.test("A client with 100,000 subscriptions in many packets is granted all, and others have their turn", () =>
  converse(4, {}, async (conversation) => {
    await conversation.run("hub connects", "b connects");
    const codes = new Array<0>(FILTERS_A_PACKET).fill(0);
    const packets = Array.from({ length: MANY / FILTERS_A_PACKET }, (_, packet) => ({
      packetIdentifier: packet + 1,
      topicFilters: Array.from(
        codes,
        (_, index) => `home/sensor/${packet * FILTERS_A_PACKET + index}/temperature/state`,
      ),
    }));
    const subscription = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    const hub = conversation.client("hub");
    let isDone = false;
    const subscribing = (async () => {
      for (const { packetIdentifier, topicFilters } of packets) {
        const subscriptions = topicFilters.map((topicFilter) => ({ topicFilter, ...subscription }));
        hub.send(encodePacket({ type: "subscribe", packetIdentifier, subscriptions, properties: NO_PROPERTIES }, 4));
      }
      for (const { packetIdentifier } of packets) {
        const properties = NO_PROPERTIES;
        await hub.expect(encodePacket({ type: "suback", packetIdentifier, reasonCodes: codes, properties }, 4));
      }
      isDone = true;
    })();
    let rounds = 0;
    for (; !isDone; rounds++) {
      await conversation.run("b quiet");
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await subscribing;
    assertGreater(rounds, 10);
    await conversation.run("b > 30 [ 'home/sensor/99999/temperature/state' 01 ]");
    await conversation.run("hub < 30 [ 'home/sensor/99999/temperature/state' 01 ]");
  }));
