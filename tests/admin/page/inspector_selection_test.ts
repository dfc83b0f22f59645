import { assert, assertEquals } from "@std/assert";
import { dissectEntry } from "../../../src/admin/dissect/conversation.ts";
import { fieldLine } from "../../../src/admin/dissect/dissector_fields.ts";
import { PacketList } from "../../../src/admin/page/inspector_packets.ts";
import {
  fieldLines,
  isFieldMarked,
  isPieceMarked,
  rangeText,
  selectByte,
  selectField,
  selectPiece,
} from "../../../src/admin/page/inspector_selection.ts";
import { article, tracePage } from "./traced.ts";

function connectOfArticle() {
  const list = new PacketList();
  list.add(tracePage([{ frames: article("002-connect") }]));
  const [row] = list.rows;
  assert(row?.entry !== undefined);
  return { row, dissection: dissectEntry(row.entry) };
}

Deno.test("a field, its bytes and its frame select each other", () => {
  const { row, dissection } = connectOfArticle();
  const clientId = dissection.fields.find(({ label }) => label === "Client ID");
  assert(clientId !== undefined);
  const byField = selectField(clientId);
  assertEquals([byField.start, byField.end, rangeText(byField)], [
    14,
    29,
    "bytes 14–28, 15 B",
  ]);
  assertEquals(
    row.pieces.flatMap((piece, index) => isPieceMarked(piece, index, byField) ? [index + 1] : []),
    [9],
  );
  assertEquals(selectByte(dissection, 20), byField);
  const byFrame = selectPiece(row.pieces, 8);
  assertEquals([byFrame?.start, byFrame?.end], [14, 29]);
  const marked = fieldLines(dissection.fields, new Set()).filter(({ field }) => isFieldMarked(field, byFrame));
  assertEquals(marked.map(({ field }) => fieldLine(field)), [
    "Client ID: 861694030142473",
  ]);
  assertEquals(
    isPieceMarked(row.pieces[8] ?? { start: 0, end: 0 }, 8, byFrame),
    true,
  );
});

Deno.test("a byte of flags selects the whole byte, its lines select it too", () => {
  const { dissection } = connectOfArticle();
  const flags = selectByte(dissection, 9);
  assertEquals([flags.field?.label, flags.start, flags.end, rangeText(flags)], ["Connect Flags", 9, 10, "byte 9"]);
  const lines = fieldLines(dissection.fields, new Set());
  const willFlag = lines.find(({ label }) => label === ".... .0.. = Will Flag");
  assertEquals([willFlag?.depth, willFlag?.value, willFlag?.field.start], [
    1,
    "Not set",
    9,
  ]);
});

Deno.test("a closed group has one line", () => {
  const { dissection } = connectOfArticle();
  const [header] = dissection.fields;
  assert(header !== undefined);
  const open = fieldLines(dissection.fields, new Set()).length;
  assertEquals(
    fieldLines(dissection.fields, new Set([header])).length,
    open - header.children.length,
  );
});
