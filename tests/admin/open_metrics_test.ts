import { assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { Broker } from "../../mod.ts";
import type { HistogramSnapshot } from "../../src/broker/counters.ts";
import type { MetricFamily } from "../../src/admin/metric_families.ts";
import { metricsResponse, OPEN_METRICS_TYPE, openMetricsText } from "../../src/admin/open_metrics.ts";
import { type CommitItem, MemoryStorage } from "../../src/storage/mod.ts";
import { Stopwatch } from "../stopwatch.ts";
import { started } from "../storage/kv_changes.ts";

const MOST_MS = 20;
const DURATIONS: HistogramSnapshot = { boundsMs: [0.25, 1_000], counts: [2, 0, 3], count: 5, sumMs: 12_500 };

Deno.test("openMetricsText() writes each type of family, and ends with EOF", () => {
  const families: readonly MetricFamily[] = [
    { type: "gauge", name: "plain", help: "One.", samples: [{ labels: {}, value: 7 }] },
    {
      type: "counter",
      name: "all_bytes",
      unit: "bytes",
      help: "Two.",
      samples: [{ labels: { a: "b", c: "d" }, value: 1.5 }, { labels: { a: "" }, value: 0 }],
    },
    { type: "info", name: "build", help: "Three.", samples: [{ labels: { version: "1" }, value: 1 }] },
    { type: "histogram", name: "turn_seconds", unit: "seconds", help: "Four.", durations: DURATIONS },
  ];
  assertEquals(
    openMetricsText(families),
    `# TYPE plain gauge
# HELP plain One.
plain 7
# TYPE all_bytes counter
# UNIT all_bytes bytes
# HELP all_bytes Two.
all_bytes_total{a="b",c="d"} 1.5
all_bytes_total{a=""} 0
# TYPE build info
# HELP build Three.
build_info{version="1"} 1
# TYPE turn_seconds histogram
# UNIT turn_seconds seconds
# HELP turn_seconds Four.
turn_seconds_bucket{le="0.00025"} 2
turn_seconds_bucket{le="1.0"} 2
turn_seconds_bucket{le="+Inf"} 5
turn_seconds_count 5
turn_seconds_sum 12.5
# EOF
`,
  );
});

Deno.test("openMetricsText() escapes help and labels", () => {
  const labels = { reason: 'a\\b"c\nd\\n' };
  const text = openMetricsText([{ type: "gauge", name: "x", help: '"\\\n', samples: [{ labels, value: 1 }] }]);
  assertEquals(text.split("\n")[1], '# HELP x \\"\\\\\\n');
  assertEquals(text.split("\n")[2], 'x{reason="a\\\\b\\"c\\nd\\\\n"} 1');
});

Deno.test("metricsResponse() names the version of the format, and is not cached", async () => {
  await using broker = await Broker.open();
  const response = metricsResponse(broker);
  assertEquals(response.headers.get("content-type"), OPEN_METRICS_TYPE);
  assertEquals(response.headers.get("cache-control"), "no-store");
  const text = await response.text();
  assertStringIncludes(text, `\nbrooklet_build_info{version="${broker.metrics.version}"} 1\n# EOF\n`);
});

Deno.test("metricsResponse() takes at most 20 ms with 100,000 sessions", async () => {
  const storage = new MemoryStorage();
  const expiry = { sessionExpirySeconds: 3_600, expiresAtMs: Date.now() + 3_600_000 };
  const clientIds = Array.from({ length: 100_000 }, (_, index) => `c${index}`);
  const changes = clientIds.flatMap((clientId): CommitItem[] => [
    started(clientId),
    { kind: "sessionExpiry", clientId, ...expiry },
  ]);
  await storage.commit(changes);
  await using broker = await Broker.open({ storage });
  const times = Array.from({ length: 5 }, () => {
    const stopwatch = new Stopwatch();
    metricsResponse(broker);
    return stopwatch.ms();
  });
  const [, , medianMs = Infinity] = times.toSorted((a, b) => a - b); // The first compiles it, and one may free memory.
  assertLess(medianMs, MOST_MS);
  assertEquals(/^mqtt_sessions.*"disconnected"} (\d+)$/m.exec(await metricsResponse(broker).text())?.[1], "100000");
});
