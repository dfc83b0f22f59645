/** Memory that is in use, without what only waits to be collected: run with `--v8-flags=--expose-gc`. */
export function heldBytes(): number {
  const collectGarbage: unknown = Reflect.get(globalThis, "gc"); // There with the flag.
  if (typeof collectGarbage === "function") collectGarbage();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
