/**
 * Measures time without what a busy machine adds to it: for how long threads that were ready waited for a processor, as Linux
 * counts it. On a quiet machine, and elsewhere, it is the time that passes.
 */
export class Stopwatch {
  readonly #threads: Thread[];
  readonly #startedMs = performance.now();

  /** Counts for the thread of the test, and for the event loops of these processes. */
  constructor(...processIds: readonly number[]) {
    this.#threads = ["thread-self", ...processIds].map((path) => {
      const file = `/proc/${path}/schedstat`;
      return { file, startedMs: waitedMs(file) ?? 0, waitedMs: 0 };
    });
  }

  /** Counts for the event loop of a process as well that was started meanwhile. */
  add(processId: number): void {
    this.#threads.push({ file: `/proc/${processId}/schedstat`, startedMs: 0, waitedMs: 0 });
  }

  /** Milliseconds since it was made. A process that has ended counts with what it had waited when it was last looked at. */
  ms(): number {
    const passedMs = performance.now() - this.#startedMs;
    for (const thread of this.#threads) {
      thread.waitedMs = Math.max(thread.waitedMs, (waitedMs(thread.file) ?? 0) - thread.startedMs);
    }
    return passedMs - this.#threads.reduce((sum, thread) => sum + thread.waitedMs, 0);
  }

  /** Milliseconds until a promise resolves, with which a process may end: it is looked at again and again until then. */
  async msUntil(promise: Promise<unknown>): Promise<number> {
    const looking = setInterval(() => this.ms(), LOOK_EVERY_MS);
    try {
      await promise;
    } finally {
      clearInterval(looking);
    }
    return this.ms();
  }
}

const LOOK_EVERY_MS = 10;

interface Thread {
  readonly file: string;
  readonly startedMs: number;
  waitedMs: number;
}

/** Time that a thread has waited since it began, as its `schedstat` has it; `undefined`: it has ended, or is of another system. */
export function waitedMs(file: string): number | undefined {
  try {
    const [, waitedNs] = Deno.readTextFileSync(file).split(" ");
    return Number(waitedNs) / 1e6;
  } catch {
    return undefined;
  }
}
