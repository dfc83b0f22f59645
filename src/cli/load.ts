import { isQoS, type ProtocolVersion } from "../codec/packet.ts";
import { type BenchOptions, type Scenario, SCENARIOS } from "../load/bench_jobs.ts";
import type { BenchResult, Quantiles } from "../load/bench_result.ts";
import { STAMP_BYTES } from "../load/publish_block.ts";
import { listOfSchemes } from "../transport/schemes.ts";
import type { TlsClientOptions } from "../transport/tls/connect_tls.ts";
import { type Command, command, type Given, type Options } from "./command.ts";
import { ConfigError } from "./config_error.ts";
import { readPem } from "./files.ts";
import { printable } from "../codec/printable.ts";
import { printLine, type ProgramIo, type ProgramOutput, writeText } from "./program_io.ts";

const EXIT_FAILED = 1;
const CLEAR_LINE = "\r\x1b[2K";
const DEFAULT_URL = "mqtt://127.0.0.1:1883";
const VERSIONS: Readonly<Record<string, ProtocolVersion>> = { "3.1.1": 4, "311": 4, "4": 4, "5": 5 };
const DEFAULT_WINDOW = 256;
const LEAST_DEFAULT_WINDOW = 4;
const MOST_WINDOW_BYTES = 4_194_304;
const MOST_OF_A_KIND = 1_000_000;
const LARGEST_PAYLOAD = 268_435_000;

const SCENARIO_TEXTS: Readonly<Record<Scenario, string>> = {
  pairs: "publishers with a subscriber each; --pairs N (10). The default",
  "fan-in": "--pubs N (50) to --subs N (1), which get everything",
  "fan-out": "--pubs N (1) to --subs N (100) with the same topic; --stuck N more subscribe and then read nothing",
  subscriptions: "--subscriptions N (10000), a third with + and a third with #, over --subs N (100); each message of " +
    "--pubs N (10) goes to one of them",
  retained: "--messages N (10000) retained, each with a topic of its own; then --subs N (1) subscribe to all",
  connect: "--connections N (1000) connect and disconnect, --concurrency N (50) at the same time",
  idle: "--connections N (1000) connect and stay for --seconds",
};

const OPTIONS = {
  qos: { letter: "q", value: "QOS", words: ["0", "1", "2"], default: "0", text: "0, 1 or 2" },
  size: { letter: "s", value: "BYTES", default: "64", text: `size of each payload, ${STAMP_BYTES} at least` },
  seconds: { value: "S", text: "how long it is measured; 5 by default" },
  messages: { value: "N", text: "messages of each publisher, instead of a time" },
  warmup: { value: "S", default: "0", text: "seconds before, which are not measured" },
  window: {
    value: "N",
    text: "messages of a publisher that may be on their way: not acknowledged, or not with all subscribers yet; " +
      `${DEFAULT_WINDOW} by default, fewer with large payloads`,
  },
  rate: {
    value: "N",
    text: "messages a second, of all publishers together, instead of the window; latency then counts from the moment " +
      "at which a message was due",
  },
  "protocol-version": {
    letter: "V",
    value: "VERSION",
    words: ["3.1.1", "5"],
    default: "5",
    text: "3.1.1 or 5",
  },
  threads: { value: "N", default: "1", text: "threads of this program" },
  pid: { value: "PID", text: "process of the broker, to report its CPU time and memory (Linux)" },
  cafile: { value: "FILE", text: "authority that signs certificates of brokers, for mqtts and wss" },
  cert: { value: "FILE", text: "certificate of the client; it needs --key" },
  key: { value: "FILE", text: "private key of the certificate" },
  json: { text: "print the result as one line of JSON" },
  pairs: { value: "N", heading: "Size of a scenario", text: "publishers with a subscriber each" },
  pubs: { value: "N", text: "publishers" },
  subs: { value: "N", text: "subscribers" },
  stuck: { value: "N", text: "subscribers that read nothing" },
  subscriptions: { value: "N", text: "subscriptions of all subscribers" },
  connections: { value: "N", text: "connections" },
  concurrency: { value: "N", text: "connections that are opened at the same time" },
} as const satisfies Options;

type NumberName = Exclude<keyof typeof OPTIONS, "protocol-version" | "cafile" | "cert" | "key" | "json">;

/** Command that puts load on a broker. Throws {@linkcode ConfigError}. */
export const BENCH: Command = command({
  name: "bench",
  usage: ["bench [SCENARIO] [URL] [options]"],
  text: "Puts load on an MQTT broker and says what it did.\n" +
    `URL begins with ${listOfSchemes()}; ${DEFAULT_URL} by default.`,
  operands: SCENARIO_TEXTS,
  options: OPTIONS,
  notes: "Exit code: 0; 1 when a message was lost or came twice, or a connection was lost; 2 for wrong options.",
  run: async (given, io) => bench(await benchOptions(given), given.values.json, io),
});

/**
 * Runs the load and prints its result; gives the exit code. The load, and the client's reading of a URL, are imported
 * when they are needed: the broker starts without them.
 */
async function bench(options: BenchOptions, isJson: boolean, { stdout, stderr }: ProgramIo): Promise<number> {
  const { LoadError } = await import("../load/load_connection.ts");
  const { runBench } = await import("../load/run_bench.ts");
  const isTerminal = stderr.isTerminal();
  try {
    const result = await runBench(options, isTerminal ? showProgress(stderr) : () => {});
    if (isTerminal) writeText(stderr, CLEAR_LINE);
    if (isJson) {
      printLine(stdout, JSON.stringify(result));
      for (const warning of result.warnings) printLine(stderr, `Warning: ${warning}`);
    } else {
      printLine(stdout, benchTable(result));
    }
    return result.ok ? 0 : EXIT_FAILED;
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    if (isTerminal) writeText(stderr, CLEAR_LINE);
    printLine(stderr, `brooklet: ${printable(error.message)}`);
    return EXIT_FAILED;
  }
}

/** Shows progress in one line that is rewritten each second. */
function showProgress(stderr: ProgramOutput): (sent: number, delivered: number) => void {
  let before = { sent: 0, delivered: 0 };
  let seconds = 0;
  return (sent, delivered) => {
    seconds += 1;
    const [sentNow, deliveredNow] = [sent - before.sent, delivered - before.delivered].map(thousands);
    before = { sent, delivered };
    writeText(stderr, `${CLEAR_LINE}${seconds} s: ${sentNow} sent, ${deliveredNow} delivered a second`);
  };
}

/** Load that the arguments ask for; reads the files that they name. */
async function benchOptions({ values, operands }: Given<typeof OPTIONS>): Promise<BenchOptions> {
  const parsed = (name: NumberName, least: number, most: number, isInteger = true) =>
    parseNumber(name, values[name], least, most, isInteger);
  // These have a default in the table.
  const number = (name: NumberName, least: number, most: number) => parsed(name, least, most) ?? least;
  const count = (name: NumberName, otherwise: number, least = 1) => parsed(name, least, MOST_OF_A_KIND) ?? otherwise;
  const { scenario, url } = await parseOperands(operands);
  const payloadBytes = number("size", STAMP_BYTES, LARGEST_PAYLOAD);
  const messages = parsed("messages", 1, 4_000_000_000);
  const seconds = parsed("seconds", 0.01, 86_400, false);
  const qos = number("qos", 0, 2);
  const pairs = count("pairs", 10);
  const pubs = scenario === "fan-in" ? 50 : scenario === "subscriptions" ? 10 : 1;
  const subs = scenario === "fan-out" || scenario === "subscriptions" ? 100 : 1;
  const fitting = Math.max(LEAST_DEFAULT_WINDOW, Math.floor(MOST_WINDOW_BYTES / payloadBytes));
  return {
    scenario,
    url,
    tls: readTls(values),
    protocolVersion: parseVersion(values["protocol-version"]),
    qos: isQoS(qos) ? qos : 0,
    payloadBytes,
    seconds: seconds ?? (messages === undefined ? 5 : undefined),
    messages,
    warmUpSeconds: parsed("warmup", 0, 3_600, false) ?? 0,
    window: parsed("window", 1, 65_535) ?? Math.min(DEFAULT_WINDOW, fitting),
    rate: parsed("rate", 1, 100_000_000),
    threads: number("threads", 1, 64),
    publishers: scenario === "pairs" ? pairs : count("pubs", pubs),
    subscribers: scenario === "pairs" ? pairs : count("subs", subs, 0),
    stuck: count("stuck", 0, 0),
    subscriptions: count("subscriptions", 10_000),
    connections: count("connections", 1_000),
    concurrency: count("concurrency", 50),
    pid: parsed("pid", 1, 0x7fff_ffff),
  };
}

async function parseOperands(operands: readonly string[]): Promise<{ scenario: Scenario; url: string }> {
  const { parseServerAddress } = await import("../client/open_transport.ts");
  const [first] = operands;
  const scenario = SCENARIOS.find((name) => name === first);
  const [url = DEFAULT_URL, ...others] = scenario === undefined ? operands : operands.slice(1);
  if (others.length > 0) {
    throw new ConfigError(`Unknown argument "${others[0]}": "brooklet bench --help" lists what there is`);
  }
  try {
    return { scenario: scenario ?? "pairs", url: `${parseServerAddress(url)}` };
  } catch {
    throw new ConfigError(
      `"${url}" is neither a scenario, which are ${SCENARIOS.join(", ")}, nor a URL like ${DEFAULT_URL}`,
    );
  }
}

function parseNumber(
  name: NumberName,
  text: string | undefined,
  least: number,
  most: number,
  isInteger: boolean,
): number | undefined {
  if (text === undefined) return undefined;
  const value = (isInteger ? /^\d{1,10}$/ : /^\d{1,10}(?:\.\d{1,6})?$/).test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new ConfigError(
    `--${name} "${text}" is not ${isInteger ? "an integer" : "a number"} between ${least} and ${most}`,
  );
}

function parseVersion(text: string): ProtocolVersion {
  const version = VERSIONS[text.replace(/^mqttv/, "")];
  if (version !== undefined) return version;
  throw new ConfigError(`--protocol-version "${text}" is neither 3.1.1 nor 5`);
}

function readTls({ cafile, cert, key }: Given<typeof OPTIONS>["values"]): TlsClientOptions | undefined {
  if (cafile === undefined && cert === undefined && key === undefined) return undefined;
  if ((cert === undefined) !== (key === undefined)) throw new ConfigError("--cert and --key need each other");
  return {
    ...cafile !== undefined && { caCerts: [readPem("authority", cafile)] },
    ...cert !== undefined && key !== undefined && {
      cert: readPem("certificate", cert),
      key: readPem("key", key),
    },
  };
}

/** Formats the result in lines for people. */
function benchTable(result: BenchResult): string {
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
function thousands(value: number): string {
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
