import { assertEquals, assertThrows } from "@std/assert";
import {
  decodeClock,
  decodeSession,
  decodeSubscription,
  encodeClock,
  encodeSubscription,
  MessageRecords,
} from "../../src/storage/records/records.ts";
import { decodePage, SessionProgress } from "../../src/storage/records/session_queue.ts";
import { message, TRAITS, willMessage } from "../../src/testing/storage_suite/changes.ts";
import { fromHex } from "../codec/hex.ts";

/** As versions before this one wrote them, which knew nothing of the publisher but its Client Identifier. */
const OF_OLD = {
  session: "01 63 3c 01 03 616e6e 00",
  retained: "01 0170 33 08 000174 0001 00 6869",
  will: "00 10 1a 0004 4d515454 05 0c 0000 00 0000 00 0004 77696c6c 0004 676f6e65",
  subscription: "15 07 05 612f2b2f23",
  dueWill: "01 4024000000000000 10 1a 0004 4d515454 05 0c 0000 00 0000 00 0004 77696c6c 0004 676f6e65",
};

Deno.test("A session of an earlier version is read, without the network that it was begun from", () => {
  const { clientId, principal, network, sessionExpirySeconds, expiresAtMs } = decodeSession(fromHex(OF_OLD.session));
  assertEquals([clientId, principal, network, sessionExpirySeconds, expiresAtMs], [
    "c",
    "ann",
    undefined,
    60,
    undefined,
  ]);
});

Deno.test("A retained message of an earlier version is read, without the attributes of its publisher", () => {
  const { message, source } = new MessageRecords().decodeRetained(fromHex(OF_OLD.retained));
  const { topic, payload, qos, retain, publisher } = message;
  assertEquals([topic, new TextDecoder().decode(payload), qos, retain, publisher], ["t", "hi", 1, true, "p"]);
  assertEquals(source, undefined);
});

Deno.test("A Will of an earlier version is read, without the attributes of its client", () => {
  const records = new MessageRecords();
  const { will, publishAtMs, source } = records.decodeWill(fromHex(OF_OLD.will));
  assertEquals([will.topic, new TextDecoder().decode(will.payload), publishAtMs, source], [
    "will",
    "gone",
    undefined,
    undefined,
  ]);
  const due = records.decodeWill(fromHex(OF_OLD.dueWill));
  assertEquals([due.publishAtMs, due.source], [10, undefined]);
});

Deno.test("A Subscription of an earlier version is read, and has got all its retained messages", () => {
  const { subscription, retainedDue } = decodeSubscription(fromHex(OF_OLD.subscription));
  const { filter, qos, noLocal, retainAsPublished, retainHandling, subscriptionIdentifier } = subscription;
  assertEquals([filter.topicFilter, qos, noLocal, retainAsPublished], ["a/+/#", 1, true, false]);
  assertEquals([retainHandling, subscriptionIdentifier, retainedDue], [1, 7, undefined]);
  assertEquals(encodeSubscription({ subscription }), fromHex(OF_OLD.subscription));
});

Deno.test("A Subscription whose retained messages are cut is an error", () => {
  const { subscription } = decodeSubscription(fromHex(OF_OLD.subscription));
  const retainedDue = { after: "a/b", until: 1, passes: 1, passesUntil: 1 };
  const record = encodeSubscription({ subscription, retainedDue });
  assertEquals(decodeSubscription(record), { subscription, retainedDue });
  const begin = fromHex(OF_OLD.subscription).length;
  for (let end = begin + 1; end < record.length; end++) assertThrows(() => decodeSubscription(record.subarray(0, end)));
});

Deno.test("Records without what publishers and clients were are those of earlier versions", () => {
  const records = new MessageRecords();
  assertEquals(records.encode(message("hi", { retain: true })), fromHex(OF_OLD.retained));
  assertEquals(records.encodeWill({ will: willMessage("gone"), publishAtMs: 10 }), fromHex(OF_OLD.dueWill));
});

Deno.test("Publishers that are the same to access rules are one object, however many messages they have", () => {
  const records = new MessageRecords();
  const [one, other] = ["a", "b"].map((topic) =>
    records.decodeRetained(records.encode(message("m", { topic, publisher: topic }), structuredClone(TRAITS[2]))).source
  );
  assertEquals(one, TRAITS[2]);
  assertEquals(one === other, true);
});

Deno.test("A record whose publisher is cut, or has a right that is none, is an error", () => {
  const records = new MessageRecords();
  const traits = { principal: undefined, roles: [], grants: [{ access: "deny", topicFilter: "c" }] } as const;
  const record = records.encode(message("m"), { ...traits, listener: undefined }).slice();
  const at = record.indexOf(3); // How `deny` is numbered.
  assertThrows(() => records.decodeRetained(record.subarray(0, at + 1)));
  record[at] = 4;
  assertThrows(() => records.decodeRetained(record), RangeError, "Cannot read a right: it is none");
});

/** Records with a block of fields, `03 aabbcc`, or more bytes at the end, and without: a later version may write them. */
const LATER: readonly { name: string; record: string; later: string; decode: (bytes: Uint8Array) => unknown }[] = [
  { name: "session", record: "01 63 3c 00 00 01 6e", later: "01 63 3c 00 80 03 aabbcc 01 6e", decode: decodeSession },
  {
    name: "Subscription",
    record: `${OF_OLD.subscription} 01 61 05 01 06`,
    later: "95 07 05 612f2b2f23 03 aabbcc 01 61 05 01 06",
    decode: decodeSubscription,
  },
  {
    name: "message",
    record: OF_OLD.retained,
    later: "81 0170 03 aabbcc 33 08 000174 0001 00 6869",
    decode: (bytes) => new MessageRecords().decodeRetained(bytes),
  },
  {
    name: "publisher",
    record: "04 01 0170 00 00 33 08 000174 0001 00 6869",
    later: "04 81 0170 00 00 03 aabbcc 33 08 000174 0001 00 6869",
    decode: (bytes) => new MessageRecords().decodeRetained(bytes),
  },
  {
    name: "Will",
    record: OF_OLD.will,
    later: OF_OLD.will.replace("00", "80 03 aabbcc"),
    decode: (bytes) => new MessageRecords().decodeWill(bytes),
  },
  {
    name: "page",
    record: "01 01 01 09 02 6869",
    later: "01 01 81 09 03 aabbcc 02 6869",
    decode: (bytes) => [...decodePage(bytes)],
  },
  {
    name: "progress",
    record: "05 06 00 00 00",
    later: "05 06 00 00 00 aabbcc",
    decode: (bytes) => SessionProgress.decode(bytes),
  },
  {
    name: "clock",
    record: encodeClock({ kind: "clock", nowMs: 1, wallMs: 2 }).toHex(),
    later: encodeClock({ kind: "clock", nowMs: 1, wallMs: 2 }).toHex() + "aabbcc",
    decode: decodeClock,
  },
];

for (const { name, record, later, decode } of LATER) {
  Deno.test(`A ${name} with fields of a later version is read without them`, () => {
    assertEquals(decode(fromHex(later)), decode(fromHex(record)));
  });
}

Deno.test("A record with an unknown flag is an error: its fields would be taken for others", () => {
  const records = new MessageRecords();
  assertThrows(() => decodeSession(fromHex("01 63 3c 00 02 01 6e")), RangeError);
  assertThrows(() => decodeSubscription(fromHex(OF_OLD.subscription.replace("15", "55"))), RangeError);
  assertThrows(() => records.decodeRetained(fromHex(OF_OLD.retained.replace("01", "11"))), RangeError);
  assertThrows(() => records.decodeWill(fromHex(OF_OLD.will.replace("00", "04"))), RangeError);
  assertThrows(() => [...decodePage(fromHex("01 01 41 09 02 6869"))], RangeError);
});
