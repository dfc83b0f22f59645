/** Publishing from the broker's own process. */

import { assertEquals, assertRejects } from "@std/assert";
import type { Properties } from "../../mod.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { converse } from "../wire/conversation.ts";

Deno.test("broker.publish() reaches clients with QoS, retain and properties", () =>
  converse(5, {}, async (conversation) => {
    const { broker } = conversation;
    await conversation.run("s connects", "s > 82 [ 0001 [] 'x/+' 09 ]", "s < 90 [ 0001 [] 01 ]");
    await broker.publish("x/1", "é");
    await broker.publish("x/2", Uint8Array.of(1, 2), { qos: 2, retain: true });
    await broker.publish("x/3", "", { properties: { messageExpiryInterval: 9, userProperties: [["k", "v"]] } });
    await conversation.run(
      "s < 30 [ 'x/1' [] c3 a9 ] 33 [ 'x/2' 0001 [] 01 02 ] 30 [ 'x/3' [ 02 00000009 26 'k' 'v' ] ]",
      "s > 40 [ 0001 ]",
    );
    assertEquals(broker.metrics.retainedMessages, 1);
  }));

Deno.test("broker.publish() keeps what it was given: the caller may write to its payload afterwards", () =>
  converse(5, {}, async (conversation) => {
    await conversation.run("s connects", "s > 82 [ 0001 [] 'x' 01 ]", "s < 90 [ 0001 [] 01 ]");
    const payload = new Uint8Array(5_000).fill(1);
    const published = conversation.broker.publish("x", payload, { qos: 1, retain: true });
    payload.fill(2);
    await published;
    await conversation.run(`s < 32 [ 'x' 0001 [] ${"01".repeat(5_000)} ]`, "s > 40 [ 0001 ]");
    await conversation.run(
      "r connects",
      "r > 82 [ 0001 [] 'x' 00 ]",
      `r < 90 [ 0001 [] 00 ] 31 [ 'x' [] ${"01".repeat(5_000)} ]`,
    );
  }));

const UNPUBLISHABLE: readonly {
  readonly name: string;
  readonly topic?: string;
  readonly payload?: Uint8Array;
  readonly properties?: Properties;
}[] = [
  { name: "no topic", topic: "" },
  { name: "a wildcard", topic: "a/#" },
  { name: "U+0000", topic: "a\0" },
  { name: "a lone surrogate", topic: "a\ud800" },
  { name: "too many levels", topic: "a/".repeat(128) },
  { name: "a topic longer than 65,535 bytes", topic: "é".repeat(40_000) },
  { name: "a payload above maximumPacketBytes", payload: new Uint8Array(16_777_216) },
  { name: "a Message Expiry Interval below 0", properties: { messageExpiryInterval: -1 } },
  { name: "a Topic Alias", properties: { topicAlias: 1 } },
  { name: "a Subscription Identifier", properties: { subscriptionIdentifiers: [1] } },
  { name: "a Response Topic with a wildcard", properties: { responseTopic: "b/+" } },
];
for (const { name, topic = "a", payload = "", properties = {} } of UNPUBLISHABLE) {
  Deno.test(`broker.publish() refuses ${name}, and nobody notices`, () =>
    converse(5, {}, async (conversation) => {
      await conversation.run("s connects", "s > 82 [ 0001 [] '#' 02 ]", "s < 90 [ 0001 [] 02 ]");
      for (const qos of [0, 1] as const) {
        await assertRejects(
          () => conversation.broker.publish(topic, payload, { qos, retain: true, properties }),
          RangeError,
        );
      }
      assertEquals(conversation.broker.metrics.retainedMessages, 0);
      await conversation.broker.publish("ok", "", { qos: 1 });
      await conversation.run("s < 32 [ 'ok' 0001 [] ]");
    }));
}

Deno.test("broker.publish() of more retained messages than the limit rejects", () =>
  converse(5, { limits: { maximumRetainedMessages: 1 } }, async ({ broker }) => {
    await broker.publish("a", "1", { retain: true });
    await assertRejects(() => broker.publish("b", "1", { retain: true }), RangeError);
    await broker.publish("a", "2", { retain: true });
  }));

Deno.test("broker.publish() resolves when the message is kept", () => {
  const storage = new GatedStorage();
  return converse(5, { storage }, async ({ broker }) => {
    storage.isGated = true;
    let isKept = false;
    const published = broker.publish("a", "1", { retain: true }).then(() => isKept = true);
    const commit = await storage.nextCommit();
    await Promise.resolve();
    assertEquals(isKept, false);
    commit.keep();
    await published;
    assertEquals(isKept, true);
    storage.open();
  });
});
