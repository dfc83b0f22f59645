import { useState } from "preact/hooks";
import type { Dissection } from "../dissect/dissector.ts";
import { useInspector } from "./app.ts";
import { Button, classes, CopyButton, Pane } from "./components.tsx";
import type { PacketRow } from "./inspector_packets.ts";
import { type ByteRange, isPieceMarked, selectByte, type Selection, selectPiece } from "./inspector_selection.ts";
import { Payload } from "./payload.tsx";
import { asciiOf, hexLines, hexOfBytes } from "./payload_bytes.ts";
import { bytes, counted } from "./text.ts";

/** Fields whose bytes are a payload. */
const PAYLOADS: ReadonlySet<string> = new Set(["mqtt.msg", "mqtt.willmsg"]);
const LINE_BYTES = 16;
/** Lines that are there without being asked for. */
const MOST_LINES = 64;
/** Frames that are there without being asked for. */
const MOST_PIECES = 60;

/** Bytes of the selected packet; bars are the borders of the frames that they came in. */
export function PacketBytes() {
  const inspector = useInspector();
  const { selected, dissection } = inspector;
  const entry = selected?.entry;
  if (selected === undefined || entry === undefined || dissection === undefined) {
    return (
      <Pane title="Bytes" isFlush>
        <p class="muted inspector-hint">Bytes of the selected packet, with the borders of its WebSocket frames.</p>
      </Pane>
    );
  }
  return (
    <Pane
      title="Bytes"
      note={carriedText(selected)}
      tools={<CopyButton text={() => hexLines(entry.bytes)}>Copy hex</CopyButton>}
      isFlush
    >
      <div class="inspector-bytes">
        {selected.pieces.length > 1 && <Pieces key={selected.number} row={selected} />}
        <Hex key={selected.number} row={selected} bytes={entry.bytes} dissection={dissection} />
        <PayloadOf key={selected.number} dissection={dissection} />
      </div>
    </Pane>
  );
}

/** Payload of a PUBLISH or of a Will in all forms. */
function PayloadOf({ dissection }: { readonly dissection: Dissection }) {
  const field = dissection.fields.find(({ abbreviation }) => PAYLOADS.has(abbreviation));
  if (!(field?.value instanceof Uint8Array) || field.value.length === 0) return null;
  return (
    <section class="inspector-payload stack" aria-label={field.label}>
      <h3>{field.abbreviation === "mqtt.msg" ? "Payload" : "Payload of the Will"}</h3>
      <Payload data={field.value} />
    </section>
  );
}

/** Frames or segments of the packet, each of which selects its bytes. */
function Pieces({ row }: { readonly row: PacketRow }) {
  const inspector = useInspector();
  const { selection } = inspector;
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? row.pieces : row.pieces.slice(0, MOST_PIECES);
  return (
    <div class="pieces" role="group" aria-label={`Parts of the packet: ${carriedText(row)}`}>
      {shown.map((piece, index) => (
        <button
          key={index}
          type="button"
          class={classes("piece mono", { "is-marked": isPieceMarked(piece, index, selection) })}
          aria-pressed={isPieceMarked(piece, index, selection)}
          title={piece.frame === undefined ? undefined : frameTitle(piece.frame)}
          onClick={() => inspector.selectPart(selectPiece(row.pieces, index))}
        >
          <b>{index + 1}</b> {bytes(piece.end - piece.start)}
        </button>
      ))}
      {shown.length < row.pieces.length && (
        <Button isSmall onClick={() => setWhole(true)}>Show all {row.pieces.length}</Button>
      )}
    </div>
  );
}

interface HexProps {
  readonly row: PacketRow;
  readonly bytes: Uint8Array;
  readonly dissection: Dissection;
}

function Hex({ row, bytes: data, dissection }: HexProps) {
  const inspector = useInspector();
  const { selection } = inspector;
  const [isWhole, setWhole] = useState(false);
  const all = Math.ceil(data.length / LINE_BYTES);
  const count = isWhole ? all : Math.min(all, MOST_LINES);
  const borders = new Set(row.pieces.map(({ start }) => start));
  const select = (byte: number) => inspector.selectPart(selectByte(dissection, byte));
  const onClick = ({ target }: MouseEvent) => {
    const byte = target instanceof HTMLElement ? target.dataset["byte"] : undefined;
    if (byte !== undefined) select(Number(byte));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Readonly<Record<string, number>> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -LINE_BYTES,
      ArrowDown: LINE_BYTES,
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    const from = selection === undefined ? -1 : move > 0 && Math.abs(move) === 1 ? selection.end - 1 : selection.start;
    select(Math.max(0, Math.min(data.length - 1, from + move)));
  };
  return (
    <>
      {/* The bytes are for the pointer; the tree has the same selection for the keyboard, and arrows go by fields here. */}
      <div
        class="hex mono"
        tabIndex={0}
        role="group"
        data-keys="own"
        aria-label="Bytes in hex, arrow keys select"
        onClick={onClick}
        onKeyDown={onKeyDown}
      >
        {Array.from(
          { length: count },
          (_, line) => (
            <HexLine
              key={line}
              offset={line * LINE_BYTES}
              data={data}
              borders={borders}
              selection={selection}
              flaw={dissection.flaw}
            />
          ),
        )}
      </div>
      {count < all && (
        <p class="inspector-hint">
          <Button isSmall onClick={() => setWhole(true)}>Show all {bytes(data.length)}</Button>
        </p>
      )}
      {row.wireBytes > data.length && (
        <p class="note inspector-hint">The trace kept {bytes(data.length)} of {bytes(row.wireBytes)}.</p>
      )}
    </>
  );
}

function HexLine({ offset, data, borders, selection, flaw }: {
  readonly offset: number;
  readonly data: Uint8Array;
  readonly borders: ReadonlySet<number>;
  readonly selection: Selection | undefined;
  readonly flaw: ByteRange | undefined;
}) {
  const line = data.subarray(offset, offset + LINE_BYTES);
  const cells = Array.from(line, (byte, index) => ({ byte, at: offset + index }));
  const isMarked = (at: number) => isIn(selection, at);
  return (
    <div class="hex-line">
      <span class="muted hex-offset">{offset.toString(16).padStart(4, "0")}</span>
      <span class="hex-bytes">
        {cells.map(({ byte, at }) => (
          <span
            key={at}
            data-byte={at}
            class={classes("hex-byte", {
              "is-marked": isMarked(at),
              "is-wrong": isIn(flaw, at),
              "is-border": at > 0 && borders.has(at),
              "is-half": at % LINE_BYTES === LINE_BYTES / 2,
            })}
          >
            {hexOfBytes(Uint8Array.of(byte))}
          </span>
        ))}
      </span>
      <span class="hex-text" aria-hidden="true">
        {cells.map(({ byte, at }) => (
          <span key={at} data-byte={at} class={isMarked(at) ? "is-marked" : ""}>{asciiOf(byte)}</span>
        ))}
      </span>
    </div>
  );
}

function isIn(range: ByteRange | undefined, at: number): boolean {
  return range !== undefined && range.start <= at && at < range.end;
}

/** Size with what carried it: `53 B in 13 WebSocket frames, put together`. */
function carriedText({ wireBytes, pieces, connection }: PacketRow): string {
  const size = bytes(wireBytes);
  const { transport } = connection.facts;
  const { length } = pieces;
  if (transport.startsWith("ws")) {
    return length === 1
      ? `${size} in one WebSocket frame`
      : `${size} in ${counted(length, "WebSocket frame")}, put together`;
  }
  return length > 1 ? `${size} in ${counted(length, "read")}, put together` : size;
}

function frameTitle({ opcode, isFinal, isMasked, length }: NonNullable<PacketRow["pieces"][number]["frame"]>): string {
  const kind = opcode === 2 ? "Binary" : opcode === 0 ? "Continuation" : `Opcode ${opcode}`;
  return `${kind}, ${isFinal ? "final" : "not final"}, ${isMasked ? "masked" : "not masked"}, ${length} B of payload`;
}
