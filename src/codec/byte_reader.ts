import { malformed } from "./mqtt_error.ts";
import { decodeUtf8 } from "./utf8.ts";

/** Cursor over the body of one packet; reading beyond its end is a Malformed Packet. */
export class ByteReader {
  position: number;

  constructor(readonly bytes: Uint8Array, start: number, readonly end: number) {
    this.position = start;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  byte(what: string): number {
    this.#need(1, what);
    // #need has checked the bounds.
    return this.bytes[this.position++] as number;
  }

  uint16(what: string): number {
    return this.byte(what) << 8 | this.byte(what);
  }

  uint32(what: string): number {
    return this.uint16(what) * 0x1_0000 + this.uint16(what);
  }

  /** Reads a Variable Byte Integer (section 1.5.5): at most four bytes, the shortest form only. */
  varint(what: string): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte(what);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) {
          throw malformed(`${what} is longer than needed`, "MQTT-1.5.5-1");
        }
        return value;
      }
    }
    throw malformed(`${what} has more than four bytes`, "MQTT-1.5.5-1");
  }

  string(what: string): string {
    const length = this.uint16(what);
    this.#need(length, what);
    this.position += length;
    return decodeUtf8(this.bytes, this.position - length, this.position);
  }

  /** Reads Binary Data (section 1.5.6), as a view. */
  binary(what: string): Uint8Array {
    return this.view(this.uint16(what), what);
  }

  view(length: number, what: string): Uint8Array {
    this.#need(length, what);
    this.position += length;
    return this.bytes.subarray(this.position - length, this.position);
  }

  /** Throws unless the packet ends after its last field. */
  expectEnd(packet: string): void {
    if (this.position !== this.end) {
      throw malformed(
        `${packet} has ${this.remaining} bytes behind its last field`,
        "MQTT 2.1.4",
      );
    }
  }

  #need(count: number, what: string): void {
    if (this.end - this.position < count) {
      throw malformed(
        `${what} reaches beyond the end of the packet`,
        "MQTT 2.1.4",
      );
    }
  }
}
