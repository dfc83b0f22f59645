/** What the storage has of a session comes back page by page, for a connection that is there. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type BrokerEvent, DEFAULT_LIMITS, ReasonCode } from "../../mod.ts";
import { type Change, MemoryStorage } from "../../src/storage/mod.ts";
import { TopicInterner } from "../../src/codec/topic_interner.ts";
import { SessionPages } from "../../src/broker/session_pages.ts";
import type { QueuedChange } from "../../src/protocol/change.ts";
import { ApplicationMessage } from "../../src/protocol/message.ts";
import { OutgoingTopicAliases } from "../../src/protocol/publish_rules.ts";
import { Outbox } from "../../src/protocol/outbox.ts";
import type { ConnectionPort } from "../../src/protocol/connection_port.ts";
import { Session } from "../../src/protocol/session.ts";
import { sessionContext, UNBOUNDED } from "./session_context.ts";

const PAGE_MESSAGES = 2_048;

/** Notes after which sequence each read begins, and how much it takes. */
class NotingStorage extends MemoryStorage {
  readonly reads: { readonly after: number; count: number }[] = [];
  /** A read waits for it after its first change; a rejection is what the read gives. */
  gate: Promise<void> | undefined;

  override async *restoreSession(clientId: string, after = 0): AsyncGenerator<Change> {
    const read = { after, count: 0 };
    this.reads.push(read);
    for await (const change of super.restoreSession(clientId, after)) {
      read.count += 1;
      yield change;
      await this.gate;
    }
  }
}

/** A connection with a session for which so many messages wait in a storage. */
function paged(messages: number) {
  const storage = new NotingStorage();
  storage.commit([{ kind: "sessionStarted", clientId: "c", principal: undefined }]);
  storage.commit(Array.from({ length: messages }, (_, index) => queued(index + 1)));
  const events: BrokerEvent[] = [];
  const steps: string[] = [];
  const pages = new SessionPages({
    storage,
    commits: {
      settled: () => {
        steps.push(`settled before read ${storage.reads.length + 1}`);
        return Promise.resolve();
      },
    },
    turn: { now: () => 0 },
    onEvent: (event) => events.push(event),
  });
  const session = new Session(
    "c",
    sessionContext(undefined, { ...DEFAULT_LIMITS, maximumInflight: 65_535 }),
    UNBOUNDED,
  );
  session.restore({ kind: "backlog", clientId: "c", lastSequence: messages, messages, bytes: messages });
  const connection = {
    clientId: "c",
    session,
    closing: undefined as
      | { readonly reasonCode: ReasonCode; readonly reason: string; readonly by: "server" }
      | undefined,
    disconnect(reasonCode: ReasonCode, reason: string) {
      this.closing = { reasonCode, reason, by: "server" };
    },
  };
  return { storage, events, steps, pages, session, connection };
}

function queued(sequence: number, sharedFilter?: string, qos: 1 | 2 = 1, packetIdentifier = 0): QueuedChange {
  const packet = { topic: "t", payload: new Uint8Array(0), qos, retain: false, properties: {} };
  const message = new ApplicationMessage(packet, undefined, 0);
  return {
    kind: "queued",
    clientId: "c",
    sequence,
    message,
    qos,
    retain: false,
    subscriptionIdentifiers: [],
    sharedFilter,
    packetIdentifier,
  };
}

/** A client that reads all that it gets. */
function reading(): ConnectionPort & { sent: number; wakes: number } {
  return {
    version: 5,
    outbox: new Outbox(new TopicInterner()),
    receiveMaximum: 65_535,
    maximumPacketBytes: Infinity,
    aliases: new OutgoingTopicAliases(0),
    sent: 0,
    send() {
      this.sent += 1;
      this.wake();
      return true;
    },
    isFull: false,
    writingSinceMs: Infinity,
    pumpLater: () => {},
    isPumpLater: false,
    wakes: 0,
    wake() {
      this.wakes += 1;
    },
    onSent: undefined,
  };
}

Deno.test("SessionPages.read() gives a page, and the next one begins after it", async () => {
  const { storage, steps, pages, session, connection } = paged(PAGE_MESSAGES + 10);
  session.beginRestore();
  await pages.read(session, connection);
  assertEquals(storage.reads, [{ after: 0, count: PAGE_MESSAGES }]);
  assert(!session.wantsPage, "a page is enough for now");
  await pages.read(session, connection);
  assertEquals(storage.reads[1], { after: PAGE_MESSAGES, count: 10 });
  session.attach(reading());
  session.resume(0);
  assert(!session.wantsPage, "all has come back");
  assertEquals(steps, ["settled before read 1", "settled before read 2"]);
});

Deno.test("SessionPages.load() reads page after page, and sends it", async () => {
  const { storage, pages, session, connection, events } = paged(2 * PAGE_MESSAGES + 10);
  session.beginRestore();
  await pages.read(session, connection);
  const link = reading();
  session.attach(link);
  session.resume(0);
  while (session.wantsPage) {
    assertEquals(link.sent, storage.reads.length * PAGE_MESSAGES);
    const { wakes } = link;
    pages.load(connection);
    pages.load(connection); // One page at a time.
    while (link.wakes === wakes) await Promise.resolve();
  }
  assertEquals(storage.reads.map(({ after }) => after), [0, PAGE_MESSAGES, 2 * PAGE_MESSAGES]);
  assertEquals(link.sent, 2 * PAGE_MESSAGES + 10);
  assertEquals(events, []);
});

Deno.test("SessionPages.read() stops for a connection that is closing: what is left stays in the storage", async () => {
  const { storage, pages, session, connection } = paged(10);
  session.beginRestore();
  const read = pages.read(session, connection);
  while (storage.reads[0]?.count !== 3) await Promise.resolve();
  connection.disconnect(ReasonCode.SessionTakenOver, "");
  await read;
  assertEquals(storage.reads, [{ after: 0, count: 3 }]);
  session.detach();
  assertEquals(session.messageCount, 10);
});

Deno.test("SessionPages.load() ends the connection of a session that cannot be read, and tells it once", async () => {
  const { storage, pages, session, connection, events } = paged(PAGE_MESSAGES + 10);
  session.beginRestore();
  await pages.read(session, connection);
  session.attach(reading());
  session.resume(0);
  const error = new Error("the disk is gone");
  storage.gate = Promise.reject(error);
  pages.load(connection);
  while (connection.closing === undefined) await Promise.resolve();
  assertEquals(connection.closing.reasonCode, ReasonCode.ImplementationSpecificError);
  assertEquals(events, [{ kind: "readFailed", clientId: "c", error }]);
  pages.tellReadFailed(connection, error); // It ends anyway.
  assertEquals(events.length, 1);
});

Deno.test("SessionPages.load() reads nothing for a connection without a session", async () => {
  const { storage, pages, connection } = paged(10);
  pages.load({ ...connection, session: undefined });
  await Promise.resolve();
  assertEquals(storage.reads, []);
});

Deno.test("SessionPages.sharedMessages() gives what another member may get [MQTT-4.8.2-5]", async () => {
  const { storage, pages, steps } = paged(0);
  storage.commit([
    queued(1, "$share/g/t"),
    queued(2),
    queued(3, "$share/g/t", 1, 1), // In flight with QoS 1.
    queued(4, "$share/g/t", 2, 2), // In flight with QoS 2: the client may have it.
    queued(5, "$share/h/t", 2),
  ]);
  const messages = await pages.sharedMessages("c");
  assertEquals(messages.map(({ sharedFilter }) => sharedFilter), ["$share/g/t", "$share/g/t", "$share/h/t"]);
  assertEquals(steps, ["settled before read 1"]);
  storage.gate = Promise.reject(new Error("the disk is gone"));
  await assertRejects(() => pages.sharedMessages("c"), Error, "the disk is gone");
});
