/** Prints or writes the packets of a broker while they come. */

import type { Entry } from "../admin/dissect/conversation.ts";
import type { TracePage, TraceTarget } from "../admin/trace/trace_records.ts";
import { ConfigError } from "./config_error.ts";
import { type ProgramIo, type ProgramOutput, writeText } from "./program_io.ts";
import { type ApiAccess, TraceApi } from "./trace_api.ts";
import { traceLine, treeLines } from "./trace_lines.ts";

/** Options of a live trace. */
export interface LiveTrace {
  readonly access: ApiAccess;
  readonly target: TraceTarget;
  readonly isWide: boolean;
  /** Whether the fields of each packet are printed. */
  readonly hasTrees: boolean;
  /** File for a capture; `-`: standard output, which then has no lines. */
  readonly captureFile: string | undefined;
  /** Whether the capture has WebSocket as it was on the wire. */
  readonly isWire: boolean;
}

const STANDARD_OUTPUT = "-";
/** Captures have payloads. */
const CAPTURE_MODE = 0o600;
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Traces until a signal, the end of the trace, or a closed output. Throws {@linkcode ConfigError}. */
export async function traceLive(options: LiveTrace, io: ProgramIo): Promise<number> {
  const stop = new AbortController();
  for (const signal of SIGNALS) {
    io.onSignal(signal, () => stop.signal.aborted ? io.exit(1) : stop.abort());
  }
  using api = await TraceApi.signIn(options.access, io.environment);
  const { target, isWide, captureFile } = options;
  using file = captureFile === undefined || captureFile === STANDARD_OUTPUT ? undefined : openCapture(captureFile);
  const { id, name } = await api.start({ ...target, isWide });
  const output = captureFile === STANDARD_OUTPUT ? io.stdout : file;
  writeText(io.stderr, `Tracing ${name}; Ctrl+C ends it.\n`);
  try {
    await follow(api.pages(id, stop.signal), output, options, io);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error; // Such as Wireshark that was closed.
  }
  await api.end(id);
  return 0;
}

async function follow(
  pages: AsyncIterable<TracePage>,
  output: Pick<ProgramOutput, "writeSync"> | undefined,
  { captureFile, hasTrees, isWire }: LiveTrace,
  io: ProgramIo,
): Promise<void> {
  const { TraceCapture } = await import("../admin/trace/trace_capture.ts");
  const lines = captureFile === STANDARD_OUTPUT ? undefined : await LiveLines.open(io.stdout, hasTrees);
  const capture = new TraceCapture({ isWire });
  if (output !== undefined) writeBytes(output, capture.begin());
  for await (const page of pages) {
    if (page.missed > 0) writeText(io.stderr, `${page.missed} records were missed: they came too fast.\n`);
    if (output !== undefined) writeBytes(output, capture.add(page));
    await lines?.print(page);
  }
}

function openCapture(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, create: true, truncate: true, mode: CAPTURE_MODE });
  } catch (error) {
    throw new ConfigError(`Cannot write "${path}": ${error instanceof Error ? error.message : error}`);
  }
}

function writeBytes(output: Pick<ProgramOutput, "writeSync">, bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(output.writeSync(rest));
}

/** Prints packets and notes, one line each. */
class LiveLines {
  /** Numbers of packets that others may answer. */
  readonly #numbers = new WeakMap<Entry, number>();
  #startedAtMs: number | undefined;

  private constructor(
    readonly reader: InstanceType<typeof import("../admin/trace/trace_reader.ts").TraceReader>,
    readonly output: ProgramOutput,
    readonly hasTrees: boolean,
  ) {}

  static async open(output: ProgramOutput, hasTrees: boolean): Promise<LiveLines> {
    const { TraceReader } = await import("../admin/trace/trace_reader.ts");
    return new LiveLines(new TraceReader(), output, hasTrees);
  }

  async print(page: TracePage): Promise<void> {
    for (const { record, connection, entry, note } of this.reader.add(page)) {
      const { number, timeMs, isSent, lostBefore } = record;
      this.#startedAtMs ??= timeMs;
      if (entry !== undefined) this.#numbers.set(entry, number);
      if (lostBefore > 0) writeText(this.output, `      ${lostBefore} packets were too many to record\n`);
      const item = {
        number,
        seconds: (timeMs - this.#startedAtMs) / 1_000,
        client: entry === undefined || connection.clientId === "" ? connection.address : connection.clientId,
        isSent,
        isWebSocket: connection.upgrade !== undefined,
        entry,
        note,
      };
      writeText(this.output, `${traceLine(item, (answered) => this.#numbers.get(answered))}\n`);
      if (!this.hasTrees || entry === undefined) continue;
      for await (const line of treeLines(entry)) writeText(this.output, `${line}\n`);
    }
  }
}
