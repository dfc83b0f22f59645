import type { DropCounts } from "../protocol/session_context.ts";
import type { AccessAttributes, ClientIdentity } from "../protocol/access.ts";
import type { Limits } from "../protocol/limits.ts";
import type { ApplicationMessage } from "../protocol/message.ts";
import type { Session } from "../protocol/session.ts";
import type { RefusalHelp } from "../transport/listener.ts";
import type { BrokerEvent } from "./events.ts";
import type { RetentionObstacle } from "./retained.ts";

const DROPS_TOLD_EVERY_MS = 10_000;
// A client is told of again after an hour, and of so many clients in one.
const REFUSALS_TOLD_EVERY_MS = 3_600_000;
const MOST_TOLD = 1_000;
// 100,000 at once take 20 ms, in which nothing is served. (2 cores, Deno 2.9, 2026-11)
const SESSIONS_AT_A_TIME = 2_000;

/** Counts what has come and gone since the broker was opened; for a batch and for a write, where that can be. */
export class Traffic {
  /** Network Connections. */
  sockets = 0;
  /** CONNECT packets, also those that are refused. */
  connections = 0;
  receivedBytes = 0;
  sentBytes = 0;
  /** MQTT packets of all kinds. */
  receivedPackets = 0;
  sentPackets = 0;
  /** PUBLISH by QoS. */
  readonly receivedPublishesByQos: [number, number, number] = [0, 0, 0];
  sentPublishes = 0;
  sentPublishesQos1 = 0;
  sentPublishesQos2 = 0;
  /** Bytes of the payloads of PUBLISH. */
  receivedPayloadBytes = 0;
  sentPayloadBytes = 0;
  /** Connections that a listener or a route refused before MQTT began, by the entry that helps. */
  readonly refusedConnections = new Map<RefusalHelp | "other", number>();

  refused(help: RefusalHelp | "other"): void {
    this.refusedConnections.set(help, (this.refusedConnections.get(help) ?? 0) + 1);
  }

  get receivedPublishes(): number {
    const [qos0, qos1, qos2] = this.receivedPublishesByQos;
    return qos0 + qos1 + qos2;
  }
}

/** Upper bounds of the buckets of a {@linkcode Histogram}, in milliseconds; the last bucket has all above them. */
export const HISTOGRAM_BOUNDS_MS: readonly number[] = [
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  25,
  50,
  100,
  250,
  500,
  1_000,
  2_500,
  10_000,
];

/** Counts durations by size, without an object for each. */
export class Histogram {
  readonly #counts = new Float64Array(HISTOGRAM_BOUNDS_MS.length + 1);
  #sumMs = 0;

  add(ms: number): void {
    let bucket = 0;
    // Nearly all are in the first buckets, where a search by halves is no faster.
    while (ms > (HISTOGRAM_BOUNDS_MS[bucket] ?? Infinity)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1; // There is one for each bound, and one more.
    this.#sumMs += ms;
  }

  get snapshot(): HistogramSnapshot {
    const counts = Array.from(this.#counts);
    const count = counts.reduce((sum, one) => sum + one, 0);
    return { boundsMs: HISTOGRAM_BOUNDS_MS, counts, count, sumMs: this.#sumMs };
  }
}

/** Durations since the broker was opened, counted by size. */
export interface HistogramSnapshot {
  /** Upper bounds of the buckets in milliseconds, inclusive; the last bucket, which has no bound here, has all above. */
  readonly boundsMs: readonly number[];
  /** Durations in each bucket alone; one more than there are bounds. */
  readonly counts: readonly number[];
  /** Number of durations. */
  readonly count: number;
  /** Sum of the durations in milliseconds. */
  readonly sumMs: number;
}

const LOAD_MINUTES = [1, 5, 15] as const;

/** Growth in a minute, as means of the last 1, 5 and 15 minutes that forget: what was a minute ago counts e times less. */
export type Load = readonly [of1Minute: number, of5Minutes: number, of15Minutes: number];

/** Loads of counters, by the names of these. */
export class Loads<Name extends string> {
  #totals: Readonly<Record<Name, number>> | undefined;
  readonly #means = new Map<Name, Load>();

  /** Load of a counter; 0 until it was looked at twice. */
  of(name: Name): Load {
    return this.#means.get(name) ?? [0, 0, 0];
  }

  /** Takes the counters as they are now. */
  look(totals: Readonly<Record<Name, number>>, elapsedMs: number): void {
    const before = this.#totals;
    this.#totals = totals;
    if (before === undefined || elapsedMs <= 0) return;
    for (const name in totals) {
      const perMinute = (totals[name] - before[name]) * 60_000 / elapsedMs;
      const last = this.of(name);
      const mean = (index: 0 | 1 | 2) => {
        const kept = Math.exp(-elapsedMs / (LOAD_MINUTES[index] * 60_000));
        return last[index] * kept + perMinute * (1 - kept);
      };
      this.#means.set(name, [mean(0), mean(1), mean(2)]);
    }
  }
}

/** Counts messages that were not delivered, and tells of them once in a while. */
export class DroppedMessages {
  /** Since the broker was opened. */
  readonly counts: DropCounts = { qos0: 0, queueFull: 0, tooLarge: 0, expired: 0 };
  readonly #onEvent: (event: BrokerEvent) => void;
  #told = { ...this.counts };
  #toldMs = 0;

  constructor(onEvent: (event: BrokerEvent) => void) {
    this.#onEvent = onEvent;
  }

  tell(nowMs: number): void {
    if (nowMs < this.#toldMs + DROPS_TOLD_EVERY_MS) return;
    this.#toldMs = nowMs;
    const { counts } = this;
    const told = this.#told;
    this.#told = { ...counts };
    const since = {
      qos0: counts.qos0 - told.qos0,
      queueFull: counts.queueFull - told.queueFull,
      tooLarge: counts.tooLarge - told.tooLarge,
      expired: counts.expired - told.expired,
    };
    if (since.qos0 + since.queueFull + since.tooLarge > 0) this.#onEvent({ kind: "messagesDropped", ...since });
  }
}

/** Counts messages that could not be retained, and tells of them once for each client. */
export class RetentionRefusals {
  /** Since the broker was opened. */
  count = 0;
  readonly #onEvent: (event: BrokerEvent) => void;
  readonly #told = new ToldClients();

  constructor(onEvent: (event: BrokerEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** Counts one, and tells of it; a publisher in the broker's own process is told by the call that it makes. */
  tell(
    { publisher: clientId, topic, qos }: ApplicationMessage,
    source: AccessAttributes | undefined,
    obstacle: RetentionObstacle,
    isRefused: boolean,
    nowMs: number,
  ): void {
    this.count += 1;
    if (clientId === undefined || !this.#told.isFirst(clientId, nowMs)) return;
    this.#onEvent({
      kind: "retainedRefused",
      clientId,
      principal: source?.principal,
      topic,
      qos,
      obstacle,
      isDelivered: !isRefused,
    });
  }
}

/** Tells of subscriptions that a limit refused, once for each client. */
export class SubscriptionRefusals {
  readonly #onEvent: (event: BrokerEvent) => void;
  readonly #told = new ToldClients();

  constructor(onEvent: (event: BrokerEvent) => void) {
    this.#onEvent = onEvent;
  }

  tell(
    { clientId, principal }: ClientIdentity,
    topicFilter: string,
    limit: keyof Limits,
    value: number,
    nowMs: number,
  ): void {
    if (!this.#told.isFirst(clientId, nowMs)) return;
    this.#onEvent({ kind: "subscriptionRefused", clientId, principal, topicFilter, limit, value });
  }
}

/** Clients that were told of in the last hour, as many as are kept. */
class ToldClients {
  readonly #clientIds = new Set<string>();
  #sinceMs = -Infinity;

  isFirst(clientId: string, nowMs: number): boolean {
    if (nowMs >= this.#sinceMs + REFUSALS_TOLD_EVERY_MS) {
      this.#sinceMs = nowMs;
      this.#clientIds.clear();
    }
    if (this.#clientIds.size >= MOST_TOLD || this.#clientIds.has(clientId)) return false;
    this.#clientIds.add(clientId);
    return true;
  }
}

/** Sums of what all sessions hold, as it was when they were looked at last: some at a time. */
export class BacklogTotals {
  /** Messages that wait or are in flight. */
  messages = 0;
  /** Bytes of those that wait. */
  bytes = 0;
  readonly #sessions: () => Iterator<Session>;
  #counting: { messages: number; bytes: number; readonly left: Iterator<Session> } | undefined;

  constructor(sessions: () => Iterator<Session>) {
    this.#sessions = sessions;
  }

  /** Begins to look at them again, if it is through with the last time; few of them are counted at once. */
  begin(): void {
    this.#counting ??= { messages: 0, bytes: 0, left: this.#sessions() };
    this.resume();
  }

  /** Looks at some more. */
  resume(): void {
    const counting = this.#counting;
    if (counting === undefined) return;
    for (let count = 0; count < SESSIONS_AT_A_TIME; count++) {
      const { value, done = false } = counting.left.next();
      if (done) {
        this.messages = counting.messages;
        this.bytes = counting.bytes;
        this.#counting = undefined;
        return;
      }
      counting.messages += value.messageCount;
      counting.bytes += value.messageBytes;
    }
  }
}

/**
 * Measures for how long the event loop was held, and nothing was served: by the work of one turn, or by turns one after the
 * other in which the runtime did not look for timers and sockets, which makes a timer late.
 */
export class EventLoopStalls {
  /** Since the broker was opened, in milliseconds. */
  longestMs = 0;
  /** Times that turns took, from what came first to the last write. */
  readonly turns = new Histogram();
  /** Lateness of a timer. */
  readonly delays = new Histogram();
  #recentMs = 0;
  #timerDueMs = Infinity;

  /** Takes the time that a turn took. */
  turnEnded(ms: number): void {
    this.turns.add(ms);
    this.held(ms);
  }

  /** Takes a time for which nothing else was served. */
  held(ms: number): void {
    if (ms > this.#recentMs) this.#recentMs = ms;
    if (ms > this.longestMs) this.longestMs = ms;
  }

  /** Takes the lateness of a timer that fires every `periodMs`, and gives it, in milliseconds. */
  timerFired(nowMs: number, periodMs: number): number {
    const lateMs = Math.max(0, nowMs - this.#timerDueMs);
    this.delays.add(lateMs);
    this.held(lateMs);
    this.#timerDueMs = nowMs + periodMs;
    return lateMs;
  }

  /** Gives the longest since it was called last, in milliseconds. */
  takeRecentMs(): number {
    const recentMs = this.#recentMs;
    this.#recentMs = 0;
    return recentMs;
  }
}
