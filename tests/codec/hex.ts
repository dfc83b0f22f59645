/**
 * Bytes as one reads them in the specification. White space means nothing.
 *
 * ```text
 * 30 0a       two bytes
 * 'a/b'       a UTF-8 Encoded String or Binary Data: two bytes of length, then the text
 * "hello"     a text without a length
 * [ 01 02 ]   what is inside, with its length as a Variable Byte Integer in front: Remaining Length, Property Length
 * ```
 */
export function fromHex(hex: string): Uint8Array {
  const open: number[][] = [[]];
  for (const [token, string, text, run] of hex.matchAll(TOKENS)) {
    const bytes = open[open.length - 1];
    if (bytes === undefined) throw new SyntaxError(`Cannot read "${hex}": a bracket is closed twice`);
    if (string !== undefined) {
      const encoded = new TextEncoder().encode(string);
      bytes.push(encoded.length >> 8, encoded.length & 0xff, ...encoded);
    } else if (text !== undefined) {
      bytes.push(...new TextEncoder().encode(text));
    } else if (run !== undefined) {
      for (let at = 0; at < run.length; at += 2) bytes.push(parseInt(run.slice(at, at + 2), 16));
    } else if (token === "[") {
      open.push([]);
    } else if (token === "]") {
      open.pop();
      open[open.length - 1]?.push(...varint(bytes.length), ...bytes);
    } else if (token.trim() !== "") {
      throw new SyntaxError(`Cannot read "${hex}": "${token}" is not hex`);
    }
  }
  const [bytes] = open;
  if (bytes === undefined || open.length !== 1) throw new SyntaxError(`Cannot read "${hex}": a bracket is not closed`);
  return Uint8Array.from(bytes);
}

const TOKENS = /'([^']*)'|"([^"]*)"|((?:[0-9a-f]{2})+)|\[|\]|\s+|./gsi;

const HEX_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function toHex(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += HEX_BYTES[byte];
  return hex;
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [value & 0x7f | 0x80, ...varint(value >> 7)];
}
