import type { HistogramSnapshot } from "../broker/counters.ts";
import type { BrokerMetrics } from "../broker/metrics.ts";
import { isReasonCodeOf, ReasonCode, reasonCodeName } from "../codec/reason_code.ts";
import type { RefusalHelp } from "../transport/listener.ts";

/** Numbers of one name, as OpenMetrics 1.0 means it. No label has a word that a client chose. */
export type MetricFamily =
  | {
    readonly type: "counter" | "gauge" | "info";
    /** Name without the suffix `_total` of a counter and `_info` of an information; a unit ends it. */
    readonly name: string;
    readonly unit?: Unit;
    readonly help: string;
    readonly samples: readonly Sample[];
  }
  | {
    readonly type: "histogram";
    readonly name: string;
    readonly unit: "seconds";
    readonly help: string;
    readonly durations: HistogramSnapshot;
  };

export type Unit = "bytes" | "seconds";

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Figures of the process, which only its program can read; a missing one is not exported. */
export interface ProcessFigures {
  /** Memory that the process holds, in bytes. */
  readonly residentBytes?: number;
  /** Memory of its objects, in bytes. */
  readonly heapBytes?: number;
  /** Time of processors that it has used, in seconds. */
  readonly cpuSeconds?: number;
  /** File descriptors that are open, sockets among them. */
  readonly openFds?: number;
  /** Most file descriptors that it may have open. */
  readonly maximumFds?: number;
  /** Time at which it was started, in seconds since the epoch. */
  readonly startTimeSeconds?: number;
}

type Counts = Readonly<Record<string, number>>;

const NO_LABELS = {};
/** Reasons of refusals before MQTT. */
const BEFORE_MQTT: Readonly<Record<RefusalHelp | "other", true>> = {
  "host": true,
  "origin": true,
  "scheme-of-the-origin": true,
  "path": true,
  "upgrade": true,
  "subprotocol": true,
  "http-request": true,
  "wrong-protocol": true,
  "tls-handshake": true,
  "proxy-protocol": true,
  "ipv6-only": true,
  "too-many-connections": true,
  "other": true,
};

/** Gives all numbers of a broker and its process by family. */
export function metricFamilies(metrics: BrokerMetrics, process: ProcessFigures = {}): MetricFamily[] {
  return [
    ...clients(metrics),
    ...messages(metrics),
    ...traffic(metrics),
    ...storage(metrics),
    ...eventLoop(metrics),
    ...ofProcess(process),
    {
      type: "info",
      name: "brooklet_build",
      help: "Version of Brooklet.",
      samples: [{ labels: { version: metrics.version }, value: 1 }],
    },
  ];
}

function clients(metrics: BrokerMetrics): MetricFamily[] {
  const { sessions, connectedClients, refusedConnections, denied } = metrics;
  const disconnected = Math.max(0, sessions - connectedClients); // A session ends a little before its connection.
  return [
    gauge("mqtt_connections", "Connections that are open, also before CONNECT.", metrics.connections),
    counter("mqtt_opened_connections", "Connections that were opened.", metrics.connectionsOpened),
    by("state", { connected: connectedClients, disconnected }, {
      type: "gauge",
      name: "mqtt_sessions",
      help: "Sessions, with and without a connection.",
    }),
    gauge("mqtt_subscriptions", "Subscriptions of all sessions, shared ones too.", metrics.subscriptions),
    by("reason", refusals(refusedConnections), {
      type: "counter",
      name: "mqtt_refused_connections",
      help: "Connections that were refused: before MQTT by what helps, then by Reason Code.",
    }),
    by("action", denied, {
      type: "counter",
      name: "mqtt_denied",
      help: "Requests of clients that the rules denied: PUBLISH packets and Topic Filters.",
    }),
  ];
}

function messages(metrics: BrokerMetrics): MetricFamily[] {
  const { qos0, queueFull, tooLarge, expired } = metrics.dropped;
  return [
    gauge("mqtt_retained_messages", "Retained messages.", metrics.retainedMessages),
    gauge("mqtt_retained_bytes", "Bytes of retained messages.", metrics.retainedBytes, "bytes"),
    counter("mqtt_refused_retained_messages", "Messages that could not be retained.", metrics.retainedRefused),
    gauge("mqtt_queued_messages", "Messages that wait for sessions or are in flight.", metrics.queuedMessages),
    gauge("mqtt_queued_bytes", "Bytes of messages that wait for sessions.", metrics.queuedBytes, "bytes"),
    gauge("mqtt_backlog_bytes", "Bytes that wait in memory for connected clients.", metrics.backlogBytes, "bytes"),
    by("reason", { qos0, queue_full: queueFull, too_large: tooLarge, expired }, {
      type: "counter",
      name: "mqtt_dropped_messages",
      help: "Messages that were not delivered.",
    }),
  ];
}

function traffic({ received, sent }: BrokerMetrics): MetricFamily[] {
  const publishes = ([["received", received], ["sent", sent]] as const).flatMap(([direction, { publishesByQos }]) =>
    publishesByQos.map((value, qos) => ({ labels: { direction, qos: String(qos) }, value }))
  );
  return [
    counter("mqtt_received_bytes", "Bytes of MQTT from clients.", received.bytes, "bytes"),
    counter("mqtt_sent_bytes", "Bytes of MQTT to clients.", sent.bytes, "bytes"),
    by("direction", { received: received.packets, sent: sent.packets }, {
      type: "counter",
      name: "mqtt_packets",
      help: "Packets of all types.",
    }),
    { type: "counter", name: "mqtt_publishes", help: "PUBLISH packets.", samples: publishes },
  ];
}

function storage({ storage, isStorageFailing, histograms }: BrokerMetrics): MetricFamily[] {
  const { commits, failedCommits, pendingBytes, bytes } = storage;
  return [
    by("result", { kept: commits, failed: failedCommits }, {
      type: "counter",
      name: "mqtt_storage_commits",
      help: "Commits of the storage; one that failed is tried again.",
    }),
    histogram("mqtt_storage_commit_seconds", "Commits that the storage did not keep at once.", histograms.commits),
    gauge("mqtt_storage_failing", "1 while the storage does not keep what it is given.", Number(isStorageFailing)),
    gauge("mqtt_storage_pending_bytes", "Bytes of changes that are not kept yet.", pendingBytes, "bytes"),
    ...known(bytes, (value) => gauge("mqtt_storage_file_bytes", "Bytes of the file of the storage.", value, "bytes")),
  ];
}

function eventLoop({ histograms }: BrokerMetrics): MetricFamily[] {
  return [
    histogram("mqtt_turn_seconds", "Turns of the broker, from the first read to the last write.", histograms.turns),
    histogram("mqtt_event_loop_delay_seconds", "Lateness of a timer of 100 ms.", histograms.eventLoopDelays),
  ];
}

/** Names are those that client libraries of Prometheus agree on. */
function ofProcess(figures: ProcessFigures): MetricFamily[] {
  const { residentBytes, heapBytes, cpuSeconds, openFds, maximumFds, startTimeSeconds } = figures;
  return [
    ...known(residentBytes, (bytes) => gauge("process_resident_memory_bytes", "Resident memory.", bytes, "bytes")),
    ...known(heapBytes, (bytes) => gauge("process_heap_bytes", "Memory of objects.", bytes, "bytes")),
    ...known(cpuSeconds, (time) => counter("process_cpu_seconds", "Time of processors.", time, "seconds")),
    ...known(openFds, (count) => gauge("process_open_fds", "Open file descriptors.", count)),
    ...known(maximumFds, (count) => gauge("process_max_fds", "Most open file descriptors.", count)),
    ...known(startTimeSeconds, (time) => gauge("process_start_time_seconds", "Start of the process.", time, "seconds")),
  ];
}

function refusals({ beforeMqttByHelp, byReasonCode }: BrokerMetrics["refusedConnections"]): Counts {
  const counts = noRefusals();
  const add = (reason: string, count: number) => counts[reason] = (counts[reason] ?? 0) + count;
  for (const [help, count] of Object.entries(beforeMqttByHelp)) add(help.replaceAll("-", "_"), count);
  for (const [code, count] of Object.entries(byReasonCode)) add(snakeCase(reasonCodeName(Number(code))), count);
  return counts;
}

/** Zero for each reason, so that the first refusal is an increase. */
function noRefusals(): Record<string, number> {
  const codes = Object.entries(ReasonCode).filter(([, code]) => code >= 0x80 && isReasonCodeOf("connack", code));
  const reasons = [
    ...Object.keys(BEFORE_MQTT).map((help) => help.replaceAll("-", "_")),
    ...codes.map(([name]) => snakeCase(name)),
  ];
  return Object.fromEntries(reasons.map((reason) => [reason, 0]));
}

/** `BadUserNameOrPassword` as `bad_user_name_or_password`. */
function snakeCase(name: string): string {
  return name.replace(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}

function gauge(name: string, help: string, value: number, unit?: Unit): MetricFamily {
  return { type: "gauge", name, help, ...withUnit(unit), samples: [{ labels: NO_LABELS, value }] };
}

function counter(name: string, help: string, value: number, unit?: Unit): MetricFamily {
  return { type: "counter", name, help, ...withUnit(unit), samples: [{ labels: NO_LABELS, value }] };
}

function histogram(name: string, help: string, durations: HistogramSnapshot): MetricFamily {
  return { type: "histogram", name, unit: "seconds", help, durations };
}

function by(
  label: string,
  counts: Counts,
  family: { readonly type: "counter" | "gauge"; readonly name: string; readonly help: string },
): MetricFamily {
  const samples = Object.entries(counts).map(([key, value]) => ({ labels: { [label]: key }, value }));
  return { ...family, samples };
}

function withUnit(unit: Unit | undefined): { readonly unit?: Unit } {
  return unit === undefined ? {} : { unit };
}

function known(value: number | undefined, family: (value: number) => MetricFamily): MetricFamily[] {
  return value === undefined ? [] : [family(value)];
}
