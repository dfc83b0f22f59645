/** Registers one test, as `Deno.test` does. */
export type RegisterTest = (name: string, run: () => Promise<void>) => void;

/**
 * Registers tests that mostly wait, so that they wait at the same time: the first of them that is due runs all of them,
 * with the sanitizers on, and each reports what became of it. They need names of their own in what they share.
 *
 * @param register such as `Deno.test`
 * @param around runs all of them with what they share
 */
export function testsAtOnce(
  register: RegisterTest,
  around: (runAll: () => Promise<void>) => Promise<void> = (runAll) => runAll(),
): RegisterTest {
  const bodies: (() => Promise<void>)[] = [];
  const outcomes: PromiseSettledResult<void>[] = [];
  let running: Promise<void> | undefined;
  const runAll = async () => {
    outcomes.push(...await Promise.allSettled(bodies.map((body) => body())));
  };
  return (name, run) => {
    const index = bodies.push(run) - 1;
    register(name, async () => {
      await (running ??= around(runAll));
      const outcome = outcomes[index];
      if (outcome?.status === "rejected") throw outcome.reason;
    });
  };
}
