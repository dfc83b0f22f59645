/** What waits to be written to many clients that do not read. */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { memoryTransport } from "../../mod.ts";
import { type Conversation, converse } from "../wire/conversation.ts";

const STUCK = 10;
const MESSAGES = 200;
const MESSAGE_BYTES = 1_000; // Small enough to be copied for each client.
const NO_BACKLOG = { maximumBacklogBytes: 0, maximumQueuedBytes: 0 };

for (const [maximumTotalOutboxBytes, least, most] of [[300_000, 1_000, 2_000], [Infinity, 0, 1]] as const) {
  Deno.test(`${STUCK} clients that do not read have ${maximumTotalOutboxBytes} bytes in their outboxes together`, () =>
    converse(4, { limits: { ...NO_BACKLOG, maximumTotalOutboxBytes } }, async (conversation) => {
      const { broker } = conversation;
      const closers: (() => Promise<void>)[] = [];
      for (let index = 0; index < STUCK; index++) closers.push(await connectStuck(conversation, `stuck${index}`));
      await conversation.run("r connects", "r > 82 [ 0001 'x' 00 ]", "r < 90 [ 0001 00 ]");
      const message = conversation.bytes(`30 [ 'x' ${"6d".repeat(MESSAGE_BYTES)} ]`);
      const publish = async (count: number) => {
        for (let index = 0; index < count; index++) {
          await broker.publish("x", new Uint8Array(MESSAGE_BYTES).fill(0x6d));
          await conversation.client("r").expect(message); // One that reads gets all.
        }
      };
      await publish(MESSAGES);
      const { qos0 } = broker.metrics.dropped;
      assertGreater(qos0, least - 1);
      assertLess(qos0, most);
      for (const close of closers) await close();
      const late = await connectStuck(conversation, "late"); // Those that have gone leave their room.
      await publish(100);
      assertEquals(broker.metrics.dropped.qos0, qos0);
      await late();
    }));
}

Deno.test("broker.reload() changes maximumTotalOutboxBytes", () =>
  converse(4, { limits: NO_BACKLOG }, async (conversation) => {
    const { broker } = conversation;
    const close = await connectStuck(conversation, "stuck");
    broker.reload({ limits: { ...NO_BACKLOG, maximumTotalOutboxBytes: 0 } });
    for (let index = 0; index < MESSAGES; index++) {
      await broker.publish("x", new Uint8Array(MESSAGE_BYTES));
      await conversation.run("r connects", "r disconnects"); // Its turn is over.
    }
    assertGreater(broker.metrics.dropped.qos0, 100);
    await close();
  }));

/** Connects a client that reads nothing after its SUBACK; gives what ends it. */
async function connectStuck(conversation: Conversation, name: string): Promise<() => Promise<void>> {
  const pair = memoryTransport(1);
  const { readable, writable } = pair.client;
  const served = conversation.broker.serve(pair.server);
  const writer = writable.getWriter();
  writer.closed.catch(() => {}); // The broker may close.
  const reader = readable.getReader();
  await writer.write(conversation.bytes(`10 [ @ 02 0000 '${name}' ]`));
  await reader.read();
  await writer.write(conversation.bytes("82 [ 0001 'x' 00 ]"));
  await reader.read();
  reader.releaseLock();
  return async () => {
    pair.client.close();
    await served;
  };
}
