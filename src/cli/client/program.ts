import { Client } from "../../client/client.ts";
import { RefusedError } from "../../client/refused_error.ts";
import { schemeOf, SCHEMES } from "../../transport/schemes.ts";
import { helpText } from "../command.ts";
import { printable } from "../../codec/printable.ts";
import { printLine, type ProgramIo, type ProgramOutput, writeText } from "../program_io.ts";
import { ArgumentError, type ClientArguments, parseClientArguments } from "./arguments.ts";
import type { ClientOptions } from "./client_options.ts";
import { ClientFailure, connectFailure, ExitCode, failureOf } from "./failure.ts";
import type { ClientCommand } from "./options.ts";

/** Client command: its options, and its work once it is connected. */
export interface ClientProgram<Options extends ClientOptions> {
  readonly command: ClientCommand;
  /** Throws {@linkcode ArgumentError} and {@linkcode ClientFailure}. */
  parse(given: ClientArguments, io: ProgramIo): Options | Promise<Options>;
  /** Gives the exit code. After a stop, its result or error does not count. */
  run(session: ClientCommandContext<Options>): Promise<number>;
}

/** Client command that is connected. */
export interface ClientCommandContext<Options extends ClientOptions> {
  readonly options: Options;
  readonly client: Client;
  readonly console: ClientConsole;
  readonly io: ProgramIo;
  /** Aborts when the command must end, whatever it is doing; the client is closed then. */
  readonly stopped: AbortSignal;
  /** Ends the command with this exit code and this line. */
  stop(end: ClientFailure): void;
}

/** Lines on standard error. */
export interface ClientConsole {
  say(line: string): void;
  /** Prints with `-d` only. */
  debug(line: string): void;
}

const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15, SIGBREAK: 21 } as const;

/** Runs a client command to its end and gives the exit code, which is that of mosquitto's client. */
export async function runClientCommand<Options extends ClientOptions>(
  program: ClientProgram<Options>,
  args: readonly string[],
  io: ProgramIo,
): Promise<number> {
  let console = consoleOf(io.stderr, false, false);
  const stop = new AbortController();
  try {
    const given = parseClientArguments(program.command, args);
    if (given.has("help")) {
      printLine(io.stdout, helpText(program.command));
      return ExitCode.Success;
    }
    console = consoleOf(io.stderr, given.has("quiet"), given.has("debug"));
    const options = await program.parse(given, io);
    onSignal((signal) => stop.abort(interrupted(program.command, signal)), io);
    return await connectAndRun(program, options, { console, io, stop });
  } catch (error) {
    if (error instanceof ArgumentError) {
      sayLine(
        io.stderr,
        `Error: ${printable(error.message)}\n\nUse 'brooklet ${program.command.name} --help' to see usage.`,
      );
      return ExitCode.Failed;
    }
    const failure = failureOf(error);
    if (failure.message !== "") console.say(failure.message);
    return failure.exitCode;
  }
}

async function connectAndRun<Options extends ClientOptions>(
  { run }: ClientProgram<Options>,
  options: Options,
  { console, io, stop }: { console: ClientConsole; io: ProgramIo; stop: AbortController },
): Promise<number> {
  const client = await connect(options, stop.signal);
  const onStop = () => void client.close({ ...options.close, reasonCode: 0x04 }); // It never rejects.
  stop.signal.addEventListener("abort", onStop);
  if (stop.signal.aborted) onStop();
  console.debug(`Client ${client.clientId} received CONNACK (0)`);
  const watching = options.isDebug ? watch(client, console) : undefined;
  try {
    const end = (failure: ClientFailure) => stop.abort(failure);
    const code = await run({ options, client, console, io, stopped: stop.signal, stop: end });
    stop.signal.throwIfAborted();
    return code;
  } catch (error) {
    if (stop.signal.aborted) throw stop.signal.reason;
    // The server accepted it once, and then disconnected it or refused it when it reconnected.
    throw error instanceof RefusedError ? connectFailure(error, options.protocolVersion, false) : error;
  } finally {
    console.debug(`Client ${client.clientId} sending DISCONNECT`);
    await client.close(options.close);
    await watching;
  }
}

async function connect(options: ClientOptions, signal: AbortSignal): Promise<Client> {
  try {
    return await Client.connect(options.address, { ...options.connect, signal });
  } catch (error) {
    if (signal.aborted) throw new ClientFailure("", ExitCode.InterruptedEarly);
    const scheme = schemeOf(new URL(options.address));
    throw connectFailure(error, options.protocolVersion, scheme !== undefined && SCHEMES[scheme].isTls);
  }
}

async function watch(client: Client, console: ClientConsole): Promise<void> {
  for await (const status of client.statusChanges()) {
    if (status.kind !== "reconnecting") continue;
    const seconds = (status.delayMs / 1_000).toFixed(1);
    console.debug(`Client ${client.clientId} lost its connection, next attempt in ${seconds} s`);
  }
}

/** Result of an interruption: a subscriber that is asked to end has done its work; a publisher has not. */
function interrupted({ name }: ClientCommand, signal: keyof typeof SIGNAL_NUMBERS): ClientFailure {
  return new ClientFailure("", name === "pub" ? 128 + SIGNAL_NUMBERS[signal] : ExitCode.Success);
}

/** Handles the first signal; a second one ends the program at once. */
function onSignal(handle: (signal: keyof typeof SIGNAL_NUMBERS) => void, io: ProgramIo): void {
  const signals = Deno.build.os === "windows"
    ? ["SIGINT", "SIGTERM", "SIGBREAK"] as const
    : ["SIGINT", "SIGTERM"] as const;
  let isEnding = false;
  for (const signal of signals) {
    io.onSignal(signal, () => {
      if (isEnding) io.exit(128 + SIGNAL_NUMBERS[signal]);
      isEnding = true;
      handle(signal);
    });
  }
}

function consoleOf(stderr: ProgramOutput, isQuiet: boolean, isDebug: boolean): ClientConsole {
  const say = (line: string) => {
    if (!isQuiet) sayLine(stderr, line);
  };
  return { say, debug: (line) => isDebug ? say(line) : undefined };
}

function sayLine(stderr: ProgramOutput, line: string): void {
  try {
    writeText(stderr, `${line}\n`);
  } catch {
    // The output is not read any more.
  }
}
