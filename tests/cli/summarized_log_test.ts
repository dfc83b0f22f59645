import { assertEquals } from "@std/assert";
import { summarizedLog } from "../../src/cli/summarized_log.ts";

Deno.test("summarizedLog() writes the first 50 lines of 10 s, and counts the others", () => {
  const lines: string[] = [];
  const clock = { nowMs: 0 };
  const log = summarizedLog((line) => lines.push(line), () => clock.nowMs);
  for (let index = 0; index < 60; index++) log(`line ${index}`);
  assertEquals(lines.length, 50);
  assertEquals(lines.at(-1), "line 49");
  clock.nowMs = 9_999;
  log("too early");
  clock.nowMs = 10_000;
  log("later");
  assertEquals(lines.slice(50), ["11 more lines like the last ones were left out", "later"]);
});
