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
