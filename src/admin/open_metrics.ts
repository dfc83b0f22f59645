/**
 * Text of OpenMetrics 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/), which Prometheus, VictoriaMetrics,
 * Grafana Alloy, Telegraf and others read.
 */

import type { Broker } from "../broker/broker.ts";
import type { HistogramSnapshot } from "../broker/counters.ts";
import { metricFamilies, type MetricFamily, type ProcessFigures } from "./metric_families.ts";

/** Media type of the text, with its version. */
export const OPEN_METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** Answers a scrape with the numbers of a broker and of its process. */
export function metricsResponse(broker: Pick<Broker, "metrics">, process: ProcessFigures = {}): Response {
  const headers = { "content-type": OPEN_METRICS_TYPE, "cache-control": "no-store" };
  return new Response(openMetricsText(metricFamilies(broker.metrics, process)), { headers });
}

/** Writes families as text. */
export function openMetricsText(families: readonly MetricFamily[]): string {
  const lines: string[] = [];
  for (const family of families) writeFamily(family, lines);
  lines.push("# EOF\n");
  return lines.join("\n");
}

function writeFamily(family: MetricFamily, lines: string[]): void {
  const { name, type, unit, help } = family;
  lines.push(`# TYPE ${name} ${type}`);
  if (unit !== undefined) lines.push(`# UNIT ${name} ${unit}`);
  lines.push(`# HELP ${name} ${escaped(help)}`);
  if (family.type === "histogram") return writeBuckets(name, family.durations, lines);
  const suffix = SUFFIXES[family.type];
  for (const { labels, value } of family.samples) lines.push(`${name}${suffix}${labelText(labels)} ${value}`);
}

const SUFFIXES = { counter: "_total", gauge: "", info: "_info" } as const;

/** Writes buckets, each with all below it. */
function writeBuckets(name: string, { boundsMs, counts, count, sumMs }: HistogramSnapshot, lines: string[]): void {
  let below = 0;
  for (const [index, boundMs] of boundsMs.entries()) {
    below += counts[index] ?? 0; // There is one for each bound.
    lines.push(`${name}_bucket{le="${floatText(boundMs / 1_000)}"} ${below}`);
  }
  lines.push(`${name}_bucket{le="+Inf"} ${count}`, `${name}_count ${count}`, `${name}_sum ${sumMs / 1_000}`);
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => character === "\n" ? "\\n" : `\\${character}`);
}

/** Writes a bound as the specification wants it: as a float, also where it is whole. */
function floatText(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
