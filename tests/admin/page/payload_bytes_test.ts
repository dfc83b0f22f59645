import { assert, assertEquals } from "@std/assert";
import {
  base64OfBytes,
  bytesOfBase64,
  exactText,
  hexLines,
  likelyForm,
  parsePayload,
  prettyJson,
  rewritten,
  shownAs,
} from "../../../src/admin/page/payload_bytes.ts";
import { checkSeed, type Seeded } from "../../seeded.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("a payload of any bytes keeps them in each form that shows it", () => {
  for (let seed = 0; seed < 300; seed++) checkSeed(seed, checkForms);
});

Deno.test("a payload that is written anew in another form has the same bytes, or is refused with a reason", () => {
  assertEquals(rewritten("text", "hex", "é{}"), { text: "c3 a9 7b 7d" });
  assertEquals(rewritten("hex", "text", "c3 a9 7b 7d"), { text: "é{}" });
  assertEquals(rewritten("hex", "base64", "ff00"), { text: "/wA=" });
  assertEquals(rewritten("base64", "hex", "_wA="), { text: "ff 00" });
  assertEquals(rewritten("hex", "text", "ff 00"), {
    mistake: "These bytes are not UTF-8: as text they would change. Write them as hex.",
  });
  assertEquals(rewritten("hex", "text", "61 0d 0a"), {
    mistake: "A text field turns CR into LF, so these bytes would change. Write them as hex.",
  });
  assertEquals(rewritten("hex", "text", "6"), {
    mistake: "The last byte has one hex digit. Write two for each byte.",
  });
});

Deno.test("a byte order mark stays in the text", () => {
  const text = exactText(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61));
  assertEquals(text, "\uFEFFa");
  assertEquals(parsePayload("text", text ?? ""), {
    bytes: Uint8Array.of(0xef, 0xbb, 0xbf, 0x61),
  });
});

Deno.test("parsePayload() says what is wrong in words", () => {
  assertEquals(parsePayload("hex", "7b zz"), {
    mistake: '"z" is not a hex digit. Write bytes such as 7b 22 61 22 7d.',
  });
  assertEquals(parsePayload("hex", "0x7b, 0x7D"), {
    bytes: Uint8Array.of(0x7b, 0x7d),
  });
  assertEquals(parsePayload("base64", "a!"), {
    mistake: '"!" is not in the alphabet of base64.',
  });
  assertEquals(parsePayload("base64", "a"), {
    mistake: "This is not whole base64: its length must be a multiple of 4, with = at the end.",
  });
  const json = parsePayload("json", '{"a":}');
  assert("mistake" in json && json.mistake.startsWith("This is not JSON: "));
  assertEquals(parsePayload("json", " "), { mistake: "There is no JSON yet." });
});

Deno.test("prettyJson() indents and changes no token: numbers keep their digits, keys their order and doubles", () => {
  const pretty = prettyJson(
    bytesOf('{"id":12345678901234567890,"a":[1.10,"x,{\\"",[],{}],"a":null}'),
  );
  assertEquals(
    pretty,
    '{\n  "id": 12345678901234567890,\n  "a": [\n    1.10,\n    "x,{\\"",\n    [],\n    {}\n  ],\n  "a": null\n}',
  );
  assertEquals(prettyJson(bytesOf("21,4")), undefined);
});

Deno.test("likelyForm() shows objects as JSON, texts as text and the rest as hex", () => {
  assertEquals(likelyForm(bytesOf(' {"a":1}')), "json");
  assertEquals(likelyForm(bytesOf("{not json")), "text");
  assertEquals(likelyForm(bytesOf("21.5")), "text");
  assertEquals(likelyForm(bytesOf("")), "text");
  assertEquals(likelyForm(Uint8Array.of(0x61, 0x00)), "hex");
  assertEquals(likelyForm(Uint8Array.of(0xff)), "hex");
});

Deno.test("hexLines() is the dump that Wireshark copies: three spaces, sixteen bytes, the last line filled up", () => {
  const connect = Uint8Array.from([
    0x10,
    0x13,
    0,
    4,
    ...bytesOf("MQTT"),
    4,
    2,
    0,
    0x3c,
    0,
    7,
    ...bytesOf("abcdefg"),
  ]);
  assertEquals(
    hexLines(connect),
    "0000   10 13 00 04 4d 51 54 54 04 02 00 3c 00 07 61 62   ....MQTT...<..ab\n" +
      "0010   63 64 65 66 67                                    cdefg\n",
  );
  assertEquals(hexLines(new Uint8Array()), "");
});

function checkForms(random: Seeded): void {
  const bytes = random.bytes(random.integer(0, 40));
  for (const form of ["text", "base64"] as const) { // JSON and hex are shown with indents and offsets.
    const shown = shownAs(form, bytes);
    if (shown !== undefined) assertEquals(parsePayload(form, shown), { bytes });
  }
  assertEquals(bytesOfBase64(base64OfBytes(bytes)), bytes);
}
