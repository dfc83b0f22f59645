import { useEffect, useMemo, useState } from "preact/hooks";
import { segmentOf } from "./api.ts";
import { useApp } from "./app.ts";
import { Badge, Button, Checkbox, classes, Fact, Facts, Name, Select, TextInput } from "./components.tsx";
import { listOf } from "./lists.ts";
import { Bones, Empty, Loaded, Page } from "./page.tsx";
import { useNow, useResource, useRested } from "./resource.ts";
import { href } from "./router.ts";
import type { EventRow } from "./shapes.ts";
import { specificationLink } from "./specification_links.ts";
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

/** Words and tone of a kind. */
const BADGES: Readonly<
  Record<string, readonly ["none" | "warn" | "bad", string]>
> = {
  ended: ["none", "Ended"],
  refused: ["bad", "Refused"],
  denied: ["bad", "Denied"],
  dropped: ["warn", "Dropped"],
  broker: ["warn", "Broker"],
  admin: ["none", "Change"],
};

const MOST_EVENTS = 1000;

/** What happened to clients and by whom, the newest first, with what helps. */
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
          <Select
            label="Kind"
            value={(query["kind"] ?? "") as ""}
            options={KINDS}
            onValue={(kind) => change({ kind })}
          />
          <TextInput
            type="search"
            isGrowing
            label="Client Identifier"
            placeholder="Client Identifier"
            value={clientId}
            onValue={setClientId}
          />
          <Checkbox
            isChecked={query["mine"] === "1"}
            onChange={(on) => change({ mine: on ? "1" : "" })}
          >
            From my address
          </Checkbox>
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
    // Whose address an event comes from only the broker knows.
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

function KindBadge({ kind }: { readonly kind: string }) {
  const [tone, words] = BADGES[kind] ?? ["none", kind];
  return <Badge tone={tone}>{words}</Badge>;
}

function EventPanel(
  { event, onClose }: {
    readonly event: EventRow;
    readonly onClose: () => void;
  },
) {
  const now = useNow();
  const {
    clientId,
    principal,
    address,
    listener,
    reasonCode,
    topic,
    clause,
    remedy,
  } = event;
  const link = clause === null ? undefined : specificationLink(clause);
  return (
    <aside
      class="pane panel"
      aria-label="Event"
      onKeyDown={(press) => press.key === "Escape" && onClose()}
    >
      <div class="pane-head">
        <h2>
          <KindBadge kind={event.kind} />
        </h2>
        <span class="note">{clock(event.time, now)}</span>
        <span class="push">
          <Button isSmall label="Close the panel" onClick={onClose}>×</Button>
        </span>
      </div>
      <div
        class="pane-body stack"
        tabIndex={0}
        role="group"
        aria-label="Facts of the event"
      >
        <p class="break">
          <bdi>{event.message}</bdi>
        </p>
        {remedy !== null && (
          <div class="banner is-warn">
            <strong>What helps</strong>
            <span class="break">{withCode(remedy)}</span>
          </div>
        )}
        <Facts>
          <Fact name="Times">
            {event.count > 1 &&
              `${count(event.count)}, first at ${clock(event.firstTime, now)}`}
          </Fact>
          <Fact name="Client">
            {clientId !== null && (
              <a
                href={href("clients", [segmentOf(clientId)], {
                  state: "all",
                  search: clientId,
                })}
              >
                <Name>{clientId}</Name>
              </a>
            )}
          </Fact>
          <Fact name="User">
            {principal !== null && <Name isMono={false}>{principal}</Name>}
          </Fact>
          <Fact name="Address">
            {address !== null && <span class="mono">{address}</span>}
          </Fact>
          <Fact name="Listener">
            {listener !== null && <span class="mono">{listener}</span>}
          </Fact>
          <Fact name="Topic">
            {topic !== null && <Name>{topic}</Name>}
          </Fact>
          <Fact name="Reason Code">
            {reasonCode !== null && (
              <span class="mono">
                0x{reasonCode.toString(16).toUpperCase().padStart(2, "0")}
              </span>
            )}
          </Fact>
          <Fact name="Clause">
            {clause !== null &&
              (link === undefined ? clause : <a href={link} target="_blank" rel="noreferrer">{clause}</a>)}
          </Fact>
          <Fact name="Guide">{event.help !== null && <span class="mono">{event.help}</span>}</Fact>
          <Fact name="Name in logs">
            <span class="mono">{event.name}</span>
          </Fact>
        </Facts>
      </div>
    </aside>
  );
}

/** Text whose parts between backticks are code. */
function withCode(text: string) {
  return text.split("`").map((part, index) => index % 2 === 0 ? part : <code key={index}>{part}</code>);
}
