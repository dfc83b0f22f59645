import { ConfigError } from "../config_error.ts";
import type { ConfigPath } from "./yaml_file.ts";

/** Value that replaces a written one. */
export interface Override {
  readonly path: ConfigPath;
  readonly value: unknown;
  /** Origin, for complaints. */
  readonly from: string;
}

/** Copy of a written configuration with the overrides; the original stays unchanged. */
export function withOverrides(written: unknown, overrides: readonly Override[]): unknown {
  return overrides.reduce<unknown>((whole, override) => replaced(whole, override.path, override), written);
}

function replaced(whole: unknown, [step, ...rest]: ConfigPath, override: Override): unknown {
  if (step === undefined) return override.value;
  if (typeof step !== "number") {
    const members = typeof whole === "object" && whole !== null && !Array.isArray(whole) ? whole : {};
    const own: unknown = Object.hasOwn(members, step) ? Reflect.get(members, step) : undefined;
    return { ...members, [step]: replaced(own, rest, override) };
  }
  const items: readonly unknown[] = Array.isArray(whole) ? whole : [];
  if (step > items.length) {
    throw new ConfigError(`${override.from}: there is no item ${step - 1} in front of item ${step}; they count from 0`);
  }
  const item = replaced(items[step], rest, override);
  return step === items.length ? [...items, item] : items.with(step, item);
}
