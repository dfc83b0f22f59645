/** Metrics and spans for an API of OpenTelemetry that writes down how it is called. */

import { metrics, trace } from "@opentelemetry/api";
import {
  assertEquals,
  assertGreaterOrEqual,
  assertLessOrEqual,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { Broker, type BrokerOptions } from "../../mod.ts";
import type { TelemetryApi, Tracer } from "../../src/admin/open_telemetry.ts";
import { startTelemetry, type TelemetryOptions } from "../../src/admin/telemetry.ts";
import { GatedStorage } from "../storage/gated_storage.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const SPAN_KEY = Symbol.for("OpenTelemetry Context Key SPAN");
const SAMPLED = { properties: { userProperties: [["traceparent", `00-${TRACE}-${PARENT}-01`]] } } as const;
const NOT_SAMPLED = { properties: { userProperties: [["traceparent", `00-${TRACE}-${PARENT}-00`]] } } as const;
const FLOOD = 6_000;
const MOST_SPANS = 5_000;

type Options = Parameters<Tracer["startSpan"]>[1];
type Context = Parameters<Tracer["startSpan"]>[2];

interface WrittenSpan extends Options {
  readonly name: string;
  readonly spanId: string;
  readonly parent: string | undefined;
  status?: number;
  isEnded: boolean;
}

/** An API that keeps spans, and instruments with what was observed last. */
class WrittenApi implements TelemetryApi {
  readonly spans: WrittenSpan[] = [];
  readonly instruments: { readonly name: string; readonly unit: string | undefined; readonly type: string }[] = [];
  #callback: Parameters<ReturnType<TelemetryApi["metrics"]["getMeter"]>["addBatchObservableCallback"]>[0] | undefined;
  readonly trace = { getTracer: () => ({ startSpan: this.#startSpan }) };
  readonly metrics = {
    getMeter: () => ({
      createObservableCounter: (name: string, { unit }: { unit?: string }) => this.#instrument("counter", name, unit),
      createObservableGauge: (name: string, { unit }: { unit?: string }) => this.#instrument("gauge", name, unit),
      addBatchObservableCallback: (callback: NonNullable<WrittenApi["callback"]>) => this.#callback = callback,
      removeBatchObservableCallback: (callback: NonNullable<WrittenApi["callback"]>) => {
        if (this.#callback === callback) this.#callback = undefined;
      },
    }),
  };

  get callback() {
    return this.#callback;
  }

  /** Asks for numbers, as an exporter does. */
  export(): Map<string, number> {
    const numbers = new Map<string, number>();
    this.#callback?.({
      observe: (instrument, value, attributes) => {
        const { name } = this.instruments.find((one) => one === instrument) ?? { name: "unknown" };
        numbers.set([name, ...Object.entries(attributes).map(([key, text]) => `${key}=${text}`)].join(" "), value);
      },
    });
    return numbers;
  }

  readonly #startSpan = (name: string, options: Options, context?: Context) => {
    const above = context?.getValue(SPAN_KEY) as { spanContext(): { traceId: string; spanId: string } } | undefined;
    const parent = above?.spanContext();
    const spanId = String(this.spans.length);
    const span: WrittenSpan = { ...options, name, spanId, parent: parent?.spanId, isEnded: false };
    this.spans.push(span);
    return {
      spanContext: () => ({ traceId: parent?.traceId ?? "new", spanId, traceFlags: 1 }),
      setAttribute: (key: string, value: string) => span.attributes[key] = value,
      setStatus: ({ code }: { code: number }) => span.status = code,
      end: () => span.isEnded = true,
    };
  };

  #instrument(type: string, name: string, unit: string | undefined): object {
    const instrument = { name, unit, type };
    this.instruments.push(instrument);
    return instrument;
  }
}

async function exporting(
  use: (broker: Broker, api: WrittenApi) => Promise<void>,
  options?: TelemetryOptions,
  brokerOptions?: BrokerOptions,
): Promise<void> {
  await using broker = await Broker.open(brokerOptions);
  const api = new WrittenApi();
  const stop = startTelemetry(broker, api, options);
  await use(broker, api);
  stop();
  const before = api.spans.length;
  await broker.publish("x", "", SAMPLED);
  assertEquals([api.spans.length, api.callback], [before, undefined]);
}

Deno.test("startTelemetry() reads the numbers of the broker and its process for each export", () =>
  exporting(async (broker, api) => {
    assertEquals(api.export().get("mqtt.retained_messages"), 0);
    await broker.publish("x", "1", { retain: true });
    const numbers = api.export();
    assertEquals(numbers.get("mqtt.retained_messages"), 1);
    assertEquals(numbers.get("mqtt.dropped_messages reason=expired"), 0);
    assertEquals(numbers.get("process.open_fds"), 7);
    assertEquals(numbers.get("brooklet.build_info version=0.1.0"), 1);
    assertEquals(numbers.has("unknown"), false);
    assertEquals(new Set(api.instruments.map(({ name }) => name)).size, api.instruments.length);
  }, { process: () => ({ openFds: 7 }) }));

Deno.test("startTelemetry() gives instruments their types and the units of UCUM", () =>
  exporting((_broker, { instruments }) => {
    for (
      const expected of [
        { name: "mqtt.connections", unit: undefined, type: "gauge" },
        { name: "mqtt.received_bytes", unit: "By", type: "counter" },
        { name: "mqtt.retained_bytes", unit: "By", type: "gauge" },
        { name: "mqtt.turn_seconds.sum", unit: "s", type: "counter" },
        { name: "mqtt.turn_seconds.bucket", unit: undefined, type: "counter" },
      ]
    ) {
      assertEquals(instruments.find(({ name }) => name === expected.name), expected);
    }
    return Promise.resolve();
  }));

Deno.test("startTelemetry() has histograms as counters, with all below each bound", async () => {
  await using broker = await Broker.open();
  const { metrics } = broker;
  const durations = { boundsMs: [1, 500], counts: [1, 2, 3], count: 6, sumMs: 1_500 };
  const api = new WrittenApi();
  const histograms = { ...metrics.histograms, turns: durations };
  startTelemetry({ metrics: { ...metrics, histograms }, traceMessages: () => () => {} }, api);
  const turns = Array.from(api.export()).filter(([name]) => name.startsWith("mqtt.turn"));
  assertEquals(turns, [
    ["mqtt.turn_seconds.bucket le=0.001", 1],
    ["mqtt.turn_seconds.bucket le=0.5", 3],
    ["mqtt.turn_seconds.bucket le=+Inf", 6],
    ["mqtt.turn_seconds.count", 6],
    ["mqtt.turn_seconds.sum", 1.5],
  ]);
});

Deno.test("startTelemetry() loses one export by figures that cannot be read, and nothing else", () => {
  let reading = 0;
  return exporting((_broker, api) => {
    assertEquals(api.export().size, 0);
    assertNotEquals(api.export().size, 0);
    return Promise.resolve();
  }, {
    process() {
      if (++reading === 2) throw new Error("a defect of the app");
      return {};
    },
  });
});

Deno.test("startTelemetry() makes spans of a message whose parent is sampled, one for each subscriber", () =>
  exporting(async (broker, { spans }) => {
    await using _first = broker.subscribe("#");
    await using _second = broker.subscribe("x");
    await broker.publish("x", "123", { ...SAMPLED, qos: 1, retain: true });
    assertEquals(spans.map(({ name, kind, parent, spanId }) => [name, kind, parent, spanId]), [
      ["publish", 3, PARENT, "0"],
      ["deliver", 4, "0", "1"],
      ["deliver", 4, "0", "2"],
    ]);
    assertEquals(
      spans.map(({ isEnded, root, status }) => [isEnded, root, status]),
      spans.map(() => [
        true,
        undefined,
        undefined,
      ]),
    );
    const [published, delivered] = spans;
    assertEquals(published?.attributes["mqtt.reason_code"], "Success");
    assertEquals(delivered?.attributes, {
      "messaging.system": "mqtt",
      "messaging.operation.name": "deliver",
      "messaging.operation.type": "process",
      "messaging.destination.name": "x",
      "messaging.message.body.size": 3,
      "mqtt.qos": 1,
      "mqtt.retain": 1,
    });
    assertEquals(delivered?.startTime, published?.startTime);
  }));

Deno.test("startTelemetry() makes no span without a sampled parent, whatever is random", () =>
  exporting(async (broker, { spans }) => {
    await broker.publish("x", "");
    await broker.publish("x", "", { properties: { userProperties: [["a", "b"]] } });
    await broker.publish("x", "", NOT_SAMPLED);
    assertEquals(spans, []);
  }, { random: () => 0 }));

Deno.test("startTelemetry() begins traces by sampleRatio, but of no message that says it is not sampled", () => {
  const numbers = [0.2, 0.3, 0.1];
  return exporting(async (broker, { spans }) => {
    await broker.publish("1", "");
    await broker.publish("2", "");
    await broker.publish("3", "", NOT_SAMPLED);
    await broker.publish("4", "", { properties: { userProperties: [["traceparent", "not valid"]] } });
    assertEquals(spans.map(({ attributes }) => attributes["messaging.destination.name"]), ["1", "4"]);
    assertEquals(spans.map(({ root, parent }) => [root, parent]), [[true, undefined], [true, undefined]]);
  }, { sampleRatio: 0.3, random: () => numbers.shift() ?? 1 });
});

Deno.test("startTelemetry() throws RangeError for a ratio that is none", async () => {
  await using broker = await Broker.open();
  for (const sampleRatio of [-0.1, 1.1, NaN]) {
    const start = () => startTelemetry(broker, new WrittenApi(), { sampleRatio });
    assertThrows(start, RangeError, `Cannot set sampleRatio: "${sampleRatio}" is not between 0 and 1`);
  }
});

Deno.test("startTelemetry() marks the span of a message that the storage did not keep", async () => {
  const storage = new GatedStorage();
  await using broker = await Broker.open({ storage });
  const api = new WrittenApi();
  startTelemetry(broker, api);
  storage.isGated = true;
  const published = broker.publish("x", "1", { ...SAMPLED, retain: true });
  const commit = await storage.nextCommit();
  const [span] = api.spans;
  assertEquals(span?.isEnded, false);
  commit.fail();
  await assertRejects(() => published);
  assertEquals([span?.isEnded, span?.status], [true, 2]);
  storage.open();
});

Deno.test("startTelemetry() marks the span of a message that was refused", () =>
  exporting(
    async (broker, { spans }) => {
      await broker.publish("x", "1", { ...SAMPLED, retain: true }).catch(() => {});
      assertEquals([spans[0]?.status, spans[0]?.attributes["mqtt.reason_code"]], [2, "QuotaExceeded"]);
    },
    {},
    { limits: { maximumRetainedBytes: 0 } },
  ));

Deno.test("startTelemetry() cuts long topics", () =>
  exporting(async (broker, { spans }) => {
    await broker.publish("é".repeat(200), "", SAMPLED);
    await broker.publish(`${"a".repeat(255)}😀`, "", SAMPLED);
    const topics = spans.map(({ attributes }) => attributes["messaging.destination.name"]);
    assertEquals(topics, ["é".repeat(200), `${"a".repeat(255)}\ufffd`]);
  }));

Deno.test("startTelemetry() makes no more than 5,000 spans a second, of publish and deliver together", () =>
  exporting(async (broker, { spans }) => {
    await using _reader = broker.subscribe("#");
    const startedMs = performance.now();
    for (let count = 0; count < FLOOD; count++) await broker.publish("x", "", SAMPLED);
    const seconds = Math.floor((performance.now() - startedMs) / 1_000) + 1; // On a busy machine there may be two.
    assertGreaterOrEqual(spans.length, MOST_SPANS);
    assertLessOrEqual(spans.length, seconds * MOST_SPANS);
  }));

Deno.test("startTelemetry() takes the package @opentelemetry/api, whose tracer reads its contexts", async () => {
  await using broker = await Broker.open();
  const traceIds: string[] = [];
  const tracer = trace.getTracer("a test");
  const getTracer = (): Tracer => ({
    startSpan(name, options, context) {
      const span = tracer.startSpan(name, options, context?.setValue(Symbol("a"), 1).deleteValue(Symbol("b")));
      traceIds.push(span.spanContext().traceId);
      return span;
    },
  });
  await using _reader = broker.subscribe("x");
  const stop = startTelemetry(broker, { metrics, trace: { getTracer } });
  await broker.publish("x", "", SAMPLED);
  stop();
  assertEquals(traceIds, [TRACE, TRACE]);
  startTelemetry(broker, { metrics, trace })(); // Its types fit.
});
