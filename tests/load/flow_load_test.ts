import { assert, assertEquals } from "@std/assert";
import { type BenchOptions, jobsOf } from "../../src/load/bench_jobs.ts";
import { loadOf } from "../../src/load/thread_load.ts";
import { within } from "../deadline.ts";
import { withBroker } from "../interop/broker_process.ts";

const OPTIONS: Omit<BenchOptions, "url"> = {
  scenario: "fan-out",
  tls: undefined,
  protocolVersion: 5,
  qos: 0,
  payloadBytes: 64,
  seconds: undefined,
  messages: 50,
  warmUpSeconds: 0,
  window: 256,
  rate: undefined,
  threads: 2,
  publishers: 1,
  subscribers: 2,
  stuck: 0,
  subscriptions: 0,
  connections: 0,
  concurrency: 0,
  pid: undefined,
};

Deno.test("a thread that begins late counts and times what the others had already sent to it", () =>
  withBroker(async ({ port }) => {
    const { jobs } = jobsOf({ ...OPTIONS, url: `mqtt://127.0.0.1:${port}` });
    const [publishing, late] = jobs.map(loadOf);
    assert(publishing !== undefined && late !== undefined);
    try {
      await Promise.all([publishing.open(), late.open()]);
      await within(publishing.run(), "all to be delivered"); // To the subscriber of the other thread too.
      await late.run();
      const { delivered, measured, latency } = await late.result();
      assertEquals([delivered, measured.delivered, latency.reduce((sum, count) => sum + count)], [50, 50, 50]);
    } finally {
      publishing.close();
      late.close();
    }
  }));
