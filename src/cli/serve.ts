import { parseArgs } from "@std/cli";
import { Broker, type BrokerOptions } from "../broker/broker.ts";
import type { BrokerEvent, PacketEvent } from "../broker/events.ts";
import { hostPort, listenTcp, type TcpListener } from "../transport/tcp.ts";
import { ConfigError } from "./config_error.ts";
import { eventLines, packetLines } from "./event_lines.ts";
import { isLoopback, type ListenUrl, parseListenUrl, parsePort } from "./listen_url.ts";
import { type LogLine, printable, stderrLog } from "./log.ts";

const DEFAULT_PORT = 1883;
const EXIT_INTERRUPTED = 1;
const SWITCHES = ["verbose", "allow-anonymous"] as const;

export const SERVE_HELP = `Usage: brooklet [serve] [options]

Starts the MQTT broker. Without options it listens on mqtt://127.0.0.1:1883 and mqtt://[::1]:1883,
where every client of this machine may connect.

  --listen URL        where to listen, such as mqtt://0.0.0.0:1883; may be given more than once; port 0 takes a free one
  -p, --port PORT     port to listen on at both loopback addresses; may be given more than once
  --allow-anonymous   let clients in without authentication at addresses that other machines can reach
  -v, --verbose       print each connection and each packet
  -h, --help          print this
  --version           print the version
`;

/** What the command line says. */
interface ServeOptions {
  readonly listen: readonly ListenUrl[];
  /** To listen on at both loopback addresses. */
  readonly loopbackPorts: readonly number[];
  readonly isVerbose: boolean;
}

/** Runs the broker until a signal ends it; gives the exit code. Throws {@linkcode ConfigError}, {@linkcode ListenError}. */
export async function serve(args: readonly string[]): Promise<number> {
  const options = parseServeOptions(args);
  const log = stderrLog();
  const isListening: string[] = [];
  const listeners = listenAll(options, isListening);
  const terminated = terminationSignal(); // Before anybody can know that it listens.
  guardProcess(log);
  const broker = await Broker.open(brokerOptions(options.isVerbose, log));
  for (const line of isListening) log(line);
  log("Sessions and retained messages are kept in memory: they are lost when the broker ends.");
  const accepting = listeners.map((listener) => accept(listener, broker));
  log(`${await terminated}: shutting down`);
  for (const listener of listeners) listener.close();
  await broker.close();
  await Promise.all(accepting);
  log("Brooklet has ended");
  return 0;
}

/** The system does not let the broker listen. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

function parseServeOptions(args: readonly string[]): ServeOptions {
  const parsed = parseArgs(args, {
    string: ["listen", "port"],
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
  const loopbackPorts = parsed.port.map(parsePort);
  if (listen.length + loopbackPorts.length === 0) loopbackPorts.push(DEFAULT_PORT);
  for (const { hostname, port } of listen) {
    if (isLoopback(hostname) || parsed["allow-anonymous"]) continue;
    throw new ConfigError(
      `Cannot listen on mqtt://${hostPort(hostname, port)}: ` +
        "other machines can reach it and no authentication is set; " +
        "give --allow-anonymous if everybody may connect, or listen on 127.0.0.1",
    );
  }
  return { listen, loopbackPorts, isVerbose: parsed.verbose };
}

function unknownArgument(argument: string): ConfigError {
  return new ConfigError(`Unknown option or argument "${argument}": "brooklet serve --help" lists what there is`);
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

/** Listens everywhere or nowhere; adds a line for each address. */
function listenAll({ listen, loopbackPorts }: ServeOptions, lines: string[]): TcpListener[] {
  const listeners: TcpListener[] = [];
  try {
    for (const { hostname, port } of listen) listeners.push(listenAt(hostname, port));
    for (const port of loopbackPorts) {
      const v4 = listenAt("127.0.0.1", port);
      listeners.push(v4);
      const v6 = listenAtIpv6Loopback(v4.port); // The same when the system picked it.
      if (v6 === undefined) lines.push(`Not listening on mqtt://[::1]:${v4.port}: this machine has no such address`);
      else listeners.push(v6);
    }
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
  lines.unshift(...listeners.map(({ hostname, url }) => {
    const who = isLoopback(hostname) ? "this machine only" : "open to other machines";
    return `Brooklet is listening on ${url} (${who}, anonymous access allowed)`;
  }));
  return listeners;
}

function listenAt(hostname: string, port: number): TcpListener {
  try {
    return listenTcp({ hostname, port });
  } catch (error) {
    throw new ListenError(`Cannot listen on mqtt://${hostPort(hostname, port)}: ${whyNot(error)}`);
  }
}

/** `undefined`: not every machine has IPv6. */
function listenAtIpv6Loopback(port: number): TcpListener | undefined {
  try {
    return listenTcp({ hostname: "::1", port });
  } catch (error) {
    if (!isOfPort(error)) return undefined;
    throw new ListenError(`Cannot listen on mqtt://[::1]:${port}: ${whyNot(error)}`);
  }
}

/** Whether the address is there and the port is what is refused. */
function isOfPort(error: unknown): boolean {
  return error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable;
}

function whyNot(error: unknown): string {
  if (error instanceof Deno.errors.AddrInUse) return "the port is in use; end the other program or choose another port";
  if (error instanceof Deno.errors.AddrNotAvailable) return "this machine has no such address";
  if (error instanceof Deno.errors.PermissionDenied) return "not permitted; ports below 1024 need a privilege";
  if (error instanceof Deno.errors.NotCapable) return "not permitted; Deno needs --allow-net for it";
  return error instanceof Error ? error.message : String(error);
}

async function accept(listener: TcpListener, broker: Broker): Promise<void> {
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
