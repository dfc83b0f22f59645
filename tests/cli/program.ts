import { within } from "../deadline.ts";
import { Lines } from "../interop/lines.ts";
import { withoutDashboard } from "./without_dashboard.ts";

const REPOSITORY = new URL("../../", import.meta.url);
const START_WITHIN_MS = 15_000;

/** How to run the program. */
export interface ProgramOptions {
  /** Program to run instead of the command line, relative to the repository. */
  readonly script?: string;
  /** For Deno. @default {["-A"]} */
  readonly permissions?: readonly string[];
  /** Descriptors that it may have open. */
  readonly mostDescriptors?: number;
  /** Beside what this process has. */
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs it, with its first arguments, such as a tracer; it becomes the program or passes signals on. */
  readonly under?: readonly string[];
}

/** How a program ended, with all it printed. */
export interface Ending {
  readonly code: number;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

/** The command line program, with both its outputs. */
export abstract class RunningProgram implements AsyncDisposable {
  abstract readonly stdout: Lines;
  abstract readonly stderr: Lines;

  /** Waits until one listens that was just started. */
  static async started<Started extends RunningProgram>(program: Started): Promise<Started> {
    try {
      await program.listeners();
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
    return program;
  }

  /** Where it says that it listens. */
  async listeners(count = 1): Promise<{ readonly hostname: string; readonly port: number }[]> {
    const lines = await this.stderr.matching(/^.*listening on mqtt:\/\//, count, START_WITHIN_MS);
    return lines.map((line) => {
      const [, hostname = "", port = ""] = /^\[?([\w.:*]*?)\]?:(\d+)(?!\S)/.exec(line) ?? [];
      return { hostname, port: Number(port) };
    });
  }

  /** Of the first listener. */
  async port(): Promise<number> {
    const [first] = await this.listeners();
    return first?.port ?? 0;
  }

  abstract kill(signal: Deno.Signal): void;

  /** Says a line to it. */
  abstract tell(line: string): Promise<void>;

  /** Waits for its end. */
  abstract ended(deadlineMs?: number): Promise<Ending>;

  abstract [Symbol.asyncDispose](): Promise<void>;
}

/** The command line program as its users start it. */
export class Program extends RunningProgram {
  readonly pid: number;
  readonly stdout: Lines;
  readonly stderr: Lines;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;

  constructor(args: readonly string[], options: ProgramOptions = {}) {
    super();
    const { script = "mod.ts", permissions = ["-A"], mostDescriptors, env, under = [] } = options;
    const isMain = script.endsWith("mod.ts");
    const command = [
      ...under,
      Deno.execPath(),
      "run",
      ...permissions,
      script,
      ...isMain ? withoutDashboard(args) : args,
    ];
    const [program = "", ...rest] = mostDescriptors === undefined
      ? command
      : ["bash", "-c", `ulimit -n ${mostDescriptors}; exec "$@"`, "bash", ...command];
    this.#child = new Deno.Command(program, {
      args: rest,
      cwd: REPOSITORY,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1", ...env },
    }).spawn();
    this.pid = this.#child.pid;
    this.#input = this.#child.stdin.getWriter();
    this.#input.closed.catch(() => {}); // It ends with the program.
    this.stdout = new Lines(this.#child.stdout);
    this.stderr = new Lines(this.#child.stderr);
  }

  /** Starts one and waits until it listens. */
  static async listening(args: readonly string[] = LOOPBACK, options: ProgramOptions = {}): Promise<Program> {
    return await RunningProgram.started(new Program(args, options));
  }

  override kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Resident memory in bytes, as the system counts it. */
  async residentBytes(): Promise<number> {
    const status = await Deno.readTextFile(`/proc/${this.pid}/status`);
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
  }

  override async tell(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  override async ended(deadlineMs = START_WITHIN_MS): Promise<Ending> {
    const { code } = await within(this.#child.status, "the program to end", deadlineMs);
    await Promise.all([this.stdout.ended, this.stderr.ended]);
    return { code, stdout: this.stdout.received, stderr: this.stderr.received };
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.ended();
    await this.#input.abort().catch(() => {}); // It may be broken already.
  }
}

/** Arguments that listen on one free port. */
export const LOOPBACK = ["serve", "--listen", "mqtt://127.0.0.1:0"] as const;
