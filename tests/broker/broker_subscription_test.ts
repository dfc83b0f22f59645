/** Reading messages in the broker's own process. */

import { assertEquals, assertThrows } from "@std/assert";
import { Broker, memoryTransport } from "../../mod.ts";
import { within } from "../deadline.ts";
import { bytes, connect, publish } from "../interop/raw_client.ts";
import { converse } from "../wire/conversation.ts";

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

Deno.test("broker.subscribe() gives messages in order, retained ones first", () =>
  converse(5, {}, async (conversation) => {
    const { broker } = conversation;
    await broker.publish("d/1", "kept", { retain: true });
    const reader = broker.subscribe("d/+", { qos: 1 });
    await conversation.run(
      "p connects",
      "p > 34 [ 'd/2' 0001 [ 26 'k' 'v' ] \"two\" ] 31 [ 'd/3' [] \"three\" ]",
      "p < 50 [ 0001 ]",
    );
    const messages = [];
    for await (const { topic, payload, qos, retain, properties } of reader) {
      messages.push({ topic, text: text(payload), qos, retain, properties });
      if (messages.length === 3) break; // Ends the subscription.
    }
    assertEquals(messages, [
      { topic: "d/1", text: "kept", qos: 0, retain: true, properties: {} },
      { topic: "d/2", text: "two", qos: 1, retain: false, properties: { userProperties: [["k", "v"]] } },
      { topic: "d/3", text: "three", qos: 0, retain: true, properties: {} },
    ]);
    assertEquals(await reader.next(), { value: undefined, done: true });
    await conversation.run("p > 32 [ 'd/9' 0002 [] ]", "p < 40 [ 0002 10 ]");
  }));

Deno.test("broker.subscribe() waits for messages that are not there yet, for several readers in their order", () =>
  converse(5, {}, async ({ broker }) => {
    const reader = broker.subscribe("#");
    const waiting = [reader.next(), reader.next(), reader.next()];
    await broker.publish("1", "");
    await broker.publish("2", "");
    await reader.unsubscribe();
    const results = await within(Promise.all(waiting), "readers wait");
    assertEquals(results.map(({ value, done }) => [value?.topic, done]), [["1", false], ["2", false], [
      undefined,
      true,
    ]]);
  }));

Deno.test("broker.subscribe() is bounded: what comes beyond is dropped and counted", () =>
  converse(5, {}, async ({ broker }) => {
    const reader = broker.subscribe("#", { maximumMessages: 2 });
    for (const topic of ["1", "2", "3", "4"]) await broker.publish(topic, "", { qos: 2 });
    assertEquals(reader.dropped, 2);
    assertEquals((await reader.next()).value?.topic, "1");
    await broker.publish("5", "");
    assertEquals((await reader.next()).value?.topic, "2");
    assertEquals((await reader.next()).value?.topic, "5");
    assertEquals(reader.dropped, 2);
    await reader.unsubscribe();
  }));

Deno.test("broker.subscribe() keeps payloads that came in a large chunk", () =>
  converse(4, {}, async (conversation) => {
    const reader = conversation.broker.subscribe("x");
    const client = conversation.connect("p");
    await conversation.run("p connects");
    const chunk = conversation.bytes(`30 [ 'x' "one" ] 30 [ 'y' "${"z".repeat(1_000)}" ]`);
    client.send(chunk);
    await conversation.run("p quiet");
    assertEquals(text((await reader.next()).value?.payload), "one");
    await reader.unsubscribe();
  }));

Deno.test("broker.subscribe() refuses what is not a Topic Filter, and what is shared", () =>
  converse(5, {}, async ({ broker }) => {
    await Promise.resolve();
    assertThrows(() => broker.subscribe("a#"), RangeError);
    assertThrows(() => broker.subscribe(""), RangeError);
    assertThrows(() => broker.subscribe("$share/g/a"), RangeError);
  }));

Deno.test("Several broker.subscribe() of the same filter each get every message once", () =>
  converse(5, {}, async ({ broker }) => {
    const readers = [broker.subscribe("a"), broker.subscribe("a"), broker.subscribe("+")];
    await broker.publish("a", "1");
    for (const reader of readers) {
      assertEquals(text((await reader.next()).value?.payload), "1");
      await reader.unsubscribe();
    }
    assertEquals(readers.map(({ dropped }) => dropped), [0, 0, 0]);
  }));

for (const overlappingSubscriptions of ["each", "once"] as const) {
  Deno.test(`Readers in the broker's own process that overlap each get a message once, with ${overlappingSubscriptions}`, async () => {
    await using broker = await Broker.open({ overlappingSubscriptions });
    await using all = broker.subscribe("home/#");
    await using lamp = broker.subscribe("home/lamp");
    for (const payload of ["on", "off"]) await broker.publish("home/lamp", payload);
    for (const reader of [all, lamp]) {
      const messages = await within(Promise.all([reader.next(), reader.next()]), "two messages");
      assertEquals(messages.map(({ value }) => text(value?.payload)), ["on", "off"]);
    }
  });
}

const BURST = 5_000;

Deno.test("a burst of a client waits for broker.subscribe() that is read, and none of it is lost", async () => {
  await using broker = await Broker.open();
  const [reader, idle] = [broker.subscribe("b/#", { maximumMessages: 100 }), broker.subscribe("idle")];
  const { server, client } = memoryTransport();
  broker.serve(server);
  await client.writable.getWriter().write(burst());
  for (let count = 0; count < BURST; count++) {
    const { value } = await within(reader.next(), `message ${count}`);
    assertEquals(text(value?.payload), `${count}`);
  }
  assertEquals(reader.dropped, 0);
  await Promise.all([reader.unsubscribe(), idle.unsubscribe()]);
  client.close();
});

Deno.test("a burst of a client waits for no broker.subscribe() that is not read", () =>
  converse(4, {}, async (conversation) => {
    const reader = conversation.broker.subscribe("b", { maximumMessages: 4 });
    await conversation.run("a connects", `a >${" 30 [ 'b' ]".repeat(9)} c0 00`);
    assertEquals(reader.dropped, 0); // It has just begun.
    await conversation.run("1 s pass", "a < d0 00");
    assertEquals(reader.dropped, 5);
    await reader.unsubscribe();
  }));

/** CONNECT and messages in one chunk. */
function burst(): Uint8Array {
  const messages = Array.from({ length: BURST }, (_, count) => publish({ topic: "b/1", payload: `${count}` }));
  return bytes([connect({ clientId: "burst", keepAliveSeconds: 0 }), ...messages].join(""));
}
