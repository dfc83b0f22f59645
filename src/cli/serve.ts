// @ts-types="./parse_args.d.ts"
import { parseArgs } from "@std/cli";
import { Broker } from "../broker/broker.ts";
import type { BrokerOptions } from "../broker/broker_options.ts";
import type { BrokerEvent, PacketEvent } from "../broker/events.ts";
import type { Listener } from "../transport/listener.ts";
import { ConfigError } from "./config_error.ts";
import { eventLines, packetLines } from "./event_lines.ts";
import { isLoopback, type ListenUrl, parseListenUrl, parsePort, urlText } from "./listen_url.ts";
import { Listening } from "./listening.ts";
import { type LogLine, printable, stderrLog } from "./log.ts";
import {
  openStorage,
  parseStorageOption,
  STORAGE_OPTION_HELP,
  storageError,
  type StorageOption,
} from "./storage_option.ts";
import { type TlsOptions, tlsOptions } from "./tls_options.ts";

const DEFAULT_LISTENERS = [{ scheme: "mqtt", port: 1883 }, { scheme: "ws", port: 8083 }] as const;
const EXIT_INTERRUPTED = 1;
const SWITCHES = ["verbose", "allow-anonymous", "require-certificate"] as const;

export const SERVE_HELP = `Usage: brooklet [serve] [options]
       brooklet storage export|import FILE [options]

Starts the MQTT broker. Without options it listens at 127.0.0.1 and [::1], where every client of this machine may connect:
MQTT at port 1883, and MQTT over WebSocket at ws://127.0.0.1:8083/mqtt.

  --listen URL           where to listen; may be given more than once; port 0 takes a free one
                           mqtt://host:port   mqtts://host:port   unix:/path?mode=660
                           ws://host:port/path   wss://host:port/path   (paths /mqtt and / without one)
                         behind "?", for this listener alone: proxy-protocol (TCP begins with a PROXY header),
                         origin=https://example.com and trusted-proxy=10.0.0.0/8 (WebSocket; may be repeated)
  -p, --port PORT        port for MQTT at both loopback addresses; may be given more than once
${STORAGE_OPTION_HELP}  --cert FILE            certificate for mqtts and wss, a PEM file with the full chain; read again on SIGHUP
  --key FILE             its key
  --cafile FILE          who signs certificates of clients: they are asked for one
  --require-certificate  let no client in without one
  --tls-version VERSION  1.2 (which is the default) or 1.3, and later ones
  --allow-anonymous      let clients in without authentication at addresses that other machines can reach
  -v, --verbose          print each connection and each packet
  -h, --help             print this
  --version              print the version
`;

/** What the command line says. */
interface ServeOptions {
  readonly listen: readonly ListenUrl[];
  /** To listen on at both loopback addresses. */
  readonly loopback: readonly { readonly scheme: "mqtt" | "ws"; readonly port: number }[];
  readonly tls: TlsOptions | undefined;
  readonly storage: StorageOption;
  readonly isVerbose: boolean;
}

/**
 * Runs the broker until a signal ends it; gives the exit code.
 *
 * @throws ConfigError, ListenError, StorageError
 */
export async function serve(args: readonly string[]): Promise<number> {
  const options = parseServeOptions(args);
  const log = stderrLog();
  const listening = new Listening(options.tls, log);
  const lines = await listenAll(options, listening);
  const terminated = terminationSignal(); // Before anybody can know that it listens.
  guardProcess(log);
  const { broker, says } = await openBroker(options, listening, log);
  for (const line of [...lines, says]) log(line);
  onReload(() => log(`SIGHUP: ${listening.reload()}`));
  const accepting = listening.listeners.map((listener) => accept(listener, broker));
  const signal = await terminated;
  listening.close();
  log(`${signal}: shutting down`);
  await broker.close();
  await Promise.all(accepting);
  log("Brooklet has ended");
  return 0;
}

function parseServeOptions(args: readonly string[]): ServeOptions {
  const parsed = parseArgs(args, {
    string: ["listen", "port", "cert", "key", "cafile", "tls-version", "storage"],
    boolean: [...SWITCHES],
    collect: ["listen", "port"],
    alias: { p: "port", v: "verbose" },
    unknown: (argument) => {
      throw unknownArgument(argument);
    },
  });
  if (parsed._.length > 0) throw unknownArgument(String(parsed._[0])); // Behind "--".
  for (const argument of args) { // `--allow-anonymous=no` would be taken for yes.
    const name = SWITCHES.find((name) => argument.startsWith(`--${name}=`));
    if (name !== undefined) throw new ConfigError(`Option --${name} takes no value: "${argument}"`);
  }
  const listen = parsed.listen.map(parseListenUrl);
  const loopback: { scheme: "mqtt" | "ws"; port: number }[] = parsed.port.map((port) => ({
    scheme: "mqtt",
    port: parsePort(port),
  }));
  if (listen.length + loopback.length === 0) loopback.push(...DEFAULT_LISTENERS);
  for (const url of listen) {
    if (isLoopback(url) || parsed["allow-anonymous"]) continue;
    throw new ConfigError(
      `Cannot listen on ${urlText(url)}: other machines can reach it and no authentication is set; ` +
        "give --allow-anonymous if everybody may connect, or listen on 127.0.0.1",
    );
  }
  const { cert, key, cafile, "require-certificate": require, "tls-version": version } = parsed;
  const tls = tlsOptions({ cert, key, cafile, "require-certificate": require, "tls-version": version });
  const storage = parseStorageOption(parsed.storage ?? "memory");
  return { listen, loopback, tls, storage, isVerbose: parsed.verbose };
}

function unknownArgument(argument: string): ConfigError {
  return new ConfigError(`Unknown option or argument "${argument}": "brooklet serve --help" lists what there is`);
}

/** Opens the broker with its storage; without it nothing listens any more. */
async function openBroker({ storage: option, isVerbose }: ServeOptions, listening: Listening, log: LogLine) {
  try {
    const { storage, says } = await openStorage(option);
    try {
      return { broker: await Broker.open({ ...brokerOptions(isVerbose, log), storage }), says };
    } catch (error) {
      await storage.close();
      throw storageError("read the storage", error);
    }
  } catch (error) {
    listening.close();
    throw error;
  }
}

function brokerOptions(isVerbose: boolean, log: LogLine): BrokerOptions {
  const onEvent = (event: BrokerEvent) => {
    for (const line of eventLines(event, isVerbose)) log(line);
  };
  if (!isVerbose) return { onEvent };
  const onPacket = (event: PacketEvent) => {
    for (const line of packetLines(event)) log(line);
  };
  return { onEvent, onPacket };
}

/** Listens everywhere or nowhere; gives a line for each address. */
async function listenAll({ listen, loopback }: ServeOptions, listening: Listening): Promise<string[]> {
  const lines: string[] = [];
  try {
    for (const url of listen) lines.push(await listening.listen(url));
    for (const { scheme, port } of loopback) lines.push(...await listening.listenAtLoopback(scheme, port));
  } catch (error) {
    listening.close();
    throw error;
  }
  return lines;
}

/** Windows has no such signal. */
function onReload(reload: () => void): void {
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGHUP", reload);
}

async function accept(listener: Listener, broker: Broker): Promise<void> {
  for await (const transport of listener) broker.serve(transport); // Never rejects.
}

/** A defect is told, and never the end of all connections. */
function guardProcess(log: LogLine): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log(`Error: unhandled rejection: ${printable(String(event.reason))}`);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    log(`Error: uncaught: ${printable(String(event.error))}`);
  });
}

/** The first signal that asks the program to end; the next one ends it at once. */
function terminationSignal(): Promise<Deno.Signal> {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT", "SIGBREAK"] : ["SIGINT", "SIGTERM"];
  let isEnding = false;
  for (const signal of signals) {
    Deno.addSignalListener(signal, () => {
      if (isEnding) Deno.exit(EXIT_INTERRUPTED);
      isEnding = true;
      resolve(signal);
    });
  }
  return promise;
}
