import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { useApp } from "./app.ts";
import { clock } from "./text.ts";

export interface Line {
  readonly title: string;
  /** Values at the times; `null` where there are none. */
  readonly values: readonly (number | null)[];
}

const HEIGHT_PX = 150;

/** Lines over time: one or two. Charts with the same `group` share their cursor. */
export function Chart(
  { title, times, lines, format, group, isFromZero = true }: {
    readonly title: string;
    /** Epoch seconds. */
    readonly times: readonly number[];
    readonly lines: readonly [Line, Line?];
    /** Words for a value. */
    readonly format: (value: number) => string;
    readonly group: string;
    /** Whether the scale begins at 0. */
    readonly isFromZero?: boolean;
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
  }, [theme, group, lines.length]);
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
      <div
        class="chart"
        ref={place}
        role="img"
        aria-label={summary(title, lines, format)}
      />
    </figure>
  );
}

function optionsOf(
  element: HTMLElement,
  { count, format, group, isFromZero, onIndex }: {
    readonly count: number;
    readonly format: (value: number) => string;
    readonly group: string;
    readonly isFromZero: boolean;
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
    scales: isFromZero ? { y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] } } : {},
    axes: [
      { ...axis, size: 24 },
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
