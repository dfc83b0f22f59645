import { useMemo, useState } from "preact/hooks";
import { useApp } from "./app.ts";
import { Badge, Button, Dot, Name, Pane, TextInput } from "./components.tsx";
import { listOf } from "./lists.ts";
import { Bones, Empty, Loaded, Page } from "./page.tsx";
import { usePages, useResource, useRested } from "./resource.ts";
import { href } from "./router.ts";
import type { Receivers, SubscriberRow, SubscriptionRow } from "./shapes.ts";
import { type Column, Table } from "./table.tsx";
import { count, counted } from "./text.ts";

/** Subscriptions of all clients, and those that a topic would go to. */
export function SubscriptionsPage() {
  const app = useApp();
  const { query } = app.router.place.value;
  const [search, setSearch] = useState(query["search"] ?? "");
  const [topic, setTopic] = useState(query["topic"] ?? "");
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
  const wanted = query["topic"] ?? "";
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
      <form
        class="row card is-low"
        onSubmit={(event) => {
          event.preventDefault();
          change({ topic });
        }}
      >
        <span class="strong">Who would get</span>
        <TextInput
          isGrowing
          isMono
          label="Topic"
          placeholder="plant/7/line/temp"
          value={topic}
          onValue={setTopic}
        />
        <Button isSubmit isPrimary>Show</Button>
        {wanted !== "" && (
          <Button
            onClick={() => {
              setTopic("");
              change({ topic: "" });
            }}
          >
            Clear
          </Button>
        )}
      </form>
      {wanted !== "" && <Subscribers topic={wanted} />}
      <div class="pane grow">
        <Loaded resource={pages} loading={<Bones rows={16} />}>
          {() =>
            pages.rows.length === 0
              ? (
                <Empty
                  title={asked.search === undefined ? "No client has subscribed" : "No such subscription"}
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
                  sort={asked.sort}
                  onSort={(sort) => change({ sort })}
                  total={pages.data?.matching ?? pages.rows.length}
                  onEnd={pages.more}
                  onTop={pages.onTop}
                />
              )}
        </Loaded>
      </div>
    </Page>
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

/** Subscriptions that a message of a topic would go to, with the rule that lets it. */
export function Subscribers({ topic }: { readonly topic: string }) {
  const app = useApp();
  const found = useResource(
    topic,
    (signal) => app.api.get<Receivers>(["subscriptions"], { query: { topic, limit: 1000 }, signal }),
    { everyMs: 10_000 },
  );
  return (
    <Pane
      title={
        <>
          Who would get <Name>{topic}</Name>
        </>
      }
      note={found.data !== undefined &&
        counted(found.data.receivers, "delivery", "deliveries")}
      isFlush
      className="subscribers"
    >
      <Loaded resource={found} loading={<Bones rows={3} />}>
        {({ subscribers: rows }) =>
          rows.length === 0
            ? (
              <p class="pane-body muted">
                Nobody: no subscription matches this topic
              </p>
            )
            : <SubscriberTable rows={rows} />}
      </Loaded>
    </Pane>
  );
}

function SubscriberTable(
  { rows }: { readonly rows: readonly SubscriberRow[] },
) {
  const columns = useMemo<readonly Column<SubscriberRow>[]>(() => [
    {
      key: "clientId",
      title: "Client",
      widthPx: 168,
      cell: ({ clientId, segment, isConnected }) => (
        <>
          <Dot tone={isConnected ? "good" : "none"} /> {clientId === null || segment === null ? "this program" : (
            <a
              href={href("clients", [segment], { state: "all" })}
            >
              <Name>{clientId}</Name>
            </a>
          )}
        </>
      ),
    },
    {
      key: "topicFilter",
      title: "By topic filter",
      cell: ({ topicFilter }) => <Name>{topicFilter}</Name>,
    },
    {
      key: "qos",
      title: "QoS",
      widthPx: 56,
      isNumber: true,
      cell: ({ qos }) => qos,
    },
    {
      key: "isAllowed",
      title: "Gets it",
      cell: ({ isAllowed, isConnected, rule, shareName, qos }) => (
        <>
          <span class={isAllowed ? "good" : "bad"}>
            {verdict(isAllowed, isConnected, qos)}
          </span>
          {shareName !== null && <span class="muted">· one of the group {shareName}</span>}
          {rule !== null && (
            <span class="muted">
              {" · "}
              <Name>{rule}</Name>
            </span>
          )}
        </>
      ),
    },
  ], []);
  return (
    <Table
      label="Subscriptions that match"
      columns={columns}
      rows={rows}
      keyOf={({ clientId, topicFilter }) => `${clientId}\0${topicFilter}`}
    />
  );
}

function verdict(
  isAllowed: boolean,
  isConnected: boolean,
  qos: number,
): string {
  if (!isAllowed) return "no: not allowed";
  if (isConnected) return "yes";
  return qos === 0 ? "no: not connected, QoS 0" : "later: not connected";
}
