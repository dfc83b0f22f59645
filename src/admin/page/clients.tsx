import { useMemo, useState } from "preact/hooks";
import { useApp } from "./app.ts";
import { clientColumns, useRates } from "./client_columns.tsx";
import { ClientFilters } from "./client_filters.tsx";
import { ClientPanel } from "./client_panel.tsx";
import { Button, classes } from "./components.tsx";
import { disconnectAll } from "./disconnect_all.ts";
import { listOf } from "./lists.ts";
import { Bones, Empty, Loaded, Page } from "./page.tsx";
import { useNow, usePages, useRested } from "./resource.ts";
import type { ClientRow, ListOf } from "./shapes.ts";
import { Table } from "./table.tsx";
import { count, counted } from "./text.ts";

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
          <ClientFilters search={search} onSearch={setSearch} query={query} onChange={change} />
          {app.may("operator") && isFiltered(asked) && pages.data !== undefined && pages.data.matching > 0 &&
            state === "connected" && (
            <Button
              isDangerous
              onClick={() => disconnectAll(app, asked, pages.data?.matching ?? 0, pages.reload)}
            >
              Disconnect {count(pages.data.matching)}…
            </Button>
          )}
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
              pages.rows.length === 0 ? <NoClients isFiltered={isFiltered(asked)} /> : (
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
  const columns = useMemo(() => clientColumns(now, rates, isShort), [
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

/** `10,000 connected · 280 match` */
function found({ total, matching }: ListOf<ClientRow>, state: string): string {
  const all = state === "connected" ? `${count(total)} connected` : counted(total, "session");
  return matching === total ? all : `${all} · ${count(matching)} match`;
}

function isFiltered(asked: Readonly<Record<string, unknown>>): boolean {
  return !!(asked["search"] || asked["version"] || asked["listener"] ||
    asked["hasQueue"] || asked["hasDrops"]);
}

function NoClients({ isFiltered }: { readonly isFiltered: boolean }) {
  const app = useApp();
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
