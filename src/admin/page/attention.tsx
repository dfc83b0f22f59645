import type { App } from "./app.ts";
import { useApp } from "./app.ts";
import { Dot, Pane } from "./components.tsx";
import { listOf } from "./lists.ts";
import { Loaded } from "./page.tsx";
import { useResource } from "./resource.ts";
import { href } from "./router.ts";
import type { BrokerFacts, Drops, EventRow } from "./shapes.ts";
import { count, counted } from "./text.ts";

/** How far back events need attention. */
const SINCE_MS = 600_000;
const FAULTS = /Failed|Lost|Error|stoodStill/;

/** Matter that an operator should look at, with the way there. */
interface Matter {
  readonly tone: "none" | "warn" | "bad";
  readonly text: string;
  readonly href: string;
}

export function Attention() {
  const app = useApp();
  const found = useResource("attention", (signal) => mattersOf(app, signal), { everyMs: 10_000 });
  return (
    <Pane title="Needs attention" isFlush>
      <Loaded resource={found} loading={<Loading />}>
        {(matters) => (
          <ul class="lines">
            {matters.every(({ tone }) => tone === "none") && (
              <li>
                <Dot tone="good" /> All well
              </li>
            )}
            {matters.map(({ tone, text, href }) => (
              <li key={text}>
                <Dot tone={tone} />
                <a href={href}>
                  <bdi>{text}</bdi>
                </a>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Pane>
  );
}

function Loading() {
  return (
    <div class="pane-body">
      <span class="bone" />
    </div>
  );
}

async function mattersOf(app: App, signal: AbortSignal): Promise<Matter[]> {
  const eventsOf = async (kind: string) => {
    const query = { kind, limit: 1000 };
    const { rows } = await listOf<EventRow>(app.api, { path: ["events"], rows: "events", query, signal });
    return rows.filter(({ time }) => Date.parse(time) >= Date.now() - SINCE_MS);
  };
  const [{ slow }, { numbers }, refusals, denials, faults] = await Promise.all([
    app.api.get<Drops>(["drops"], { query: { limit: 1 }, signal }),
    app.api.get<BrokerFacts>(["broker"], { signal }),
    eventsOf("refused"),
    eventsOf("denied"),
    eventsOf("broker"),
  ]);
  return [
    ...faults.filter(({ name }) => FAULTS.test(name)).map(({ message }): Matter => ({
      tone: "bad",
      text: message,
      href: href("events", [], { kind: "broker" }),
    })),
    ...slowMatters(slow.matching),
    ...eventMatters(refusals, "refusal", "refused"),
    ...eventMatters(denials, "denial", "denied"),
    ...numbers.connectedClients > 0 ? [] : [NOBODY],
  ];
}

const NOBODY: Matter = {
  tone: "none",
  text: "No client is connected: the WebSocket tool connects one from this page",
  href: href("tool"),
};

function slowMatters(clients: number): Matter[] {
  if (clients === 0) return [];
  const text = `${counted(clients, "client does", "clients do")} not read fast enough`;
  return [{ tone: "warn", text, href: href("clients", [], { state: "all", sort: "-dropped" }) }];
}

function eventMatters(events: readonly EventRow[], word: string, kind: string): Matter[] {
  if (events.length === 0) return [];
  const times = events.reduce((sum, { count }) => sum + count, 0);
  const text = `${counted(times, word)} in 10 min: ${reasons(events)}`;
  return [{ tone: "warn", text, href: href("events", [], { kind }) }];
}

/** `11 wrong password, 1 wrong path`: the most frequent three. */
function reasons(events: readonly EventRow[]): string {
  const byReason = new Map<string, number>();
  for (const event of events) {
    const words = reasonOf(event);
    byReason.set(words, (byReason.get(words) ?? 0) + event.count);
  }
  const sorted = [...byReason].sort(([, one], [, other]) => other - one);
  const shown = sorted.slice(0, 3).map(([words, times]) => `${count(times)} ${words}`);
  return sorted.length > 3 ? `${shown.join(", ")} and others` : shown.join(", ");
}

/** Reason in a few words: that of CONNACK, or of the help that there is. */
function reasonOf({ reasonName, help, name }: EventRow): string {
  return wordsOf(reasonName ?? help?.split("#")[1] ?? name);
}

/** `BadUserNameOrPassword` and `wrong-path` as words. */
function wordsOf(name: string): string {
  return name.replaceAll("-", " ").replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter}`).toLowerCase();
}
