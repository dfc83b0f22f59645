/** Reports an unusable line of a file. It does not repeat the line, which may contain a password. */
export class LineError extends Error {
  /** Name of the class. */
  override readonly name = "LineError";

  /**
   * Makes the error of one line.
   *
   * @param line counted from 1
   * @param why text after `line 7 `
   */
  constructor(readonly line: number, why: string) {
    super(`line ${line} ${why}`);
  }
}
