import { type ComparedRow, REFERENCE } from "./comparison.ts";
import type { Report } from "./report.ts";

const WIDTH = 900;
const LABEL_WIDTH = 330;
const RIGHT = 70;
const TOP = 70;
const ROW_HEIGHT = 30;
const BAR_HEIGHT = 10;
const COLORS = ["#2563eb", "#d97706", "#64748b"] as const;
const LEAST_RATIO = 0.1;

/** The ratios of a report as a picture: a bar for each broker and load on a logarithmic scale, with its spread. */
export function chartOf(report: Report): string {
  const names = report.brokers.map(({ name }) => name).filter((name) => name !== REFERENCE);
  const rows = report.rows.filter(({ reached }) => names.some((name) => (reached[name]?.ratio ?? null) !== null));
  const scale = scaleOf(rows);
  const height = TOP + rows.length * ROW_HEIGHT + 20;
  const bottom = height - 20;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    text(10, 22, `Times as good as ${REFERENCE}, more is better (${report.date.slice(0, 10)})`, `font-size="15"`),
    ...names.map((name, index) => legend(name, index)),
    ...scale.lines.map((ratio) => gridLine(ratio, scale.x(ratio), bottom)),
    ...rows.flatMap((row, index) => rowShapes(row, names, TOP + index * ROW_HEIGHT, scale)),
    "</svg>",
    "",
  ].join("\n");
}

interface Scale {
  readonly lines: readonly number[];
  x(ratio: number): number;
}

function scaleOf(rows: readonly ComparedRow[]): Scale {
  const all = rows.flatMap(({ reached }) =>
    Object.values(reached).flatMap(({ ratio }) => ratio === null ? [] : [ratio])
  );
  const least = Math.max(LEAST_RATIO, Math.min(0.5, ...all.map(({ least }) => least)));
  const most = Math.max(2, ...all.map(({ most }) => most));
  const [low, high] = [Math.log(least), Math.log(most)];
  return {
    lines: [0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128].filter((ratio) => ratio >= least && ratio <= most),
    x(ratio) {
      const part = (Math.log(Math.max(least, ratio)) - low) / (high - low);
      return Math.round(LABEL_WIDTH + part * (WIDTH - LABEL_WIDTH - RIGHT));
    },
  };
}

function rowShapes(
  { load, measure, reached }: ComparedRow,
  names: readonly string[],
  top: number,
  scale: Scale,
): string[] {
  const label = measure === "" ? load : `${load}: ${measure}`;
  const one = scale.x(1);
  const bars = Object.entries(reached).flatMap(([name, { ratio }]) => {
    const place = names.indexOf(name);
    if (place < 0 || ratio === null) return [];
    const y = top + 4 + place * (BAR_HEIGHT + 1);
    const end = scale.x(ratio.median);
    const [from, to] = [scale.x(ratio.least), scale.x(ratio.most)];
    const middle = y + BAR_HEIGHT / 2;
    const words = ratio.median >= 10 ? ratio.median.toFixed(0) : ratio.median.toFixed(ratio.median >= 1 ? 1 : 2);
    const color = COLORS[place % COLORS.length];
    return [
      `<rect x="${Math.min(one, end)}" y="${y}" width="${
        Math.max(1, Math.abs(end - one))
      }" height="${BAR_HEIGHT}" fill="${color}"/>`,
      `<path d="M${from} ${middle}H${to}M${from} ${middle - 3}v6M${to} ${middle - 3}v6" stroke="#111827" fill="none"/>`,
      text(Math.max(to, end, one) + 5, y + BAR_HEIGHT - 1, words, `font-size="10"`),
    ];
  });
  return [text(LABEL_WIDTH - 10, top + 18, label, `text-anchor="end"`), ...bars];
}

function legend(name: string, index: number): string {
  const x = 10 + index * 110;
  return `<rect x="${x}" y="34" width="12" height="12" fill="${COLORS[index % COLORS.length]}"/>${
    text(x + 18, 44, name)
  }`;
}

function gridLine(ratio: number, x: number, bottom: number): string {
  const color = ratio === 1 ? "#111827" : "#d1d5db";
  const line = `<path d="M${x} ${TOP - 8}V${bottom}" stroke="${color}" fill="none"/>`;
  return `${line}${text(x, TOP - 12, `${ratio} x`, `text-anchor="middle" font-size="10"`)}`;
}

function text(x: number, y: number, words: string, attributes = ""): string {
  const escaped = words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x}" y="${y}" ${attributes}>${escaped}</text>`;
}
