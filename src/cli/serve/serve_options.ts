// @ts-types="../parse_args.d.ts"
import { parseArgs } from "@std/cli";
import { LIMITS } from "../../protocol/limit_table.ts";
import type { Written } from "../config/configuration.ts";
import { LOG_AREAS, LOG_TYPES } from "../config/logging_schema.ts";
import { nearest } from "../nearest.ts";
import type { Override } from "../config/configuration.ts";
import type { ConfigurationInput } from "../config/schema.ts";
import { ConfigError } from "../config_error.ts";
import type { ProgramEnvironment } from "../program_io.ts";
import { parseStorageOption, STORAGE_HINT, STORAGE_OPTION_HELP } from "../storage_option.ts";
import { LOOPBACK, parseListenUrl, parsePort } from "./listen_url.ts";
import { tlsOptions } from "./tls_options.ts";

const SWITCHES = ["verbose", "allow-anonymous", "require-certificate", "print-config", "check-config"] as const;
/** Options that do not go with --config, because the file has these settings. */
const IN_PLACE_OF_FILE = ["listen", "port", "cert", "key", "cafile", "require-certificate", "tls-version"] as const;

export const SERVE_HELP = `Usage: brooklet [serve] [options]
       brooklet pub|sub|request|bench|passwd|storage|convert|completions ... --help

Starts the MQTT broker. Without options it listens at 127.0.0.1 and [::1], where every client of this machine may connect:
MQTT at port 1883, and MQTT over WebSocket at ws://127.0.0.1:8083/mqtt.

  -c, --config FILE      a configuration, in YAML or as mosquitto.conf, in place of the options down to --tls-version
  --check-config         say whether it can be used, and end: 0 if so, 1 if not
  --print-config         print what is in force, without its secrets, and end
  --listen URL           where to listen; may be given more than once; port 0 takes a free one
                           mqtt://host:port   mqtts://host:port   unix:/path?mode=660
                           ws://host:port/path   wss://host:port/path   (paths /mqtt and / without one)
                         behind "?", for this listener alone: proxy-protocol (TCP begins with a PROXY header),
                         origin=https://example.com, host=broker.example and trusted-proxy=10.0.0.0/8
                         (WebSocket; may be repeated)
  -p, --port PORT        port for MQTT at both loopback addresses; may be given more than once
  --cert FILE            certificate for mqtts and wss, a PEM file with the full chain; read again on SIGHUP
  --key FILE             its key
  --cafile FILE          who signs certificates of clients: they are asked for one
  --require-certificate  let no client in without one
  --tls-version VERSION  1.2 (which is the default) or 1.3, and later ones
${STORAGE_OPTION_HELP}  --allow-anonymous      let clients in without authentication at addresses that other machines can reach
  --limit NAME=VALUE     a limit, such as receiveMaximum=20 or maximumQueuedBytes=unlimited; may be given more than once
  --log FORMAT           text (which is the default) or json: an object in each line
  --log AREA=LEVEL       of connections, access, packets, delivery, storage or program, what is written: none, error,
                         warning, notice, information or debug; may be given more than once
  -v, --verbose          print each connection and each packet
  -h, --help             print this
  --version              print the version

Variables such as BROOKLET_LISTENERS__0__URL override what a file says; options override both. SIGHUP reads it all again.
The exit code is 0 at the end of a signal, 1 where the system refuses something, and 2 for a mistake in what was written.
`;

/** Request of the command line. */
export interface ServeRequest {
  readonly action: "run" | "check" | "print";
  /** Reads the current configuration; throws {@linkcode ConfigError}. */
  read(): Promise<{ readonly written: Written; readonly overrides: readonly Override[] }>;
}

/** Parses the arguments; throws {@linkcode ConfigError}. */
export function parseServeOptions(args: readonly string[], environment: ProgramEnvironment): ServeRequest {
  const parsed = parseArgs(args, {
    string: ["config", "listen", "port", "cert", "key", "cafile", "tls-version", "storage", "limit", "log"],
    boolean: [...SWITCHES],
    collect: ["listen", "port", "limit", "log"],
    alias: { c: "config", p: "port", v: "verbose" },
    unknown: (argument) => {
      throw unknownArgument(argument);
    },
  });
  if (parsed._.length > 0) throw unknownArgument(String(parsed._[0])); // After "--".
  for (const argument of args) { // `--allow-anonymous=no` would be taken for yes.
    const name = SWITCHES.find((name) => argument.startsWith(`--${name}=`));
    if (name !== undefined) throw new ConfigError(`Option --${name} takes no value: "${argument}"`);
  }
  const { config, listen, port, cert, key, cafile, "require-certificate": require, "tls-version": version } = parsed;
  const tls = tlsOptions({ cert, key, cafile, "require-certificate": require, "tls-version": version });
  const listeners = [
    ...listen.map(listenerAt),
    ...port.map((port) => ({ url: `mqtt://${LOOPBACK}:${parsePort(port)}` })),
  ];
  if (config === "") throw new ConfigError("Option --config needs a file");
  const given = { ...parsed, listen: listen[0], port: port[0] };
  const both = IN_PLACE_OF_FILE.find((name) => given[name] !== undefined && given[name] !== false);
  if (config !== undefined && both !== undefined) {
    throw new ConfigError(`Options --config and --${both} do not go together: say it in "${config}"`);
  }
  if (parsed.storage === "") throw new ConfigError(`Option --storage needs a value: ${STORAGE_HINT}`);
  if (parsed.storage !== undefined) parseStorageOption(parsed.storage); // For an error in the words of the command line.
  const fromOptions = optionOverrides(parsed);
  const commandLine = asWritten({
    ...listeners.length === 0 ? {} : { listeners },
    ...tls === undefined ? {} : { tls },
  });
  return {
    action: parsed["check-config"] ? "check" : parsed["print-config"] ? "print" : "run",
    read: async () => ({
      written: config === undefined ? commandLine : await readFile(config),
      overrides: [...await fromEnvironment(environment), ...fromOptions],
    }),
  };
}

/** Overrides of the environment; their reader is loaded only if there are any. */
async function fromEnvironment(environment: ProgramEnvironment): Promise<Override[]> {
  const variables = environment.toObject();
  if (!Object.keys(variables).some((name) => name.startsWith("BROOKLET_"))) return [];
  const { environmentOverrides } = await import("../config/environment.ts");
  return environmentOverrides(variables, Deno.readTextFileSync);
}

/** Reads a file; the reader is loaded only then. */
async function readFile(config: string): Promise<Written> {
  const { readConfiguration } = await import("../config/file.ts");
  return readConfiguration(config);
}

function listenerAt(url: string): { url: string } {
  parseListenUrl(url); // For an error in the words of the command line.
  return { url };
}

/** Overrides of the command line, which take precedence. */
function optionOverrides(
  { verbose, log, limit, storage, "allow-anonymous": isOpen }: {
    readonly verbose: boolean;
    readonly log: readonly string[];
    readonly storage?: string;
    readonly limit: readonly string[];
    readonly "allow-anonymous": boolean;
  },
): Override[] {
  const overrides: Override[] = limit.map(limitOverride);
  if (storage !== undefined) overrides.push({ path: ["storage"], value: storage, from: "--storage" });
  overrides.push(...log.map(logOverride));
  if (verbose) {
    overrides.push(
      { path: ["logging", "types"], value: [...LOG_TYPES], from: "--verbose" },
      { path: ["logging", "connectionMessages"], value: true, from: "--verbose" },
    );
  }
  if (isOpen) overrides.push({ path: ["authentication", "anonymous"], value: true, from: "--allow-anonymous" });
  return overrides;
}

function limitOverride(text: string): Override {
  const [, name = "", value = ""] = /^([^=]*)=(.+)$/.exec(text) ?? [];
  if (name === "") throw new ConfigError(`--limit "${text}" is not NAME=VALUE: write it like receiveMaximum=20`);
  if (!Object.hasOwn(LIMITS, name)) {
    const names = Object.keys(LIMITS);
    const meant = nearest(name, names);
    const hint = meant === undefined ? `there is ${names.join(", ")}` : `did you mean "${meant}"?`;
    throw new ConfigError(`--limit "${text}" is of no limit: ${hint}`);
  }
  return { path: ["limits", name], value: /^\d+$/.test(value) ? Number(value) : value, from: `--limit "${text}"` };
}

function logOverride(text: string): Override {
  const from = `--log "${text}"`;
  const [, area, level] = /^([^=]*)=(.*)$/.exec(text) ?? [];
  if (area === undefined) return { path: ["logging", "format"], value: text, from };
  if (LOG_AREAS.some((known) => known === area)) return { path: ["logging", "areas", area], value: level, from };
  throw new ConfigError(`${from} is of no area: there is ${LOG_AREAS.join(", ")}`);
}

function asWritten(value: ConfigurationInput): Written {
  return { value, place: () => undefined, warnings: [] };
}

function unknownArgument(argument: string): ConfigError {
  return new ConfigError(`Unknown option or argument "${argument}": "brooklet serve --help" lists what there is`);
}
