/**
 * Topic Names and Topic Filters (MQTT 5, sections 4.7 and 4.8.2; 3.1.1, section 4.7).
 *
 * ```text
 * valid          sport/#   +/tennis   #   /   $share/group/sport/+
 * invalid        sport#    sport+     sport/#/x   $share//a   $share/group
 * valid, but     `#` and `+/x` do not match `$SYS/x`
 * ```
 */

export const SHARE_PREFIX = "$share/";

/** A Topic Filter taken apart. */
export interface ParsedTopicFilter {
  /** Text as it was subscribed, with `$share/name/` when it is shared. */
  readonly topicFilter: string;
  /** ShareName of a Shared Subscription (section 4.8.2). */
  readonly shareName: string | undefined;
  /** Levels to match Topic Names with, without `$share` and ShareName. */
  readonly levels: readonly string[];
}

/** Takes a Topic Filter apart; `undefined` when it is not one. */
export function parseTopicFilter(topicFilter: string): ParsedTopicFilter | undefined {
  if (!topicFilter.startsWith(SHARE_PREFIX)) {
    const levels = topicFilter.split("/");
    return areFilterLevels(topicFilter, levels) ? { topicFilter, shareName: undefined, levels } : undefined;
  }
  // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
  const shareEnd = topicFilter.indexOf("/", SHARE_PREFIX.length);
  if (shareEnd === -1) return undefined;
  const shareName = topicFilter.slice(SHARE_PREFIX.length, shareEnd);
  const filter = topicFilter.slice(shareEnd + 1);
  const levels = filter.split("/");
  if (shareName === "" || /[+#]/.test(shareName) || !areFilterLevels(filter, levels)) return undefined;
  return { topicFilter, shareName, levels };
}

function areFilterLevels(filter: string, levels: readonly string[]): boolean {
  if (filter === "" || filter.includes("\0")) return false; // [MQTT-4.7.3-1] [MQTT-4.7.3-2]
  if (!filter.includes("#") && !filter.includes("+")) return true;
  return levels.every((level, index) => {
    if (level.includes("#")) return level === "#" && index === levels.length - 1; // [MQTT-4.7.1-1]
    return !level.includes("+") || level === "+"; // [MQTT-4.7.1-2]
  });
}

/** Whether the filter has a wildcard character. */
export function hasWildcard(levels: readonly string[]): boolean {
  return levels.includes("+") || levels[levels.length - 1] === "#";
}

/** Number of levels of a Topic Name or Topic Filter, without taking it apart. */
export function topicLevels(topic: string): number {
  let levels = 1;
  for (let index = topic.indexOf("/"); index !== -1; index = topic.indexOf("/", index + 1)) levels += 1;
  return levels;
}

/** Whether the levels of a Topic Filter match those of a Topic Name (section 4.7). */
export function matchesTopic(filterLevels: readonly string[], topicLevels: readonly string[]): boolean {
  const first = filterLevels[0];
  if (topicLevels[0]?.startsWith("$") && (first === "#" || first === "+")) return false; // [MQTT-4.7.2-1]
  return matchesFrom(0, filterLevels, topicLevels);
}

/** Whether a filter matches a topic of which it matches all levels before this one. */
export function matchesFrom(depth: number, filterLevels: readonly string[], topicLevels: readonly string[]): boolean {
  for (let index = depth; index < filterLevels.length; index++) {
    const level = filterLevels[index];
    if (level === "#") return true; // Also the parent level: sport/# matches sport.
    if (index >= topicLevels.length || (level !== "+" && level !== topicLevels[index])) return false;
  }
  return filterLevels.length === topicLevels.length;
}

/** Whether some Topic Name matches both Topic Filters, given by their levels. */
export function overlapsFilter(one: readonly string[], other: readonly string[]): boolean {
  for (let index = 0;; index++) {
    const a = one[index];
    const b = other[index];
    // [MQTT-4.7.2-1]
    if (index === 0 && isWildcard(a) !== isWildcard(b) && (a?.startsWith("$") || b?.startsWith("$"))) return false;
    if (a === "#" || b === "#") return true;
    if (a === undefined || b === undefined) return a === b;
    if (a !== b && a !== "+" && b !== "+") return false;
  }
}

/** Whether each Topic Name that `inner` matches also matches `outer`. */
export function coversFilter(outer: readonly string[], inner: readonly string[]): boolean {
  for (let index = 0;; index++) {
    const a = outer[index];
    const b = inner[index];
    if (index === 0 && isWildcard(a) && b?.startsWith("$")) return false; // [MQTT-4.7.2-1]
    if (a === "#" || (index === 0 && a === "+" && outer[1] === "#")) return true; // Each topic has a first level.
    if (a === undefined || b === undefined) return a === b;
    if (b === "#" || (a !== "+" && a !== b)) return false;
  }
}

function isWildcard(level: string | undefined): boolean {
  return level === "#" || level === "+";
}
