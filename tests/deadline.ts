/** Gives what the promise gives, or fails with what it was waited for. */
export async function within<T>(promise: Promise<T>, what: string, deadlineMs = 5_000): Promise<T> {
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
