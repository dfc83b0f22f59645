import { assert, assertEquals, assertMatch } from "@std/assert";
import { EventRing } from "../../src/admin/events.ts";
import { type LiveParts, liveStream, type LiveTrace } from "../../src/admin/live_stream.ts";
import type { TraceFacts, TraceRecord } from "../../src/admin/trace/trace_records.ts";

const CLOSED = {
  kind: "connectionClosed",
  peer: { transport: "tcp", address: "192.0.2.1:1", listener: "mqtt://0.0.0.0:1883" },
  principal: undefined,
  wasConnected: true,
  reasonCode: 0,
  reason: "",
  by: "client",
} as const;

interface Sent {
  readonly event: string;
  readonly id: string;
  readonly data: unknown;
}

/** Reader of a stream. */
class Reader implements AsyncDisposable {
  readonly closing = new AbortController();
  readonly #stream: ReadableStreamDefaultReader<Uint8Array>;
  #waiting: Sent[] = [];

  constructor(parts: Omit<LiveParts, "signal">) {
    this.#stream = liveStream({ ...parts, signal: this.closing.signal }).getReader();
  }

  /** Next event; `undefined`: the stream is over. */
  async next(): Promise<Sent | undefined> {
    while (this.#waiting.length === 0) {
      const { value, done } = await this.#stream.read();
      if (done) return undefined;
      const blocks = new TextDecoder().decode(value).split("\n\n").filter((block) => block.startsWith("event: "));
      this.#waiting = blocks.map((block) => {
        const [, event = "", id = "", data = ""] = /^event: (.*)\nid: (.*)\ndata: (.*)$/.exec(block) ?? [];
        return { event, id, data: JSON.parse(data) };
      });
    }
    return this.#waiting.shift();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stream.cancel();
  }
}

function eventsOf(ring: EventRing): NonNullable<LiveParts["events"]> {
  return { ring, toJson: ({ id, clientId }) => ({ id, clientId }) };
}

/** Trace whose records the test adds; as many as `keeps` are kept. */
class TestTrace implements LiveTrace {
  isActive = true;
  count = 0;
  #changed = Promise.withResolvers<void>();

  constructor(readonly keeps: number) {}

  get facts(): TraceFacts {
    const first = Math.max(1, this.count - this.keeps + 1);
    const { isActive, count } = this;
    const times = { startedAtMs: 0, endsAtMs: 1 };
    return {
      id: "t",
      target: {},
      name: "t",
      isWide: false,
      ...times,
      isActive,
      connections: 0,
      records: count,
      first,
      lost: 0,
    };
  }

  add(count: number): void {
    this.count += count;
    this.#tell();
  }

  end(): void {
    this.isActive = false;
    this.#tell();
  }

  records({ after, limit }: { readonly after: number; readonly limit: number }) {
    const { facts } = this;
    const from = Math.max(after + 1, facts.first);
    const length = Math.max(0, Math.min(limit, this.count - from + 1));
    const records = Array.from({ length }, (_, index): TraceRecord => ({
      kind: "opened",
      number: from + index,
      timeMs: 0,
      connection: 1,
      isSent: false,
      lostBefore: 0,
    }));
    const last = records.at(-1)?.number ?? Math.max(after, facts.first - 1);
    return Promise.resolve({ records, connections: [], after: last, missed: from - after - 1, trace: facts });
  }

  changed(): Promise<void> {
    return this.#changed.promise;
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

Deno.test("A stream tells the numbers at once, and each event as it happens", async () => {
  const ring = new EventRing(() => 0);
  ring.add({ ...CLOSED, clientId: "before" });
  let reads = 0;
  await using reader = new Reader({ stats: () => ({ reads: ++reads }), events: eventsOf(ring) });
  assertEquals(await reader.next(), { event: "stats", id: "1-0", data: { reads: 1 } });
  const next = reader.next();
  ring.add({ ...CLOSED, clientId: "a" });
  assertEquals(await next, { event: "event", id: "2-0", data: { id: 2, clientId: "a" } });
});

Deno.test("A reader that comes back gets the events that it has missed, and no others", async () => {
  const ring = new EventRing(() => 0);
  for (const clientId of ["a", "b", "c"]) ring.add({ ...CLOSED, clientId });
  await using reader = new Reader({ events: eventsOf(ring), lastEventId: "1-0" });
  assertEquals((await reader.next())?.data, { id: 2, clientId: "b" });
  assertEquals((await reader.next())?.data, { id: 3, clientId: "c" });
  // An id of another broker, or none at all, is no place in these.
  for (const lastEventId of ["999-0", "x", "-1-0", "1"]) {
    await using other = new Reader({ stats: () => 0, events: eventsOf(ring), lastEventId });
    assertEquals((await other.next())?.id, "3-0");
  }
});

Deno.test("A reader that was too slow for the ring of events is told of the gap", async () => {
  const ring = new EventRing(() => 0);
  await using reader = new Reader({ stats: () => 0, events: eventsOf(ring) });
  await reader.next();
  for (let client = 0; client < 1_500; client++) ring.add({ ...CLOSED, clientId: `${client}` });
  assertEquals((await reader.next())?.data, { of: "events" });
  const first = await reader.next();
  assertEquals(first?.data, { id: 501, clientId: "500" });
  for (let client = 501; client < 1_500; client++) {
    assertEquals((await reader.next())?.data, { id: client + 1, clientId: `${client}` });
  }
});

Deno.test("A stream follows a trace, says how much of it was missed, and when it is over", async () => {
  const trace = new TestTrace(10);
  await using reader = new Reader({ trace });
  const first = reader.next();
  trace.add(1);
  assertEquals((await first)?.id, "0-1");
  trace.add(25);
  assertEquals((await reader.next())?.data, { of: "records", missed: 15 });
  const sent = await reader.next();
  assertEquals([sent?.event, sent?.id], ["records", "0-26"]);
  const last = reader.next();
  trace.end();
  assertEquals([(await last)?.event], ["end"]);
});

Deno.test("A stream makes nothing while nobody reads", async () => {
  const ring = new EventRing(() => 0);
  let reads = 0;
  await using reader = new Reader({ stats: () => ++reads, events: eventsOf(ring) });
  await reader.next();
  for (let client = 0; client < 10; client++) ring.add({ ...CLOSED, clientId: `${client}` });
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  assertEquals(reads, 1);
});

Deno.test("A stream ends with its session, also while it waits", async () => {
  await using reader = new Reader({ events: eventsOf(new EventRing(() => 0)) });
  const next = reader.next();
  reader.closing.abort();
  assertEquals((await next)?.data, { of: "session" });
  assertEquals(await reader.next(), undefined);
});

Deno.test("A stream whose reader is gone waits for nothing any more", async () => {
  const stream = liveStream({ stats: () => 0, signal: new AbortController().signal });
  const reader = stream.getReader();
  const { value } = await reader.read();
  assertMatch(new TextDecoder().decode(value), /^retry: 2000\n\n$/);
  await reader.read();
  const last = reader.read(); // Has a timer, which the sanitizer would find.
  await reader.cancel();
  assert((await last).done);
});
