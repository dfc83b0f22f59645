// @ts-types="./parse_args.d.ts"
import { parseArgs } from "@std/cli";
import { parseServerAddress } from "../client/open_transport.ts";
import { isQoS, type ProtocolVersion } from "../codec/packet.ts";
import { type BenchOptions, type Scenario, SCENARIOS } from "../load/bench_jobs.ts";
import { STAMP_BYTES } from "../load/publish_block.ts";
import type { TlsClientOptions } from "../transport/tls/connect_tls.ts";
import { DEFAULT_URL, DEFAULT_WINDOW } from "./bench_help.ts";
import { ConfigError } from "./config_error.ts";

const VERSIONS: Readonly<Record<string, ProtocolVersion>> = { "3.1.1": 4, "311": 4, "4": 4, "5": 5 };
const MOST_WINDOW_BYTES = 4_194_304;
const LEAST_DEFAULT_WINDOW = 4;
const LARGEST_PAYLOAD = 268_435_000;

const NUMBERS = [
  "qos",
  "size",
  "seconds",
  "messages",
  "warmup",
  "window",
  "rate",
  "threads",
  "pairs",
  "pubs",
  "subs",
  "stuck",
  "subscriptions",
  "connections",
  "concurrency",
  "pid",
] as const;
type NumberName = typeof NUMBERS[number];

/** Parses the command line, and reads the files that it names. Throws {@linkcode ConfigError}. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const parsed = parsedArguments(args);
  const number = (name: NumberName, least: number, most: number, otherwise: number) =>
    parseNumber(name, parsed[name], least, most) ?? otherwise;
  const count = (name: NumberName, otherwise: number, least = 1) => number(name, least, 1_000_000, otherwise);
  const { scenario, url } = parseOperands(parsed._);
  const payloadBytes = number("size", STAMP_BYTES, LARGEST_PAYLOAD, 64);
  const messages = parseNumber("messages", parsed.messages, 1, 4_000_000_000);
  const seconds = parseNumber("seconds", parsed.seconds, 0.01, 86_400, false);
  const qos = number("qos", 0, 2, 0);
  const pairs = count("pairs", 10);
  const pubs = scenario === "fan-in" ? 50 : scenario === "subscriptions" ? 10 : 1;
  const subs = scenario === "fan-out" || scenario === "subscriptions" ? 100 : 1;
  const fitting = Math.max(LEAST_DEFAULT_WINDOW, Math.floor(MOST_WINDOW_BYTES / payloadBytes));
  return {
    scenario,
    url,
    tls: readTls(parsed),
    protocolVersion: parseVersion(parsed["protocol-version"]),
    qos: isQoS(qos) ? qos : 0,
    payloadBytes,
    seconds: seconds ?? (messages === undefined ? 5 : undefined),
    messages,
    warmUpSeconds: parseNumber("warmup", parsed.warmup, 0, 3_600, false) ?? 0,
    window: number("window", 1, 65_535, Math.min(DEFAULT_WINDOW, fitting)),
    rate: parseNumber("rate", parsed.rate, 1, 100_000_000),
    threads: number("threads", 1, 64, 1),
    publishers: scenario === "pairs" ? pairs : count("pubs", pubs),
    subscribers: scenario === "pairs" ? pairs : count("subs", subs, 0),
    stuck: count("stuck", 0, 0),
    subscriptions: count("subscriptions", 10_000),
    connections: count("connections", 1_000),
    concurrency: count("concurrency", 50),
    pid: parseNumber("pid", parsed.pid, 1, 0x7fff_ffff),
    isJson: parsed.json,
  };
}

function parsedArguments(args: readonly string[]) {
  return parseArgs(args, {
    string: [...NUMBERS, "protocol-version", "cafile", "cert", "key", "_"],
    boolean: ["json"],
    alias: { q: "qos", s: "size", V: "protocol-version" },
    unknown: (argument, key) => {
      if (key === undefined) return;
      throw new ConfigError(`Unknown option "${argument}": "brooklet bench --help" lists what there is`);
    },
  });
}

function parseOperands(operands: readonly string[]): { scenario: Scenario; url: string } {
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
  isInteger = true,
): number | undefined {
  if (text === undefined) return undefined;
  const value = (isInteger ? /^\d{1,10}$/ : /^\d{1,10}(?:\.\d{1,6})?$/).test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  const what = isInteger ? "an integer" : "a number";
  throw new ConfigError(`--${name} "${text}" is not ${what} between ${least} and ${most}`);
}

function parseVersion(text: string | undefined): ProtocolVersion {
  if (text === undefined) return 5;
  const version = VERSIONS[text.replace(/^mqttv/, "")];
  if (version !== undefined) return version;
  throw new ConfigError(`--protocol-version "${text}" is neither 3.1.1 nor 5`);
}

function readTls(paths: { cafile?: string; cert?: string; key?: string }): TlsClientOptions | undefined {
  const { cafile, cert, key } = paths;
  if (cafile === undefined && cert === undefined && key === undefined) return undefined;
  if ((cert === undefined) !== (key === undefined)) throw new ConfigError("--cert and --key need each other");
  return {
    ...cafile !== undefined && { caCerts: [readPem("cafile", cafile)] },
    ...cert !== undefined && key !== undefined && { cert: readPem("cert", cert), key: readPem("key", key) },
  };
}

function readPem(option: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new ConfigError(`Cannot read --${option} "${path}": ${error instanceof Error ? error.message : error}`);
  }
}
