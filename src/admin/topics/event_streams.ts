import type { Broker } from "../../broker/broker.ts";
import type { Client } from "../../client/client.ts";
import type { ClientSubscription } from "../../client/client_subscription.ts";
import { SHARE_PREFIX } from "../../protocol/topic_filter.ts";
import { Problem } from "../problems.ts";
import type { RingBounds, RingPool } from "./event_ring.ts";
import { EventStream, StreamTurns } from "./event_stream.ts";
import { busy, type HttpClients, type RequestSource, sourceKey } from "./http_clients.ts";
import { problemOf } from "./refusals.ts";
import type { SubscribeQuery } from "./topic_request.ts";

/** Bounds of {@linkcode EventStreams}. */
export interface EventStreamsOptions {
  /** Event streams, with those that wait for their readers to come back. @default {256} */
  readonly maximumStreams?: number;
  /** The same of one client: of the same credentials and address. @default {128} */
  readonly maximumStreamsOfClient?: number;
  /** Events that are kept for a reader that comes back. @default 1,000 events, 1 MiB, 60 s */
  readonly ring?: RingBounds;
  /** Interval in milliseconds of comments in streams, since proxies close what is silent, mostly after 60 s. @default {15_000} */
  readonly beatMs?: number;
}

interface Entry {
  /** Source, filters and QoS: a reader comes back with the same. */
  readonly key: string;
  readonly source: string;
  /** Stream, once its subscription is granted. */
  stream: EventStream | undefined;
}

// All rings together: beyond it, streams with much traffic keep less.
const POOL_BYTES = 67_108_864;
const RING: RingBounds = { maximumEvents: 1_000, maximumBytes: 1_048_576, maximumAgeMs: 60_000 };
// Messages of up to the largest packet wait in this process, not in a socket.
const BUFFERED_MESSAGES = 8;
const SWEEP_MS = 1_000;
const HEADERS = {
  "content-type": "text/event-stream",
  // A stream that is compressed on its way would wait there.
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
  "x-content-type-options": "nosniff",
} as const;

/** Event streams of a handler, those whose readers may come back among them. */
export class EventStreams {
  readonly #broker: Pick<Broker, "limits" | "metrics" | "session">;
  readonly #clients: HttpClients;
  readonly #mostStreams: number;
  readonly #mostOfClient: number;
  readonly #ring: RingBounds;
  readonly #beatMs: number;
  readonly #entries = new Set<Entry>();
  readonly #pool: RingPool = { bytes: 0, maximumBytes: POOL_BYTES };
  readonly #turns = new StreamTurns();
  /** Id that was given last. Ids rise from one stream to the next, and from one run to the next, as the clock does. */
  #lastId = Date.now() * 1_000;
  #sweeping: ReturnType<typeof setInterval> | undefined;
  #beatenMs = performance.now();
  #isClosed = false;

  constructor(
    broker: Pick<Broker, "limits" | "metrics" | "session">,
    clients: HttpClients,
    options: EventStreamsOptions = {},
  ) {
    const { maximumStreams = 256, maximumStreamsOfClient = 128, ring = RING, beatMs = 15_000 } = options;
    this.#broker = broker;
    this.#clients = clients;
    this.#mostStreams = maximumStreams;
    this.#mostOfClient = maximumStreamsOfClient;
    this.#ring = ring;
    this.#beatMs = beatMs;
  }

  /** Number of streams. */
  get size(): number {
    return this.#entries.size;
  }

  /** Answers with an event stream; rejects with Problem. @param lastEventId field of a reader that comes back */
  async open(source: RequestSource, query: SubscribeQuery, lastEventId: string | null): Promise<Response> {
    const from = sourceKey(source);
    const key = JSON.stringify([from, query]);
    const resumed = lastEventId === null ? undefined : this.#resume(key, lastEventId);
    if (resumed !== undefined) return new Response(resumed, { headers: HEADERS });
    const entry: Entry = { key, source: from, stream: undefined };
    this.#reserve(entry);
    try {
      entry.stream = await this.#subscribed(entry, source, query);
    } catch (error) {
      this.#forget(entry);
      throw error;
    }
    return new Response(entry.stream.begin(lastEventId !== null), { headers: HEADERS });
  }

  /** Ends all; resolves when the broker has served their clients. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(Array.from(this.#entries, ({ stream }) => stream?.end()));
  }

  #resume(key: string, lastEventId: string): ReadableStream<Uint8Array> | undefined {
    const id = /^\d{1,16}$/.test(lastEventId) ? Number(lastEventId) : NaN;
    const streams = [...this.#entries].flatMap((entry) => entry.key === key ? entry.stream ?? [] : []);
    for (const stream of streams) {
      const body = stream.resumeAfter(id);
      if (body !== undefined) return body;
    }
    for (const stream of streams) {
      const body = stream.resumeBeyond(id);
      if (body !== undefined) return body;
    }
    return undefined;
  }

  #reserve(entry: Entry): void {
    if (this.#isClosed) throw busy("The broker is shutting down");
    const own = [...this.#entries].filter(({ source }) => source === entry.source);
    if (own.length >= this.#mostOfClient && !this.#endDetached(own)) {
      const detail = `This client has ${own.length} event streams: end some, or name several filters in one`;
      throw new Problem(429, "Too many streams", detail, { headers: { "retry-after": "1" } });
    }
    if (this.#entries.size >= this.#mostStreams && !this.#endDetached(this.#entries)) {
      throw busy("There are too many event streams");
    }
    this.#entries.add(entry);
    this.#sweeping ??= setInterval(() => this.#sweep(), Math.min(SWEEP_MS, this.#ring.maximumAgeMs, this.#beatMs));
  }

  /** Ends the stream whose reader has been away for longest; false: none is. */
  #endDetached(entries: Iterable<Entry>): boolean {
    let longest: Entry | undefined;
    for (const entry of entries) {
      const sinceMs = entry.stream?.detachedSinceMs;
      if (sinceMs !== undefined && sinceMs < (longest?.stream?.detachedSinceMs ?? Infinity)) longest = entry;
    }
    void longest?.stream?.end(); // It never rejects.
    return longest !== undefined;
  }

  async #subscribed(entry: Entry, source: RequestSource, query: SubscribeQuery): Promise<EventStream> {
    const client = await this.#clients.connect(source, { receiveMaximum: BUFFERED_MESSAGES }).catch((error) => {
      throw this.#clients.refusal(error, "connect");
    });
    try {
      const subscription = await this.#subscribe(client, query);
      if (this.#isClosed) throw busy("The broker is shutting down");
      return new EventStream({
        client,
        subscription,
        bounds: this.#ring,
        pool: this.#pool,
        turns: this.#turns,
        nextId: () => ++this.#lastId,
        hasRoom: (bytes) => this.#hasRoom(bytes),
        dropped: async () =>
          subscription.dropped + ((await this.#broker.session(client.clientId, { messages: 0 }))?.dropped ?? 0),
        // A member of a Shared Subscription without a reader would take messages from the others.
        isResumable: !query.topicFilters.some((topicFilter) => topicFilter.startsWith(SHARE_PREFIX)),
        reasonOf: (error) => this.#reasonOf(error, client),
        onEnd: () => this.#forget(entry),
      });
    } catch (error) {
      await client.close();
      throw this.#clients.refusal(error, "subscribe", client);
    }
  }

  async #subscribe(client: Client, { topicFilters, qos }: SubscribeQuery): Promise<ClientSubscription> {
    const subscription = await client.subscribe(topicFilters, { qos, maximumMessages: BUFFERED_MESSAGES });
    const { reasonCodes, properties } = subscription.suback;
    const refused = reasonCodes.find((code) => code >= 0x80);
    if (refused === undefined) return subscription;
    const { isStorageFailing } = this.#broker.metrics;
    throw problemOf(refused, { step: "subscribe", isStorageFailing }, properties.reasonString, {
      filters: topicFilters.filter((_, index) => (reasonCodes[index] ?? 0) >= 0x80),
    });
  }

  /** Whether so many more bytes may wait for readers: for all of them a quarter of what may for MQTT. */
  #hasRoom(bytes: number): boolean {
    let waitingBytes = 0;
    for (const { stream } of this.#entries) waitingBytes += stream?.waitingBytes ?? 0;
    return waitingBytes === 0 || waitingBytes + bytes <= this.#broker.limits.maximumTotalOutboxBytes / 4;
  }

  #reasonOf(error: unknown, client: Client): string {
    const { status, message: title, detail, members } = this.#clients.refusal(error, "subscribe", client);
    return JSON.stringify({ status, title, detail, ...members });
  }

  #sweep(): void {
    const nowMs = performance.now();
    const beats = nowMs - this.#beatenMs >= this.#beatMs;
    if (beats) this.#beatenMs = nowMs;
    for (const { stream } of this.#entries) {
      if (stream === undefined) continue;
      const { detachedSinceMs } = stream;
      if (detachedSinceMs !== undefined && nowMs - detachedSinceMs > this.#ring.maximumAgeMs) {
        void stream.end(); // It never rejects.
      } else {
        stream.sweep(nowMs, this.#broker.limits.writeTimeoutMs, beats);
      }
    }
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry);
    if (this.#entries.size > 0) return;
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
  }
}
