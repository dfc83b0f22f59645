import { assertEquals } from "@std/assert";
import { SessionChanges } from "../../src/protocol/change.ts";
import { ApplicationMessage } from "../../src/protocol/message.ts";
import { entryOf, MemoryLog, messageOf } from "./session_parts.ts";

function changesWith(isDurable: boolean) {
  const log = new MemoryLog();
  return { log, changes: new SessionChanges("c", isDurable, log) };
}

Deno.test("SessionChanges of a durable session are written, each with its sequence", () => {
  const { log, changes } = changesWith(true);
  const entry = entryOf(1, messageOf("x", "1", { qos: 2 }), { retain: true, packetIdentifier: 7 });
  assertEquals([changes.queued(entry, messageOf("x", "1")), changes.sent(1, 7)], [1, 2]);
  changes.received(1);
  changes.completed(1);
  assertEquals(changes.heldUntil, 4);
  assertEquals(log.take(), ['queued 1 x "1" QoS 2 #7 retain', "sent 1 #7", "received 1", "completed 1"]);
});

Deno.test("SessionChanges.queued() keeps all of a message, and the message its own bytes", () => {
  const { log, changes } = changesWith(true);
  const payload = new Uint8Array(1_000).subarray(0, 1);
  const message = new ApplicationMessage({ topic: "x", payload, qos: 1, retain: false, properties: {} }, "p", 0);
  const { sequence, qos, retain, packetIdentifier } = entryOf(3, message);
  changes.queued(
    { sequence, qos, retain, packetIdentifier, subscriptionIdentifiers: [4], sharedFilter: "$share/g/x" },
    message,
  );
  assertEquals(log.changes, [{
    kind: "queued",
    clientId: "c",
    sequence: 3,
    message,
    qos: 1,
    retain: false,
    subscriptionIdentifiers: [4],
    sharedFilter: "$share/g/x",
    packetIdentifier: 0,
  }]);
  assertEquals(message.payload.buffer.byteLength, 1);
});

Deno.test("SessionChanges of a session that ends with its connection are not written, and hold nothing back", () => {
  const { log, changes } = changesWith(false);
  log.write({ kind: "sessionEnded", clientId: "other" });
  const entry = entryOf(1);
  entry.queuedAt = changes.queued(entry, messageOf("x", "1"));
  entry.sentAt = changes.sent(1, 7);
  changes.received(1);
  changes.completed(1);
  changes.acknowledged(entry);
  assertEquals([entry.queuedAt, entry.sentAt, changes.heldUntil], [0, 0, 0]);
  assertEquals(log.take(), ["sessionEnded"]);
});

Deno.test("SessionChanges.acknowledged() takes back what the storage has not got yet, and completes the rest", () => {
  for (const flushed of [0, 1, 2] as const) {
    const { log, changes } = changesWith(true);
    const entry = entryOf(1);
    entry.queuedAt = changes.queued(entry, messageOf("x", "1"));
    if (flushed === 1) log.flush();
    entry.sentAt = changes.sent(1, 7);
    if (flushed === 2) log.flush();
    changes.acknowledged(entry);
    const kinds = log.changes.map(({ kind }) => kind);
    assertEquals(kinds, flushed === 0 ? [] : ["queued", "sent", "completed"]);
  }
});
