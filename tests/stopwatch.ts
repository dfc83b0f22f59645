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
      return { file, startedMs: waitedMs(file) ?? 0 };
    });
  }

  /** Counts for the event loop of a process as well that was started meanwhile. */
  add(processId: number): void {
    this.#threads.push({ file: `/proc/${processId}/schedstat`, startedMs: 0 });
  }

  /** Milliseconds since it was made. A process that has ended meanwhile counts as one that never waited. */
  ms(): number {
    const waited = this.#threads.map(({ file, startedMs }) => Math.max(0, (waitedMs(file) ?? 0) - startedMs));
    return performance.now() - this.#startedMs - waited.reduce((sum, ms) => sum + ms, 0);
  }
}

interface Thread {
  readonly file: string;
  readonly startedMs: number;
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
