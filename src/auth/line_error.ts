/** Reports an unusable line of a file. It does not repeat the line, which may contain a password. */
export class LineError extends Error {
  override readonly name = "LineError";

  /** @param line counted from 1 */
  constructor(readonly line: number, why: string) {
    super(`line ${line} ${why}`);
  }
}
