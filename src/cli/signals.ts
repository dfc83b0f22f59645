/** Signals of the system: those that end the program, those that are for it, and those that would end it for nothing. */

import { close as closeInspector, url as inspectorUrl } from "node:inspector";
import type { LogLine } from "./log.ts";
import { othersTurn } from "./others_turn.ts";
import type { ProgramIo } from "./program_io.ts";

const EXIT_INTERRUPTED = 1;
// `deno task` hands on SIGINT, which the terminal has sent to its whole group already.
const SAME_KEY_PRESS_MS = 500;
const DEBUGGER_WITHIN_MS = 500;
const SAVED = "all that was acknowledged is in the storage already";
/** By themselves they would end the program. Those of real time (SIGRTMIN) cannot be caught (Deno 2.9.6). */
const IGNORED: readonly Deno.Signal[] = ["SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO"];
const SIGUSR1_BIT = 1n << 9n; // It has the number 10 on Linux.

/** Waits for a signal that asks the program to end; the next one, unless it comes from the same key, ends it at once. */
export class Termination implements Disposable {
  /** The first such signal. */
  readonly signal: Promise<Deno.Signal>;
  #phase: "running" | "keyDown" | "ending" = "running";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(io: ProgramIo) {
    const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
    const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT", "SIGBREAK"] : ["SIGINT", "SIGTERM"];
    for (const signal of signals) {
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
    // One that has come meanwhile, while the program was busy, is taken before the phase is another.
    const release = () => this.#timer = setTimeout(() => this.#phase = "ending", 0);
    this.#timer = setTimeout(release, SAME_KEY_PRESS_MS);
  }
}

/** Windows has no such signal. */
export function onReload(reload: () => void, io: ProgramIo): void {
  if (Deno.build.os !== "windows") io.onSignal("SIGHUP", reload);
}

/** Tells of signals that mean nothing here, and takes back what the runtime does at SIGUSR1. */
export function ignoreOtherSignals(log: LogLine, io: ProgramIo): void {
  if (Deno.build.os === "windows") return;
  for (const signal of IGNORED) {
    io.onSignal(signal, () => log(`${signal}: ignored, it has no meaning here`));
  }
  const isDebugged = maySeeDebugger() && inspectorUrl() !== undefined; // By --inspect: it is wanted.
  io.onSignal("SIGUSR1", () => {
    log(`SIGUSR1: nothing is saved, ${SAVED}`);
    if (!isDebugged) closeDebugger(log); // Never rejects.
  });
}

/** A warning for those who know this signal from mosquitto; `undefined`: it is blocked. */
export function saveSignalWarning(): string | undefined {
  if (blockedSignals() & SIGUSR1_BIT) return undefined;
  return `SIGUSR1, at which mosquitto saves, opens a debugger of Deno on 127.0.0.1:9229; ${SAVED}. ` +
    "docs/deploy.md says how to block it";
}

/** As Linux tells it, where Deno may read it. */
function blockedSignals(): bigint {
  const path = "/proc/self/status";
  try {
    // Without a permission it would ask somebody at a terminal.
    if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return 0n;
    return BigInt(`0x${/^SigBlk:\s+([\da-f]+)$/m.exec(Deno.readTextFileSync(path))?.[1] ?? "0"}`);
  } catch {
    return 0n; // Another system.
  }
}

/** At SIGUSR1 the runtime opens a debugger, for all who can reach the port; it cannot be kept from it (Deno 2.9.6). */
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

/** No part of this permission is enough. Without it the runtime would ask somebody at a terminal. */
function maySeeDebugger(): boolean {
  return Deno.permissions.querySync({ name: "sys" }).state === "granted";
}
