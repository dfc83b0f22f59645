/** Something that is due at a time. */
export interface Deadline {
  /** Epoch milliseconds. */
  readonly dueMs: number;
  /** `undefined` once it has run or was taken back: whatever it held is free. */
  run: ((nowMs: number) => void) | undefined;
}

/** Deadlines by time, in a binary heap: a tick costs what is due, however many wait. */
export class Deadlines {
  readonly #heap: Deadline[] = [];
  #cancelled = 0;

  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  add(dueMs: number, run: (nowMs: number) => void): Deadline {
    const deadline: Deadline = { dueMs, run };
    const heap = this.#heap;
    heap.push(deadline);
    let index = heap.length - 1;
    while (index > 0) {
      const parent = index - 1 >> 1;
      const above = heap[parent] as Deadline; // A parent is in the heap.
      if (above.dueMs <= dueMs) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = deadline;
    return deadline;
  }

  /** Takes one back; it leaves the heap when its time comes, or with many of its like. */
  cancel(deadline: Deadline | undefined): void {
    if (deadline?.run === undefined) return;
    deadline.run = undefined;
    this.#cancelled += 1;
    if (this.#cancelled > 1024 && this.#cancelled * 2 > this.#heap.length) this.#compact();
  }

  /** Runs all that is due. What one throws does not keep the others from running; it is thrown at the end. */
  tick(nowMs: number): void {
    const errors: unknown[] = [];
    for (let top = this.#heap[0]; top !== undefined && top.dueMs <= nowMs; top = this.#heap[0]) {
      this.#removeTop();
      const { run } = top;
      if (run === undefined) {
        this.#cancelled -= 1;
        continue;
      }
      top.run = undefined; // Cancelling it from now on changes nothing.
      try {
        run(nowMs);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, "Cannot run all deadlines");
  }

  #removeTop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Deadline; // It is called with a heap that has a top.
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      const least = right !== undefined && right.dueMs < left.dueMs ? right : left;
      if (least === right) child += 1;
      if (last.dueMs <= least.dueMs) break;
      heap[index] = least;
      index = child;
    }
    heap[index] = last;
  }

  #compact(): void {
    const kept = this.#heap.filter(({ run }) => run !== undefined).sort((a, b) => a.dueMs - b.dueMs);
    this.#heap.length = 0;
    for (const deadline of kept) this.#heap.push(deadline); // Sorted is a heap.
    this.#cancelled = 0;
  }
}
