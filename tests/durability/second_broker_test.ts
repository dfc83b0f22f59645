/** Two brokers on one file. */

import { assertEquals, assertLess, assertNotEquals } from "@std/assert";
import { Program } from "../cli/program.ts";
import { printFigure } from "../hostile/broker_child.ts";
import { DurableClient } from "./durable_client.ts";
import { Stopwatch } from "../stopwatch.ts";
import { KvFile } from "./kv_file.ts";

const REFUSED_WITHIN_MS = 1_000;
const STARTED_WITHIN_MS = 10_000;

Deno.test("A second broker on one file is refused with one line at once, and starts when the first one was killed", async () => {
  await using file = await KvFile.create();
  const aloneMs = await startMs(["--version"]);
  await using first = await file.listening();
  const port = await first.port();
  const client = new DurableClient("client", 5);
  await client.connect(port);

  const secondMs = performance.now();
  await using second = new Program(file.args);
  const { code, stderr } = await second.ended();
  const refusedMs = performance.now() - secondMs;
  assertNotEquals(code, 0);
  assertEquals(stderr.length, 1, stderr.join("\n"));
  assertEquals(stderr[0]?.includes(`${first.pid}`), true, stderr[0]);
  await client.ping(); // The first one goes on.

  first.kill("SIGKILL");
  await first.ended();
  await client.ended();
  const stopwatch = new Stopwatch();
  await using third = await file.listening();
  stopwatch.add(third.pid);
  const startedMs = stopwatch.ms();
  assertEquals((await client.connect(await third.port())).sessionPresent, true);
  await client.drop();
  printFigure(
    `the second broker on a file ended after ${
      Math.round(refusedMs)
    } ms, where a program that only prints its version ` +
      `takes ${Math.round(aloneMs)} ms; after kill -9 of the first another one listened after ${
        Math.round(startedMs)
      } ms`,
  );
  assertLess(refusedMs - aloneMs, REFUSED_WITHIN_MS);
  assertLess(startedMs, STARTED_WITHIN_MS);
});

/** How long the program takes from its start to its end. */
async function startMs(args: readonly string[]): Promise<number> {
  const startedMs = performance.now();
  await using program = new Program(args);
  await program.ended();
  return performance.now() - startedMs;
}
