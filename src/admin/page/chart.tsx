import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { useApp } from "./app.ts";
import { clock } from "./text.ts";

export interface Line {
  readonly title: string;
  /** Values at the times; `null` where there are none. */
  readonly values: readonly (number | null)[];
}

/** Seconds between ticks of the time. */
const INCREMENTS = [1, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];
const HEIGHT_PX = 168;

/** Lines over time: one or two. Charts with the same `group` share their cursor. */
export function Chart(
  { title, times, lines, format, group, isFromZero = true, spanSeconds }: {
    readonly title: string;
    /** Epoch seconds. */
    readonly times: readonly number[];
    readonly lines: readonly [Line, Line?];
    /** Words for a value. */
    readonly format: (value: number) => string;
    readonly group: string;
    /** Whether the scale begins at 0. */
    readonly isFromZero?: boolean;
    /** Time that it shows up to the last value. @default all that there is */
    readonly spanSeconds?: number;
  },
) {
  const app = useApp();
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const data = [
    times,
    ...lines.map((line) => line?.values ?? []),
  ] as uPlot.AlignedData; // uPlot only reads it.
  const latest = useRef(data);
  latest.current = data;
  const theme = app.theme.name.value;
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const options = () =>
      optionsOf(element, {
        count: lines.length,
        format,
        group,
        isFromZero,
        spanSeconds,
        onIndex: setAt,
      });
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(), latest.current, element);
    };
    draw();
    const observer = new ResizeObserver(() => {
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT_PX });
    });
    observer.observe(element);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    return () => {
      observer.disconnect();
      scheme.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [theme, group, lines.length, spanSeconds]);
  useEffect(() => plot.current?.setData(data), [
    times,
    ...lines.map((line) => line?.values),
  ]);
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
      <div class="chart">
        <div ref={place} role="img" aria-label={summary(title, lines, format)} />
      </div>
    </figure>
  );
}

function optionsOf(
  element: HTMLElement,
  { count, format, group, isFromZero, spanSeconds, onIndex }: {
    readonly count: number;
    readonly format: (value: number) => string;
    readonly group: string;
    readonly isFromZero: boolean;
    readonly spanSeconds: number | undefined;
    readonly onIndex: (index: number | null) => void;
  },
): uPlot.Options {
  const muted = colourOf(element, "muted");
  const grid = { stroke: colourOf(element, "line"), width: 1 };
  const axis = {
    stroke: muted,
    grid,
    ticks: { show: false },
    font: `12px ${getComputedStyle(element).fontFamily}`,
  };
  const colours = [
    colourOf(element, "accent"),
    colourOf(element, "from-broker"),
  ];
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: group },
      drag: { x: false, y: false },
      points: { size: 7 },
    },
    scales: {
      x: spanSeconds === undefined ? {} : { range: (_plot, _first, last) => [last - spanSeconds, last] },
      y: isFromZero ? { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] } : {},
    },
    axes: [
      { ...axis, size: 24, space: 72, incrs: INCREMENTS, values: (_plot, splits) => splits.map(timeOf) },
      { ...axis, size: 56, values: (_plot, splits) => splits.map(format) },
    ],
    series: [
      {},
      ...colours.slice(0, count).map((stroke) => ({
        stroke,
        width: 1.5,
        points: { show: false },
      })),
    ],
    hooks: { setCursor: [({ cursor }) => onIndex(cursor.idx ?? null)] },
  };
}

/** Time of the day; with seconds where the ticks are that close. */
function timeOf(seconds: number, _index: number, all: readonly number[]): string {
  const step = (all[1] ?? seconds) - (all[0] ?? seconds);
  return new Date(seconds * 1000).toLocaleTimeString("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    ...step < 60 ? { second: "2-digit" } : {},
  });
}

/** Colour of a token: the value of a custom property is its text, so an element has to show it. */
function colourOf(parent: HTMLElement, token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${token})`;
  parent.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
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
