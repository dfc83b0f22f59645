import { useMemo, useRef, useState } from "preact/hooks";
import type { App } from "./app.ts";
import { useApp } from "./app.ts";
import { ClientPanel } from "./client_panel.tsx";
import { Checkbox, classes, Dot, Name, Select, TextInput } from "./components.tsx";
import { listOf } from "./lists.ts";
import { Bones, Empty, Loaded, Page } from "./page.tsx";
import { useNow, usePages, useRested } from "./resource.ts";
import type { ClientRow, ListOf } from "./shapes.ts";
import { type Column, Table } from "./table.tsx";
import { bytes, count, counted, duration, milliseconds, mqttVersion } from "./text.ts";

const STATES = [["connected", "Connected"], ["away", "Not connected"], ["all", "All sessions"]] as const;
const VERSIONS = [["", "Any version"], ["5", "MQTT 5"], ["3.1.1", "MQTT 3.1.1"], ["3.1", "MQTT 3.1"]] as const;

/** Clients and sessions: which of them, in which order, and one of them beside the list. */
export function ClientsPage() {
  const app = useApp();
  const { parts, query } = app.router.place.value;
  const [selected] = parts; // Its segment in paths of the API.
  const [search, setSearch] = useState(query["search"] ?? "");
  const rested = useRested(search);
  const change = (changes: Readonly<Record<string, string | undefined>>) =>
    app.router.go("clients", parts, { ...query, ...changes }, {
      replace: true,
    });
  const { state = "connected", sort = "-connectedAt" } = query;
  const asked = {
    state,
    search: rested || undefined,
    version: query["version"],
    listener: query["listener"],
    hasQueue: query["queue"] === "1",
    hasDrops: query["drops"] === "1",
    sort,
    limit: 200,
  };
  const pages = usePages<ClientRow>(
    JSON.stringify(asked),
    (after, signal) =>
      listOf<ClientRow>(app.api, { path: ["clients"], rows: "sessions", query: { ...asked, after }, signal }),
    { everyMs: 5000 },
  );
  const select = (row: ClientRow) =>
    app.router.go(
      "clients",
      row.segment === selected ? [] : [row.segment],
      query,
      { replace: true },
    );
  return (
    <Page
      title="Clients"
      tools={
        <>
          <TextInput
            type="search"
            isGrowing
            label="Search clients"
            placeholder="Search id, user, address"
            value={search}
            onValue={setSearch}
          />
          <Select
            label="State"
            value={state as "connected"}
            options={STATES}
            onValue={(value) => change({ state: value })}
          />
          <Select
            label="Version"
            value={(query["version"] ?? "") as ""}
            options={VERSIONS}
            onValue={(value) => change({ version: value })}
          />
          <Checkbox
            isChecked={query["queue"] === "1"}
            onChange={(on) => change({ queue: on ? "1" : "" })}
          >
            Has queue
          </Checkbox>
          <Checkbox
            isChecked={query["drops"] === "1"}
            onChange={(on) => change({ drops: on ? "1" : "" })}
          >
            Has drops
          </Checkbox>
          <span class="note push" role="status">
            {pages.data !== undefined && found(pages.data, state)}
          </span>
        </>
      }
    >
      <div class={classes("columns grow", { aside: selected !== undefined })}>
        <div class="pane">
          <Loaded resource={pages} loading={<Bones rows={20} />}>
            {() =>
              pages.rows.length === 0 ? <NoClients isFiltered={isFiltered(asked)} app={app} /> : (
                <ClientTable
                  pages={pages}
                  isShort={selected !== undefined}
                  selected={selected}
                  sort={sort}
                  onSort={(order) => change({ sort: order })}
                  onPick={select}
                />
              )}
          </Loaded>
        </div>
        {selected !== undefined && (
          <ClientPanel
            key={selected}
            segment={selected}
            onClose={() => app.router.go("clients", [], query, { replace: true })}
          />
        )}
      </div>
    </Page>
  );
}

function ClientTable({ pages, isShort, selected, sort, onSort, onPick }: {
  readonly pages: ReturnType<typeof usePages<ClientRow>>;
  /** Whether a client stands beside it. */
  readonly isShort: boolean;
  readonly selected: string | undefined;
  readonly sort: string;
  readonly onSort: (sort: string) => void;
  readonly onPick: (row: ClientRow) => void;
}) {
  const now = useNow(5000);
  const rates = useRates(pages.rows, pages.loadedAtMs);
  const columns = useMemo(() => columnsOf(now, rates, isShort), [
    now,
    rates,
    isShort,
  ]);
  return (
    <Table
      label="Clients"
      columns={columns}
      rows={pages.rows}
      keyOf={({ segment }) => segment}
      selectedKey={selected}
      onPick={onPick}
      sort={sort}
      onSort={onSort}
      total={pages.data?.matching ?? pages.rows.length}
      onEnd={pages.more}
      onTop={pages.onTop}
    />
  );
}

function columnsOf(
  now: number,
  rates: ReadonlyMap<string, number>,
  isShort: boolean,
): Column<ClientRow>[] {
  const all: (Column<ClientRow> & { readonly isLongOnly?: boolean })[] = [
    {
      key: "clientId",
      title: "Client",
      isSortable: true,
      cell: ({ clientId, isConnected }) => (
        <>
          <Dot tone={isConnected ? "good" : "none"} /> <Name>{clientId}</Name>
          {!isConnected && <span class="visually-hidden">, not connected</span>}
        </>
      ),
    },
    {
      key: "principal",
      title: "User",
      widthPx: 100,
      isSortable: true,
      isWideOnly: true,
      cell: ({ principal = "" }) => principal && <Name isMono={false}>{principal}</Name>,
    },
    {
      key: "address",
      title: "Address",
      widthPx: 152,
      isSortable: true,
      isWideOnly: true,
      isLongOnly: true,
      cell: ({ address }) => <span class="mono">{address}</span>,
    },
    {
      key: "transport",
      title: "Via",
      widthPx: 52,
      isSortable: true,
      isWideOnly: true,
      cell: ({ transport }) => transport,
    },
    {
      key: "protocolVersion",
      title: "MQTT",
      widthPx: 60,
      isSortable: true,
      isWideOnly: true,
      cell: ({ protocolVersion }) => protocolVersion && mqttVersion(protocolVersion),
    },
    {
      key: "subscriptions",
      title: "Subs",
      widthPx: 48,
      isNumber: true,
      isSortable: true,
      isWideOnly: true,
      cell: ({ subscriptions }) => count(subscriptions),
    },
    {
      key: "queued",
      title: "Queue",
      widthPx: 68,
      isNumber: true,
      isSortable: true,
      cell: ({ queued }) => number(queued),
    },
    {
      key: "dropped",
      title: "Drops",
      widthPx: 64,
      isNumber: true,
      isSortable: true,
      cell: ({ dropped }) => number(dropped),
    },
    {
      key: "receivedBytes",
      title: "Received",
      widthPx: 76,
      isNumber: true,
      isSortable: true,
      isWideOnly: true,
      isLongOnly: true,
      cell: ({ receivedBytes }) => receivedBytes !== null && bytes(receivedBytes),
    },
    {
      key: "sentBytes",
      title: "Sent",
      widthPx: 76,
      isNumber: true,
      isSortable: true,
      isWideOnly: true,
      isLongOnly: true,
      cell: ({ sentBytes }) => sentBytes !== null && bytes(sentBytes),
    },
    {
      key: "rate",
      title: "Rate",
      widthPx: 76,
      isNumber: true,
      isWideOnly: true,
      isLongOnly: true,
      cell: ({ clientId }) => rateText(rates.get(clientId)),
    },
    {
      key: "connectedAt",
      title: "Since",
      widthPx: 68,
      isNumber: true,
      isSortable: true,
      isWideOnly: true,
      cell: ({ connectedAt }) => connectedAt && duration(Math.max(0, now - milliseconds(connectedAt))),
    },
  ];
  return all.filter(({ isLongOnly = false }) => !(isShort && isLongOnly));
}

function number(value: number) {
  return value === 0 ? <span class="muted">0</span> : <span class="warn strong">{count(value)}</span>;
}

function rateText(rate: number | undefined) {
  return rate === undefined ? <span class="muted">–</span> : `${bytes(rate)}/s`;
}

/** Bytes a second of each client, both ways, between the last two answers. */
function useRates(
  rows: readonly ClientRow[],
  loadedAtMs: number | undefined,
): ReadonlyMap<string, number> {
  const before = useRef<
    { readonly atMs: number; readonly totals: ReadonlyMap<string, number> }
  >({ atMs: 0, totals: new Map() });
  const rates = useRef<ReadonlyMap<string, number>>(new Map());
  if (loadedAtMs !== undefined && loadedAtMs > before.current.atMs) {
    const totals = new Map(
      rows.map((
        row,
      ) => [row.clientId, (row.receivedBytes ?? 0) + (row.sentBytes ?? 0)]),
    );
    const seconds = (loadedAtMs - before.current.atMs) / 1000;
    const old = before.current.totals;
    rates.current = new Map(
      [...totals].flatMap(([clientId, total]) => {
        const last = old.get(clientId);
        // A total that fell belongs to a new connection.
        return last === undefined || total < last ? [] : [[clientId, (total - last) / seconds] as const];
      }),
    );
    before.current = { atMs: loadedAtMs, totals };
  }
  return rates.current;
}

/** `10,000 connected · 280 match` */
function found({ total, matching }: ListOf<ClientRow>, state: string): string {
  const all = state === "connected" ? `${count(total)} connected` : counted(total, "session");
  return matching === total ? all : `${all} · ${count(matching)} match`;
}

function isFiltered(asked: Readonly<Record<string, unknown>>): boolean {
  return !!(asked["search"] || asked["version"] || asked["listener"] ||
    asked["hasQueue"] || asked["hasDrops"]);
}

function NoClients(
  { isFiltered, app }: { readonly isFiltered: boolean; readonly app: App },
) {
  if (!isFiltered) {
    return (
      <Empty
        title="No client is connected"
        command="mosquitto_sub -t 'test/#' -v"
      >
        Clients stand here as soon as they connect. This one subscribes and waits; the WebSocket tool connects without
        any program.
      </Empty>
    );
  }
  return (
    <Empty title="No client is like that">
      Nothing matches the search and the filters.{" "}
      <button
        type="button"
        class="link"
        onClick={() => app.router.go("clients")}
      >
        Show all clients
      </button>
    </Empty>
  );
}
