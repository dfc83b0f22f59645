// Names that are sorted or merged before others have their turn: half a millisecond each. (Deno 2.9, 2026-11-30)
const SORTED_AT_ONCE = 2_048;
const MERGED_AT_ONCE = 8_192;
// Most names that are added between two sorts, as a multiple of those that are there: some have gone again.
const MOST_ADDED = 2;

/**
 * Many names in order: they are sorted when they are asked for, and names that have come since the last time are merged into
 * those that were sorted then. Sorting yields `undefined` where others may have their turn.
 */
export class SortedNames {
  /** May contain names that have gone since. */
  #sorted: readonly string[] = [];
  #added: string[];

  constructor(names: Iterable<string>) {
    this.#added = [...names];
  }

  /** Adds a name that was not there; false: so many were added that a new object costs less. */
  add(name: string, count: number): boolean {
    this.#added.push(name);
    return this.#added.length <= count * MOST_ADDED;
  }

  /** Gives all names that were there when it was called. @param isThere whether a name has not gone */
  *all(isThere: (name: string) => boolean): Generator<undefined, readonly string[]> {
    for (;;) {
      const sorted = this.#sorted;
      const count = this.#added.length;
      if (count === 0) return sorted;
      const added = yield* sort(this.#added.slice(0, count));
      const names = yield* merge(sorted, added, isThere);
      if (this.#sorted !== sorted) continue; // Another caller has sorted in the meantime.
      this.#sorted = names;
      this.#added = this.#added.slice(count);
      return names;
    }
  }
}

function* sort(names: readonly string[]): Generator<undefined, readonly string[]> {
  let runs: (readonly string[])[] = [];
  for (let start = 0; start < names.length; start += SORTED_AT_ONCE) {
    runs.push(names.slice(start, start + SORTED_AT_ONCE).sort());
    if (start + SORTED_AT_ONCE < names.length) yield;
  }
  while (runs.length > 1) {
    const merged: (readonly string[])[] = [];
    for (let index = 0; index < runs.length; index += 2) {
      merged.push(yield* merge(runs[index] ?? [], runs[index + 1] ?? [], () => true));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

/** Gives each name once: it may have gone and come again. */
function* merge(
  left: readonly string[],
  right: readonly string[],
  isThere: (name: string) => boolean,
): Generator<undefined, readonly string[]> {
  const merged: string[] = [];
  let [l, r] = [0, 0];
  for (let seen = 1; l < left.length || r < right.length; seen++) {
    const [mine, its] = [left[l], right[r]];
    const name = its === undefined || (mine !== undefined && mine <= its) ? mine as string : its; // One of them is there.
    if (name === mine) l += 1;
    if (name === its) r += 1;
    if (name !== merged[merged.length - 1] && isThere(name)) merged.push(name);
    if (seen % MERGED_AT_ONCE === 0) yield;
  }
  return merged;
}
