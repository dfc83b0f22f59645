/** A line of a file that cannot be used. What the line says is not repeated: it may have a password. */
export class LineError extends Error {
  override readonly name = "LineError";

  /** @param line counted from 1 */
  constructor(readonly line: number, why: string) {
    super(`line ${line} ${why}`);
  }
}
