import { concatenated } from "../../transport/concatenated.ts";
import type { ProgramInput } from "../program_io.ts";
import { ArgumentError, type ClientArguments } from "./arguments.ts";
import { ClientFailure, ExitCode } from "./failure.ts";
import type { OptionName } from "./options.ts";

/** Source of the payloads: one that is known from the beginning, or lines as they are written. */
export type PayloadSource =
  | { readonly kind: "one"; readonly payload: Uint8Array }
  | { readonly kind: "lines" };

const KINDS = ["message", "file", "stdin-line", "stdin-file", "null-message"] as const satisfies readonly OptionName[];
const MOST_BYTES = 268_435_455; // Limit of a packet (MQTT 5, section 2.1.4).
const LINE_FEED = 0x0a;

/** Reads the payload; throws {@linkcode ArgumentError}, and {@linkcode ClientFailure} if it cannot be read. */
export async function payloadSource(
  given: ClientArguments,
  stdin: ProgramInput,
): Promise<PayloadSource | undefined> {
  const kinds = KINDS.flatMap((name) => Array.from({ length: given.count(name) }, () => name));
  if (kinds.length > 1) throw new ArgumentError("Only one type of message can be sent at once.");
  switch (kinds[0]) {
    case "stdin-line":
      return { kind: "lines" };
    case "message":
      return { kind: "one", payload: new TextEncoder().encode(given.last("message") ?? "") };
    case "null-message":
      return { kind: "one", payload: new Uint8Array() };
    case "file":
      return { kind: "one", payload: await readFile(given.last("file") ?? "") };
    case "stdin-file":
      return { kind: "one", payload: await readInput(stdin) };
    default:
      return undefined;
  }
}

/** Lines of standard input as bytes, without their line feeds; includes a last line without one. */
export async function* inputLines(stdin: ProgramInput): AsyncGenerator<Uint8Array> {
  let begun: Uint8Array[] = [];
  let begunBytes = 0;
  for await (const chunk of stdin.readable) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      const rest = chunk.subarray(start, end);
      yield begunBytes === 0 ? rest : concatenated([...begun, rest]);
      begun = [];
      begunBytes = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    begun.push(chunk.subarray(start));
    begunBytes += chunk.length - start;
    checkSize(begunBytes, "Message length");
  }
  if (begunBytes > 0) yield concatenated(begun);
}

async function readFile(path: string): Promise<Uint8Array> {
  const complain = (why: string) => new ClientFailure(`${why}\nError loading input file "${path}".`, ExitCode.Failed);
  let file;
  try {
    file = await Deno.open(path);
  } catch {
    throw complain(`Error: Unable to open file "${path}".`);
  }
  try {
    return await allOf(file.readable);
  } catch (error) {
    throw complain(error instanceof ClientFailure ? error.message : `Error: Unable to read file "${path}".`);
  }
}

async function readInput(stdin: ProgramInput): Promise<Uint8Array> {
  const payload = await allOf(stdin.readable);
  if (payload.length > 0) return payload;
  throw new ClientFailure("Error: Zero length input.\nError loading input from stdin.", ExitCode.Failed);
}

async function allOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    checkSize(bytes, "Message length");
    chunks.push(chunk);
  }
  return concatenated(chunks);
}

function checkSize(bytes: number, what: string): void {
  if (bytes <= MOST_BYTES) return;
  throw new ClientFailure(`Error: ${what} must be less than ${MOST_BYTES} bytes.`, ExitCode.Failed);
}
