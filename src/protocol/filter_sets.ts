/** Topic Filters as the sets of topics that they match, by their levels. */

/** Whether some topic matches both. */
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

/** Whether each topic that `inner` matches also matches `outer`. */
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
