const SHORTEST_BEGINNING = 4;

/** Advice for a word that is not known: the one that was probably meant, or all that there is. */
export function suggestion(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  if (meant !== undefined) return `did you mean "${meant}"?`;
  return `there is ${known.length === 0 ? "none" : known.join(", ")}`;
}

/** Advice for a text where a number belongs, to be put after the complaint: "" unless the number has a unit. */
export function unitAdvice(text: unknown, example = "1_000_000"): string {
  const hasUnit = typeof text === "string" && /^\d[\d_.,]*\s*[a-z]+$/i.test(text);
  return hasUnit ? `: write it without a unit, as ${example}` : "";
}

/**
 * Known word that was probably meant; `undefined`: none is near.
 *
 * By hand and not by closestString of @std/text: that one takes exchanged neighbours for two edits, suggests "rules" for
 * "rloes" and not "roles", and its module keeps a table of 4.25 MiB, which a broker would carry (1.4.0, 2026-11-30).
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let leastEdits = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const edits = distance(word.toLowerCase(), candidate.toLowerCase());
    if (edits < leastEdits) [best, leastEdits] = [candidate, edits];
  }
  if (best !== undefined || word.length < SHORTEST_BEGINNING) return best;
  for (const candidate of known) if (candidate.toLowerCase().startsWith(word.toLowerCase())) return candidate;
  return undefined;
}

/** Number of characters to insert, delete, replace, or exchange with their neighbour (optimal string alignment). */
function distance(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, index) => index)];
  const at = (row: number, column: number) => rows[row]?.[column] ?? 0; // Each is set before it is read.
  for (let row = 1; row <= from.length; row++) {
    const next = [row];
    rows.push(next);
    for (let column = 1; column <= to.length; column++) {
      const cost = from[row - 1] === to[column - 1] ? 0 : 1;
      const isExchanged = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      next.push(Math.min(
        at(row, column - 1) + 1,
        at(row - 1, column) + 1,
        at(row - 1, column - 1) + cost,
        isExchanged ? at(row - 2, column - 2) + 1 : Infinity,
      ));
    }
  }
  return at(from.length, to.length);
}
