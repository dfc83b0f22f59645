import { close as closeInspector, url as inspectorUrl } from "node:inspector";
import type { LogLine } from "../log/log.ts";
import type { ProgramIo } from "../program_io.ts";
import { othersTurn } from "./others_turn.ts";

/** Signals of the system: to end the program, to control it, and to ignore although they would end it. */

const EXIT_INTERRUPTED = 1;
// `deno task` passes on SIGINT, which the terminal has already sent to its whole process group.
const SAME_KEY_PRESS_MS = 500;
const DEBUGGER_WITHIN_MS = 500;
const SAVED = "all that was acknowledged is in the storage already";
/** Signals that would end the program by default. Real-time signals (SIGRTMIN) cannot be caught (Deno 2.9.6). */
const IGNORED: readonly Deno.Signal[] = ["SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO"];
const SIGUSR1_BIT = 1n << 9n; // It has the number 10 on Linux.

/**
 * Signals that end the program. On Windows SIGHUP is among them: it says that the console window was closed, some seconds
 * before the system ends the program.
 */
export function endingSignals(os: typeof Deno.build.os = Deno.build.os): readonly Deno.Signal[] {
  return os === "windows" ? ["SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP"] : ["SIGINT", "SIGTERM"];
}

/** Waits for a signal to end the program; the next one, unless it is of the same key press, ends it at once. */
export class Termination implements Disposable {
  /** First such signal. */
  readonly signal: Promise<Deno.Signal>;
  #phase: "running" | "keyDown" | "ending" = "running";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(io: ProgramIo) {
    const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
    for (const signal of endingSignals()) {
      io.onSignal(signal, () => {
        if (this.#phase === "ending") io.exit(EXIT_INTERRUPTED);
        if (this.#phase === "running") this.#holdKey();
        resolve(signal);
      });
    }
    this.signal = promise;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #holdKey(): void {
    this.#phase = "keyDown";
    // Delayed, so that a signal that arrived while the program was busy is handled before the phase changes.
    const release = () => this.#timer = setTimeout(() => this.#phase = "ending", 0);
    this.#timer = setTimeout(release, SAME_KEY_PRESS_MS);
  }
}

/** Handles SIGHUP; on Windows it is one of {@linkcode endingSignals}, and no other signal can be sent. */
export function onReload(reload: () => void, io: ProgramIo): void {
  if (Deno.build.os !== "windows") io.onSignal("SIGHUP", reload);
}

/** Logs signals that have no meaning here, and undoes the runtime's reaction to SIGUSR1. */
export function ignoreOtherSignals(log: LogLine, io: ProgramIo): void {
  if (Deno.build.os === "windows") return;
  for (const signal of IGNORED) {
    io.onSignal(signal, () => log(`${signal}: ignored, it has no meaning here`));
  }
  const isDebugged = maySeeDebugger() && inspectorUrl() !== undefined; // Started by --inspect: it is wanted.
  io.onSignal("SIGUSR1", () => {
    log(`SIGUSR1: nothing is saved, ${SAVED}`);
    if (!isDebugged) closeDebugger(log); // Never rejects.
  });
}

/** Warning for users who know this signal from mosquitto; `undefined`: it is blocked. */
export function saveSignalWarning(): string | undefined {
  if (blockedSignals() & SIGUSR1_BIT) return undefined;
  return `SIGUSR1, at which mosquitto saves, opens a debugger of Deno on 127.0.0.1:9229; ${SAVED}. ` +
    "docs/deploy.md says how to block it";
}

/** Blocked signals according to Linux, if Deno may read them. */
function blockedSignals(): bigint {
  const path = "/proc/self/status";
  try {
    // Without the permission Deno would prompt at a terminal.
    if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return 0n;
    return BigInt(`0x${/^SigBlk:\s+([\da-f]+)$/m.exec(Deno.readTextFileSync(path))?.[1] ?? "0"}`);
  } catch {
    return 0n; // Another system.
  }
}

/** Closes the debugger that the runtime always opens at SIGUSR1, for all who can reach its port (Deno 2.9.6). */
async function closeDebugger(log: LogLine): Promise<void> {
  if (!maySeeDebugger()) {
    log(
      "SIGUSR1: Deno opens a debugger on 127.0.0.1:9229, which only --allow-sys lets the broker close: who can reach the " +
        "port can do everything that the broker can. Start it again, with the signal blocked as docs/deploy.md says",
      "error",
    );
    return;
  }
  const untilMs = performance.now() + DEBUGGER_WITHIN_MS;
  while (performance.now() < untilMs) {
    if (inspectorUrl() !== undefined) {
      closeInspector();
      log("SIGUSR1: the debugger that Deno has opened is closed", "warning");
      return;
    }
    await othersTurn();
  }
}

/** Whether Deno has the whole permission; a part is not enough. Without it the runtime would prompt at a terminal. */
function maySeeDebugger(): boolean {
  return Deno.permissions.querySync({ name: "sys" }).state === "granted";
}
