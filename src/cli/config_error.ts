/** What the operator wrote cannot be done; the message says what to write instead. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
