/** Line that both texts have, that is gone, or that is new. */
export interface DiffLine {
  readonly kind: "same" | "gone" | "new";
  readonly text: string;
}

/** More lines than this are compared as a whole: the table of the comparison has the product of both. */
const MOST_LINES = 1000;

/** Shortest way from some lines to others. */
export function lineDiff(
  before: readonly string[],
  after: readonly string[],
): DiffLine[] {
  let start = 0;
  while (
    start < before.length && start < after.length &&
    before[start] === after[start]
  ) start++;
  let end = 0;
  const shortest = Math.min(before.length, after.length) - start;
  while (end < shortest && before.at(-1 - end) === after.at(-1 - end)) end++;
  const gone = before.slice(start, before.length - end);
  const come = after.slice(start, after.length - end);
  return [
    ...linesAs("same", before.slice(0, start)),
    ...gone.length > MOST_LINES || come.length > MOST_LINES
      ? [...linesAs("gone", gone), ...linesAs("new", come)]
      : changed(gone, come),
    ...linesAs("same", before.slice(before.length - end)),
  ];
}

function linesAs(kind: DiffLine["kind"], lines: readonly string[]): DiffLine[] {
  return lines.map((text) => ({ kind, text }));
}

/** Longest common subsequence, by its table of lengths. */
function changed(
  before: readonly string[],
  after: readonly string[],
): DiffLine[] {
  const width = after.length + 1;
  const lengths = new Uint16Array((before.length + 1) * width);
  const lengthAt = (row: number, column: number) => lengths[row * width + column] ?? 0; // Within the table.
  for (let row = before.length - 1; row >= 0; row--) {
    for (let column = after.length - 1; column >= 0; column--) {
      lengths[row * width + column] = before[row] === after[column]
        ? lengthAt(row + 1, column + 1) + 1
        : Math.max(lengthAt(row + 1, column), lengthAt(row, column + 1));
    }
  }
  const lines: DiffLine[] = [];
  let [row, column] = [0, 0];
  while (row < before.length || column < after.length) {
    const [old, fresh] = [before[row], after[column]];
    if (old !== undefined && old === fresh) {
      lines.push({ kind: "same", text: old });
      row++;
      column++;
    } else if (
      old !== undefined &&
      (fresh === undefined ||
        lengthAt(row + 1, column) >= lengthAt(row, column + 1))
    ) {
      lines.push({ kind: "gone", text: old });
      row++;
    } else if (fresh !== undefined) {
      lines.push({ kind: "new", text: fresh });
      column++;
    }
  }
  return lines;
}
