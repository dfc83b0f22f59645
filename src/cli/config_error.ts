/** Reports impossible settings of the operator; the message says what to write instead. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";

  /** @param others further errors, if all of a file is checked */
  constructor(message: string, readonly others: readonly string[] = []) {
    super(message);
  }
}
