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

const MEASURED_ROUNDS = 3;

/**
 * Bytes that a round of work leaves in use, after a first round that is not measured. It is the least of three rounds: what
 * a round leaks it leaks each time, but the machine code and tables that the runtime makes now and then come once.
 */
export async function heapGrowthBytes(round: (number: number) => void | Promise<void>): Promise<number> {
  await round(0);
  let least = Infinity;
  for (let number = 1; number <= MEASURED_ROUNDS; number++) {
    const before = collectedHeapBytes();
    await round(number);
    least = Math.min(least, collectedHeapBytes() - before);
  }
  return least;
}
