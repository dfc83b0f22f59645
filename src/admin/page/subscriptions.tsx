import { useState } from "preact/hooks";
import { useApp } from "./app.ts";
import { Badge, Button, Dot, Name, TextInput } from "./components.tsx";
import { listOf } from "./lists.ts";
import { Bones, Empty, Loaded, Page } from "./page.tsx";
import { type Pages, usePages, useRested } from "./resource.ts";
import { href } from "./router.ts";
import type { SubscriptionRow } from "./shapes.ts";
import { WhoWouldGet } from "./subscribers.tsx";
import { type Column, Table } from "./table.tsx";
import { count, counted } from "./text.ts";

/** Subscriptions of all clients, and those that a topic would go to. */
export function SubscriptionsPage() {
  const app = useApp();
  const { query } = app.router.place.value;
  const [search, setSearch] = useState(query["search"] ?? "");
  const asked = {
    search: useRested(search) || undefined,
    clientId: query["clientId"],
    sort: query["sort"] ?? "topicFilter",
    limit: 200,
  };
  const pages = usePages<SubscriptionRow>(
    JSON.stringify(asked),
    (after, signal) =>
      listOf<SubscriptionRow>(app.api, {
        path: ["subscriptions"],
        rows: "subscriptions",
        query: { ...asked, after },
        signal,
      }),
    { everyMs: 10_000 },
  );
  const change = (changes: Readonly<Record<string, string>>) =>
    app.router.go("subscriptions", [], { ...query, ...changes }, {
      replace: true,
    });
  return (
    <Page
      title="Subscriptions"
      tools={
        <>
          <TextInput
            type="search"
            isGrowing
            label="Search subscriptions"
            placeholder="Search topic filter, client, user"
            value={search}
            onValue={setSearch}
          />
          {asked.clientId !== undefined && (
            <span class="row">
              <Badge>
                of <Name>{asked.clientId}</Name>
              </Badge>
              <Button isSmall onClick={() => change({ clientId: "" })}>
                Show all clients
              </Button>
            </span>
          )}
          <span class="note push" role="status">
            {pages.data !== undefined &&
              counted(pages.data.matching, "subscription")}
          </span>
        </>
      }
    >
      <WhoWouldGet topic={query["topic"] ?? ""} onTopic={(topic) => change({ topic })} />
      <div class="pane grow">
        <List
          pages={pages}
          sort={asked.sort}
          isSearch={asked.search !== undefined}
          onSort={(sort) => change({ sort })}
        />
      </div>
    </Page>
  );
}

function List({ pages, sort, isSearch, onSort }: {
  readonly pages: Pages<SubscriptionRow>;
  readonly sort: string;
  readonly isSearch: boolean;
  readonly onSort: (sort: string) => void;
}) {
  return (
    <Loaded resource={pages} loading={<Bones rows={16} />}>
      {() =>
        pages.rows.length === 0
          ? (
            <Empty
              title={isSearch ? "No such subscription" : "No client has subscribed"}
              command="mosquitto_sub -t 'plant/+/line/#' -v"
            >
              Subscriptions of clients stand here, each with its topic filter and its options.
            </Empty>
          )
          : (
            <Table
              label="Subscriptions"
              columns={COLUMNS}
              rows={pages.rows}
              keyOf={({ clientId, topicFilter }) => `${clientId}\0${topicFilter}`}
              sort={sort}
              onSort={onSort}
              total={pages.data?.matching ?? pages.rows.length}
              onEnd={pages.more}
              onTop={pages.onTop}
            />
          )}
    </Loaded>
  );
}

const COLUMNS: readonly Column<SubscriptionRow>[] = [
  {
    key: "topicFilter",
    title: "Topic filter",
    isSortable: true,
    cell: ({ topicFilter }) => <Name>{topicFilter}</Name>,
  },
  {
    key: "clientId",
    title: "Client",
    isSortable: true,
    cell: ({ clientId, segment, isConnected }) => (
      <>
        <Dot tone={isConnected ? "good" : "none"} />{" "}
        <a href={href("clients", [segment], { state: "all" })}>
          <Name>{clientId}</Name>
        </a>
        {!isConnected && <span class="visually-hidden">, not connected</span>}
      </>
    ),
  },
  {
    key: "qos",
    title: "QoS",
    widthPx: 64,
    isNumber: true,
    isSortable: true,
    cell: ({ qos }) => qos,
  },
  {
    key: "shareName",
    title: "Share",
    widthPx: 128,
    isWideOnly: true,
    isSortable: true,
    cell: ({ shareName }) => shareName !== null && <Name>{shareName}</Name>,
  },
  {
    key: "options",
    title: "Options",
    widthPx: 280,
    isWideOnly: true,
    cell: (row) => optionsOf(row).join(", "),
  },
];

/** Options that are not the usual ones. */
function optionsOf(
  { noLocal, retainAsPublished, retainHandling, subscriptionIdentifier }: SubscriptionRow,
): string[] {
  return [
    ...noLocal ? ["No Local"] : [],
    ...retainAsPublished ? ["Retain As Published"] : [],
    ...retainHandling === 0 ? [] : [`Retain Handling ${retainHandling}`],
    ...subscriptionIdentifier === null ? [] : [`Identifier ${count(subscriptionIdentifier)}`],
  ];
}
