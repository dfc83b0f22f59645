import { useEffect, useMemo, useState } from "preact/hooks";
import { useApp } from "./app.ts";
import { Checkbox, classes, Name, Select, TextInput } from "./components.tsx";
import { EventPanel, KindBadge } from "./event_panel.tsx";
import { listOf } from "./lists.ts";
import { Bones, Empty, Loaded, Page } from "./page.tsx";
import { useNow, useResource, useRested } from "./resource.ts";
import type { EventRow } from "./shapes.ts";
import { type Column, Table } from "./table.tsx";
import { clock, count, counted } from "./text.ts";

const KINDS = [
  ["", "All kinds"],
  ["ended", "Ended"],
  ["refused", "Refused"],
  ["denied", "Denied"],
  ["dropped", "Dropped"],
  ["broker", "Broker"],
  ["admin", "Changes"],
] as const;

const MOST_EVENTS = 1000;

/** Page of events: each says what happened to a client, who caused it and what helps; the newest first. */
export function EventsPage() {
  const app = useApp();
  const { parts: [selectedId], query } = app.router.place.value;
  const [clientId, setClientId] = useState(query["clientId"] ?? "");
  const change = (changes: Readonly<Record<string, string>>) =>
    app.router.go("events", [], { ...query, ...changes }, { replace: true });
  const asked = {
    kind: query["kind"],
    clientId: useRested(clientId) || undefined,
    mine: query["mine"] === "1",
    limit: MOST_EVENTS,
  };
  const events = useEvents(asked);
  const selected = events.data?.find(({ firstId }) => String(firstId) === selectedId);
  const select = (event: EventRow | undefined) =>
    app.router.go(
      "events",
      event === undefined || event === selected ? [] : [String(event.firstId)],
      query,
      {
        replace: true,
      },
    );
  return (
    <Page
      title="Events"
      tools={
        <>
          <EventFilters clientId={clientId} onClientId={setClientId} query={query} onChange={change} />
          <span class="note push" role="status">
            {events.data !== undefined &&
              counted(events.data.length, "event")}
          </span>
        </>
      }
    >
      <div class={classes("columns grow", { aside: selected !== undefined })}>
        <div class="pane">
          <Loaded resource={events} loading={<Bones rows={20} />}>
            {(rows) =>
              rows.length === 0
                ? (
                  <Empty title="Nothing like that has happened" command="mosquitto_pub -t test/hello -m hello">
                    Connections that end, refusals, denials, drops and changes by people stand here, each with its
                    reason and with what helps.
                  </Empty>
                )
                : (
                  <EventTable
                    rows={rows}
                    selectedId={selectedId}
                    onPick={select}
                    isShort={selected !== undefined}
                  />
                )}
          </Loaded>
        </div>
        {selected !== undefined && (
          <EventPanel
            event={selected}
            onClose={() => select(undefined)}
          />
        )}
      </div>
    </Page>
  );
}

function EventFilters({ clientId, onClientId, query, onChange }: {
  readonly clientId: string;
  readonly onClientId: (clientId: string) => void;
  readonly query: Readonly<Record<string, string>>;
  readonly onChange: (changes: Readonly<Record<string, string>>) => void;
}) {
  const { kind = "", mine = "" } = query;
  return (
    <>
      <Select label="Kind" value={kind} options={KINDS} onValue={(value) => onChange({ kind: value })} />
      <TextInput
        type="search"
        isGrowing
        label="Client Identifier"
        placeholder="Client Identifier"
        value={clientId}
        onValue={onClientId}
      />
      <Checkbox isChecked={mine === "1"} onChange={(on) => onChange({ mine: on ? "1" : "" })}>From my address</Checkbox>
    </>
  );
}

/** Events of a filter, and those that happen meanwhile. */
function useEvents(
  asked: Readonly<Record<string, string | number | boolean | undefined>>,
) {
  const app = useApp();
  const key = JSON.stringify(asked);
  const loaded = useResource(
    key,
    async (signal) =>
      (await listOf<EventRow>(app.api, { path: ["events"], rows: "events", query: asked, signal })).rows,
    { everyMs: 30_000 },
  );
  const [news, setNews] = useState<readonly EventRow[]>([]);
  useEffect(() => {
    setNews([]);
    // Only the broker knows the address that an event comes from.
    if (asked["mine"] === true) return undefined;
    return app.live.on("events", (data, name) => {
      const event = data as EventRow;
      if (name === "gap") loaded.reload();
      else if (name === "event" && isAsked(event, asked)) {
        setNews((old) => [event, ...old].slice(0, MOST_EVENTS));
      }
    });
  }, [key]);
  const data = useMemo(
    () => loaded.data && newestFirst([...news, ...loaded.data]),
    [loaded.data, news],
  );
  return { ...loaded, data };
}

function isAsked(
  event: EventRow,
  { kind, clientId }: Readonly<Record<string, unknown>>,
): boolean {
  return (!kind || event.kind === kind) &&
    (!clientId || event.clientId === clientId);
}

/** Events once each, of repetitions the newest. */
function newestFirst(events: readonly EventRow[]): EventRow[] {
  const byThing = new Map<number, EventRow>();
  for (const event of events) {
    const known = byThing.get(event.firstId);
    if (known === undefined || known.id < event.id) {
      byThing.set(event.firstId, event);
    }
  }
  return [...byThing.values()].sort((one, other) => other.id - one.id).slice(
    0,
    MOST_EVENTS,
  );
}

function EventTable({ rows, selectedId, onPick, isShort }: {
  readonly rows: readonly EventRow[];
  readonly selectedId: string | undefined;
  readonly onPick: (event: EventRow) => void;
  readonly isShort: boolean;
}) {
  const today = new Date(useNow(60_000)).toDateString();
  const columns = useMemo(
    () => columnsOf().filter(({ key }) => !(isShort && key === "clientId")),
    [today, isShort],
  );
  return (
    <Table
      label="Events"
      columns={columns}
      rows={rows}
      keyOf={({ firstId }) => String(firstId)}
      selectedKey={selectedId}
      onPick={onPick}
      total={rows.length}
    />
  );
}

function columnsOf(): Column<EventRow>[] {
  const now = Date.now();
  return [
    {
      key: "time",
      title: "Time",
      widthPx: 96,
      cell: ({ time }) => <span class="mono">{clock(time, now)}</span>,
    },
    {
      key: "kind",
      title: "Kind",
      widthPx: 88,
      cell: ({ kind }) => <KindBadge kind={kind} />,
    },
    {
      key: "clientId",
      title: "Client",
      widthPx: 168,
      isWideOnly: true,
      cell: ({ clientId }) => clientId !== null && <Name>{clientId}</Name>,
    },
    {
      key: "message",
      title: "Event",
      cell: ({ message }) => <bdi>{message}</bdi>,
    },
    {
      key: "count",
      title: "Times",
      widthPx: 64,
      isNumber: true,
      isWideOnly: true,
      cell: ({ count: times }) => times > 1 && count(times),
    },
  ];
}
