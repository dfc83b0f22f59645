import { within } from "../deadline.ts";
import { Lines } from "../interop/lines.ts";
import { type Ending, LOOPBACK, RunningProgram } from "./program.ts";
import { TestIo, type TestIoOptions } from "./test_io.ts";

/** The command line program in the process of its test, which is faster than a {@linkcode Program} of its own. */
export class ProgramInProcess extends RunningProgram {
  readonly stdout: Lines;
  readonly stderr: Lines;
  protected readonly io: TestIo;
  readonly #code: Promise<number>;

  constructor(args: readonly string[], options: TestIoOptions = {}) {
    super();
    this.io = new TestIo(options);
    this.stdout = new Lines(this.io.stdout.readable);
    this.stderr = new Lines(this.io.stderr.readable);
    this.#code = this.io.run(args);
    this.#code.catch(() => {}); // It fails who waits for its end.
  }

  /** Starts one and waits until it listens. */
  static async listening(args: readonly string[] = LOOPBACK, options?: TestIoOptions): Promise<ProgramInProcess> {
    return await RunningProgram.started(new ProgramInProcess(args, options));
  }

  override kill(signal: Deno.Signal): void {
    if (!this.io.signal(signal)) throw new Error(`${signal} would end the process of the test`);
  }

  override tell(line: string): Promise<void> {
    this.io.stdin.add(new TextEncoder().encode(`${line}\n`));
    return Promise.resolve();
  }

  override async ended(deadlineMs?: number): Promise<Ending> {
    const code = await within(this.#code, "the command to end", deadlineMs);
    await Promise.all([this.stdout.ended, this.stderr.ended]);
    return { code, stdout: this.stdout.received, stderr: this.stderr.received };
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.io.end();
    await this.ended();
  }
}
