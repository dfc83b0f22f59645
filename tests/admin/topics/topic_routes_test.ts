/** POST, GET, HEAD and DELETE of a topic. */

import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { GatedStorage } from "../../storage/gated_storage.ts";
import { type Asked, Topics } from "./topics.ts";

Deno.test("POST publishes the body as it is, with QoS, RETAIN, expiry and properties, and gives the Reason Code", async () => {
  await using topics = await Topics.open();
  await using messages = topics.broker.subscribe("plant/#", { qos: 2 });
  const headers = {
    "content-type": "application/json",
    "mqtt-response-topic": "answers/%C3%BC",
    "mqtt-correlation-data": "AP8=",
    "mqtt-user-property": "site=north hall, %C3%BC%3D=a%2Cb=c%0D%0A",
  };
  const body = new Uint8Array([0xff, 0x00, 0x0a]);
  const asked = { method: "POST", headers, body };
  assertEquals(await topics.json("/plant/7/temp?qos=2&retain=true&expiry=60", asked), [200, {
    reasonCode: 0,
    reason: "Success",
  }]);
  const { value } = await messages.next();
  assertEquals([value?.topic, value?.payload, value?.qos, value?.retain], ["plant/7/temp", body, 2, true]);
  assertEquals(value?.properties, {
    messageExpiryInterval: 60,
    contentType: "application/json",
    responseTopic: "answers/ü",
    correlationData: new Uint8Array([0, 0xff]),
    userProperties: [["site", "north hall"], ["ü=", "a,b=c\r\n"]],
  });
  // Bytes of UTF-8 as they come, one character each.
  const raw = { "mqtt-user-property": "\xc3\xbc=\xe2\x82\xac", "mqtt-response-topic": "\xc3\xbc" };
  assertEquals(await topics.status("/plant/raw", { method: "POST", headers: raw }), 200);
  const { responseTopic, userProperties } = (await messages.next()).value?.properties ?? {};
  assertEquals([responseTopic, userProperties], ["ü", [["ü", "€"]]]);
  assertEquals(await topics.json("/other", { method: "POST", body: "x" }), [200, {
    reasonCode: 0x10,
    reason: "NoMatchingSubscribers",
  }]);
  assertEquals(await topics.json("/plant/0?qos=0", { method: "POST", body: "x" }), [202, { qos: 0 }]);
  assertEquals((await messages.next()).value?.qos, 0);
});

Deno.test("POST passes a valid Trace Context on as User Properties", async () => {
  await using topics = await Topics.open();
  await using messages = topics.broker.subscribe("x");
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const tracestate = "a=1,b=2";
  const own = { "mqtt-user-property": "k=v" };
  for (
    const [headers, userProperties] of [
      [{ traceparent, tracestate, ...own }, [["k", "v"], ["traceparent", traceparent], ["tracestate", tracestate]]],
      [{ traceparent }, [["traceparent", traceparent]]],
      [{ traceparent: traceparent.toUpperCase(), tracestate, ...own }, [["k", "v"]]],
      [{ traceparent: `${traceparent}, ${traceparent}` }, undefined],
      [{ tracestate }, undefined],
    ] as const
  ) {
    assertEquals(await topics.status("/x", { method: "POST", headers, body: "x" }), 200);
    assertEquals((await messages.next()).value?.properties.userProperties, userProperties);
  }
});

Deno.test("POST answers when the storage has the message", async () => {
  const storage = new GatedStorage();
  await using topics = await Topics.open({ storage });
  storage.isGated = true;
  let isAnswered = false;
  const answer = topics.json("/kept?retain", { method: "POST", body: "x" }).finally(() => isAnswered = true);
  const commit = await storage.nextCommit();
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(isAnswered, false);
  commit.keep();
  assertEquals((await answer)[0], 200);
  storage.open();
});

Deno.test("GET gives the retained message with its properties as fields, HEAD the fields alone, DELETE clears it", async () => {
  await using topics = await Topics.open();
  const properties = {
    contentType: "text/plain",
    payloadFormatIndicator: 1,
    responseTopic: "answers/1",
    correlationData: new Uint8Array([1, 2]),
    userProperties: [["k", "v"], ["k", "a, b"], ["ü", "€ 5\n"]] as const,
    messageExpiryInterval: 100,
  };
  await topics.broker.publish("plant/7", "21.4", { retain: true, properties });
  const fields = {
    "content-type": "text/plain",
    "content-length": null,
    "mqtt-response-topic": "answers/1",
    "mqtt-correlation-data": "AQI=",
    "mqtt-payload-format-indicator": "1",
    "mqtt-user-property": "k=v, k=a%2C b, %C3%BC=%E2%82%AC 5%0A",
    "x-content-type-options": "nosniff",
  };
  for (const method of ["GET", "HEAD"]) {
    const { status, headers, body } = await topics.ask("/plant/7", { method });
    await body?.cancel();
    assertEquals(status, 200);
    for (const [name, value] of Object.entries(fields)) {
      const isLength = name === "content-length" && method === "HEAD";
      assertEquals(headers.get(name), isLength ? "4" : value, name);
    }
    assertMatch(headers.get("mqtt-message-expiry-interval") ?? "", /^(?:99|100)$/);
    assertMatch(headers.get("content-security-policy") ?? "", /^sandbox/);
  }
  assertEquals(await (await topics.ask("/plant/7")).text(), "21.4");
  assertEquals(await (await topics.ask("/plant/7", { method: "HEAD" })).text(), "");
  assertEquals(await topics.status("/plant/7", { method: "DELETE" }), 200);
  assertEquals(await topics.status("/plant/7"), 404);
  assertEquals(topics.broker.metrics.retainedMessages, 0);
});

Deno.test("ETag changes with payload and properties, and If-None-Match with it gives 304", async () => {
  await using topics = await Topics.open();
  const tagOf = async (payload: string, contentType: string) => {
    await topics.broker.publish("a", payload, { retain: true, properties: { contentType } });
    const response = await topics.ask("/a");
    await response.body?.cancel();
    return response.headers.get("etag") ?? "";
  };
  const tag = await tagOf("1", "text/plain");
  assertMatch(tag, /^"[\da-f]{32}"$/);
  assertNotEquals(await tagOf("2", "text/plain"), tag);
  assertNotEquals(await tagOf("1", "text/html"), tag);
  assertEquals(await tagOf("1", "text/plain"), tag);
  for (const known of [tag, `W/${tag}`, `"other", ${tag}`, "*"]) {
    const response = await topics.ask("/a", { headers: { "if-none-match": known } });
    assertEquals([response.status, response.headers.get("etag"), await response.text()], [304, tag, ""]);
  }
  assertEquals(await topics.status("/a", { headers: { "if-none-match": '"other"' } }), 200);
});

Deno.test("GET reads what was published before it, also at the same time as others, and not what is not retained", async () => {
  await using topics = await Topics.open();
  for (let count = 0; count < 20; count++) {
    await topics.status("/a?retain", { method: "POST", body: String(count) });
    const texts = await Promise.all(Array.from({ length: 5 }, async () => await (await topics.ask("/a")).text()));
    assertEquals(texts, Array(5).fill(String(count)));
  }
  const missing = Promise.all(Array.from({ length: 20 }, () => topics.status("/b")));
  for (let count = 0; count < 20; count++) await topics.broker.publish("b", "live");
  assertEquals(await missing, Array(20).fill(404));
});

Deno.test("GET waits for a broker that is busy with other retained messages", async () => {
  await using topics = await Topics.open();
  for (let count = 0; count < 10_000; count++) void topics.broker.publish(`many/${count}`, "x", { retain: true });
  await topics.broker.publish("many/last", "here", { retain: true });
  await using all = await topics.stream("?filter=many/%23");
  const answers = Array.from({ length: 10 }, async () => await (await topics.ask("/many/last")).text());
  assertEquals(await Promise.all(answers), Array(10).fill("here"));
  assertEquals(all.lastId, "");
});

/** Topics by the path that names them. */
const TOPICS: readonly (readonly [path: string, topic: string])[] = [
  ["/a/b", "a/b"],
  ["/a%2Fb", "a/b"],
  ["//a", "/a"],
  ["/a//b/", "a//b/"],
  ["/%C3%BC/%20x", "ü/ x"],
  ["/a%2F..%2Fb", "a/../b"],
  ["/100%25", "100%"],
  ["/%F0%9F%8C%A1", "🌡"],
];

for (const [path, topic] of TOPICS) {
  Deno.test(`The path ${path} is the topic "${topic}"`, async () => {
    await using topics = await Topics.open();
    assertEquals(await topics.status(`${path}?retain`, { method: "POST", body: "x" }), 200);
    assertEquals(topics.broker.retained(topic)?.message.text(), "x");
    assertEquals(await topics.status(path), 200);
  });
}

const POST = { method: "POST", body: "x" };

/** Requests that are wrong, with a part of the remedy. */
const WRONG: readonly (readonly [path: string, asked: Asked, status: number, detail: RegExp])[] = [
  ["/a/%2B", POST, 400, /wildcards/],
  ["/%2Fa%2Bb", POST, 400, /wildcards/],
  ["/%23", {}, 400, /wildcards/],
  ["/a%00", {}, 400, /U\+0000/],
  ["/a%FF", {}, 400, /%25/],
  ["/a%2", POST, 400, /%25/],
  [`/${"%C3%BC".repeat(40_000)}`, POST, 400, /65,535/],
  [`/${"a/".repeat(200)}`, POST, 400, /levels/],
  ["/a?qos=3", POST, 400, /0, 1 or 2/],
  ["/a?qos=1&qos=1", POST, 400, /twice/],
  ["/a?retain=maybe", POST, 400, /true or false/],
  ["/a?expiry=-1", POST, 400, /seconds/],
  ["/a?expiry=4294967296", POST, 400, /seconds/],
  ["/a?Retain=1", POST, 400, /qos, retain, expiry/],
  ["/a?qos=1", {}, 400, /nothing/],
  ["/a", { ...POST, headers: { "mqtt-user-property": "novalue" } }, 400, /%2C/],
  ["/a", { ...POST, headers: { "mqtt-user-property": "a=%zz" } }, 400, /%25/],
  ["/a", { ...POST, headers: { "mqtt-user-property": "a=%00" } }, 400, /U\+0000/],
  ["/a", { ...POST, headers: { "mqtt-user-property": "a=\xff" } }, 400, /UTF-8/],
  ["/a", { ...POST, headers: { "mqtt-response-topic": "a/%2B" } }, 400, /wildcards/],
  ["/a", { ...POST, headers: { "mqtt-correlation-data": "!" } }, 400, /base64/],
  ["/a", { method: "PUT", body: "x" }, 405, /POST/],
  ["", POST, 405, /GET/],
  ["", {}, 400, /filter=/],
  ["?filter=a", { headers: { accept: "application/json" } }, 406, /text\/event-stream/],
  ["?filter=a/+", {}, 400, /%2B/],
  ["?filter=a%23", {}, 400, /Topic Filter/],
  ["?filter=%24share/a", {}, 400, /Topic Filter/],
  ["?topic=a", {}, 400, /filter, qos/],
  [`?${Array.from({ length: 101 }, (_, index) => `filter=${index}`).join("&")}`, {}, 400, /several requests/],
  ["s", {}, 404, /\/topics\//],
];

for (const [path, asked, status, detail] of WRONG) {
  const { method = "GET", headers = {} } = asked;
  Deno.test(`${method} ${path.slice(0, 40)} ${JSON.stringify(headers)} gives ${status}`, async () => {
    await using topics = await Topics.open();
    const response = await topics.ask(path, asked);
    assertEquals([response.status, response.headers.get("content-type")], [status, "application/problem+json"]);
    const problem = await response.json();
    assertEquals(problem.status, status);
    assertMatch(problem.detail, detail);
  });
}

Deno.test("Content Types that are no media types, and text above ASCII, cannot break the header", async () => {
  await using topics = await Topics.open();
  for (const contentType of ["text/html\r\nset-cookie: a=1", "a/b;\r\nc=d", "ü", "nonsense", ""]) {
    await topics.broker.publish("a", "x", { retain: true, properties: { contentType } });
    const { headers, body } = await topics.ask("/a");
    await body?.cancel();
    assertEquals(headers.get("content-type"), "application/octet-stream");
    assertEquals(decodeURIComponent(headers.get("mqtt-content-type") ?? "?"), contentType);
  }
  const value = "x".repeat(5_000);
  const userProperties = [["a", value], ["b", value], ["c", "small"]] as const;
  await topics.broker.publish("a", "x", { retain: true, properties: { userProperties } });
  const { headers, body } = await topics.ask("/a");
  await body?.cancel();
  assertEquals(headers.get("mqtt-user-property"), `a=${value}, c=small`);
  assertEquals(headers.get("mqtt-properties-left-out"), "1");
});
