/** Reports an unusable line of a file. It does not repeat the line, which may contain a password. */
export class LineError extends Error {
  /** Name of the class. */
  override readonly name = "LineError";

  /**
   * Makes the error of one line.
   *
   * @param line counted from 1
   * @param why text after `line 7 `
   * @param others further unusable lines of the file
   */
  constructor(readonly line: number, readonly why: string, readonly others: readonly LineError[] = []) {
    super(`line ${line} ${why}`);
  }
}

/** Reads a text line by line, all of it; then throws the LineError of the first line that is unusable, with the others. */
export function readLines(text: string, read: (line: string, number: number) => void): void {
  const errors: LineError[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    try {
      read(line, index + 1);
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      errors.push(error);
    }
  }
  const [first, ...others] = errors;
  if (first !== undefined) throw new LineError(first.line, first.why, others);
}
