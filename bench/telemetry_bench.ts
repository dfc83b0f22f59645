import type { TelemetryApi } from "../src/admin/open_telemetry.ts";
import { startTelemetry } from "../src/admin/telemetry.ts";
import type { Broker } from "../mod.ts";
import { fanOutWork } from "./fan_out_work.ts";

const MESSAGES = 20_000;
/** Nothing is exported: what is measured is the question of each message whether it is sampled. */
const NO_EXPORT: TelemetryApi = {
  trace: {
    getTracer: () => ({
      startSpan() {
        throw new Error("No message is sampled");
      },
    }),
  },
  metrics: {
    getMeter: () => ({
      createObservableCounter: () => ({}),
      createObservableGauge: () => ({}),
      addBatchObservableCallback() {},
      removeBatchObservableCallback() {},
    }),
  },
};

for (
  const { name, prepare } of [
    { name: "telemetry off", prepare: undefined },
    { name: "telemetry on, nothing sampled", prepare: (broker: Broker) => void startTelemetry(broker, NO_EXPORT) },
  ]
) {
  const work = fanOutWork(1, MESSAGES, prepare);
  Deno.bench(
    `${MESSAGES} messages of 64 B to a subscriber, ${name}`,
    { group: "telemetry", baseline: prepare === undefined },
    async () => await (await work).run(),
  );
}
