import type { ClientArguments } from "./arguments.ts";
import { integerOf } from "./command_options.ts";
import { messagePrinter, type PrintOptions } from "./message_format.ts";

// Longest timeout of a timer; with a longer one it would fire at once.
const LONGEST_TIMEOUT_SECONDS = 2_147_483;

/** Options for printing messages, and the time limit for them; throws {@linkcode ArgumentError}. */
export function parsePrintOptions(given: ClientArguments): PrintOptions & { readonly timeoutMs: number | undefined } {
  const options = {
    format: given.last("-F"),
    isVerbose: given.has("-v"),
    endsLines: !given.has("-N"),
    isPretty: given.has("--pretty"),
  };
  messagePrinter(options, () => {}); // Checks the format before anything else is done.
  const timeout = given.last("-W");
  const timeoutMs = timeout === undefined
    ? undefined
    : integerOf(timeout, 1, LONGEST_TIMEOUT_SECONDS, `Invalid timeout "${timeout}".`) * 1_000;
  return { ...options, timeoutMs };
}
