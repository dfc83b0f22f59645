import { assert, assertEquals } from "@std/assert";
import { jobsOf } from "../../src/load/bench_jobs.ts";
import { parseBenchOptions } from "../../src/cli/bench_options.ts";
import { loadOf } from "../../src/load/thread_load.ts";
import { within } from "../deadline.ts";
import { withBroker } from "../interop/broker_process.ts";

Deno.test("a thread that begins late counts and times what the others had already sent to it", () =>
  withBroker(async ({ port }) => {
    const args = ["fan-out", `mqtt://127.0.0.1:${port}`, "--subs", "2", "--messages", "50", "--threads", "2"];
    const { jobs } = jobsOf(parseBenchOptions(args));
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
