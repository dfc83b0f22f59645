import type { BenchResult, Quantiles } from "../load/bench_result.ts";

/** Formats the result in lines for people. */
export function benchTable(result: BenchResult): string {
  const { scenario, url, mqtt, qos, payloadBytes, window, rate, threads, connections, seconds } = result;
  const pace = rate === undefined ? `window ${window}` : `${thousands(rate)} messages a second`;
  const isQuiet = result.connectionsPerSecond !== undefined;
  const what = isQuiet ? "" : `, QoS ${qos}, ${payloadBytes} bytes, ${pace}`;
  const rows: [string, string][] = [
    ["load", `${scenario}, MQTT ${mqtt}${what}, ${plural(connections, "connection")}, ${plural(threads, "thread")}`],
    ["broker", url],
    ["measured", `${seconds.toFixed(2)} s`],
  ];
  if (result.connectionsPerSecond !== undefined) {
    rows.push(["connected", `${thousands(result.connectionsPerSecond)} a second`]);
  } else {
    rows.push(["sent", `${thousands(result.sentPerSecond)} a second (${thousands(result.sent)})`]);
    const megabytes = `${result.megabytesPerSecond.toFixed(1)} MB a second`;
    rows.push([
      "delivered",
      `${thousands(result.deliveredPerSecond)} a second, ${megabytes} (${thousands(result.delivered)})`,
    ]);
    rows.push(["lost", `${thousands(result.lost)}, ${thousands(result.outOfOrder)} twice or out of order`]);
  }
  const { latency, acknowledgement, connect, client, broker } = result;
  if (latency !== undefined) rows.push(["latency", quantilesText(latency)]);
  if (acknowledgement !== undefined) rows.push(["acknowledged", quantilesText(acknowledgement)]);
  if (connect !== undefined) rows.push(["CONNACK", quantilesText(connect)]);
  rows.push([
    "this program",
    `${client.cpuSeconds.toFixed(2)} s CPU, ${(client.cpuShare * 100).toFixed(0)} % of its threads`,
  ]);
  if (broker !== undefined) {
    const memory = [broker.bytesBefore, broker.bytesOpened, broker.bytesHighest].map(mebibytes).join(", ");
    rows.push(["the broker", `${broker.cpuSeconds.toFixed(2)} s CPU, ${memory} MiB before, with connections, at most`]);
  }
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`);
  return [...lines, ...result.warnings.map((warning) => `Warning: ${warning}`)].join("\n");
}

/** Formats a number for people: `1,234,567`. */
export function thousands(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function quantilesText({ p50, p99, p999, max }: Quantiles): string {
  const values = Object.entries({ "50 %": p50, "99 %": p99, "99.9 %": p999, most: max });
  return `${values.map(([name, value]) => `${name} ${milliseconds(value)}`).join(", ")} ms`;
}

function milliseconds(value: number): string {
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
}

function mebibytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1);
}

function plural(count: number, what: string): string {
  return `${thousands(count)} ${what}${count === 1 ? "" : "s"}`;
}
