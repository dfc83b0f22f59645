import { wrongAnswer } from "../auth/hook_answers.ts";
import { ApplicationMessage } from "../protocol/message.ts";
import type { Storage } from "../storage/storage.ts";
import type { Admission } from "./access/admission.ts";
import {
  BacklogTotals,
  type DroppedMessages,
  type EventLoopStalls,
  type RetentionRefusals,
  type Traffic,
} from "./counters.ts";
import type { Retention } from "./retained.ts";
import type { Router } from "./router.ts";
import type { SessionQuota } from "./session_quota.ts";
import type { Sessions } from "./sessions.ts";

/** Version of the program, as in deno.json. */
export const VERSION = "0.1.0";
const ROOT = "$SYS/broker/";
const LOAD_MINUTES = [1, 5, 15] as const;

/** A number of a topic below {@linkcode ROOT}. */
type Row = readonly [name: string, value: number];

/** Interval in which the topics are told, as an option gives it. Throws RangeError for one that is too short. */
export function sysInterval(ms = 0): number {
  if (ms === 0 || (Number.isInteger(ms) && ms >= 100)) return ms;
  throw new RangeError(`Cannot set sysIntervalMs: "${ms}" is not 0 or an integer of at least 100`);
}

/**
 * Topics below `$SYS/broker`, with the names and the meaning that mosquitto gave them, so that programs that read them
 * there read them here. Each is like a retained message: it is there at SUBSCRIBE, and comes again when it changes. No
 * filter that begins with a wildcard matches them. [MQTT-4.7.2-1]
 */
export class SysTopics {
  /** Interval in which the topics are told; 0: nothing is told. */
  intervalMs: number;
  readonly #traffic: Traffic;
  readonly #stalls: EventLoopStalls;
  readonly #dropped: DroppedMessages;
  readonly #refusals: RetentionRefusals;
  readonly #router: Router;
  readonly #retention: Retention;
  readonly #sessions: Sessions;
  readonly #sessionQuota: SessionQuota;
  readonly #admission: Admission;
  readonly #heapBytes: (() => number) | undefined;
  readonly #storage: Storage;
  readonly #unexpectedError: (error: unknown) => void;
  readonly #backlogs: BacklogTotals;
  #startedMs: number | undefined;
  #toldMs = 0;
  readonly #texts = new Map<string, string>();
  /** Last number of a load, and its mean growth in a minute, by name. */
  readonly #loads = new Map<string, { total: number; readonly means: number[] }>();
  #mostClients = 0;
  #mostHeapBytes = 0;
  #longestStallMs = 0;

  constructor(parts: {
    readonly intervalMs: number;
    readonly traffic: Traffic;
    readonly stalls: EventLoopStalls;
    readonly dropped: DroppedMessages;
    readonly refusals: RetentionRefusals;
    readonly router: Router;
    readonly retention: Retention;
    readonly sessions: Sessions;
    readonly sessionQuota: SessionQuota;
    readonly admission: Admission;
    readonly heapBytes: (() => number) | undefined;
    readonly storage: Storage;
    readonly unexpectedError: (error: unknown) => void;
  }) {
    this.intervalMs = parts.intervalMs;
    this.#traffic = parts.traffic;
    this.#stalls = parts.stalls;
    this.#dropped = parts.dropped;
    this.#refusals = parts.refusals;
    this.#router = parts.router;
    this.#retention = parts.retention;
    this.#sessions = parts.sessions;
    this.#sessionQuota = parts.sessionQuota;
    this.#admission = parts.admission;
    this.#heapBytes = parts.heapBytes;
    this.#storage = parts.storage;
    this.#unexpectedError = parts.unexpectedError;
    this.#backlogs = new BacklogTotals(() => parts.sessions[Symbol.iterator]());
  }

  /** Publishes what has changed, once per interval. The broker has begun with the first tick. */
  tick(nowMs: number): void {
    this.#backlogs.resume();
    const startedMs = this.#startedMs ??= nowMs;
    if (this.intervalMs === 0) return;
    const elapsedMs = nowMs - this.#toldMs;
    const isFirst = this.#texts.size === 0;
    if (!isFirst && elapsedMs < this.intervalMs) return;
    this.#toldMs = nowMs;
    this.#backlogs.begin();
    this.#tell("version", `brooklet version ${VERSION}`, nowMs);
    this.#tell("uptime", `${Math.floor((nowMs - startedMs) / 1_000)} seconds`, nowMs);
    const rows = [
      ...this.#clients(),
      ...this.#messages(),
      ...this.#eventLoop(),
      ...this.#heap(),
      ...this.#storageSize(),
    ];
    for (const [name, value] of rows) this.#tell(name, String(value), nowMs);
    for (const [name, total] of this.#totals()) this.#tellLoad(name, total, isFirst ? 0 : elapsedMs, nowMs);
  }

  #clients(): readonly Row[] {
    const sessions = this.#sessions.size;
    const { connected } = this.#admission;
    const disconnected = Math.max(0, sessions - connected);
    this.#mostClients = Math.max(this.#mostClients, sessions);
    const { total, refusals } = this.#sessionQuota;
    return [
      ["clients/total", sessions],
      ["clients/maximum", this.#mostClients],
      ["clients/connected", connected],
      ["clients/active", connected],
      ["clients/disconnected", disconnected],
      ["clients/inactive", disconnected],
      ["clients/expired", this.#sessions.expiredCount],
      ["sessions/durable", total.sessions],
      ["sessions/durable/bytes", total.bytes],
      ["sessions/durable/refused", refusals.clients + refusals.subscriptions + refusals.messages],
    ];
  }

  #messages(): readonly Row[] {
    const traffic = this.#traffic;
    const { subscriptions, shared } = this.#router.counts;
    const { count, payloadBytes } = this.#retention.messages;
    // Retained messages, and those that wait for a session or are in flight, as they were counted last.
    const stored = count + this.#backlogs.messages;
    return [
      ["messages/received", traffic.receivedPackets],
      ["messages/sent", traffic.sentPackets],
      ["bytes/received", traffic.receivedBytes],
      ["bytes/sent", traffic.sentBytes],
      ["publish/messages/received", traffic.receivedPublishes],
      ["publish/messages/sent", traffic.sentPublishes],
      ["publish/messages/dropped", this.#droppedCount],
      ["publish/bytes/received", traffic.receivedPayloadBytes],
      ["publish/bytes/sent", traffic.sentPayloadBytes],
      ["subscriptions/count", subscriptions],
      ["shared_subscriptions/count", shared],
      ["retained messages/count", count],
      ["retained messages/refused", this.#refusals.count],
      ["messages/stored", stored], // The old name of the next one.
      ["store/messages/count", stored],
      // Payloads of retained messages; of those that wait, with their topics and properties.
      ["store/messages/bytes", payloadBytes + this.#backlogs.bytes],
    ];
  }

  /** Stalls in milliseconds, of the last interval and since the start. */
  #eventLoop(): readonly Row[] {
    const stallMs = this.#stalls.takeRecentMs();
    this.#longestStallMs = Math.max(this.#longestStallMs, stallMs);
    return [
      ["event loop/stall/current", Math.ceil(stallMs)],
      ["event loop/stall/maximum", Math.ceil(this.#longestStallMs)],
    ];
  }

  /** Memory in use, and the most that was told: nothing looks between. */
  #heap(): readonly Row[] {
    const heapBytes = this.#readHeapBytes();
    if (heapBytes === undefined) return [];
    this.#mostHeapBytes = Math.max(this.#mostHeapBytes, heapBytes);
    return [["heap/current", heapBytes], ["heap/maximum", this.#mostHeapBytes]];
  }

  /** Size of the file of the storage, and its free part. */
  #storageSize(): readonly Row[] {
    try {
      const size = this.#storage.size?.();
      return size === undefined ? [] : [["store/file/bytes", size.bytes], ["store/file/free bytes", size.freeBytes]];
    } catch (error) {
      this.#unexpectedError(error);
      return [];
    }
  }

  #readHeapBytes(): number | undefined {
    try {
      const answer: unknown = this.#heapBytes?.();
      if (answer === undefined || typeof answer === "number") return answer;
      throw wrongAnswer("heapBytes", answer, "a number");
    } catch (error) {
      this.#unexpectedError(error); // The other numbers are told without it.
      return undefined;
    }
  }

  /** Numbers that grow, of which the growth in the last minutes is told. */
  #totals(): readonly Row[] {
    const traffic = this.#traffic;
    return [
      ["messages/received", traffic.receivedPackets],
      ["messages/sent", traffic.sentPackets],
      ["publish/dropped", this.#droppedCount],
      ["publish/received", traffic.receivedPublishes],
      ["publish/sent", traffic.sentPublishes],
      ["bytes/received", traffic.receivedBytes],
      ["bytes/sent", traffic.sentBytes],
      ["sockets", traffic.sockets],
      ["connections", traffic.connections],
    ];
  }

  get #droppedCount(): number {
    const { qos0, queueFull, tooLarge } = this.#dropped.counts;
    return qos0 + queueFull + tooLarge;
  }

  /** Publishes a mean that forgets: what was a minute ago counts e times less, and so on for 5 and 15. */
  #tellLoad(name: string, now: number, elapsedMs: number, nowMs: number): void {
    const load = this.#loads.get(name) ?? { total: now, means: LOAD_MINUTES.map(() => 0) };
    const perMinute = elapsedMs === 0 ? 0 : (now - load.total) * 60_000 / elapsedMs;
    const means = load.means.map((mean, index) => {
      const kept = Math.exp(-elapsedMs / ((LOAD_MINUTES[index] ?? 1) * 60_000));
      return mean * kept + perMinute * (1 - kept);
    });
    this.#loads.set(name, { total: now, means });
    for (const [index, mean] of means.entries()) {
      this.#tell(`load/${name}/${LOAD_MINUTES[index]}min`, mean.toFixed(2), nowMs);
    }
  }

  #tell(name: string, text: string, nowMs: number): void {
    if (this.#texts.get(name) === text) return;
    this.#texts.set(name, text);
    const payload = new TextEncoder().encode(text);
    // QoS 0: sessions without connection have no use for numbers of yesterday.
    const packet = { topic: ROOT + name, payload, qos: 0, retain: true, properties: {} } as const;
    const message = new ApplicationMessage(packet, undefined, nowMs);
    this.#retention.ofBroker.set(message);
    this.#router.publish(message, nowMs);
  }
}
