/** A frame as clients send it (RFC 6455, section 5). It is built byte by byte, and not by the code under test. */
export interface ClientFrame {
  readonly opcode: number;
  /** Hex or bytes. @default empty */
  readonly payload?: string | Uint8Array;
  /** @default {true} */
  readonly isFinal?: boolean;
  /** @default {0} */
  readonly reservedBits?: number;
  /** Four bytes, or `undefined` for a frame that is not masked. @default {"37fa213d"} */
  readonly mask?: string | undefined;
  /** Replaces the payload length as it stands in the header, from its first byte on, without the mask bit. */
  readonly length?: string;
}

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

export function clientFrame(frame: ClientFrame): Uint8Array {
  const { opcode, payload = "", isFinal = true, reservedBits = 0 } = frame;
  const mask = "mask" in frame ? frame.mask : "37fa213d";
  const plain = typeof payload === "string" ? fromHex(payload) : payload;
  const key = mask === undefined ? new Uint8Array(4) : fromHex(mask);
  const length = fromHex(frame.length ?? shortestLength(plain.length));
  length[0] = (length[0] ?? 0) | (mask === undefined ? 0 : 0x80);
  return joined([
    Uint8Array.of((isFinal ? 0x80 : 0) | reservedBits << 4 | opcode),
    length,
    mask === undefined ? new Uint8Array(0) : key,
    plain.map((byte, index) => byte ^ (key[index % 4] ?? 0)),
  ]);
}

/** A Close frame with a code and a reason. */
export function closeFrame(code: number, reason = ""): Uint8Array {
  const payload = joined([Uint8Array.of(code >> 8, code), new TextEncoder().encode(reason)]);
  return clientFrame({ opcode: CLOSE, payload });
}

export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(hex.replaceAll(" ", ""));
}

function shortestLength(length: number): string {
  if (length < 126) return length.toString(16).padStart(2, "0");
  if (length < 65_536) return "7e" + length.toString(16).padStart(4, "0");
  return "7f" + length.toString(16).padStart(16, "0");
}
