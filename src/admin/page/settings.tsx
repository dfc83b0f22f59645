import { useApp } from "./app.ts";
import { Badge, Fact, Facts, Pane, Tabs } from "./components.tsx";
import { Loaded, Page } from "./page.tsx";
import { useNow, useResource } from "./resource.ts";
import { Bans } from "./settings_bans.tsx";
import { Configuration } from "./settings_configuration.tsx";
import { Tokens } from "./settings_tokens.tsx";
import type { BrokerFacts } from "./shapes.ts";
import { type ThemeName, THEMES } from "./theme.ts";
import { bytes, clock, count, counted, duration } from "./text.ts";

const THEME_WORDS: Readonly<Record<ThemeName, string>> = { system: "As the system", light: "Light", dark: "Dark" };

/** Facts about the broker, who may use it, and how this page looks. */
export function SettingsPage() {
  const app = useApp();
  const broker = useResource("broker", (signal) => app.api.get<BrokerFacts>(["broker"], { signal }), {
    everyMs: 10_000,
  });
  return (
    <Page
      title="Settings"
      tools={
        <span class="push">
          <Tabs
            label="Colours"
            name={app.theme.name.value}
            names={THEMES.map((name) => [name, THEME_WORDS[name]] as const)}
            onName={(name) => app.theme.choose(name)}
          />
        </span>
      }
    >
      <div class="columns two">
        <div class="stack">
          <Pane title="Broker">
            <Loaded resource={broker}>{(facts) => <Broker facts={facts} />}</Loaded>
          </Pane>
          {app.may("admin") && <Configuration />}
          <Bans />
          {app.may("admin") && <Tokens />}
        </div>
        <div class="stack">
          <Pane title="Limits" note="as they are in force">
            <Loaded resource={broker}>{({ limits }) => <Limits limits={limits} />}</Loaded>
          </Pane>
        </div>
      </div>
    </Page>
  );
}

function Broker({ facts: { version, startedAt, listeners, storage, numbers } }: { readonly facts: BrokerFacts }) {
  const now = useNow();
  return (
    <Facts>
      <Fact name="Version">{version}</Fact>
      <Fact name="Started">
        {clock(startedAt, now)}, {duration(Math.max(0, now - Date.parse(startedAt)))} ago
      </Fact>
      <Fact name="Storage">
        {storage.name}
        {storage.bytes !== undefined && `, ${bytes(storage.bytes)}`}
        {storage.freeBytes !== undefined && `, of which ${bytes(storage.freeBytes)} free`}{" "}
        {!storage.isDurable && <Badge tone="warn">not durable</Badge>}
        {storage.isFailing && <Badge tone="bad">failing</Badge>}
      </Fact>
      <Fact name="Sessions">
        {count(numbers.sessions)}, of which {count(numbers.connectedClients)} connected
      </Fact>
      <Fact name="Retained">{counted(numbers.retainedMessages, "message")}, {bytes(numbers.retainedBytes)}</Fact>
      <Fact name="Queued">{counted(numbers.queuedMessages, "message")}, {bytes(numbers.queuedBytes)}</Fact>
      <Fact name="Listeners">
        {listeners.length > 0 && (
          <ul>
            {listeners.map(({ url }) => <li key={url} class="mono">{url}</li>)}
          </ul>
        )}
      </Fact>
    </Facts>
  );
}

function Limits({ limits }: { readonly limits: BrokerFacts["limits"] }) {
  return (
    <Facts>
      {Object.entries(limits).map(([name, value]) => <Fact key={name} name={name}>{limitText(name, value)}</Fact>)}
    </Facts>
  );
}

/** The unit is in the name of a limit. */
function limitText(name: string, value: number | "unlimited"): string {
  if (value === "unlimited") return value;
  if (value === 0) return "0";
  if (/Bytes/.test(name)) return `${count(value)} (${bytes(value)})`;
  if (/Ms$/.test(name)) return `${count(value)} (${duration(value)})`;
  if (/Seconds/.test(name)) return `${count(value)} (${duration(value * 1000)})`;
  return count(value);
}
