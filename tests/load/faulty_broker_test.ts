import { assertEquals, assertMatch } from "@std/assert";
import type { BenchResult } from "../../src/load/bench_result.ts";
import { PacketDecoder } from "../../src/codec/decoder.ts";
import { encodePacket } from "../../src/codec/encoder.ts";
import type { Packet, PublishPacket } from "../../src/codec/packet.ts";
import { NO_PROPERTIES } from "../../src/codec/property.ts";
import { ProgramInProcess } from "../cli/program_in_process.ts";

/** Gives the messages that the broker delivers for one; `count` is 1 for the first that it gets. */
type Fault = (message: PublishPacket, count: number) => readonly PublishPacket[];

/** A broker of one publisher and one subscriber that does something wrong. */
class FaultyBroker implements AsyncDisposable {
  readonly url: string;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #fault: Fault;
  readonly #serving: Promise<void>[] = [];
  readonly #accepting: Promise<void>;
  #subscriber: Deno.Conn | undefined;
  #count = 0;

  constructor(fault: Fault) {
    this.#fault = fault;
    this.url = `mqtt://127.0.0.1:${this.#listener.addr.port}`;
    this.#accepting = this.#accept();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    await Promise.all(this.#serving);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) this.#serving.push(this.#serve(conn));
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    const decoder = new PacketDecoder();
    for await (const chunk of conn.readable) {
      for (const packet of decoder.decode(chunk)) await this.#answer(conn, packet as Packet); // Ours are well-formed.
    }
  }

  async #answer(conn: Deno.Conn, packet: Packet): Promise<void> {
    const common = { properties: NO_PROPERTIES } as const;
    switch (packet.type) {
      case "connect":
        return await send(conn, { type: "connack", sessionPresent: false, reasonCode: 0, ...common });
      case "subscribe": {
        this.#subscriber = conn;
        const { packetIdentifier } = packet;
        return await send(conn, { type: "suback", packetIdentifier, reasonCodes: [0], ...common });
      }
      case "publish":
        if (this.#subscriber !== undefined) await send(this.#subscriber, ...this.#fault(packet, ++this.#count));
    }
  }
}

/** Sends packets in one piece. */
async function send(conn: Deno.Conn, ...packets: readonly Packet[]): Promise<void> {
  const writer = conn.writable.getWriter();
  await writer.write(Uint8Array.from(packets.flatMap((packet) => [...encodePacket(packet, 5)])));
  writer.releaseLock();
}

const MESSAGES = 40;
const held: PublishPacket[] = [];
const ROWS: readonly { readonly name: string; readonly fault: Fault; readonly result: Partial<BenchResult> }[] = [
  { name: "nothing wrong", fault: (message) => [message], result: { ok: true, delivered: 40, lost: 0 } },
  {
    name: "a message that is lost",
    fault: (message, count) => count === 7 ? [] : [message],
    result: { ok: false, delivered: 39, lost: 1, outOfOrder: 0 },
  },
  {
    name: "a message that comes twice",
    // The last one: the program ends when it has had as many as were published.
    fault: (message, count) => count === MESSAGES ? [message, message] : [message],
    result: { ok: false, delivered: 41, lost: 0, outOfOrder: 1 },
  },
  {
    name: "messages in another order",
    fault: (message, count) => {
      if (count === 7) held.push(message);
      return count === 7 ? [] : count === 8 ? [message, ...held] : [message];
    },
    result: { ok: false, delivered: 40, outOfOrder: 1, lost: 1 },
  },
  {
    name: "a payload that was cut",
    fault: (message, count) => count === 7 ? [{ ...message, payload: message.payload.subarray(1) }] : [message],
    result: { ok: false, delivered: 39, foreign: 1, lost: 1 },
  },
];

Deno.test("brooklet bench finds what a broker does wrong", async (test) => {
  const found = ROWS.map(({ fault }) => foundAt(fault)); // At the same time: what does not come is waited for.
  await Promise.allSettled(found);
  for (const [index, { name, result }] of ROWS.entries()) {
    await test.step(name, async () => {
      const actual = await found[index];
      assertEquals(
        Object.fromEntries(Object.keys(result).map((key) => [key, actual?.[key as keyof BenchResult]])),
        result,
      );
      assertEquals(actual?.code, result.ok ? 0 : 1);
      assertEquals(actual?.sent, MESSAGES);
    });
  }
});

Deno.test("brooklet bench says in one line that the broker has closed a connection", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closing = (async () => {
    for await (const conn of listener) conn.close();
  })();
  await using program = new ProgramInProcess(["bench", `mqtt://127.0.0.1:${listener.addr.port}`]);
  const { code, stdout, stderr } = await program.ended(30_000);
  listener.close();
  await closing;
  assertEquals([code, stdout, stderr.length], [1, [], 1]);
  assertMatch(stderr[0] ?? "", /^brooklet: Cannot connect to mqtt:.*(closed the connection|reset)/);
});

/** Result of a run at a broker, with its exit code. */
async function foundAt(fault: Fault): Promise<BenchResult & { readonly code: number }> {
  await using broker = new FaultyBroker(fault);
  const args = ["bench", broker.url, "--pairs", "1", "--messages", `${MESSAGES}`, "--json"];
  await using program = new ProgramInProcess(args);
  const { code, stdout } = await program.ended(30_000);
  return { code, ...JSON.parse(stdout[0] ?? "") };
}
