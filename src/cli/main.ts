import { ConfigError } from "./config_error.ts";
import { ListenError } from "./listening.ts";
import { printable } from "./log.ts";
import { passwd, PasswordFileError } from "./passwd.ts";
import { serve, SERVE_HELP } from "./serve.ts";
import { STORAGE_HELP, storageCommand } from "./storage_command.ts";
import { StorageError } from "./storage_option.ts";

const VERSION = "0.1.0";
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** The command line: gives the exit code. What goes wrong is one line on standard error. */
export async function main(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  const isCommand = first !== undefined && !first.startsWith("-");
  if (first === "passwd") return await orExitCode(() => passwd(rest));
  const options = isCommand ? rest : args;
  if (options.includes("--help") || options.includes("-h")) {
    console.log(first === "storage" ? STORAGE_HELP : SERVE_HELP);
    return 0;
  }
  if (options.includes("--version")) {
    console.log(`brooklet ${VERSION}`);
    return 0;
  }
  return await orExitCode(() => {
    if (first === "storage") return storageCommand(options);
    if (isCommand && first !== "serve") {
      throw new ConfigError(`Unknown command "${first}": there are "serve", "passwd" and "storage"`);
    }
    return serve(options);
  });
}

async function orExitCode(run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    const isExpected = [ConfigError, ListenError, PasswordFileError, StorageError].some((kind) =>
      error instanceof kind
    );
    if (!(error instanceof Error) || !isExpected) throw error;
    console.error(`brooklet: ${printable(error.message)}`);
    return error instanceof ConfigError ? EXIT_USAGE : EXIT_FAILED;
  }
}
