/**
 * UTF-8 Encoded Strings (MQTT 5, section 1.5.4; 3.1.1, section 1.5.3): well-formed, without U+0000; U+FEFF is kept.
 */

import { malformed } from "./mqtt_error.ts";

const LONGEST_STRING_BYTES = 65_535;
// Length up to which a call of the decoder takes longer than its work.
const SHORT_STRING_BYTES = 32;
// Shared: a decoder that is not streaming keeps nothing between calls. ignoreBOM keeps U+FEFF. [MQTT-1.5.4-3]
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();

/** Bytes within the bounds of an array. */
type Four = [number, number, number, number];

/** Decodes `bytes[start..end)`; throws {@linkcode MqttError} 0x81 if it is not a UTF-8 Encoded String. */
export function decodeUtf8(
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  if (end - start <= SHORT_STRING_BYTES) {
    const text = asciiText(bytes, start, end);
    if (text !== undefined) return text;
  }
  const view = bytes.subarray(start, end);
  if (view.indexOf(0) !== -1) {
    throw malformed("A string has the character U+0000", "MQTT-1.5.4-2");
  }
  try {
    return DECODER.decode(view);
  } catch {
    // A fatal TextDecoder throws only for ill-formed UTF-8, surrogates included.
    throw malformed("A string is not well-formed UTF-8", "MQTT-1.5.4-1");
  }
}

/** Length of a text in bytes of UTF-8; throws RangeError if it cannot be a UTF-8 Encoded String. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit === 0) throw unsendable("it has the character U+0000");
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      length += 1;
    } else if (unit < 0xd800 || unit > 0xdfff) {
      length += 2;
    } else {
      const low = unit < 0xdc00 ? text.charCodeAt(index + 1) : NaN; // NaN at the end.
      if (!(low >= 0xdc00 && low <= 0xdfff)) {
        throw unsendable("it has a lone surrogate");
      }
      length += 2; // Two code units, four bytes.
      index += 1;
    }
  }
  if (length > LONGEST_STRING_BYTES) {
    throw unsendable(`it has ${length} bytes, at most 65535 can be sent`);
  }
  return length;
}

/** Writes a text whose {@linkcode utf8Length} is known, at `offset`, where there must be room. */
export function writeUtf8(
  text: string,
  byteLength: number,
  target: Uint8Array,
  offset: number,
): void {
  if (byteLength === text.length) {
    for (let index = 0; index < byteLength; index++) {
      target[offset + index] = text.charCodeAt(index);
    }
  } else {
    ENCODER.encodeInto(text, target.subarray(offset, offset + byteLength));
  }
}

/**
 * Decodes bytes that are all ASCII without U+0000; `undefined` if not. Four at a time and without a view: a short
 * string takes a quarter of the time of `String.fromCharCode` on a view. (Deno 2.9, 2026-11-30)
 */
function asciiText(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = "";
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const [first, second, third, fourth] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] as Four;
    if ((first | second | third | fourth) > 0x7f || first * second * third * fourth === 0) return undefined;
    text += String.fromCharCode(first, second, third, fourth);
  }
  for (; at < end; at++) {
    const byte = bytes[at] as number; // Before the end.
    if (byte === 0 || byte > 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

function unsendable(why: string): RangeError {
  return new RangeError(`Cannot encode a string: ${why}`);
}
