/** First difference between two values, in words; `undefined`: none. A field that is `undefined` counts as missing. */
export function firstDifference(actual: unknown, expected: unknown, path: string): string | undefined {
  const found = difference(actual, expected);
  return found === undefined ? undefined : path + found;
}

/** Path of the values with words after it; the words are made only when there is a difference. */
function difference(actual: unknown, expected: unknown): string | undefined {
  if (Object.is(actual, expected)) return undefined;
  if (actual instanceof Uint8Array && expected instanceof Uint8Array) return bytesDifference(actual, expected);
  if (actual instanceof Map && expected instanceof Map) return mapDifference(actual, expected);
  if (Array.isArray(actual) && Array.isArray(expected)) {
    return mapDifference(new Map(actual.entries()), new Map(expected.entries()));
  }
  if (isPlain(actual) && isPlain(expected)) return mapDifference(definedFields(actual), definedFields(expected));
  return ` is ${shown(actual)}, expected ${shown(expected)}`;
}

function mapDifference(actual: Map<unknown, unknown>, expected: Map<unknown, unknown>): string | undefined {
  for (const [key, value] of expected) {
    if (!actual.has(key)) return `[${shown(key)}] is missing, expected ${shown(value)}`;
    const found = difference(actual.get(key), value);
    if (found !== undefined) return `[${shown(key)}]${found}`;
  }
  for (const [key, value] of actual) {
    if (!expected.has(key)) return `[${shown(key)}] is ${shown(value)}, expected nothing`;
  }
  return undefined;
}

function bytesDifference(actual: Uint8Array, expected: Uint8Array): string | undefined {
  if (actual.length !== expected.length) return ` has ${actual.length} bytes, expected ${expected.length}`;
  for (let index = 0; index < actual.length; index++) {
    if (actual[index] !== expected[index]) return ` differs at byte ${index}`;
  }
  return undefined;
}

function definedFields(value: object): Map<unknown, unknown> {
  return new Map(Object.entries(value).filter(([, field]) => field !== undefined));
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array) && !(value instanceof Map) &&
    !Array.isArray(value);
}

function shown(value: unknown): string {
  const text = typeof value === "number" ? String(value) : JSON.stringify(value) ?? String(value);
  return text.length > 120 ? `${text.slice(0, 120)}...` : text;
}
