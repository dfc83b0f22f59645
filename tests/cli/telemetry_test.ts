/** OpenTelemetry of the program: it exports to a collector as the runtime does. */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { Client } from "../../src/client/mod.ts";
import { testsAtOnce } from "../at_once.ts";
import { ConfigurationFolder } from "./config/written_file.ts";
import { attributesOf, OtlpCollector, type OtlpSpan } from "./otlp_collector.ts";
import { Program } from "./program.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const SAMPLED = `00-${TRACE}-${PARENT}-01`;
/** Values of `traceparent` by which nothing is traced. */
const NOT_SAMPLED = [
  `00-${TRACE}-${PARENT}-00`,
  `00-${TRACE.toUpperCase()}-${PARENT}-01`,
  `00-${"0".repeat(32)}-${PARENT}-01`,
  `ff-${TRACE}-${PARENT}-01`,
  "",
];
// Kinds of spans in OTLP.
const PRODUCER = 4;
const CONSUMER = 5;

const test = testsAtOnce(Deno.test);

test("brooklet serve exports metrics, and spans of messages whose trace is sampled", async () => {
  await using collector = new OtlpCollector();
  using folder = new ConfigurationFolder();
  const file = folder.write("a.yaml", "listeners: [{ url: mqtt://127.0.0.1:0 }]\n");
  await using program = await Program.listening(["serve", "--config", file], { env: collector.environment });
  await using client = await connect(program, "s3cr3t-password");
  await using reader = await client.subscribe("x/#", { qos: 1 });
  const [listener = 0] = [await program.port()];
  assertGreater(listener, 0);
  await client.publish("x/untraced", "1", { qos: 1 });
  for (const traceparent of NOT_SAMPLED) await publish(client, "x/untraced", ["traceparent", traceparent]);
  await publish(client, "x/untraced", ["traceparent", SAMPLED], ["traceparent", SAMPLED]);
  await publish(client, "x/traced", ["tracestate", "a=b"], ["traceparent", SAMPLED]);
  for (let count = 0; count < NOT_SAMPLED.length + 2; count++) await reader.next();
  const { value: message } = await reader.next();
  // They are passed on as they came. [MQTT-3.3.2-17]
  assertEquals(message?.properties.userProperties, [["tracestate", "a=b"], ["traceparent", SAMPLED]]);
  await collector.until(() => collector.spans.length >= 2, "two spans");
  const [published, delivered] = ["publish", "deliver"].map((name) => spanOf(collector, name));
  assertSpans(published, delivered);
  await collector.until(() => collector.numbers.get("mqtt.publishes direction=received qos=1") === 8, "metrics");
  assertMetrics(collector.numbers);
  assertEquals(collector.spans.length, 2);
  // Nothing goes through the console, from which the runtime would export it, too.
  assertEquals(collector.paths.has("/v1/logs"), false);
  assertEquals(collector.texts.filter((text) => text.includes("s3cr3t") || text.includes("payl0ad")), []);
});

test("brooklet serve traces a share of the messages without a parent, and exports all before it ends", async () => {
  await using collector = new OtlpCollector();
  using folder = new ConfigurationFolder();
  const yaml = "listeners: [{ url: mqtt://127.0.0.1:0 }]\ntelemetry: { sampleRatio: 1 }\n";
  const args = ["serve", "--config", folder.write("a.yaml", yaml)];
  // Not before the program ends: no span is lost by that.
  const env = { ...collector.environment, OTEL_BSP_SCHEDULE_DELAY: "60000" };
  await using program = await Program.listening(args, { env });
  await using client = await connect(program, undefined);
  await publish(client, "x/untraced", ["traceparent", `00-${TRACE}-${PARENT}-00`]);
  await client.publish("x/sampled", "1", { qos: 1 });
  program.kill("SIGTERM");
  assertEquals((await program.ended()).code, 0);
  const [span] = collector.spans;
  assertEquals([collector.spans.length, span?.parentSpanId, span?.name], [1, "", "publish"]);
  assertEquals(span && attributesOf(span)["messaging.destination.name"], "x/sampled");
  assert(span?.traceId !== TRACE);
});

async function connect(program: Program, password: string | undefined): Promise<Client> {
  const url = `mqtt://127.0.0.1:${await program.port()}`;
  return await Client.connect(url, { clientId: "c", ...password === undefined ? {} : { userName: "u", password } });
}

async function publish(
  client: Client,
  topic: string,
  ...userProperties: readonly (readonly [string, string])[]
): Promise<void> {
  await client.publish(topic, "payl0ad", { qos: 1, properties: { userProperties } });
}

function spanOf({ spans }: OtlpCollector, name: string): OtlpSpan {
  const span = spans.find((one) => one.name === name);
  if (span === undefined) throw new Error(`There is no span ${name}`);
  return span;
}

function assertSpans(published: OtlpSpan | undefined, delivered: OtlpSpan | undefined): void {
  if (published === undefined || delivered === undefined) throw new Error("There are two names");
  assertEquals([published.traceId, published.parentSpanId, published.kind], [TRACE, PARENT, PRODUCER]);
  assertEquals([delivered.traceId, delivered.parentSpanId, delivered.kind], [TRACE, published.spanId, CONSUMER]);
  assertEquals(attributesOf(published), {
    "messaging.system": "mqtt",
    "messaging.operation.name": "publish",
    "messaging.operation.type": "send",
    "messaging.destination.name": "x/traced",
    "messaging.message.body.size": 7,
    "messaging.client.id": "c",
    "mqtt.qos": 1,
    "mqtt.retain": 0,
    "mqtt.reason_code": "Success",
  });
  assertEquals(attributesOf(delivered)["messaging.operation.name"], "deliver");
  for (const { startTimeUnixNano, endTimeUnixNano, status } of [published, delivered]) {
    const [startMs, endMs] = [Number(startTimeUnixNano) / 1e6, Number(endTimeUnixNano) / 1e6];
    assertLess(Math.abs(Date.now() - startMs), 60_000);
    assertGreater(endMs, startMs);
    assertEquals(status.code, 0);
  }
}

function assertMetrics(numbers: ReadonlyMap<string, number>): void {
  assertEquals(numbers.get("mqtt.connections"), 1);
  assertEquals(numbers.get("mqtt.subscriptions"), 1);
  assertEquals(numbers.get("mqtt.sessions state=connected"), 1);
  assertEquals(numbers.get("mqtt.dropped_messages reason=qos0"), 0);
  assertEquals(numbers.get("mqtt.turn_seconds.bucket le=+Inf"), numbers.get("mqtt.turn_seconds.count"));
  assertEquals(numbers.get("brooklet.build_info version=0.1.0"), 1);
  assertGreater(numbers.get("process.resident_memory_bytes") ?? 0, 1e7);
}
