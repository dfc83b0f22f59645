import { LIMIT_NAMES, LIMITS } from "../../protocol/limit_table.ts";
import { SCHEME_NAMES, SCHEMES } from "../../transport/schemes.ts";
import type { CommandDescription, Given, Values } from "../command.ts";
import type { Override, Written } from "../config/configuration.ts";
import { ADMIN_URL } from "../config/admin_settings.ts";
import { LOG_AREAS, LOG_FORMATS, LOG_LEVELS, LOG_TYPES } from "../config/logging_settings.ts";
import type { ConfigurationInput } from "../config/settings.ts";
import { ConfigError } from "../config_error.ts";
import { suggestion } from "../nearest.ts";
import type { ProgramEnvironment } from "../program_io.ts";
import { parseStorageOption, STORAGE_HINT } from "../storage_option.ts";
import { LISTEN_EXAMPLE, LOOPBACK, parseListenUrl, parsePort } from "./listen_url.ts";

const TLS_OPTIONS = ["cert", "key", "cafile", "require-certificate", "tls-version"] as const;
/** Options that do not go with --config, because the file has these settings. */
const IN_PLACE_OF_FILE = ["listen", "port", ...TLS_OPTIONS] as const;
const MINIMUM_VERSIONS = new Map([["1.2", "1.2"], ["1.3", "1.3"], ["tlsv1.2", "1.2"], ["tlsv1.3", "1.3"]] as const);

const OPTIONS = {
  config: {
    letter: "c",
    value: "FILE",
    needs: "a file",
    text: "a configuration, in YAML or as mosquitto.conf, in place of the options down to --tls-version",
  },
  "check-config": { text: "say whether the configuration can be used, and end: exit code 0 if so, 1 if not" },
  "print-config": { text: "print the configuration in force, without its secrets, and end" },
  listen: {
    value: "URL",
    isRepeatable: true,
    needs: `a URL: ${LISTEN_EXAMPLE}`,
    text: "address to listen at; port 0 takes a free one\n" +
      SCHEME_NAMES.map((name) => `  ${SCHEMES[name].form}\n`).join("") +
      "Without a path, WebSocket is at /mqtt and /. After ?, for this listener alone: proxy-protocol (connections begin with a PROXY header), " +
      "origin=https://example.com, host=broker.example and trusted-proxy=10.0.0.0/8 (WebSocket; may be repeated)",
  },
  port: {
    letter: "p",
    value: "PORT",
    isRepeatable: true,
    needs: "a number between 0 and 65535",
    text: "port for MQTT at both loopback addresses",
  },
  cert: {
    value: "FILE",
    text: "certificate for mqtts and wss, a PEM file with the full chain; read again on SIGHUP",
  },
  key: { value: "FILE", text: "its key" },
  cafile: { value: "FILE", text: "authority that signs certificates of clients, which are asked for one" },
  "require-certificate": { text: "refuse clients without a certificate" },
  "tls-version": {
    value: "VERSION",
    words: ["1.2", "1.3"],
    text: "least version of TLS: 1.2, which is the default, or 1.3",
  },
  storage: {
    value: "WHERE",
    words: ["memory", "kv"],
    needs: `a value: ${STORAGE_HINT}`,
    text: "where sessions and retained messages are kept:\n" +
      "  memory    until the broker ends\n" +
      "  kv        a file in the directory of the platform for such things\n" +
      "  kv:PATH   that file      kv:URL   a server of KV Connect",
  },
  admin: {
    value: "URL",
    needs: `a URL: write it like ${ADMIN_URL}`,
    text: `address of the dashboard and its HTTP API; ${ADMIN_URL} without --config`,
  },
  "no-admin": { text: "serve no dashboard" },
  "allow-anonymous": {
    text: "let clients in without authentication at addresses that other machines can reach",
  },
  limit: {
    value: "NAME=VALUE",
    isRepeatable: true,
    words: LIMIT_NAMES.map((name) => `${name}=`),
    text: "a limit, such as receiveMaximum=20 or maximumQueuedBytes=unlimited",
  },
  log: {
    value: "FORMAT|AREA=LEVEL",
    isRepeatable: true,
    words: [...LOG_FORMATS, ...LOG_AREAS.flatMap((area) => LOG_LEVELS.map((level) => `${area}=${level}`))],
    text:
      "text, which is the default, or json, an object in each line; or the least level that is written about an area\n" +
      `Areas: ${LOG_AREAS.join(", ")}\nLevels: ${LOG_LEVELS.join(", ")}`,
  },
  verbose: { letter: "v", text: "print each connection and each packet" },
  version: { text: "print the version" },
} as const;

/** Description of `serve`, which is also the command without a name. */
export const SERVE_DESCRIPTION = {
  name: "serve",
  usage: [
    "[serve] [options]",
    "dashboard|pub|sub|request|bench|trace|passwd|token|storage|convert|completions ... --help",
  ],
  text:
    "Starts the MQTT broker. Without options it listens at 127.0.0.1 and [::1], where every client of this machine " +
    "may connect: MQTT at port 1883, and MQTT over WebSocket at ws://127.0.0.1:8083/mqtt. Its dashboard is at " +
    `${ADMIN_URL}, and "brooklet dashboard" prints a link that signs in.`,
  options: OPTIONS,
  notes:
    "Variables such as BROOKLET_LISTENERS__0__URL override what a file says; options override both. SIGHUP reads all " +
    "of it again.\nThe exit code is 0 after a signal, 1 if the system refuses something, and 2 for a mistake in what was written.",
} as const satisfies CommandDescription;

type ServeValues = Values<typeof OPTIONS>;

/** Request of the command line. */
export interface ServeRequest {
  readonly action: "run" | "check" | "print";
  /** Reads the current configuration; throws {@linkcode ConfigError}. */
  read(): Promise<{ readonly written: Written; readonly overrides: readonly Override[] }>;
}

/** Checks the options together; throws {@linkcode ConfigError}. */
export function serveRequest({ values }: Given<typeof OPTIONS>, environment: ProgramEnvironment): ServeRequest {
  const { config, listen, port, storage } = values;
  const tls = tlsOptions(values);
  const listeners = [
    ...listen.map(listenerAt),
    ...port.map((port) => ({ url: `mqtt://${LOOPBACK}:${parsePort(port)}` })),
  ];
  const both = IN_PLACE_OF_FILE.find((name) => isGiven(values[name]));
  if (values.admin !== undefined && values["no-admin"]) {
    throw new ConfigError("Options --admin and --no-admin do not go together");
  }
  if (config !== undefined && both !== undefined) {
    throw new ConfigError(`Options --config and --${both} do not go together: say it in "${config}"`);
  }
  if (storage !== undefined) parseStorageOption(storage); // For an error in the words of the command line.
  const fromOptions = optionOverrides(values);
  const commandLine = asWritten({
    ...listeners.length === 0 ? {} : { listeners },
    ...tls === undefined ? {} : { tls },
    // Started by hand: a file says all that it opens.
    admin: true,
  });
  return {
    action: values["check-config"] ? "check" : values["print-config"] ? "print" : "run",
    read: async () => ({
      written: config === undefined ? commandLine : await readFile(config),
      overrides: [...await fromEnvironment(environment), ...fromOptions],
    }),
  };
}

function isGiven(value: ServeValues[keyof ServeValues]): boolean {
  return typeof value === "object" ? value.length > 0 : value !== undefined && value !== false;
}

/** Checks the options of TLS together; `undefined` without a certificate. Throws {@linkcode ConfigError}. */
function tlsOptions(values: ServeValues): ConfigurationInput["tls"] {
  const { cert, key, cafile, "require-certificate": requireCertificate, "tls-version": version } = values;
  if (cert === undefined || key === undefined) {
    const lonely = TLS_OPTIONS.find((name) => isGiven(values[name]));
    if (lonely === undefined) return undefined;
    throw new ConfigError(`Option --${lonely} needs --cert and --key too`);
  }
  if (requireCertificate && cafile === undefined) {
    throw new ConfigError("Option --require-certificate needs --cafile: who signs the certificates of clients");
  }
  const minimumVersion = MINIMUM_VERSIONS.get((version ?? "1.2") as "1.2"); // Any other text gives undefined.
  if (minimumVersion === undefined) throw new ConfigError(`--tls-version "${version}" is not 1.2 or 1.3`);
  return {
    certificate: cert,
    key,
    requireCertificate,
    minimumVersion,
    ...cafile === undefined ? {} : { authority: cafile },
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
function optionOverrides(values: ServeValues): Override[] {
  const { verbose, log, limit, storage, admin, "no-admin": hasNoAdmin, "allow-anonymous": isOpen } = values;
  const overrides: Override[] = limit.map(limitOverride);
  if (admin !== undefined) overrides.push({ path: ["admin", "url"], value: admin, from: "--admin" });
  if (hasNoAdmin) overrides.push({ path: ["admin"], value: false, from: "--no-admin" });
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
    throw new ConfigError(`--limit "${text}" is of no limit: ${suggestion(name, LIMIT_NAMES)}`);
  }
  return {
    path: ["limits", name],
    value: /^\d[\d_]*$/.test(value) ? Number(value.replaceAll("_", "")) : value,
    from: `--limit "${text}"`,
  };
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
