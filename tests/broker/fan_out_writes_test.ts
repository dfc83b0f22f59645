/** Who publishes to many is read again when these were written to: what comes in the meantime leaves with one write each. */

import { assertEquals } from "@std/assert";
import { memoryTransport } from "../../mod.ts";
import { Deadlines } from "../../src/broker/deadlines.ts";
import { FanOutWrites } from "../../src/broker/turn.ts";
import { channelOf, ChannelTransport } from "../../src/transport/channel_transport.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { within } from "../deadline.ts";
import { type Conversation, converse } from "../wire/conversation.ts";

const ROWS = [
  { begun: 8, ended: 7 },
  { begun: 300, ended: 263 },
];
for (const { begun, ended } of ROWS) {
  Deno.test(`Of ${begun} writes to many ${ended} must be through`, async () => {
    const deadlines = new Deadlines();
    const writes = new FanOutWrites(deadlines, 0);
    let isThrough = false;
    const through = writes.through.then(() => isThrough = true);
    for (let count = 0; count < begun; count++) writes.begin();
    writes.allBegun();
    for (let count = 0; count < ended - 1; count++) writes.end();
    await Promise.resolve();
    assertEquals(isThrough, false);
    writes.end();
    await within(through, "the writes");
    assertEquals(deadlines.size, 0);
    for (let count = ended; count < begun; count++) writes.end(); // Late ones do no harm.
  });
}

Deno.test("Of 300 writes to many 263 must be through, also where 200 are when the others begin", async () => {
  const deadlines = new Deadlines();
  const writes = new FanOutWrites(deadlines, 0);
  let isThrough = false;
  const through = writes.through.then(() => isThrough = true);
  for (let count = 0; count < 200; count++) writes.begin();
  for (let count = 0; count < 200; count++) writes.end();
  for (let count = 200; count < 300; count++) writes.begin();
  writes.allBegun();
  for (let count = 200; count < 262; count++) writes.end();
  await Promise.resolve();
  assertEquals(isThrough, false);
  writes.end();
  await within(through, "the writes");
});

Deno.test("Of 0 writes to many none must be through", async () => {
  const deadlines = new Deadlines();
  const writes = new FanOutWrites(deadlines, 0);
  writes.allBegun();
  await within(writes.through, "the writes");
  assertEquals(deadlines.size, 0);
});

Deno.test("Writes to many that are not through are waited for 50 ms", async () => {
  const deadlines = new Deadlines();
  const writes = new FanOutWrites(deadlines, 1_000);
  for (let count = 0; count < 256; count++) writes.begin();
  writes.allBegun();
  deadlines.tick(1_049);
  assertEquals(deadlines.size, 1);
  deadlines.tick(1_050);
  await within(writes.through, "the writes");
});

/** To the many, and to "w" behind that. */
const PUBLISHES = ["p > 30 [ 'a' \"1\" ]", "p > 30 [ 'b' \"2\" ]"];
const IS_READ_AGAIN = "w < 30 [ 'b' \"2\" ]";

Deno.test("A client that publishes to 300 is read again when 263 of these were written to, and others at once", () =>
  publishingTo(300, async (conversation, subscribers) => {
    await conversation.run("w quiet", "w quiet");
    for (const { read } of subscribers.slice(0, 262)) await read();
    await conversation.run("w quiet", "w quiet");
    await subscribers[262]?.read();
    await conversation.run(IS_READ_AGAIN);
  }));

const TALKS: readonly { readonly name: string; readonly to: number; readonly steps: readonly string[] }[] = [
  {
    name: "to 300 who do not read is read again after 50 ms",
    to: 300,
    steps: ["49 ms pass", "w quiet", "w quiet", "1 ms pass", IS_READ_AGAIN],
  },
  {
    name: "to 300 who have not read before waits for none of these",
    to: 300,
    steps: ["50 ms pass", IS_READ_AGAIN, ...PUBLISHES, IS_READ_AGAIN],
  },
  { name: "to 255 waits for none of these", to: 255, steps: [IS_READ_AGAIN] },
  {
    name: "to many and is disconnected waits for none of these",
    to: 300,
    steps: ["w quiet", "p2 connects", "p closed", "p2 > 30 [ 'b' \"3\" ]", "w < 30 [ 'b' \"3\" ]"],
  },
];
for (const { name, to, steps } of TALKS) {
  Deno.test(`A client that publishes ${name}`, () => publishingTo(to, (conversation) => conversation.run(...steps)));
}

/** "p" publishes to so many subscribers that do not read, and then to "w". */
function publishingTo(
  count: number,
  talk: (conversation: Conversation, subscribers: readonly Subscriber[]) => Promise<void>,
): Promise<void> {
  return converse(4, {}, async (conversation) => {
    const begun = Promise.withResolvers<void>();
    const subscribers = await subscribersOf(conversation, count, () => begun.resolve());
    await conversation.run("w connects", "w > 82 [ 0001 'b' 00 ]", "w < 90 [ 0001 00 ]", "p connects", ...PUBLISHES);
    // On a busy machine they begin in several turns, between which the time of the conversation does not pass.
    await within(begun.promise, "the writes to begin");
    await talk(conversation, subscribers);
    for (const { leave } of subscribers) await leave();
  });
}

interface Subscriber {
  /** One chunk. */
  read(): Promise<unknown>;
  leave(): Promise<void>;
}

/** Subscribers of "a" that do not read on: a write to them ends when they do. The third write to each is the PUBLISH. */
function subscribersOf(
  conversation: Conversation,
  count: number,
  allBegun: () => void,
): Promise<readonly Subscriber[]> {
  let publishes = 0;
  const published = () => {
    publishes += 1;
    if (publishes === count) allBegun();
  };
  return Promise.all(Array.from({ length: count }, async (_, index) => {
    const pair = memoryTransport(1);
    const served = conversation.broker.serve(withThirdWrite(pair.server, published));
    const writer = pair.client.writable.getWriter();
    const reader = pair.client.readable.getReader();
    const clientId = `s${String(index).padStart(3, "0")}`;
    await writer.write(conversation.bytes(`10 [ @ 02 0000 '${clientId}' ]`));
    await within(reader.read(), "CONNACK");
    await writer.write(conversation.bytes("82 [ 0001 'a' 00 ]"));
    await within(reader.read(), "SUBACK");
    return {
      read: () => within(reader.read(), "PUBLISH"),
      leave: () => {
        pair.client.close();
        return served;
      },
    };
  }));
}

/** Tells when the third write begins. */
function withThirdWrite(transport: Transport, begins: () => void): Transport {
  const channel = channelOf(transport);
  let writes = 0;
  return new ChannelTransport({
    read: (room) => channel.read(room),
    write(bytes) {
      writes += 1;
      if (writes === 3) begins();
      return channel.write(bytes);
    },
    get isWriting() {
      return channel.isWriting;
    },
    closeWrite: () => channel.closeWrite(),
    close: () => channel.close(),
  }, transport.peer);
}
