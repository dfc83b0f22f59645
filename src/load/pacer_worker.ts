import { LoadClock, TICK_MS } from "./load_clock.ts";

/**
 * Wakes the threads of a load at each tick. It sleeps, because timers of the event loop would be late by milliseconds
 * (measured: a timer of 1 ms takes 2.1 ms, this sleep of 0.5 ms 0.57 ms, and the other thread runs 0.02 ms later).
 */

/** Request to the pacer. */
export interface PacerRequest {
  readonly wake: Int32Array<SharedArrayBuffer>;
  /** Epoch milliseconds of the run's start. */
  readonly startMs: number;
}

interface WorkerScope {
  onmessage: (event: MessageEvent<PacerRequest>) => void;
}

const scope = globalThis as unknown as WorkerScope; // This file is only ever run as a worker.

scope.onmessage = ({ data: { wake, startMs } }) => {
  const never = new Int32Array(new SharedArrayBuffer(4));
  const clock = new LoadClock(startMs);
  for (;;) { // Until the worker is terminated.
    const now = clock.elapsedMs();
    Atomics.wait(never, 0, 0, (Math.floor(now / TICK_MS) + 1) * TICK_MS - now);
    for (let thread = 0; thread < wake.length; thread++) {
      Atomics.add(wake, thread, 1);
      Atomics.notify(wake, thread);
    }
  }
};
