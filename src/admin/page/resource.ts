import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError } from "./api.ts";
import type { ListOf } from "./shapes.ts";

/** Data of the API that a component shows. */
export interface Resource<Data> {
  /** Last data that came; it stays while newer is asked for and while that fails. */
  readonly data: Data | undefined;
  readonly error: ApiError | undefined;
  /** Time when the data came, in epoch milliseconds. */
  readonly loadedAtMs: number | undefined;
  /** Asks again. */
  reload(): void;
}

interface State<Data> {
  readonly key: string;
  readonly data?: Data | undefined;
  readonly error?: ApiError | undefined;
  readonly loadedAtMs?: number | undefined;
}

/**
 * Loads data when a component appears, when the key changes, and, with `everyMs`, again and again while the tab can be
 * seen. Data of another key is not shown.
 */
export function useResource<Data>(
  key: string,
  load: (signal: AbortSignal) => Promise<Data>,
  { everyMs }: { readonly everyMs?: number } = {},
): Resource<Data> {
  const [state, setState] = useState<State<Data>>({ key });
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const ended = new AbortController();
    latest.current(ended.signal).then(
      (data) => ended.signal.aborted || setState({ key, data, loadedAtMs: Date.now() }),
      (error: unknown) =>
        ended.signal.aborted ||
        setState((old) => ({
          ...(old.key === key ? old : { key }),
          error: asApiError(error),
        })),
    );
    return () => ended.abort();
  }, [key, round]);
  const reload = useCallback(() => setRound((number) => number + 1), []);
  useEffect(
    () => everyMs === undefined ? undefined : whileVisible(everyMs, reload),
    [everyMs, reload],
  );
  const { data, error, loadedAtMs } = state.key === key ? state : { key } as State<Data>;
  return { data, error, loadedAtMs, reload };
}

/** Rows of a list that comes in pages. */
export interface Pages<Row> extends Resource<ListOf<Row>> {
  /** Rows of all pages that were asked for. */
  readonly rows: readonly Row[];
  /** Asks for the next page, if there is one. */
  more(): void;
  /** Says whether the first rows are in view: only then they are renewed, and later pages let go. */
  onTop(isAtTop: boolean): void;
}

/** Loads a list page by page as its end comes into view. */
export function usePages<Row>(
  key: string,
  load: (
    after: string | undefined,
    signal: AbortSignal,
  ) => Promise<ListOf<Row>>,
  { everyMs }: { readonly everyMs: number },
): Pages<Row> {
  const [later, setLater] = useState<ListOf<Row> & { readonly key: string }>();
  const [isAtTop, setAtTop] = useState(true);
  const isLoading = useRef(false);
  const first = useResource(key, async (signal) => {
    const page = await load(undefined, signal);
    setLater(undefined);
    return page;
  }, isAtTop ? { everyMs } : {});
  const own = later?.key === key ? later : undefined;
  const last = own ?? first.data;
  const more = () => {
    if (last === undefined || last.after === null || isLoading.current) return;
    isLoading.current = true;
    load(last.after, new AbortController().signal).then(
      (page) => setLater({ key, ...page, rows: [...own?.rows ?? [], ...page.rows] }),
      first.reload, // A cursor that is no longer good: begin again.
    ).finally(() => {
      isLoading.current = false;
    });
  };
  const rows = useMemo(() => [...first.data?.rows ?? [], ...own?.rows ?? []], [
    first.data,
    own,
  ]);
  return { ...first, rows, more, onTop: setAtTop };
}

/** Current time, anew at an interval. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => whileVisible(everyMs, () => setNow(Date.now())), [everyMs]);
  return now;
}

/** Value that follows another one after it has rested for a while. */
export function useRested<Value>(value: Value, restMs = 250): Value {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), restMs);
    return () => clearTimeout(timer);
  }, [value, restMs]);
  return rested;
}

/** Error of the API for whatever was thrown. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(
    0,
    "The page has a fault",
    error instanceof Error ? error.message : String(error),
  );
}

/** Calls back at an interval while the tab can be seen, and at once when it can be seen again. */
export function whileVisible(everyMs: number, callBack: () => void): () => void {
  const timer = setInterval(() => document.hidden || callBack(), everyMs);
  const onChange = () => document.hidden || callBack();
  document.addEventListener("visibilitychange", onChange);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", onChange);
  };
}
