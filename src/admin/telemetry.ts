import type { Broker } from "../broker/broker.ts";
import { VERSION } from "../broker/sys_topics.ts";
import type { HistogramSnapshot } from "../broker/counters.ts";
import { MessageSpans } from "./message_spans.ts";
import { metricFamilies, type MetricFamily, type ProcessFigures, type Sample } from "./metric_families.ts";
import type { InstrumentOptions, Meter, Observed, TelemetryApi } from "./open_telemetry.ts";
import { parentOf } from "./trace_context.ts";

/** Options of {@linkcode startTelemetry}. */
export interface TelemetryOptions {
  /**
   * Share of the messages without a valid `traceparent` that get a trace, from 0 to 1. A message with one is traced if its
   * parent is sampled, and only then.
   *
   * @default {0}
   */
  readonly sampleRatio?: number;
  /** Figures of the process, asked for with each export. @default none */
  readonly process?: () => ProcessFigures;
  /** Random numbers from 0 to 1. @default Math.random */
  readonly random?: () => number;
}

/** Numbers that one instrument observes. */
interface Observations extends InstrumentOptions {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly samples: readonly Sample[];
}

const SCOPE = "brooklet";
const UNITS = { bytes: "By", seconds: "s" } as const;

/**
 * Exports the metrics of a broker, which are read when they are asked for, and spans of messages. A span is made only where
 * the message names a sampled parent, or by `sampleRatio`: one that a sampler throws away costs 2.3 us all the same (Deno
 * 2.9.6, 2026-11). Gives the function that ends it.
 *
 * @throws RangeError for a ratio that is not from 0 to 1; what the API throws if it is off
 * @example
 * ```ts ignore
 * import { Broker } from "@brooklet/brooklet";
 * import { startTelemetry } from "@brooklet/brooklet/admin";
 * import { metrics, trace } from "@opentelemetry/api";
 *
 * const broker = await Broker.open();
 * const stop = startTelemetry(broker, { metrics, trace }, { sampleRatio: 0.001 });
 * ```
 */
export function startTelemetry(
  broker: Pick<Broker, "metrics" | "traceMessages">,
  api: TelemetryApi,
  { sampleRatio = 0, process, random = Math.random }: TelemetryOptions = {},
): () => void {
  if (!(sampleRatio >= 0 && sampleRatio <= 1)) {
    throw new RangeError(`Cannot set sampleRatio: "${sampleRatio}" is not between 0 and 1`);
  }
  const spans = new MessageSpans(api.trace.getTracer(SCOPE, VERSION));
  const read = () => metricFamilies(broker.metrics, process?.()).flatMap(observations);
  const stopMetrics = observe(api.metrics.getMeter(SCOPE, VERSION), read);
  const stopTracing = broker.traceMessages((message) => {
    const { userProperties } = message.properties;
    if (userProperties === undefined && sampleRatio === 0) return undefined;
    const parent = parentOf(userProperties);
    const isSampled = parent === undefined ? random() < sampleRatio : parent.traceFlags > 0;
    return isSampled ? spans.begin(message, parent) : undefined;
  });
  return () => {
    stopTracing();
    stopMetrics();
  };
}

/** Makes an instrument for each name, and reads all of them together for each export. */
function observe(meter: Meter, read: () => readonly Observations[]): () => void {
  const instruments = new Map<string, object>();
  for (const { name, type, description, unit } of read()) {
    const options = unit === undefined ? { description } : { description, unit };
    const instrument = type === "counter"
      ? meter.createObservableCounter(name, options)
      : meter.createObservableGauge(name, options);
    instruments.set(name, instrument);
  }
  const all = [...instruments.values()];
  const callback = (observed: Observed) => {
    try {
      for (const { name, samples } of read()) {
        const instrument = instruments.get(name);
        if (instrument === undefined) continue; // It was not known at the start, such as the size of a file.
        for (const { labels, value } of samples) observed.observe(instrument, value, labels);
      }
    } catch {
      // This export lacks numbers; an error here would end the process.
    }
  };
  meter.addBatchObservableCallback(callback, all);
  return () => meter.removeBatchObservableCallback(callback, all);
}

/**
 * Instruments of a family. Names become those of OpenMetrics again where they are exported to Prometheus:
 * `mqtt.received_bytes` is `mqtt_received_bytes_total` there.
 */
function observations(family: MetricFamily): Observations[] {
  const { help: description, unit } = family;
  const name = family.name.replace("_", ".");
  if (family.type === "histogram") return bucketsOf(name, description, family.durations);
  const { samples } = family;
  if (family.type === "info") return [{ name: `${name}_info`, type: "gauge", description, samples }];
  return [{ name, type: family.type, description, ...unit === undefined ? {} : { unit: UNITS[unit] }, samples }];
}

/** A histogram as three counters: instruments that are observed know no histograms. */
function bucketsOf(
  name: string,
  description: string,
  { boundsMs, counts, count, sumMs }: HistogramSnapshot,
): Observations[] {
  let below = 0;
  const buckets = counts.map((one, index): Sample => {
    const boundMs = boundsMs[index];
    return { labels: { le: boundMs === undefined ? "+Inf" : String(boundMs / 1_000) }, value: below += one };
  });
  const counter = (suffix: string, samples: readonly Sample[], unit = {}): Observations => ({
    name: `${name}.${suffix}`,
    type: "counter",
    description,
    ...unit,
    samples,
  });
  return [
    counter("bucket", buckets),
    counter("count", [{ labels: {}, value: count }]),
    counter("sum", [{ labels: {}, value: sumMs / 1_000 }], { unit: UNITS.seconds }),
  ];
}
