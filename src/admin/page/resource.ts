import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./api.ts";

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
function whileVisible(everyMs: number, callBack: () => void): () => void {
  const timer = setInterval(() => document.hidden || callBack(), everyMs);
  const onChange = () => document.hidden || callBack();
  document.addEventListener("visibilitychange", onChange);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", onChange);
  };
}
