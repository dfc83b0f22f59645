import { useRef } from "preact/hooks";
import { Dot, Name } from "./components.tsx";
import type { ClientRow } from "./shapes.ts";
import type { Column } from "./table.tsx";
import { bytes, count, duration, milliseconds, mqttVersion } from "./text.ts";

interface ClientColumn extends Column<ClientRow> {
  /** Left out where a client stands beside the list. */
  readonly isLongOnly?: boolean;
}

/** Columns whose cells depend on the row alone. */
const OWN_COLUMNS: readonly ClientColumn[] = [
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
    isLongOnly: true,
    cell: ({ principal = "" }) => principal && <Name isMono={false}>{principal}</Name>,
  },
  {
    key: "address",
    title: "Address",
    widthPx: 152,
    isSortable: true,
    isWideOnly: true,
    isWidestOnly: true,
    isLongOnly: true,
    cell: ({ address }) => <span class="mono">{address}</span>,
  },
  {
    key: "transport",
    title: "Via",
    widthPx: 52,
    isSortable: true,
    isWideOnly: true,
    isLongOnly: true,
    cell: ({ transport }) => transport,
  },
  {
    key: "protocolVersion",
    title: "MQTT",
    widthPx: 60,
    isSortable: true,
    isWideOnly: true,
    isLongOnly: true,
    cell: ({ protocolVersion }) => protocolVersion && mqttVersion(protocolVersion),
  },
  {
    key: "subscriptions",
    title: "Subs",
    widthPx: 56,
    isNumber: true,
    isSortable: true,
    isWideOnly: true,
    isLongOnly: true,
    cell: ({ subscriptions }) => count(subscriptions),
  },
  {
    key: "queued",
    title: "Queue",
    widthPx: 72,
    isNumber: true,
    isSortable: true,
    cell: ({ queued }) => number(queued),
  },
  {
    key: "dropped",
    title: "Drops",
    widthPx: 68,
    isNumber: true,
    isSortable: true,
    cell: ({ dropped }) => number(dropped),
  },
  {
    key: "receivedBytes",
    title: "Received",
    widthPx: 88,
    isNumber: true,
    isSortable: true,
    isWideOnly: true,
    isWidestOnly: true,
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
    isWidestOnly: true,
    isLongOnly: true,
    cell: ({ sentBytes }) => sentBytes !== null && bytes(sentBytes),
  },
];

/**
 * Columns of the list of clients.
 *
 * @param rates bytes a second of each client
 * @param isShort whether a client stands beside the list
 */
export function clientColumns(
  now: number,
  rates: ReadonlyMap<string, number>,
  isShort: boolean,
): readonly Column<ClientRow>[] {
  const all: readonly ClientColumn[] = [
    ...OWN_COLUMNS,
    {
      key: "rate",
      title: "Rate",
      widthPx: 76,
      isNumber: true,
      isWideOnly: true,
      isWidestOnly: true,
      isLongOnly: true,
      cell: ({ clientId }) => rateText(rates.get(clientId)),
    },
    {
      key: "connectedAt",
      title: "Since",
      widthPx: 76,
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
export function useRates(
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
