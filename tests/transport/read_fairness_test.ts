import { assertEquals, assertStrictEquals } from "@std/assert";
import { ReadFairness } from "../../src/transport/read_fairness.ts";
import { within } from "../deadline.ts";

Deno.test("ReadFairness.pause() is one for all and ends by itself", async () => {
  const turns = new ReadFairness();
  const pause = turns.pause();
  assertStrictEquals(turns.pause(), pause);
  await within(Promise.resolve(pause), "the pause to end");
});

Deno.test("ReadFairness.progress() ends a pause only when what was ready as it began is done with", async () => {
  const { turns, pause } = paused();
  turns.progress();
  await nextMicrotasks();
  assertEquals(pause.isOver, false);
  await new Promise((resolve) => setImmediate(resolve));
  turns.progress();
  await nextMicrotasks();
  assertEquals(pause.isOver, true);
});

Deno.test("ReadFairness.progress() without a pause is nothing", () => {
  const turns = new ReadFairness();
  turns.progress();
  turns.pause();
  turns.end();
  turns.progress();
});

Deno.test("ReadFairness.end() ends a pause at once and leaves no timer of it", async () => {
  const { turns, pause } = paused();
  turns.end();
  turns.end();
  await nextMicrotasks();
  assertEquals(pause.isOver, true);
});

function paused(): { readonly turns: ReadFairness; readonly pause: { readonly isOver: boolean } } {
  const turns = new ReadFairness();
  const pause = { isOver: false };
  turns.pause()?.then(() => pause.isOver = true);
  return { turns, pause };
}

async function nextMicrotasks(): Promise<void> {
  for (let count = 0; count < 5; count++) await Promise.resolve();
}
