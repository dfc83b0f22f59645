/** Requests at random: each gets an answer that HTTP can carry, and none is a failure of the server. */

import { assert, assertEquals } from "@std/assert";
import { inForm } from "../../form.ts";
import { givenSeed, Seeded } from "../../seeded.ts";
import { Topics } from "./topics.ts";

const REQUESTS = inForm(500, 20_000);
const METHODS = ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"];
const PARTS = [
  "a",
  "b",
  "/",
  "//",
  "+",
  "#",
  "%2F",
  "%2B",
  "%23",
  "%00",
  "%FF",
  "%C3%BC",
  "%",
  "..",
  "$SYS",
  "$share",
  " ",
  "\\",
  "%0d%0a",
];
const NAMES = ["qos", "retain", "expiry", "filter", "x", ""];
const VALUES = [
  "0",
  "1",
  "2",
  "3",
  "true",
  "",
  "a",
  "a/%2B",
  "%23",
  "a/+",
  "%24share/g/a",
  "4294967295",
  "-1",
  "%FF",
  "%00",
];
const FIELDS = [
  "content-type",
  "mqtt-response-topic",
  "mqtt-correlation-data",
  "mqtt-user-property",
  "traceparent",
  "if-none-match",
  "last-event-id",
  "authorization",
  "origin",
  "accept",
  "sec-fetch-site",
  "content-length",
  "x-forwarded-for",
];
const FIELD_VALUES = [
  "",
  "text/plain",
  "a=b",
  "a=b, c=d,",
  "=",
  "%",
  "%00",
  "%0D%0Aset-cookie: a=b",
  "\xff\xfe",
  "\xc3\xbc",
  "AAA=",
  "Basic YTpi",
  "Basic",
  "Bearer x",
  "*",
  '"x", W/"y"',
  "text/event-stream;q=0.1",
  "null",
  "http://localhost",
  "cross-site",
  "9".repeat(400),
  "1796082313629003",
  "x".repeat(3_000),
];

Deno.test("Requests at random are each answered, without a failure of the server", async () => {
  const seed = givenSeed().seed ?? Date.now() >>> 0;
  const random = new Seeded(seed);
  await using topics = await Topics.open({}, { topicOrigins: ["null"] });
  for (let count = 0; count < REQUESTS; count++) {
    const some = (most: number, values: readonly string[]) =>
      Array.from({ length: random.integer(0, most) }, () => random.pick(values)).join("");
    const query = Array.from({ length: random.integer(0, 3) }, () => `${random.pick(NAMES)}=${random.pick(VALUES)}`)
      .join("&");
    const method = random.pick(METHODS);
    const path = `${random.oneIn(4) ? "" : "/"}${some(6, PARTS)}${query === "" ? "" : `?${query}`}`.replaceAll(
      "#",
      "%23",
    );
    const headers = Object.fromEntries(
      Array.from({ length: random.integer(0, 3) }, () => [random.pick(FIELDS), random.pick(FIELD_VALUES)]),
    );
    const hasBody = method !== "GET" && method !== "HEAD" && random.oneIn(2);
    const asked = { method, headers, ...hasBody && { body: random.bytes(random.integer(0, 100)).slice() } };
    const what = `SEED=${seed}: ${method} ${path} ${JSON.stringify(headers)}`;
    const response = await topics.ask(path, asked);
    assert(response.status < 500, `${what} gives ${response.status}`);
    const type = response.headers.get("content-type");
    if (response.status >= 400) assertEquals(type, "application/problem+json", what);
    for (const [name, value] of response.headers) assert(/^[\x20-\x7e]*$/.test(value), `${what} has ${name}: ${value}`);
    assertEquals(response.headers.get("set-cookie"), null, what);
    await response.body?.cancel();
  }
});
