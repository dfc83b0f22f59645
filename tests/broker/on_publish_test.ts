/** `onPublish`: the app looks at each message before it is routed. */

import { assertEquals, assertRejects } from "@std/assert";
import type { Authorizer, BrokerEvent, OnPublish } from "../../mod.ts";
import { converse } from "../wire/conversation.ts";

const PREFIXED: OnPublish = (message, client) => ({
  ...message,
  topic: `${client?.clientId ?? "app"}/${message.topic}`,
});

for (const isLate of [false, true]) {
  const when = isLate ? "late" : "at once";
  const answering = (hook: OnPublish): OnPublish =>
    isLate
      ? async (message, client) => {
        await new Promise((resolve) => setTimeout(resolve, message.text() === "slow" ? 20 : 0));
        return hook(message, client);
      }
      : hook;

  Deno.test(`onPublish changes messages of clients, Wills and the own process, in their order, ${when}`, () =>
    converse(5, { onPublish: answering(PREFIXED) }, (conversation) =>
      conversation.run(
        "s connects",
        "s > 82 [ 0001 [] '#' 02 ]",
        "s < 90 [ 0001 [] 02 ]",
        "a > 10 [ @ 06 0000 [] 'a' [] 'w' 'gone' ]",
        "a < 20 [ 00 00 [ LIMITS ] ]",
        "a > 30 [ 'x' [] \"slow\" ] 32 [ 'y' 0001 [] \"1\" ] 30 [ 'z' [] ]",
        "a < 40 [ 0001 ]",
        "s < 30 [ 'a/x' [] \"slow\" ] 32 [ 'a/y' 0001 [] \"1\" ] 30 [ 'a/z' [] ]",
        "s > 40 [ 0001 ]",
        "a drops",
        "s < 30 [ 'a/w' [] \"gone\" ]",
        async ({ broker }) => {
          await Promise.all([broker.publish("x", "slow"), broker.publish("y", "1"), broker.publish("z", "")]);
        },
        "s < 30 [ 'app/x' [] \"slow\" ] 30 [ 'app/y' [] \"1\" ] 30 [ 'app/z' [] ]",
      )));

  Deno.test(`What onPublish drops goes to nobody, and is not retained, ${when}`, () => {
    const onPublish = answering((message) => message.topic.startsWith("no") ? undefined : message);
    return converse(4, { onPublish }, (conversation) =>
      conversation.run(
        "s connects",
        "s > 82 [ 0001 '#' 02 ]",
        "s < 90 [ 0001 02 ]",
        "a > 10 [ @ 06 0000 'a' 'no/will' 'gone' ]",
        "a < 20 02 00 00",
        "a > 31 [ 'no/1' \"1\" ] 33 [ 'no/2' 0001 \"2\" ] 35 [ 'no/3' 0002 \"3\" ] 62 [ 0002 ] 30 [ 'yes' ]",
        "a < 40 [ 0001 ] 50 [ 0002 ] 70 [ 0002 ]",
        "a drops",
        ({ broker }) => broker.publish("no/4", "4", { retain: true }),
        ({ broker }) => broker.publish("yes", "2"),
        "s < 30 [ 'yes' ] 30 [ 'yes' \"2\" ]",
        "s quiet",
        ({ broker }) => assertEquals(broker.metrics.retainedMessages, 0),
      ));
  });

  Deno.test(`The authorizer is asked about what onPublish gives, also for a Will, ${when}`, () => {
    const asked: string[] = [];
    const authorizer: Authorizer = {
      authorize({ action, topic }) {
        if (action === "publish") asked.push(topic);
        return topic !== "a/no";
      },
    };
    return converse(5, { authorizer, onPublish: answering(PREFIXED) }, (conversation) =>
      conversation.run(
        "s connects",
        "s > 82 [ 0001 [] '#' 00 ]",
        "s < 90 [ 0001 [] 00 ]",
        "a > 10 [ @ 06 0000 [] 'a' [] 'no' 'gone' ]",
        "a < 20 [ 00 00 [ LIMITS ] ]",
        "a > 32 [ 'yes' 0001 [] ] 32 [ 'no' 0002 [] ]",
        "a < 40 [ 0001 ] 40 [ 0002 87 ]",
        "s < 30 [ 'a/yes' [] ]",
        "a drops",
        async () => {
          for (let turn = 0; turn < 100 && asked.length < 3; turn++) {
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
        },
        "s quiet",
        () => assertEquals(asked, ["a/yes", "a/no", "a/no"]),
      ));
  });
}

Deno.test("onPublish sees a message as a subscription would, with its publisher", async () => {
  const seen: string[] = [];
  const onPublish: OnPublish = (message, client) => {
    seen.push(
      `${client?.clientId} ${message.topic} ${message.qos} ${message.retain} ${JSON.stringify(message.json())}`,
    );
    return message;
  };
  await converse(5, { onPublish }, async (conversation) => {
    await conversation.run("a connects", "a > 33 [ 'x' 0001 [] \"7\" ]", "a < 40 [ 0001 10 ]");
    await conversation.broker.publish("y", "[1]", { qos: 2 });
  });
  assertEquals(seen, ["a x 1 true 7", "undefined y 2 false [1]"]);
});

Deno.test("A payload, RETAIN and properties of onPublish are those that go out", () =>
  converse(5, {
    onPublish: (message) => ({ ...message, payload: "new", retain: true, properties: { contentType: "text" } }),
  }, (conversation) =>
    conversation.run(
      "a connects",
      "a > 32 [ 'x' 0001 [ 03 'old' ] \"old\" ]",
      "a < 40 [ 0001 10 ]",
      "s connects",
      "s > 82 [ 0001 [] '#' 00 ]",
      "s < 90 [ 0001 [] 00 ] 31 [ 'x' [ 03 'text' ] \"new\" ]",
    )));

const WRONG: readonly { readonly name: string; readonly answer: unknown }[] = [
  { name: "null", answer: null },
  { name: "true", answer: true },
  { name: "a text", answer: "x" },
  { name: "no topic", answer: { payload: "x" } },
  { name: "an empty topic", answer: { topic: "", payload: "x" } },
  { name: "a topic with a wildcard", answer: { topic: "a/#", payload: "x" } },
  { name: "no payload", answer: { topic: "a" } },
  { name: "an object as payload", answer: { topic: "a", payload: {} } },
  { name: "a number as RETAIN", answer: { topic: "a", payload: "x", retain: 1 } },
  { name: "another QoS", answer: { topic: "a", payload: "x", qos: 3 } },
  { name: "a Topic Alias", answer: { topic: "a", payload: "x", properties: { topicAlias: 1 } } },
  { name: "properties that cannot be sent", answer: { topic: "a", payload: "x", properties: { contentType: 1 } } },
  { name: "a rejection", answer: Promise.reject(new Error("down")) },
  { name: "a promise of null", answer: Promise.resolve(null) },
];
for (const { name, answer } of WRONG) {
  if (answer instanceof Promise) answer.catch(() => {}); // The broker looks at it.
  Deno.test(`onPublish that gives ${name} has a message refused, and ends nothing else`, () =>
    converse(
      5,
      { onPublish: (message) => message.topic === "x" ? answer as undefined : message },
      async (conversation) => {
        await conversation.run(
          "s connects",
          "s > 82 [ 0001 [] '#' 00 ]",
          "s < 90 [ 0001 [] 00 ]",
          "a connects",
          "a > 30 [ 'x' [] ] 32 [ 'x' 0001 [] \"1\" ] 34 [ 'x' 0002 [] ] 30 [ 'y' [] ]",
          "a < 40 [ 0001 83 ] 50 [ 0002 83 ]",
          "s < 30 [ 'y' [] ]",
        );
        await assertRejects(() => conversation.broker.publish("x", "1"), Error, "onPublish has failed");
        await conversation.run("s quiet");
      },
      4,
    ));
}

Deno.test("onPublish that throws, or does not answer in time, has a message refused; before MQTT 5 the connection ends", async () => {
  const errors: unknown[] = [];
  const onEvent = (event: BrokerEvent) => {
    if (event.kind === "unexpectedError") errors.push(event.error);
  };
  const onPublish: OnPublish = ({ topic }) => {
    if (topic === "throws") throw new RangeError("no");
    return new Promise(() => {});
  };
  await converse(4, { onPublish, onEvent, limits: { hookTimeoutMs: 30 } }, async (conversation) => {
    await conversation.run("a connects", "a > 32 [ 'throws' 0001 ]", "a closed");
    await conversation.run("b connects", "b > 30 [ 'late' ]", "b closed");
  }, 2);
  assertEquals(errors.map((error) => error instanceof Error && error.name), ["RangeError", "Error"]);
});
