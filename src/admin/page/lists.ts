import type { Api, Query, Segment } from "./api.ts";
import type { ListOf } from "./shapes.ts";

/** Page of a list of the API, whose rows have the name of what they are, such as `sessions`. */
export async function listOf<Row>(
  api: Api,
  { path, rows, query, signal }: {
    readonly path: readonly Segment[];
    readonly rows: string;
    readonly query?: Query;
    readonly signal: AbortSignal;
  },
): Promise<ListOf<Row>> {
  const answer = await api.get<Readonly<Record<string, unknown>>>(path, {
    ...query && { query },
    signal,
  });
  const found = answer[rows] as readonly Row[]; // The schema of the route says so.
  const { total, matching = total ?? found.length, after = null } = answer as Partial<ListOf<Row>>;
  return { rows: found, total: total ?? matching, matching, after };
}
