import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useInspector } from "./app.ts";
import { classes } from "./components.tsx";
import { clientText, deltaText, framesText, type PacketRow, secondsText } from "./inspector_packets.ts";
import { Empty } from "./page.tsx";
import { shellWord } from "./tool_commands.ts";

/** Height of a row and of the head in pixels, as the style sheet has it. */
const ROW_PX = 26;
/** Rows that are there above and below the view. */
const SPARE_ROWS = 6;

/** Packets as a real table, of which the rows in view are there. It follows the newest one until a row is selected. */
export function PacketTable() {
  const inspector = useInspector();
  const { list, isFollowing, selected } = inspector;
  const { shown } = list;
  const frame = useRef<HTMLDivElement>(null);
  const [first, last] = useView(frame, shown.length);
  useSteadyView(frame, shown, !isFollowing, inspector.filter);
  useLayoutEffect(() => {
    if (isFollowing && frame.current !== null) frame.current.scrollTop = frame.current.scrollHeight;
  }, [isFollowing, shown.length, shown.at(-1)?.number]);
  const selectedIndex = selected === undefined ? -1 : list.shownIndexOf(selected.number);
  useEffect(() => {
    if (frame.current !== null && selectedIndex >= 0 && !isFollowing) bringIntoView(frame.current, selectedIndex);
  }, [selected?.number]);
  return (
    <section class="pane inspector-packets" aria-label="Packets">
      <div
        class="list"
        ref={frame}
        tabIndex={0}
        role="group"
        aria-label="Packets, arrow keys select one"
        onWheel={({ deltaY }) => {
          if (deltaY < 0 && isFollowing) inspector.follow(false);
        }}
      >
        <table aria-label="Packets" aria-rowcount={shown.length + 1}>
          <Head />
          <tbody>
            <Space rows={first} />
            {shown.slice(first, last).map((row, offset) => (
              <Row
                key={row.number}
                row={row}
                before={shown[first + offset - 1]}
                index={first + offset}
                isSelected={row === selected}
                firstTimeMs={list.firstTimeMs ?? row.timeMs}
                onPick={() => inspector.select(row)}
              />
            ))}
            <Space rows={shown.length - last} />
          </tbody>
        </table>
        {shown.length === 0 && <NoPackets />}
      </div>
      <p class="visually-hidden" role="status">
        {selected === undefined
          ? ""
          : `${selected.number}, ${directionWords(selected)}, ${selected.name} ${selected.details}`}
      </p>
    </section>
  );
}

function Head() {
  return (
    <thead>
      <tr aria-rowindex={1}>
        <th scope="col" class="number p-number">No.</th>
        <th scope="col" class="number p-time">Time</th>
        <th scope="col" class="number p-delta wide-only" aria-label="Time since the row before">Δ</th>
        <th scope="col" class="p-client wide-only">Client</th>
        <th scope="col" class="p-direction">
          <span class="visually-hidden">Direction</span>
        </th>
        <th scope="col">Packet</th>
        <th scope="col" class="number p-bytes">Bytes</th>
        <th scope="col" class="number p-frames wide-only">Frames</th>
      </tr>
    </thead>
  );
}

interface RowProps {
  readonly row: PacketRow;
  readonly before: PacketRow | undefined;
  readonly index: number;
  readonly isSelected: boolean;
  readonly firstTimeMs: number;
  readonly onPick: () => void;
}

function Row({ row, before, index, isSelected, firstTimeMs, onPick }: RowProps) {
  const frames = framesText(row);
  return (
    <tr
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      class={classes("packet", {
        "is-selected": isSelected,
        "is-broken": row.isBroken,
        "is-lost-before": row.lostBefore > 0,
        "is-note": row.kind !== "packet",
      })}
      title={row.lostBefore > 0 ? `${row.lostBefore} packets were lost before this one` : undefined}
      onClick={onPick}
    >
      <td class="number">{row.number}</td>
      <td class="number">{secondsText(row.timeMs, firstTimeMs)}</td>
      <td class="number muted p-delta wide-only">{deltaText(row, before)}</td>
      <td class="mono wide-only">
        <bdi>{clientText(row)}</bdi>
      </td>
      <td class={row.isSent ? "from-broker p-direction" : "to-broker p-direction"}>
        <span aria-hidden="true">{row.isSent ? "◂" : "▸"}</span>
        <span class="visually-hidden">{directionWords(row)}</span>
      </td>
      <td>
        <span class={row.isBroken ? "bad strong" : row.isSent ? "from-broker strong" : "to-broker strong"}>
          {row.name}
        </span>{" "}
        <bdi>{row.details}</bdi>
      </td>
      <td class="number">{row.wireBytes === 0 ? "" : row.wireBytes}</td>
      <td class={/^\d*$/.test(frames) ? "number wide-only" : "number muted carrier wide-only"}>{frames}</td>
    </tr>
  );
}

function NoPackets() {
  const inspector = useInspector();
  const { list, trace, filter } = inspector;
  if (list.rows.length > 0) {
    return <Empty title="No packet fits the filter">{`${list.rows.length} packets are hidden by "${filter}".`}</Empty>;
  }
  if (trace?.isActive !== true) return <Empty title="The trace has no packets">Start another one.</Empty>;
  const { next, clientId, topic } = trace.target;
  const title = `Waiting for packets of ${trace.name}`;
  if (clientId !== undefined) { // A command with its Client Identifier would push it out.
    return (
      <Empty title={title}>
        They appear here as they come, from CONNECT on if it is not connected. A client that is connected may be quiet
        until its next message or PINGREQ.
      </Empty>
    );
  }
  const target = topic === undefined ? "test/hello" : topic.replace("#", "test").replaceAll("+", "test");
  return (
    <Empty title={title} command={`mosquitto_pub -t ${shellWord(target)} -m hi`}>
      {next === true
        ? "Connect a client: each of its packets appears here, from CONNECT on."
        : "They appear here as they come."}
    </Empty>
  );
}

/** Place of rows that are not in view: one cell, as a narrow window has fewer columns. */
function Space({ rows }: { readonly rows: number }) {
  if (rows <= 0) return null;
  return (
    <tr class="space" aria-hidden="true">
      <td
        ref={(cell) => {
          if (cell !== null) cell.style.height = `${rows * ROW_PX}px`;
        }}
      />
    </tr>
  );
}

function directionWords({ isSent }: PacketRow): string {
  return isSent ? "from the broker" : "to the broker";
}

/** Indexes of the first row that is there and of the one after the last. */
function useView(frame: { readonly current: HTMLDivElement | null }, length: number): readonly [number, number] {
  const [[top, height], setView] = useState<readonly [number, number]>([0, 600]);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return undefined;
    const read = () => {
      setView(([oldTop, oldHeight]) => {
        const top = Math.floor(element.scrollTop / ROW_PX);
        return top === oldTop && element.clientHeight === oldHeight ? [oldTop, oldHeight] : [top, element.clientHeight];
      });
    };
    const observer = new ResizeObserver(read);
    observer.observe(element);
    element.addEventListener("scroll", read, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", read);
    };
  }, []);
  const rows = Math.ceil(height / ROW_PX);
  const first = Math.max(0, Math.min(top - SPARE_ROWS, length - rows - SPARE_ROWS));
  return [first, Math.min(length, first + rows + 2 * SPARE_ROWS)];
}

/** Keeps the rows in view where they are when the list drops its oldest rows. */
function useSteadyView(
  frame: { readonly current: HTMLDivElement | null },
  shown: readonly PacketRow[],
  isSteady: boolean,
  filter: string,
): void {
  const before = useRef({ shown, filter });
  useLayoutEffect(() => {
    const { shown: old, filter: oldFilter } = before.current;
    before.current = { shown, filter };
    const [first] = shown;
    if (!isSteady || frame.current === null || old === shown || filter !== oldFilter || first === undefined) return;
    const kept = old.findIndex(({ number }) => number >= first.number);
    frame.current.scrollTop -= (kept === -1 ? old.length : kept) * ROW_PX;
  });
}

/** Scrolls as little as is needed to show a row below the head. */
function bringIntoView(element: HTMLDivElement, index: number): void {
  const top = index * ROW_PX;
  const room = element.clientHeight - 2 * ROW_PX; // The head and the row itself.
  if (top < element.scrollTop) element.scrollTop = top;
  else if (top > element.scrollTop + room) element.scrollTop = top - room;
}
