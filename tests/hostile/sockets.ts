/** Reads until the other end closes or resets: an end is an end. */
export async function readToEnd(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(4_096);
  try {
    while (await conn.read(buffer) !== null);
  } catch {
    // Reset, or closed here.
  }
}

export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** For tests in which it is the passing of time that matters. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
