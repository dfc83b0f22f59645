import { within } from "../deadline.ts";

/** A span as OTLP has it in JSON, as much as tests look at. */
export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: OtlpValue }[];
  readonly status: { readonly code: number };
}

type OtlpValue = { readonly stringValue?: string; readonly intValue?: string; readonly doubleValue?: number };

interface OtlpMetric {
  readonly name: string;
  readonly unit: string;
  readonly gauge?: { readonly dataPoints: readonly OtlpPoint[] };
  readonly sum?: { readonly dataPoints: readonly OtlpPoint[]; readonly isMonotonic: boolean };
}

interface OtlpPoint {
  readonly attributes: readonly { readonly key: string; readonly value: OtlpValue }[];
  readonly asDouble?: number;
  readonly asInt?: string;
}

interface OtlpRequest {
  readonly resourceSpans?: readonly { readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[] }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly OtlpMetric[] }[];
  }[];
}

/** Takes what a program exports over HTTP in JSON. */
export class OtlpCollector implements AsyncDisposable {
  readonly spans: OtlpSpan[] = [];
  /** Latest numbers, by name and attributes: `mqtt.packets direction=sent`. */
  readonly numbers = new Map<string, number>();
  /** Bodies of all requests. */
  readonly texts: string[] = [];
  /** Paths of all requests. */
  readonly paths = new Set<string>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #arrived = Promise.withResolvers<void>();

  constructor() {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
      this.#take(new URL(request.url).pathname, await request.text());
      return Response.json({});
    });
  }

  /** Environment of a program that exports to it, soon. */
  get environment(): Readonly<Record<string, string>> {
    return {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#server.addr.port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_METRIC_EXPORT_INTERVAL: "100",
      OTEL_BSP_SCHEDULE_DELAY: "100",
    };
  }

  /** Waits until something holds of what has come. */
  async until(isThere: () => boolean, what: string): Promise<void> {
    while (!isThere()) await within(this.#arrived.promise, what);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #take(path: string, text: string): void {
    this.paths.add(path);
    this.texts.push(text);
    const { resourceSpans = [], resourceMetrics = [] } = JSON.parse(text) as OtlpRequest; // As the runtime writes it.
    for (const { scopeSpans } of resourceSpans) this.spans.push(...scopeSpans.flatMap(({ spans }) => spans));
    for (const { name, gauge, sum } of resourceMetrics.flatMap(metricsOf)) {
      for (const { attributes, asDouble, asInt } of gauge?.dataPoints ?? sum?.dataPoints ?? []) {
        const labels = attributes.map(({ key, value }) => ` ${key}=${value.stringValue}`).sort();
        this.numbers.set(name + labels.join(""), asDouble ?? Number(asInt));
      }
    }
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }
}

function metricsOf({ scopeMetrics }: NonNullable<OtlpRequest["resourceMetrics"]>[number]): OtlpMetric[] {
  return scopeMetrics.flatMap(({ metrics }) => metrics);
}

/** Attributes of a span as one object. */
export function attributesOf({ attributes }: OtlpSpan): Readonly<Record<string, string | number>> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? value.doubleValue ?? Number(value.intValue)]),
  );
}
