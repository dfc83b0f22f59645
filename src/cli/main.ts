import { ConfigError } from "./config_error.ts";
import { ListenError } from "./listening.ts";
import { printable } from "./log.ts";
import { serve, SERVE_HELP } from "./serve.ts";

const VERSION = "0.1.0";
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** The command line: gives the exit code. What goes wrong is one line on standard error. */
export async function main(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  const isCommand = first !== undefined && !first.startsWith("-");
  const options = isCommand ? rest : args;
  if (options.includes("--help") || options.includes("-h")) {
    console.log(SERVE_HELP);
    return 0;
  }
  if (options.includes("--version")) {
    console.log(`brooklet ${VERSION}`);
    return 0;
  }
  try {
    if (isCommand && first !== "serve") throw new ConfigError(`Unknown command "${first}": there is "serve"`);
    return await serve(options);
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof ListenError)) throw error;
    console.error(`brooklet: ${printable(error.message)}`);
    return error instanceof ConfigError ? EXIT_USAGE : EXIT_FAILED;
  }
}
