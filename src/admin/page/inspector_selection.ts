/**
 * Selection within a packet: a field, its bytes and the frames that they came in select each other.
 *
 * ```text
 * field  Client ID ──► bytes 14–28 ──► frame 9          byte 20 ──► field Client ID, bytes 14–28, frame 9
 * frame  9 ──► bytes 14–28, and every field in them
 * ```
 */

import type { Dissection, Field } from "../dissect/dissector.ts";
import type { TracePiece } from "../trace/trace_records.ts";

/** Range of bytes, the end exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Selected part of a packet. */
export interface Selection extends ByteRange {
  /** Field that was selected, or that the byte belongs to. */
  readonly field: Field | undefined;
  /** Index of the piece that was selected. */
  readonly piece: number | undefined;
}

/** Line of the tree. */
export interface FieldLine {
  readonly field: Field;
  readonly depth: number;
  /** Bits of a flag, such as `1... .... = User Name Flag`. */
  readonly label: string;
  readonly value: string | undefined;
  readonly isGroup: boolean;
}

/** Selects a field. */
export function selectField(field: Field): Selection {
  return { start: field.start, end: field.end, field, piece: undefined };
}

/** Selects the innermost field of a byte, of flags all of them; a byte that no field has stands for itself. */
export function selectByte({ fields }: Dissection, byte: number): Selection {
  const field = fieldOfByte(fields, byte);
  return field === undefined ? { start: byte, end: byte + 1, field, piece: undefined } : selectField(field);
}

/** Selects what came in a frame or segment. */
export function selectPiece(
  pieces: readonly TracePiece[],
  index: number,
): Selection | undefined {
  const piece = pieces[index];
  return piece &&
    { start: piece.start, end: piece.end, field: undefined, piece: index };
}

/** Whether a piece came with some of the selected bytes. */
export function isPieceMarked(
  piece: ByteRange,
  index: number,
  selection: Selection | undefined,
): boolean {
  if (selection === undefined) return false;
  return selection.piece === undefined ? overlaps(piece, selection) : selection.piece === index;
}

/** Whether a field is selected; with a frame, each field that has no parts and stands in it. */
export function isFieldMarked(
  field: Field,
  selection: Selection | undefined,
): boolean {
  if (selection === undefined) return false;
  if (selection.piece === undefined) return field === selection.field;
  return field.children.length === 0 && overlaps(field, selection);
}

/** Lines of the tree, without those below a closed field. */
export function fieldLines(
  fields: readonly Field[],
  closed: ReadonlySet<Field>,
  depth = 0,
): FieldLine[] {
  return fields.flatMap((field) => {
    const isGroup = field.children.length > 0;
    const line = {
      field,
      depth,
      label: labelOf(field),
      value: field.shown,
      isGroup,
    };
    return closed.has(field) ? [line] : [line, ...fieldLines(field.children, closed, depth + 1)];
  });
}

/** Range in words: `byte 12`, `bytes 14–28, 15 B`. */
export function rangeText({ start, end }: ByteRange): string {
  if (end - start === 0) return "no bytes";
  return end - start === 1 ? `byte ${start}` : `bytes ${start}–${end - 1}, ${end - start} B`;
}

function fieldOfByte(fields: readonly Field[], byte: number): Field | undefined {
  const field = fields.find(({ start, end }) => start <= byte && byte < end);
  if (field === undefined) return undefined;
  const inner = fieldOfByte(field.children, byte);
  // Lines of bits have the range of their byte.
  return inner === undefined || (inner.start === field.start && inner.end === field.end) ? field : inner;
}

function labelOf({ label, isGenerated }: Field): string {
  return isGenerated ? `[${label}]` : label;
}

function overlaps(one: ByteRange, other: ByteRange): boolean {
  return one.start < other.end && other.start < one.end;
}
