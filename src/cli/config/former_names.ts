import type { ConfigPath } from "./shape.ts";

/** Names that keys had before they had those of `Broker.open`, by the group in which they stood. */
const FORMER_NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  delivery: {
    queueQos0Messages: "queuesQos0Messages",
    upgradeOutgoingQos: "upgradesOutgoingQos",
    overlapping: "overlappingSubscriptions",
    checkRetainedPublisher: "checksRetainedPublisher",
  },
  clientIds: { assignedPrefix: "assignedClientIdPrefix" },
  sys: { intervalSeconds: "sysIntervalMs" },
};
const MS_PER_SECOND = 1_000;

/** A written configuration, see configuration.ts. */
interface Written {
  readonly value: unknown;
  place(path: ConfigPath, part: "key" | "value"): string | undefined;
  readonly warnings: readonly string[];
}

/** Present names of the keys that stood in a group; empty: it was none. */
export function presentNamesIn(group: string): readonly string[] {
  return Object.hasOwn(FORMER_NAMES, group) ? Object.values(FORMER_NAMES[group] ?? {}) : [];
}

/** Present name of a key; `undefined`: it has no former one. */
export function presentName(group: string, key: string): string | undefined {
  const names = Object.hasOwn(FORMER_NAMES, group) ? FORMER_NAMES[group] : undefined;
  return names !== undefined && Object.hasOwn(names, key) ? names[key] : undefined;
}

/** The same with present names in place of former ones, which are read with a warning. */
export function underPresentNames(written: Written): Written {
  if (!isGroup(written.value)) return written;
  const value = { ...written.value };
  const warnings = [...written.warnings];
  const formerPaths = new Map<string, ConfigPath>();
  for (const group of Object.keys(FORMER_NAMES)) {
    const members = value[group];
    if (!isGroup(members)) continue;
    const others = { ...members };
    for (const key of Object.keys(members)) {
      const name = presentName(group, key);
      if (name === undefined || Object.hasOwn(value, name)) continue;
      value[name] = key === "intervalSeconds" ? inMs(members[key]) : members[key];
      delete others[key];
      formerPaths.set(name, [group, key]);
      const unit = key === "intervalSeconds" ? ", in milliseconds" : "";
      warnings.push(
        `${written.place([group, key], "key")}: "${group}.${key}" has another name: write "${name}"${unit}`,
      );
    }
    if (Object.keys(others).length === 0) delete value[group];
    else value[group] = others;
  }
  return {
    ...written,
    value,
    warnings,
    place: (path, part) => written.place(formerPaths.get(String(path[0])) ?? path, part),
  };
}

function inMs(seconds: unknown): unknown {
  return typeof seconds === "number" ? seconds * MS_PER_SECOND : seconds;
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
