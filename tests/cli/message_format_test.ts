import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Message } from "../../mod.ts";
import type { QoS } from "../../src/codec/packet.ts";
import type { Properties } from "../../src/codec/property.ts";
import { ArgumentError } from "../../src/cli/client/arguments.ts";
import { messagePrinter } from "../../src/cli/client/message_format.ts";
import { prettyJson } from "../../src/cli/client/message_format.ts";

interface Given {
  readonly payload?: string | Uint8Array<ArrayBuffer>;
  readonly qos?: QoS;
  readonly retain?: boolean;
  readonly properties?: Properties;
}

function message({ payload = "21.5 °C", qos = 1, retain = false, properties = {} }: Given = {}): Message {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const packetIdentifier = qos === 0 ? 0 : 7;
  return new Message({ topic: "room/température", payload: bytes, qos, retain, packetIdentifier, properties });
}

function printed(format: string, given?: Given): { text: string; complaints: string[] } {
  const complaints: string[] = [];
  const options = { format, isVerbose: false, endsLines: false, isPretty: false };
  const print = messagePrinter(options, (line) => complaints.push(line));
  return { text: new TextDecoder().decode(print(message(given))), complaints };
}

// Widths count bytes, as those of printf do.
const FORMATS: readonly (readonly [string, string, Given?])[] = [
  ["%t %p", "room/température 21.5 °C"],
  ["[%4.4t|%-6.4t|%20t]", "[room|room  |   room/température]"],
  ["[%4p|%12p|%-12p|%012p]", "[21.5|    21.5 °C|21.5 °C    |000021.5 °C]"],
  ["%x %X", "32312e3520c2b043 32312E3520C2B043"],
  ["%l %03l [%-3l] %m %q %r", "8 008 [8  ] 7 1 0"],
  ["%l %m %q %r %p", "0 0 0 1 ", { payload: "", qos: 0, retain: true }],
  ["[%E|%5E|%05E|%A|%S]", "[60|   60|00060|3|9]", {
    properties: { messageExpiryInterval: 60, topicAlias: 3, subscriptionIdentifiers: [9] },
  }],
  ["[%E|%5E|%C|%3C|%R|%3R|%D|%P]", "[|     ||   ||||]"],
  ["%P", "k:v k:w", { properties: { userProperties: [["k", "v"], ["k", "w"]] } }],
  ["100%% @@ \\\\ \\t", "100% @ \\ \t"],
];

for (const [format, expected, given] of FORMATS) {
  Deno.test(`the format ${format} prints ${JSON.stringify(expected)}`, () => {
    assertEquals(printed(format, given), { text: expected, complaints: [] });
  });
}

for (const format of ["%", "%5", "%-", "%y", "%é", "a@", "\\", "\\x", "%65536t"]) {
  Deno.test(`"${format}" is no format`, () => {
    assertThrows(() => printed(format), ArgumentError);
  });
}

function json(format: "%j" | "%J", given: Given) {
  const { text, complaints } = printed(format, given);
  return { text: text.replace(/"tst":"[^"]+"/, '"tst":""'), complaints };
}

Deno.test("JSON is JSON whatever the payload is", () => {
  const payload = Uint8Array.of(0x22, 0x00, 0xff, 0x0a, 0x7f, 0x5c);
  const { text } = json("%j", { payload });
  assertEquals(JSON.parse(text).payload, '"\0\ufffd\n\x7f\\');
  assertEquals(JSON.parse(text).payloadlen, 6);
});

Deno.test("JSON of a JSON payload keeps its numbers, the order of its members and their names", () => {
  const payload = ' {"10": 12345678901234567890, "9" : 1.50,\t"9": [ -0 , 1e400 , "a b\\" c"]}\n';
  const expected = '{"10":12345678901234567890,"9":1.50,"9":[-0,1e400,"a b\\" c"]}';
  const head = '{"tst":"","topic":"room/température","qos":0,"retain":0,"payloadlen":74,"payload":';
  assertEquals(json("%J", { payload, qos: 0 }), { text: `${head}${expected}}`, complaints: [] });
});

for (const payload of ["{", "nul", '"\n"', "[1,]", "1 2", Uint8Array.of(0x22, 0xff, 0x22)]) {
  Deno.test(`the payload ${payload} is no JSON`, () => {
    const complaints = ["Error: Message payload is not valid JSON on topic room/température."];
    assertEquals(json("%J", { payload }), { text: "", complaints });
  });
}

Deno.test("JSON names properties as -D does", () => {
  const properties: Properties = {
    contentType: "text",
    correlationData: Uint8Array.of(0x63),
    userProperties: [["k", "v"], ["k", "w"]],
    subscriptionIdentifiers: [4, 5],
  };
  const expected =
    '{"content-type":"text","correlation-data":"c","user-properties":{"k":"v","k":"w"},"subscription-identifier":4,"subscription-identifier":5}';
  assertEquals(/"properties":(.*),"payload"/.exec(json("%j", { properties }).text)?.[1], expected);
});

Deno.test("JSON with a long string is JSON", () => {
  const payload = JSON.stringify({ text: '\\"x'.repeat(2_000_000) });
  assertEquals(json("%J", { payload }).complaints, []);
  assertEquals(prettyJson(payload).length, payload.length + 4);
});

Deno.test("JSON nested as deep as it likes is printed over several lines", () => {
  const depth = 100_000;
  const text = `${"[".repeat(depth)}${"]".repeat(depth)}`;
  assertEquals(prettyJson(text), text);
  assertEquals(
    prettyJson('{"a":{},"b":[1,{"c":"{,}"}]}'),
    '{\n\t"a":\t{\n\t},\n\t"b":\t[1, {\n\t\t\t"c":\t"{,}"\n\t\t}]\n}',
  );
});

Deno.test("@ gives what strftime does, and the nanoseconds", () => {
  assertMatch(printed("@Y-@m @N @Q").text, /^\d{4}-\d\d \d{9} %Q$/);
});

Deno.test("messages without a format are payloads, or topics and payloads", () => {
  const print = (isVerbose: boolean, endsLines: boolean, payload: string) => {
    const printer = messagePrinter({ format: undefined, isVerbose, endsLines, isPretty: false }, () => {});
    return new TextDecoder().decode(printer(message({ payload })));
  };
  assertEquals(print(false, true, "x"), "x\n");
  assertEquals(print(false, false, "x"), "x");
  assertEquals(print(false, true, ""), "");
  assertEquals(print(true, true, "x"), "room/température x\n");
  assertEquals(print(true, true, ""), "room/température (null)\n");
  assertEquals(print(true, false, ""), "");
});
