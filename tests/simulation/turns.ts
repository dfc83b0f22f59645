import { setImmediate } from "node:timers"; // A turn of setTimeout takes 2 ms of real time. (Deno 2.9, 2026-11)

/** Lets everything else go on until nothing is left to do at once. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets everything else go on a little: a step of each promise chain, so many times. */
export async function microtasks(count: number): Promise<void> {
  for (let done = 0; done < count; done++) await undefined;
}

/** Lets everything else go on that waits for a timer which is due. */
export function timers(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
