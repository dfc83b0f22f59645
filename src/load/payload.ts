/** Size of the stamp that begins a load's payloads: publisher, sequence number, time of sending, four bytes each. */
export const STAMP_BYTES = 12;

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Reads four bytes; the caller has checked that they are there. */
export function readUint32(bytes: Uint8Array, at: number): number {
  const view = bytes as { readonly [index: number]: number }; // Below the length.
  return (((view[at] as number) << 24) | ((view[at + 1] as number) << 16) | ((view[at + 2] as number) << 8) |
    (view[at + 3] as number)) >>> 0;
}
