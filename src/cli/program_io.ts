/** Environment of a command: its standard streams, its variables, its signals and the end of its process. */
export interface ProgramIo {
  readonly stdin: ProgramInput;
  readonly stdout: ProgramOutput;
  readonly stderr: ProgramOutput;
  readonly environment: ProgramEnvironment;
  /** Calls the function at each such signal, which then has no other effect. */
  onSignal(signal: Deno.Signal, handle: () => void): void;
  /** Calls the function with each uncaught error, which then does not end the process. */
  onUncaught(handle: (error: UncaughtError) => void): void;
  /** Ends the process at once. */
  exit(code: number): never;
}

/** Standard input. */
export type ProgramInput = Pick<typeof Deno.stdin, "readable" | "read" | "isTerminal">;

/** Standard output or standard error. */
export type ProgramOutput = Pick<typeof Deno.stdout, "writable" | "writeSync" | "isTerminal">;

/** Environment variables. */
export interface ProgramEnvironment {
  get(name: string): string | undefined;
  /** All variables; none if Deno has no --allow-env. */
  toObject(): Readonly<Record<string, string>>;
}

/** Uncaught error, and the way it came to light. */
export interface UncaughtError {
  readonly kind: "uncaught" | "unhandled rejection";
  readonly reason: unknown;
}

const ENCODER = new TextEncoder();

/** Environment of the process itself. */
export function processIo(): ProgramIo {
  return {
    stdin: Deno.stdin,
    stdout: Deno.stdout,
    stderr: Deno.stderr,
    environment: {
      get: (name) => Deno.env.get(name),
      toObject: () => Deno.permissions.querySync({ name: "env" }).state === "granted" ? Deno.env.toObject() : {},
    },
    onSignal: (signal, handle) => Deno.addSignalListener(signal, handle),
    onUncaught,
    exit: (code) => Deno.exit(code),
  };
}

/** Writes all of a text. */
export function writeText(output: Pick<ProgramOutput, "writeSync">, text: string): void {
  let rest = ENCODER.encode(text);
  while (rest.length > 0) rest = rest.subarray(output.writeSync(rest));
}

/** Writes a line; it is lost if the output is not read any more. */
export function printLine(output: ProgramOutput, line: string): void {
  try {
    writeText(output, `${line}\n`);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

function onUncaught(handle: (error: UncaughtError) => void): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    handle({ kind: "unhandled rejection", reason: event.reason });
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    handle({ kind: "uncaught", reason: event.error });
  });
}
