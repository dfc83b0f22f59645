import { wrongAnswer } from "../auth/hook_answers.ts";
import { ApplicationMessage } from "../protocol/message.ts";
import type { Storage } from "../storage/storage.ts";
import type { Admission } from "./access/admission.ts";
import {
  BacklogTotals,
  type DroppedMessages,
  type EventLoopStalls,
  Loads,
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
// Loads are measured at least so often, whether topics are told or not.
const LOADS_MS = 5_000;

/** Counter of which the load is measured. */
export type LoadName =
  | "receivedPackets"
  | "sentPackets"
  | "droppedPublishes"
  | "receivedPublishes"
  | "sentPublishes"
  | "receivedBytes"
  | "sentBytes"
  | "connectionsOpened"
  | "connectPackets";

/** Names that mosquitto gave to the loads. */
const LOAD_NAMES: Readonly<Record<LoadName, string>> = {
  receivedPackets: "messages/received",
  sentPackets: "messages/sent",
  droppedPublishes: "publish/dropped",
  receivedPublishes: "publish/received",
  sentPublishes: "publish/sent",
  receivedBytes: "bytes/received",
  sentBytes: "bytes/sent",
  connectionsOpened: "sockets",
  connectPackets: "connections",
};

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
  /** Sums of what sessions hold, as they were counted last. */
  readonly backlogs: BacklogTotals;
  readonly loads = new Loads<LoadName>();
  #startedMs: number | undefined;
  #toldMs = 0;
  readonly #texts = new Map<string, string>();
  #loadsMs: number | undefined;
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
    this.backlogs = new BacklogTotals(() => parts.sessions[Symbol.iterator]());
  }

  /** Publishes what has changed, once per interval. The broker has begun with the first tick. */
  tick(nowMs: number): void {
    this.backlogs.resume();
    this.#measureLoads(nowMs);
    const startedMs = this.#startedMs ??= nowMs;
    if (this.intervalMs === 0) return;
    const elapsedMs = nowMs - this.#toldMs;
    const isFirst = this.#texts.size === 0;
    if (!isFirst && elapsedMs < this.intervalMs) return;
    this.#toldMs = nowMs;
    this.backlogs.begin();
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
    this.#tellLoads(nowMs);
  }

  /** Time since the broker began, with the first tick, in milliseconds. */
  uptimeMs(nowMs: number): number {
    return nowMs - (this.#startedMs ?? nowMs);
  }

  /** Memory in use, and the most that was seen; `undefined`: the app does not say. */
  heap(): { readonly heapBytes: number; readonly mostHeapBytes: number } | undefined {
    const heapBytes = this.#readHeapBytes();
    if (heapBytes === undefined) return undefined;
    this.#mostHeapBytes = Math.max(this.#mostHeapBytes, heapBytes);
    return { heapBytes, mostHeapBytes: this.#mostHeapBytes };
  }

  #clients(): readonly Row[] {
    const sessions = this.#sessions.size;
    const { connected } = this.#admission;
    const disconnected = Math.max(0, sessions - connected);
    const { total, refusals } = this.#sessionQuota;
    return [
      ["clients/total", sessions],
      ["clients/maximum", this.#sessions.most],
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
    const stored = count + this.backlogs.messages;
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
      ["store/messages/bytes", payloadBytes + this.backlogs.bytes],
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

  #heap(): readonly Row[] {
    const heap = this.heap();
    return heap === undefined ? [] : [["heap/current", heap.heapBytes], ["heap/maximum", heap.mostHeapBytes]];
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

  /** Measures loads as often as topics are told, or at least every {@linkcode LOADS_MS}. */
  #measureLoads(nowMs: number): void {
    const elapsedMs = nowMs - (this.#loadsMs ?? nowMs);
    const dueMs = this.intervalMs === 0 ? LOADS_MS : Math.min(this.intervalMs, LOADS_MS);
    if (this.#loadsMs !== undefined && elapsedMs < dueMs) return;
    this.#loadsMs = nowMs;
    const traffic = this.#traffic;
    this.loads.look({
      receivedPackets: traffic.receivedPackets,
      sentPackets: traffic.sentPackets,
      droppedPublishes: this.#droppedCount,
      receivedPublishes: traffic.receivedPublishes,
      sentPublishes: traffic.sentPublishes,
      receivedBytes: traffic.receivedBytes,
      sentBytes: traffic.sentBytes,
      connectionsOpened: traffic.sockets,
      connectPackets: traffic.connections,
    }, elapsedMs);
  }

  get #droppedCount(): number {
    const { qos0, queueFull, tooLarge } = this.#dropped.counts;
    return qos0 + queueFull + tooLarge;
  }

  #tellLoads(nowMs: number): void {
    for (const name of Object.keys(LOAD_NAMES) as LoadName[]) { // These are all its keys.
      const [of1Minute, of5Minutes, of15Minutes] = this.loads.of(name);
      const topic = `load/${LOAD_NAMES[name]}`;
      this.#tell(`${topic}/1min`, of1Minute.toFixed(2), nowMs);
      this.#tell(`${topic}/5min`, of5Minutes.toFixed(2), nowMs);
      this.#tell(`${topic}/15min`, of15Minutes.toFixed(2), nowMs);
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
