/** Paths of the numbers in a JSON value, such as `$.temperature`; `$` is the value itself. */

const MOST_PATHS = 100;
const STEP = /\[("(?:[^"\\]|\\.)*")\]|\[(\d+)\]|\.([\p{L}_$][\p{L}\p{N}_$]*)/gu;

export function numberPaths(value: unknown): string[] {
  const paths: string[] = [];
  collect(value, "$", paths);
  return paths;
}

/** Number at a path; `null`: there is none. */
export function numberAt(value: unknown, path: string): number | null {
  let place = value;
  for (const [, quoted, index, plain] of path.matchAll(STEP)) {
    if (typeof place !== "object" || place === null) return null;
    const key: string = quoted === undefined ? index ?? plain ?? "" : JSON.parse(quoted);
    place = Object.hasOwn(place, key) ? Reflect.get(place, key) : undefined;
  }
  return typeof place === "number" && Number.isFinite(place) ? place : null;
}

function collect(value: unknown, path: string, paths: string[]): void {
  if (paths.length >= MOST_PATHS) return;
  if (typeof value === "number") paths.push(path);
  if (typeof value !== "object" || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    collect(member, stepOf(value, path, name), paths);
  }
}

function stepOf(parent: object, path: string, name: string): string {
  if (Array.isArray(parent)) return `${path}[${name}]`;
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}
