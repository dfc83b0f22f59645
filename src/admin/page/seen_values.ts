import { useEffect, useMemo, useState } from "preact/hooks";
import { bytesOfBase64 } from "./payload_bytes.ts";
import type { RetainedValue } from "./shapes.ts";

/** Value of a topic at a time. */
export interface SeenValue {
  readonly atMs: number;
  readonly data: Uint8Array;
}

const KEPT_VALUES = 300;

/** Values of a topic since it is looked at, the oldest first. */
export function useSeenValues(value: RetainedValue | undefined): readonly SeenValue[] {
  const [seen, setSeen] = useState<readonly SeenValue[]>([]);
  const data = useMemo(() => value?.payload === undefined ? undefined : bytesOfBase64(value.payload), [value?.payload]);
  useEffect(() => {
    if (data === undefined) return;
    const atMs = value?.retainedAt ? Date.parse(value.retainedAt) : Date.now();
    setSeen((old) => old.at(-1)?.atMs === atMs ? old : [...old.slice(1 - KEPT_VALUES), { atMs, data }]);
  }, [data, value?.retainedAt]);
  return seen;
}
