import v8 from "node:v8";
import vm from "node:vm";

/** Bytes of memory that are in use when all garbage is collected. */
export function collectedHeapBytes(): number {
  v8.setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = vm.runInNewContext("gc");
  collectGarbage();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
