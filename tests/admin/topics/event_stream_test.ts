/** Event streams: what comes, what is kept for a reader that comes back, and their bounds. */

import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { basic, passed, Topics } from "./topics.ts";

const SMALL_RING = { maximumEvents: 3, maximumBytes: 1_000, maximumAgeMs: 60_000 };

Deno.test("An event stream gives retained messages, then what is published, once for several filters, with rising ids", async () => {
  await using topics = await Topics.open();
  const { broker } = topics;
  await broker.publish("a/1", "kept", { retain: true, qos: 1 });
  await using events = await topics.stream("?filter=a/%2B&filter=a/1&filter=b/%23&qos=2");
  assertEquals(events.response.headers.get("content-type"), "text/event-stream");
  assertEquals((await events.next())?.data, { topic: "a/1", qos: 1, retain: true, text: "kept" });
  await broker.publish("b/x/y", "live", { qos: 2 });
  assertEquals((await events.next())?.data, { topic: "b/x/y", qos: 2, retain: false, text: "live" });
  await broker.publish("a/1", "again");
  await broker.publish("c", "other");
  await broker.publish("a/2", "last");
  assertEquals(await events.texts(2), ["again", "last"]);
});

Deno.test("Payloads and properties of any bytes stay within the data of their event", async () => {
  await using topics = await Topics.open();
  await using events = await topics.stream("?filter=%23&qos=0");
  const hostile = 'a\r\nid: 7\n\ndata: "x"\u2028\0</script>';
  await topics.broker.publish(`t/${hostile.replaceAll("\0", "")}`, hostile, {
    properties: {
      contentType: hostile.replaceAll("\0", ""),
      responseTopic: "r\n",
      correlationData: new Uint8Array([0, 255]),
      userProperties: [["k\n", "v\n\n"]],
      messageExpiryInterval: 9,
    },
  });
  await topics.broker.publish("binary", new Uint8Array([0xff, 0xfe]));
  await topics.broker.publish("empty", "");
  const [first, second, third] = [await events.next(), await events.next(), await events.next()];
  assertEquals(first?.data, {
    topic: `t/${hostile.replaceAll("\0", "")}`,
    qos: 0,
    retain: false,
    text: hostile,
    contentType: hostile.replaceAll("\0", ""),
    responseTopic: "r\n",
    correlationData: "AP8=",
    userProperties: [["k\n", "v\n\n"]],
    messageExpiryInterval: 9,
  });
  assertEquals(second?.data, { topic: "binary", qos: 0, retain: false, base64: "//4=" });
  assertEquals(third?.data, { topic: "empty", qos: 0, retain: false, text: "" });
  const ids = [first, second, third].map((event) => event?.id ?? NaN);
  assert(ids.every((id, index) => Number.isSafeInteger(id) && (index === 0 || id > (ids[index - 1] ?? NaN))), `${ids}`);
});

Deno.test("Last-Event-ID gives what came meanwhile, each once and in order, and goes on", async () => {
  await using topics = await Topics.open();
  const query = "?filter=a&filter=b&qos=1";
  const first = await topics.stream(query);
  await topics.broker.publish("a", "1", { qos: 1 });
  await topics.broker.publish("a", "2", { qos: 1 });
  assertEquals(await first.texts(1), ["1"]);
  const { lastId } = first;
  await first.cancel();
  await topics.broker.publish("b", "3", { qos: 1 });
  await using second = await topics.stream("?qos=1&filter=b&filter=a", { "last-event-id": lastId });
  await topics.broker.publish("a", "4", { qos: 1 });
  assertEquals(await second.texts(3), ["2", "3", "4"]);
  assertEquals(topics.broker.metrics.connections, 1);
  // The loss of its connection was not seen yet.
  await using third = await topics.stream(query, { "last-event-id": second.lastId });
  await topics.broker.publish("a", "5", { qos: 1 });
  assertEquals(await third.texts(1), ["5"]);
  assertEquals(await second.next(), undefined);
  assertEquals(topics.broker.metrics.connections, 1);
});

Deno.test("A reader that has got nothing yet resumes from the beginning of its stream", async () => {
  await using topics = await Topics.open();
  const first = await topics.stream("?filter=a");
  const reading = first.next();
  for (let turn = 0; first.lastId === "" && turn < 100; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  const { lastId } = first;
  assertMatch(lastId, /^\d{16}$/);
  await first.cancel();
  assertEquals(await reading, undefined);
  await topics.broker.publish("a", "1");
  await using second = await topics.stream("?filter=a", { "last-event-id": lastId });
  assertEquals(await second.texts(1), ["1"]);
});

Deno.test("Beyond the ring, by events, by bytes or by an id that is not known, a gap is told first", async () => {
  await using topics = await Topics.open({}, { ring: SMALL_RING });
  const lost = async (payloads: readonly string[]) => {
    const before = await topics.stream("?filter=a");
    await topics.broker.publish("a", "seen");
    assertEquals(await before.texts(1), ["seen"]);
    await before.cancel();
    for (const payload of payloads) await topics.broker.publish("a", payload);
    await passed();
    await using after = await topics.stream("?filter=a", { "last-event-id": before.lastId });
    await topics.broker.publish("a", "end");
    const texts: string[] = [];
    let lastId = Number(before.lastId);
    while (texts.at(-1) !== "end") {
      const { id = NaN, event, data } = await after.next() ?? {};
      texts.push(event === "message" ? data.text : event);
      assertGreater(id, lastId);
      lastId = id;
    }
    return texts;
  };
  assertEquals(await lost(["1", "2"]), ["1", "2", "end"]);
  assertEquals(await lost(["1", "2", "3"]), ["1", "2", "3", "end"]);
  assertEquals(await lost(["1", "2", "3", "4", "5"]), ["gap", "3", "4", "5", "end"]);
  const large = "x".repeat(600);
  assertEquals(await lost([large, large]), ["gap", large, "end"]);
  assertEquals(await lost(["x".repeat(1_000)]), ["gap", "end"]);
  for (const garbage of ["0", "9007199254740993", "-1", "NaN", "1e3", "ü", "x".repeat(5_000)]) {
    await using events = await topics.stream("?filter=b", { "last-event-id": encodeURIComponent(garbage) });
    await topics.broker.publish("b", "next");
    assertEquals(await events.texts(2), ["gap", "next"], garbage);
  }
});

Deno.test("A stream is resumed by the same credentials from the same host alone", async () => {
  await using topics = await Topics.open();
  const mine = basic("ann", "secret");
  const first = await topics.stream("?filter=a", mine);
  await topics.broker.publish("a", "1");
  assertEquals(await first.texts(1), ["1"]);
  await first.cancel();
  await topics.broker.publish("a", "2");
  const id = { "last-event-id": first.lastId };
  const others = [
    await topics.stream("?filter=a", { ...id, ...basic("ann", "other") }),
    await topics.stream("?filter=a", id),
    await topics.stream("?filter=a", { ...id, ...mine }, { hostname: "192.0.2.1" }),
    await topics.stream("?filter=a&filter=b", { ...id, ...mine }),
  ];
  await using resumed = await topics.stream("?filter=a", { ...id, ...mine });
  await topics.broker.publish("a", "3");
  for (const other of others) {
    assertEquals(await other.texts(2), ["gap", "3"]);
    await other.cancel();
  }
  assertEquals(await resumed.texts(2), ["2", "3"]);
});

Deno.test("A burst is not lost to a reader that reads, however far it is behind", async () => {
  await using topics = await Topics.open();
  const readers = await Promise.all([0, 1, 2].map((qos) => topics.stream(`?filter=burst&qos=${qos}`)));
  const sent = Array.from({ length: 3_000 }, (_, index) => `${index} ${"x".repeat(200)}`);
  const publishing = Promise.all(sent.map((payload) => topics.broker.publish("burst", payload, { qos: 2 })));
  for (const reader of readers) {
    assertEquals(await reader.texts(sent.length), sent);
    await reader.cancel();
  }
  await publishing;
});

Deno.test("A reader that does not read costs the broker its own bounds, loses what these drop, and is told how much", async () => {
  await using topics = await Topics.open({ limits: { maximumBacklogBytes: 0, maximumOutboxBytes: 65_536 } });
  await using events = await topics.stream("?filter=flood&qos=0");
  await using other = await topics.stream("?filter=other");
  const payload = "x".repeat(10_000);
  for (let count = 0; count < 1_000; count++) await topics.broker.publish("flood", payload);
  await topics.broker.publish("other", "on time");
  assertEquals(await other.texts(1), ["on time"]);
  assertLess(topics.broker.metrics.backlogBytes, 1_000_000);
  let [received, dropped] = [0, 0];
  while (received + dropped < 1_000) {
    const event = await events.next();
    if (event?.event === "gap") dropped += event.data.dropped;
    else received += 1;
  }
  assertEquals(received + dropped, 1_000);
  assertGreater(dropped, 500);
  assertGreater(received, 5);
});

Deno.test("Large messages that wait for many slow readers are bounded together, and what is lost is told", async () => {
  await using topics = await Topics.open({ limits: { maximumTotalOutboxBytes: 18_000_000 } });
  const readers = [];
  for (let count = 0; count < 10; count++) readers.push(await topics.stream("?filter=large"));
  const payload = "x".repeat(1_000_000);
  await topics.broker.publish("large", payload);
  await passed();
  const kinds: string[] = [];
  for (const reader of readers) {
    const event = await reader.next();
    kinds.push(event?.event === "gap" ? `${event.data.dropped} lost` : event?.data.text === payload ? "whole" : "cut");
    await reader.cancel();
  }
  assertEquals(kinds, [...Array(4).fill("whole"), ...Array(6).fill("1 lost")]);
});

Deno.test("A stream that is silent gets comments, so that no proxy closes it", async () => {
  await using topics = await Topics.open({}, { beatMs: 10 });
  const { body } = await topics.ask("?filter=a");
  let text = "";
  for await (const part of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += part;
    if (/^retry: 1000\n\nid: \d+\n\n:\n\n:\n\n$/.test(text)) break;
  }
});

Deno.test("A stream ends with the reason when the broker ends its client", async () => {
  await using topics = await Topics.open();
  await using events = await topics.stream("?filter=a");
  topics.broker.ban({ address: "127.0.0.1" });
  const end = await events.next();
  assertEquals([end?.event, end?.data.status, end?.data.reasonCode], ["end", 403, 0x98]);
  assertEquals(await events.next(), undefined);
  assertEquals(await topics.status("?filter=a", { headers: { "last-event-id": events.lastId } }), 403);
});

Deno.test("Streams have bounds, of one client and of all; one whose reader is away makes room", async () => {
  await using topics = await Topics.open({}, { maximumStreams: 3, maximumStreamsOfClient: 2 });
  const [ann, bob, cid] = [basic("ann", "x"), basic("bob", "x"), basic("cid", "x")];
  const streams = [await topics.stream("?filter=a", ann), await topics.stream("?filter=a", ann)];
  assertEquals(await topics.status("?filter=a", { headers: ann }), 429);
  streams.push(await topics.stream("?filter=a", bob));
  const refused = await topics.ask("?filter=a", { headers: cid });
  assertEquals([refused.status, refused.headers.get("retry-after")], [503, "1"]);
  await refused.body?.cancel();
  await streams[0]?.cancel();
  streams.push(await topics.stream("?filter=a", cid));
  for (const stream of streams) await stream.cancel();
});

Deno.test("A client of a stream lives on for the age of the ring, a kept one for its time", async () => {
  const ring = { ...SMALL_RING, maximumAgeMs: 10 };
  await using topics = await Topics.open({}, { ring, keptMs: 10 });
  const events = await topics.stream("?filter=a");
  assertEquals(await topics.status("/a", { method: "POST", body: "x" }), 200);
  assertEquals(topics.broker.metrics.connections, 2);
  await events.cancel();
  assertEquals(topics.broker.metrics.connections, 2);
  while (topics.broker.metrics.connections > 0) await new Promise((resolve) => setTimeout(resolve, 20));
});
