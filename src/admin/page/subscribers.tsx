import { useMemo, useState } from "preact/hooks";
import { useApp } from "./app.ts";
import { Button, Dot, Name, Pane, TextInput } from "./components.tsx";
import { Bones, Loaded } from "./page.tsx";
import { useResource } from "./resource.ts";
import { href } from "./router.ts";
import type { Receivers, SubscriberRow } from "./shapes.ts";
import { type Column, Table } from "./table.tsx";
import { counted } from "./text.ts";

/** Asks for a topic, and shows who would get it. */
export function WhoWouldGet({ topic: wanted, onTopic }: {
  readonly topic: string;
  readonly onTopic: (topic: string) => void;
}) {
  const [topic, setTopic] = useState(wanted);
  return (
    <>
      <form
        class="row card is-low"
        onSubmit={(event) => {
          event.preventDefault();
          onTopic(topic);
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
              onTopic("");
            }}
          >
            Clear
          </Button>
        )}
      </form>
      {wanted !== "" && <Subscribers topic={wanted} />}
    </>
  );
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
