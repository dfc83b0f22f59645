import {
  type ListRows,
  SESSION_COLUMNS,
  type SessionRow,
  SessionView,
  snapshot,
  SUBSCRIPTION_COLUMNS,
  type SubscriptionRow,
  subscriptionRow,
} from "./list_rows.ts";
import type { RegisteredClient } from "./registered_client.ts";

/** Rows that a list is to have, and their order. */
export interface ListQuery<Row> {
  /** Text within Client Identifier, principal, address or Topic Filter, whatever its case. @default any */
  readonly search?: string;
  /** Whether a row is wanted. The row is there for the time of the call: do not keep it. @default all are */
  readonly where?: (row: Row) => boolean;
  /** Column that rows are in the order of; those that are equal there are in the order of Client Identifiers. */
  readonly sort?: keyof Row;
  /** Whether the largest come first. @default {false} */
  readonly descending?: boolean;
  /** Rows of a page, 1 to 10,000. @default {100} */
  readonly limit?: number;
  /** Cursor of the page before, see {@linkcode ListPage.after}. @default the first page */
  readonly after?: string;
}

/** Page of a list. */
export interface ListPage<Row> {
  /** Rows in order. */
  readonly rows: readonly Row[];
  /** Number of all rows that the query wants, on whatever page. */
  readonly total: number;
  /** Cursor for the next page with the same order; `undefined`: this is the last one. */
  readonly after: string | undefined;
}

type Key = string | number | boolean | undefined;

/** Place in the order of a list. */
interface Place {
  readonly key: Key;
  /** Different for all rows. */
  readonly id: string;
}

interface Entry<Row> extends Place {
  /** Copy of the row; `undefined`: it is made when others have their turn, as most entries leave the page before. */
  row: Row | undefined;
  readonly copy: () => Row;
}

const MOST_ROWS = 10_000;
// Rows of a page that are copied when others have their turn: of more, all at once would take too long.
const MOST_LATE_ROWS = 500;
const SLICE_MS = 2;
// Rows between two looks at the clock: 2,000 take a millisecond. (2 cores, Deno 2.9, 2026-11)
const ROWS_A_LOOK = 64;

/**
 * Lists what a broker has: one pass over all sessions, which keeps the rows of one page in order. Sorting 100,000 at once
 * would hold the event loop for a quarter of a second, so a pass works for 2 ms at a time; one runs at a time, and others
 * wait for it.
 */
export class Listing {
  readonly #clients: () => Iterable<RegisteredClient>;
  #scanning: Promise<void> = Promise.resolve();
  /** Turns of all scans together: many short scans in a row delay others as much as one long scan. */
  readonly #turns = new Slices();

  constructor(clients: () => Iterable<RegisteredClient>) {
    this.#clients = clients;
  }

  /** Gives a page. @throws RangeError for a limit or a cursor that is none */
  list<Kind extends keyof ListRows>(
    kind: Kind,
    query: ListQuery<ListRows[Kind]>,
  ): Promise<ListPage<ListRows[Kind]>> {
    // Casts between the rows of this kind and those of its scan, which `ListRows` says are the same.
    const scan = (): Promise<ListPage<unknown>> =>
      kind === "subscriptions"
        ? this.#subscriptions(query as unknown as ListQuery<SubscriptionRow>)
        : this.#sessions(query as unknown as ListQuery<SessionRow>, kind === "clients");
    return this.#afterOthers(scan) as Promise<ListPage<ListRows[Kind]>>;
  }

  async #afterOthers<Result>(scan: () => Promise<Result>): Promise<Result> {
    const before = this.#scanning;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#scanning = promise;
    await before;
    try {
      if (this.#turns.isPast) await this.#turns.next();
      return await scan();
    } finally {
      resolve();
    }
  }

  async #sessions(query: ListQuery<SessionRow>, isOfClients: boolean): Promise<ListPage<SessionRow>> {
    const page = new PageOf(query, "clientId", SESSION_COLUMNS);
    const view = new SessionView();
    const turns = this.#turns;
    const copyOf = (client: RegisteredClient) => {
      view.client = client;
      return snapshot<SessionRow>(view, SESSION_COLUMNS);
    };
    for (const client of this.#clients()) {
      if (turns.isOver) {
        page.copyRows(); // Sessions change meanwhile.
        await turns.next();
      }
      view.client = client;
      if (isOfClients && !view.isConnected) continue;
      page.look(view, view.clientId, [view.clientId, view.principal, view.address], () => copyOf(client));
    }
    return page.result;
  }

  async #subscriptions(query: ListQuery<SubscriptionRow>): Promise<ListPage<SubscriptionRow>> {
    const page = new PageOf(query, "topicFilter", SUBSCRIPTION_COLUMNS);
    const turns = this.#turns;
    for (const client of this.#clients()) {
      if (turns.isOver) await turns.next();
      if (client.session.subscriptionCount === 0) continue; // Asking for them would make a Map.
      for (const subscription of client.session.subscriptions.values()) {
        if (turns.isOver) await turns.next();
        const row = subscriptionRow(client, subscription);
        const id = `${row.clientId}\0${row.topicFilter}`;
        page.look(row, id, [row.clientId, row.principal, row.topicFilter], () => row);
      }
    }
    return page.result;
  }
}

/** Time for which work goes on before others have their turn. */
export class Slices {
  #untilMs = performance.now() + SLICE_MS;
  #looks = 0;

  /** Whether others should have their turn; asks the clock now and then. */
  get isOver(): boolean {
    return ++this.#looks % ROWS_A_LOOK === 0 && performance.now() > this.#untilMs;
  }

  /** Whether others should have their turn before more is begun. */
  get isPast(): boolean {
    return performance.now() > this.#untilMs;
  }

  /** Resolves when others had their turn. */
  async next(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve)); // setTimeout would take a millisecond or two.
    this.#untilMs = performance.now() + SLICE_MS;
  }
}

/** Rows of one page, of all that are looked at. */
class PageOf<Row> {
  readonly #query: ListQuery<Row>;
  readonly #sort: keyof Row;
  readonly #search: string | undefined;
  readonly #limit: number;
  readonly #after: Place | undefined;
  /** In order; one more than the page has, to know whether there is another page. */
  readonly #entries: Entry<Row>[] = [];
  #total = 0;

  constructor(query: ListQuery<Row>, sort: keyof Row, columns: readonly (keyof Row)[]) {
    const { limit = 100 } = query;
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST_ROWS) {
      throw new RangeError(`Cannot list: limit "${limit}" is not an integer of 1 to ${MOST_ROWS}`);
    }
    this.#query = query;
    this.#limit = limit;
    this.#sort = query.sort ?? sort;
    if (!columns.includes(this.#sort)) throw new RangeError(`Cannot list: there is no column "${String(this.#sort)}"`);
    this.#search = query.search?.toLowerCase();
    this.#after = query.after === undefined ? undefined : parseCursor(query.after);
  }

  /**
   * Looks at a row, which may be another one after the call.
   *
   * @param texts that are searched
   * @param copy copies the row, now or when {@linkcode copyRows} is called
   */
  look(row: Row, id: string, texts: readonly (string | undefined)[], copy: () => Row): void {
    const search = this.#search;
    if (search !== undefined && !texts.some((text) => text?.toLowerCase().includes(search))) return;
    if (this.#query.where?.(row) === false) return;
    this.#total += 1;
    const place: Place = { key: row[this.#sort] as Key, id }; // All columns have such values.
    if (this.#after !== undefined && this.#compare(place, this.#after) <= 0) return;
    const entries = this.#entries;
    const last = entries[this.#limit];
    if (last !== undefined && this.#compare(place, last) >= 0) return;
    let [low, high] = [0, entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(entries[middle] as Place, place) < 0) low = middle + 1; // Below the length.
      else high = middle;
    }
    entries.splice(low, 0, { ...place, row: this.#limit > MOST_LATE_ROWS ? copy() : undefined, copy });
    if (entries.length > this.#limit + 1) entries.pop();
  }

  /** Copies the rows that are of the page so far. */
  copyRows(): void {
    for (const entry of this.#entries) entry.row ??= entry.copy();
  }

  get result(): ListPage<Row> {
    this.copyRows();
    const entries = this.#entries.slice(0, this.#limit);
    const last = entries.at(-1);
    const hasMore = this.#entries.length > this.#limit;
    return {
      rows: entries.map(({ row, copy }) => row ?? copy()),
      total: this.#total,
      after: hasMore && last !== undefined ? JSON.stringify([last.key ?? null, last.id]) : undefined,
    };
  }

  #compare(one: Place, other: Place): number {
    const byKey = compareKeys(one.key, other.key);
    if (byKey !== 0) return this.#query.descending === true ? -byKey : byKey;
    return one.id < other.id ? -1 : one.id > other.id ? 1 : 0;
  }
}

/** Compares values of a column; what is not there comes first. */
function compareKeys(one: Key, other: Key): number {
  if (one === other) return 0;
  if (one === undefined) return -1;
  if (other === undefined) return 1;
  return one < other ? -1 : 1;
}

function parseCursor(text: string): Place {
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed) && parsed.length === 2) {
      const [key, id]: readonly unknown[] = parsed;
      if (typeof id === "string" && (key === null || ["string", "number", "boolean"].includes(typeof key))) {
        return { key: key === null ? undefined : key as Key, id };
      }
    }
  } catch {
    // Said below.
  }
  throw new RangeError(`Cannot list: after "${text}" is not the cursor of a page`);
}
