import { ConfigError } from "../config_error.ts";
import { complaintsOf } from "./complaints.ts";
import { type Override, withOverrides } from "./overrides.ts";
import { type Configuration, configurationSchema } from "./schema.ts";
import type { ConfigPath } from "./yaml_file.ts";

/** A configuration as somebody wrote it, not yet checked. */
export interface Written {
  readonly value: unknown;
  /** Where a part of it stands, such as `brooklet.yaml:3:5`; `undefined` where that means nothing. */
  place(path: ConfigPath, part: "key" | "value"): string | undefined;
  /** What is accepted, but is not the same as where it comes from. */
  readonly warnings: readonly string[];
  /** Whether it is a mosquitto.conf. */
  readonly isOfMosquitto?: boolean;
}

/** The configuration with its defaults; throws {@linkcode ConfigError} with everything that is wrong. */
export function configurationOf(written: Written, overrides: readonly Override[] = []): Configuration {
  const whole = withOverrides(written.value, overrides);
  const { success, data, error } = configurationSchema.safeParse(whole, { reportInput: true });
  if (success) return data;
  const [first = "The configuration cannot be used", ...others] = complaintsOf(error.issues).map((complaint) => {
    const { path, part, why } = complaint;
    const from = overrides.findLast((override) => isWithin(path, override.path))?.from ?? written.place(path, part);
    return from === undefined ? why : `${from}: ${why}`;
  });
  throw new ConfigError(first, others);
}

function isWithin(path: ConfigPath, outer: ConfigPath): boolean {
  return outer.every((step, index) => path[index] === step);
}
