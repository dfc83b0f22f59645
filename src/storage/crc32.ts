/** CRC-32 of IEEE 802.3, over what a record is kept under and its bytes. */

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? value >>> 1 ^ 0xedb88320 : value >>> 1;
  return value;
});

/** 32 bits; a flipped bit anywhere in the text or in the bytes gives others. */
export function crc32(text: string, bytes: Uint8Array, end: number): number {
  let crc = ~0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    // Within the table: the index has 8 bits.
    crc = (TABLE[(crc ^ unit) & 0xff] as number) ^ crc >>> 8;
    if (unit > 0xff) crc = (TABLE[(crc ^ unit >>> 8) & 0xff] as number) ^ crc >>> 8;
  }
  for (let index = 0; index < end; index++) {
    crc = (TABLE[(crc ^ (bytes[index] as number)) & 0xff] as number) ^ crc >>> 8; // The caller's end is within the bytes.
  }
  return ~crc >>> 0;
}
