import type { EventRing, KeptEvent } from "./events.ts";
import type { TraceFacts, TracePage } from "./trace/trace_records.ts";

/** Trace that a stream follows. */
export interface LiveTrace {
  readonly facts: TraceFacts;
  records(options: { readonly after: number; readonly limit: number }): Promise<TracePage>;
  /** Resolves when there is a record after a number, or the trace has ended. */
  changed(after: number, signal?: AbortSignal): Promise<void>;
}

/** Parts of a stream; each may be left out. */
export interface LiveParts {
  /** Numbers of this moment, as JSON has them, once a second. */
  readonly stats?: (() => unknown) | undefined;
  readonly events?: {
    readonly ring: EventRing;
    /** Event as JSON has it. */
    readonly toJson: (event: KeptEvent) => unknown;
  } | undefined;
  readonly trace?: LiveTrace | undefined;
  /** `Last-Event-ID` of a reader that comes back: it gets what it has missed. */
  readonly lastEventId?: string | undefined;
  /** Ends the stream, such as when its reader signs out. */
  readonly signal: AbortSignal;
}

const STATS_EVERY_MS = 1_000;
// Proxies give up connections on which nothing was sent for a minute.
const KEEPALIVE_MS = 15_000;
const RETRY_MS = 2_000;
// Less is no delay that a person sees, and a chunk for each record would cost more than the record.
const PAUSE_MS = 30;
const MOST_EVENTS = 100;
const MOST_RECORDS = 500;

/**
 * Server-sent events of all that a page shows live, in one stream: browsers have six connections a host. It is made when the
 * reader takes it, so that a slow reader holds nothing here. A reader that was too slow for a ring gets the event `gap`.
 *
 * ```text
 * retry: 2000
 *
 * event: stats          numbers of this moment
 * event: event          one event, as GET /events has it
 * event: records        records of the trace, as GET /traces/ID/records has them
 * event: gap            {"of":"events"} or {"of":"records","missed":120}
 * event: end            the session or the trace is over, or the broker ends
 * : keepalive
 * ```
 */
export function liveStream(parts: LiveParts): ReadableStream<Uint8Array> {
  const source = new LiveSource(parts);
  return new ReadableStream({
    pull: async (controller) => {
      const text = await source.next();
      if (text === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(text));
    },
    cancel: () => source.close(),
  }, { highWaterMark: 0 });
}

class LiveSource {
  readonly #parts: LiveParts;
  readonly #closing = new AbortController();
  readonly #over: AbortSignal;
  #isBegun = false;
  #isEnded = false;
  #statsDueMs = 0;
  #writtenMs = 0;
  #eventId: number;
  #record: number;
  #isTraceOver = false;

  constructor(parts: LiveParts) {
    this.#parts = parts;
    this.#over = AbortSignal.any([parts.signal, this.#closing.signal]);
    const [, eventId, record] = /^(\d{1,15})-(\d{1,15})$/.exec(parts.lastEventId ?? "") ?? [];
    this.#eventId = Math.min(Number(eventId ?? Infinity), parts.events?.ring.lastId ?? 0);
    this.#record = Math.min(Number(record ?? 0), parts.trace?.facts.records ?? 0);
  }

  /** Waits for what is to be sent next; `undefined`: no more comes. */
  async next(): Promise<string | undefined> {
    if (this.#isEnded) return undefined;
    if (!this.#isBegun) {
      this.#isBegun = true;
      return this.#written(`retry: ${RETRY_MS}\n\n`);
    }
    await this.#change(this.#writtenMs + PAUSE_MS - performance.now(), false);
    for (;;) {
      if (this.#over.aborted) return this.#end();
      const records = await this.#records();
      const text = records + this.#events() + this.#stats();
      if (text !== "") return this.#written(text);
      const waitMs = this.#writtenMs + KEEPALIVE_MS - performance.now();
      if (waitMs <= 0) return this.#written(": keepalive\n\n");
      await this.#change(this.#parts.stats === undefined ? waitMs : this.#statsDueMs - performance.now(), true);
    }
  }

  close(): void {
    this.#closing.abort();
  }

  #written(text: string): string {
    this.#writtenMs = performance.now();
    return text;
  }

  #end(): string | undefined {
    this.#isEnded = true;
    return this.#parts.signal.aborted ? this.#message("end", { of: "session" }) : undefined;
  }

  #stats(): string {
    const { stats } = this.#parts;
    const nowMs = performance.now();
    if (stats === undefined || nowMs < this.#statsDueMs) return "";
    this.#statsDueMs = nowMs + STATS_EVERY_MS;
    return this.#message("stats", stats());
  }

  #events(): string {
    const { events } = this.#parts;
    if (events === undefined || events.ring.lastId === this.#eventId) return "";
    const { ring, toJson } = events;
    const gap = ring.droppedId > this.#eventId ? this.#message("gap", { of: "events" }) : "";
    const found = ring.find({ after: this.#eventId }).reverse().slice(0, MOST_EVENTS);
    const texts = found.map((event) => {
      this.#eventId = event.id;
      return this.#message("event", toJson(event));
    });
    return gap + texts.join("");
  }

  async #records(): Promise<string> {
    const { trace } = this.#parts;
    if (trace === undefined || this.#isTraceOver) return "";
    const page = await trace.records({ after: this.#record, limit: MOST_RECORDS });
    this.#record = page.after;
    const gap = page.missed > 0 ? this.#message("gap", { of: "records", missed: page.missed }) : "";
    const records = page.records.length > 0 ? this.#message("records", page) : "";
    if (page.trace.isActive || page.after < page.trace.records) return gap + records;
    this.#isTraceOver = true;
    return gap + records + this.#message("end", { of: "trace", trace: page.trace });
  }

  /** One event. Its id has how far the reader has got in events and in records. */
  #message(event: string, data: unknown): string {
    return `event: ${event}\nid: ${this.#eventId}-${this.#record}\ndata: ${JSON.stringify(data)}\n\n`;
  }

  /** Resolves when the time is over, or the stream, or when there is something to send and it `watches` for that. */
  async #change(waitMs: number, watches: boolean): Promise<void> {
    if (this.#over.aborted || waitMs <= 0) return;
    const { events, trace } = this.#parts;
    const waiting = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, waitMs);
    this.#over.addEventListener("abort", () => resolve(), { signal: waiting.signal });
    const stop = watches ? events?.ring.watch(resolve) : undefined;
    if (watches && trace !== undefined && !this.#isTraceOver) {
      trace.changed(this.#record, waiting.signal).then(resolve, resolve);
    }
    await promise;
    clearTimeout(timer);
    stop?.();
    waiting.abort();
  }
}
