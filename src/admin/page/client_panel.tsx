import type { ComponentChildren } from "preact";
import { useApp } from "./app.ts";
import { banQuestion } from "./ban_question.tsx";
import { SidePanel } from "./side_panel.tsx";
import { Badge, Button, Dot, Fact, Facts, Name } from "./components.tsx";
import { listOf } from "./lists.ts";
import { Loaded } from "./page.tsx";
import { useNow, useResource } from "./resource.ts";
import { href } from "./router.ts";
import type { ClientRow, EventRow, HeldList, SubscriptionRow } from "./shapes.ts";
import { ago, bytes, clock, count, counted, duration, mqttVersion } from "./text.ts";

/** One client beside the list. */
export function ClientPanel(
  { segment, onClose }: {
    readonly segment: string;
    readonly onClose: () => void;
  },
) {
  const app = useApp();
  const client = useResource(
    segment,
    (signal) => app.api.get<ClientRow>(["clients", { encoded: segment }], { signal }),
    { everyMs: 3000 },
  );
  const title = client.data === undefined ? "Client" : <Name isMono={false}>{client.data.clientId}</Name>;
  return (
    <SidePanel label="Client" title={title} onClose={onClose}>
      <Loaded resource={client}>
        {(row) => (
          <>
            <Actions row={row} onGone={client.reload} />
            <Part title="Facts">
              <ClientFacts row={row} />
            </Part>
            <Part title="Queue">
              <QueueFacts row={row} />
              <HeldMessages row={row} />
            </Part>
            <Subscriptions row={row} />
            <LastEvents clientId={row.clientId} />
          </>
        )}
      </Loaded>
    </SidePanel>
  );
}

function Part(
  { title, children }: {
    readonly title: ComponentChildren;
    readonly children: ComponentChildren;
  },
) {
  return (
    <section class="section">
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function Actions(
  { row, onGone }: { readonly row: ClientRow; readonly onGone: () => void },
) {
  const app = useApp();
  const { clientId, segment, isConnected } = row;
  if (!app.may("operator")) return null;
  const trace = async () => {
    const { id } = await app.api.post<{ readonly id: string }>(["traces"], {
      clientId,
    });
    app.router.go("inspector", [], { trace: id });
  };
  const disconnect = () =>
    app.ask({
      title: `Disconnect ${clientId}?`,
      effect:
        "It gets DISCONNECT with 0x98, Administrative action, and may connect again at once. Its session stays as long as it asked for.",
      action: "Disconnect the client",
      isDangerous: true,
      run: async () => {
        await app.api.delete(["clients", { encoded: segment }]);
        app.say({ text: `Disconnected ${clientId}` });
        onGone();
      },
    });
  const endSession = () =>
    app.ask({
      title: `End the session of ${clientId}?`,
      effect: `Its ${counted(row.subscriptions, "subscription")} and ${
        counted(row.queued, "message")
      } are lost for good.`,
      action: "End the session",
      isDangerous: true,
      run: async () => {
        await app.api.delete(["sessions", { encoded: segment }]);
        app.say({ text: `Ended the session of ${clientId}` });
        onGone();
      },
    });
  return (
    <div class="row section">
      <Button isSmall onClick={() => void trace().catch(app.fail)}>
        Trace
      </Button>
      {isConnected
        ? <Button isSmall isDangerous onClick={disconnect}>Disconnect…</Button>
        : <Button isSmall isDangerous onClick={endSession}>End session…</Button>}
      <Button
        isSmall
        isDangerous
        onClick={() => app.ask(banQuestion(app, row, onGone))}
      >
        Ban…
      </Button>
    </div>
  );
}

function ClientFacts({ row }: { readonly row: ClientRow }) {
  const now = useNow();
  const {
    principal,
    address,
    listener,
    protocolVersion,
    connectedAt,
    keepAliveSeconds,
    willTopic,
  } = row;
  return (
    <Facts>
      <Fact name="State">
        <Dot tone={row.isConnected ? "good" : "none"} /> {row.isConnected ? "Connected" : "Not connected"}
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
      <Fact name="Version">
        {protocolVersion !== null &&
          `MQTT ${mqttVersion(protocolVersion)}`}
      </Fact>
      <Fact name="Connected">
        {connectedAt !== null && ago(connectedAt, now)}
      </Fact>
      <Fact name="Keep Alive">
        {keepAliveSeconds !== null &&
          (keepAliveSeconds === 0 ? "off" : `${keepAliveSeconds} s`)}
      </Fact>
      <Fact name="Session">{sessionText(row, now)}</Fact>
      <Fact name="Will">
        {willTopic !== null && <Name>{willTopic}</Name>}
      </Fact>
      <Fact name="Received">
        {row.receivedBytes !== null &&
          traffic(row.receivedBytes, row.receivedPackets)}
      </Fact>
      <Fact name="Sent">
        {row.sentBytes !== null && traffic(row.sentBytes, row.sentPackets)}
      </Fact>
    </Facts>
  );
}

function traffic(size: number, packets: number | null): string {
  return `${bytes(size)} in ${counted(packets ?? 0, "packet")}`;
}

function sessionText(
  { isConnected, sessionExpirySeconds, expiresAt }: ClientRow,
  now: number,
): string {
  if (!isConnected && expiresAt !== null) {
    return `ends in ${duration(Math.max(0, Date.parse(expiresAt) - now))}`;
  }
  if (sessionExpirySeconds === 0) return "ends with the connection";
  if (sessionExpirySeconds >= 0xffffffff) return "never ends";
  return `stays for ${duration(sessionExpirySeconds * 1000)} after the connection`;
}

function QueueFacts({ row }: { readonly row: ClientRow }) {
  return (
    <Facts>
      <Fact name="Waiting">
        {counted(row.queued, "message")}, {bytes(row.queuedBytes)}
      </Fact>
      <Fact name="In flight">{counted(row.inflight, "message")}</Fact>
      <Fact name="Dropped">
        {row.dropped === 0 ? "0" : <span class="warn strong">{count(row.dropped)}</span>}
      </Fact>
      <Fact name="For the socket">
        {row.outboxBytes !== null && bytes(row.outboxBytes)}
      </Fact>
    </Facts>
  );
}

/** First messages that wait for the client or are in flight. */
function HeldMessages({ row: { segment, queued, inflight } }: { readonly row: ClientRow }) {
  const app = useApp();
  const held = useResource(
    `${segment} ${queued} ${inflight}`,
    (signal) => app.api.get<HeldList>(["clients", { encoded: segment }, "messages"], { query: { limit: 5 }, signal }),
  );
  if (queued + inflight === 0 || held.data === undefined) return null;
  return (
    <ul>
      {held.data.messages.map(({ state, message, qos }, index) => (
        <li key={index} class="row">
          <span class="break">{message === null ? "sent, no longer in memory" : <Name>{message.topic}</Name>}</span>
          <span class="note">
            {message !== null && `${bytes(message.payloadBytes)} · `}QoS {qos} ·{" "}
            {state === "queued" ? "waits" : "in flight"}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Subscriptions(
  { row: { clientId, segment, subscriptions: total } }: {
    readonly row: ClientRow;
  },
) {
  const app = useApp();
  const list = useResource(
    `${clientId} ${total}`,
    (signal) =>
      listOf<SubscriptionRow>(app.api, {
        path: ["clients", { encoded: segment }, "subscriptions"],
        rows: "subscriptions",
        query: { limit: 50 },
        signal,
      }),
  );
  return (
    <Part title={`Subscriptions (${count(total)})`}>
      {total === 0
        ? <p class="muted">None: it gets no messages</p>
        : (
          <Loaded resource={list} loading={<span class="bone" />}>
            {({ rows }) => (
              <>
                <ul>
                  {rows.map(({ topicFilter, qos }) => (
                    <li key={topicFilter} class="row">
                      <span class="break">
                        <Name>{topicFilter}</Name>
                      </span>
                      <Badge>QoS {qos}</Badge>
                    </li>
                  ))}
                </ul>
                {total > 50 && (
                  <a href={href("subscriptions", [], { clientId })}>
                    All {count(total)}
                  </a>
                )}
              </>
            )}
          </Loaded>
        )}
    </Part>
  );
}

function LastEvents({ clientId }: { readonly clientId: string }) {
  const app = useApp();
  const list = useResource(
    clientId,
    (signal) => listOf<EventRow>(app.api, { path: ["events"], rows: "events", query: { clientId, limit: 5 }, signal }),
    { everyMs: 5000 },
  );
  const now = useNow();
  return (
    <Part title="Last events">
      <Loaded resource={list} loading={<span class="bone" />}>
        {({ rows }) =>
          rows.length === 0 ? <p class="muted">None</p> : (
            <>
              <ul class="stack">
                {rows.map((event) => (
                  <li key={event.id}>
                    <div class="note">
                      {clock(event.time, now)}
                      {event.count > 1 && ` · ${count(event.count)} times`}
                    </div>
                    <div class="break">
                      <bdi>{event.message}</bdi>
                    </div>
                  </li>
                ))}
              </ul>
              <a href={href("events", [], { clientId })}>
                All events of this client
              </a>
            </>
          )}
      </Loaded>
    </Part>
  );
}
