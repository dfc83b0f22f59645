/**
 * Forms of tests that wait long or try much: the short one is for `deno task test`, the long one for `deno task test:long`,
 * and the longest, which takes many minutes, for a task of its own, such as `deno task durability`.
 */

export type Form = "short" | "long" | "longest";

const FORMS: readonly string[] = ["short", "long", "longest"] satisfies readonly Form[];
const form = Deno.env.get("TEST_FORM") ?? "short";
if (!FORMS.includes(form)) {
  throw new RangeError(`Cannot run tests: TEST_FORM "${form}" is not one of ${FORMS.join(", ")}`);
}

export const IS_LONGEST = form === "longest";

/** Value of a test for the form in which it runs. */
export function inForm<T>(short: T, long: T, longest: T = long): T {
  return form === "short" ? short : IS_LONGEST ? longest : long;
}
