import { ConfigError } from "../config_error.ts";
import { complaintsOf } from "./complaints.ts";
import { type Override, withOverrides } from "./overrides.ts";
import { type Configuration, configurationSchema } from "./schema.ts";
import type { ConfigPath } from "./yaml_file.ts";

/** Configuration as it was written, not yet checked. */
export interface Written {
  readonly value: unknown;
  /** Place of a part, such as `brooklet.yaml:3:5`; `undefined` if that has no meaning. */
  place(path: ConfigPath, part: "key" | "value"): string | undefined;
  /** Warnings about settings that are accepted, but differ from their origin. */
  readonly warnings: readonly string[];
  /** Whether it is a mosquitto.conf. */
  readonly isOfMosquitto?: boolean;
}

/** Configuration with its defaults; throws {@linkcode ConfigError} with everything that is wrong. */
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
