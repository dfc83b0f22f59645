import type { RetainedEntry } from "../broker/inspection.ts";

const KEPT_MS = 30_000;
const MOST_ENTRIES = 100_000;
const MOST_BYTES = 33_554_432;
const MOST_DELETIONS = 20;

interface Deletion {
  readonly entries: readonly RetainedEntry[];
  readonly untilMs: number;
  readonly bytes: number;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Retained messages that are being deleted. */
export interface Collecting {
  /** Takes one that was deleted. */
  add(entry: RetainedEntry): void;
  /**
   * Keeps them for 30 seconds; `undefined`: there are none, or more than 100,000 or 32 MiB.
   */
  keep(): { readonly id: string; readonly untilMs: number } | undefined;
}

/**
 * Retained messages that were deleted within the last 30 seconds, so that they can be brought back. They are kept in memory:
 * 32 MiB at most, of which the oldest go first.
 */
export class RetainedUndo {
  readonly #now: () => number;
  readonly #deletions = new Map<string, Deletion>();
  #bytes = 0;

  /** @param now epoch milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Begins to collect what a deletion takes away. */
  collect(): Collecting {
    const entries: RetainedEntry[] = [];
    let [bytes, isTooLarge] = [0, false];
    return {
      add: (entry) => {
        bytes += entry.message.payload.length + 2 * entry.message.topic.length + 300;
        isTooLarge ||= bytes > MOST_BYTES || entries.length >= MOST_ENTRIES;
        if (isTooLarge) entries.length = 0; // To bring back a part of them would be a surprise.
        else entries.push(entry);
      },
      keep: () => entries.length === 0 ? undefined : this.#keep(entries, bytes),
    };
  }

  /** Takes the messages of a deletion, once; `undefined`: they are no longer kept. */
  take(id: string): readonly RetainedEntry[] | undefined {
    const deletion = this.#deletions.get(id);
    this.#forget(id);
    return deletion === undefined || deletion.untilMs <= this.#now() ? undefined : deletion.entries;
  }

  close(): void {
    for (const id of [...this.#deletions.keys()]) this.#forget(id);
  }

  #keep(entries: readonly RetainedEntry[], bytes: number): { readonly id: string; readonly untilMs: number } {
    const id = crypto.randomUUID();
    const untilMs = this.#now() + KEPT_MS;
    const timer = setTimeout(() => this.#forget(id), KEPT_MS);
    this.#deletions.set(id, { entries, untilMs, bytes, timer });
    this.#bytes += bytes;
    for (const oldest of this.#deletions.keys()) {
      if (this.#bytes <= MOST_BYTES && this.#deletions.size <= MOST_DELETIONS) break;
      this.#forget(oldest);
    }
    return { id, untilMs };
  }

  #forget(id: string): void {
    const deletion = this.#deletions.get(id);
    if (deletion === undefined) return;
    clearTimeout(deletion.timer);
    this.#bytes -= deletion.bytes;
    this.#deletions.delete(id);
  }
}
