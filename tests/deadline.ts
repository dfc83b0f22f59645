/** What is waited for when nothing says how long. It only ends what hangs: how fast something is, is measured. */
export const DEADLINE_MS = 30_000;

/** Gives what the promise gives, or fails with what it was waited for. */
export async function within<T>(promise: Promise<T>, what: string, deadlineMs = DEADLINE_MS): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`Waited ${deadlineMs} ms in vain: ${what}`)),
    deadlineMs,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when a claim holds that no event tells of, or fails with what it was waited for. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const untilMs = performance.now() + DEADLINE_MS;
  while (!holds()) {
    if (performance.now() > untilMs) throw new Error(`Waited ${DEADLINE_MS} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
