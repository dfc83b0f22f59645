/** Something that is due at a time; an object that waits for several times, one after the other, can be one itself. */
export interface Deadline {
  /** Milliseconds of the broker's own time, see `Timeline`. Only {@linkcode Deadlines} sets it. */
  dueMs: number;
  /** Index in the heap, which alone sets it; -1: it does not wait. */
  place: number;
  run(nowMs: number): void;
}

/** Deadlines by time, in a binary heap: a tick costs what is due, however many wait, and what was taken back is gone. */
export class Deadlines {
  readonly #heap: Deadline[] = [];

  get size(): number {
    return this.#heap.length;
  }

  add(dueMs: number, run: (nowMs: number) => void): Deadline {
    const deadline: Deadline = { dueMs, place: -1, run };
    this.set(deadline, dueMs);
    return deadline;
  }

  /** Lets a deadline wait until another time than before, or for the first time. */
  set(deadline: Deadline, dueMs: number): void {
    this.cancel(deadline);
    deadline.dueMs = dueMs;
    this.#heap.push(deadline);
    this.#rise(deadline, this.#heap.length - 1);
  }

  /** Takes a deadline back, if it waits. */
  cancel(deadline: Deadline | undefined): void {
    if (deadline === undefined || deadline.place < 0) return;
    const { place } = deadline;
    deadline.place = -1;
    const last = this.#heap.pop() as Deadline; // At least this one is there.
    if (last === deadline) return;
    if (last.dueMs < deadline.dueMs) this.#rise(last, place);
    else this.#sink(last, place);
  }

  /**
   * Runs what is due, the earliest first, until nothing is or `isEnough` says so, which is asked after each; gives whether
   * something is left. An error of one does not stop the others; it is thrown at the end.
   */
  tick(nowMs: number, isEnough: () => boolean = () => false): boolean {
    const errors: unknown[] = [];
    let top = this.#heap[0];
    for (; top !== undefined && top.dueMs <= nowMs; top = this.#heap[0]) {
      this.cancel(top);
      try {
        top.run(nowMs);
      } catch (error) {
        errors.push(error);
      }
      if (isEnough()) break;
    }
    if (errors.length > 0) throw new AggregateError(errors, "Cannot run all deadlines");
    top = this.#heap[0];
    return top !== undefined && top.dueMs <= nowMs;
  }

  /** Puts it at a place that is free, or above it. */
  #rise(deadline: Deadline, free: number): void {
    const heap = this.#heap;
    let place = free;
    while (place > 0) {
      const parent = place - 1 >> 1;
      const above = heap[parent] as Deadline; // A parent is in the heap.
      if (above.dueMs <= deadline.dueMs) break;
      heap[place] = above;
      above.place = place;
      place = parent;
    }
    heap[place] = deadline;
    deadline.place = place;
  }

  /** Puts it at a place that is free, or below it. */
  #sink(deadline: Deadline, free: number): void {
    const heap = this.#heap;
    let place = free;
    for (;;) {
      let child = place * 2 + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      const least = right !== undefined && right.dueMs < left.dueMs ? right : left;
      if (least === right) child += 1;
      if (deadline.dueMs <= least.dueMs) break;
      heap[place] = least;
      least.place = place;
      place = child;
    }
    heap[place] = deadline;
    deadline.place = place;
  }
}
