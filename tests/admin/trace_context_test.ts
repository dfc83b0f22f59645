import { assertEquals } from "@std/assert";
import type { UserProperty } from "../../mod.ts";
import { parentOf, parseTraceparent } from "../../src/admin/trace_context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

/** Sections of https://www.w3.org/TR/trace-context/ */
const VALID: readonly (readonly [text: string, traceFlags: number, why: string])[] = [
  [`00-${TRACE}-${SPAN}-01`, 1, "sampled (3.2.2.5.1)"],
  [`00-${TRACE}-${SPAN}-00`, 0, "not sampled"],
  [`00-${TRACE}-${SPAN}-ff`, 1, "flags that are not known are ignored (3.2.2.5.2)"],
  [`00-${TRACE}-${SPAN}-fe`, 0, "flags that are not known, without the one that is"],
  [`01-${TRACE}-${SPAN}-01`, 1, "a later version (3.2.4)"],
  [`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, 1, "a later version with more"],
  [`cc-${TRACE}-${SPAN}-01-`, 1, "a later version with an empty part"],
  [`00-${"0".repeat(31)}1-${"0".repeat(15)}1-01`, 1, "identifiers with nearly no digit but 0"],
];

const NOT_VALID: readonly (readonly [text: string, why: string])[] = [
  ["", "empty"],
  [`ff-${TRACE}-${SPAN}-01`, "version ff (3.2.2.1)"],
  [`0-${TRACE}-${SPAN}-01`, "a version of one digit"],
  [`000-${TRACE}-${SPAN}-01`, "a version of three digits"],
  [`00-${"0".repeat(32)}-${SPAN}-01`, "trace-id of zeros (3.2.2.3)"],
  [`00-${TRACE}-${"0".repeat(16)}-01`, "parent-id of zeros (3.2.2.4)"],
  [`00-${TRACE.slice(1)}-${SPAN}-01`, "a short trace-id"],
  [`00-${TRACE}0-${SPAN}-01`, "a long trace-id"],
  [`00-${TRACE}-${SPAN.slice(1)}-01`, "a short parent-id"],
  [`00-${TRACE}-${SPAN}0-01`, "a long parent-id"],
  [`00-${TRACE.toUpperCase()}-${SPAN}-01`, "upper case"],
  [`00-${TRACE.replace("a", "g")}-${SPAN}-01`, "a letter that is no digit"],
  [`00-${TRACE}-${SPAN}-0`, "flags of one digit"],
  [`00-${TRACE}-${SPAN}-0x`, "flags that are no digits"],
  [`00-${TRACE}-${SPAN}`, "no flags"],
  [`00-${TRACE}-${SPAN}-01-more`, "version 00 with more (3.2.4)"],
  [`00-${TRACE}-${SPAN}-01\n`, "a line break at the end"],
  [` 00-${TRACE}-${SPAN}-01`, "a space at the begin"],
  [`cc-${TRACE}-${SPAN}-01.more`, "a later version with more that no hyphen begins"],
  [`cc-${TRACE}-${SPAN}-01\n`, "a later version with a line break"],
  [`00_${TRACE}_${SPAN}_01`, "other separators"],
  ["-".repeat(65_535), "all that a User Property can hold"],
];

for (const [text, traceFlags, why] of VALID) {
  Deno.test(`parseTraceparent() reads ${why}`, () => {
    const [, traceId = "", spanId = ""] = text.split("-");
    assertEquals(parseTraceparent(text), { traceId, spanId, traceFlags, isRemote: true });
  });
}

for (const [text, why] of NOT_VALID) {
  Deno.test(`parseTraceparent() refuses ${why}`, () => assertEquals(parseTraceparent(text), undefined));
}

Deno.test("parentOf() takes the only traceparent of the User Properties", () => {
  const own: UserProperty = ["traceparent", `00-${TRACE}-${SPAN}-01`];
  const other: UserProperty = ["Traceparent", "another name"];
  assertEquals(parentOf([["a", "b"], own, other])?.spanId, SPAN);
  for (const none of [undefined, [], [other], [own, own], [["traceparent", "x"], own] as const]) {
    assertEquals(parentOf(none), undefined);
  }
});
