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

/**
 * Subject of a certificate as text (RFC 2253), last part first: `CN=sensor-1,O=Plant`. Read from the bytes of the
 * certificate, because the runtime's text has one line for each part and does not escape a line end within a part.
 */

/** Fields before the subject: serial number, algorithm, issuer and validity. */
const FIELDS_BEFORE_SUBJECT = 4;
const LATIN_1 = new TextDecoder("latin1");
const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const UTF_16 = new TextDecoder("utf-16be", { fatal: true, ignoreBOM: true });
/** Encoding of a value's text, by the tag of its type. */
const TEXTS: ReadonlyMap<number, TextDecoder> = new Map([
  [0x0c, UTF_8],
  [0x1e, UTF_16],
  ...[0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a].map((tag): [number, TextDecoder] => [tag, LATIN_1]),
]);
/** Short names as in OpenSSL; other attributes are written as numbers. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["2.5.4.3", "CN"],
  ["2.5.4.4", "SN"],
  ["2.5.4.5", "serialNumber"],
  ["2.5.4.6", "C"],
  ["2.5.4.7", "L"],
  ["2.5.4.8", "ST"],
  ["2.5.4.9", "street"],
  ["2.5.4.10", "O"],
  ["2.5.4.11", "OU"],
  ["2.5.4.12", "title"],
  ["2.5.4.13", "description"],
  ["2.5.4.17", "postalCode"],
  ["2.5.4.41", "name"],
  ["2.5.4.42", "GN"],
  ["2.5.4.43", "initials"],
  ["2.5.4.44", "generationQualifier"],
  ["2.5.4.46", "dnQualifier"],
  ["2.5.4.65", "pseudonym"],
  ["0.9.2342.19200300.100.1.1", "UID"],
  ["0.9.2342.19200300.100.1.25", "DC"],
  ["1.2.840.113549.1.9.1", "emailAddress"],
]);

/** Subject of a certificate in DER. Throws RangeError for other bytes. */
export function subjectOf(certificate: Uint8Array): string {
  const subject = signedFields(certificate).fields[FIELDS_BEFORE_SUBJECT];
  if (subject?.tag !== SEQUENCE) throw new RangeError("Cannot read a certificate: it has no subject");
  const parts = elements(subject.content).map(({ content }) =>
    elements(content).map(attributeText).reverse().join("+")
  );
  return parts.reverse().join(",");
}

function attributeText({ content }: Element): string {
  const [type, value] = elements(content);
  if (type?.tag !== OBJECT_IDENTIFIER || value === undefined) {
    throw new RangeError("Cannot read a certificate: a part of its subject has no name");
  }
  const identifier = objectIdentifier(type.content);
  const name = NAMES.get(identifier);
  const decoder = TEXTS.get(value.tag);
  // RFC 2253, section 2.4
  if (name === undefined || decoder === undefined) return `${name ?? identifier}=#${value.whole.toHex().toUpperCase()}`;
  return `${name}=${escaped(decoder.decode(value.content))}`;
}

/** Printable ASCII, with all other characters as their bytes in UTF-8. */
function escaped(text: string): string {
  return text
    .replace(/[,+"<>;\\]|^[ #]| $/g, "\\$&")
    .replace(/[^\x20-\x7e]+/g, (run) => new TextEncoder().encode(run).toHex().toUpperCase().replace(/../g, "\\$&"));
}
