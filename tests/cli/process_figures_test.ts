import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { processFigures } from "../../src/cli/serve/process_figures.ts";

const NOT_KNOWN = -1;

Deno.test("processFigures() gives memory, time of processors and start of this process", () => {
  const { residentBytes = 0, heapBytes = 0, startTimeSeconds = 0, cpuSeconds = 0 } = processFigures();
  assertGreater(residentBytes, 1e7);
  assertGreater(heapBytes, 1e6);
  assertLess(heapBytes, residentBytes);
  assertLess(Math.abs(startTimeSeconds - (Date.now() - performance.now()) / 1_000), 1);
  const untilMs = performance.now() + 20;
  while (performance.now() < untilMs);
  assertGreater(processFigures().cpuSeconds ?? NOT_KNOWN, cpuSeconds);
});

Deno.test("processFigures() has open file descriptors where the system counts them", () => {
  const counts = systemCounts();
  const { openFds = NOT_KNOWN, maximumFds = Infinity } = processFigures();
  const files = Array.from({ length: 50 }, () => Deno.openSync(counts ? "/dev/null" : import.meta.filename ?? ""));
  const { openFds: more = NOT_KNOWN } = processFigures();
  for (const file of files) file.close();
  assertGreater(maximumFds, openFds);
  // Tests beside it open and close some as well.
  if (counts) assertGreater(more, openFds + 25);
  else assertEquals(more, NOT_KNOWN);
});

Deno.test({
  name: "processFigures() leaves out what it may not read",
  permissions: {},
  fn() {
    const { openFds, maximumFds, residentBytes = 0 } = processFigures();
    assertEquals([openFds, maximumFds], [undefined, undefined]);
    assertGreater(residentBytes, 0);
  },
});

/** Whether the size of the folder is the number of descriptors, as it is since Linux 6.2. */
function systemCounts(): boolean {
  try {
    return Deno.statSync("/proc/self/fd").size > 0;
  } catch {
    return false; // Another system.
  }
}
