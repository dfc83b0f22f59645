/** What leaves before a commit, and what only behind it. */

import { assertEquals } from "@std/assert";
import { type BrokerEvent, memoryTransport } from "../../mod.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { converse, type Step } from "../wire/conversation.ts";

const DURABLE_SUBSCRIBER = ["s connects durable", "s > 82 [ 0001 {} 'x' 02 ]", "s < 90 [ 0001 {} 02 ]"];

interface HoldRow {
  readonly name: string;
  readonly before: readonly Step[];
  /** What makes a change. */
  readonly act: string;
  /** What must not come before the change is durable, and comes behind it. */
  readonly held: readonly string[];
}

const HOLD_ROWS: readonly HoldRow[] = [
  {
    name: "CONNACK of a durable session",
    before: [],
    act: "s > 10 [ @ 00 0000 { 11 00000e10 } 's' ]",
    held: ["s < 20 [ 00 00 { LIMITS } ]"],
  },
  {
    name: "SUBACK of a durable session",
    before: ["s connects durable"],
    act: "s > 82 [ 0001 {} 'x' 02 ]",
    held: ["s < 90 [ 0001 {} 02 ]"],
  },
  {
    name: "UNSUBACK of a durable session",
    before: DURABLE_SUBSCRIBER,
    act: "s > a2 [ 0002 {} 'x' ]",
    held: ["s < b0 [ 0002 {} <00> ]"],
  },
  {
    name: "PUBACK for a message that a durable session gets",
    before: [...DURABLE_SUBSCRIBER, "s disconnects", "p connects"],
    act: "p > 32 [ 'x' 0007 {} ]",
    held: ["p < 40 [ 0007 ]"],
  },
  {
    name: "PUBREC for a message that a durable session gets",
    before: [...DURABLE_SUBSCRIBER, "s disconnects", "p connects"],
    act: "p > 34 [ 'x' 0007 {} ]",
    held: ["p < 50 [ 0007 ]"],
  },
  {
    name: "PUBREC of a durable publisher",
    before: ["p connects durable"],
    act: "p > 34 [ 'x' 0007 {} ]",
    held: ["p < 50 [ 0007 <10> ]"],
  },
  {
    name: "PUBREC for a message that a durable publisher repeats",
    before: ["p connects durable"],
    act: "p > 34 [ 'x' 0007 {} ] 3c [ 'x' 0007 {} ]",
    held: ["p < 50 [ 0007 <10> ] 50 [ 0007 ]"],
  },
  {
    name: "PUBCOMP of a durable publisher",
    before: ["p connects durable", "p > 34 [ 'x' 0007 {} ]", "p < 50 [ 0007 <10> ]"],
    act: "p > 62 [ 0007 ]",
    held: ["p < 70 [ 0007 ]"],
  },
  {
    name: "PUBLISH with QoS 2 to a durable session, and PUBACK to its publisher",
    before: [...DURABLE_SUBSCRIBER, "p connects"],
    act: "p > 34 [ 'x' 0007 {} ]",
    held: ["s < 34 [ 'x' 0001 {} ]", "p < 50 [ 0007 ]"],
  },
  {
    name: "PUBREL to a durable session",
    before: [
      ...DURABLE_SUBSCRIBER,
      "p connects",
      "p > 34 [ 'x' 0007 {} ]",
      "p < 50 [ 0007 ]",
      "s < 34 [ 'x' 0001 {} ]",
    ],
    act: "s > 50 [ 0001 ]",
    held: ["s < 62 [ 0001 ]"],
  },
  {
    name: "PUBACK for a retained message",
    before: ["p connects"],
    act: "p > 33 [ 'r' 0007 {} \"kept\" ]",
    held: ["p < 40 [ 0007 <10> ]"],
  },
];

for (const { name, before, act, held } of HOLD_ROWS) {
  for (const version of [4, 5] as const) {
    Deno.test(`${name} leaves when the commit has resolved v${version}`, () => {
      const storage = new GatedStorage();
      return converse(version, { storage }, async (conversation) => {
        // Others are not held up.
        await conversation.run("b connects", "b > 82 [ 0001 {} 'other' 00 ]", "b < 90 [ 0001 {} 00 ]", ...before);
        storage.isGated = true;
        await conversation.run(act);
        const commit = await storage.nextCommit();
        await conversation.run("b > 30 [ 'other' {} ]", "b < 30 [ 'other' {} ]", "b quiet");
        for (const step of held) assertEquals(conversation.client(step.slice(0, 1)).unread.length, 0, step);
        commit.keep();
        await conversation.run(...held);
        storage.open();
      });
    });
  }
}

Deno.test("PUBLISH with QoS 0 and 1 to a durable session is not held", () => {
  const storage = new GatedStorage();
  return converse(4, { storage }, async (conversation) => {
    await conversation.run(...DURABLE_SUBSCRIBER, "p connects");
    storage.isGated = true;
    await conversation.run("p > 30 [ 'x' \"0\" ] 32 [ 'x' 0001 \"1\" ]", "s < 30 [ 'x' \"0\" ] 32 [ 'x' 0001 \"1\" ]");
    storage.open();
    await conversation.run("p < 40 [ 0001 ]", "s > 40 [ 0001 ]");
  });
});

Deno.test("A session that ends with its connection writes nothing and waits for nothing", () => {
  const storage = new GatedStorage();
  storage.isGated = true;
  return converse(5, { storage }, async (conversation) => {
    await conversation.run(
      "s connects",
      "s > 82 [ 0001 {} 'x' 02 ] 34 [ 'x' 0001 {} ]",
      "s < 90 [ 0001 {} 02 ] 50 [ 0001 ] 34 [ 'x' 0001 {} ]",
      "s > 50 [ 0001 ] 62 [ 0001 ]",
      "s < 62 [ 0001 ] 70 [ 0001 ]",
      "s disconnects",
    );
    assertEquals(storage.pendingCommits, 0);
  });
});

Deno.test("PUBACK for removing a retained message waits for the removal that came before", () => {
  const storage = new GatedStorage();
  return converse(5, { storage }, async (conversation) => {
    await conversation.run("p connects", "q connects", "p > 31 [ 'r' {} \"1\" ]", "p quiet");
    storage.isGated = true;
    await conversation.run("p > 31 [ 'r' {} ] 33 [ 'r' 0001 {} ]", "q quiet");
    const commit = await storage.nextCommit();
    await conversation.run("q quiet", "p > c0 00", "q quiet");
    assertEquals(conversation.client("p").unread.length, 0);
    commit.keep();
    await conversation.run("p < 40 [ 0001 10 ] d0 00");
    storage.open();
  });
});

Deno.test("What waits for a commit that fails never leaves: the connection is closed, MQTT 5 is told 0x83", () => {
  const storage = new GatedStorage();
  const events: BrokerEvent["kind"][] = [];
  return converse(5, { storage, onEvent: ({ kind }) => events.push(kind) }, async (conversation) => {
    await conversation.run(...DURABLE_SUBSCRIBER, "s disconnects", "p connects", "q connects");
    storage.isGated = true;
    await conversation.run("p > 32 [ 'x' 0001 {} ]");
    const commit = await storage.nextCommit();
    commit.fail();
    await conversation.run("p told e0 83", "q quiet");
    assertEquals(events.filter((kind) => kind === "commitFailed").length, 1);
    storage.open();
    // It is tried again, with what it could not keep; the next one is kept.
    await conversation.run("1000 ms pass", "q > 32 [ 'x' 0001 {} ]", "q < 40 [ 0001 ]");
    await conversation.run("s2 resumes", "s2 < 32 [ 'x' 0001 {} ] 32 [ 'x' 0002 {} ]");
  });
});

Deno.test("Who waits behind a commit that fails is closed when it fails again, not before", () => {
  const storage = new GatedStorage();
  return converse(5, { storage }, async (conversation) => {
    await conversation.run(...DURABLE_SUBSCRIBER, "s disconnects", "p connects", "q connects");
    storage.isGated = true;
    await conversation.run("p > 32 [ 'x' 0001 {} \"1\" ]");
    const first = await storage.nextCommit();
    await conversation.run("q > 32 [ 'x' 0001 {} \"2\" ]", "q > c0 00"); // The answer waits behind PUBACK.
    await conversation.run("b connects"); // By then both are read.
    first.fail();
    await conversation.run("p told e0 83", "1000 ms pass");
    const again = await storage.nextCommit();
    assertEquals(again.changes.length, 2); // Both, in order.
    again.keep();
    await conversation.run("q < 40 [ 0001 ] d0 00");
    storage.open();
  });
});

Deno.test("A commit that fails while the connection is being written to is not confirmed either", () => {
  const storage = new GatedStorage();
  return converse(4, { storage }, async (conversation) => {
    await conversation.run(...DURABLE_SUBSCRIBER, "s disconnects");
    const pair = memoryTransport(1);
    const client = new SlowReader(pair.client);
    const served = conversation.broker.serve(pair.server);
    client.send(conversation.bytes("10 [ @ 02 0000 'p' ] 82 [ 0001 'y' 00 ]"));
    await client.read(9);
    // More than the transport takes: a write is on its way.
    await conversation.run("q connects");
    for (let count = 0; count < 3; count++) {
      await conversation.run(`q > 30 [ 'y' "${"m".repeat(100)}" ]`, "q quiet");
    }
    storage.isGated = true;
    client.send(conversation.bytes("32 [ 'x' 0001 ]"));
    const commit = await storage.nextCommit();
    commit.fail();
    await conversation.run("q quiet");
    storage.open();
    const rest = await client.readToEnd();
    const puback = rest.slice(-4);
    assertEquals(puback.length === 4 && puback[0] === 0x40 && puback[1] === 2, false, "PUBACK came");
    pair.client.close();
    await served;
  });
});

Deno.test("broker.publish() rejects when its message could not be kept", () => {
  const storage = new GatedStorage();
  return converse(5, { storage }, async (conversation) => {
    await conversation.run(...DURABLE_SUBSCRIBER, "s disconnects");
    storage.isGated = true;
    const published = conversation.broker.publish("x", "1", { qos: 1 }).then(
      () => "kept",
      () => "lost",
    );
    (await storage.nextCommit()).fail();
    assertEquals(await published, "lost");
    storage.open();
  });
});

/** Reads only as much as it is told to. */
class SlowReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #bytes: number[] = [];

  constructor({ readable, writable }: ReturnType<typeof memoryTransport>["client"]) {
    this.#reader = readable.getReader();
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => {}); // The broker closes.
  }

  send(bytes: Uint8Array): void {
    this.#writer.write(bytes).catch(() => {}); // What was not taken is not answered.
  }

  async read(count: number): Promise<void> {
    while (this.#bytes.length < count) this.#bytes.push(...(await this.#reader.read()).value ?? []);
  }

  /** What comes until the broker closes. */
  async readToEnd(): Promise<number[]> {
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) return this.#bytes;
      this.#bytes.push(...value);
    }
  }
}
