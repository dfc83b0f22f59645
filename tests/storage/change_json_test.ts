import { assertEquals, assertThrows } from "@std/assert";
import type { Change, CommitItem } from "../../src/storage/mod.ts";
import { changeFromJson, changeToJson } from "../../src/storage/records/change_json.ts";
import { firstDifference } from "../../src/testing/storage_suite/kept.ts";
import * as changes from "../../src/testing/storage_suite/changes.ts";
import { RandomChanges } from "../../src/testing/storage_suite/random_changes.ts";
import { seededTest } from "../seeded.ts";

const WILL = {
  ...changes.willMessage("w", { willDelayInterval: 5, correlationData: new Uint8Array(0) }),
  retain: true,
};

/** One of each kind, and what the text of others depends on. */
const LINES: readonly (readonly [CommitItem, string])[] = [
  [changes.started("c"), '{"kind":"sessionStarted","clientId":"c"}'],
  [changes.started("__proto__", ""), '{"kind":"sessionStarted","clientId":"__proto__","principal":""}'],
  [changes.expiry("c", 5), '{"kind":"sessionExpiry","clientId":"c","sessionExpirySeconds":5}'],
  [
    changes.expiry("c", 5, Infinity),
    '{"kind":"sessionExpiry","clientId":"c","sessionExpirySeconds":5,"expiresAtMs":null}',
  ],
  [changes.ended("c"), '{"kind":"sessionEnded","clientId":"c"}'],
  [changes.will("c", undefined), '{"kind":"will","clientId":"c"}'],
  [
    changes.will("c", WILL, 7),
    '{"kind":"will","clientId":"c","will":{"topic":"will","payload":"dw==","qos":1,"retain":true,' +
    '"properties":{"willDelayInterval":5,"correlationData":""}},"publishAtMs":7}',
  ],
  [
    changes.subscribed("c", "$share/g/a/+", { subscriptionIdentifier: 3 }),
    '{"kind":"subscribed","clientId":"c","subscription":{"topicFilter":"$share/g/a/+","qos":1,"noLocal":false,' +
    '"retainAsPublished":false,"retainHandling":0,"subscriptionIdentifier":3}}',
  ],
  [
    changes.subscribed("c", "a", {}, { after: "a/1", until: 300, passes: 2, passesUntil: 301 }),
    '{"kind":"subscribed","clientId":"c","subscription":{"topicFilter":"a","qos":1,"noLocal":false,' +
    '"retainAsPublished":false,"retainHandling":0},' +
    '"retainedDue":{"after":"a/1","until":300,"passes":2,"passesUntil":301}}',
  ],
  [changes.unsubscribed("c", "a/#"), '{"kind":"unsubscribed","clientId":"c","topicFilter":"a/#"}'],
  [changes.accepted("c", 65_535), '{"kind":"accepted","clientId":"c","packetIdentifier":65535}'],
  [changes.released("c", 1), '{"kind":"released","clientId":"c","packetIdentifier":1}'],
  [
    changes.queued("c", 1, changes.message("m", { publisher: undefined }), { subscriptionIdentifiers: [1, 2] }),
    '{"kind":"queued","clientId":"c","sequence":1,"message":{"topic":"t","payload":"bQ==","qos":1,"retain":false,' +
    '"expiresAtMs":null},"qos":1,"retain":false,"subscriptionIdentifiers":[1,2],"packetIdentifier":0}',
  ],
  [changes.sent("c", 2, 3), '{"kind":"sent","clientId":"c","sequence":2,"packetIdentifier":3}'],
  [changes.received("c", 2), '{"kind":"received","clientId":"c","sequence":2}'],
  [changes.completed("c", 2 ** 53 - 1), '{"kind":"completed","clientId":"c","sequence":9007199254740991}'],
  [
    { kind: "backlog", clientId: "c", lastSequence: 3, messages: 0, bytes: 0 },
    '{"kind":"backlog","clientId":"c","lastSequence":3,"messages":0,"bytes":0}',
  ],
  [changes.retained("t", undefined), '{"kind":"retained","topic":"t"}'],
  [changes.clock(0, 1_800_000_000_000), '{"kind":"clock","nowMs":0,"wallMs":1800000000000}'],
  [
    changes.clock(2 ** 53 - 1, 0, { uptimeMs: 5_000, bootId: "d962" }),
    '{"kind":"clock","nowMs":9007199254740991,"wallMs":0,"uptimeMs":5000,"bootId":"d962"}',
  ],
  [
    changes.retained(
      "t",
      changes.message("", { properties: { messageExpiryInterval: 2, userProperties: [["a", "b"]] }, nowMs: 1 }),
    ),
    '{"kind":"retained","topic":"t","message":{"topic":"t","payload":"","qos":1,"retain":false,' +
    '"properties":{"messageExpiryInterval":2,"userProperties":[["a","b"]]},"publisher":"p","expiresAtMs":2001}}',
  ],
  [
    changes.will("c", changes.willMessage(""), undefined, changes.TRAITS[0]),
    '{"kind":"will","clientId":"c","will":{"topic":"will","payload":"","qos":1,"retain":false},' +
    '"source":{"roles":[],"grants":[]}}',
  ],
  [
    changes.retained("t", changes.message(""), changes.TRAITS[2]),
    '{"kind":"retained","topic":"t","message":{"topic":"t","payload":"","qos":1,"retain":false,"publisher":"p",' +
    '"expiresAtMs":null},"source":{"principal":"ann","roles":["operator","reader"],"grants":[' +
    '{"access":"read","topicFilter":"a/#"},{"access":"write","topicFilter":"b/+"},' +
    '{"access":"readwrite","topicFilter":"$SYS/#"},{"access":"deny","topicFilter":"c"}],"listener":"unix:/run/mqtt"}}',
  ],
  [
    changes.retained("t", changes.message("", { publisher: undefined }), undefined, 7),
    '{"kind":"retained","topic":"t","message":{"topic":"t","payload":"","qos":1,"retain":false,"expiresAtMs":null},' +
    '"sequence":7}',
  ],
  [
    changes.transaction(changes.accepted("c", 1), changes.retained("t", undefined)),
    '{"kind":"transaction","changes":[{"kind":"accepted","clientId":"c","packetIdentifier":1},{"kind":"retained","topic":"t"}]}',
  ],
];

for (const [change, line] of LINES) {
  Deno.test(`changeToJson() and changeFromJson(): ${line.slice(0, 100)}`, () => {
    assertEquals(changeToJson(change), line);
    assertSame(changeFromJson(line, 1), change);
  });
}

const MESSAGE = '"message":{"topic":"t","payload":"","qos":1,"retain":false,"expiresAtMs":null}';

function dueLine(retainedDue: string): string {
  const subscription = '{"topicFilter":"a","qos":1,"noLocal":false,"retainAsPublished":false,"retainHandling":0}';
  return `{"kind":"subscribed","clientId":"c","subscription":${subscription},"retainedDue":${retainedDue}}`;
}

/** A line that is refused, and what is said of it. */
const REFUSED: readonly (readonly [line: string, says: string])[] = [
  ["", "it is not JSON"],
  ['{"kind":"sessionEnded","clientId":"c"', "it is not JSON"],
  ['{"kind":"sessionEnded","clientId":"c"}}', "it is not JSON"],
  ["[]", '"" is not an object'],
  ["null", '"" is not an object'],
  ["{}", '"kind" is not a text'],
  ['{"kind":"ended","clientId":"c"}', '"kind" is not a kind of change'],
  ['{"kind":"__proto__","clientId":"c"}', '"kind" is not a kind of change'],
  ['{"kind":"sessionEnded"}', '"clientId" is not a text'],
  ['{"kind":"sessionEnded","clientId":"\\u0000"}', '"clientId" is not a text that MQTT can carry'],
  ['{"kind":"sessionEnded","clientId":"\\ud800"}', '"clientId" is not a text that MQTT can carry'],
  [`{"kind":"sessionEnded","clientId":"${"x".repeat(65_536)}"}`, '"clientId" is not a text that MQTT can carry'],
  ['{"kind":"sessionEnded","clientId":"c","why":1}', '"why" is not a known field'],
  ['{"kind":"sessionEnded","clientId":"c","__proto__":1}', '"__proto__" is not a known field'],
  ['{"kind":"accepted","clientId":"c","packetIdentifier":0}', '"packetIdentifier" is not an integer from 1 to 65535'],
  ['{"kind":"accepted","clientId":"c","packetIdentifier":"1"}', '"packetIdentifier" is not an integer from 1 to 65535'],
  ['{"kind":"completed","clientId":"c","sequence":0.5}', '"sequence" is not an integer from 1 to 9007199254740991'],
  ['{"kind":"completed","clientId":"c","sequence":9007199254740993}', '"sequence" is not an integer'],
  ['{"kind":"unsubscribed","clientId":"c","topicFilter":"a#"}', '"topicFilter" is not a Topic Filter'],
  ['{"kind":"retained","topic":"a/+"}', '"topic" is not a Topic Name'],
  ['{"kind":"clock","nowMs":null,"wallMs":0}', '"nowMs" is not an integer from 0 to'],
  ['{"kind":"clock","nowMs":0}', '"wallMs" is not an integer from 0 to'],
  ['{"kind":"clock","nowMs":0,"wallMs":0,"uptimeMs":0.5}', '"uptimeMs" is not an integer from 0 to'],
  ['{"kind":"clock","nowMs":0,"wallMs":0,"bootId":7}', '"bootId" is not a text'],
  ['{"kind":"clock","nowMs":0,"wallMs":0,"clientId":"c"}', '"clientId" is not a known field'],
  [`{"kind":"retained","topic":"u",${MESSAGE}}`, '"topic" is not that of its message'],
  ['{"kind":"retained","topic":"t","message":null}', '"message" is not an object'],
  ['{"kind":"retained","topic":"t","sequence":0}', '"sequence" is not an integer from 1 to'],
  [dueLine('{"after":"a/+","until":1,"passes":1,"passesUntil":1}'), '"retainedDue.after" is not a Topic Name'],
  [dueLine('{"after":"","until":1,"passes":0,"passesUntil":1}'), '"retainedDue.passes" is not an integer from 1 to'],
  [dueLine('{"after":"","until":1,"passes":1}'), '"retainedDue.passesUntil" is not an integer from 0 to'],
  [dueLine('{"after":"","until":1,"passes":1,"passesUntil":1,"why":1}'), '"retainedDue.why" is not a known field'],
  [
    `{"kind":"retained","topic":"t",${MESSAGE.replace('"payload":""', '"payload":"a"')}}`,
    '"message.payload" is not base64',
  ],
  [`{"kind":"retained","topic":"t",${MESSAGE.replace('"qos":1', '"qos":3')}}`, '"message.qos" is not 0, 1 or 2'],
  [`{"kind":"retained","topic":"t",${MESSAGE.replace("null", "5")}}`, '"message.expiresAtMs" is not there with'],
  [`{"kind":"retained","topic":"t",${MESSAGE.replace("null", "-1")}}`, '"message.expiresAtMs" is not a time'],
  [
    `{"kind":"retained","topic":"t",${MESSAGE.replace("}", ',"properties":{"topicAlias":1}}')}}`,
    '"message.properties.topicAlias" is not a known field',
  ],
  [
    `{"kind":"retained","topic":"t",${MESSAGE.replace("}", ',"properties":{"userProperties":[["a"]]}}')}}`,
    '"message.properties.userProperties[0]" is not a name and a value',
  ],
  [`{"kind":"retained","topic":"t",${MESSAGE},"source":{}}`, '"source.roles" is not a list'],
  [`{"kind":"retained","topic":"t",${MESSAGE},"source":{"roles":[1],"grants":[]}}`, '"source.roles[0]" is not a text'],
  [
    `{"kind":"retained","topic":"t",${MESSAGE},"source":{"roles":[],"grants":[{"access":"all","topicFilter":"a"}]}}`,
    '"source.grants[0].access" is not read, write, readwrite or deny',
  ],
  ['{"kind":"transaction","changes":{}}', '"changes" is not a list'],
  ['{"kind":"transaction","changes":[1]}', '"changes[0]" is not an object'],
  [
    '{"kind":"transaction","changes":[{"kind":"transaction","changes":[]}]}',
    '"changes[0].kind" is not a kind of change',
  ],
];

for (const [line, says] of REFUSED) {
  Deno.test(`changeFromJson() refuses ${line.slice(0, 100)}`, () => {
    assertThrows(() => changeFromJson(line, 12), SyntaxError, `Cannot read line 12: ${says}`);
  });
}

seededTest("changeFromJson(changeToJson(change)) is the change, and the text has one line", (random) => {
  for (const change of new RandomChanges(random).list(200)) {
    const line = changeToJson(change);
    if (/[\r\n]/.test(line)) throw new Error(`"${line}" has a line end`);
    assertSame(changeFromJson(line, 1), change);
  }
});

seededTest("changeFromJson() refuses any other text with a SyntaxError, or takes it as a change", (random) => {
  for (const change of new RandomChanges(random).list(50)) {
    const line = changeToJson(change);
    const at = random.integer(0, line.length - 1);
    const damaged = line.slice(0, at) + random.pick(["", "0", '"', "}", "[", "null", "\ud800"]) +
      line.slice(at + random.integer(0, 3));
    try {
      const read = changeFromJson(damaged, 3);
      assertSame(changeFromJson(changeToJson(read), 4), read);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
});

/** By value: a message has fields that only depend on whether it was encoded. */
function assertSame(actual: CommitItem, expected: CommitItem): void {
  assertEquals(firstDifference(plain(actual), plain(expected), "change"), undefined);
}

function plain(change: CommitItem | Change): unknown {
  if (change.kind === "transaction") return { ...change, changes: change.changes.map(plain) };
  if (!("message" in change) || change.message === undefined) return change;
  const { topic, payload, qos, retain, properties, publisher, expiresAtMs } = change.message;
  return { ...change, message: { topic, payload, qos, retain, properties, publisher, expiresAtMs } };
}
