import { useEffect, useRef } from "preact/hooks";
import { type App, useApp, useInspector } from "./app.ts";
import { Banner, Button, Dot } from "./components.tsx";
import { FILTER_EXAMPLES } from "./inspector_filter.ts";
import { PacketTable } from "./inspector_table.tsx";
import { PacketBytes } from "./inspector_bytes.tsx";
import { PacketFields } from "./inspector_fields.tsx";
import type { Inspector } from "./inspector_state.ts";
import { TracePicker } from "./inspector_picker.tsx";
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
          <TracePicker />
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
        isPressed={inspector.isFollowing}
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
  const now = useNow();
  const { trace, list, pausedAtMs } = inspector;
  if (trace === undefined) return <span>Nothing is traced</span>;
  const left = Math.max(0, trace.endsAtMs - now);
  return (
    <span class="inspector-status" role="status" aria-live="off">
      <Dot tone={pausedAtMs !== undefined ? "warn" : trace.isActive ? "good" : "none"} />
      {pausedAtMs !== undefined
        ? `Paused ${duration(Math.max(0, now - pausedAtMs))} ago`
        : trace.isActive
        ? `Tracing ${trace.name}, ${duration(left)} left`
        : `The trace of ${trace.name} has ended`}
      {` · ${counted(list.shown.length, "packet")}`}
      {list.shown.length !== list.rows.length && ` of ${count(list.rows.length)}`}
      {` · ${count(list.lost + list.missed)} lost`}
      {list.dropped > 0 && ` · ${count(list.dropped)} older not kept`}
    </span>
  );
}

function NoTrace() {
  return (
    <div class="pane">
      <Empty
        title="No trace yet"
        command="mosquitto_pub -t test/hello -m hi"
      >
        Choose what to trace: one client, an address, a topic, or the connection that begins next. Packets appear as
        they come, also from TLS and WebSocket listeners. Start the trace of the next connection, then connect a client:
      </Empty>
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
