import type { Message } from "../../codec/message.ts";
import { Queue } from "../../protocol/queue.ts";

/** Event of a stream, in the format of server-sent events. */
export interface StreamEvent {
  readonly id: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Bytes that several rings hold together, at most. */
export interface RingPool {
  bytes: number;
  readonly maximumBytes: number;
}

/** Bounds of an {@linkcode EventRing}. */
export interface RingBounds {
  readonly maximumEvents: number;
  readonly maximumBytes: number;
  readonly maximumAgeMs: number;
}

/** Events of a stream that were sent, and those since its client was lost, for a client that comes back. */
export class EventRing {
  readonly #bounds: RingBounds;
  readonly #pool: RingPool;
  readonly #events = new Queue<StreamEvent & { readonly atMs: number }>();
  #bytes = 0;
  #firstId: number | undefined;
  /** Id of the last event that is there no more; -1: none is lost. */
  lostId = -1;

  constructor(bounds: RingBounds, pool: RingPool) {
    this.#bounds = bounds;
    this.#pool = pool;
  }

  /** Adds an event; one that is larger than the ring is lost at once. */
  push(event: StreamEvent, nowMs: number): void {
    this.#firstId ??= event.id;
    this.#events.push({ ...event, atMs: nowMs });
    this.#bytes += event.bytes.length;
    this.#pool.bytes += event.bytes.length;
    const { maximumEvents, maximumBytes } = this.#bounds;
    while (this.#events.length > maximumEvents || this.#bytes > maximumBytes) this.#drop();
    while (this.#pool.bytes > this.#pool.maximumBytes && this.#events.length > 0) this.#drop();
    this.forgetOld(nowMs);
  }

  /** Forgets everything. */
  clear(): void {
    while (this.#events.length > 0) this.#drop();
  }

  /** Forgets what is too old. */
  forgetOld(nowMs: number): void {
    for (let first = this.#events.peek(); first !== undefined; first = this.#events.peek()) {
      if (nowMs - first.atMs <= this.#bounds.maximumAgeMs) return;
      this.#drop();
    }
  }

  /** Events after one that a client has; `undefined`: it is not an event of this ring, or others after it are lost. */
  after(id: number, nowMs: number): readonly StreamEvent[] | undefined {
    this.forgetOld(nowMs);
    const events = [...this.#events.values()];
    const index = events.findIndex((event) => event.id === id);
    if (index !== -1) return events.slice(index + 1);
    return id === this.lostId ? events : undefined;
  }

  /** All events, for a client of which {@linkcode mayHaveSent} says that it has an earlier one. */
  all(): readonly StreamEvent[] {
    return [...this.#events.values()];
  }

  /** Whether an id is of the time of this stream, and of an event that is lost. */
  mayHaveSent(id: number): boolean {
    return this.#firstId !== undefined && id >= this.#firstId && id <= this.lostId;
  }

  #drop(): void {
    const event = this.#events.shift();
    if (event === undefined) return;
    this.#bytes -= event.bytes.length;
    this.#pool.bytes -= event.bytes.length;
    this.lostId = event.id;
  }
}

const ENCODER = new TextEncoder();
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Message as the data of an event: JSON in one line, in which no line break of a publisher can end the line. A payload that is
 * UTF-8 is `text`, another one `base64`.
 */
export function messageData({ topic, qos, retain, payload, properties }: Message): string {
  const { contentType, responseTopic, correlationData, userProperties, messageExpiryInterval } = properties;
  return JSON.stringify({
    topic,
    qos,
    retain,
    ...payloadOf(payload),
    contentType,
    responseTopic,
    correlationData: correlationData?.toBase64(),
    userProperties,
    messageExpiryInterval,
  });
}

/** Makes an event. @param data JSON, which has no line break */
export function streamEvent(id: number, data: string, event?: string): StreamEvent {
  return { id, bytes: ENCODER.encode(`id: ${id}\n${event === undefined ? "" : `event: ${event}\n`}data: ${data}\n\n`) };
}

/** Event without data, whose id a reader has from then on. */
export function emptyEvent(id: number): StreamEvent {
  return { id, bytes: ENCODER.encode(`id: ${id}\n\n`) };
}

function payloadOf(payload: Uint8Array): { readonly text: string } | { readonly base64: string } {
  try {
    return { text: UTF8.decode(payload) };
  } catch {
    return { base64: payload.toBase64() };
  }
}
