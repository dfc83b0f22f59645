/** DER (X.690), to the extent that certificates (RFC 5280, section 4.1) need it. */

export const BOOLEAN = 0x01;
export const INTEGER = 0x02;
export const OCTET_STRING = 0x04;
export const OBJECT_IDENTIFIER = 0x06;
export const SEQUENCE = 0x30;
const EXPLICIT_VERSION = 0xa0;

/** An element of DER. */
export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Bytes including tag and length. */
  readonly whole: Uint8Array;
}

/** Signed part of a certificate. Throws RangeError for other bytes. */
export function signedFields(certificate: Uint8Array): {
  /** Version, 1 to 3. */
  readonly version: number;
  /** All fields but the version, in order: the serial number is the first. */
  readonly fields: readonly Element[];
  /** Object identifier of the signature algorithm. */
  readonly signatureAlgorithm: string;
} {
  const [signed, algorithm] = elements(only(certificate, SEQUENCE));
  if (signed === undefined || algorithm === undefined) {
    throw new RangeError("Cannot read a certificate: it is empty");
  }
  const fields = elements(signed.content);
  const signatureAlgorithm = objectIdentifier(elements(algorithm.content)[0]?.content ?? new Uint8Array(0));
  if (fields[0]?.tag !== EXPLICIT_VERSION) return { version: 1, fields, signatureAlgorithm };
  const number = only(fields[0].content, INTEGER)[0] ?? 0;
  return { version: number + 1, fields: fields.slice(1), signatureAlgorithm };
}

/** Consecutive elements. */
export function elements(bytes: Uint8Array): Element[] {
  const found: Element[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const element = firstElement(rest);
    found.push(element);
    rest = rest.subarray(element.whole.length);
  }
  return found;
}

/** Object identifier as text, such as `2.5.4.3`. */
export function objectIdentifier(bytes: Uint8Array): string {
  const numbers: bigint[] = [];
  let number = 0n;
  for (const byte of bytes) {
    number = number << 7n | BigInt(byte & 0x7f);
    if (byte >= 0x80) continue;
    numbers.push(number);
    number = 0n;
  }
  const [both = 0n, ...others] = numbers;
  const first = both < 80n ? both / 40n : 2n;
  return [first, both - first * 40n, ...others].join(".");
}

/** Content of an element that stands alone. Throws RangeError. */
export function only(bytes: Uint8Array, tag: number): Uint8Array {
  const [element, ...others] = elements(bytes);
  if (element?.tag !== tag || others.length > 0) {
    throw new RangeError("Cannot read a certificate: it is no certificate");
  }
  return element.content;
}

function firstElement(bytes: Uint8Array): Element {
  const [tag = 0, short = 0x80] = bytes;
  // A first byte above 127 gives the number of bytes of the length; a certificate needs at most three.
  const lengthBytes = short < 0x80 ? 0 : short - 0x80;
  const length = lengthBytes === 0
    ? short
    : bytes.subarray(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
  const start = 2 + lengthBytes;
  if (short === 0x80 || lengthBytes > 3 || start + length > bytes.length) {
    throw new RangeError("Cannot read a certificate: a length in it is wrong");
  }
  return { tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(0, start + length) };
}
