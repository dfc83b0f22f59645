import { useMemo, useState } from "preact/hooks";
import { Chart } from "./chart.tsx";
import { Field, Select } from "./components.tsx";
import { numberAt, numberPaths } from "./json_numbers.ts";
import { exactText } from "./payload_bytes.ts";
import type { SeenValue } from "./seen_values.ts";

const WORDS = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 6 });

/** One number of JSON values over time. */
export function ValueChart({ seen }: { readonly seen: readonly SeenValue[] }) {
  const values = useMemo(
    () => seen.map(({ atMs, data }) => ({ atMs, json: jsonOf(data) })),
    [seen],
  );
  const paths = useMemo(() => numberPaths(values.at(-1)?.json), [values]);
  const [chosen, choose] = useState<string>();
  const path = chosen !== undefined && paths.includes(chosen) ? chosen : paths[0];
  const [times, numbers] = useMemo(() => [
    values.map(({ atMs }) => atMs / 1000),
    values.map(({ json }) => path === undefined ? null : numberAt(json, path)),
  ], [values, path]);
  if (path === undefined) {
    return (
      <p class="muted">
        The value has no number: a number, or JSON with one, can be drawn
      </p>
    );
  }
  return (
    <>
      <Field label="Number">
        <Select
          value={path}
          options={paths.map((name) => [name, name])}
          onValue={choose}
        />
      </Field>
      <Chart
        title={path}
        times={times}
        lines={[{ title: "value", values: numbers }]}
        format={(value) => WORDS.format(value)}
        group="value"
        isFromZero={false}
      />
      {seen.length < 2 && <p class="note">It grows with each new value while this page is open</p>}
    </>
  );
}

function jsonOf(data: Uint8Array): unknown {
  try {
    return JSON.parse(exactText(data) ?? "");
  } catch {
    return undefined; // No JSON.
  }
}
