import { assertEquals } from "@std/assert";
import { Broker, type BrokerMetrics } from "../../mod.ts";
import type { HistogramSnapshot } from "../../src/broker/counters.ts";
import { metricFamilies, type ProcessFigures } from "../../src/admin/metric_families.ts";
import { openMetricsText } from "../../src/admin/open_metrics.ts";

/** Changes of the numbers, with the lines that these change. */
const ROWS: readonly (readonly [(metrics: BrokerMetrics) => Partial<BrokerMetrics>, ...lines: readonly string[]])[] = [
  [() => ({ connections: 7 }), "mqtt_connections 7"],
  [() => ({ connectionsOpened: 8 }), "mqtt_opened_connections_total 8"],
  [
    () => ({ sessions: 9, connectedClients: 4 }),
    'mqtt_sessions{state="connected"} 4',
    'mqtt_sessions{state="disconnected"} 5',
  ],
  [() => ({ sessions: 0, connectedClients: 1 }), 'mqtt_sessions{state="connected"} 1'], // Its session ends first.
  [() => ({ subscriptions: 3 }), "mqtt_subscriptions 3"],
  [() => ({ retainedMessages: 3 }), "mqtt_retained_messages 3"],
  [() => ({ retainedBytes: 1e21 }), "mqtt_retained_bytes 1e+21"],
  [() => ({ retainedRefused: 3 }), "mqtt_refused_retained_messages_total 3"],
  [() => ({ queuedMessages: 4 }), "mqtt_queued_messages 4"],
  [() => ({ queuedBytes: 5 }), "mqtt_queued_bytes 5"],
  [() => ({ backlogBytes: 6 }), "mqtt_backlog_bytes 6"],
  [
    () => ({ dropped: { qos0: 1, queueFull: 2, tooLarge: 3, expired: 4 } }),
    'mqtt_dropped_messages_total{reason="qos0"} 1',
    'mqtt_dropped_messages_total{reason="queue_full"} 2',
    'mqtt_dropped_messages_total{reason="too_large"} 3',
    'mqtt_dropped_messages_total{reason="expired"} 4',
  ],
  [
    () => ({ denied: { publish: 1, subscribe: 2 } }),
    'mqtt_denied_total{action="publish"} 1',
    'mqtt_denied_total{action="subscribe"} 2',
  ],
  [
    () => ({
      refusedConnections: {
        beforeMqtt: 3,
        beforeMqttByHelp: { "tls-handshake": 2, other: 1 },
        byReasonCode: { "134": 5, "130": 6, "240": 7, "0": 8 },
      },
    }),
    'mqtt_refused_connections_total{reason="tls_handshake"} 2',
    'mqtt_refused_connections_total{reason="other"} 1',
    'mqtt_refused_connections_total{reason="protocol_error"} 6',
    'mqtt_refused_connections_total{reason="bad_user_name_or_password"} 5',
    'mqtt_refused_connections_total{reason="success"} 8',
    'mqtt_refused_connections_total{reason="0xf0"} 7',
  ],
  [
    ({ received }) => ({ received: { ...received, bytes: 1, packets: 2, publishesByQos: [3, 4, 5] } }),
    "mqtt_received_bytes_total 1",
    'mqtt_packets_total{direction="received"} 2',
    'mqtt_publishes_total{direction="received",qos="0"} 3',
    'mqtt_publishes_total{direction="received",qos="1"} 4',
    'mqtt_publishes_total{direction="received",qos="2"} 5',
  ],
  [
    ({ sent }) => ({ sent: { ...sent, bytes: 1, packets: 2, publishesByQos: [3, 4, 5] } }),
    "mqtt_sent_bytes_total 1",
    'mqtt_packets_total{direction="sent"} 2',
    'mqtt_publishes_total{direction="sent",qos="0"} 3',
    'mqtt_publishes_total{direction="sent",qos="1"} 4',
    'mqtt_publishes_total{direction="sent",qos="2"} 5',
  ],
  [
    ({ storage }) => ({ storage: { ...storage, commits: 2, failedCommits: 3, pendingBytes: 4, bytes: 5 } }),
    'mqtt_storage_commits_total{result="kept"} 2',
    'mqtt_storage_commits_total{result="failed"} 3',
    "mqtt_storage_pending_bytes 4",
    "# TYPE mqtt_storage_file_bytes gauge",
    "# UNIT mqtt_storage_file_bytes bytes",
    "# HELP mqtt_storage_file_bytes Bytes of the file of the storage.",
    "mqtt_storage_file_bytes 5",
  ],
  [() => ({ isStorageFailing: true }), "mqtt_storage_failing 1"],
];

for (const [change, ...lines] of ROWS) {
  Deno.test(`metricFamilies() gives ${lines.at(-1)}`, async () => {
    const metrics = await anyMetrics();
    assertEquals(newLines(metrics, { ...metrics, ...change(metrics) }), lines);
  });
}

for (
  const [name, family] of [
    ["commits", "mqtt_storage_commit_seconds"],
    ["turns", "mqtt_turn_seconds"],
    ["eventLoopDelays", "mqtt_event_loop_delay_seconds"],
  ] as const
) {
  Deno.test(`metricFamilies() gives ${family}`, async () => {
    const metrics = await anyMetrics();
    const none = { boundsMs: [250, 1_000], counts: [0, 0, 0], count: 0, sumMs: 0 };
    const some = { ...none, counts: [1, 2, 3], count: 6, sumMs: 1_500 };
    const withTimes = (durations: HistogramSnapshot): BrokerMetrics => ({
      ...metrics,
      histograms: { ...metrics.histograms, [name]: durations },
    });
    assertEquals(newLines(withTimes(none), withTimes(some)), [
      `${family}_bucket{le="0.25"} 1`,
      `${family}_bucket{le="1.0"} 3`,
      `${family}_bucket{le="+Inf"} 6`,
      `${family}_count 6`,
      `${family}_sum 1.5`,
    ]);
  });
}

for (
  const [figures, name, type, line = `${name} 1.5`] of [
    [{ residentBytes: 1.5 }, "process_resident_memory_bytes", "gauge"],
    [{ heapBytes: 1.5 }, "process_heap_bytes", "gauge"],
    [{ cpuSeconds: 1.5 }, "process_cpu_seconds", "counter", "process_cpu_seconds_total 1.5"],
    [{ openFds: 1.5 }, "process_open_fds", "gauge"],
    [{ maximumFds: 1.5 }, "process_max_fds", "gauge"],
    [{ startTimeSeconds: 1.5 }, "process_start_time_seconds", "gauge"],
  ] as readonly (readonly [ProcessFigures, string, string, string?])[]
) {
  Deno.test(`metricFamilies() gives ${name} where it is known`, async () => {
    const metrics = await anyMetrics();
    const lines = newLines(metrics, metrics, figures).filter((text) => !/^# (?:HELP|UNIT) /.test(text));
    assertEquals(lines, [`# TYPE ${name} ${type}`, line]);
  });
}

Deno.test("metricFamilies() has each reason of a refusal from the beginning, so that the first is an increase", async () => {
  const family = metricFamilies(await anyMetrics()).find(({ name }) => name === "mqtt_refused_connections");
  const samples = family?.type === "counter" ? family.samples : [];
  const reasons = samples.map(({ labels }) => labels["reason"]);
  assertEquals([new Set(reasons).size, new Set(samples.map(({ value }) => value))], [34, new Set([0])]);
  for (const reason of ["path", "scheme_of_the_origin", "other", "bad_user_name_or_password", "quota_exceeded"]) {
    assertEquals(reasons.includes(reason), true, reason);
  }
});

Deno.test("metricFamilies() has names of their own, and those with a unit end with it", async () => {
  const families = metricFamilies(await anyMetrics());
  assertEquals(new Set(families.map(({ name }) => name)).size, families.length);
  for (const { name, unit, help } of families) {
    assertEquals(unit ?? "", /_(bytes|seconds)$/.exec(name)?.[1] ?? "", name);
    assertEquals(/^[A-Z0-9].*\.$/.test(help), true, help);
  }
});

Deno.test("docs/monitoring.md has each metric, in the order of the text", async () => {
  const metrics = await anyMetrics();
  const known = { ...metrics, storage: { ...metrics.storage, bytes: 1 } };
  const process = { residentBytes: 1, heapBytes: 1, cpuSeconds: 1, openFds: 1, maximumFds: 1, startTimeSeconds: 1 };
  const suffixes = { counter: "_total", gauge: "", info: "_info", histogram: "" };
  const page = await Deno.readTextFile(new URL("../../docs/monitoring.md", import.meta.url));
  const rows = Array.from(page.matchAll(/^\| (`(?:mqtt|process|brooklet)_[^|]*)\|/gm), ([, names = ""]) => names);
  assertEquals(
    rows.flatMap((names) => Array.from(names.matchAll(/`(\w+)`/g), ([, name]) => name)),
    metricFamilies(known, process).map(({ name, type }) => name + suffixes[type]),
  );
});

async function anyMetrics(): Promise<BrokerMetrics> {
  await using broker = await Broker.open();
  return broker.metrics;
}

/** Lines of the text that only the second numbers have. */
function newLines(before: BrokerMetrics, after: BrokerMetrics, process?: ProcessFigures): string[] {
  const old = new Set(openMetricsText(metricFamilies(before)).split("\n"));
  return openMetricsText(metricFamilies(after, process)).split("\n").filter((line) => !old.has(line));
}
