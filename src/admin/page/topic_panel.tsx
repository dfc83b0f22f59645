import { useState } from "preact/hooks";
import { useApp } from "./app.ts";
import { Button, Fact, Facts, Name, Tabs } from "./components.tsx";
import { DiffView } from "./diff_view.tsx";
import { Loaded } from "./page.tsx";
import { Payload } from "./payload.tsx";
import { publishQuestion } from "./publish_question.tsx";
import { useNow, useResource } from "./resource.ts";
import { type SeenValue, useSeenValues } from "./seen_values.ts";
import type { RetainedValue } from "./shapes.ts";
import { SidePanel } from "./side_panel.tsx";
import { Subscribers } from "./subscribers.tsx";
import { deleteTopic } from "./topic_deletion.tsx";
import { ago, bytes, duration } from "./text.ts";
import { ValueChart } from "./value_chart.tsx";

type View = "value" | "diff" | "chart" | "subscribers";

const VIEWS = [
  ["value", "Value"],
  ["diff", "Diff to last"],
  ["chart", "Chart"],
  ["subscribers", "Who gets this?"],
] as const;

/** Retained message of one topic. */
export function TopicPanel({ topic, onClose, onChange }: {
  readonly topic: string;
  readonly onClose: () => void;
  readonly onChange: () => void;
}) {
  const app = useApp();
  const value = useResource(
    topic,
    (signal) => app.api.get<RetainedValue>(["retained", topic], { signal }),
    { everyMs: 2000 },
  );
  const seen = useSeenValues(value.data);
  const [view, setView] = useState<View>("value");
  const publish = () =>
    app.ask(
      publishQuestion(
        app,
        { topic, retain: true, data: seen.at(-1)?.data },
        value.reload,
      ),
    );
  const tools = app.may("operator") && (
    <>
      <Button isSmall onClick={publish}>Publish…</Button>
      {value.data !== undefined && (
        <Button isSmall isDangerous onClick={() => deleteTopic(app, topic, onChange)}>Delete…</Button>
      )}
    </>
  );
  return (
    <SidePanel label="Topic" title={<Name>{topic}</Name>} tools={tools} onClose={onClose}>
      <Tabs label="View" name={view} names={VIEWS} onName={setView} />
      {view === "subscribers" ? <Subscribers topic={topic} /> : (
        <Loaded resource={value}>
          {(data) => (
            <>
              <ValueFacts value={data} />
              {data.payload === undefined
                ? <p class="muted">A viewer does not see payloads: that needs an operator</p>
                : <ValueView view={view} seen={seen} />}
            </>
          )}
        </Loaded>
      )}
    </SidePanel>
  );
}

function ValueView(
  { view, seen }: { readonly view: View; readonly seen: readonly SeenValue[] },
) {
  const last = seen.at(-1);
  if (last === undefined) return null;
  switch (view) {
    case "diff":
      return <DiffView before={seen.at(-2)} now={last} />;
    case "chart":
      return <ValueChart seen={seen} />;
    default:
      return <Payload data={last.data} />;
  }
}

function ValueFacts({ value }: { readonly value: RetainedValue }) {
  const now = useNow();
  const { publisher, principal, retainedAt, expiresAt, properties = {} } = value;
  const others = Object.entries(properties).filter(([, property]) => property !== null);
  return (
    <Facts>
      <Fact name="Retained">
        QoS {value.qos} · {bytes(value.payloadBytes)}
        {isCut(value) && ", of which the first 64 KiB are shown"} ·{" "}
        {retainedAt === null ? "before the start" : ago(retainedAt, now)}
      </Fact>
      <Fact name="By">
        {publisher !== null && (
          <>
            <Name>{publisher}</Name>
            {principal !== null && principal !== publisher && (
              <>
                {" "}as <Name isMono={false}>{principal}</Name>
              </>
            )}
          </>
        )}
      </Fact>
      <Fact name="Expires">
        {expiresAt !== null &&
          `in ${duration(Math.max(0, Date.parse(expiresAt) - now))}`}
      </Fact>
      {others.map(([name, property]) => (
        <Fact key={name} name={wordsOf(name)}>
          <bdi>
            {typeof property === "object" ? JSON.stringify(property) : String(property)}
          </bdi>
        </Fact>
      ))}
    </Facts>
  );
}

/** `contentType` as `Content Type`. */
function wordsOf(name: string): string {
  return name.replace(/^./, (letter) => letter.toUpperCase()).replaceAll(
    /([A-Z])/g,
    " $1",
  ).trim();
}

/** Whether the API has given the beginning of a payload only; base64 has four characters for three bytes. */
function isCut({ payload, payloadBytes }: RetainedValue): boolean {
  return payload !== undefined && payload.length / 4 * 3 < payloadBytes;
}
