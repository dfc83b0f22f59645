import { wrongAnswer } from "../auth/hook_answers.ts";
import { ApplicationMessage } from "../protocol/message.ts";
import type { Retained } from "../protocol/session_context.ts";
import type { Admission } from "./access/admission.ts";
import { BacklogTotals, type DroppedMessages, type EventLoopStalls, type Traffic } from "./counters.ts";
import { RetainedMessages, type Retention, type RetentionRefusals } from "./retained.ts";
import type { Router } from "./router.ts";
import type { SessionQuota } from "./session_quota.ts";
import type { Sessions } from "./sessions.ts";

/**
 * The topics below `$SYS/broker`, with the names and the meaning that mosquitto gave them, so that what reads them there
 * reads them here. Each is like a retained message: it is there at SUBSCRIBE, and comes again when it changes. No filter that
 * begins with a wildcard matches them. [MQTT-4.7.2-1]
 */

/** First level of what the broker tells of itself. */
const SYS = "$SYS";
const ROOT = `${SYS}/broker/`;
const LOAD_MINUTES = [1, 5, 15] as const;

/** What the topics tell of the broker at one moment. */
export interface SysState {
  readonly traffic: Readonly<Traffic>;
  /** Clients that are connected. */
  readonly connected: number;
  /** Sessions, of clients that are connected and of others. */
  readonly sessions: number;
  readonly expired: number;
  /** Sessions that outlive their connections, what these hold, and what their bounds have refused. */
  readonly durableSessions: number;
  readonly durableSessionBytes: number;
  readonly durableSessionsRefused: number;
  readonly subscriptions: number;
  readonly sharedSubscriptions: number;
  readonly retainedMessages: number;
  /** Messages that could not be retained. */
  readonly retainedRefused: number;
  /**
   * Messages that are kept for whoever subscribes, or wait for a session or are in flight, and the bytes of their payloads;
   * of those that wait, with their topics and properties.
   */
  readonly keptMessages: number;
  readonly keptBytes: number;
  /** Messages that were not delivered. */
  readonly dropped: number;
  /** The longest time for which the event loop was held since this was told last. */
  readonly stallMs: number;
  /** Memory in use; `undefined`: nobody knows. */
  readonly heapBytes: number | undefined;
}

/** A number that grows, and how fast it has grown in the last minutes. */
interface Load {
  readonly name: string;
  readonly total: (state: SysState) => number;
}

const LOADS: readonly Load[] = [
  { name: "messages/received", total: ({ traffic }) => traffic.receivedPackets },
  { name: "messages/sent", total: ({ traffic }) => traffic.sentPackets },
  { name: "publish/dropped", total: ({ dropped }) => dropped },
  { name: "publish/received", total: ({ traffic }) => traffic.receivedPublishes },
  { name: "publish/sent", total: ({ traffic }) => traffic.sentPublishes },
  { name: "bytes/received", total: ({ traffic }) => traffic.receivedBytes },
  { name: "bytes/sent", total: ({ traffic }) => traffic.sentBytes },
  { name: "sockets", total: ({ traffic }) => traffic.sockets },
  { name: "connections", total: ({ traffic }) => traffic.connections },
];

/** How often the topics are told, as an option gives it. Throws RangeError for what is too often. */
export function sysInterval(ms = 0): number {
  if (ms === 0 || (Number.isInteger(ms) && ms >= 100)) return ms;
  throw new RangeError(`Cannot set sysIntervalMs: "${ms}" is not 0 or an integer of at least 100`);
}

/** Publishes what there is to tell, once in an interval. */
export class SysTopics {
  /** What a subscription gets at once. */
  readonly messages = new RetainedMessages();
  /** 0: nothing is told. */
  intervalMs: number;
  readonly #version: string;
  readonly #publish: (message: ApplicationMessage, nowMs: number) => void;
  #startedMs: number | undefined;
  readonly #texts = new Map<string, string>();
  /** By name: what the number was last, and its mean growth in a minute. */
  readonly #loads = new Map<string, { total: number; readonly means: number[] }>();
  #toldMs = 0;
  #mostClients = 0;
  #mostHeapBytes = 0;
  #longestStallMs = 0;

  constructor(
    version: string,
    intervalMs: number,
    publish: (message: ApplicationMessage, nowMs: number) => void,
  ) {
    this.#version = version;
    this.intervalMs = intervalMs;
    this.#publish = publish;
  }

  /** Tells what has changed, if it is time; `stateOf` is asked only then. With the first one the broker begins. */
  tick(nowMs: number, stateOf: () => SysState): void {
    const startedMs = this.#startedMs ??= nowMs;
    if (this.intervalMs === 0) return;
    const elapsedMs = nowMs - this.#toldMs;
    const isFirst = this.#texts.size === 0;
    if (!isFirst && elapsedMs < this.intervalMs) return;
    this.#toldMs = nowMs;
    const state = stateOf();
    this.#mostClients = Math.max(this.#mostClients, state.sessions);
    this.#tell("version", `brooklet version ${this.#version}`, nowMs);
    this.#tell("uptime", `${Math.floor((nowMs - startedMs) / 1_000)} seconds`, nowMs);
    for (const [name, value] of [...this.#counts(state), ...this.#heap(state)]) this.#tell(name, String(value), nowMs);
    for (const load of LOADS) this.#tellLoad(load, state, isFirst ? 0 : elapsedMs, nowMs);
  }

  /**
   * What is retained for a filter: first what the broker tells of itself, then what clients have published, for bridges tell
   * of themselves below `$SYS` too.
   */
  *before(
    ofClients: Iterable<Retained | undefined>,
    levels: readonly string[],
  ): Generator<Retained | undefined, undefined> {
    if (levels[0] === SYS) yield* this.messages.match(levels);
    yield* ofClients;
  }

  #counts({ traffic, ...state }: SysState): readonly (readonly [name: string, value: number])[] {
    this.#longestStallMs = Math.max(this.#longestStallMs, state.stallMs);
    const disconnected = Math.max(0, state.sessions - state.connected);
    return [
      ["clients/total", state.sessions],
      ["clients/maximum", this.#mostClients],
      ["clients/connected", state.connected],
      ["clients/active", state.connected],
      ["clients/disconnected", disconnected],
      ["clients/inactive", disconnected],
      ["clients/expired", state.expired],
      ["sessions/durable", state.durableSessions],
      ["sessions/durable/bytes", state.durableSessionBytes],
      ["sessions/durable/refused", state.durableSessionsRefused],
      ["messages/received", traffic.receivedPackets],
      ["messages/sent", traffic.sentPackets],
      ["bytes/received", traffic.receivedBytes],
      ["bytes/sent", traffic.sentBytes],
      ["publish/messages/received", traffic.receivedPublishes],
      ["publish/messages/sent", traffic.sentPublishes],
      ["publish/messages/dropped", state.dropped],
      ["publish/bytes/received", traffic.receivedPayloadBytes],
      ["publish/bytes/sent", traffic.sentPayloadBytes],
      ["subscriptions/count", state.subscriptions],
      ["shared_subscriptions/count", state.sharedSubscriptions],
      ["retained messages/count", state.retainedMessages],
      ["retained messages/refused", state.retainedRefused],
      ["messages/stored", state.keptMessages], // Of old, for the next one.
      ["store/messages/count", state.keptMessages],
      ["store/messages/bytes", state.keptBytes],
      // In milliseconds, of the last interval and since the start.
      ["event loop/stall/current", Math.ceil(state.stallMs)],
      ["event loop/stall/maximum", Math.ceil(this.#longestStallMs)],
    ];
  }

  /** The most is of what was told: nobody looks between. */
  #heap({ heapBytes }: SysState): readonly (readonly [name: string, value: number])[] {
    if (heapBytes === undefined) return [];
    this.#mostHeapBytes = Math.max(this.#mostHeapBytes, heapBytes);
    return [["heap/current", heapBytes], ["heap/maximum", this.#mostHeapBytes]];
  }

  /** A mean that forgets: what was a minute ago counts e times less, and so on for 5 and 15. */
  #tellLoad({ name, total }: Load, state: SysState, elapsedMs: number, nowMs: number): void {
    const now = total(state);
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
    this.messages.set(message);
    this.#publish(message, nowMs);
  }
}

/** Where the numbers are that the broker tells of itself. */
export interface SysSources {
  readonly traffic: Traffic;
  readonly router: Router;
  readonly sessions: Sessions;
  readonly sessionQuota: SessionQuota;
  readonly retention: Retention;
  readonly retentionRefusals: RetentionRefusals;
  readonly dropped: DroppedMessages;
  readonly stalls: EventLoopStalls;
  readonly admission: Admission;
  unexpectedError(error: unknown): void;
}

/** Puts together what the broker tells of itself. */
export class SysStateSource {
  readonly #sources: SysSources;
  readonly #heapBytes: (() => number) | undefined;
  readonly #held: BacklogTotals;

  constructor(sources: SysSources, heapBytes: (() => number) | undefined) {
    this.#sources = sources;
    this.#heapBytes = heapBytes;
    this.#held = new BacklogTotals(() => sources.sessions[Symbol.iterator]());
  }

  /** Goes on with what is counted some at a time. */
  goOn(): void {
    this.#held.goOn();
  }

  /** As it is now; what is counted some at a time, as it was last. */
  read(): SysState {
    const { traffic, router, sessions, sessionQuota, retention, retentionRefusals, dropped, stalls, admission } =
      this.#sources;
    const { refusals } = sessionQuota;
    const { qos0, queueFull, tooLarge } = dropped.counts;
    const { subscriptions, shared } = router.counts;
    const { count, payloadBytes } = retention.messages;
    const held = this.#held;
    held.begin();
    return {
      traffic,
      connected: admission.connected,
      sessions: sessions.size,
      expired: sessions.expiredCount,
      durableSessions: sessionQuota.total.sessions,
      durableSessionBytes: sessionQuota.total.bytes,
      durableSessionsRefused: refusals.clients + refusals.subscriptions + refusals.messages,
      subscriptions,
      sharedSubscriptions: shared,
      retainedMessages: count,
      retainedRefused: retentionRefusals.count,
      keptMessages: count + held.messages,
      keptBytes: payloadBytes + held.bytes,
      dropped: qos0 + queueFull + tooLarge,
      stallMs: stalls.takeRecentMs(),
      heapBytes: this.#readHeapBytes(),
    };
  }

  #readHeapBytes(): number | undefined {
    try {
      const answer: unknown = this.#heapBytes?.();
      if (answer === undefined || typeof answer === "number") return answer;
      throw wrongAnswer("heapBytes", answer, "a number");
    } catch (error) {
      this.#sources.unexpectedError(error); // The other numbers are told without it.
      return undefined;
    }
  }
}

/** The same as in deno.json. */
export const VERSION = "0.1.0";
