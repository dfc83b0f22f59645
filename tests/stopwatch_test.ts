import { assertGreater, assertLess } from "@std/assert";
import process from "node:process";
import { Stopwatch } from "./stopwatch.ts";

const BUSY_MS = 100;

Deno.test("Stopwatch counts for how long a thread was busy, whatever else the machine does", () => {
  const before = busyMs();
  const stopwatch = new Stopwatch();
  while (busyMs() - before < BUSY_MS);
  if (Deno.build.os === "linux") assertLess(Math.abs(stopwatch.ms() - BUSY_MS), BUSY_MS / 2);
});

Deno.test("Stopwatch counts the time in which a thread waits for something else than a processor", async () => {
  // The main thread may wait for a processor as well meanwhile: hardly each time.
  let most = 0;
  for (let round = 0; round < 10 && most < BUSY_MS * 0.8; round++) {
    const stopwatch = new Stopwatch(Deno.pid);
    await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
    most = Math.max(most, stopwatch.ms());
  }
  assertGreater(most, BUSY_MS * 0.8);
});

Deno.test("Stopwatch.msUntil() gives how long it takes until a process has ended", async () => {
  // A busy machine takes time from both threads, by turns or at once: hardly each time.
  let most = 0;
  for (let round = 0; round < 10 && most < BUSY_MS / 2; round++) {
    const { pid, status } = new Deno.Command("sleep", { args: ["0.1"] }).spawn();
    most = Math.max(most, await new Stopwatch(pid).msUntil(status));
  }
  assertGreater(most, BUSY_MS / 2);
});

function busyMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
