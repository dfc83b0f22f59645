import { malformed } from "./mqtt_error.ts";

/** Size of the fixed header at `position` (section 2.1), or `undefined` while it is incomplete. */
export function fixedHeaderBytes(
  bytes: Uint8Array,
  position: number,
  end: number,
): number | undefined {
  for (let headerBytes = 2; headerBytes <= 5; headerBytes++) {
    if (position + headerBytes > end) return undefined;
    const byte = bytes[position + headerBytes - 1] as number; // Below end.
    if (byte < 0x80) {
      // Applied to 3.1.1 as well, which does not mention it: no client sends the longer forms.
      if (byte === 0 && headerBytes > 2) {
        throw malformed(
          "Remaining Length is longer than needed",
          "MQTT-1.5.5-1",
        );
      }
      return headerBytes;
    }
  }
  throw malformed("Remaining Length has more than four bytes", "MQTT 2.1.4");
}

/** Remaining Length of a complete fixed header. */
export function remainingLengthOf(
  bytes: Uint8Array,
  position: number,
  headerBytes: number,
): number {
  let value = 0;
  for (let index = headerBytes - 1; index > 0; index--) {
    value = value << 7 | (bytes[position + index] as number) & 0x7f;
  }
  return value;
}
