import type { Message } from "../../codec/message.ts";
import { Slices } from "../../broker/listing.ts";
import type { Client } from "../../client/client.ts";
import type { ClientSubscription } from "../../client/client_subscription.ts";
import {
  emptyEvent,
  EventRing,
  messageData,
  type RingBounds,
  type RingPool,
  type StreamEvent,
  streamEvent,
} from "./event_ring.ts";
import { EventSink } from "./event_sink.ts";

/** Parts of an {@linkcode EventStream}. */
export interface EventStreamParts {
  readonly client: Client;
  readonly subscription: ClientSubscription;
  readonly bounds: RingBounds;
  readonly pool: RingPool;
  /** Time of all streams for their work. */
  readonly turns: StreamTurns;
  /** Gives the next id, which is larger than all before it. */
  readonly nextId: () => number;
  /** Whether so many more bytes may wait for readers. */
  readonly hasRoom: (bytes: number) => boolean;
  /** Messages that the broker has dropped for the client so far. */
  readonly dropped: () => Promise<number>;
  /** Problem as JSON for an error that has ended the subscription. */
  readonly reasonOf: (error: unknown) => string;
  /** Whether it lives on for a while when its reader is gone. */
  readonly isResumable: boolean;
  /** Called at its end. */
  readonly onEnd: (stream: EventStream) => void;
}

// Streams with smaller messages take less than this each beyond what fills them.
const LARGE_BYTES = 65_536;
const ENCODER = new TextEncoder();
const BEAT = ":\n\n";
const HEAD = "retry: 1000\n\n";

/** Shares the event loop: a message to many streams is written to some of them at a time, and others have their turn. */
export class StreamTurns {
  readonly #slices = new Slices();
  #next: Promise<void> | undefined;

  /** Resolves when work may be done. */
  async turn(): Promise<void> {
    while (this.#slices.isPast) {
      this.#next ??= this.#slices.next().finally(() => this.#next = undefined);
      await this.#next;
    }
  }
}

/**
 * Subscription over HTTP: a client of its own, whose messages go to the response that is attached, as fast as its reader takes
 * them, and into a ring. Without a response, they go into the ring alone, for a reader that comes back.
 *
 * A reader that is behind stops the client from reading, so that the bounds of the broker for slow clients hold.
 */
export class EventStream {
  /** Monotonic time since which no response is attached. */
  detachedSinceMs: number | undefined;
  readonly #parts: EventStreamParts;
  readonly #ring: EventRing;
  #sink: EventSink | undefined;
  #toldDropped = 0;
  #isOver = false;

  constructor(parts: EventStreamParts) {
    this.#parts = parts;
    this.#ring = new EventRing(parts.bounds, parts.pool);
  }

  /** Begins, with an id that a reader has before the first message. @param isAfterGap whether it had earlier events */
  begin(isAfterGap: boolean): ReadableStream<Uint8Array> {
    const id = this.#parts.nextId();
    this.#ring.push(emptyEvent(id), performance.now());
    const sink = this.#attach(this.#ring.all());
    if (isAfterGap) this.#emit(JSON.stringify({ reason: "the events before are not kept any more" }), "gap");
    void this.#run(); // It never rejects.
    return sink.body;
  }

  /** Resumes after an event that a reader has; `undefined`: it is of another stream. */
  resumeAfter(id: number): ReadableStream<Uint8Array> | undefined {
    const events = this.#ring.after(id, performance.now());
    return events === undefined ? undefined : this.#attach(events).body;
  }

  /** Resumes after an event that is lost, if it may have been of this stream, which no response is attached to. */
  resumeBeyond(id: number): ReadableStream<Uint8Array> | undefined {
    if (this.#sink !== undefined || !this.#ring.mayHaveSent(id)) return undefined;
    const reason = "more has come since than is kept";
    const gap = streamEvent(this.#ring.lostId, JSON.stringify({ reason }), "gap");
    return this.#attach([gap, ...this.#ring.all()]).body;
  }

  /** Keeps a silent connection from being closed, and ends one that is not read. @param beats whether it is time to */
  sweep(nowMs: number, unreadMs: number, beats: boolean): void {
    this.#ring.forgetOld(nowMs);
    const sink = this.#sink;
    if (sink === undefined) return;
    if (sink.fullSinceMs !== undefined && nowMs - sink.fullSinceMs > unreadMs) sink.end();
    else if (beats && !sink.isFull) sink.write(ENCODER.encode(BEAT));
  }

  /** Bytes that wait for the reader. */
  get waitingBytes(): number {
    return this.#sink?.waitingBytes ?? 0;
  }

  /** Ends it; resolves when the broker has served the client. */
  async end(): Promise<void> {
    this.#over(undefined);
    await this.#parts.client.close();
  }

  #attach(events: readonly StreamEvent[]): EventSink {
    const before = this.#sink;
    this.#sink = undefined;
    before?.end(); // Its reader has come back before the loss of its connection was seen.
    const sink = new EventSink((ended) => this.#detached(ended));
    this.#sink = sink;
    this.detachedSinceMs = undefined;
    sink.write(ENCODER.encode(HEAD));
    for (const { bytes } of events) sink.write(bytes);
    return sink;
  }

  #detached(sink: EventSink): void {
    if (this.#sink !== sink) return;
    this.#sink = undefined;
    this.detachedSinceMs = performance.now();
    if (!this.#parts.isResumable) void this.end(); // It never rejects.
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        if (this.#sink?.isFull) {
          await this.#sink.room();
          await this.#tellDropped();
          continue; // Another one may be attached.
        }
        const { value: message } = await this.#parts.subscription.next();
        if (message === undefined) break;
        await this.#parts.turns.turn();
        this.#take(message);
      }
      this.#over(undefined);
    } catch (error) {
      this.#over(error);
    }
  }

  /** Passes a message on, or says that it is lost: a large one takes the memory of a whole packet for each reader. */
  #take(message: Message): void {
    const isLarge = message.payload.length > LARGE_BYTES;
    if (!isLarge || this.#sink === undefined || this.#parts.hasRoom(message.payload.length)) {
      this.#emit(messageData(message));
    } else {
      this.#emit(JSON.stringify({ reason: "too much waits for slow readers", dropped: 1 }), "gap");
    }
  }

  #emit(data: string, event?: string): void {
    const id = this.#parts.nextId();
    const made = streamEvent(id, data, event);
    this.#ring.push(made, performance.now());
    this.#sink?.write(made.bytes);
  }

  /** Tells how many messages the broker has dropped while the reader was behind. */
  async #tellDropped(): Promise<void> {
    const dropped = await this.#parts.dropped();
    if (dropped > this.#toldDropped) {
      const reason = "the reader was too slow";
      this.#emit(JSON.stringify({ reason, dropped: dropped - this.#toldDropped }), "gap");
    }
    this.#toldDropped = dropped;
  }

  #over(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { client, reasonOf, onEnd } = this.#parts;
    if (error !== undefined) this.#sink?.write(ENCODER.encode(`event: end\ndata: ${reasonOf(error)}\n\n`));
    this.#sink?.end();
    this.#ring.clear();
    void client.close(); // It never rejects.
    onEnd(this);
  }
}
