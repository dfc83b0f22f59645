import { assertEquals } from "@std/assert";
import {
  beginningOf,
  listOfSchemes,
  SCHEME_NAMES,
  schemeOf,
  SCHEMES,
  schemeWith,
} from "../../src/transport/schemes.ts";

Deno.test("listOfSchemes() gives what URLs begin with", () => {
  assertEquals(listOfSchemes(), "mqtt://, mqtts://, ws://, wss://, unix: or ws+unix:");
});

Deno.test("Each scheme is found by its parts, and by the form of its URL", () => {
  for (const name of SCHEME_NAMES) {
    assertEquals(schemeWith(SCHEMES[name]), name);
    assertEquals(schemeOf(new URL(SCHEMES[name].form.replace(":port", ":1"))), name);
  }
});

Deno.test("schemeOf() of other URLs is undefined, also of names that objects have", () => {
  for (const url of ["http://a", "constructor:a", "mqttx://a"]) assertEquals(schemeOf(new URL(url)), undefined);
});

for (const file of ["docs/command_line.md", "docs/client.md"]) {
  Deno.test(`${file} shows a URL of each scheme`, async () => {
    const text = await Deno.readTextFile(new URL(`../../${file}`, import.meta.url));
    assertEquals(
      SCHEME_NAMES.filter((name) =>
        !text.includes(`| \`${beginningOf(name)}`) && !text.includes(`, \`${beginningOf(name)}`)
      ),
      [],
    );
  });
}
