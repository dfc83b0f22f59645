/** Publishing and subscribing in the broker's own process and by a client: the same calls give the same. */

import { assertEquals, assertRejects } from "@std/assert";
import { Broker, type BrokerSubscription, type Data, type PublishOptions, type SubscribeOptions } from "../../mod.ts";
import { Client } from "../../src/client/mod.ts";
import { within } from "../deadline.ts";

/** What both have in common; the compiler holds it. */
interface Side {
  publish(topic: string, payload: Data, options?: PublishOptions): Promise<unknown>;
  subscribe(
    topicFilters: string | readonly string[],
    options?: SubscribeOptions,
  ): BrokerSubscription | Promise<BrokerSubscription>;
  close(): Promise<void>;
}

const SIDES: readonly { readonly name: string; readonly of: (broker: Broker) => Side | Promise<Side> }[] = [
  { name: "broker", of: (broker) => broker },
  { name: "client", of: (broker) => Client.connect(broker) },
];

for (const { name, of } of SIDES) {
  const alike = (does: string, test: (side: Side, broker: Broker) => Promise<void>) =>
    Deno.test(`${name}.${does}`, async () => {
      await using broker = await Broker.open();
      const side = await of(broker);
      await test(side, broker);
      await side.close();
    });

  alike("subscribe() gives messages with all that their PUBLISH said, as text and as JSON", async (side) => {
    await side.publish("door/1", "kept", { retain: true, qos: 1 });
    await using doors = await side.subscribe("door/+", { qos: 0 });
    await side.publish("door/2", '{"open":true}', { qos: 2, properties: { contentType: "application/json" } });
    const [kept, second] = [(await within(doors.next(), "1")).value, (await within(doors.next(), "2")).value];
    const { topic, qos, retain, dup, packetIdentifier } = { ...kept };
    assertEquals({ topic, qos, retain, dup, packetIdentifier }, {
      topic: "door/1",
      qos: 0,
      retain: true,
      dup: false,
      packetIdentifier: 0,
    });
    assertEquals([kept?.text(), second?.json()], ["kept", { open: true }]);
    assertEquals([second?.retain, second?.properties.contentType], [false, "application/json"]);
    await assertRejects(async () => await Promise.resolve(kept?.json()), SyntaxError);
  });

  alike("subscribe() takes several Topic Filters, and leaving the loop ends all of them", async (side) => {
    const doors = await side.subscribe(["door/+", "door/#", "window"], { retainHandling: 2, qos: 1 });
    assertEquals(doors.topicFilters, ["door/+", "door/#", "window"]);
    for (const topic of ["door/1", "window", "other", "door/1/lock"]) await side.publish(topic, topic, { qos: 1 });
    const topics: string[] = [];
    for await (const { topic } of doors) {
      topics.push(topic);
      if (topics.length === 3) break;
    }
    assertEquals(topics, ["door/1", "window", "door/1/lock"]);
    assertEquals([await doors.next(), doors.dropped], [{ value: undefined, done: true }, 0]);
  });

  alike("subscribe() with a signal fails with its reason", async (side) => {
    const reason = new Error("enough");
    const stop = new AbortController();
    const doors = await side.subscribe("door/+", { signal: stop.signal });
    const reading = doors.next();
    stop.abort(reason);
    for (const read of [reading, doors.next()]) {
      assertEquals(await within(read.catch((error) => error), "the reason"), reason);
    }
    const subscribing = async () => await side.subscribe("door/+", { signal: stop.signal });
    assertEquals(await subscribing().catch((error) => error), reason);
    await side.publish("door/1", "to nobody", { qos: 1 });
    await doors.unsubscribe(); // It has ended.
  });

  alike(
    "subscribe() with `await using` ends with the block, also during a read, and is a source of streams",
    async (side) => {
      let reading: Promise<IteratorResult<unknown, undefined>>;
      {
        await using doors = await side.subscribe("door/+");
        reading = doors.next();
      }
      assertEquals(await within(reading, "the end"), { value: undefined, done: true });
      const reader = ReadableStream.from(await side.subscribe("door/+")).getReader();
      await side.publish("door/1", "open", { qos: 1 });
      assertEquals((await within(reader.read(), "a message")).value?.text(), "open");
      await reader.cancel();
    },
  );

  alike("close() ends subscriptions after the messages that wait", async (side) => {
    const doors = await side.subscribe("door/+", { qos: 1 });
    for (const payload of ["1", "2"]) await side.publish("door/1", payload, { qos: 1 });
    await side.close();
    const texts: string[] = [];
    for await (const message of doors) texts.push(message.text());
    assertEquals(texts, ["1", "2"]);
  });

  alike("publish() says what to write instead of an object, and refuses a payload that is none", async (side) => {
    const [earlier, none] = [{ topic: "door/1", payload: "open" }, 1] as unknown as [string, string];
    await assertRejects(() => side.publish(earlier, none), TypeError, "write publish(topic, payload, options)");
    await assertRejects(() => side.publish("door/1", none), TypeError, "neither a string nor a Uint8Array");
  });

  alike("publish() refuses what is neither text nor bytes, and nothing goes out", async (side) => {
    await using doors = await side.subscribe("door/+");
    for (const payload of [5, {}, { open: true }, null, [1, 2], true, new ArrayBuffer(2), new Uint16Array(2)]) {
      const wrong = payload as unknown as string; // As a program without types gives it.
      await assertRejects(
        () => side.publish("door/1", wrong, { qos: 1 }),
        TypeError,
        "neither a string nor a Uint8Array",
      );
    }
    const nothing = undefined as unknown as string;
    await assertRejects(() => side.publish("door/1", nothing), TypeError, "write such as JSON.stringify(value)");
    const buffer = new ArrayBuffer(2) as unknown as string;
    await assertRejects(() => side.publish("door/1", buffer), TypeError, "write such as new Uint8Array(buffer)");
    await side.publish("door/2", "open", { qos: 1 });
    assertEquals((await within(doors.next(), "a message")).value?.topic, "door/2");
  });

  alike("publish() with a signal that is aborted rejects with its reason", async (side) => {
    const reason = new Error("too late");
    await using doors = await side.subscribe("door/+");
    const signal = AbortSignal.abort(reason);
    assertEquals(await side.publish("door/1", "open", { qos: 1, signal }).catch((error) => error), reason);
    await side.publish("door/2", "closed", { qos: 1 });
    assertEquals((await within(doors.next(), "a message")).value?.topic, "door/2");
  });
}

Deno.test("Client refuses a Will, a request and a password that are neither text nor bytes, at once", async () => {
  await using broker = await Broker.open();
  await using client = await Client.connect(broker);
  for (const given of [5, {}, null, [1, 2], new ArrayBuffer(2)]) {
    const wrong = given as unknown as string; // As a program without types gives it.
    for (const options of [{ will: { topic: "w", payload: wrong } }, { username: "u", password: wrong }]) {
      await assertRejects(() => Client.connect(broker, options), TypeError, "neither a string nor a Uint8Array");
    }
    await assertRejects(() => client.request("door/1", wrong), TypeError, "neither a string nor a Uint8Array");
  }
});
