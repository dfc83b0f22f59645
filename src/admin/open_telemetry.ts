/** API of OpenTelemetry, as much as is used of it: `@opentelemetry/api` 1.x fits, and what Deno has in its place. */

import type { SpanContext } from "./trace_context.ts";

/** `{ metrics, trace }` of `@opentelemetry/api`, or `{ trace: tracerProvider, metrics: meterProvider }` of `Deno.telemetry`. */
export interface TelemetryApi {
  /** Gives tracers. */
  readonly trace: { getTracer(name: string, version?: string): Tracer };
  /** Gives meters. */
  readonly metrics: { getMeter(name: string, version?: string): Meter };
}

/** Makes spans. */
export interface Tracer {
  /** Begins a span; the context has its parent. */
  startSpan(name: string, options: SpanOptions, context?: SpanScope): Span;
}

/** Options of a span. */
export interface SpanOptions {
  /** Value of `SpanKind`. */
  readonly kind: number;
  /** Attributes from the beginning. */
  readonly attributes: Record<string, string | number>;
  /** Epoch milliseconds, with fractions. */
  readonly startTime: number;
  /** Whether it begins a trace. */
  readonly root?: boolean;
}

/** Work that takes time, as a part of a trace. */
export interface Span {
  /** Gives its place in the trace. */
  spanContext(): SpanContext;
  /** Sets an attribute. */
  setAttribute(name: string, value: string): unknown;
  /** Sets the value of `SpanStatusCode`. */
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  /** Ends it. */
  end(): void;
}

/** `Context` of the API: values by keys, which does not change. */
export interface SpanScope {
  /** Gives a value. */
  getValue(key: symbol): unknown;
  /** Gives a context that has another value. */
  setValue(key: symbol, value: unknown): SpanScope;
  /** Gives a context without a value. */
  deleteValue(key: symbol): SpanScope;
}

/** Makes instruments that are asked for their numbers. */
export interface Meter {
  /** Makes one of a number that only increases. */
  createObservableCounter(name: string, options: InstrumentOptions): object;
  /** Makes one of a number that goes up and down. */
  createObservableGauge(name: string, options: InstrumentOptions): object;
  /** Calls a function with each export, which observes these instruments. */
  addBatchObservableCallback(callback: (observed: Observed) => void, instruments: object[]): void;
  /** Ends that. */
  removeBatchObservableCallback(callback: (observed: Observed) => void, instruments: object[]): void;
}

/** Options of an instrument. */
export interface InstrumentOptions {
  /** Meaning. */
  readonly description: string;
  /** Unit by UCUM. */
  readonly unit?: string;
}

/** Takes the numbers of one export. */
export interface Observed {
  /** Takes the number that an instrument has with these attributes. */
  observe(instrument: object, value: number, attributes: Record<string, string>): void;
}
