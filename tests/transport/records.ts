import { concatenated } from "../../src/transport/concatenated.ts";

const HEADER_BYTES = 5;

/** The message of the TLS record that begins with these bytes, in records of at most so many bytes each. */
export function inRecords(record: Uint8Array, most: number): Uint8Array {
  const message = record.subarray(HEADER_BYTES);
  const records: Uint8Array[] = [];
  for (let at = 0; at < message.length; at += most) {
    const fragment = message.subarray(at, at + most);
    records.push(Uint8Array.of(...record.subarray(0, 3), fragment.length >> 8, fragment.length & 0xff), fragment);
  }
  return concatenated(records);
}
