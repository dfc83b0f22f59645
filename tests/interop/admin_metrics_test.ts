/** Python's client library of Prometheus reads what brokers write as OpenMetrics; it is strict about the format. */

import { assertEquals } from "@std/assert";
import type { Broker } from "../../mod.ts";
import { metricFamilies, type MetricFamily } from "../../src/admin/metric_families.ts";
import { metricsResponse, openMetricsText } from "../../src/admin/open_metrics.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { converse } from "../wire/conversation.ts";
import { programTests, PYTHON } from "./interop_tests.ts";

const test = programTests(["prometheus-client"]);
const PROCESS = {
  residentBytes: 73_711_616,
  heapBytes: 7_068_712,
  cpuSeconds: 0.263243,
  openFds: 22,
  maximumFds: 20_000,
  startTimeSeconds: 1_795_000_000.123,
};
// All that it has read: families, and the samples of each with their labels.
const PARSE = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
print(json.dumps([
    [family.name, family.type, family.unit, family.documentation,
     [[sample.name, sample.labels, sample.value] for sample in family.samples]]
    for family in text_string_to_metric_families(sys.stdin.read())
]))
`;

type ParsedFamily = [name: string, type: string, unit: string, help: string, samples: ParsedSample[]];
type ParsedSample = [name: string, labels: Record<string, string>, value: number];

test("Python's prometheus_client reads all families of a broker that was used", () => {
  const storage = new GatedStorage();
  return converse(5, { storage }, async (conversation) => {
    const { broker } = conversation;
    await conversation.run(
      "s connects v5 durable",
      "s > 82 [ 0001 [] 'x' 01 ]",
      "s < 90 [ 0001 [] 01 ]",
      "s disconnects",
      "a > 10 [ @ 02 0000 [] ]",
    );
    await broker.publish("x", "1234", { qos: 1 });
    noteRefusals(broker);
    const { metrics } = broker;
    const text = await metricsResponse({ metrics }, PROCESS).text();
    const parsed = await parse(text);
    assertEquals(parsed, metricFamilies(metrics, PROCESS).map(asParsed));
  });
});

test("Python's prometheus_client reads labels and help with all that is escaped", async () => {
  const odd = 'a\\b"c\nd\\n{}, #\u{1f600}';
  const family = {
    type: "gauge",
    name: "x",
    help: odd,
    samples: [{ labels: { a: odd, b: "" }, value: -0.5 }],
  } as const;
  assertEquals(await parse(openMetricsText([family])), [asParsed(family)]);
});

function noteRefusals(broker: Broker): void {
  const peer = { transport: "ws", address: "", listener: "" } as const;
  for (const help of ["path", undefined] as const) broker.noteRefusal("", "a reason", help, peer);
}

/** What it has to read of a family. */
function asParsed(family: MetricFamily): ParsedFamily {
  const { name, type, unit = "", help } = family;
  if (family.type !== "histogram") {
    const suffix = { counter: "_total", gauge: "", info: "_info" }[family.type];
    return [name, type, unit, help, family.samples.map(({ labels, value }) => [name + suffix, labels, value])];
  }
  const { boundsMs, counts, count, sumMs } = family.durations;
  const buckets = boundsMs.map((boundMs, index): ParsedSample => {
    const seconds = boundMs / 1_000;
    const le = Number.isInteger(seconds) ? `${seconds}.0` : String(seconds);
    return [`${name}_bucket`, { le }, counts.slice(0, index + 1).reduce((sum, one) => sum + one, 0)];
  });
  return [name, type, unit, help, [
    ...buckets,
    [`${name}_bucket`, { le: "+Inf" }, count],
    [`${name}_count`, {}, count],
    [`${name}_sum`, {}, sumMs / 1_000],
  ]];
}

async function parse(text: string): Promise<ParsedFamily[]> {
  const python = new Deno.Command(PYTHON, {
    args: ["-c", PARSE],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = python.output();
  await new Blob([text]).stream().pipeTo(python.stdin);
  return JSON.parse(new TextDecoder().decode((await output).stdout)) as ParsedFamily[]; // The script prints such.
}
