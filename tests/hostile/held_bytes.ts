/** Memory that is in use, without what only waits to be collected: run with `--v8-flags=--expose-gc`. */
export function heldBytes(): number {
  const collectGarbage: unknown = Reflect.get(globalThis, "gc"); // There with the flag.
  if (typeof collectGarbage === "function") {
    collectGarbage();
    collectGarbage(); // Waits for the thread that frees the buffers of the first one.
  }
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
