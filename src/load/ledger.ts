import type { SharedCounters } from "./load_plan.ts";

/** Sender that continues when deliveries have arrived. */
export interface Waiting {
  pump(): void;
}

/** Tells publishers in any thread which of their messages have arrived: once per turn. */
export class Ledger {
  readonly #shared: SharedCounters;
  /** Publishers of this thread, by their index. */
  readonly #publishers: (Waiting | undefined)[];
  /** Deliveries of this turn, by publisher. */
  readonly #fresh: Int32Array;
  readonly #touched: number[] = [];
  #isOver = false;

  constructor(shared: SharedCounters, publishers: (Waiting | undefined)[]) {
    this.#shared = shared;
    this.#publishers = publishers;
    this.#fresh = new Int32Array(shared.delivered.length);
  }

  get publisherCount(): number {
    return this.#fresh.length;
  }

  /** Counts a delivery of the publisher, whose index is below the count. */
  deliver(publisher: number): void {
    const before = this.#fresh[publisher] as number;
    this.#fresh[publisher] = before + 1;
    if (before === 0) this.#touched.push(publisher);
  }

  /** Publishes the deliveries of a turn to all threads. */
  settle(): void {
    const { delivered, threads } = this.#shared;
    for (const publisher of this.#touched) {
      Atomics.add(delivered, publisher, this.#fresh[publisher] as number); // Its deliveries were counted.
      this.#fresh[publisher] = 0;
      const local = this.#publishers[publisher];
      if (local !== undefined) local.pump();
      else this.#wake(publisher % threads);
    }
    this.#touched.length = 0;
  }

  /** Lets publishers send whenever another thread wakes this one, until `close`. Never rejects. */
  async listen(): Promise<void> {
    const { wake, thread } = this.#shared;
    while (!this.#isOver) {
      const before = Atomics.load(wake, thread);
      for (const publisher of this.#publishers) publisher?.pump();
      const waiting = Atomics.waitAsync(wake, thread, before);
      if (waiting.async) await waiting.value;
    }
  }

  close(): void {
    this.#isOver = true;
    this.#wake(this.#shared.thread);
  }

  #wake(thread: number): void {
    Atomics.add(this.#shared.wake, thread, 1);
    Atomics.notify(this.#shared.wake, thread);
  }
}
