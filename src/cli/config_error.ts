/** What the operator wrote cannot be done; the message says what to write instead. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";

  /** @param others what else is wrong, where all of a file is looked at */
  constructor(message: string, readonly others: readonly string[] = []) {
    super(message);
  }
}
