/** Limits of a trace: what it keeps, what it counts as lost, when it ends, and that its readers cost nothing. */

import { assert, assertEquals } from "@std/assert";
import { Broker, memoryTransport } from "../../../mod.ts";
import type { Trace } from "../../../src/admin/trace/trace.ts";
import type { TraceOptions, TraceRecord } from "../../../src/admin/trace/trace_records.ts";
import { Traces } from "../../../src/admin/trace/traces.ts";
import { fromHex } from "../../codec/hex.ts";
import { within } from "../../deadline.ts";
import { settled, started } from "./traced.ts";

const CONNECT = fromHex("10 [ 'MQTT' 05 02 0000 00 'a' ]");
const START_MS = 1_000_000;

/** A client "a" that is traced, with a clock of the test. */
class Publisher {
  readonly traces: Traces;
  readonly trace: Trace;
  nowMs = START_MS;
  readonly #broker: Broker;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #served: Promise<void>;
  readonly #close: () => void;

  private constructor(broker: Broker, options: TraceOptions) {
    this.#broker = broker;
    this.traces = new Traces(broker, { now: () => this.nowMs });
    this.trace = started(this.traces, options);
    const { server, client } = memoryTransport();
    this.#served = broker.serve(server);
    this.#writer = client.writable.getWriter();
    this.#close = () => client.close();
  }

  static async open(options: TraceOptions = { clientId: "a" }): Promise<Publisher> {
    const publisher = new Publisher(await Broker.open(), options);
    await publisher.send(CONNECT);
    return publisher;
  }

  /** Sends bytes, and lets the broker read them. */
  async send(bytes: Uint8Array): Promise<void> {
    await this.#writer.write(bytes);
    await settled();
  }

  /** Sends so many PUBLISH of a payload in one chunk. */
  async publish(count: number, payload: string): Promise<void> {
    const one = fromHex(`30 [ 'x' 00 "${payload}" ]`);
    const all = new Uint8Array(one.length * count);
    for (let index = 0; index < count; index++) all.set(one, index * one.length);
    await this.send(all);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    await within(this.#served, "the end of the connection");
    this.traces.close();
    await this.#broker.close();
  }
}

Deno.test("a trace has 5,000 records of a second, and counts the others as lost, exactly and where they were", async () => {
  await using publisher = await Publisher.open();
  const { trace } = publisher;
  const before = trace.facts.records; // Opened, CONNECT, CONNACK.
  await publisher.publish(7_000, "m");
  assertEquals([trace.facts.records, trace.facts.lost], [5_000, 7_000 - (5_000 - before)]);
  publisher.nowMs += 1_000;
  await publisher.publish(1, "n");
  const { records: [record], trace: facts } = await trace.records({ after: 5_000 });
  assertEquals([record?.lostBefore, facts.lost], [2_000 + before, 2_000 + before]);
});

Deno.test("a trace has 4 MB of a second", async () => {
  await using publisher = await Publisher.open({ clientId: "a", isWide: true });
  const { trace } = publisher;
  const lengths: number[] = [];
  for (let count = 0; count < 70; count++) await publisher.publish(1, "p".repeat(65_000));
  for await (const record of recordsOf(trace)) lengths.push("bytes" in record ? record.bytes.length * 3 / 4 : 0);
  const kept = lengths.reduce((total, length) => total + length, 0);
  assert(kept <= 4_000_000 && kept > 3_900_000, `${kept} bytes`);
  assertEquals(trace.facts.records - 3 + trace.facts.lost, 70);
});

Deno.test("a record has 4 KiB of its packet and the size of all; of a wide trace 64 KiB", async () => {
  for (const [isWide, keptBytes] of [[false, 4_096], [true, 65_536]] as const) {
    await using publisher = await Publisher.open({ clientId: "a", isWide });
    await publisher.publish(2, "p".repeat(100_000));
    const { records } = await publisher.trace.records({ after: 3 });
    for (const record of records) {
      assert(record.kind === "packet");
      const bytes = Uint8Array.fromBase64(record.bytes);
      assertEquals([bytes.length, record.wireBytes], [keptBytes, 100_008]);
      assertEquals(new Set(bytes.subarray(8)), new Set([0x70]));
    }
    assertEquals(records.length, 2);
  }
});

Deno.test("new records take the place of the oldest, and a reader that was too slow learns how many it missed", async () => {
  await using publisher = await Publisher.open();
  const { trace } = publisher;
  for (let second = 0; second < 6; second++) {
    publisher.nowMs += 1_000;
    await publisher.publish(900, "p".repeat(1_000));
  }
  const { first, records, lost } = trace.facts;
  assertEquals([records, lost], [5_403, 0]);
  const page = await trace.records({ after: 1, limit: 5_000 });
  assertEquals([page.missed, page.records[0]?.number], [first - 2, first]);
  assert(page.records.length < 300 && page.after === first + page.records.length - 1, "a page is not too long");
  const keptBytes = (records - first + 1) * 1_007;
  assert(keptBytes > 3_900_000 && keptBytes <= 4_194_304, `${keptBytes} bytes`);
  assertEquals(page.connections.map(({ clientId }) => clientId), ["a"]);
});

Deno.test("a trace ends by itself after ten minutes, its records stay an hour, and its reader is told", async () => {
  await using publisher = await Publisher.open();
  const { trace, traces } = publisher;
  const pages = trace.pages();
  assertEquals((await pages.next()).value?.records.length, 3);
  const last = pages.next();
  publisher.nowMs += 599_999;
  traces.tick();
  assertEquals(trace.facts.isActive, true);
  publisher.nowMs += 1;
  traces.tick();
  assertEquals([trace.facts.isActive, trace.facts.endsAtMs], [false, START_MS + 600_000]);
  assertEquals((await within(last, "the end of the pages")).done, true);
  await publisher.publish(1, "m");
  assertEquals([trace.facts.records, trace.facts.lost], [3, 0]);
  publisher.nowMs += 3_600_000;
  traces.tick();
  assertEquals(traces.get(trace.facts.id), undefined);
});

Deno.test("pages of a trace are pulled, and end without an error when the reader is gone", async () => {
  await using publisher = await Publisher.open();
  const { trace } = publisher;
  const controller = new AbortController();
  const pages = trace.pages({ after: 3, limit: 2, signal: controller.signal });
  const next = pages.next();
  await publisher.publish(3, "m");
  const numbers = async (page: Promise<IteratorResult<{ readonly records: readonly TraceRecord[] }>>) =>
    (await within(page, "a page")).value?.records.map(({ number }: TraceRecord) => number);
  assertEquals(await numbers(next), [4, 5]);
  assertEquals(await numbers(pages.next()), [6]);
  const waiting = pages.next();
  await settled();
  controller.abort();
  assertEquals((await within(waiting, "the end")).done, true);
});

async function* recordsOf(trace: Trace): AsyncGenerator<TraceRecord> {
  for (let after = 0;;) {
    const page = await trace.records({ after, limit: 50 });
    if (page.records.length === 0) return;
    yield* page.records;
    after = page.after;
  }
}
