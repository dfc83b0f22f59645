import { useEffect, useRef } from "preact/hooks";
import { printable } from "../../codec/printable.ts";
import type { Dissection, Field } from "../dissect/dissector.ts";
import { treeText } from "../dissect/dissector.ts";
import { useInspector } from "./app.ts";
import { Banner, classes, CopyButton, Fact, Facts, Pane } from "./components.tsx";
import type { PacketRow } from "./inspector_packets.ts";
import { type FieldLine, fieldLines, isFieldMarked, rangeText, selectField } from "./inspector_selection.ts";
import { hexOfBytes } from "./payload_bytes.ts";
import { SpecificationLink } from "./specification_link.tsx";

/** Most bytes of a fault that are written out. */
const MOST_FAULT_BYTES = 16;

/** Fields of the selected packet in Wireshark's words, and what else is known about the row. */
export function PacketFields() {
  const inspector = useInspector();
  const { selected, dissection } = inspector;
  if (selected === undefined) {
    return (
      <Pane title="Fields" isFlush>
        <p class="muted inspector-hint">Select a packet to see its fields. Arrow keys go from one to the next.</p>
      </Pane>
    );
  }
  const { facts } = selected.connection;
  const where = [printable(facts.clientId), facts.address, facts.listener].filter((part) => part !== "").join(" · ");
  return (
    <Pane
      title={selected.name}
      note={<span title={where}>{where}</span>}
      tools={dissection !== undefined && <CopyButton text={() => treeText(dissection)}>Copy tree</CopyButton>}
      isFlush
    >
      <div key={selected.number} class="inspector-fields" tabIndex={dissection === undefined ? 0 : -1}>
        {dissection === undefined ? <NoPacket row={selected} /> : <Packet row={selected} dissection={dissection} />}
      </div>
      {dissection !== undefined && <SelectedField />}
    </Pane>
  );
}

function Packet({ row, dissection }: { readonly row: PacketRow; readonly dissection: Dissection }) {
  return (
    <>
      <Fault row={row} dissection={dissection} />
      <Links row={row} />
      <Tree dissection={dissection} />
    </>
  );
}

/** Fault of a malformed packet: its bytes, the clause and the answer of the broker. */
function Fault({ row, dissection: { flaw } }: { readonly row: PacketRow; readonly dissection: Dissection }) {
  if (flaw === undefined || row.entry === undefined) return null;
  const wrong = row.entry.bytes.subarray(flaw.start, Math.min(flaw.end, flaw.start + MOST_FAULT_BYTES));
  return (
    <div class="inspector-fault">
      <Banner title="No decoder accepts this packet">
        <span class="break">{flaw.message}</span>
        <span>
          {wrong.length === 0 ? "Bytes are missing" : rangeText(flaw)}
          {wrong.length > 0 && <code>: {hexOfBytes(wrong, " ")}{flaw.end - flaw.start > wrong.length ? " …" : ""}
          </code>}
        </span>
        {flaw.answer !== undefined && <span>Answer of the broker: {flaw.answer}</span>}
        <SpecificationLink reference={flaw.clause} />
      </Banner>
    </div>
  );
}

/** Packet that this one answers, and the one that answers it, with the time between. */
function Links({ row }: { readonly row: PacketRow }) {
  const inspector = useInspector();
  const { entry } = row;
  if (entry === undefined) return null;
  const { answers, answeredBy } = entry;
  if (answers === undefined && answeredBy === undefined) return null;
  return (
    <p class="inspector-links note">
      {answers !== undefined && (
        <span>
          Answers{" "}
          <PacketLink
            number={answers.record}
            name={answers.summary.packet}
            onPick={(number) => inspector.select(inspector.list.rowOf(number))}
          />
          {` after ${between(answers.timeMs, entry.timeMs)}`}
        </span>
      )}
      {answeredBy !== undefined && (
        <span>
          Answered by{" "}
          <PacketLink
            number={answeredBy.record}
            name={answeredBy.summary.packet}
            onPick={(number) => inspector.select(inspector.list.rowOf(number))}
          />
          {` after ${between(entry.timeMs, answeredBy.timeMs)}`}
        </span>
      )}
    </p>
  );
}

function PacketLink({ number, name, onPick }: {
  readonly number: number | undefined;
  readonly name: string;
  readonly onPick: (number: number) => void;
}) {
  if (number === undefined) return <span>{name}</span>;
  return <button type="button" class="link" onClick={() => onPick(number)}>{name} in row {number}</button>;
}

function Tree({ dissection }: { readonly dissection: Dissection }) {
  const inspector = useInspector();
  const { selection, closedFields } = inspector;
  const closed = new Set(dissection.fields.filter(({ label }) => closedFields.has(label)));
  const lines = fieldLines(dissection.fields, closed);
  const tree = useRef<HTMLUListElement>(null);
  const current = lines.findIndex(({ field }) => isFieldMarked(field, selection));
  useEffect(() => {
    tree.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [selection]);
  const onKeyDown = (event: KeyboardEvent) => {
    const target = Number(event.target instanceof HTMLElement ? event.target.dataset["index"] : NaN);
    const line = lines[target];
    if (line === undefined) return;
    const next = nextLine(event.key, target, lines, closed, (field) => inspector.toggle(field));
    if (next === undefined) return;
    event.preventDefault();
    const field = lines[next]?.field;
    if (field !== undefined) inspector.selectPart(selectField(field));
    tree.current?.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus();
  };
  return (
    <ul class="tree mono" role="tree" aria-label={`Fields of ${dissection.name}`} ref={tree} onKeyDown={onKeyDown}>
      {lines.map((line, index) => (
        <li
          key={index}
          role="treeitem"
          aria-level={line.depth + 1}
          aria-selected={isFieldMarked(line.field, selection)}
          aria-expanded={line.isGroup ? !closed.has(line.field) : undefined}
          data-index={index}
          tabIndex={index === Math.max(0, current) ? 0 : -1}
          class={classes(`tree-line depth-${Math.min(line.depth, 3)}`, {
            "is-marked": isFieldMarked(line.field, selection),
            "is-wrong": isWrong(line.field, dissection),
          })}
          onClick={() => {
            if (line.field === selection?.field && line.isGroup) inspector.toggle(line.field);
            inspector.selectPart(selectField(line.field));
          }}
        >
          <span class="muted">{line.label}{line.value === undefined ? "" : ": "}</span>
          <bdi>{line.value}</bdi>
        </li>
      ))}
    </ul>
  );
}

/** Line that a key leads to; Left and Right close and open a group. */
function nextLine(
  key: string,
  index: number,
  lines: readonly FieldLine[],
  closed: ReadonlySet<Field>,
  toggle: (field: Field) => void,
): number | undefined {
  const line = lines[index];
  switch (key) {
    case "ArrowDown":
      return Math.min(lines.length - 1, index + 1);
    case "ArrowUp":
      return Math.max(0, index - 1);
    case "Home":
      return 0;
    case "End":
      return lines.length - 1;
    case "Enter":
    case " ":
      return index;
    case "ArrowLeft":
      if (line?.isGroup && !closed.has(line.field)) toggle(line.field);
      else return lines.findLastIndex(({ depth }, other) => other < index && depth < (line?.depth ?? 0));
      return index;
    case "ArrowRight":
      if (line?.isGroup && closed.has(line.field)) toggle(line.field);
      return index;
    default:
      return undefined;
  }
}

/** Selected field with its bytes and its section; always there, so that nothing jumps. */
function SelectedField() {
  const inspector = useInspector();
  const { selection } = inspector;
  const field = selection?.field;
  if (field === undefined) {
    const what = selection?.piece === undefined
      ? "Select a field, a byte or a frame"
      : `Frame ${selection.piece + 1}, ${rangeText(selection)}`;
    return <p class="inspector-foot note">{what}</p>;
  }
  return (
    <p class="inspector-foot note">
      <span class="cut">{field.label.replace(/^[.\d ]+= /, "")}, {rangeText(field)}</span>
      <span class="push">
        <SpecificationLink reference={field.section} />
      </span>
    </p>
  );
}

/** Row that is no packet: what happened, and the heads of the HTTP exchange that opened the connection. */
function NoPacket({ row }: { readonly row: PacketRow }) {
  const { facts } = row.connection;
  const known: readonly (readonly [string, string])[] = [
    ["What", `${row.name} ${row.details}`.trim()],
    ["Client", printable(facts.clientId)],
    ["User", printable(facts.principal ?? "")],
    ["Address", facts.address],
    ["Listener", facts.listener],
    ["Carrier", facts.transport],
    ["Help", row.help === undefined ? "" : `docs/troubleshooting.md#${row.help}`],
  ];
  return (
    <div class="inspector-field stack">
      <Facts>
        {known.map(([name, value]) => value !== "" && <Fact key={name} name={name}>{value}</Fact>)}
      </Facts>
      {facts.upgrade !== undefined && (
        <>
          <h3>HTTP request</h3>
          <pre class="value">{facts.upgrade.request.trim()}</pre>
          <h3>HTTP response</h3>
          <pre class="value">{facts.upgrade.response.trim()}</pre>
        </>
      )}
    </div>
  );
}

function isWrong(field: Field, { flaw }: Dissection): boolean {
  if (flaw === undefined || field.children.length > 0) return false;
  return field.start < flaw.end && flaw.start < field.end;
}

function between(startMs: number, endMs: number): string {
  const ms = Math.max(0, endMs - startMs);
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
