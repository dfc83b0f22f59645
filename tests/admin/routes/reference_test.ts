import { assertEquals } from "@std/assert";
import { segmentOf } from "../../../src/admin/segments.ts";
import { ROUTES } from "../../../src/admin/routes/routes.ts";

const PAGE = await Deno.readTextFile(new URL("../../../docs/api.md", import.meta.url));

Deno.test("docs/api.md has each route with its role and what it does", () => {
  const rows = [...PAGE.matchAll(/^\| `((?:GET|POST|PUT|DELETE) [^`]+)` +\| ([\w-]+) +\| (.+?) +\|$/gm)];
  const written = rows.map(([, route, role, summary]) => [route, role, summary]);
  const wanted = ROUTES.map(({ method, path, role, summary }) => [
    `${method} ${path.replace(/:(\w+)/g, "{$1}")}`,
    role === "open" ? "-" : role,
    summary,
  ]);
  assertEquals(written.toSorted(), wanted.toSorted());
});

Deno.test("docs/api.md shows names as segments of paths", async () => {
  assertEquals(await Promise.all(["device-77", "/a+b", ".", "..", "~x"].map(segmentOf)), [
    "device-77",
    "%2Fa%2Bb",
    "~Lg",
    "~Li4",
    "~fng",
  ]);
  for (const segment of ["%2Fa%2Bb", "~Lg", "~Li4", "~fng"]) assertEquals(PAGE.includes(`\`${segment}\``), true);
});
