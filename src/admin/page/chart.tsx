import { useEffect, useRef, useState } from "preact/hooks";
import { useApp } from "./app.ts";
import { linePath, nearestIndex, rangeOf, timeTicks, valueTicks } from "./chart_scale.ts";
import { clock } from "./text.ts";

export interface Line {
  readonly title: string;
  /** Values at the times; `null` where there are none. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  /** Epoch seconds. */
  readonly times: readonly number[];
  readonly lines: readonly [Line, Line?];
  /** Words for a value. */
  readonly format: (value: number) => string;
  readonly group: string;
  /** Whether the scale begins at 0. */
  readonly isFromZero?: boolean;
  /** Time up to the last value that it shows. @default as far as there are values */
  readonly spanSeconds?: number;
}

const HEIGHT_PX = 150;
/** Room for the labels of the axes, and so that no line touches the edge. */
const LEFT_PX = 56;
const BOTTOM_PX = 22;
const TOP_PX = 8;
const RIGHT_PX = 8;
/** Width that a label of time needs. */
const TIME_LABEL_PX = 90;
const MOST_VALUE_TICKS = 4;

/** Lines over time: one or two. Charts with the same `group` share their cursor. */
export function Chart({ title, times, lines, format, group, isFromZero = true, spanSeconds }: ChartProps) {
  const app = useApp();
  const [width, place] = useWidth();
  const cursor = app.cursor.value;
  const at = cursor?.group === group && times.length > 0 ? nearestIndex(times, cursor.time) : null;
  return (
    <figure class="pane">
      <figcaption class="pane-head">
        <h2>{title}</h2>
        <span class="legend push">
          {at !== null && times[at] !== undefined && <span>{clock(times[at] * 1000, Date.now())}</span>}
          {lines.map((line, index) =>
            line && (
              <span key={line.title} class={index === 0 ? "first" : "second"}>
                <i />
                {line.title} <b>{valueAt(line.values, at, format)}</b>
              </span>
            )
          )}
        </span>
      </figcaption>
      <div class="chart" ref={place} role="img" aria-label={summary(title, lines, format)}>
        {width > LEFT_PX && times.length > 0 && (
          <Plot
            times={times}
            lines={lines}
            format={format}
            isFromZero={isFromZero}
            spanSeconds={spanSeconds}
            width={width}
            at={at}
            group={group}
          />
        )}
      </div>
    </figure>
  );
}

interface PlotProps extends Omit<ChartProps, "title" | "isFromZero" | "spanSeconds"> {
  readonly isFromZero: boolean;
  readonly spanSeconds: number | undefined;
  readonly width: number;
  /** Index of the cursor. */
  readonly at: number | null;
}

function Plot({ times, lines, format, group, isFromZero, spanSeconds, width, at }: PlotProps) {
  const app = useApp();
  const end = times.at(-1) ?? 0;
  const first = spanSeconds === undefined ? times[0] ?? 0 : end - spanSeconds;
  const last = Math.max(end, first + 1);
  const [low, high] = rangeOf(lines.flatMap((line) => line?.values ?? []), isFromZero);
  const plotWidth = width - LEFT_PX - RIGHT_PX;
  const plotHeight = HEIGHT_PX - TOP_PX - BOTTOM_PX;
  const x = (time: number) => LEFT_PX + (time - first) / (last - first) * plotWidth;
  const y = (value: number) => TOP_PX + (high - value) / (high - low) * plotHeight;
  const offsetSeconds = -new Date(last * 1000).getTimezoneOffset() * 60;
  const point = (time: number | undefined) => {
    app.cursor.value = time === undefined ? undefined : { group, time };
  };
  return (
    <svg
      width={width}
      height={HEIGHT_PX}
      aria-hidden="true"
      onPointerMove={({ offsetX }) => point(first + (offsetX - LEFT_PX) / plotWidth * (last - first))}
      onPointerLeave={() => point(undefined)}
    >
      {valueTicks(low, high, MOST_VALUE_TICKS, format).map(({ value, label }) => (
        <g key={label}>
          <path class="grid" d={`M${LEFT_PX} ${Math.round(y(value)) + 0.5}H${width - RIGHT_PX}`} />
          <text x={LEFT_PX - 8} y={y(value) + 4} text-anchor="end">{label}</text>
        </g>
      ))}
      {timeTicks(first, last, plotWidth / TIME_LABEL_PX, offsetSeconds).map(({ value, label }) => (
        // A label in the middle of the last mark would be cut.
        <text key={value} x={x(value)} y={HEIGHT_PX - 6} text-anchor={x(value) > width - 32 ? "end" : "middle"}>
          {label}
        </text>
      ))}
      {lines.map((line, index) =>
        line && (
          <path
            key={line.title}
            class={index === 0 ? "line first" : "line second"}
            d={linePath(times.map((time, at) => pointOf(line.values[at], (value) => [x(time), y(value)])))}
          />
        )
      )}
      {at !== null && (
        <>
          <path class="cursor" d={`M${x(times[at] ?? 0).toFixed(1)} ${TOP_PX}v${plotHeight}`} />
          {lines.map((line, index) => {
            const place = pointOf(line?.values[at], (value) => [x(times[at] ?? 0), y(value)]);
            return place && (
              <circle key={index} class={index === 0 ? "first" : "second"} cx={place[0]} cy={place[1]} r={3.5} />
            );
          })}
        </>
      )}
    </svg>
  );
}

function pointOf(
  value: number | null | undefined,
  place: (value: number) => readonly [number, number],
): readonly [number, number] | undefined {
  return value === null || value === undefined ? undefined : place(value);
}

/** Width of an element in pixels, and the reference that it needs. */
function useWidth(): [number, { readonly current: HTMLDivElement | null }] {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const read = () => {
      const { paddingLeft, paddingRight } = getComputedStyle(element);
      setWidth(Math.floor(element.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight)));
    };
    read();
    const observer = new ResizeObserver(read);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [width, place];
}

/** Value under the cursor; without a cursor the last one. */
function valueAt(
  values: Line["values"],
  at: number | null,
  format: (value: number) => string,
): string {
  const value = at === null ? undefined : values[at];
  if (at === null) return lastOf(values, format);
  return value === undefined || value === null ? "–" : format(value);
}

function lastOf(
  values: Line["values"],
  format: (value: number) => string,
): string {
  const last = values.findLast((value) => value !== null);
  return last === undefined || last === null ? "" : format(last);
}

/** Chart in words, for screen readers. */
function summary(
  title: string,
  lines: readonly (Line | undefined)[],
  format: (value: number) => string,
): string {
  const parts = lines.flatMap((line) => {
    const values = line?.values.filter((value) => value !== null) ?? [];
    if (line === undefined || values.length === 0) return [];
    return `${line.title}: now ${lastOf(values, format)}, at most ${format(Math.max(...values))}`;
  });
  return `${title}. ${parts.join(". ") || "No values yet"}`;
}
