/** Names that keys had before they had those of `Broker.open`, by the group in which they stood. */
export const FORMER_NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  delivery: {
    queueQos0Messages: "queuesQos0Messages",
    upgradeOutgoingQos: "upgradesOutgoingQos",
    overlapping: "overlappingSubscriptions",
    checkRetainedPublisher: "checksRetainedPublisher",
  },
  clientIds: { assignedPrefix: "assignedClientIdPrefix" },
  sys: { intervalSeconds: "sysIntervalMs" },
};

/** Present names of the keys that stood in a group; empty: it was none. */
export function presentNamesIn(group: string): readonly string[] {
  return Object.hasOwn(FORMER_NAMES, group) ? Object.values(FORMER_NAMES[group] ?? {}) : [];
}

/** Present name of a key; `undefined`: it has no former one. */
export function presentName(group: string, key: string): string | undefined {
  const names = Object.hasOwn(FORMER_NAMES, group) ? FORMER_NAMES[group] : undefined;
  return names !== undefined && Object.hasOwn(names, key) ? names[key] : undefined;
}
