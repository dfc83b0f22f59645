import { assertEquals } from "@std/assert";
import { Api, segmentOf } from "../../../src/admin/page/api.ts";
import { nameOf, segmentOf as segmentOfServer } from "../../../src/admin/segments.ts";

const NAMES = [
  "device-77",
  "/a+b",
  "",
  ".",
  "..",
  "~x",
  "~",
  "a b%2F?#",
  "\u202E\u05D0",
  "é".repeat(7_000),
  "x".repeat(12_000),
];

for (const name of NAMES) {
  Deno.test(`The page and the API have the same part of a path for ${JSON.stringify(name.slice(0, 20))}`, async () => {
    const segment = segmentOf(name);
    assertEquals(segment, await segmentOfServer(name));
    assertEquals(nameOf(decodeURIComponent(segment)), name);
    const { pathname } = new Api(new URL("http://localhost/ops/mqtt/"), () => {}).url(["clients", name, "messages"]);
    assertEquals(pathname, `/ops/mqtt/api/v1/clients/${segment}/messages`);
  });
}
