import { VERSION } from "../broker/sys_topics.ts";
import { BENCH_HELP } from "./bench_help.ts";
import { PUBLISH_HELP, REQUEST_HELP, SUBSCRIBE_HELP } from "./client/help.ts";
import { completions, COMPLETIONS_HELP } from "./completions.ts";
import { ConfigError } from "./config_error.ts";
import { CONVERT_HELP } from "./convert_help.ts";
import { ListenError } from "./serve/listening.ts";
import { printable } from "./log/log.ts";
import { passwd, PASSWD_HELP, PasswordFileError } from "./passwd.ts";
import { printLine, type ProgramIo } from "./program_io.ts";
import { serve } from "./serve/serve.ts";
import { SERVE_HELP } from "./serve/serve_options.ts";
import { STORAGE_HELP, storageCommand } from "./storage_command.ts";
import { StorageError } from "./storage_option.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

interface Command {
  readonly name: string;
  readonly help: string;
  run(args: readonly string[], io: ProgramIo): number | Promise<number>;
}

const SERVE: Command = { name: "serve", help: SERVE_HELP, run: serve };
// Client commands are loaded when one runs, so that the broker starts without them.
const COMMANDS: readonly Command[] = [
  SERVE,
  { name: "passwd", help: PASSWD_HELP, run: passwd },
  { name: "storage", help: STORAGE_HELP, run: storageCommand },
  { name: "convert", help: CONVERT_HELP, run: async (args, io) => (await import("./convert.ts")).convert(args, io) },
  {
    name: "pub",
    help: PUBLISH_HELP,
    run: async (args, io) => (await import("./client/publish_command.ts")).publish(args, io),
  },
  {
    name: "sub",
    help: SUBSCRIBE_HELP,
    run: async (args, io) => (await import("./client/subscribe_command.ts")).subscribe(args, io),
  },
  {
    name: "request",
    help: REQUEST_HELP,
    run: async (args, io) => (await import("./client/request_command.ts")).request(args, io),
  },
  { name: "bench", help: BENCH_HELP, run: async (args, io) => (await import("./bench_command.ts")).bench(args, io) },
  { name: "completions", help: COMPLETIONS_HELP, run: (args, io) => completions(args, COMMANDS, io) },
];
// Commands whose options may be followed by any word, and for which `-h` is a host: they handle `--help` themselves.
const READING_HELP: readonly string[] = ["passwd", "pub", "sub", "request"];

/** Runs the command line and gives the exit code. Errors go to standard error, one per line. */
export async function main(args: readonly string[], io: ProgramIo): Promise<number> {
  const [first, ...rest] = args;
  const isCommand = first !== undefined && !first.startsWith("-");
  const command = isCommand ? COMMANDS.find(({ name }) => name === first) : SERVE;
  const options = isCommand ? rest : args;
  try {
    if (command === undefined) throw new ConfigError(`Unknown command "${first}": there are ${namesOf(COMMANDS)}`);
    if (!READING_HELP.includes(command.name) && (options.includes("--help") || options.includes("-h"))) {
      printLine(io.stdout, command.help);
      return 0;
    }
    if (command === SERVE && options.includes("--version")) {
      printLine(io.stdout, `brooklet ${VERSION}`);
      return 0;
    }
    return await command.run(options, io);
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

function namesOf(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => `"${name}"`);
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
