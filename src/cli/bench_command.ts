import { parseBenchOptions } from "./bench_options.ts";
import { benchTable, thousands } from "./bench_table.ts";
import { LoadError } from "../load/load_connection.ts";
import { type OnProgress, runBench } from "../load/run_bench.ts";
import { printable } from "./log/log.ts";
import { printLine, type ProgramIo, type ProgramOutput, writeText } from "./program_io.ts";

const EXIT_FAILED = 1;
const CLEAR_LINE = "\r\x1b[2K";

/** Runs `bench`; gives the exit code. The result goes to standard output. Throws {@linkcode ConfigError}. */
export async function bench(args: readonly string[], { stdout, stderr }: ProgramIo): Promise<number> {
  const options = parseBenchOptions(args);
  const isTerminal = stderr.isTerminal();
  try {
    const result = await runBench(options, isTerminal ? showProgress(stderr) : () => {});
    if (isTerminal) writeText(stderr, CLEAR_LINE);
    if (!options.isJson) {
      printLine(stdout, benchTable(result));
    } else {
      printLine(stdout, JSON.stringify(result));
      for (const warning of result.warnings) printLine(stderr, `Warning: ${warning}`);
    }
    return result.ok ? 0 : EXIT_FAILED;
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    if (isTerminal) writeText(stderr, CLEAR_LINE);
    printLine(stderr, `brooklet: ${printable(error.message)}`);
    return EXIT_FAILED;
  }
}

/** Shows progress in one line that is rewritten each second. */
function showProgress(stderr: ProgramOutput): OnProgress {
  let before = { sent: 0, delivered: 0 };
  let seconds = 0;
  return (sent, delivered) => {
    seconds += 1;
    const rates = `${thousands(sent - before.sent)} sent, ${
      thousands(delivered - before.delivered)
    } delivered a second`;
    before = { sent, delivered };
    writeText(stderr, `${CLEAR_LINE}${seconds} s: ${rates}`);
  };
}
