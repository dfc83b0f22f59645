import { type Signal, signal } from "@preact/signals";
import { type Api, ApiError } from "./api.ts";

/** The stream is off while nothing listens or the tab is hidden. */
export type LivePhase = "off" | "connecting" | "open" | "broken";

/** Parts of the stream that a page can listen to. */
type Part = "stats" | "events" | "trace";

/** Gets the data of an event and its name: `stats`, `event`, `records`, `gap` or `end`. */
type Listener = (data: unknown, name: string) => void;

const PART_OF: Readonly<Record<string, Part>> = {
  stats: "stats",
  event: "events",
  records: "trace",
};

const RETRY_MS = 2000;

/**
 * The one event stream of the page: a browser has six connections to a host, and each stream would hold one of them. It
 * asks for the parts that something listens to, and is closed while the tab is hidden.
 */
export class Live {
  readonly phase: Signal<LivePhase> = signal("off");
  /** Time of the last bytes, in epoch milliseconds. */
  readonly heardAtMs: Signal<number | undefined> = signal(undefined);
  readonly #api: Api;
  readonly #listeners = new Map<Part, Set<Listener>>();
  #traceId: string | undefined;
  #running: AbortController | undefined;
  #isPlanned = false;
  #lastEventId: string | undefined;

  constructor(api: Api) {
    this.#api = api;
    document.addEventListener("visibilitychange", () => this.#plan());
  }

  /** Calls a listener for each event of a part, also for its `gap` and `end`; gives the function that ends it. */
  on(part: Part, listener: Listener): () => void {
    const listeners = this.#listeners.get(part) ?? new Set();
    this.#listeners.set(part, listeners.add(listener));
    if (listeners.size === 1) this.#plan();
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#plan();
    };
  }

  /** Trace whose records the stream carries. */
  trace(id: string | undefined): void {
    if (id === this.#traceId) return;
    this.#lastEventId = undefined; // It counts the records of the other one.
    this.#traceId = id;
    this.#plan();
  }

  /** Ends the stream until something listens again. */
  close(): void {
    this.#listeners.clear();
    this.#plan();
  }

  /** Opens the stream anew when the turn has ended: a page that changes ends one listener and begins another. */
  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    queueMicrotask(() => {
      this.#isPlanned = false;
      this.#running?.abort();
      this.#running = undefined;
      const parts = (["stats", "events", "trace"] as const).filter((part) =>
        (this.#listeners.get(part)?.size ?? 0) > 0
      );
      if (document.hidden || parts.length === 0) {
        this.phase.value = "off";
        return;
      }
      this.#running = new AbortController();
      void this.#run(parts, this.#running.signal); // It ends by the signal, and throws nothing.
    });
  }

  async #run(parts: readonly Part[], ended: AbortSignal): Promise<void> {
    const query = {
      stats: parts.includes("stats"),
      events: parts.includes("events"),
      trace: parts.includes("trace") ? this.#traceId : undefined,
    };
    while (!ended.aborted) {
      if (this.phase.value !== "broken") this.phase.value = "connecting";
      try {
        // The broker sends the events after the last one that came, if it still has them.
        const headers = this.#lastEventId === undefined ? {} : { "last-event-id": this.#lastEventId };
        const { body } = await this.#api.response("GET", ["live"], { query, headers, signal: ended });
        this.phase.value = "open";
        if (body !== null) await this.#read(body, ended);
      } catch (error) {
        if (ended.aborted) return;
        if (error instanceof ApiError && error.status === 401) return;
      }
      if (ended.aborted) return;
      this.phase.value = "broken";
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async #read(
    body: ReadableStream<Uint8Array<ArrayBuffer>>,
    ended: AbortSignal,
  ): Promise<void> {
    let rest = "";
    for await (const text of body.pipeThrough(new TextDecoderStream())) {
      if (ended.aborted) return;
      this.heardAtMs.value = Date.now();
      const blocks = (rest + text).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) this.#dispatch(block);
    }
  }

  #dispatch(block: string): void {
    const fields = new Map(
      block.split("\n").map((line) => {
        const at = line.indexOf(":");
        return [line.slice(0, at), line.slice(at + 1).trimStart()];
      }),
    );
    const data = fields.get("data");
    if (data === undefined) return;
    this.#lastEventId = fields.get("id");
    const name = fields.get("event") ?? "";
    const value: unknown = JSON.parse(data);
    for (const listener of this.#listeners.get(partOf(name, value)) ?? []) {
      listener(value, name);
    }
  }
}

/** Part that an event belongs to; those named `gap` and `end` say it. */
function partOf(name: string, value: unknown): Part {
  const of = typeof value === "object" && value !== null && "of" in value ? value.of : undefined;
  return PART_OF[name] ?? (of === "events" ? "events" : "trace");
}
