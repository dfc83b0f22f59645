import { assertEquals, assertLess, assertThrows } from "@std/assert";
import { Problem } from "../../src/admin/problems.ts";
import { checkedCall, route, RouteTable } from "../../src/admin/route_table.ts";
import { Stopwatch } from "../stopwatch.ts";
import * as z from "../../src/admin/zod.js";

const CLIENT = route({
  method: "GET",
  path: "/clients/:clientId",
  role: "viewer",
  tag: "Clients",
  summary: "One client",
  params: z.strictObject({ clientId: z.string().check(z.maxLength(10)) }),
  query: z.strictObject({ limit: z.optional(z.int().check(z.minimum(1))), hasQueue: z.optional(z.boolean()) }),
  answer: z.strictObject({ clientId: z.string() }),
  handle: ({ params: { clientId } }, _host: undefined) => ({ clientId }),
});
const TABLE = new RouteTable("/base/api/v1", [CLIENT]);

function call(path: string, method = "GET"): unknown {
  const request = new Request(`http://127.0.0.1${path}`, { method });
  const found = TABLE.find(request);
  return found && checkedCall(found.route, { params: found.params, url: new URL(request.url), body: undefined });
}

function problemOf(path: string, method?: string): [status: number, detail: string] {
  const { status, detail } = assertThrows(() => call(path, method), Problem);
  return [status, detail];
}

Deno.test("A route gets the parts of its path decoded, and its query in the types of its schema", () => {
  assertEquals(call("/base/api/v1/clients/%2Fa%2Bb?limit=5&hasQueue=true"), {
    params: { clientId: "/a+b" },
    query: { limit: 5, hasQueue: true },
    body: undefined,
  });
});

Deno.test("A path that no row has is none of the table's", () => {
  for (const path of ["/base/api/v1/clients", "/base/api/v1/clients/", "/base/api/v1/clients/a/b", "/clients/a"]) {
    assertEquals(call(path), undefined);
  }
});

Deno.test("A request that is not of the form of its route is refused with all that is wrong", () => {
  assertEquals(problemOf("/base/api/v1/clients/a", "DELETE"), [405, "This address takes GET"]);
  assertEquals(problemOf("/base/api/v1/clients/a?limit=0"), [
    400,
    '"limit" of the query is wrong: Too small: expected number to be >=1',
  ]);
  assertEquals(problemOf("/base/api/v1/clients/a?limit=1&limit=2"), [
    400,
    'The query has "limit" twice: give it once',
  ]);
  assertEquals(problemOf("/base/api/v1/clients/%ff"), [
    400,
    'The path has a "%" that is not followed by UTF-8 in hex: encode it as "%25"',
  ]);
  assertEquals(problemOf("/base/api/v1/clients/a?limit=x&other=1"), [
    400,
    '"limit" of the query is wrong: Invalid input: expected number, received string',
  ]);
});

Deno.test("A query of 16,000 parameters is refused as fast as it is read", () => {
  const path = `/base/api/v1/clients/a?${Array.from({ length: 16_000 }, (_, index) => `${index}=`).join("&")}`;
  const stopwatch = new Stopwatch();
  assertEquals(problemOf(path)[0], 400);
  assertLess(stopwatch.ms(), 500); // Comparing each with each takes seconds (2026-12-01).
});

Deno.test("A problem is JSON with its kind, and what to do [RFC 9457, section 3]", async () => {
  const response = new Problem(429, "Too many failures", "Wait a minute", { headers: { "retry-after": "60" } })
    .response();
  assertEquals([response.status, response.headers.get("content-type"), response.headers.get("retry-after")], [
    429,
    "application/problem+json",
    "60",
  ]);
  assertEquals(await response.json(), {
    type: "urn:brooklet:problem:too-many-failures",
    title: "Too many failures",
    status: 429,
    detail: "Wait a minute",
  });
});
