import { Problem } from "./problems.ts";
import * as z from "./zod.js";

/** Longest cursor that goes into a URL as it is; a Client Identifier in it may have 64 KiB. */
const LONGEST_CURSOR = 2_000;
const MOST_KEPT = 20;
const KEPT = "kept:";

/** Parameters of a list that comes in pages. */
export const PAGE_QUERY = {
  limit: z.optional(z.int().check(z.minimum(1), z.maximum(1_000))),
  after: z.optional(z.string()),
} as const;

/**
 * Cursors of pages, as URLs can have them. A long one is kept here for a while, and a short one stands for it: clients with
 * long names cannot stop a list from being read to its end.
 */
export class Cursors {
  readonly #kept = new Map<string, string>();

  /** Cursor for a URL. */
  shortened(cursor: string | undefined): string | null {
    if (cursor === undefined) return null;
    if (cursor.length <= LONGEST_CURSOR && !cursor.startsWith(KEPT)) return cursor;
    const key = `${KEPT}${crypto.randomUUID()}`;
    this.#kept.set(key, cursor);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return key;
  }

  /** Cursor that was shortened. @throws Problem 400 for one that is no longer kept */
  full(cursor: string | undefined): string | undefined {
    if (cursor === undefined || !cursor.startsWith(KEPT)) return cursor;
    const full = this.#kept.get(cursor);
    if (full === undefined) throw new Problem(400, "Bad request", '"after" is too old: begin with the first page');
    return full;
  }
}

/** Sort of a list: a column, with `-` before it for the largest first. */
export function sortOf<Column extends string>(
  sort: string | undefined,
  columns: readonly Column[],
): { readonly sort?: Column; readonly descending?: boolean } {
  if (sort === undefined) return {};
  const descending = sort.startsWith("-");
  const name = descending ? sort.slice(1) : sort;
  const column = columns.find((one) => one === name);
  if (column !== undefined) return { sort: column, descending };
  throw new Problem(
    400,
    "Bad request",
    `"${name.slice(0, 40)}" is no column to sort by: it may be ${columns.join(", ")}`,
  );
}

/** Awaits what the broker gives, and makes a refusal of the RangeError that it has for a value of the caller. */
export async function orBadRequest<Result>(given: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await given();
  } catch (error) {
    if (error instanceof RangeError) throw new Problem(400, "Bad request", error.message);
    throw error;
  }
}
