/** Traces of messages, as a tracer hears of them. */

import { assertEquals, assertRejects } from "@std/assert";
import { Broker, type BrokerOptions, ReasonCode } from "../../mod.ts";
import { within } from "../deadline.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { type Conversation, converse } from "../wire/conversation.ts";

/** A conversation of which a tracer hears; what it hears is in the list, as topic and what became of it. */
function traced(options: BrokerOptions, talk: (conversation: Conversation, heard: string[]) => Promise<void>) {
  return converse(5, options, async (conversation) => {
    const heard: string[] = [];
    conversation.broker.traceMessages(({ topic, publisher, qos }) => {
      heard.push(`${topic} of ${publisher}, QoS ${qos}`);
      if (topic === "untraced") return undefined;
      return {
        published: (reasonCode, error) =>
          heard.push(`${topic} ${error instanceof Error ? "failed" : reasonCode.toString(16)}`),
        delivered: (clientId, qos) => heard.push(`${topic} to ${clientId}, QoS ${qos}`),
      };
    });
    await talk(conversation, heard);
  });
}

Deno.test("broker.traceMessages() hears of a message that goes to several subscribers", () =>
  traced({}, async (conversation, heard) => {
    for (const [name, options] of [["a", "00"], ["b", "01"], ["c", "02"]] as const) {
      await conversation.run(
        `${name} connects`,
        `${name} > 82 [ 0001 [] 'x' ${options} ]`,
        `${name} < 90 [ 0001 [] ${options} ]`,
      );
    }
    await conversation.run(
      "p connects",
      "p > 34 [ 'x' 0001 [] 01 ]",
      "p < 50 [ 0001 ]",
      "a < 30 [ 'x' [] 01 ]",
      "b < 32 [ 'x' 0001 [] 01 ]",
      "c < 34 [ 'x' 0001 [] 01 ]",
    );
    assertEquals(heard, ["x of p, QoS 2", "x to a, QoS 0", "x to b, QoS 1", "x to c, QoS 2", "x 0"]);
  }));

Deno.test("broker.traceMessages() hears that nobody has subscribed, and nothing of a message without a trace", () =>
  traced({}, async (conversation, heard) => {
    await conversation.run(
      "p connects",
      "p > 32 [ 'x' 0001 [] 01 ]",
      "p < 40 [ 0001 10 ]",
      "p > 30 [ 'untraced' [] 01 ]",
    );
    await conversation.run("p quiet");
    assertEquals(heard, ["x of p, QoS 1", "x 10", "untraced of p, QoS 0"]);
  }));

Deno.test("broker.traceMessages() hears of a message that has waited for its client", () =>
  traced({}, async (conversation, heard) => {
    await conversation.run(
      "s > 10 [ @ 02 0000 [ 21 0001 ] 's' ]",
      "s < 20 [ 00 00 [ LIMITS ] ]",
      "s > 82 [ 0001 [] 'x' 01 ]",
      "s < 90 [ 0001 [] 01 ]",
    );
    await conversation.broker.publish("untraced", "");
    for (const payload of ["1", "2"]) await conversation.broker.publish("x", payload, { qos: 1 });
    await conversation.run("s < 32 [ 'x' 0001 [] 31 ]");
    const first = ["x of undefined, QoS 1", "x to s, QoS 1", "x 0", "x of undefined, QoS 1", "x 0"];
    assertEquals(heard.slice(1), first);
    await conversation.run("s > 40 [ 0001 ]", "s < 32 [ 'x' 0002 [] 32 ]");
    assertEquals(heard.slice(1), [...first, "x to s, QoS 1"]);
  }));

Deno.test("broker.traceMessages() hears of readers in the own process, and of a Will", () =>
  traced({}, async (conversation, heard) => {
    await using reader = conversation.broker.subscribe("will");
    await conversation.run("w > 10 [ @ 06 0000 [] 'w' [] 'will' 0001 01 ]", "w < 20 [ 00 00 [ LIMITS ] ]", "w drops");
    assertEquals((await reader.next()).value?.topic, "will");
    assertEquals(heard, ["will of w, QoS 0", "will to undefined, QoS 0", "will 0"]);
  }));

Deno.test("broker.traceMessages() hears when the storage has a message, or that it has not", async () => {
  const storage = new GatedStorage();
  await traced({ storage }, async ({ broker }, heard) => {
    storage.isGated = true;
    const kept = broker.publish("kept", "1", { retain: true });
    const commit = await storage.nextCommit();
    assertEquals(heard.splice(0), ["kept of undefined, QoS 0"]);
    commit.keep();
    await kept;
    assertEquals(heard.splice(0), ["kept 10"]);
    const lost = broker.publish("lost", "1", { retain: true });
    (await storage.nextCommit()).fail();
    await assertRejects(() => lost);
    assertEquals(heard, ["lost of undefined, QoS 0", "lost failed"]);
    storage.open();
  });
});

Deno.test("broker.traceMessages() hears of a message that was refused", () =>
  traced({ limits: { maximumRetainedMessages: 1 } }, async (conversation, heard) => {
    await conversation.broker.publish("untraced", "1", { retain: true });
    await conversation.run("p connects", "p > 33 [ 'x' 0001 [] 01 ]", "p < 40 [ 0001 97 ]");
    assertEquals(heard.slice(1), ["x of p, QoS 1", `x ${ReasonCode.QuotaExceeded.toString(16)}`]);
  }));

Deno.test("broker.traceMessages() loses no message to a tracer that throws, and ends", async () => {
  await using broker = await Broker.open();
  await using reader = broker.subscribe("#");
  const fail = () => {
    throw new Error("a defect of the tracer");
  };
  let isBegun = false;
  const stopFirst = broker.traceMessages(fail);
  await broker.publish("1", "");
  const stop = broker.traceMessages(() => {
    isBegun = true;
    return { published: fail, delivered: fail };
  });
  stopFirst(); // It was replaced.
  await broker.publish("2", "");
  assertEquals(isBegun, true);
  isBegun = false;
  stop();
  await broker.publish("3", "");
  assertEquals(isBegun, false);
  for (const topic of ["1", "2", "3"]) assertEquals((await within(reader.next(), topic)).value?.topic, topic);
});
