import { Queue } from "../protocol/queue.ts";

// Longest wait of others, besides work that is ready itself.
const BUDGET_MS = 8;

/**
 * Time for long work, such as large packets and many retained messages: one budget for all connections of the broker,
 * because the others wait for the sum. When it is spent, what is left waits until the runtime has seen what else has come.
 */
export class TurnBudget {
  /** How often some of it was spent. */
  spendings = 0;
  readonly #budgetMs: number;
  #spentMs = 0;
  readonly #waiting = new Queue<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(budgetMs = BUDGET_MS) {
    this.#budgetMs = budgetMs;
  }

  get isSpent(): boolean {
    return this.#spentMs >= this.#budgetMs;
  }

  spend(ms: number): void {
    this.#spentMs += ms;
    this.spendings += 1;
  }

  /** Calls `run`, which must not throw, in a later turn, behind what waits already. */
  later(run: () => void): void {
    this.#waiting.push(run);
    this.#timer ??= setTimeout(this.#renew, 0);
  }

  /** Resolves in a later turn; by then others may have spent the budget again. */
  renewed(): Promise<void> {
    return new Promise((resolve) => this.later(resolve));
  }

  /** Lets all that waits go on, and leaves no timer. */
  close(): void {
    clearTimeout(this.#timer);
    this.#renew();
  }

  readonly #renew = (): void => {
    this.#spentMs = 0;
    this.#runNext();
  };

  /** One by one, and each behind the microtasks of the one before: these spend too. */
  readonly #runNext = (): void => {
    this.#waiting.shift()?.();
    if (this.#waiting.length === 0) this.#timer = undefined;
    else if (this.isSpent) this.#timer = setTimeout(this.#renew, 0);
    else queueMicrotask(this.#runNext);
  };
}
