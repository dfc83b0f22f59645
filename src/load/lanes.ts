/** Runs all functions, up to `most` at the same time. Rejects with the first rejection, and then starts no more. */
export async function inLanes(runs: readonly (() => Promise<void>)[], most: number): Promise<void> {
  let next = 0;
  const lane = async () => {
    try {
      for (let run = runs[next++]; run !== undefined; run = runs[next++]) await run();
    } catch (error) {
      next = runs.length;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, runs.length) }, lane));
}
