/** Bytes through connections whose other end reads slowly or not at all. */

import { assertLess } from "@std/assert";

export const CHUNK = new Uint8Array(65_536);
/** What the systems, and TLS, take in one direction of a loopback connection, with room to spare. */
export const MOST_SYSTEM_BYTES = 16_000_000;

/** Writes until a write does not resolve; gives how many bytes were taken before it. */
export async function writeUntilStuck(
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<{ taken: number; pending: Promise<void> }> {
  for (let taken = 0;; taken += CHUNK.length) {
    const pending = write(CHUNK);
    if (!await resolvesWithin(pending, 300)) return { taken, pending };
    assertLess(taken, MOST_SYSTEM_BYTES);
  }
}

export async function resolvesWithin(promise: Promise<void>, deadlineMs: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), deadlineMs);
  try {
    return await Promise.race([promise.then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

export async function readExactly(conn: Deno.Conn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const read = await conn.read(bytes.subarray(at));
    if (read === null) return bytes.subarray(0, at);
    at += read;
  }
  return bytes;
}

export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
