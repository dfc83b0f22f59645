/** Registers one test, as `Deno.test` does. */
export type RegisterTest = (name: string, run: () => Promise<void>) => void;

/**
 * Registers tests that mostly wait, so that they wait at the same time: the first of them that is due runs all of them,
 * with the sanitizers on, and each reports what became of it. They need brokers, folders and names that they do not share.
 *
 * @param register such as `Deno.test`
 */
export function testsAtOnce(register: RegisterTest): RegisterTest {
  const bodies: (() => Promise<void>)[] = [];
  let running: Promise<PromiseSettledResult<void>[]> | undefined;
  return (name, run) => {
    const index = bodies.push(run) - 1;
    register(name, async () => {
      running ??= Promise.allSettled(bodies.map((body) => body()));
      const outcome = (await running)[index];
      if (outcome?.status === "rejected") throw outcome.reason;
    });
  };
}
