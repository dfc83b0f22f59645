import { assert, assertEquals } from "@std/assert";
import { parseFilter } from "../../../src/admin/page/inspector_filter.ts";
import { PacketList } from "../../../src/admin/page/inspector_packets.ts";
import { article, connection, tracePage } from "./traced.ts";

/** Numbers of the rows of a trace that a filter shows. */
function shown(text: string): number[] {
  const list = new PacketList();
  list.add(tracePage([
    { frames: article("002-connect") }, // 1
    { sent: "20 02 00 00" },
    { received: "82 0b 0001 0006 746573742f23 01" }, // 3: SUBSCRIBE test/#
    { sent: "90 03 0001 01" },
    { received: "32 0d 0006 746573742f61 0007 686f6c" }, // 5: PUBLISH test/a, QoS 1
    { sent: "40 02 0007" },
    { received: "33 08 0001 62 0008 686f6c" }, // 7: PUBLISH b, QoS 1, retain, no answer
    { received: "c0 00", connection: 2 },
    { sent: "d0 00", connection: 2 },
    { received: "36 05 0001 61 0001" }, // 10: QoS 3
  ], {
    connections: [
      connection(),
      connection({
        number: 2,
        clientId: "device:77",
        principal: "ada",
        address: "10.0.0.7:1",
        isFromStart: false,
      }),
    ],
  }));
  const filter = parseFilter(text);
  assert("matches" in filter, "mistake" in filter ? filter.mistake : "");
  list.filter(filter.matches);
  return list.shown.map(({ number }) => number);
}

const ROWS: readonly (readonly [string, readonly number[]])[] = [
  ["", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
  ["type:publish", [5, 7, 10]],
  ["type:pingreq,PINGRESP", [8, 9]],
  ["topic:test/#", [3, 5]],
  ["topic:test/+ type:publish", [5]],
  ["topic:b", [7]],
  ["client:861694030142473 -type:publish", [1, 2, 3, 4, 6]],
  ["client:device*", [8, 9]],
  ['client:"device:77"', [8, 9]],
  ["user:ada", [8, 9]],
  ["address:10.0.0.7", [8, 9]],
  ["qos:1", [5, 7]],
  ["id:7", [5, 6]],
  ["frames:>1", [1]],
  ["bytes:<4", [8, 9]],
  ["from:broker", [2, 4, 6, 9]],
  ["answer", [2, 4, 6, 9]],
  ["unanswered", [7, 10]],
  ["malformed", [10]],
  ["broken", [10]],
  ["retain", [7]],
  ["accepted", [2]],
  ['"keep alive 60"', [1]],
  ["-publish -connect -topic:#", [4, 6, 8, 9]],
];

for (const [text, numbers] of ROWS) {
  Deno.test(`the filter "${text}" shows ${numbers.length} of 10 rows`, () => assertEquals(shown(text), [...numbers]));
}

Deno.test("parseFilter() says what is wrong in words", () => {
  const mistake = (text: string) => {
    const filter = parseFilter(text);
    return "mistake" in filter ? filter.mistake : undefined;
  };
  assertEquals(
    mistake("typ:publish"),
    'There is no "typ:". There are type: topic: client: address: user: listener: qos: id: bytes: frames: from: and ' +
      'malformed, broken, retain, dup, answer, unanswered; other texts with a colon stand in "quotes".',
  );
  assertEquals(
    mistake("constructor:a")?.slice(0, 28),
    'There is no "constructor:". ',
  );
  assertEquals(
    mistake("type:"),
    'Write what "type:" is to be, without a space.',
  );
  assertEquals(
    mistake("type:publisch"),
    'There is no packet "publisch". Write one such as type:publish or type:subscribe,suback.',
  );
  assertEquals(mistake("qos:3"), 'Write "qos:0", "qos:1" or "qos:2".');
  assertEquals(mistake("id:x"), 'Write a number such as "id:5" or "id:>5".');
  assertEquals(
    mistake("topic:a#"),
    '"a#" is no Topic Filter: # stands only at the end, and + fills a whole level, as in plant/+/temperature.',
  );
});

Deno.test("parseFilter() takes texts of attackers as texts", () => {
  assertEquals(shown("client:(.*"), []);
  assertEquals(shown("client:[a-"), []);
});
