import { useEffect, useRef } from "preact/hooks";
import { type App, useApp, useInspector } from "./app.ts";
import { Banner, Button, Dot } from "./components.tsx";
import { FILTER_EXAMPLES } from "./inspector_filter.ts";
import { PacketTable } from "./inspector_table.tsx";
import { PacketBytes } from "./inspector_bytes.tsx";
import { PacketFields } from "./inspector_fields.tsx";
import type { Inspector } from "./inspector_state.ts";
import { askForTarget, TracePicker } from "./inspector_picker.tsx";
import { Empty, Page } from "./page.tsx";
import { useNow } from "./resource.ts";
import { count, counted, duration } from "./text.ts";

const PAGE_ROWS = 15;

/** Packets of a trace: the list, the fields of the selected one, and its bytes with the frames that they came in. */
export function InspectorPage() {
  const app = useApp();
  const inspector = useInspector();
  const filter = useRef<HTMLInputElement>(null);
  useEffect(() => inspector.listen(), [inspector.trace?.id]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => onPageKey(event, inspector, filter.current);
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  const linked = app.router.place.value.query["trace"];
  useEffect(() => {
    if (linked !== undefined) void inspector.open(linked); // It never rejects.
  }, [linked]);
  return (
    <Page
      title="Inspector"
      tools={
        <>
          {app.may("operator") && <TracePicker />}
          <input
            class="input grow"
            type="search"
            ref={filter}
            aria-label="Filter"
            aria-invalid={inspector.filterMistake !== undefined}
            aria-describedby="filter-help"
            placeholder="Filter: type:publish topic:test/# …"
            spellcheck={false}
            autocomplete="off"
            list="filter-examples"
            value={inspector.filter}
            onInput={(event) => inspector.setFilter(event.currentTarget.value)}
          />
          <datalist id="filter-examples">
            {FILTER_EXAMPLES.map((example) => <option key={example} value={example} />)}
          </datalist>
          <Tools />
        </>
      }
    >
      {inspector.problem !== undefined && <Banner title={inspector.problem.message}>{inspector.problem.detail}</Banner>}
      <p class="inspector-line note">
        {inspector.filterMistake === undefined && <Status />}
        <span
          id="filter-help"
          class={inspector.filterMistake === undefined ? "push wide-only" : "bad"}
          role="status"
        >
          {inspector.filterMistake ?? "/ filter · Space pause · ↑ ↓ packets"}
        </span>
      </p>
      {inspector.trace === undefined ? <NoTrace /> : <Panes />}
    </Page>
  );
}

function Panes() {
  return (
    <div class="grow inspector">
      <PacketTable />
      <div class="columns two inspector-details">
        <PacketFields />
        <PacketBytes />
      </div>
    </div>
  );
}

function Tools() {
  const app = useApp();
  const inspector = useInspector();
  const isPaused = inspector.pausedAtMs !== undefined;
  const hasTrace = inspector.trace !== undefined;
  return (
    <>
      <Button isDisabled={!hasTrace} isPressed={isPaused} onClick={() => togglePause(inspector)}>
        {isPaused ? "Resume" : "Pause"}
      </Button>
      <Button isDisabled={!hasTrace} onClick={() => inspector.clear()}>Clear</Button>
      <Button isDisabled={!hasTrace} onClick={() => askToSave(app)}>Save as pcapng</Button>
      <Button
        isDisabled={!hasTrace}
        isPressed={hasTrace && inspector.isFollowing}
        onClick={() => inspector.follow(!inspector.isFollowing)}
      >
        Follow newest
      </Button>
    </>
  );
}

/** Asks for the form of the capture, and saves it. */
function askToSave(app: App): void {
  const { inspector } = app;
  app.ask({
    title: "Save the trace as pcapng",
    effect: "Wireshark and tshark open it. Passwords are overwritten.",
    action: "Save",
    fields: (
      <>
        <label class="check inspector-choice">
          <input type="radio" name="form" value="plain" checked />
          Plain MQTT, packet by packet: WebSocket and TLS are taken off, so that Wireshark decodes all of it
        </label>
        <label class="check inspector-choice">
          <input type="radio" name="form" value="wire" />
          With WebSocket frames and the HTTP upgrade, as they were on the wire
        </label>
      </>
    ),
    run: ({ form }) => {
      save(inspector.captureUrl(form === "wire"), inspector.trace?.id ?? "trace");
      return Promise.resolve();
    },
  });
}

function save(url: string, name: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name}.pcapng`;
  link.click();
}

function Status() {
  const inspector = useInspector();
  const { trace, list } = inspector;
  const [isStale, words] = useStateOfTrace();
  if (trace === undefined) return <span>{words}</span>;
  return (
    <span class="inspector-status">
      <Dot tone={isStale ? "warn" : trace.isActive ? "good" : "none"} />
      {`${words} · ${counted(list.shown.length, "packet")}`}
      {list.shown.length !== list.rows.length && ` of ${count(list.rows.length)}`}
      {` · ${count(list.lost + list.missed)} lost`}
      {list.dropped > 0 && ` · ${count(list.dropped)} older not kept`}
    </span>
  );
}

/** Whether the list stands still, and what the trace does, in words. */
function useStateOfTrace(): readonly [boolean, string] {
  const { live } = useApp();
  const { trace, pausedAtMs } = useInspector();
  const now = useNow();
  const since = (timeMs: number) => duration(Math.max(0, now - timeMs));
  if (trace === undefined) return [false, "Nothing is traced"];
  if (pausedAtMs !== undefined) return [true, `Paused ${since(pausedAtMs)} ago`];
  if (live.phase.value === "broken") {
    return [true, `Paused ${since(live.heardAtMs.value ?? now)} ago: the broker does not answer`];
  }
  if (!trace.isActive) return [false, `The trace of ${trace.name} has ended`];
  return [false, `Tracing ${trace.name}, ${duration(Math.max(0, trace.endsAtMs - now))} left`];
}

/** Nothing is traced yet: what would be here, and the shortest way to it. */
function NoTrace() {
  const app = useApp();
  if (!app.may("operator")) {
    return (
      <div class="pane">
        <Empty title="Packets have payloads, which viewers do not see">
          Somebody with the role operator or admin can trace clients here.
        </Empty>
      </div>
    );
  }
  return (
    <div class="pane">
      <Empty title="No trace yet">
        Trace one client, an address, a user, a topic, or the connection that begins next. Its packets appear here as
        they come, also those of TLS and WebSocket listeners, with every byte explained.
      </Empty>
      <div class="state inspector-start">
        <span class="row">
          <Button isPrimary onClick={() => void app.inspector.start({ next: true })}>Trace the next connection</Button>
          <Button onClick={() => askForTarget(app, "clientId")}>Trace a client …</Button>
        </span>
      </div>
    </div>
  );
}

function togglePause(inspector: Inspector): void {
  if (inspector.pausedAtMs === undefined) inspector.pause();
  else void inspector.resume(); // It never rejects.
}

/** Keys of the whole page: `/` goes to the filter, Space pauses, arrows go through the packets. */
function onPageKey(event: KeyboardEvent, inspector: Inspector, filter: HTMLInputElement | null): void {
  const { target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof HTMLElement)) return;
  if (target === filter && event.key === "Escape") return filter?.blur();
  if (target.closest("input, textarea, select, dialog") !== null) return;
  // Buttons and trees have Space and arrows of their own.
  const isOwn = target.closest("button, a, summary, [role=tree], [data-keys=own]") !== null;
  const moves: Readonly<Record<string, number>> = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: PAGE_ROWS,
    PageUp: -PAGE_ROWS,
    Home: -Infinity,
    End: Infinity,
  };
  const move = moves[event.key];
  if (event.key === "/") filter?.focus();
  else if (event.key === " " && !isOwn) togglePause(inspector);
  else if (move !== undefined && !isOwn) inspector.move(move);
  else return;
  event.preventDefault();
}
