import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { ByteWriter, LARGEST_VARINT, varintSize } from "../../src/codec/byte_writer.ts";
import { toHex } from "./hex.ts";

const VARINTS: readonly [number, string][] = [
  [0, "00"],
  [127, "7f"],
  [128, "8001"],
  [16_383, "ff7f"],
  [16_384, "808001"],
  [2_097_151, "ffff7f"],
  [2_097_152, "80808001"],
  [268_435_455, "ffffff7f"],
];

Deno.test("ByteWriter.varint() writes the shortest form [MQTT-1.5.5-1]", () => {
  for (const [value, hex] of VARINTS) {
    const writer = new ByteWriter();
    writer.varint(value);
    assertEquals(toHex(writer.bytes.subarray(0, writer.position)), hex);
    assertEquals(varintSize(value), hex.length / 2);
  }
});

Deno.test("ByteWriter.varint() refuses what four bytes cannot say [MQTT 1.5.5]", () => {
  for (const value of [-1, LARGEST_VARINT + 1, NaN, Infinity]) {
    assertThrows(() => new ByteWriter().varint(value), RangeError);
  }
});

Deno.test("ByteWriter.endLength() keeps what follows when the buffer has no byte to spare", () => {
  // The length takes one to three bytes, and the buffer is full to its last one to five.
  for (const length of [0, 1, 2, 3, 127, 128, 129, 16_384]) {
    for (let room = 0; room <= 5; room++) {
      const writer = new ByteWriter(1 + length + room);
      writer.begin(0);
      const mark = writer.beginLength();
      writer.raw(new Uint8Array(length).fill(7));
      writer.endLength(mark);
      const bytes = writer.bytes.slice(writer.start, writer.position);
      assertEquals(bytes.length, varintSize(length) + length);
      assertEquals(bytes.subarray(varintSize(length)), new Uint8Array(length).fill(7));
    }
  }
});

Deno.test("ByteWriter leaves a full buffer to those who have views on it", () => {
  const writer = new ByteWriter(16);
  writer.begin(10);
  writer.raw(new Uint8Array(10).fill(1));
  const view = writer.bytes.subarray(writer.start, writer.position);
  writer.begin(10);
  writer.raw(new Uint8Array(10).fill(2));
  assertNotEquals(writer.bytes.buffer, view.buffer);
  assertEquals(view, new Uint8Array(10).fill(1));
  assertEquals(writer.bytes.subarray(writer.start, writer.position), new Uint8Array(10).fill(2));
});

Deno.test("ByteWriter that keeps all moves every packet to the larger buffer", () => {
  const writer = new ByteWriter(16, true);
  for (let packet = 0; packet < 100; packet++) {
    writer.begin(3);
    writer.uint16(packet);
    writer.byte(0xff);
  }
  assertEquals(writer.position, 300);
  for (let packet = 0; packet < 100; packet++) {
    assertEquals(toHex(writer.bytes.subarray(packet * 3, packet * 3 + 3)), `00${toHex(Uint8Array.of(packet))}ff`);
  }
});

Deno.test("ByteWriter grows a packet of small pieces without copying it each time", () => {
  const writer = new ByteWriter(16);
  writer.begin(0);
  const buffers = new Set<ArrayBufferLike>();
  for (let piece = 0; piece < 1_000_000; piece++) {
    writer.byte(piece);
    buffers.add(writer.bytes.buffer);
  }
  assertEquals(writer.position - writer.start, 1_000_000);
  assertEquals(buffers.size < 40, true, `${buffers.size} buffers`);
});

Deno.test("ByteWriter gives a small buffer again behind a large packet", () => {
  const writer = new ByteWriter(16);
  writer.begin(1_000_000);
  writer.raw(new Uint8Array(1_000_000));
  assertEquals(writer.bytes.length, 1_000_000);
  writer.begin(16);
  assertEquals(writer.bytes.length, 65_536);
});
