import { BENCH_HELP } from "./bench_help.ts";
import { PUBLISH, REQUEST, SUBSCRIBE } from "./client/options.ts";
import { type Command, command, type Option } from "./command.ts";
import { completionsCommand } from "./completions.ts";
import { ConfigError } from "./config_error.ts";
import { printable } from "./log/log.ts";
import { suggestion } from "./nearest.ts";
import { PASSWD, PasswordFileError } from "./passwd.ts";
import { printLine, type ProgramIo } from "./program_io.ts";
import { ListenError } from "./serve/listening.ts";
import { SERVE } from "./serve/serve.ts";
import { STORAGE } from "./storage.ts";
import { StorageError } from "./storage_option.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const CONVERT = command({
  name: "convert",
  usage: ["convert FILE"],
  text: "Prints a configuration of mosquitto as YAML with the same meaning. Comments say what differs from mosquitto.",
  options: {},
  run: async ({ operands }, io) => (await import("./convert.ts")).convert(operands, io),
});
/** All commands. Those of clients and of load are loaded when they run, so that the broker starts without them. */
export const COMMANDS: readonly Command[] = [
  SERVE,
  PASSWD,
  STORAGE,
  CONVERT,
  { ...PUBLISH, run: async (args, io) => (await import("./client/publish.ts")).publish(args, io) },
  { ...SUBSCRIBE, run: async (args, io) => (await import("./client/subscribe.ts")).subscribe(args, io) },
  { ...REQUEST, run: async (args, io) => (await import("./client/request.ts")).request(args, io) },
  described("bench", BENCH_HELP, async (args, io) => (await import("./bench_command.ts")).bench(args, io)),
  completionsCommand(() => COMMANDS),
];

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

/** Command whose options are found in its help text. */
function described(name: string, help: string, run: Command["run"]): Command {
  const options: Record<string, Option> = {};
  const matches = help.matchAll(
    /(?<![\w-])(?:(-\w), )?(--[a-z][a-z-]*|(?<=^\s+)-\w(?=[ ,]))(?: (FILE|PATH|DIRECTORY)\b)?/gm,
  );
  for (const [, letter, flag = "", value] of matches) {
    options[flag.replace(/^--?/, "")] = {
      text: "",
      ...letter !== undefined && { letter: letter.slice(1) },
      ...value !== undefined && { value },
    };
  }
  const listed = help.match(/(?<=^ {2})[a-z][a-z-]+(?= {2,})/gm) ?? [];
  return {
    name,
    usage: [],
    text: "",
    options,
    operands: Object.fromEntries(listed.map((word) => [word, ""])),
    run(args, io) {
      if (!args.includes("--help") && !args.includes("-h")) return run(args, io);
      printLine(io.stdout, help);
      return 0;
    },
  };
}
