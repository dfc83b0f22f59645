/** Reads a ClientHello and its extension ALPN (RFC 8446, sections 4.1.2 and 5.1; RFC 7301, section 3.1). */

const RECORD_HEADER_BYTES = 5;
const HANDSHAKE_HEADER_BYTES = 4;
const MOST_RECORD_BYTES = 16_384;
/** The longest of clients have some 2,000 bytes, with a key share of ML-KEM. Beyond this the runtime reads on by itself. */
const MOST_MESSAGE_BYTES = 16_384;
/** Records of few bytes have as many for their headers. */
const MOST_BYTES = 2 * MOST_MESSAGE_BYTES;
const HANDSHAKE = 0x16;
const CLIENT_HELLO = 1;
const VERSION_AND_RANDOM_BYTES = 34;
const ALPN = 16;
const LATIN_1 = new TextDecoder("latin1");

/** Gathers a ClientHello from the first bytes of a connection: a handshake message may be split among records. */
export class ClientHello {
  readonly #received = new GrowingBytes();
  /** The message, without headers of records. */
  readonly #message = new GrowingBytes();
  #nextRecord = 0;
  #isOver = false;

  /** Takes bytes as they arrive, in any pieces; gives whether there is more to come. */
  push(bytes: Uint8Array): boolean {
    this.#received.append(bytes);
    while (!this.#isOver && this.#takeRecord());
    if (this.#received.bytes.length >= MOST_BYTES) this.#isOver = true;
    return !this.#isOver;
  }

  /** All bytes that came, with what follows the ClientHello. */
  get received(): Uint8Array {
    return this.#received.bytes;
  }

  /** Version for servers of TLS 1.2 and before, `legacy_version`; `undefined`: it has not come. */
  get version(): number | undefined {
    const [major, minor] = this.#message.bytes.subarray(HANDSHAKE_HEADER_BYTES);
    return major === undefined || minor === undefined ? undefined : major << 8 | minor;
  }

  /**
   * Protocols that the client asks for within TLS, in its order; empty if it asks for none, or if what it sent is no
   * whole ClientHello.
   */
  get protocols(): readonly string[] {
    const { buffer, byteOffset, length } = this.#message.bytes;
    try {
      return protocolsIn(new DataView(buffer, byteOffset, length));
    } catch (error) {
      if (error instanceof RangeError) return []; // It is shorter than it says: TLS tells the client.
      throw error;
    }
  }

  /** Takes one record to the message; gives whether it was whole. What is none ends it: TLS says what is wrong. */
  #takeRecord(): boolean {
    const rest = this.#received.bytes.subarray(this.#nextRecord);
    const [type, , , high, low] = rest;
    if (type !== undefined && type !== HANDSHAKE) this.#isOver = true;
    if (high === undefined || low === undefined) return false;
    const length = high << 8 | low;
    // Records of a handshake message are not empty, and nothing else is between them. (RFC 8446, section 5.1)
    if (length === 0 || length > MOST_RECORD_BYTES) this.#isOver = true;
    if (this.#isOver || rest.length < RECORD_HEADER_BYTES + length) return false;
    this.#message.append(rest.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + length));
    this.#nextRecord += RECORD_HEADER_BYTES + length;
    this.#isOver = this.#isWhole();
    return true;
  }

  #isWhole(): boolean {
    const { bytes } = this.#message;
    const [type, high, middle, low] = bytes;
    if (type !== CLIENT_HELLO || bytes.length >= MOST_MESSAGE_BYTES) return true;
    if (high === undefined || middle === undefined || low === undefined) return false;
    return bytes.length >= HANDSHAKE_HEADER_BYTES + (high << 16 | middle << 8 | low);
  }
}

/** Bytes at whose end others are put: a client may send them one by one. */
class GrowingBytes {
  #room = new Uint8Array(512);
  #length = 0;

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#room.subarray(0, this.#length);
  }

  append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#room.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#room.length));
      larger.set(this.bytes);
      this.#room = larger;
    }
    this.#room.set(bytes, this.#length);
    this.#length = length;
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
