/** The dashboard of docs/grafana.json shows what `/metrics` has. */

import { assert, assertEquals } from "@std/assert";
import { Broker } from "../../mod.ts";
import { metricFamilies } from "../../src/admin/metric_families.ts";
import { openMetricsText } from "../../src/admin/open_metrics.ts";
import dashboard from "../../docs/grafana.json" with { type: "json" };

/** Labels that Prometheus adds. */
const SCRAPED = ["instance"];
const COLUMNS = 24;

interface Selector {
  readonly name: string;
  readonly labels: readonly string[];
  /** Values that labels are compared with for equality. */
  readonly values: readonly (readonly [label: string, value: string])[];
}

const queries = dashboard.panels.flatMap(({ targets = [] }) => targets);
const selectors = queries.flatMap(({ expr }) => selectorsOf(expr));

Deno.test("Each expression of the dashboard uses metrics and labels that a broker has", async () => {
  const series = await writtenSeries();
  assert(queries.length > 30);
  for (const { expr } of queries) assert(selectorsOf(expr).length > 0, expr);
  for (const { name, labels, values } of selectors) {
    const written = series.filter((one) => one.name === name);
    assert(written.length > 0, `There is no ${name}`);
    for (const label of labels.filter((label) => !SCRAPED.includes(label))) {
      assert(written.every((one) => one.labels.has(label)), `${name} has no label ${label}`);
    }
    for (const [label, value] of values) {
      assert(written.some((one) => one.labels.get(label) === value), `${name} has no ${label}="${value}"`);
    }
  }
});

Deno.test("The dashboard shows each metric, but for sums and counts of histograms", async () => {
  const names = new Set((await writtenSeries()).map(({ name }) => name));
  const shown = new Set(selectors.map(({ name }) => name));
  const histograms = Array.from(names).flatMap((name) => name.endsWith("_bucket") ? [name.slice(0, -7)] : []);
  for (const name of histograms) for (const suffix of ["_sum", "_count"]) names.delete(name + suffix);
  assertEquals(Array.from(names).filter((name) => !shown.has(name)), []);
});

Deno.test("Labels by which an expression or a legend of the dashboard groups are labels of its metric", async () => {
  const series = await writtenSeries();
  for (const { expr, legendFormat } of queries) {
    const grouped = Array.from(expr.matchAll(/\bby \(([\w, ]+)\)/g), ([, names = ""]) => names.split(", ")).flat();
    const legend = Array.from(legendFormat.matchAll(/\{\{(\w+)\}\}/g), ([, label = ""]) => label);
    const [{ name = "" } = {}] = selectorsOf(expr);
    const [one] = series.filter((written) => written.name === name);
    for (const label of [...grouped, ...legend]) assert(one?.labels.has(label), `${expr} has no label ${label}`);
    if (expr.includes(" by (")) assertEquals(legend.filter((label) => !grouped.includes(label)), [], expr);
  }
});

Deno.test("Panels of the dashboard have a title, an identifier and a place of their own", () => {
  const { panels } = dashboard;
  assertEquals(new Set(panels.map(({ id }) => id)).size, panels.length);
  assertEquals(new Set(panels.map(({ title }) => title)).size, panels.length);
  const taken = new Set<string>();
  for (const { title, gridPos: { x, y, w, h } } of panels) {
    assert(x + w <= COLUMNS, title);
    for (let column = x; column < x + w; column++) {
      for (let row = y; row < y + h; row++) {
        const place = `${column}/${row}`;
        assert(!taken.has(place), `${title} lies on another panel`);
        taken.add(place);
      }
    }
  }
  const height = Math.max(...panels.map(({ gridPos: { y, h } }) => y + h));
  assertEquals(taken.size, COLUMNS * height); // There is no hole.
});

/** Names with a selector, and what is in that. */
function selectorsOf(expr: string): Selector[] {
  return Array.from(expr.matchAll(/([a-z]\w*)\{([^}]*)\}/g), ([, name = "", inner = ""]) => {
    const matchers = Array.from(inner.matchAll(/(\w+)(=~?)"([^"]*)"/g));
    return {
      name,
      labels: matchers.map(([, label = ""]) => label),
      values: matchers.filter(([, , operator]) => operator === "=").map(([, label = "", , value = ""]) =>
        [label, value] as const
      ),
    };
  });
}

/** Series as a broker and its process write them. */
async function writtenSeries(): Promise<{ readonly name: string; readonly labels: ReadonlyMap<string, string> }[]> {
  await using broker = await Broker.open();
  const { metrics } = broker;
  const known = { ...metrics, storage: { ...metrics.storage, bytes: 1 } };
  const process = { residentBytes: 1, heapBytes: 1, cpuSeconds: 1, openFds: 1, maximumFds: 1, startTimeSeconds: 1 };
  const lines = openMetricsText(metricFamilies(known, process)).split("\n").filter((line) => /^[a-z]/.test(line));
  return lines.map((line) => {
    const [, name = "", labels = ""] = /^(\w+)(?:\{(.*)\})? /.exec(line) ?? [];
    const pairs = labels.matchAll(/(\w+)="([^"]*)"/g);
    return { name, labels: new Map(Array.from(pairs, ([, label = "", value = ""]) => [label, value])) };
  });
}
