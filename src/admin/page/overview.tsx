import { useEffect, useMemo, useState } from "preact/hooks";
import { useApp } from "./app.ts";
import { Attention } from "./attention.tsx";
import { Chart } from "./chart.tsx";
import { Dot, Pane, Tabs } from "./components.tsx";
import { Loaded, Page } from "./page.tsx";
import { useResource } from "./resource.ts";
import { href } from "./router.ts";
import type { HistoryPoints, LiveStats } from "./shapes.ts";
import { bytes, count, duration } from "./text.ts";

const RANGES = [["10m", "10 min"], ["2h", "2 h"], ["24h", "24 h"]] as const;
type Range = typeof RANGES[number][0];
const POINTS = 600;

/** Numbers of now, how they came about, and what an operator should look at. */
export function OverviewPage() {
  const [range, setRange] = useState<Range>("10m");
  const history = useHistory(range);
  return (
    <Page
      title="Overview"
      tools={
        <span class="push">
          <Tabs
            label="Range of the charts"
            name={range}
            names={RANGES}
            onName={setRange}
          />
        </span>
      }
    >
      <Cards />
      <Loaded resource={history} loading={<ChartsLoading />}>
        {(points) => <Charts points={points} />}
      </Loaded>
      <Attention />
    </Page>
  );
}

/** Points of a range; those of 10 minutes grow with the stream. */
function useHistory(range: Range) {
  const app = useApp();
  const everyMs = { "10m": 60_000, "2h": 12_000, "24h": 144_000 }[range];
  const history = useResource(
    range,
    (signal) => app.api.get<HistoryPoints>(["history"], { query: { range }, signal }),
    { everyMs },
  );
  const [news, setNews] = useState<readonly LiveStats[]>([]);
  useEffect(() => {
    setNews([]);
    if (range !== "10m") return undefined;
    return app.live.on(
      "stats",
      (data) => setNews((old) => [...old.slice(-POINTS), data as LiveStats]),
    );
  }, [range]);
  const data = useMemo(() => history.data && grown(history.data, news), [
    history.data,
    news,
  ]);
  return { ...history, data };
}

/** Points with those that came later. */
function grown(
  points: HistoryPoints,
  news: readonly LiveStats[],
): HistoryPoints {
  const endsAtMs = Date.parse(points.endsAt);
  const later = news.filter(({ time }) => Date.parse(time) > endsAtMs);
  const last = later.at(-1);
  if (last === undefined) return points;
  const series = Object.fromEntries(
    Object.entries(points.series).map(([name, values]) => [
      name,
      [...values, ...later.map((stats) => stats.latest[name] ?? null)].slice(
        -POINTS,
      ),
    ]),
  );
  return { ...points, endsAt: last.time, series };
}

function Charts(
  { points: { series, stepSeconds, endsAt } }: {
    readonly points: HistoryPoints;
  },
) {
  const length = series["connections"]?.length ?? 0;
  const times = useMemo(() => {
    const end = Date.parse(endsAt) / 1000;
    return Array.from(
      { length },
      (_, index) => end - (length - 1 - index) * stepSeconds,
    );
  }, [endsAt, length, stepSeconds]);
  const values = (name: string) => series[name] ?? [];
  const common = { times, group: "overview", spanSeconds: POINTS * stepSeconds };
  const perSecond = (value: number) => count(value);
  return (
    <div class="columns two">
      <Chart
        {...common}
        title="Messages a second"
        format={perSecond}
        lines={[
          { title: "in", values: values("receivedMessagesPerSecond") },
          { title: "out", values: values("sentMessagesPerSecond") },
        ]}
      />
      <Chart
        {...common}
        title="Bytes a second"
        format={bytes}
        lines={[
          { title: "in", values: values("receivedBytesPerSecond") },
          { title: "out", values: values("sentBytesPerSecond") },
        ]}
      />
      <Chart
        {...common}
        title="Connections"
        format={count}
        lines={[{ title: "now", values: values("connections") }]}
      />
      <Chart
        {...common}
        title="Dropped messages a second"
        format={perSecond}
        lines={[{
          title: "dropped",
          values: values("droppedMessagesPerSecond"),
        }]}
      />
    </div>
  );
}

function ChartsLoading() {
  return (
    <div class="columns two">
      {[
        "Messages a second",
        "Bytes a second",
        "Connections",
        "Dropped messages a second",
      ].map((title) => (
        <Pane key={title} title={title} isFlush>
          <div class="chart is-empty">
            <span class="bone" />
          </div>
        </Pane>
      ))}
    </div>
  );
}

/** Numbers of now. */
function Cards() {
  const app = useApp();
  const [stats, setStats] = useState<LiveStats>();
  useEffect(
    () => app.live.on("stats", (data) => setStats(data as LiveStats)),
    [],
  );
  const point = stats?.latest ?? {};
  const commitP99Ms = point["commitP99Ms"];
  const dropped = stats && Object.values(stats.numbers.dropped).reduce((sum, number) => sum + number, 0);
  return (
    <div class="cards">
      <Figure
        value={point["connections"]}
        words="connected"
        tone={point["connections"] ? "good" : "none"}
        href={href("clients")}
      />
      <Figure
        value={point["receivedMessagesPerSecond"]}
        words="messages/s in"
        className="to-broker"
      />
      <Figure
        value={point["sentMessagesPerSecond"]}
        words="messages/s out"
        className="from-broker"
      />
      <Figure
        value={dropped}
        words="dropped since the start"
        className={dropped === undefined || dropped === 0 ? "" : "warn"}
        href={href("clients", [], { state: "all", drops: "1" })}
      />
      <Figure
        value={commitP99Ms}
        show={duration}
        words={commitP99Ms === null ? "commit p99: no commits now" : "commit p99"}
      />
    </div>
  );
}

function Figure(
  { value, words, show = count, className = "", tone, href: target }: {
    readonly value: number | null | undefined;
    readonly words: string;
    readonly show?: (value: number) => string;
    readonly className?: string;
    readonly tone?: "good" | "none";
    readonly href?: string;
  },
) {
  const inner = (
    <>
      <b class={className}>
        {value === null || value === undefined ? "–" : show(value)}
      </b>
      <span class="note">
        {tone !== undefined && <Dot tone={tone} />} {words}
      </span>
    </>
  );
  return target === undefined ? <div class="figure">{inner}</div> : <a class="figure" href={target}>{inner}</a>;
}
