import { main } from "../../src/cli/main.ts";
import type { ProgramInput, ProgramIo, ProgramOutput } from "../../src/cli/program_io.ts";
import { within } from "../deadline.ts";
import { withoutDashboard } from "./without_dashboard.ts";

const REPOSITORY = new URL("../../", import.meta.url);
// As much as a pipe gives at once.
const PIECE_BYTES = 65_536;

/** Environment variables and standard input of a command. */
export interface TestIoOptions {
  /** Beside the variables of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** All of standard input; without it, it stays open until {@linkcode TestInput.close}. */
  readonly input?: string | Uint8Array<ArrayBuffer>;
}

/** Surroundings of a command that runs in the process of its test. An error that nothing has caught fails the test. */
export class TestIo implements ProgramIo {
  readonly stdin = new TestInput();
  readonly stdout = new TestOutput();
  readonly stderr = new TestOutput();
  readonly environment: ProgramIo["environment"];
  readonly #handlers = new Map<Deno.Signal, (() => void)[]>();
  #isToEnd = false;

  constructor({ env = {}, input }: TestIoOptions = {}) {
    const variables: Readonly<Record<string, string>> = { ...Deno.env.toObject(), ...env };
    this.environment = { get: (name) => variables[name], toObject: () => variables };
    if (input === undefined) return;
    this.stdin.add(typeof input === "string" ? new TextEncoder().encode(input) : input);
    this.stdin.close();
  }

  onSignal(signal: Deno.Signal, handle: () => void): void {
    this.#handlers.set(signal, [...this.#handlers.get(signal) ?? [], handle]);
  }

  onUncaught(): void {}

  exit(code: number): never {
    throw new Error(`The process was to end at once, with code ${code}`);
  }

  /** Sends a signal; gives whether the command listens to it. */
  signal(signal: Deno.Signal): boolean {
    const handlers = this.#handlers.get(signal) ?? [];
    if (signal === "SIGTERM" || signal === "SIGINT") this.#isToEnd = true;
    for (const handle of handlers) handle();
    return handlers.length > 0;
  }

  /** Asks the command to end, unless it was asked already: a second signal would end the process at once. */
  end(): void {
    this.stdin.close();
    if (!this.#isToEnd) this.signal("SIGTERM");
  }

  /** Runs the command line to its end, and closes its standard streams. */
  async run(args: readonly string[]): Promise<number> {
    try {
      return await main(withoutDashboard(args), this);
    } finally {
      this.#handlers.clear();
      for (const stream of [this.stdin, this.stdout, this.stderr]) stream.close();
    }
  }
}

/** How a command ended, with all it printed. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process. */
export async function brooklet(args: readonly string[], options: TestIoOptions = {}): Promise<Outcome> {
  const io = new TestIo({ input: "", ...options });
  const [code, stdout, stderr] = await Promise.all([io.run(args), io.stdout.text(), io.stderr.text()]);
  return { code, stdout, stderr };
}

/** Runs the command line in a process of its own, as users do. */
export async function brookletProcess(
  args: readonly string[],
  { env = {}, input = "" }: TestIoOptions = {},
): Promise<Outcome> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "mod.ts", ...withoutDashboard(args)],
    cwd: REPOSITORY,
    env: { NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const fed = new Blob([input]).stream().pipeTo(child.stdin).catch(() => {}); // It need not read it.
  const { code, stdout, stderr } = await within(child.output(), "the program to end");
  await fed;
  return { code, stdout: textOf(stdout), stderr: textOf(stderr) };
}

/** U+FEFF stays. */
function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** A stream of bytes whose other end is code. */
class TestStream {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;

  constructor() {
    this.readable = new ReadableStream({ start: (controller) => void (this.#controller = controller) });
  }

  add(bytes: Uint8Array): void {
    const copy = Uint8Array.from(bytes); // Its owner may use it again.
    for (let start = 0; start < copy.length; start += PIECE_BYTES) {
      this.#controller?.enqueue(copy.subarray(start, start + PIECE_BYTES));
    }
  }

  /** Safe to call again. */
  close(): void {
    this.#controller?.close();
    this.#controller = undefined;
  }
}

class TestInput extends TestStream implements ProgramInput {
  #rest: Uint8Array = new Uint8Array();

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0) {
      const reader = this.readable.getReader();
      const { value } = await reader.read();
      reader.releaseLock();
      if (value === undefined) return null;
      this.#rest = value;
    }
    const taken = this.#rest.subarray(0, buffer.length);
    buffer.set(taken);
    this.#rest = this.#rest.subarray(taken.length);
    return taken.length;
  }

  isTerminal(): boolean {
    return false;
  }
}

class TestOutput extends TestStream implements ProgramOutput {
  readonly writable = new WritableStream<Uint8Array<ArrayBufferLike>>({ write: (bytes) => this.add(bytes) });

  writeSync(bytes: Uint8Array): number {
    this.add(bytes);
    return bytes.length;
  }

  isTerminal(): boolean {
    return false;
  }

  /** All that was written, when it is closed. */
  async text(): Promise<string> {
    return textOf(await this.bytes());
  }

  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return new Response(this.readable).bytes();
  }
}
