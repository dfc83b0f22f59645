import { PUBLISH, REQUEST, SUBSCRIBE } from "./client/options.ts";
import type { Command } from "./command.ts";
import { completionsCommand } from "./completions.ts";
import { ConfigError } from "./config_error.ts";
import { CONVERT } from "./convert.ts";
import { DASHBOARD } from "./dashboard.ts";
import { BENCH } from "./load.ts";
import { printable } from "../codec/printable.ts";
import { suggestion } from "./nearest.ts";
import { PASSWD, PasswordFileError } from "./passwd.ts";
import { printLine, processIo, type ProgramIo } from "./program_io.ts";
import { ListenError } from "./serve/listen_error.ts";
import { SERVE } from "./serve/serve.ts";
import { STORAGE } from "./storage.ts";
import { StorageError } from "./storage_option.ts";
import { TOKEN } from "./token.ts";
import { TRACE } from "./trace.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** All commands. Those of clients and of load are loaded when they run, so that the broker starts without them. */
export const COMMANDS: readonly Command[] = [
  SERVE,
  DASHBOARD,
  PASSWD,
  TOKEN,
  STORAGE,
  CONVERT,
  { ...PUBLISH, run: async (args, io) => (await import("./client/publish.ts")).publish(args, io) },
  { ...SUBSCRIBE, run: async (args, io) => (await import("./client/subscribe.ts")).subscribe(args, io) },
  { ...REQUEST, run: async (args, io) => (await import("./client/request.ts")).request(args, io) },
  BENCH,
  TRACE,
  completionsCommand(() => COMMANDS),
];

/** Runs the command line of the process and gives the exit code. */
export function start(): Promise<number> {
  return main(Deno.args, processIo());
}

/** Runs the command line and gives the exit code. Errors go to standard error, one per line. */
export async function main(args: readonly string[], io: ProgramIo): Promise<number> {
  const [first, ...rest] = args;
  const isCommand = first !== undefined && !first.startsWith("-");
  const command = COMMANDS.find(({ name }) => name === (isCommand ? first : "serve"));
  try {
    if (command === undefined) {
      const known = COMMANDS.map(({ name }) => name);
      throw new ConfigError(`Unknown command "${first}": ${suggestion(first ?? "", known)}`);
    }
    return await command.run(isCommand ? rest : args, io);
  } catch (error) {
    const isExpected = [ConfigError, ListenError, PasswordFileError, StorageError].some((kind) =>
      error instanceof kind
    );
    if (!(error instanceof Error) || !isExpected) throw error;
    const others = error instanceof ConfigError ? error.others : [];
    for (const message of [error.message, ...others]) printLine(io.stderr, `brooklet: ${printable(message)}`);
    return error instanceof ConfigError ? EXIT_USAGE : EXIT_FAILED;
  }
}
