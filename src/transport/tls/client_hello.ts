/** Reads the extension ALPN of a ClientHello (RFC 8446, sections 4.1.2 and 5.1; RFC 7301, section 3.1). */

const RECORD_HEADER_BYTES = 5;
const HANDSHAKE_HEADER_BYTES = 4;
const HANDSHAKE = 0x16;
const CLIENT_HELLO = 1;
const VERSION_AND_RANDOM_BYTES = 34;
const ALPN = 16;
const LATIN_1 = new TextDecoder("latin1");

/**
 * Protocols that a client asks for within TLS, in its order; empty if it asks for none, or if the bytes are no
 * ClientHello in one record. Gives `undefined` if the rest of the record is still missing.
 */
export function offeredProtocols(bytes: Uint8Array): readonly string[] | undefined {
  if (bytes[0] !== undefined && bytes[0] !== HANDSHAKE) return [];
  if (bytes.length < RECORD_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = RECORD_HEADER_BYTES + view.getUint16(3);
  if (bytes.length < end) return undefined;
  try {
    return protocolsIn(new DataView(bytes.buffer, bytes.byteOffset + RECORD_HEADER_BYTES, end - RECORD_HEADER_BYTES));
  } catch (error) {
    if (error instanceof RangeError) return []; // It is shorter than it says: TLS tells the client.
    throw error;
  }
}

/** Reads a ClientHello; throws RangeError where a length leads beyond its end. */
function protocolsIn(hello: DataView): readonly string[] {
  if (hello.getUint8(0) !== CLIENT_HELLO) return [];
  let at = HANDSHAKE_HEADER_BYTES + VERSION_AND_RANDOM_BYTES;
  at += 1 + hello.getUint8(at); // legacy_session_id
  at += 2 + hello.getUint16(at); // cipher_suites
  at += 1 + hello.getUint8(at); // legacy_compression_methods
  if (at === hello.byteLength) return []; // TLS 1.2 allows none at all.
  const end = at + 2 + hello.getUint16(at);
  at += 2;
  while (at < end) {
    const length = hello.getUint16(at + 2);
    if (hello.getUint16(at) === ALPN) return namesIn(hello, at + 4);
    at += 4 + length;
  }
  return [];
}

function namesIn(hello: DataView, start: number): readonly string[] {
  const names: string[] = [];
  const end = start + 2 + hello.getUint16(start);
  for (let at = start + 2; at < end;) {
    const length = hello.getUint8(at);
    if (at + 1 + length > hello.byteLength) throw new RangeError("Cannot read ALPN: it leads beyond the ClientHello");
    names.push(LATIN_1.decode(new Uint8Array(hello.buffer, hello.byteOffset + at + 1, length)));
    at += 1 + length;
  }
  return names;
}
