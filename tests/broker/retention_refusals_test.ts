/** Messages with RETAIN that cannot be retained: delivered where their publisher cannot be told, counted and told of. */

import { assertEquals, assertRejects } from "@std/assert";
import type { BrokerEvent } from "../../mod.ts";
import { RetentionRefusals } from "../../src/broker/counters.ts";
import { ApplicationMessage } from "../../src/protocol/message.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { converse } from "../wire/conversation.ts";

Deno.test("Messages that cannot be retained are told of once for each client, and counted in metrics and $SYS", () => {
  const events: BrokerEvent[] = [];
  const onEvent = (event: BrokerEvent) => {
    if (event.kind === "retainedRefused") events.push(event);
  };
  const options = { limits: { maximumRetainedMessages: 1 }, onEvent, sysIntervalMs: 10_000 };
  return converse(5, options, async (conversation) => {
    await conversation.run(
      "p connects v4",
      "q connects",
      "p > 31 [ 'a' \"1\" ] 31 [ 'b' \"2\" ] 33 [ 'c' 0001 \"3\" ]",
      "p < 40 [ 0001 ]",
      "q > 33 [ 'd' 0001 [] \"4\" ] 31 [ 'e' [] \"5\" ]",
      "q < 40 [ 0001 97 ]",
      "q quiet",
      "10 s pass",
      "t connects",
      "t > 82 [ 0001 [] '$SYS/broker/retained messages/+' 00 ]",
      "t < 90 [ 0001 [] 00 ] 31 [ '$SYS/broker/retained messages/count' [] \"1\" ]",
      "t < 31 [ '$SYS/broker/retained messages/refused' [] \"4\" ]",
    );
    const told = { kind: "retainedRefused", principal: undefined, obstacle: "maximumRetainedMessages" } as const;
    assertEquals(events, [
      { ...told, clientId: "p", topic: "b", qos: 0, isDelivered: true },
      { ...told, clientId: "q", topic: "d", qos: 1, isDelivered: false },
    ]);
    assertEquals(conversation.broker.metrics.retainedRefused, 4);
  });
});

Deno.test("A message that broker.publish() cannot retain is refused, whatever its QoS, and goes to nobody", () =>
  converse(5, { limits: { maximumRetainedMessages: 1 } }, async (conversation) => {
    const { broker } = conversation;
    await conversation.run("s connects", "s > 82 [ 0001 [] '#' 00 ]", "s < 90 [ 0001 [] 00 ]");
    await broker.publish("a", "1", { retain: true });
    for (const qos of [0, 1, 2] as const) {
      await assertRejects(() => broker.publish("b", "2", { qos, retain: true }), RangeError);
    }
    await conversation.run("s < 30 [ 'a' [] \"1\" ]", "s quiet");
    assertEquals(broker.metrics.retainedRefused, 3);
  }));

Deno.test("While the storage has too much to do, QoS 0 with RETAIN is delivered and takes the retained message away", () => {
  const storage = new GatedStorage();
  const events: BrokerEvent[] = [];
  const onEvent = (event: BrokerEvent) => {
    if (event.kind === "retainedRefused") events.push(event);
  };
  return converse(4, { storage, limits: { maximumPendingBytes: 1_000 }, onEvent }, async (conversation) => {
    await conversation.run(
      "p connects",
      "p > 31 [ 'a' \"old\" ] 31 [ 'b' \"kept\" ] 31 [ 'c' \"removed\" ]",
      "s connects",
      "s > 82 [ 0001 '#' 00 ]",
      "s < 90 [ 0001 00 ] 31 [ 'a' \"old\" ] 31 [ 'b' \"kept\" ] 31 [ 'c' \"removed\" ]",
      "q connects",
    );
    storage.isGated = true;
    await conversation.run(`q > 33 [ 'large' 0001 "${"m".repeat(2_000)}" ]`);
    const first = await storage.nextCommit();
    await conversation.run(
      `s < 30 [ 'large' "${"m".repeat(2_000)}" ]`,
      "p > 31 [ 'a' \"new\" ]",
      "s < 30 [ 'a' \"new\" ]",
    );
    assertEquals(conversation.broker.metrics.retainedMessages, 3);
    await conversation.run("r connects", "r > 31 [ 'c' ]", "s < 30 [ 'c' ]");
    assertEquals(conversation.broker.metrics.retainedMessages, 2);
    first.keep();
    const second = await storage.nextCommit();
    const removed = ["a", "c"].map((topic) => ({ kind: "retained", topic, message: undefined }));
    assertEquals<unknown>(second.changes, removed);
    second.keep();
    storage.open();
    await conversation.run(
      "q < 40 [ 0001 ]",
      "t connects",
      "t > 82 [ 0001 '+' 00 ]",
      `t < 90 [ 0001 00 ] 31 [ 'b' "kept" ] 31 [ 'large' "${"m".repeat(2_000)}" ]`,
    );
    const [event, ...others] = events;
    assertEquals(others, []);
    assertEquals(event?.kind === "retainedRefused" && event.obstacle, "storage");
  });
});

Deno.test("RetentionRefusals tells of a client again after an hour, and of no more than 1,000 in one", () => {
  const clientIds: string[] = [];
  const refusals = new RetentionRefusals((event) => {
    if (event.kind === "retainedRefused") clientIds.push(event.clientId);
  });
  const packet = { topic: "t", payload: new Uint8Array(1), qos: 0, retain: true, properties: {} } as const;
  const refuse = (clientId: string | undefined, nowMs: number) =>
    refusals.tell(new ApplicationMessage(packet, clientId, nowMs), undefined, "storage", false, nowMs);
  refuse(undefined, 1_000);
  for (let count = 0; count < 3_000; count++) refuse(`c${count % 1_500}`, 1_000);
  assertEquals(clientIds.length, 1_000);
  refuse("c0", 3_600_000);
  refuse("c0", 3_601_000);
  assertEquals(clientIds.slice(1_000), ["c0"]);
  assertEquals(refusals.count, 3_003);
});
